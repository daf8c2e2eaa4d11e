//! Whether a Deployment's rollout is done, in the order of rules that
//! `kubectl rollout status` applies (its polymorphic status viewer for apps/v1).

use std::collections::BTreeMap;
use std::fmt;

use super::cluster::{Cluster, DeploymentState, PodState};
use super::colour::Colour;

/// What a rollout's status says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollout {
    Done,
    /// Under way; what it waits for.
    Waiting(String),
    /// It will not get there by itself; why.
    Failed(String),
    /// `spec.paused`: nothing rolls until it is resumed.
    Paused,
    /// Asked for no pods and has none.
    ScaledToZero,
}

impl Rollout {
    /// One word for tables and JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Waiting(_) => "waiting",
            Self::Failed(_) => "failed",
            Self::Paused => "paused",
            Self::ScaledToZero => "scaled to 0",
        }
    }
}

impl fmt::Display for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("rolled out"),
            Self::Waiting(what) | Self::Failed(what) => f.write_str(what),
            Self::Paused => f.write_str("paused: resume it before it can roll out"),
            Self::ScaledToZero => f.write_str("scaled to 0"),
        }
    }
}

/// The status of a Deployment's rollout.
///
/// kubectl's order: generation, progress deadline, updated, old replicas,
/// available. A paused Deployment and one that wants no pods have words of their
/// own, because kubectl would wait without end or call nothing "rolled out".
#[must_use]
pub fn rollout(deployment: &DeploymentState) -> Rollout {
    let d = deployment;
    if d.generation > d.observed_generation {
        return Rollout::Waiting("the controller has not seen the new specification yet".into());
    }
    if let Some(condition) =
        d.conditions.iter().find(|c| c.kind == "Progressing" && c.reason == "ProgressDeadlineExceeded")
    {
        return Rollout::Failed(format!("progress deadline exceeded: {}", condition.message));
    }
    if d.paused {
        return Rollout::Paused;
    }
    if d.updated < d.desired {
        return Rollout::Waiting(format!("{} of {} pods updated", d.updated, d.desired));
    }
    if d.replicas > d.updated {
        return Rollout::Waiting(format!(
            "{} old pods still have to go",
            d.replicas.saturating_sub(d.updated)
        ));
    }
    if d.available < d.updated {
        return Rollout::Waiting(format!("{} of {} updated pods available", d.available, d.updated));
    }
    if d.desired == 0 {
        return Rollout::ScaledToZero;
    }
    Rollout::Done
}

/// Why a colour's pods do not become ready, most frequent reason first:
/// `2 pods ImagePullBackOff: …`. `None` when no pod gives a reason.
#[must_use]
pub fn stuck_because(cluster: &Cluster, colour: Colour) -> Option<String> {
    let mut reasons: BTreeMap<&str, (usize, &PodState)> = BTreeMap::new();
    for pod in cluster.pods_of(colour).filter(|pod| !pod.terminating && !pod.ready) {
        if let Some(reason) = pod.reason.as_deref().filter(|reason| is_trouble(reason)) {
            reasons.entry(reason).or_insert((0, pod)).0 += 1;
        }
    }
    let (reason, (count, pod)) = reasons.into_iter().max_by_key(|(_, (count, _))| *count)?;
    let pods = if count == 1 { "pod" } else { "pods" };
    let detail = pod.message.as_deref().or(pod.last_end.as_deref());
    Some(match detail {
        Some(detail) => format!("{count} {pods} {reason}: {detail}"),
        None => format!("{count} {pods} {reason}"),
    })
}

/// Whether a waiting reason means trouble rather than an ordinary start.
#[must_use]
pub fn is_trouble(reason: &str) -> bool {
    !matches!(reason, "ContainerCreating" | "PodInitializing" | "Pending")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::cluster::ConditionState;

    fn deployment(desired: i32, updated: i32, replicas: i32, available: i32) -> DeploymentState {
        DeploymentState {
            generation: 2,
            observed_generation: 2,
            desired,
            updated,
            replicas,
            available,
            ..DeploymentState::default()
        }
    }

    #[test]
    fn follows_the_order_of_kubectl() {
        let cases = [
            (deployment(3, 3, 3, 3), "done", "rolled out"),
            (
                DeploymentState { observed_generation: 1, ..deployment(3, 3, 3, 3) },
                "waiting",
                "the controller has not seen the new specification yet",
            ),
            (deployment(3, 1, 4, 3), "waiting", "1 of 3 pods updated"),
            (deployment(3, 3, 4, 3), "waiting", "1 old pods still have to go"),
            (deployment(3, 3, 3, 2), "waiting", "2 of 3 updated pods available"),
            (
                DeploymentState { paused: true, ..deployment(3, 3, 3, 3) },
                "paused",
                "paused: resume it before it can roll out",
            ),
            (deployment(0, 0, 0, 0), "scaled to 0", "scaled to 0"),
            (deployment(0, 0, 2, 0), "waiting", "2 old pods still have to go"),
        ];
        for (deployment, word, words) in cases {
            let status = rollout(&deployment);
            assert_eq!((status.word(), status.to_string().as_str()), (word, words), "{deployment:?}");
        }
    }

    #[test]
    fn a_missed_deadline_is_a_failure_whatever_the_counts_say() {
        let mut late = deployment(3, 1, 4, 3);
        late.conditions.push(ConditionState {
            kind: "Progressing".into(),
            status: "False".into(),
            reason: "ProgressDeadlineExceeded".into(),
            message: "no progress for 600 s".into(),
        });
        assert_eq!(
            rollout(&late),
            Rollout::Failed("progress deadline exceeded: no progress for 600 s".into())
        );
        late.observed_generation = 1;
        assert_eq!(rollout(&late).word(), "waiting", "an unseen generation makes the old condition void");
    }

    #[test]
    fn the_most_frequent_trouble_is_told() {
        let mut cluster = Cluster::default();
        let reasons = ["ImagePullBackOff", "ImagePullBackOff", "CrashLoopBackOff", "ContainerCreating"];
        for (n, reason) in reasons.into_iter().enumerate() {
            let pod = PodState {
                name: format!("p{n}"),
                colour: Some(Colour::Green),
                reason: Some(reason.into()),
                message: Some("back-off".into()),
                ..PodState::default()
            };
            cluster.pods.insert(pod.name.clone(), pod);
        }
        assert_eq!(
            stuck_because(&cluster, Colour::Green).as_deref(),
            Some("2 pods ImagePullBackOff: back-off")
        );
        assert_eq!(stuck_because(&cluster, Colour::Blue), None);
    }
}
