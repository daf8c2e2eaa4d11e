//! Alerts and who answers them, as the alerting systems tell.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// One alert that is not resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Tells it apart from others of the same name (Alertmanager's fingerprint).
    pub id: String,
    /// `alertname`.
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// The severity label as it stands, `critical`; empty when there is none.
    pub severity: String,
    /// Whether it counts as P0 (by the configuration): a reason to roll back.
    pub p0: bool,
    pub state: AlertState,
    /// When it began to fire, or to pend.
    pub since: Timestamp,
    /// Its summary annotation, else empty.
    pub summary: String,
}

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    Firing,
    Pending,
    /// Somebody silenced it, or another alert inhibits it. It is not healthy for that.
    Silenced,
}

impl AlertState {
    /// The word on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Pending => "pending",
            Self::Silenced => "silenced",
        }
    }
}

/// Who is on call and what they were called for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// The first level first.
    pub on_call: Vec<OnCall>,
    /// Open ones of the service, the newest first.
    pub incidents: Vec<Incident>,
}

/// One person on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnCall {
    pub name: String,
    /// Escalation level, from 1.
    pub level: u32,
    pub until: Option<Timestamp>,
}

/// One open incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub id: String,
    pub title: String,
    /// `triggered`, `acknowledged`.
    pub status: String,
    /// `high`, `low`.
    pub urgency: String,
    pub since: Timestamp,
    pub url: Option<String>,
}
