//! The numbers of the procedure.

use std::time::Duration;

use super::window::DeployWindow;

/// The procedure's times and numbers (sop.md's values are the defaults; the deploy window
/// is each team's own).
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long a passed verify lets the switch through: 15 min.
    pub verify_holds: Duration,
    /// How long the old colour stays up after the switch: 15 min.
    pub standby: Duration,
    /// How long the new colour is watched after the switch: 30 min.
    pub watch: Duration,
    /// When the signals are first looked at after the switch: from 5 min on...
    pub first_look: Duration,
    /// ...and by 10 min at the latest.
    pub first_look_by: Duration,
    /// How long the team stays on call after the switch: 60 min.
    pub on_call: Duration,
    /// Whether a reason to roll back does so by itself after a countdown: no.
    pub automatic_rollback: bool,
    /// How long that countdown takes: 30 s.
    pub countdown: Duration,
    /// Data older than this is stale: 10 s.
    pub stale_after: Duration,
    /// How long a rollout may take before it counts as failed: 10 min.
    pub rollout_timeout: Duration,
    /// How long after the patch the endpoints and probes may take: 60 s.
    pub switch_timeout: Duration,
    /// How long the endpoints must stay as they should be: 2 s.
    pub stable_for: Duration,
    /// When releases may go out; `None`: at any time.
    pub window: Option<DeployWindow>,
    /// Whether a checklist is kept: then it holds actions up until it was looked at.
    pub checklist: bool,
}

impl Policy {
    /// The procedure's times divided by `speed`, for a rehearsal. Time-outs, and how old
    /// data may be, belong to the connections and stay as they are.
    #[must_use]
    pub fn at_speed(self, speed: u32) -> Self {
        let speed = speed.max(1);
        Self {
            verify_holds: self.verify_holds / speed,
            standby: self.standby / speed,
            watch: self.watch / speed,
            first_look: self.first_look / speed,
            first_look_by: self.first_look_by / speed,
            on_call: self.on_call / speed,
            ..self
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            verify_holds: Duration::from_secs(15 * 60),
            standby: Duration::from_secs(15 * 60),
            watch: Duration::from_secs(30 * 60),
            first_look: Duration::from_secs(5 * 60),
            first_look_by: Duration::from_secs(10 * 60),
            on_call: Duration::from_secs(60 * 60),
            automatic_rollback: false,
            countdown: Duration::from_secs(30),
            stale_after: Duration::from_secs(10),
            rollout_timeout: Duration::from_secs(10 * 60),
            switch_timeout: Duration::from_secs(60),
            stable_for: Duration::from_secs(2),
            window: None,
            checklist: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_procedures_own_times_are_shortened() {
        let policy = Policy::default();
        let fast = policy.clone().at_speed(30);
        assert_eq!(fast.watch, Duration::from_secs(60));
        assert_eq!(fast.standby, Duration::from_secs(30));
        let rest = Policy {
            verify_holds: policy.verify_holds,
            standby: policy.standby,
            watch: policy.watch,
            first_look: policy.first_look,
            first_look_by: policy.first_look_by,
            on_call: policy.on_call,
            ..fast
        };
        assert_eq!(rest, policy);
        assert_eq!(policy.clone().at_speed(0), policy);
    }
}
