//! What can go wrong, and what of it is going wrong now.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// One thing that goes wrong. Faults of the release are those of the pods that run the
/// version which is being released.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Fault {
    /// The release's pods need so many seconds more before they are ready.
    SlowStart { seconds: u32 },
    /// The release's containers end with an error right after their start.
    CrashLoop,
    /// The release's image cannot be pulled.
    ImagePull,
    /// A share of the release's answers, 0 to 1, are errors.
    Errors { rate: f64 },
    /// The release's answers are slow: the 95th percentile in milliseconds.
    Latency { p95_ms: u32 },
    /// The release's pods take so many MiB a minute until they are killed at their limit.
    Leak { mib_per_minute: u32 },
    /// All pods together write so many ERROR lines a second.
    LogFlood { lines_per_second: u32 },
    /// The API server takes connections and requests and answers none of them.
    ApiFrozen,
    /// The API server is gone: connections to it are refused.
    ApiLost,
    /// The API server ends every watch after a moment.
    WatchesDropped,
    /// The API server answers everything with this status: 429, 500, 503.
    ApiErrors { status: u16 },
    /// The API server takes nobody's credentials any more.
    CredentialsExpired,
    /// The API server's clock goes wrong by so many seconds; positive is ahead.
    ClockSkew { seconds: i64 },
    /// A colleague moves the traffic with kubectl, once, as soon as this is injected.
    Colleague,
    /// A GitOps controller owns the Service and puts its selector back.
    GitOps,
    /// Prometheus is gone: connections to it are refused.
    MetricsLost,
    /// Prometheus takes questions and answers none of them.
    MetricsFrozen,
    /// Prometheus finds no series.
    MetricsEmpty,
    /// Prometheus' values are no numbers.
    MetricsNan,
    /// Prometheus, or a proxy before it, answers everything with this status: 500, 503.
    MetricsErrors { status: u16 },
    /// Prometheus says that its answers may be of a part only.
    MetricsWarnings,
    /// Prometheus finds two series where there is one.
    MetricsSeveral,
    /// Somebody has silenced the alert.
    AlertSilenced,
}

/// The name of a fault, apart from its figures: there is at most one of each.
pub type FaultName = &'static str;

impl Fault {
    /// Each of them once, with the figures that it has when nobody says others.
    pub const ALL: [Self; 23] = [
        Self::Errors { rate: 0.12 },
        Self::Latency { p95_ms: 1400 },
        Self::Leak { mib_per_minute: 600 },
        Self::CrashLoop,
        Self::SlowStart { seconds: 20 },
        Self::ImagePull,
        Self::LogFlood { lines_per_second: 10_000 },
        Self::ApiFrozen,
        Self::ApiLost,
        Self::WatchesDropped,
        Self::ApiErrors { status: 500 },
        Self::CredentialsExpired,
        Self::ClockSkew { seconds: 90 },
        Self::Colleague,
        Self::GitOps,
        Self::MetricsLost,
        Self::MetricsFrozen,
        Self::MetricsEmpty,
        Self::MetricsNan,
        Self::MetricsErrors { status: 503 },
        Self::MetricsWarnings,
        Self::MetricsSeveral,
        Self::AlertSilenced,
    ];

    /// The fault of that name, with its ordinary figures.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// What it does, in words with its figures.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::SlowStart { seconds } => format!("the release's pods start {seconds} s later"),
            Self::CrashLoop => "the release's containers crash at their start".into(),
            Self::ImagePull => "the release's image cannot be pulled".into(),
            Self::Errors { rate } => format!("{:.0} % of the release's answers are errors", rate * 100.0),
            Self::Latency { p95_ms } => format!("the release's P95 is {p95_ms} ms"),
            Self::Leak { mib_per_minute } => {
                format!("the release's pods take {mib_per_minute} MiB more a minute")
            }
            Self::LogFlood { lines_per_second } => format!("{lines_per_second} ERROR lines a second"),
            Self::ApiFrozen => "the API server answers nothing".into(),
            Self::ApiLost => "the API server is gone".into(),
            Self::WatchesDropped => "the API server drops every watch".into(),
            Self::ApiErrors { status } => format!("the API server answers {status}"),
            Self::CredentialsExpired => "nobody's credentials are good any more".into(),
            Self::ClockSkew { seconds: behind @ ..0 } => {
                format!("the API server's clock is {} s behind", behind.unsigned_abs())
            }
            Self::ClockSkew { seconds } => format!("the API server's clock is {seconds} s ahead"),
            Self::Colleague => "a colleague moves the traffic with kubectl".into(),
            Self::GitOps => "Argo CD owns the Service and puts it back".into(),
            Self::MetricsLost => "Prometheus is gone".into(),
            Self::MetricsFrozen => "Prometheus answers nothing".into(),
            Self::MetricsEmpty => "Prometheus finds no series".into(),
            Self::MetricsNan => "Prometheus answers NaN".into(),
            Self::MetricsErrors { status } => format!("Prometheus answers {status}"),
            Self::MetricsWarnings => "Prometheus answers with warnings".into(),
            Self::MetricsSeveral => "Prometheus answers with several series".into(),
            Self::AlertSilenced => "somebody has silenced the alert".into(),
        }
    }

    /// Whether it is one of the release itself, for which it has to be taken back.
    #[must_use]
    pub const fn is_of_the_release(&self) -> bool {
        matches!(self, Self::Errors { .. } | Self::Latency { .. } | Self::Leak { .. } | Self::CrashLoop)
    }

    /// What the scenario files and the fault panel call it.
    #[must_use]
    pub const fn name(&self) -> FaultName {
        match self {
            Self::SlowStart { .. } => "slow-start",
            Self::CrashLoop => "crash-loop",
            Self::ImagePull => "image-pull",
            Self::Errors { .. } => "errors",
            Self::Latency { .. } => "latency",
            Self::Leak { .. } => "leak",
            Self::LogFlood { .. } => "log-flood",
            Self::ApiFrozen => "api-frozen",
            Self::ApiLost => "api-lost",
            Self::WatchesDropped => "watches-dropped",
            Self::ApiErrors { .. } => "api-errors",
            Self::CredentialsExpired => "credentials-expired",
            Self::ClockSkew { .. } => "clock-skew",
            Self::Colleague => "colleague",
            Self::GitOps => "git-ops",
            Self::MetricsLost => "metrics-lost",
            Self::MetricsFrozen => "metrics-frozen",
            Self::MetricsEmpty => "metrics-empty",
            Self::MetricsNan => "metrics-nan",
            Self::MetricsErrors { .. } => "metrics-errors",
            Self::MetricsWarnings => "metrics-warnings",
            Self::MetricsSeveral => "metrics-several",
            Self::AlertSilenced => "alert-silenced",
        }
    }
}

/// The faults of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Active(BTreeMap<FaultName, Fault>);

impl Active {
    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = Fault> {
        self.0.values().copied()
    }

    /// The fault of that name, if it is going on.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Fault> {
        self.0.get(name).copied()
    }

    /// Whether the fault of that name is going on.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The switchboard of faults: injected by scenarios, the fault panel and tests, looked
/// at by whatever they trouble. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Faults {
    active: Arc<watch::Sender<Active>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { active: Arc::new(watch::Sender::new(Active::default())) }
    }
}

impl Faults {
    /// Begins a fault, in place of one of the same name.
    pub fn inject(&self, fault: Fault) {
        self.active.send_if_modified(|active| active.0.insert(fault.name(), fault) != Some(fault));
    }

    /// Ends a fault.
    pub fn clear(&self, name: &str) {
        self.active.send_if_modified(|active| active.0.remove(name).is_some());
    }

    /// Ends all faults.
    pub fn clear_all(&self) {
        self.active.send_if_modified(|active| !std::mem::take(&mut active.0).is_empty());
    }

    /// What is going wrong now.
    #[must_use]
    pub fn active(&self) -> Active {
        self.active.borrow().clone()
    }

    /// Follows what is going wrong.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Active> {
        self.active.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_replaces_one_of_its_name_and_ends() {
        let faults = Faults::default();
        let mut told = faults.subscribe();
        faults.inject(Fault::Errors { rate: 0.12 });
        faults.inject(Fault::Errors { rate: 0.5 });
        faults.inject(Fault::ApiFrozen);
        assert_eq!(faults.active().get("errors"), Some(Fault::Errors { rate: 0.5 }));
        assert!(told.has_changed().unwrap());
        told.mark_unchanged();
        faults.clear("leak");
        assert!(!told.has_changed().unwrap(), "nothing was cleared");
        faults.clear_all();
        assert_eq!(faults.active(), Active::default());
    }
}
