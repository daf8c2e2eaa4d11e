//! One mutation of GitHub, sent once, and what became of it.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::request::Request;
use super::sign::{Before, Looker, Sign};
use crate::executor::job::Job;
use crate::room::message::StepState;
use crate::sop::operation::Action;
use crate::sources::github::{Client, Trouble};

/// GitHub asks for at least this much between two mutations (docs.github.com/rest, "Best
/// practices for using the REST API").
const BETWEEN_MUTATIONS: Duration = Duration::from_secs(1);

/// How long what became of a call is looked for, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Counted from the sending: from when on a call whose effect is not seen has none.
    pub lost: Duration,
    /// How long the effect of an answered call is followed.
    pub follow: Duration,
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { lost: super::LOST, follow: Duration::from_secs(60), pause: Duration::from_millis(1500) }
    }
}

/// Keeps mutations apart.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Waits for the next mutation's turn.
    pub(super) async fn turn(&self) {
        let mut last = self.0.lock().await;
        if let Some(last) = *last {
            sleep_until(last + BETWEEN_MUTATIONS).await;
        }
        *last = Some(Instant::now());
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallEnd {
    /// GitHub says that it was done.
    Done,
    /// It was not done.
    Refused { status: Option<u16>, words: String },
    /// It may have been done.
    Lost(String),
}

/// Sends it, once, and never again.
pub(super) async fn send(client: &Client, pace: &Pace, request: &Request) -> CallEnd {
    pace.turn().await;
    match client.send(request.method.clone(), &request.path, request.body.as_ref()).await {
        Ok(_) => CallEnd::Done,
        Err(trouble) if trouble.is_lost() => CallEnd::Lost(trouble.words().to_owned()),
        Err(trouble) => CallEnd::Refused { status: trouble.status(), words: trouble.words().to_owned() },
    }
}

/// What became of a call whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Applied(String),
    /// It was not, and can no longer be.
    NotApplied(String),
    /// It could not be found out; why.
    Unknown(String),
}

/// Finds out what became of a call that was sent at `sent` and whose answer was lost.
pub(super) async fn find_out(
    job: &Job,
    looker: Looker<'_>,
    patience: Patience,
    before: &Before,
    sent: Instant,
    lost: &str,
) -> Truth {
    const STEP: &str = "answer lost";
    let (since, action) = (job.now(), &job.order.action);
    job.running(STEP, format!("{lost}; looking on GitHub to learn whether it was done")).await;
    let end = sent + patience.lost;
    let mut last: Result<Sign, Trouble>;
    loop {
        let began = Instant::now();
        last = looker.look(action, before).await;
        match &last {
            Ok(Sign::Done(words)) => {
                job.done(STEP, words, since).await;
                return Truth::Applied(words.clone());
            }
            Ok(Sign::Never(words)) => {
                job.done(STEP, format!("not done: {words}"), since).await;
                return Truth::NotApplied(words.clone());
            }
            Ok(Sign::NotYet(words)) if began >= end && leaves_a_mark_at_once(action) => {
                job.done(STEP, format!("not done: {words}"), since).await;
                return Truth::NotApplied(words.clone());
            }
            Ok(_) => {}
            Err(trouble) => job.running(STEP, format!("{}; trying again", trouble.words())).await,
        }
        // Once more after the end, unless that look is the one that just was.
        if began >= end {
            break;
        }
        sleep(patience.pause).await;
    }
    let why = match last {
        Ok(Sign::UnderWay(words) | Sign::NotYet(words)) => words,
        Ok(Sign::Done(words) | Sign::Never(words)) => words,
        Err(trouble) => trouble.words().to_owned(),
    };
    job.ended(STEP, StepState::Unknown, format!("not found out: {why}"), since).await;
    job.leave_open();
    Truth::Unknown(format!("{why}; it is found out and told as soon as GitHub tells"))
}

/// Whether a call that was carried out is seen at once. A cancelled run takes its time to
/// end, and a dispatched one to appear.
pub(super) const fn leaves_a_mark_at_once(action: &Action) -> bool {
    !matches!(action, Action::Cancel { .. } | Action::Dispatch { .. })
}

/// How the effect of a call that was done shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Seen(String),
    NotSeen(String),
}

/// Follows an answered call until its effect is seen.
pub(super) async fn verify(job: &Job, looker: Looker<'_>, patience: Patience, before: &Before) -> Effect {
    const STEP: &str = "seen on GitHub";
    let (since, began) = (job.now(), Instant::now());
    let mut told = String::new();
    loop {
        let words = match looker.look(&job.order.action, before).await {
            Ok(Sign::Done(words)) => {
                job.done(STEP, &words, since).await;
                return Effect::Seen(words);
            }
            Ok(Sign::Never(words)) => {
                job.failed(STEP, &words, since).await;
                return Effect::NotSeen(words);
            }
            Ok(Sign::UnderWay(words) | Sign::NotYet(words)) => words,
            Err(trouble) => trouble.words().to_owned(),
        };
        if job.stop.is_cancelled() || began.elapsed() >= patience.follow {
            job.ended(STEP, StepState::Unknown, &words, since).await;
            return Effect::NotSeen(words);
        }
        if told != words {
            job.running(STEP, &words).await;
            told = words;
        }
        tokio::select! {
            () = job.stop.cancelled() => {}
            () = sleep(patience.pause) => {}
        }
    }
}
