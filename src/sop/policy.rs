//! The numbers of the procedure.

use std::time::Duration;

/// The procedure's times and numbers (sop.md's values are the defaults).
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long a passed verify lets the switch through: 15 min.
    pub verify_holds: Duration,
    /// How long the old colour stays up after the switch: 15 min.
    pub standby: Duration,
    /// How long the new colour is watched after the switch: 30 min.
    pub watch: Duration,
    /// Data older than this is stale: 10 s.
    pub stale_after: Duration,
    /// How long a rollout may take before it counts as failed: 10 min.
    pub rollout_timeout: Duration,
    /// How long after the patch the endpoints and probes may take: 60 s.
    pub switch_timeout: Duration,
    /// How long the endpoints must stay as they should be: 2 s.
    pub stable_for: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            verify_holds: Duration::from_secs(15 * 60),
            standby: Duration::from_secs(15 * 60),
            watch: Duration::from_secs(30 * 60),
            stale_after: Duration::from_secs(10),
            rollout_timeout: Duration::from_secs(10 * 60),
            switch_timeout: Duration::from_secs(60),
            stable_for: Duration::from_secs(2),
        }
    }
}
