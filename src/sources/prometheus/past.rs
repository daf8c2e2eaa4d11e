//! What was measured before the program was started: the last hour.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

use super::AT_ONCE;
use super::client::{Prometheus, Span};
use crate::config::Metrics;
use crate::sop::colour::Colour;
use crate::sop::signal::{Past, Point, SignalId};
use crate::sources::http::Pass;

/// A week, for the same hour of the same day.
pub(super) const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The history that is read at start.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Time between two of its values: an hour is 240 of them.
const STEP: Duration = Duration::from_secs(15);

/// The last hour of every signal, on this machine's clock, which is ahead of the server's
/// by so much: history and live samples stand on one time axis. `None` when not one
/// signal could be read.
pub(super) async fn read(
    prometheus: &Prometheus,
    pass: &Pass,
    metrics: &Metrics,
    (now, ahead): (Timestamp, SignedDuration),
    limit: Duration,
) -> Option<Vec<Past>> {
    let to = now.checked_sub(ahead).ok()?;
    let span = Span { from: to.checked_sub(HOUR).ok()?, to, step: STEP };
    let questions = texts(metrics);
    // Made before they are polled: a stream over the borrowing closure would not be Send.
    let asked: Vec<_> =
        questions.iter().map(|(_, _, text)| prometheus.query_range(pass, text, span, limit)).collect();
    let answers: Vec<_> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
    let pasts: Vec<Past> = questions
        .into_iter()
        .zip(answers)
        .filter_map(|((signal, colour, _), points)| {
            let ours = |point: Point| Some(Point { at: point.at.checked_add(ahead).ok()?, ..point });
            let points = points.ok()?.into_iter().filter_map(ours).collect();
            Some(Past { signal, colour, points })
        })
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
