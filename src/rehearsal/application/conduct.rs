//! How one pod's application behaves: as its users know it, made worse by what its
//! environment says (the variables of a bad release) and by the faults of the moment.

use std::time::Duration;

use serde_json::Value;

use crate::rehearsal::cluster::object::text;
use crate::rehearsal::faults::{Active, Fault};
use crate::rehearsal::scenario::Users;

/// The tail of the latency's distribution: the 95th percentile is so many times the mean.
const P95_TO_MEAN: f64 = 2.0;

/// How an application behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conduct {
    /// Share of answers that are errors, 0 to 1.
    pub error_rate: f64,
    /// Mean time to an answer.
    pub latency: Duration,
    /// Beyond the time that it always takes to start.
    pub start_delay: Duration,
    /// MiB that it takes more every minute.
    pub leak_per_minute: f64,
}

impl Conduct {
    /// Memory that the application takes at its start, in MiB.
    pub const AT_START_MIB: f64 = 24.0;

    /// As the users know it, with what the container's environment says of it.
    #[must_use]
    pub fn of(users: &Users, container: &Value) -> Self {
        let variable = |name: &str| {
            // The last one of a name counts.
            let value =
                container["env"].as_array()?.iter().rfind(|variable| text(variable, "/name") == name)?;
            text(value, "/value").parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)
        };
        let milliseconds = |value: f64| Duration::try_from_secs_f64(value / 1000.0).unwrap_or(users.latency);
        Self {
            error_rate: variable("ERROR_RATE").unwrap_or(users.error_rate).min(1.0),
            latency: variable("LATENCY_MS").map_or(users.latency, milliseconds),
            start_delay: variable("START_DELAY_S").map_or(Duration::ZERO, |s| milliseconds(s * 1000.0)),
            leak_per_minute: variable("LEAK_MB_PER_MIN").unwrap_or_default(),
        }
    }

    /// With the faults of the release.
    #[must_use]
    pub fn under(mut self, faults: &Active) -> Self {
        for fault in faults.all() {
            match fault {
                Fault::Errors { rate } => self.error_rate = self.error_rate.max(rate.clamp(0.0, 1.0)),
                Fault::Latency { p95_ms } => {
                    let mean = f64::from(p95_ms) / 1000.0 / P95_TO_MEAN;
                    self.latency = self.latency.max(Duration::from_secs_f64(mean));
                }
                Fault::SlowStart { seconds } => {
                    self.start_delay = self.start_delay.max(Duration::from_secs(seconds.into()));
                }
                Fault::Leak { mib_per_minute } => {
                    self.leak_per_minute = self.leak_per_minute.max(mib_per_minute.into());
                }
                _ => {}
            }
        }
        self
    }

    /// MiB that are resident when the application has run for so long.
    #[must_use]
    pub fn resident_mib(&self, running: Duration) -> f64 {
        Self::AT_START_MIB + self.leak_per_minute * running.as_secs_f64() / 60.0
    }

    /// The share of answers that take no longer than that.
    #[must_use]
    pub fn answered_within(&self, time: Duration) -> f64 {
        if self.latency.is_zero() {
            return 1.0;
        }
        // The inverse of the time to an answer.
        let tail = time.as_secs_f64() / self.latency.as_secs_f64() * 2.0 - 1.0;
        if tail < 0.0 { 0.0 } else { 1.0 - (-tail).exp() }
    }

    /// The time to one answer, for a number drawn from 0 to 1: at least half the mean,
    /// with a tail that falls off exponentially.
    #[must_use]
    pub fn time_to_answer(&self, drawn: f64) -> Duration {
        let tail = -(1.0 - drawn.clamp(0.0, 0.999_999)).ln();
        self.latency.mul_f64(0.5 + 0.5 * tail)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearsal::faults::Faults;
    use crate::rehearsal::scenario::Scenario;

    #[test]
    fn environment_and_faults_make_it_worse() {
        let users = Scenario::default().users;
        let container = json!({"env": [{"name": "ERROR_RATE", "value": "0.12"}, {"name": "LATENCY_MS", "value": "no number"}]});
        let conduct = Conduct::of(&users, &container);
        assert_eq!((conduct.error_rate, conduct.latency), (0.12, users.latency));
        let faults = Faults::default();
        faults.inject(Fault::Latency { p95_ms: 1400 });
        faults.inject(Fault::Errors { rate: 0.05 });
        faults.inject(Fault::Leak { mib_per_minute: 60 });
        let worse = conduct.under(&faults.active());
        assert_eq!((worse.error_rate, worse.latency), (0.12, Duration::from_millis(700)));
        assert!((worse.resident_mib(Duration::from_secs(60)) - 84.0).abs() < 1e-9);
    }

    #[test]
    fn the_95th_percentile_is_about_twice_the_mean() {
        let conduct = Conduct::of(&Scenario::default().users, &json!({}));
        let ratio = conduct.time_to_answer(0.95).as_secs_f64() / conduct.latency.as_secs_f64();
        assert!((ratio - P95_TO_MEAN).abs() < 0.01, "{ratio}");
        assert!(conduct.time_to_answer(1.0).as_secs_f64().is_finite());
        for drawn in [0.0, 0.3, 0.95] {
            let share = conduct.answered_within(conduct.time_to_answer(drawn));
            assert!((share - drawn).abs() < 1e-6, "{drawn}: {share}");
        }
        assert_eq!(conduct.answered_within(Duration::ZERO), 0.0);
    }
}
