//! A question to Prometheus: one value, compared with a bound.

use std::time::Duration;

use super::Answer;
use crate::sop::checklist::Query;
use crate::sop::checklist::evidence::{Found, Inputs};
use crate::sop::signal::Reading;
use crate::sources::prometheus::Prometheus;

/// Asks once.
///
/// # Errors
/// Why it could not be found out: no value, more than one, a part of them only.
pub(super) async fn ask(
    prometheus: &Result<Prometheus, String>,
    asked: &Query,
    limit: Duration,
    release: &Inputs,
) -> Result<Answer, String> {
    let prometheus = prometheus.as_ref().map_err(Clone::clone)?;
    let text = release.fill(&asked.query)?;
    let words = |trouble: crate::sources::http::Trouble| trouble.words().to_owned();
    let pass = prometheus.pass().await.map_err(words)?;
    let answer = prometheus.query(&pass, &text, None, limit).await.map_err(words)?;
    match answer.reading() {
        Reading::Value(value) => {
            let found = if asked.compare.holds(value) { Found::Pass } else { Found::Fail };
            Ok((found, format!("{value}, expected {}", asked.compare.words())))
        }
        Reading::Partial { value, warnings } => {
            Err(format!("{value}, but a part of the data may be missing: {warnings}"))
        }
        other => Err(other.why().to_owned()),
    }
}
