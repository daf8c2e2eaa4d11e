//! The world's Alertmanager: it has what its Prometheus fires, and the silences.

pub mod api;
mod silence;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::silence::Silence;
use super::faults::Fault;
use super::prometheus::Prometheus;
use super::prometheus::answer::{metric, rfc3339};
use super::prometheus::rule::{self, Alert};
use super::prometheus::series::Labels;

/// Most silences that are kept.
const MOST: usize = 100;
/// The silence of the fault.
const OF_THE_FAULT: &str = "5d2a1c9e-0000-4000-8000-000000000001";
/// How long an alert holds that is not told again, in milliseconds.
const HOLDS: i64 = 4 * 60_000;

/// One world's Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    prometheus: Arc<Prometheus>,
    silences: Mutex<Vec<Silence>>,
}

/// An alert as it is known here.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub alert: Alert,
    /// What tells it from others.
    pub fingerprint: String,
    /// The silences that hold for it.
    pub silenced_by: Vec<String>,
}

impl Alertmanager {
    /// Without a silence.
    #[must_use]
    pub fn new(prometheus: Arc<Prometheus>) -> Arc<Self> {
        Arc::new(Self { prometheus, silences: Mutex::default() })
    }

    /// The alerts that fire.
    #[must_use]
    pub fn alerts(&self) -> Vec<Known> {
        let now = self.prometheus.now();
        let known = |alert: Alert| {
            let silences = self.silences();
            let silenced_by = silences
                .iter()
                .filter(|silence| silence.is_active(now) && silence.holds(&alert.labels))
                .map(|silence| silence.id.clone())
                .collect();
            Known { fingerprint: fingerprint(&alert.labels), silenced_by, alert }
        };
        self.prometheus.alerting().firing().cloned().map(known).into_iter().collect()
    }

    /// All silences, that of the fault among them while it goes on.
    fn silences(&self) -> Vec<Silence> {
        let now = self.prometheus.now();
        let of_the_fault =
            self.prometheus.world.faults.active().has(Fault::AlertSilenced.name()).then(|| Silence {
                id: OF_THE_FAULT.to_owned(),
                matchers: vec![silence::equal("alertname", rule::NAME)],
                starts: 0,
                ends: i64::MAX,
                updated: now,
                created_by: "a colleague".to_owned(),
                comment: "too noisy tonight".to_owned(),
            });
        self.kept().iter().cloned().chain(of_the_fault).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Silence>> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether nobody is told of it.
    #[must_use]
    pub const fn is_silenced(&self) -> bool {
        !self.silenced_by.is_empty()
    }

    fn json(&self, now: i64) -> Value {
        let state = if self.is_silenced() { "suppressed" } else { "active" };
        let fired = self.alert.fired.unwrap_or(self.alert.active);
        json!({
            "annotations": {}, "startsAt": rfc3339(fired), "endsAt": rfc3339(now + HOLDS), "updatedAt": rfc3339(now),
            "fingerprint": self.fingerprint, "receivers": [{"name": "none"}],
            "status": {"state": state, "silencedBy": self.silenced_by, "inhibitedBy": []},
            "labels": metric(&self.alert.labels), "generatorURL": "",
        })
    }
}

/// 64 bits of the labels (FNV-1a, as Prometheus does it), in hexadecimal.
fn fingerprint(labels: &Labels) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (name, value) in labels.iter() {
        add(name);
        add(value);
    }
    format!("{hash:016x}")
}
