//! Reads the watched signals from Prometheus, or from whatever serves its API.
//!
//! Each round asks everything of every signal side by side and sends the samples
//! together; what a question failed at becomes the sample's reading, so that the room
//! knows that it was asked. The history is read first, a week ago now and then.

mod answer;
mod client;
mod past;
mod round;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use answer::{Instant as InstantAnswer, Series};
pub use client::{Prometheus, Span};

use super::http::{Pass, Trouble};
use super::poll::{Pace, Polled, poll};
use crate::clock::Clock;
use crate::config::Metrics;
use crate::room::message::{LinkState, Observation, SourceId};
use round::{Question, Round};

/// Questions under way at once: a Prometheus answers twenty of one user by default.
const AT_ONCE: usize = 4;
/// What was a week ago changes no faster than anybody looks at it.
const WEEK_AGO_EVERY: Duration = Duration::from_secs(60);
/// Without a history it is asked for again after so long.
const PAST_AGAIN: Duration = Duration::from_secs(30);
/// Longest pause beside the interval while the server is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Asks again and again for as long as anybody listens.
pub async fn run(
    metrics: Arc<Metrics>,
    clock: Clock,
    sender: mpsc::Sender<Observation>,
    stop: CancellationToken,
) {
    let pace = Pace { every: metrics.interval, longest_pause: Some(LONGEST_PAUSE) };
    poll(SourceId::Metrics, pace, Reader::new(&metrics, clock), &sender, &stop).await;
}

/// Whether the history was read.
#[derive(Debug)]
enum Past {
    /// Not before this time.
    Wanted(Instant),
    Read,
}

struct Reader<'m> {
    metrics: &'m Metrics,
    questions: Vec<Question>,
    prometheus: Prometheus,
    clock: Clock,
    /// When a week ago was last asked for.
    week_ago: Option<Instant>,
    /// In the order of the signals.
    week_ago_values: Vec<Option<f64>>,
    past: Past,
    /// How far this machine's clock is ahead of the server's.
    ahead: SignedDuration,
}

impl Polled for Reader<'_> {
    async fn round(&mut self) -> (Vec<Observation>, LinkState) {
        let pass = match self.prometheus.pass().await {
            Ok(pass) => pass,
            Err(trouble) => {
                let why = trouble.words().to_owned();
                let samples = round::failed(self.metrics, &self.questions, self.now(), &why);
                return (vec![Observation::Samples(samples)], LinkState::Lost { why });
            }
        };
        let limit = self.metrics.endpoint.timeout;
        self.ask_week_ago(&pass, limit).await;
        let asked = self.now();
        let answers = round::ask(&self.prometheus, &pass, &self.questions, None, limit).await;
        self.ahead = ahead(asked, &answers).unwrap_or(self.ahead);
        let round = Round { at: asked, week_ago: &self.week_ago_values };
        let samples = round.samples(self.metrics, &self.questions, &answers);
        let state = link(&answers);
        let mut told = Vec::new();
        if state == LinkState::Live {
            told.extend(self.read_past(&pass, asked, limit).await);
        }
        told.push(Observation::Samples(samples));
        (told, state)
    }
}

impl<'m> Reader<'m> {
    /// A reader of which nothing was asked yet.
    async fn new(metrics: &'m Metrics, clock: Clock) -> Result<Self, String> {
        Ok(Self {
            questions: round::questions(metrics),
            metrics,
            prometheus: Prometheus::new(metrics.endpoint.clone()).await?,
            clock,
            week_ago: None,
            week_ago_values: Vec::new(),
            past: Past::Wanted(Instant::now()),
            ahead: SignedDuration::ZERO,
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now().wall
    }

    /// A value that cannot be read is not known; the last one is a week and a minute old.
    async fn ask_week_ago(&mut self, pass: &Pass, limit: Duration) {
        if self.week_ago.is_some_and(|asked| asked.elapsed() < WEEK_AGO_EVERY) {
            return;
        }
        let Ok(then) = self.now().checked_sub(past::WEEK + self.ahead) else { return };
        let values: Vec<Question> =
            self.questions.iter().filter(|question| question.is_total_value()).cloned().collect();
        let answers = round::ask(&self.prometheus, pass, &values, Some(then), limit).await;
        self.week_ago_values = vec![None; self.metrics.signals.len()];
        for (question, answer) in values.iter().zip(answers) {
            if let Some(value) = self.week_ago_values.get_mut(question.signal) {
                *value = answer.ok().and_then(|answer| answer.number());
            }
        }
        self.week_ago = Some(Instant::now());
    }

    async fn read_past(&mut self, pass: &Pass, now: Timestamp, limit: Duration) -> Option<Observation> {
        match self.past {
            Past::Wanted(from) if Instant::now() >= from => {}
            _ => return None,
        }
        let pasts = past::read(&self.prometheus, pass, self.metrics, (now, self.ahead), limit).await;
        self.past = match pasts {
            Some(_) => Past::Read,
            None => Past::Wanted(Instant::now() + PAST_AGAIN),
        };
        pasts.map(Observation::Past)
    }
}

/// The link is lost when no question was answered, whatever the answer.
fn link(answers: &[Result<InstantAnswer, Trouble>]) -> LinkState {
    let about_the_server = |answer: &Result<InstantAnswer, Trouble>| match answer {
        Err(trouble) if !trouble.is_about_the_question() => Some(trouble.words().to_owned()),
        _ => None,
    };
    let troubles: Vec<String> = answers.iter().filter_map(about_the_server).collect();
    match troubles.first() {
        Some(why) if troubles.len() == answers.len() => LinkState::Lost { why: why.clone() },
        _ => LinkState::Live,
    }
}

/// How far this machine's clock is ahead of the server's: an answer is of the time at
/// which the server took the question up.
fn ahead(asked: Timestamp, answers: &[Result<InstantAnswer, Trouble>]) -> Option<SignedDuration> {
    let at = answers.iter().find_map(|answer| answer.as_ref().ok()?.at())?;
    Some(asked.duration_since(at))
}
