//! What was measured before the program was started: the last hour.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

use super::AT_ONCE;
use super::client::{Prometheus, Span};
use crate::config::Metrics;
use crate::sop::colour::Colour;
use crate::sop::signal::{Past, SignalId};
use crate::sources::http::Pass;

/// A week, for the same hour of the same day.
pub(super) const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The history that is read at start.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Time between two of its values: an hour is 240 of them.
const STEP: Duration = Duration::from_secs(15);

/// The last hour of every signal; `None` when not one of them could be read.
pub(super) async fn read(
    prometheus: &Prometheus,
    pass: &Pass,
    metrics: &Metrics,
    now: Timestamp,
    limit: Duration,
) -> Option<Vec<Past>> {
    let span = Span { from: now.checked_sub(HOUR).ok()?, to: now, step: STEP };
    let questions = texts(metrics);
    // Made before they are polled: a stream over the borrowing closure would not be Send.
    let asked: Vec<_> =
        questions.iter().map(|(_, _, text)| prometheus.query_range(pass, text, span, limit)).collect();
    let answers: Vec<_> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
    let pasts: Vec<Past> = questions
        .into_iter()
        .zip(answers)
        .filter_map(|((signal, colour, _), points)| Some(Past { signal, colour, points: points.ok()? }))
        .collect();
    (!pasts.is_empty()).then_some(pasts)
}

fn texts(metrics: &Metrics) -> Vec<(SignalId, Option<Colour>, String)> {
    let mut texts = Vec::new();
    for watched in &metrics.signals {
        let value = &watched.queries.value;
        let id = &watched.signal.id;
        texts.extend(value.total.iter().map(|text| (id.clone(), None, text.clone())));
        if let Some(colours) = &value.colours {
            let each = Colour::ALL.map(|colour| (id.clone(), Some(colour), colours[colour].clone()));
            texts.extend(each);
        }
    }
    texts
}
