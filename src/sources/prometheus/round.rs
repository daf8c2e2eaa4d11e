//! One round of questions, and the samples that its answers make.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;

use super::AT_ONCE;
use super::answer::Instant;
use super::client::Prometheus;
use crate::config::{Asked, Metrics};
use crate::sop::colour::Colour;
use crate::sop::signal::{Counted, Reading, Sample, Sampled};
use crate::sources::http::{Pass, Trouble};

/// What a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Value,
    Volume,
    Bad,
    All,
    Maximum,
}

/// One question of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The signal's place in the configuration.
    pub signal: usize,
    colour: Option<Colour>,
    part: Part,
    text: String,
}

impl Question {
    /// Whether it asks for the signal's own value, of everything behind the Service.
    pub(super) fn is_total_value(&self) -> bool {
        self.part == Part::Value && self.colour.is_none()
    }
}

/// All questions of a round. What belongs to a value is asked for everything behind the
/// Service, and for the colours where only they are measured.
pub(super) fn questions(metrics: &Metrics) -> Vec<Question> {
    let mut questions = Vec::new();
    for (signal, watched) in metrics.signals.iter().enumerate() {
        let queries = &watched.queries;
        let beside = [
            (Part::Volume, &queries.volume),
            (Part::Bad, &queries.bad),
            (Part::All, &queries.all),
            (Part::Maximum, &queries.maximum),
        ];
        let total = queries.value.total.is_some();
        let scopes = [None, Some(Colour::Blue), Some(Colour::Green)];
        for colour in scopes {
            let question = |part, asked: &Asked| {
                let text = text(asked, colour)?;
                Some(Question { signal, colour, part, text: text.to_owned() })
            };
            let Some(value) = question(Part::Value, &queries.value) else { continue };
            questions.push(value);
            if colour.is_some() && total {
                continue;
            }
            let more = beside.iter().filter_map(|(part, asked)| question(*part, asked.as_ref()?));
            questions.extend(more);
        }
    }
    questions
}

fn text(asked: &Asked, colour: Option<Colour>) -> Option<&str> {
    match colour {
        None => asked.total.as_deref(),
        Some(colour) => asked.colours.as_ref().map(|colours| colours[colour].as_str()),
    }
}

/// Asks all questions of one time, the server's now without one; answers in their order.
/// A round takes no longer than twice `limit`: what was not begun within it fails too.
pub(super) async fn ask(
    prometheus: &Prometheus,
    pass: &Pass,
    questions: &[Question],
    at: Option<Timestamp>,
    limit: Duration,
) -> Vec<Result<Instant, Trouble>> {
    let began = tokio::time::Instant::now();
    let ask = async |place: usize, text: &str| {
        let answer = if began.elapsed() > limit {
            let words = "not asked: the answers before it took too long".to_owned();
            Err(Trouble::Server(words))
        } else {
            prometheus.query(pass, text, at, limit).await
        };
        (place, answer)
    };
    // Made before they are polled: a stream over the borrowing closure would not be Send.
    let asked: Vec<_> =
        questions.iter().enumerate().map(|(place, question)| ask(place, &question.text)).collect();
    // A slow one must not hold up the others.
    let mut answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The samples of a round in which nothing could be asked.
pub(super) fn failed(metrics: &Metrics, questions: &[Question], at: Timestamp, why: &str) -> Vec<Sampled> {
    let values = questions.iter().filter(|question| question.part == Part::Value);
    let sampled = values.filter_map(|question| {
        Some(Sampled {
            signal: metrics.signals.get(question.signal)?.signal.id.clone(),
            colour: question.colour,
            sample: Sample::new(at, Reading::Failed(why.to_owned())),
        })
    });
    sampled.collect()
}

/// What a round's samples have in common.
#[derive(Debug)]
pub(super) struct Round<'v> {
    /// The time that the answers are of.
    pub at: Timestamp,
    /// The values of a week ago, in the order of the signals; empty: not asked.
    pub week_ago: &'v [Option<f64>],
}

impl Round<'_> {
    /// A sample for each value that was asked for.
    pub(super) fn samples(
        &self,
        metrics: &Metrics,
        questions: &[Question],
        answers: &[Result<Instant, Trouble>],
    ) -> Vec<Sampled> {
        let all: Vec<(&Question, &Result<Instant, Trouble>)> = questions.iter().zip(answers).collect();
        let values = all.iter().filter(|(question, _)| question.part == Part::Value);
        let sampled = values.filter_map(|(question, answer)| {
            let signal = &metrics.signals.get(question.signal)?.signal;
            let number = |part| {
                let same = |other: &Question| {
                    (other.signal, other.colour, other.part) == (question.signal, question.colour, part)
                };
                let (_, answer) = all.iter().find(|(other, _)| same(other))?;
                answer.as_ref().ok()
            };
            let value_of = |part| number(part).and_then(Instant::number);
            // No series yet is a counter that stands at 0; no answer is not known.
            let counter = |part| {
                number(part).and_then(|answer| match answer.count {
                    0 => Some(0.0),
                    _ => answer.number(),
                })
            };
            let counted = counter(Part::Bad).zip(counter(Part::All));
            let week_ago = self.week_ago.get(question.signal).copied().flatten();
            let sample = Sample {
                at: self.at,
                reading: reading(answer),
                requests: value_of(Part::Volume),
                counted: counted.map(|(bad, all)| Counted { bad, all }),
                maximum: value_of(Part::Maximum),
                week_ago: week_ago.filter(|_| question.colour.is_none()),
            };
            Some(Sampled { signal: signal.id.clone(), colour: question.colour, sample })
        });
        sampled.collect()
    }
}

fn reading(answer: &Result<Instant, Trouble>) -> Reading {
    match answer {
        Ok(answer) => answer.reading(),
        Err(trouble) if trouble.is_about_the_question() => Reading::NoData(trouble.words().to_owned()),
        Err(trouble) => Reading::Failed(trouble.words().to_owned()),
    }
}
