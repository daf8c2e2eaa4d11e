//! A cluster that is played: logs that grow, and connections that can be cut anywhere.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::sources::logs::connect::{Ask, Bytes, Connect, From, Refusal};

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

/// One run of a container: what its log file holds.
#[derive(Default)]
pub(super) struct Run {
    pub(super) lines: Vec<(Timestamp, String)>,
    pub(super) ended: bool,
    /// Lines at the front that the node has rotated away.
    pub(super) rotated: usize,
    /// The last line has no line break.
    pub(super) unfinished: bool,
}

#[derive(Default)]
pub(super) struct FakePod {
    pub(super) runs: Vec<Run>,
    /// Bytes after which each further connection is cut, and whether with an error.
    pub(super) cuts: Vec<(usize, bool)>,
    pub(super) asks: Vec<Ask>,
    pub(super) given: usize,
    wakers: Vec<Waker>,
}

#[derive(Default, Clone)]
pub(super) struct Fake(Arc<Mutex<HashMap<String, FakePod>>>);

impl Fake {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, FakePod>> {
        self.0.lock().unwrap()
    }

    /// Changes a pod and wakes who reads it.
    pub(super) fn change<A>(&self, pod: &str, with: impl FnOnce(&mut FakePod) -> A) -> A {
        let mut pods = self.lock();
        let pod = pods.entry(pod.to_owned()).or_default();
        let answer = with(pod);
        pod.wakers.drain(..).for_each(Waker::wake);
        answer
    }

    pub(super) fn begin_run(&self, pod: &str) {
        self.change(pod, |pod| {
            if let Some(run) = pod.runs.last_mut() {
                run.ended = true;
            }
            pod.runs.push(Run::default());
        });
    }

    pub(super) fn write(&self, pod: &str, millis: i64, text: &str) {
        self.change(pod, |pod| pod.runs.last_mut().unwrap().lines.push((at(millis), text.to_owned())));
    }
}

impl Connect for Fake {
    async fn open(&self, name: &str, ask: Ask) -> Result<Bytes, Refusal> {
        let mut pods = self.lock();
        let pod = pods.get_mut(name).ok_or(Refusal::Gone)?;
        pod.asks.push(ask);
        let run = pod.runs.len().checked_sub(1).ok_or(Refusal::NotStarted)?;
        let run = if ask.previous { run.checked_sub(1).ok_or(Refusal::NoPrevious)? } else { run };
        let first = match ask.from {
            From::Tail(lines) => pod.runs[run].lines.len().saturating_sub(lines as usize),
            From::Second(second) => {
                assert_eq!(second.subsec_nanosecond(), 0, "kube would round {second}");
                0
            }
            From::Ago(_) => 0,
        };
        let since = if let From::Second(second) = ask.from { Some(second) } else { None };
        let cut = if ask.previous { None } else { pod.cuts.pop() };
        let fake = self.clone();
        Ok(Box::pin(Tape {
            fake,
            pod: name.to_owned(),
            run,
            next: first,
            since,
            cut,
            line: Vec::new(),
            at: 0,
        }))
    }
}

/// An open log.
struct Tape {
    fake: Fake,
    pod: String,
    run: usize,
    next: usize,
    since: Option<Timestamp>,
    cut: Option<(usize, bool)>,
    line: Vec<u8>,
    at: usize,
}

impl AsyncRead for Tape {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        unreachable!("lines are read from the buffer")
    }
}

impl AsyncBufRead for Tape {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        match this.cut {
            Some((0, true)) => return Poll::Ready(Err(io::Error::other("cut"))),
            Some((0, false)) => return Poll::Ready(Ok(&[])),
            _ => {}
        }
        while this.at == this.line.len() {
            let mut pods = this.fake.lock();
            let pod = pods.get_mut(&this.pod).unwrap();
            let run = &pod.runs[this.run];
            this.next = this.next.max(run.rotated);
            let Some((at, text)) = run.lines.get(this.next) else {
                if run.ended {
                    return Poll::Ready(Ok(&[]));
                }
                pod.wakers.push(cx.waker().clone());
                return Poll::Pending;
            };
            this.next += 1;
            if this.since.is_some_and(|since| *at < since) {
                continue;
            }
            let last = this.next == run.lines.len() && run.unfinished;
            this.line = format!("{at} {text}{}", if last { "" } else { "\n" }).into_bytes();
            this.at = 0;
            pod.given += 1;
        }
        let left = this.cut.map_or(usize::MAX, |(left, _)| left);
        let end = this.line.len().min(this.at.saturating_add(left));
        Poll::Ready(Ok(&this.line[this.at..end]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.at += amount;
        if let Some((left, _)) = &mut this.cut {
            *left -= amount;
        }
    }
}
