//! What the checks against every pod of the idle colour found (sop.md, "Test green").

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::colour::Colour;
use super::moment::{Moment, rounded};

/// One run of the checks over all pods of a colour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    pub at: Timestamp,
    /// Operator (user@host) who ran it.
    pub by: String,
    pub colour: Colour,
    /// The Deployment's image at that time.
    pub image: String,
    /// `pod-template-hash` of the pods that were checked.
    pub hash: Option<String>,
    pub pods: Vec<PodVerification>,
}

/// What the checks found in one pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodVerification {
    pub pod: String,
    pub checks: Vec<CheckResult>,
}

/// What one check found in one pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    pub path: String,
    pub outcome: CheckOutcome,
    pub latency_ms: Option<u64>,
}

/// A check's answer. Not having been able to ask is not a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "why")]
pub enum CheckOutcome {
    Pass,
    Fail(String),
    Unknown(String),
}

impl PodVerification {
    /// Whether every check passed; no checks is no pass.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.outcome == CheckOutcome::Pass)
    }
}

impl Verification {
    /// Whether every check passed in every pod; no pods is no pass.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.pods.is_empty() && self.pods.iter().all(PodVerification::passed)
    }

    /// The first thing that did not pass, in words.
    #[must_use]
    pub fn first_trouble(&self) -> Option<String> {
        if self.pods.is_empty() {
            return Some("no pod was checked".into());
        }
        self.pods.iter().find(|pod| !pod.passed()).map(|pod| {
            let found = pod.checks.iter().find_map(|check| match &check.outcome {
                CheckOutcome::Pass => None,
                CheckOutcome::Fail(why) | CheckOutcome::Unknown(why) => {
                    Some(format!("{}: {why}", check.path))
                }
            });
            format!("{} {}", pod.pod, found.unwrap_or_else(|| "was not checked".into()))
        })
    }

    /// Why this verification does not stand for the pair as it is now, its age apart:
    /// failed, another image or template, a pod that came since and was not checked.
    #[must_use]
    pub fn unproven(&self, cluster: &Cluster, colour: Colour) -> Option<String> {
        if self.colour != colour {
            return Some(format!("the last verify was of {}", self.colour.label()));
        }
        if let Some(trouble) = self.first_trouble() {
            return Some(format!("verify failed: {trouble}"));
        }
        let image = cluster.deployments[colour].as_ref().and_then(|d| d.image.as_deref());
        if image != Some(self.image.as_str()) {
            return Some("the image changed since verify".into());
        }
        let mut checked: Vec<&str> = self.pods.iter().map(|checked| checked.pod.as_str()).collect();
        checked.sort_unstable();
        if let Some(pod) = cluster
            .pods_of(colour)
            .filter(|pod| pod.ready && !pod.terminating)
            .find(|pod| checked.binary_search(&pod.name.as_str()).is_err())
        {
            return Some(format!("{} came up since verify and was not checked", pod.name));
        }
        None
    }

    /// Its age, when it is young enough to hold.
    ///
    /// # Errors
    /// That it is older than `holds`, in words.
    pub fn age_within(&self, holds: Duration, now: Moment) -> Result<Duration, String> {
        let age = now.since_wall(self.at);
        if age > holds {
            return Err(format!("verified {} ago; it holds {}", rounded(age), rounded(holds)));
        }
        Ok(age)
    }
}
