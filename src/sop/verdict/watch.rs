//! The verdict of a whole watch: every signal passes now, and was measured and not bad
//! through most of it. A timer that runs out adds nothing to that.

use std::time::Duration;

use jiff::Timestamp;

use super::run::Judged;
use super::{Findings, Judgement, Verdict};
use crate::sop::signal::{History, Rule, Signal};

/// Of this many parts of the watch there must be...
const OF: u64 = 10;
/// ...at least so many in which the signal was measured and not bad.
const LEAST: u64 = 8;

/// In how much of the watch a signal was measured and not bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    pub parts: u64,
    /// Whole parts that have passed.
    pub of: u64,
}

impl Covered {
    /// Whether that is enough for a pass.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        self.parts * OF >= self.of * LEAST
    }
}

/// In how much of the time since the switch a signal has values, none of which are bad:
/// counted in parts of the length `part`.
#[must_use]
pub fn covered(
    signal: &Signal,
    history: &History,
    switched: Timestamp,
    now: Timestamp,
    part: Duration,
) -> Covered {
    let part = u64::try_from(part.max(signal.every * 2).as_millis()).unwrap_or(u64::MAX).max(1);
    let since = |at: Timestamp| u64::try_from(at.duration_since(switched).as_millis()).ok();
    let of = since(now).unwrap_or(0) / part;
    let (mut parts, mut current): (u64, Option<(u64, bool)>) = (0, None);
    let mut close = |done: Option<(u64, bool)>| parts += u64::from(done.is_some_and(|(_, good)| good));
    for point in history.points() {
        let Some(at) = since(point.at).map(|at| at / part).filter(|at| *at < of) else { continue };
        let good = !is_bad_value(signal.rule, point.value);
        current = match current {
            Some((known, known_good)) if known == at => Some((at, known_good && good)),
            other => {
                close(other);
                Some((at, good))
            }
        };
    }
    close(current);
    Covered { parts, of }
}

/// What a value alone can tell.
fn is_bad_value(rule: Rule, value: f64) -> bool {
    match rule {
        Rule::Above { alert, .. } | Rule::Limit { alert, .. } => value > alert,
        Rule::Drop { .. } | Rule::Maximum { .. } => false,
    }
}

/// The verdict of the watch as far as it has come. Without signals there is none to give.
#[must_use]
pub fn watch_verdict<'a>(
    signals: impl IntoIterator<Item = (&'a Signal, &'a Judged, Covered)>,
    mut others: Findings,
) -> Judgement {
    let mut any = false;
    for (signal, judged, covered) in signals {
        any = true;
        if judged.verdict != Verdict::Pass {
            others.add(judged.verdict, judged.words.clone());
        }
        if !covered.is_enough() {
            let words = format!(
                "{}: measured and not bad in {} of {} parts of the watch only",
                signal.words, covered.parts, covered.of
            );
            others.add(Verdict::NoData, words);
        }
    }
    if !any {
        others.add(Verdict::NoData, "no metrics configured: nothing was measured");
    }
    others.judgement()
}
