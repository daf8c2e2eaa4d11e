//! Follows one pod's log through lost connections and restarts of its container.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::connect::{Ask, Bytes, Connect, From, Refusal};
use super::reader::{Found, LineReader, RawLine};
use super::resume::{Replay, Seen};
use super::{Settings, Timing};
use crate::config::LogFilter;
use crate::room::logs::{Capture, Entry, Gap, LogLine, Origin, sanitise, shape};
use crate::sources::backoff::Backoff;

/// Most entries in one report; with the bound of the reports' channel this bounds what
/// is under way.
const REPORT: usize = 128;

/// Lines read in one go before other tasks get their turn.
const TURN: u32 = 256;

/// A connection that lived this long counts as a good one.
const GOOD: Duration = Duration::from_secs(10);

/// An open request that has not been answered for this long is taken for a quiet log: the
/// node sends nothing at all before the first line.
const QUIET: Duration = Duration::from_millis(500);

/// What a stream is told about its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Now {
    pub wanted: Wanted,
    pub restarts: i32,
}

/// What is wanted of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Follow,
    /// The pod is gone: read what is left, then end.
    Drain,
    /// End now, and say how far it got.
    Stop,
}

/// How a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Open,
    /// The container has not started yet.
    Waiting,
    Trouble(String),
}

/// What a stream says.
#[derive(Debug)]
pub(super) enum Report {
    Entries(Vec<Entry>),
    State(State),
}

/// How far one container's log was read.
#[derive(Debug)]
pub(super) struct Position {
    seen: Seen,
    capture: Capture,
    /// Restarts of the container whose log was read; `None` before the first attempt.
    restarts: Option<i32>,
    /// When the first connection was made that lived long enough to bring the last lines.
    began: Option<Instant>,
    /// Lines may be missing before the next one.
    gap: bool,
    /// What stood at the log's end without a line break.
    unfinished: Option<Unfinished>,
}

/// The end of a log that does not end with a line break: half a line of a container that
/// runs, or the last word of one that has ended.
#[derive(Debug)]
struct Unfinished {
    at: Timestamp,
    text: Vec<u8>,
    unread: usize,
    /// When it was read for the first time.
    met: Instant,
}

impl Position {
    pub(super) fn new(filter: &Arc<LogFilter>) -> Self {
        Self {
            seen: Seen::default(),
            capture: Capture::new(Arc::clone(filter)),
            restarts: None,
            began: None,
            gap: false,
            unfinished: None,
        }
    }
}

/// Why reading ended.
#[derive(Debug)]
enum End {
    /// The log's end: the container has ended, or the server closed the connection.
    Log,
    /// Nothing came for a long time.
    Idle,
    Broken(String),
    Refused(Refusal),
    /// Nobody wants it any more.
    Stopped,
}

/// One pod's stream.
#[derive(Debug)]
pub(super) struct Stream<C> {
    pub connect: Arc<C>,
    pub id: u64,
    pub origin: Origin,
    pub settings: Settings,
    pub filter: Arc<LogFilter>,
    pub position: Position,
    pub now: watch::Receiver<Now>,
    pub reports: mpsc::Sender<(u64, Report)>,
    /// Lines read by all streams.
    pub read: Arc<AtomicU64>,
    pub pending: Vec<Entry>,
}

impl<C: Connect> Stream<C> {
    /// Follows the log until it is not wanted any more; returns how far it got.
    pub(super) async fn run(mut self) -> Position {
        let mut backoff = Backoff::new(self.settings.timing.retry);
        loop {
            let before = (Instant::now(), self.position.seen.last());
            let end = self.connect_once().await;
            self.flush().await;
            if before.0.elapsed() >= GOOD || before.1 != self.position.seen.last() {
                backoff.reset();
            }
            let now = *self.now.borrow();
            match (&end, now.wanted) {
                (End::Stopped, _) | (_, Wanted::Stop) => return self.position,
                (_, Wanted::Drain) => return self.drained().await,
                _ => {}
            }
            self.tell(&end).await;
            if !matches!(end, End::Idle) {
                self.pause(backoff.pause()).await;
            }
        }
    }

    fn timing(&self) -> &Timing {
        &self.settings.timing
    }

    /// Connects, reads the previous run when there was one, then reads on until an end.
    async fn connect_once(&mut self) -> End {
        let restarts = self.now.borrow_and_update().restarts;
        let read = self.position.restarts.unwrap_or(0);
        // A previous run that cannot be read now is tried again while the current one cannot be read either.
        let missed = restarts > read && self.read_previous().await.is_err();
        if !missed {
            self.position.restarts = Some(restarts.max(read));
        }
        let asked = Instant::now();
        let opened = match self.open_quietly(Ask { previous: false, from: self.resume_from() }).await {
            Ok(opened) => opened,
            Err(end) => return end,
        };
        if missed {
            self.position.restarts = Some(restarts);
            self.position.gap |= self.position.seen.last().is_some();
            self.position.seen.begin_run();
        }
        self.report(Report::State(State::Open)).await;
        let end = self.read_on(LineReader::new(opened)).await;
        if asked.elapsed() >= self.timing().settled {
            self.position.began.get_or_insert(asked);
        }
        end
    }

    /// Where to begin: after what was seen; else where the first connection began; else at
    /// the last lines.
    fn resume_from(&self) -> From {
        match (self.position.seen.resume_from(), self.position.began) {
            (Some(second), _) => From::Second(second),
            // Nothing had been written by then: everything since is new.
            (None, Some(began)) => From::Ago(began.elapsed() + self.timing().settled),
            (None, None) => From::Tail(self.settings.tail),
        }
    }

    /// Opens the current log. A log in which nothing stands yet may not be answered at all:
    /// that is no trouble, and lasts as long as a silent stream may.
    async fn open_quietly(&mut self, ask: Ask) -> Result<Bytes, End> {
        let connect = Arc::clone(&self.connect);
        let pod = Arc::clone(&self.origin.pod);
        let opening = connect.open(&pod, ask);
        tokio::pin!(opening);
        let mut quiet = false;
        let began = Instant::now();
        loop {
            let limit = if quiet { self.idle_limit() } else { QUIET };
            tokio::select! {
                opened = &mut opening => return opened.map_err(End::Refused),
                changed = self.now.changed() => {
                    if changed.is_err() || self.now.borrow().wanted == Wanted::Stop {
                        return Err(End::Stopped);
                    }
                }
                () = sleep(limit.saturating_sub(began.elapsed())) => {
                    if quiet {
                        return Err(End::Idle);
                    }
                    quiet = true;
                    self.report(Report::State(State::Open)).await;
                }
            }
        }
    }

    /// How long the stream may be silent.
    fn idle_limit(&self) -> Duration {
        let now = *self.now.borrow();
        let ended = now.wanted == Wanted::Drain || now.restarts > self.position.restarts.unwrap_or(0);
        if ended { self.timing().idle_at_end } else { self.timing().idle }
    }

    /// Reads lines until an end comes.
    async fn read_on(&mut self, mut reader: LineReader<Bytes>) -> End {
        let mut replay = self.position.seen.replay();
        let mut turn = 0;
        loop {
            let ready = if turn < TURN { reader.advance().now_or_never() } else { None };
            turn += 1;
            let found = match ready {
                Some(found) => found,
                None => {
                    turn = 0;
                    self.flush().await;
                    let limit = self.idle_limit();
                    tokio::select! {
                        found = reader.advance() => found,
                        changed = self.now.changed() => {
                            if changed.is_err() || self.now.borrow().wanted == Wanted::Stop {
                                return End::Stopped;
                            }
                            continue;
                        }
                        () = sleep(limit) => return End::Idle,
                    }
                }
            };
            match found {
                Ok(Found::Line) => {
                    let raw = reader.line();
                    let Some(at) = raw.at else {
                        self.node_says(&raw).await;
                        continue;
                    };
                    if replay.was_seen(at) {
                        continue;
                    }
                    if !replay.is_contiguous() {
                        self.look_back().await;
                        replay = Seen::default().replay();
                    }
                    self.take(at, &raw, false).await;
                }
                Ok(Found::Unfinished) => {
                    let raw = reader.line();
                    if let Some(at) = raw.at.filter(|at| !replay.was_seen(*at)) {
                        self.meet_unfinished(at, &raw).await;
                    }
                    return End::Log;
                }
                Ok(Found::End) => return End::Log,
                Err(error) => return End::Broken(error.to_string()),
            }
        }
    }

    /// The current log does not go on where it was left: either the container was restarted,
    /// and the rest stands in the log of its previous run, or lines are missing.
    async fn look_back(&mut self) {
        let before = self.position.restarts.unwrap_or(0);
        match self.read_previous().await {
            Ok(true) => self.position.restarts = Some(self.now.borrow().restarts.max(before + 1)),
            Ok(false) | Err(_) => self.position.gap = true,
        }
        self.position.seen.begin_run();
    }

    /// Reads what was not seen yet of the container's previous run, then makes ready for the
    /// current one. Returns whether it went on where the reading had been left.
    async fn read_previous(&mut self) -> Result<bool, Refusal> {
        let from = self.position.seen.resume_from().map_or(From::Tail(self.settings.tail), From::Second);
        let knew = self.position.seen.last().is_some();
        let mut replay = self.position.seen.replay();
        let connect = Arc::clone(&self.connect);
        let limit = self.timing().previous;
        let opened = timeout(limit, connect.open(&self.origin.pod, Ask { previous: true, from })).await;
        let whole = match opened {
            Ok(Ok(bytes)) => self.read_run(LineReader::new(bytes), &mut replay).await,
            Ok(Err(Refusal::NoPrevious | Refusal::NotStarted | Refusal::Gone)) => !knew,
            Ok(Err(trouble)) => return Err(trouble),
            Err(_) => return Err(Refusal::Trouble("the previous run's log does not come".to_owned())),
        };
        let contiguous = whole && replay.is_contiguous();
        self.position.gap |= knew && !contiguous;
        self.position.seen.begin_run();
        self.position.unfinished = None;
        self.position.capture = Capture::new(Arc::clone(&self.filter));
        Ok(contiguous)
    }

    /// Reads a finished run to its end. Returns whether the end was reached.
    async fn read_run(&mut self, mut reader: LineReader<Bytes>, replay: &mut Replay) -> bool {
        let limit = self.timing().previous;
        loop {
            let found = match timeout(limit, reader.advance()).await {
                Ok(Ok(found)) => found,
                Ok(Err(_)) | Err(_) => return false,
            };
            if found == Found::End {
                return true;
            }
            let raw = reader.line();
            if let Some(at) = raw.at
                && !replay.was_seen(at)
            {
                self.position.gap |= !replay.is_contiguous();
                self.take(at, &raw, true).await;
            }
            if found == Found::Unfinished {
                return true;
            }
        }
    }

    /// Counts a line and takes it when the filter lets it through.
    async fn take(&mut self, at: Timestamp, raw: &RawLine<'_>, previous: bool) {
        if std::mem::take(&mut self.position.gap) {
            let since = self.position.seen.last();
            self.pending.push(Entry::Gap(Gap { origin: self.origin.clone(), since, until: at }));
        }
        self.position.seen.note(at);
        self.position.unfinished = None;
        self.keep(at, raw.text, raw.unread, previous);
        if self.pending.len() >= REPORT {
            self.flush().await;
        }
    }

    /// Takes what the log ends with when it has ended so for a while; until then it may be
    /// half a line.
    async fn meet_unfinished(&mut self, at: Timestamp, raw: &RawLine<'_>) {
        match &self.position.unfinished {
            Some(before) if before.at == at && before.text == raw.text => {
                if before.met.elapsed() >= self.timing().settled {
                    self.take(at, raw, false).await;
                }
            }
            _ => {
                let (text, unread) = (raw.text.to_vec(), raw.unread);
                self.position.unfinished = Some(Unfinished { at, text, unread, met: Instant::now() });
            }
        }
    }

    fn keep(&mut self, at: Timestamp, text: &[u8], unread: usize, previous: bool) {
        self.read.fetch_add(1, Ordering::Relaxed);
        if let Some(captured) = self.position.capture.read(text, unread) {
            self.pending.push(Entry::Line(LogLine {
                at,
                origin: self.origin.clone(),
                level: captured.level,
                shape: shape(&captured.text).into(),
                text: captured.text.into(),
                previous,
            }));
        }
    }

    /// The pod is gone and its log was read to the end: what stood there without a line
    /// break was its last word.
    async fn drained(mut self) -> Position {
        if let Some(last) = self.position.unfinished.take() {
            self.keep(last.at, &last.text, last.unread, false);
            self.flush().await;
        }
        self.position
    }

    /// A line without a timestamp does not come from the application.
    async fn node_says(&mut self, raw: &RawLine<'_>) {
        let words = sanitise(raw.text, 200, raw.unread);
        if !words.trim().is_empty() {
            self.report(Report::State(State::Trouble(format!("the node says: {words}")))).await;
        }
    }

    /// Tells what the end means, when it means anything to the operator.
    async fn tell(&mut self, end: &End) {
        let state = match end {
            End::Refused(Refusal::NotStarted) => State::Waiting,
            End::Refused(Refusal::Trouble(words)) => State::Trouble(words.clone()),
            // The list of pods tells soon that the pod is gone, and why a log ended.
            // A connection that breaks is opened again at once; only when that fails it is trouble.
            End::Refused(Refusal::Gone | Refusal::NoPrevious) | End::Log | End::Broken(_) => {
                State::Connecting
            }
            End::Idle | End::Stopped => return,
        };
        if let End::Broken(words) = end {
            tracing::debug!(pod = %self.origin.pod, error = %words, "log stream broke");
        }
        self.report(Report::State(state)).await;
    }

    /// Waits before the next attempt, but not when there is news about the pod.
    async fn pause(&mut self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            changed = self.now.changed() => {
                if changed.is_err() {
                    sleep(pause).await;
                }
            }
        }
    }

    async fn flush(&mut self) {
        if !self.pending.is_empty() {
            let entries = std::mem::take(&mut self.pending);
            self.report(Report::Entries(entries)).await;
        }
    }

    /// Waits until there is room for the report. When nobody listens any more, this task is
    /// about to be ended.
    async fn report(&self, report: Report) {
        if self.reports.send((self.id, report)).await.is_err() {
            tracing::trace!(pod = %self.origin.pod, "nobody listens to the log stream");
        }
    }
}
