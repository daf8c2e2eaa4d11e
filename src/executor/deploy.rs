//! A new image on the idle colour. The active colour's Deployment is not touched:
//! its name does not occur in what is sent.

use futures::FutureExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Patch;

use super::call::{CallEnd, RefusedFor, send};
use super::doubt::{RestedOn, Truth, find_out};
use super::fresh::Fresh;
use super::guard::blocked_by;
use super::job::{Followed, Job, not_done};
use super::patch;
use super::rollout::{self, Aim};
use super::world::as_cutover;
use crate::room::message::Conclusion;
use crate::sop::cluster::Cluster;
use crate::sop::colour::Colour;
use crate::sop::interlock::InterlockId;
use crate::sop::record::Measured;
use crate::sop::rollback::pods_to_bring_up;
use crate::sources::kubernetes::convert;

/// Deploys `image` on `colour` and follows the rollout to its end.
pub(super) async fn run(job: &Job, fresh: &Fresh, colour: Colour, image: &str) -> Conclusion {
    match bring_up(job, fresh, colour, image).await {
        Ok(Followed::Reached(words)) => {
            Conclusion::Verified { words: format!("{}: {words}", colour.label()) }
        }
        Ok(Followed::NotReached(why)) => not_done(format!(
            "{} did not roll out: {why}; {} has the traffic and was not touched",
            colour.label(),
            colour.other().label()
        )),
        Ok(Followed::Overtaken) => Conclusion::AppliedNotVerified {
            words: format!(
                "{image} was set on {}; a rollback was ordered before it had rolled out",
                colour.label()
            ),
        },
        Err(conclusion) => conclusion,
    }
}

/// Sets the image, asks for pods where there are none, and follows the rollout.
pub(super) async fn bring_up(
    job: &Job,
    fresh: &Fresh,
    colour: Colour,
    image: &str,
) -> Result<Followed, Conclusion> {
    let deployment = idle_deployment(fresh, colour)?;
    let container = &job.world.environment.kubernetes.container;
    let before = fresh.cluster.deployments[colour].as_ref();
    if before.and_then(|before| before.image.as_ref()).is_none() {
        return Err(not_done(format!(
            "nothing was changed: {} has no container named {container}",
            job.world.deployment_name(colour)
        )));
    }
    let replicas = replicas_to_set(&fresh.cluster, colour);
    let begun = job.now();
    let changed = change(job, deployment, colour, image, replicas).await?;
    let state = convert::deployment(&changed, &job.world.environment.kubernetes);
    let aim = Aim { colour, generation: state.generation, uid: state.uid, image: Some(image.to_owned()) };
    let followed = rollout::follow(job, &aim).boxed().await;
    let same = before.and_then(|before| before.image.as_deref()) == Some(image);
    if matches!(followed, Followed::Reached(_)) && (!same || replicas.is_some()) {
        let of = if same { Measured::ScaleUp } else { Measured::Rollout };
        job.measured(of, job.now().since(begun));
    }
    Ok(followed)
}

/// The Deployment to change, which must be the idle one on the very read that the
/// change rests on.
fn idle_deployment(fresh: &Fresh, colour: Colour) -> Result<&Deployment, Conclusion> {
    if fresh.cluster.active() != Some(colour.other()) {
        return Err(blocked_by(InterlockId::Target, format!("{} is not idle", colour.label())));
    }
    fresh.deployment.as_ref().ok_or_else(|| not_done("nothing was changed: the Deployment was not read"))
}

/// How many pods to ask for where there are none; `None` leaves the number alone.
fn replicas_to_set(cluster: &Cluster, colour: Colour) -> Option<i32> {
    let is_empty = cluster.deployments[colour].as_ref().is_some_and(|deployment| deployment.desired == 0);
    is_empty.then(|| pods_to_bring_up(cluster, colour).max(1))
}

async fn change(
    job: &Job,
    deployment: &Deployment,
    colour: Colour,
    image: &str,
    replicas: Option<i32>,
) -> Result<Box<Deployment>, Conclusion> {
    let container = &job.world.environment.kubernetes.container;
    let body = patch::image(deployment, container, image, replicas, &job.mark());
    let scaled = replicas.map(|replicas| format!(", {replicas} pods")).unwrap_or_default();
    let done = format!("{} asked for {image}{scaled}", job.world.deployment_name(colour));
    change_deployment(job, deployment, colour, Patch::Strategic(body), &done).await
}

/// Sends one change of a Deployment, and finds out what became of it.
pub(super) async fn change_deployment(
    job: &Job,
    deployment: &Deployment,
    colour: Colour,
    body: Patch<serde_json::Value>,
    done: &str,
) -> Result<Box<Deployment>, Conclusion> {
    const STEP: &str = "patch";
    let name = job.world.deployment_name(colour);
    let api = job.world.deployments();
    let since = job.now();
    let what = format!("deployment {name}");
    let request = format!("PATCH deployments/{name}");
    match &body {
        Patch::Json(patch) => job.sending(request, patch),
        Patch::Strategic(patch) => job.sending(request, patch),
        _ => job.sending(request, &()),
    }
    let parameters = as_cutover();
    match send(api.patch(name, &parameters, &body)).await {
        CallEnd::Applied(changed) => {
            job.answered("applied");
            job.done(STEP, done, since).await;
            Ok(changed)
        }
        CallEnd::Refused(refusal) => {
            job.answered(&refusal.words);
            job.failed(STEP, &refusal.words, since).await;
            Err(match refusal.why {
                RefusedFor::Permission => blocked_by(InterlockId::Permission, refusal.words),
                RefusedFor::Changed => not_done(format!(
                    "nothing was changed: {what} was changed by somebody else at the same moment; look at it, then try again ({})",
                    refusal.words
                )),
                RefusedFor::Other => not_done(format!("nothing was changed: {}", refusal.words)),
            })
        }
        CallEnd::Lost(why) => {
            job.answered(&why);
            job.failed(STEP, &why, since).await;
            match find_out(job, &api, &what, name, &RestedOn::of(&deployment.metadata), &why).await {
                Truth::Applied(changed) => Ok(changed),
                Truth::NotApplied(_) => Err(not_done(format!(
                    "not applied, and the request was made void: {what} is as it was; it is safe to try again"
                ))),
                Truth::Unknown(why) => Err(not_done(format!(
                    "unknown whether {what} was changed: {why}; look at it before anything else"
                ))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::cluster::{DeploymentState, ServiceState};

    fn cluster(active: Colour, desired: [i32; 2]) -> Cluster {
        let mut cluster = Cluster {
            service: Some(ServiceState {
                name: "backend".into(),
                uid: "u".into(),
                resource_version: "1".into(),
                created: None,
                selector: Default::default(),
                selector_value: None,
                active: Some(active),
                owner: None,
                gitops: None,
                mark: None,
            }),
            ..Cluster::default()
        };
        for (colour, desired) in Colour::ALL.into_iter().zip(desired) {
            cluster.deployments[colour] = Some(DeploymentState { desired, ..DeploymentState::default() });
        }
        cluster
    }

    fn fresh(active: Colour) -> Fresh {
        Fresh {
            cluster: cluster(active, [3, 3]),
            service: Default::default(),
            deployment: Some(Deployment::default()),
        }
    }

    #[test]
    fn the_active_colour_is_never_deployed_to() {
        assert!(idle_deployment(&fresh(Colour::Blue), Colour::Green).is_ok());
        assert!(idle_deployment(&fresh(Colour::Green), Colour::Green).is_err());
        let unread = Fresh { cluster: Cluster::default(), ..fresh(Colour::Blue) };
        assert!(idle_deployment(&unread, Colour::Green).is_err());
    }

    #[test]
    fn an_empty_colour_is_brought_up_to_the_active_ones_size() {
        assert_eq!(replicas_to_set(&cluster(Colour::Blue, [5, 0]), Colour::Green), Some(5));
        assert_eq!(replicas_to_set(&cluster(Colour::Blue, [5, 2]), Colour::Green), None);
        assert_eq!(replicas_to_set(&cluster(Colour::Blue, [0, 0]), Colour::Green), Some(1));
    }
}
