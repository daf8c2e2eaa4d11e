//! Following a rollout: kubectl's rules, and what they leave out.

use std::time::Duration;

use futures::FutureExt;

use super::job::{Followed, Job};
use crate::sop::cluster::{Cluster, PodState};
use crate::sop::colour::Colour;
use crate::sop::rollout::{Rollout, is_trouble, rollout, stuck_because};
use crate::sources::kubernetes::read_cluster;

/// Pause between two looks at a rollout.
const ROLLOUT_EVERY: Duration = Duration::from_secs(1);
/// Restarts from which on a crash loop is taken for one.
const CRASHES: i32 = 2;

/// What a rollout is aiming at.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub colour: Colour,
    /// `metadata.generation` of the change: older states tell nothing about it.
    pub generation: i64,
    pub uid: String,
    /// The image that every pod must have; `None` where it was not set by us.
    pub image: Option<String>,
}

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Done(String),
    Waiting(String),
    Failed(String),
}

/// Follows a rollout until it is done, failed, or has taken too long.
pub(super) async fn follow(job: &Job, aim: &Aim) -> Followed {
    const STEP: &str = "rollout";
    let since = job.now();
    let limit = job.world.environment.policy.rollout_timeout;
    let mut told = String::new();
    loop {
        let asked = job.now();
        let progress =
            match read_cluster(&job.world.connection, &job.world.environment.kubernetes).boxed().await {
                Ok(cluster) => progress(&cluster, aim),
                Err(error) => Progress::Waiting(error.to_string()),
            };
        match progress {
            Progress::Done(words) => {
                job.done(STEP, &words, since).await;
                return Followed::Reached(words);
            }
            Progress::Failed(why) => {
                job.failed(STEP, &why, since).await;
                return Followed::NotReached(why);
            }
            Progress::Waiting(words) if job.now().since(since) > limit => {
                let why = format!("not rolled out within {} s: {words}", limit.as_secs());
                job.failed(STEP, &why, since).await;
                return Followed::NotReached(why);
            }
            Progress::Waiting(words) => {
                if words != told {
                    job.running(STEP, &words).await;
                    told = words;
                }
            }
        }
        if job.pause(ROLLOUT_EVERY.max(job.now().since(asked))).await.is_err() {
            return Followed::Overtaken;
        }
    }
}

/// kubectl's rules, then what they leave out: a rollout whose pods cannot start
/// fails at once instead of after the progress deadline, and "done" counts only
/// once every pod is of the new template and image.
fn progress(cluster: &Cluster, aim: &Aim) -> Progress {
    let colour = aim.colour;
    let Some(deployment) = &cluster.deployments[colour] else {
        return Progress::Failed(format!("the Deployment of {} was deleted", colour.label()));
    };
    if deployment.uid != aim.uid {
        return Progress::Failed(format!("{} was deleted and made anew", deployment.name));
    }
    if deployment.generation < aim.generation {
        return Progress::Waiting("the server has not caught up with the change".to_owned());
    }
    if let Some(image) = aim.image.as_ref().filter(|image| Some(*image) != deployment.image.as_ref()) {
        let now = deployment.image.as_deref().unwrap_or("no image");
        return Progress::Failed(format!("somebody set {now} in place of {image}"));
    }
    let state = rollout(deployment);
    let newest = cluster.newest_replica_set(colour).and_then(|set| set.hash.as_deref());
    let of_newest =
        |pod: &&PodState| !pod.terminating && newest.is_none_or(|hash| pod.hash.as_deref() == Some(hash));
    match state {
        Rollout::Done => whole(cluster, colour, newest),
        Rollout::ScaledToZero => Progress::Failed(format!("{} was scaled to 0", deployment.name)),
        Rollout::Paused => {
            Progress::Failed(format!("{} is paused: resume it, then deploy again", deployment.name))
        }
        Rollout::Failed(why) => {
            let stuck = stuck_because(cluster, colour).map(|stuck| format!("; {stuck}")).unwrap_or_default();
            Progress::Failed(format!("{why}{stuck}"))
        }
        // Until the controller has seen the change, all pods are of the old template.
        Rollout::Waiting(words) if deployment.generation > deployment.observed_generation => {
            Progress::Waiting(words)
        }
        Rollout::Waiting(words) => match cluster.pods_of(colour).filter(of_newest).find_map(hopeless) {
            Some(why) => Progress::Failed(why),
            None => Progress::Waiting(waiting_words(words, cluster, colour)),
        },
    }
}

fn waiting_words(words: String, cluster: &Cluster, colour: Colour) -> String {
    match stuck_because(cluster, colour) {
        Some(stuck) => format!("{words}; {stuck}"),
        None => words,
    }
}

/// Why a pod will not come up by itself, and what to do.
fn hopeless(pod: &PodState) -> Option<String> {
    let reason = pod.reason.as_deref().filter(|reason| is_trouble(reason))?;
    let what_to_do = match reason {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            "check the version and the registry's access, then deploy again"
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            "check its ConfigMaps, Secrets and command, then deploy again"
        }
        "CrashLoopBackOff" if pod.restarts >= CRASHES => "read its log, then deploy a version that starts",
        _ => return None,
    };
    let detail = if reason == "CrashLoopBackOff" { &pod.last_end } else { &pod.message };
    let detail = detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    Some(format!("{} {reason}{detail}: {what_to_do}", pod.name))
}

/// "Done" as kubectl says it, checked on the pods: none of an older template, of
/// another image, or of another digest of the same tag.
fn whole(cluster: &Cluster, colour: Colour, newest: Option<&str>) -> Progress {
    let Some(deployment) = &cluster.deployments[colour] else {
        return Progress::Waiting("the Deployment was not read".to_owned());
    };
    let mut digests: Vec<&str> = Vec::new();
    let mut ready = 0;
    for pod in cluster.pods_of(colour).filter(|pod| !pod.terminating) {
        if newest.is_some() && pod.hash.as_deref() != newest {
            return Progress::Waiting(format!("{} of the older template is still there", pod.name));
        }
        if pod.image != deployment.image {
            return Progress::Waiting(format!("{} runs another image", pod.name));
        }
        if pod.ready {
            ready += 1;
            digests.extend(pod.image_id.as_deref());
        }
    }
    if ready < deployment.desired {
        return Progress::Waiting(format!("{ready} of {} pods ready", deployment.desired));
    }
    digests.sort_unstable();
    digests.dedup();
    if digests.len() > 1 {
        let image = deployment.image.as_deref().unwrap_or("the image");
        return Progress::Failed(format!(
            "the pods run {} different builds of {image}: pin its digest",
            digests.len()
        ));
    }
    let version = cluster.version(colour).unwrap_or("no version");
    Progress::Done(format!("{ready} of {} pods ready on {version}", deployment.desired))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::cluster::{DeploymentState, ReplicaSetState};

    fn pod(name: &str, colour: Colour, hash: &str, ready: bool) -> PodState {
        PodState {
            name: name.into(),
            colour: Some(colour),
            ready,
            hash: Some(hash.into()),
            image: Some("backend:v2".into()),
            image_id: Some("sha256:1".into()),
            ..PodState::default()
        }
    }

    /// GREEN rolled out with two pods of template `new`.
    fn cluster() -> Cluster {
        let deployment = DeploymentState {
            name: "backend-green".into(),
            uid: "u".into(),
            generation: 2,
            observed_generation: 2,
            desired: 2,
            updated: 2,
            replicas: 2,
            available: 2,
            revision: Some(2),
            image: Some("backend:v2".into()),
            ..DeploymentState::default()
        };
        let set = ReplicaSetState {
            name: "set".into(),
            colour: Some(Colour::Green),
            revision: Some(2),
            hash: Some("new".into()),
            ..ReplicaSetState::default()
        };
        let mut cluster = Cluster::default();
        cluster.deployments[Colour::Green] = Some(deployment);
        cluster.replica_sets.insert("set".into(), set);
        put(&mut cluster, pod("g1", Colour::Green, "new", true));
        put(&mut cluster, pod("g2", Colour::Green, "new", true));
        cluster
    }

    fn put(cluster: &mut Cluster, pod: PodState) {
        cluster.pods.insert(pod.name.clone(), pod);
    }

    fn aim() -> Aim {
        Aim { colour: Colour::Green, generation: 2, uid: "u".into(), image: Some("backend:v2".into()) }
    }

    fn waiting() -> Cluster {
        let mut cluster = cluster();
        cluster.deployments[Colour::Green].as_mut().unwrap().available = 1;
        cluster
    }

    fn with_pod(mut cluster: Cluster, change: impl Fn(&mut PodState)) -> Progress {
        change(cluster.pods.get_mut("g2").unwrap());
        progress(&cluster, &aim())
    }

    #[test]
    fn done_is_what_the_pods_say_too() {
        assert_eq!(progress(&cluster(), &aim()), Progress::Done("2 of 2 pods ready on v2".into()));
        let older = with_pod(cluster(), |pod| pod.hash = Some("old".into()));
        assert_eq!(older, Progress::Waiting("g2 of the older template is still there".into()));
        assert!(matches!(with_pod(cluster(), |pod| pod.image = None), Progress::Waiting(_)));
        assert!(matches!(with_pod(cluster(), |pod| pod.ready = false), Progress::Waiting(_)));
        let digest = with_pod(cluster(), |pod| pod.image_id = Some("sha256:2".into()));
        assert!(matches!(digest, Progress::Failed(why) if why.contains("2 different builds")));
    }

    #[test]
    fn a_state_older_than_the_change_tells_nothing() {
        let newer = Aim { generation: 3, ..aim() };
        assert!(matches!(progress(&cluster(), &newer), Progress::Waiting(_)));
        let other = Aim { uid: "v".into(), ..aim() };
        assert!(matches!(progress(&cluster(), &other), Progress::Failed(_)));
        let image = Aim { image: Some("backend:v3".into()), ..aim() };
        assert!(matches!(progress(&cluster(), &image), Progress::Failed(_)));
        assert!(matches!(progress(&Cluster::default(), &aim()), Progress::Failed(_)));
    }

    #[test]
    fn pods_that_will_not_start_fail_the_rollout_early() {
        let reason = |reason: &str, restarts| {
            let reason = reason.to_owned();
            with_pod(waiting(), move |pod| {
                pod.ready = false;
                pod.restarts = restarts;
                pod.reason = Some(reason.clone());
            })
        };
        for hopeless in ["ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"] {
            assert!(matches!(reason(hopeless, 0), Progress::Failed(_)), "{hopeless}");
        }
        assert!(matches!(reason("CrashLoopBackOff", 1), Progress::Waiting(_)));
        assert!(matches!(reason("CrashLoopBackOff", 2), Progress::Failed(_)));
        assert!(matches!(reason("ContainerCreating", 0), Progress::Waiting(_)));
        // Trouble of the template that is being replaced is no reason to stop.
        let old = with_pod(waiting(), |pod| {
            pod.hash = Some("old".into());
            pod.reason = Some("ImagePullBackOff".into());
        });
        assert!(matches!(old, Progress::Waiting(_)));
    }
}
