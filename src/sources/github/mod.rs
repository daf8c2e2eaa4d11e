//! Reads pull request and pipeline from GitHub's REST API.
//!
//! A [`Reader`] looks again and again, the more often the more goes on: at a pipeline
//! that runs, at an open pull request, at nothing in particular. Questions are
//! conditional, so that looking at what has not changed costs nothing. What cannot be
//! read leaves the last state on the screen, aged, with why.

mod access;
pub(crate) mod address;
mod answer;
mod cache;
mod choice;
mod client;
mod evidence;
mod fresh;
mod limits;
mod links;
mod log;
mod read;
mod reader;
mod refusal;
#[cfg(test)]
mod tests;
mod usual;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use access::{Access, access};
pub use client::{Client, Trouble};
pub use evidence::Evidence;
pub use fresh::read_for;
pub use reader::Reader;

use super::backoff::Backoff;
use crate::clock::Clock;
use crate::config::GitHub;
use crate::room::message::{Attention, LinkState, Observation, SourceId};

/// Longest pause while GitHub is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Looks again and again for as long as anybody listens. `attention` says what is looked
/// at beside the release's own run; a change of it is answered at once.
pub async fn run(
    github: Arc<GitHub>,
    clock: Clock,
    attention: watch::Receiver<Attention>,
    sender: mpsc::Sender<Observation>,
    stop: CancellationToken,
) {
    let looking = async {
        match Reader::new(Arc::clone(&github), clock).await {
            Ok(reader) => look_again(&github, reader, attention, &sender).await,
            Err(why) => {
                let _ =
                    sender.send(Observation::Link(SourceId::GitHub, LinkState::Unavailable { why })).await;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = sender.closed() => {}
        () = looking => {}
    }
}

/// Until nobody listens any more.
async fn look_again(
    github: &GitHub,
    mut reader: Reader,
    mut attention: watch::Receiver<Attention>,
    sender: &mpsc::Sender<Observation>,
) {
    let mut backoff = Backoff::new((github.interval, LONGEST_PAUSE.max(github.interval)));
    let mut open = OpenLog::default();
    loop {
        let now = *attention.borrow_and_update();
        if open.is_wanted(now.log)
            && let Some(job) = now.log
        {
            let log = log::job_log(reader.client(), &github.setting.repository, job).await;
            open = OpenLog { job: Some(job), read: log.lines.is_ok() };
            if sender.send(Observation::JobLog(log)).await.is_err() {
                return;
            }
        }
        let (told, state, pause) = match reader.round(now).await {
            Ok(repository) => {
                backoff.reset();
                (Some(Observation::Repository(Box::new(repository))), LinkState::Live, reader.pause())
            }
            Err(trouble) => {
                let why = trouble.words().to_owned();
                (None, LinkState::Lost { why }, backoff.pause())
            }
        };
        for observation in told.into_iter().chain([Observation::Link(SourceId::GitHub, state)]) {
            if sender.send(observation).await.is_err() {
                return;
            }
        }
        let rest = reader.client().rest();
        tokio::select! {
            () = tokio::time::sleep(rest.unwrap_or_default().max(pause)) => {}
            // Nothing is asked while GitHub wants to be left alone.
            Ok(()) = attention.changed(), if rest.is_none() => {}
        }
    }
}

/// The log that lies open.
#[derive(Debug, Default)]
struct OpenLog {
    job: Option<u64>,
    /// Whether it was read; until then it may come yet.
    read: bool,
}

impl OpenLog {
    fn is_wanted(&mut self, job: Option<u64>) -> bool {
        if self.job != job {
            *self = Self { job, read: false };
        }
        job.is_some() && !self.read
    }
}
