//! The old colour stands down.

use std::time::Duration;

use futures::FutureExt;
use kube::api::Patch;

use super::deploy::change_deployment;
use super::fresh::Fresh;
use super::guard::blocked_by;
use super::job::{Job, not_done};
use super::patch;
use crate::room::message::Conclusion;
use crate::sop::cluster::Cluster;
use crate::sop::colour::Colour;
use crate::sop::interlock::InterlockId;
use crate::sources::kubernetes::read_cluster;

/// How long its pods are waited for once they are asked to go. Who is not gone by
/// then still finishes what it has.
const FOLLOW: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Scales `colour` to 0 and follows until its pods are gone.
pub(super) async fn run(job: &Job, fresh: &Fresh, colour: Colour) -> Conclusion {
    if fresh.cluster.active() != Some(colour.other()) {
        return blocked_by(InterlockId::Target, format!("{} is not idle", colour.label()));
    }
    let (Some(object), Some(state)) = (&fresh.deployment, &fresh.cluster.deployments[colour]) else {
        return not_done("nothing was changed: the Deployment was not read");
    };
    if state.desired == 0 && left(&fresh.cluster, colour) == Left::default() {
        return Conclusion::Verified { words: format!("{} was at 0 already: nothing to do", colour.label()) };
    }
    let before = Some(state.desired).filter(|desired| *desired > 0);
    let body = Patch::Json(patch::scale(object, 0, before, &job.mark()));
    let done = format!("{} scaled from {} to 0", state.name, state.desired);
    match change_deployment(job, object, colour, body, &done).await {
        Ok(_) => follow(job, colour, state.desired).await,
        Err(conclusion) => conclusion,
    }
}

/// The pods that a colour still has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    running: usize,
    /// Told to end; they finish what they have.
    ending: usize,
}

fn left(cluster: &Cluster, colour: Colour) -> Left {
    let ending = cluster.pods_of(colour).filter(|pod| pod.terminating).count();
    Left { running: cluster.pods_of(colour).count() - ending, ending }
}

async fn follow(job: &Job, colour: Colour, before: i32) -> Conclusion {
    const STEP: &str = "pods";
    let since = job.now();
    let label = colour.label();
    let mut told = None;
    loop {
        let cluster = read_cluster(&job.world.connection, &job.world.environment.kubernetes).boxed().await;
        let now = cluster.as_ref().map(|cluster| left(cluster, colour)).map_err(ToString::to_string);
        if now == Ok(Left::default()) {
            job.done(STEP, "all gone", since).await;
            return Conclusion::Verified { words: format!("{label} has stood down ({before} pods before)") };
        }
        if job.stop.is_cancelled() {
            return Conclusion::AppliedNotVerified {
                words: format!(
                    "{label} was asked to stand down; a rollback was ordered before its pods were gone"
                ),
            };
        }
        if job.now().since(since) > FOLLOW {
            return ended(job, label, now, before).await;
        }
        if told.as_ref() != Some(&now) {
            let words = match &now {
                Ok(Left { running, ending }) => {
                    format!("{ending} still finish what they have, {running} not told to end yet")
                }
                Err(error) => error.clone(),
            };
            job.running(STEP, words).await;
            told = Some(now);
        }
        tokio::select! {
            () = job.stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn ended(job: &Job, label: &str, left: Result<Left, String>, before: i32) -> Conclusion {
    let now = job.now();
    match left {
        Ok(Left { running: 0, ending }) => Conclusion::Verified {
            words: format!(
                "{label} has stood down ({before} pods before); {ending} pods still finish what they have, \
                 connections that are kept alive live on until then"
            ),
        },
        Ok(Left { running, .. }) => {
            let why = format!("{running} pods of {label} were not told to end within {} s", FOLLOW.as_secs());
            job.failed("pods", &why, now).await;
            Conclusion::AppliedNotVerified { words: format!("{label} was scaled to 0, but {why}") }
        }
        Err(error) => Conclusion::AppliedNotVerified {
            words: format!("{label} was scaled to 0; whether its pods are gone is unknown: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::cluster::PodState;

    #[test]
    fn pods_that_end_are_told_apart_from_those_that_do_not() {
        let mut cluster = Cluster::default();
        for (name, colour, terminating) in
            [("a", Colour::Blue, true), ("b", Colour::Blue, false), ("c", Colour::Green, false)]
        {
            let pod =
                PodState { name: name.into(), colour: Some(colour), terminating, ..PodState::default() };
            cluster.pods.insert(name.into(), pod);
        }
        assert_eq!(left(&cluster, Colour::Blue), Left { running: 1, ending: 1 });
    }
}
