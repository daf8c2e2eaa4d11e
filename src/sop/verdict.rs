//! Verdicts: whether what is measured is good. Five of them, never two: no data is
//! never a pass, and neither is a timer that ran out (argo-rollouts#180, #459, #1466;
//! flagger#1353). Every rule is a pure function with its reason in words.

use std::fmt;

use serde::{Deserialize, Serialize};

mod counters;
mod errors;
mod grade;
mod recovery;
mod run;
#[cfg(test)]
mod tests;
mod watch;

pub use errors::{NewError, new_errors};
pub use grade::{Context, Grade, Graded, grade};
pub use recovery::{Recovery, recovery};
pub use run::{Judged, judge};
pub use watch::{Covered, covered, watch_verdict};

/// The five verdicts, the best first: the worst of all reasons is the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    Warn,
    NoData,
    Stale,
    Fail,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Warn, Self::NoData, Self::Stale, Self::Fail];

    /// The word on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::NoData => "NO DATA",
            Self::Stale => "STALE",
            Self::Fail => "FAIL",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A verdict with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub verdict: Verdict,
    /// The worst first; empty for a pass.
    pub reasons: Vec<String>,
}

/// Reasons as they are found.
#[derive(Debug, Default)]
pub struct Findings(Vec<(Verdict, String)>);

impl Findings {
    /// One more reason.
    pub fn add(&mut self, verdict: Verdict, why: impl Into<String>) {
        self.0.push((verdict, why.into()));
    }

    /// The worst of them, with all of them.
    #[must_use]
    pub fn judgement(mut self) -> Judgement {
        self.0.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        let verdict = self.0.first().map_or(Verdict::Pass, |(verdict, _)| *verdict);
        Judgement { verdict, reasons: self.0.into_iter().map(|(_, why)| why).collect() }
    }
}
