//! Signals: what is watched after the switch (sop.md, "Monitoring post-deployment").
//! What a signal is, how a reading of it arrives, and what is kept of it. Whether a
//! reading is good is the business of [`super::verdict`].

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::colour::Colour;

mod track;
mod unit;

pub use track::{History, MOST_POINTS, Point, Track};
pub use unit::{Unit, counted};

/// A signal's name in the configuration, on the wire and in JSON: `error-rate`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignalId(pub String);

impl SignalId {
    /// Failed requests over all requests.
    pub const ERROR_RATE: &'static str = "error-rate";
    /// The 95th percentile of the latency.
    pub const P95: &'static str = "p95";
    /// Requests per second; with a colour, what each side still serves.
    pub const REQUESTS: &'static str = "requests";
    /// Connections to the database.
    pub const CONNECTIONS: &'static str = "connections";
    /// Memory in use over the limit.
    pub const MEMORY: &'static str = "memory";

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SignalId {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One watched metric and what counts as good.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    pub id: SignalId,
    /// What it is called on the screen: `error rate`.
    pub words: String,
    pub unit: Unit,
    pub rule: Rule,
    /// Requests in the window below which the value says nothing; 0: it always counts.
    /// With more than 0 a sample that does not say how many there were is no data.
    pub minimum_volume: u64,
    /// Bad samples in a row that make a fail (K), and good ones that make a pass.
    pub consecutive: u32,
    /// Time between samples.
    pub every: Duration,
    /// The time over which each value is taken: the `[1m]` of its query.
    pub window: Duration,
    /// A signal whose newest sample is older than this is stale.
    pub stale_after: Duration,
    /// Whether its fail is a reason to roll back (sop.md: error rate and P95).
    pub trigger: bool,
    /// Whether the switch needs a value of it first.
    pub needed: bool,
}

/// How a signal is judged. Values and thresholds are in the signal's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// The less the better: above `target` warns, above `alert` is bad.
    Above { target: f64, alert: f64 },
    /// A drop by more than the share `most` against the value before the switch and
    /// against a week ago: both are bad, one alone warns.
    Drop { most: f64 },
    /// Something that can run out: above the share `near` of the maximum is bad, a
    /// change by more than the share `change` against before the switch warns. The
    /// maximum comes with the sample ([`Sample::maximum`]) or is this one.
    Maximum { near: f64, change: f64, maximum: Option<f64> },
    /// A share of a limit: above `alert` is bad; more than `spike` above the value
    /// before the switch warns, and so does a growth that will reach the limit soon.
    Limit { alert: f64, spike: f64 },
}

/// K of the shipped signals.
const CONSECUTIVE: u32 = 3;
/// Requests that a ratio or a percentile needs in its window.
const MINIMUM_VOLUME: u64 = 20;

impl Signal {
    fn new(id: &str, words: &str, unit: Unit, rule: Rule) -> Self {
        Self {
            id: id.into(),
            words: words.to_owned(),
            unit,
            rule,
            minimum_volume: 0,
            consecutive: CONSECUTIVE,
            every: Duration::from_secs(5),
            window: Duration::from_secs(60),
            stale_after: Duration::from_secs(60),
            trigger: false,
            needed: false,
        }
    }

    /// sop.md: target below 1 %, alert above 5 %.
    #[must_use]
    pub fn error_rate() -> Self {
        let rule = Rule::Above { target: 0.01, alert: 0.05 };
        Self {
            minimum_volume: MINIMUM_VOLUME,
            trigger: true,
            needed: true,
            ..Self::new(SignalId::ERROR_RATE, "error rate", Unit::Share, rule)
        }
    }

    /// sop.md: target below 500 ms, alert above 1 s.
    #[must_use]
    pub fn p95() -> Self {
        let rule = Rule::Above { target: 500.0, alert: 1000.0 };
        Self {
            minimum_volume: MINIMUM_VOLUME,
            trigger: true,
            needed: true,
            ..Self::new(SignalId::P95, "P95 latency", Unit::Milliseconds, rule)
        }
    }

    /// sop.md: compared with the baseline, alert when it drops by more than 30 %.
    #[must_use]
    pub fn requests() -> Self {
        Self::new(SignalId::REQUESTS, "requests", Unit::PerSecond, Rule::Drop { most: 0.30 })
    }

    /// sop.md: stable, alert when all are consumed (here: more than 90 % of the maximum).
    #[must_use]
    pub fn connections(maximum: Option<f64>) -> Self {
        let rule = Rule::Maximum { near: 0.90, change: 0.50, maximum };
        Self::new(SignalId::CONNECTIONS, "db connections", Unit::Count, rule)
    }

    /// sop.md: it should not spike, alert above 80 %.
    #[must_use]
    pub fn memory() -> Self {
        let rule = Rule::Limit { alert: 0.80, spike: 0.15 };
        Self::new(SignalId::MEMORY, "memory", Unit::Share, rule)
    }

    /// The five of sop.md with its thresholds, in its order.
    #[must_use]
    pub fn shipped() -> Vec<Self> {
        vec![Self::error_rate(), Self::p95(), Self::requests(), Self::connections(None), Self::memory()]
    }
}

/// What was read for one signal at one time.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    Value(f64),
    /// The answer came with warnings: it may be of a part only.
    Partial {
        value: f64,
        warnings: String,
    },
    /// An answer without a usable value; what it was.
    NoData(String),
    /// No answer; why.
    Failed(String),
}

impl Reading {
    /// A number as a metrics server gave it: NaN and infinities are no values.
    #[must_use]
    pub fn of(value: f64) -> Self {
        if value.is_finite() {
            Self::Value(value)
        } else {
            Self::NoData(format!("the query answered {value}"))
        }
    }

    /// Why there is no number; empty where there is one.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Value(_) | Self::Partial { .. } => "",
            Self::NoData(why) | Self::Failed(why) => why,
        }
    }

    /// The number, where there is a finite one; a partial one as well.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Value(value) | Self::Partial { value, .. } => {
                Some(*value).filter(|value| value.is_finite())
            }
            Self::NoData(_) | Self::Failed(_) => None,
        }
    }
}

/// One reading and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The time the value is of, on this machine's clock.
    pub at: Timestamp,
    pub reading: Reading,
    /// Requests in the signal's window; `None`: not asked or not answered.
    pub requests: Option<f64>,
    /// The raw counters behind a ratio, where the source reads them.
    pub counted: Option<Counted>,
    /// What can be reached at most, where it is measured (connections).
    pub maximum: Option<f64>,
    /// The value a week before `at`.
    pub week_ago: Option<f64>,
}

impl Sample {
    /// A reading with nothing beside it.
    #[must_use]
    pub const fn new(at: Timestamp, reading: Reading) -> Self {
        Self { at, reading, requests: None, counted: None, maximum: None, week_ago: None }
    }
}

/// Raw counters summed over what is watched, 0 where there is no series yet. A series
/// that is born at 1 is invisible to `rate` (prometheus#1673), but not here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    pub bad: f64,
    pub all: f64,
}

/// A sample on its way to the room.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    pub signal: SignalId,
    /// `None`: of everything behind the Service.
    pub colour: Option<Colour>,
    pub sample: Sample,
}

/// What was measured before the room was opened, on its way to the room.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    pub signal: SignalId,
    pub colour: Option<Colour>,
    /// Oldest first.
    pub points: Vec<Point>,
}
