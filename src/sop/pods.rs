//! What can only be told by looking at every pod. With thousands of them that is
//! done once per change, not for every condition that asks.

use super::cluster::Cluster;
use super::colour::{Colour, PerColour};
use super::interlock::LockState;
use super::verification::Verification;

/// What was found by looking at every pod of both colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFacts {
    /// Pods that are ready and stay.
    pub ready: PerColour<usize>,
    /// See [`settled`].
    pub settled: PerColour<LockState>,
    /// See [`Verification::unproven`]; `None` also where there is no verification.
    pub unproven: PerColour<Option<String>>,
}

impl PodFacts {
    /// Looks at every pod.
    #[must_use]
    pub fn of(cluster: &Cluster, verification: Option<&Verification>) -> Self {
        Self {
            ready: PerColour::from_fn(|colour| cluster.ready_pods(colour)),
            settled: PerColour::from_fn(|colour| settled(cluster, colour)),
            unproven: PerColour::from_fn(|colour| verification?.unproven(cluster, colour)),
        }
    }
}

/// Whether all pods of a colour are ready, on the Deployment's image and its newest template.
#[must_use]
pub fn settled(cluster: &Cluster, colour: Colour) -> LockState {
    let blocked = LockState::Blocked;
    let Some(deployment) = &cluster.deployments[colour] else {
        return LockState::Unknown(format!("the Deployment of {} has not been seen", colour.label()));
    };
    let newest = cluster.newest_replica_set(colour).and_then(|set| set.hash.as_deref());
    let mut ready = 0;
    for pod in cluster.pods_of(colour).filter(|pod| !pod.terminating) {
        if pod.image != deployment.image {
            return blocked(format!("{} runs another image", pod.name));
        }
        if newest.is_some() && pod.hash.as_deref() != newest {
            return blocked(format!("{} is of an older template", pod.name));
        }
        if !pod.ready {
            let why = pod.reason.as_deref().unwrap_or("not ready");
            return blocked(format!("{} {why}", pod.name));
        }
        ready += 1;
    }
    let desired = usize::try_from(deployment.desired).unwrap_or(0);
    match ready {
        0 => blocked(format!("{} has no pods", colour.label())),
        ready if ready < desired => blocked(format!("{ready} of {desired} ready")),
        ready => LockState::Clear(format!("{ready} of {desired} ready")),
    }
}
