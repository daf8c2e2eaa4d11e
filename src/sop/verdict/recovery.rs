//! After a rollback: when things were back to normal.

use std::time::Duration;

use jiff::Timestamp;

use super::Verdict;
use super::run::Judged;
use crate::sop::signal::Signal;

/// How far things have come since the rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Every signal passes again; from the rollback to the first of its good samples, for
    /// the signal that took longest.
    Stable(Duration),
    /// These do not pass yet.
    Waiting(Vec<String>),
    /// Nothing is measured.
    Unmeasured,
}

/// When the signals were back to normal after the traffic was taken back. Judged by the
/// samples since then alone.
#[must_use]
pub fn recovery<'a>(
    signals: impl IntoIterator<Item = (&'a Signal, &'a Judged)>,
    rolled_back: Timestamp,
) -> Recovery {
    let (mut any, mut waiting, mut longest) = (false, Vec::new(), Duration::ZERO);
    for (signal, judged) in signals {
        any = true;
        match judged.since.filter(|_| judged.verdict == Verdict::Pass) {
            Some(since) => {
                let took = Duration::try_from(since.duration_since(rolled_back)).unwrap_or_default();
                longest = longest.max(took);
            }
            None => waiting.push(format!("{} ({})", signal.words, judged.verdict)),
        }
    }
    match (any, waiting.is_empty()) {
        (false, _) => Recovery::Unmeasured,
        (true, true) => Recovery::Stable(longest),
        (true, false) => Recovery::Waiting(waiting),
    }
}
