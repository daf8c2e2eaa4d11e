//! Following a switch: endpoints, then answers.

use std::time::Duration;

use futures::FutureExt;

use super::job::{Followed, Job};
use crate::room::message::Probe;
use crate::sop::cluster::Cluster;
use crate::sop::colour::Colour;
use crate::sop::moment::Moment;
use crate::sources::kubernetes::read_cluster;
use crate::sources::probe::Prober;

/// How many answers in a row must be of the target.
const PROBES: u32 = 5;
/// Pause between two looks at the endpoints.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Follows the endpoints until they have been those of `to` alone for the policy's
/// time; when they became so.
pub(super) async fn endpoints(job: &Job, to: Colour, patched: Moment) -> (Followed, Moment) {
    const STEP: &str = "endpoints";
    let policy = &job.world.environment.policy;
    let mut right_since: Option<Moment> = None;
    let mut told = String::new();
    job.running(STEP, format!("waiting until they are all of {}", to.label())).await;
    loop {
        let asked = job.now();
        let cluster = read_cluster(&job.world.connection, &job.world.environment.kubernetes).boxed().await;
        let state = match &cluster {
            Ok(cluster) if cluster.active() != Some(to) => {
                let why = moved_away(cluster);
                job.failed(STEP, &why, patched).await;
                return (Followed::NotReached(why), asked);
            }
            Ok(cluster) => endpoints_of(cluster, to),
            Err(error) => Err(error.to_string()),
        };
        match state {
            Ok(words) => {
                let since = *right_since.get_or_insert(job.now());
                if job.now().since(since) >= policy.stable_for {
                    let took = Some(since.since(patched));
                    let reporter = &job.world.reporter;
                    reporter.step(job.id(), STEP, crate::room::message::StepState::Done, &words, took).await;
                    return (Followed::Reached(words), since);
                }
            }
            Err(why) => {
                right_since = None;
                if job.now().since(patched) > policy.switch_timeout {
                    let why = format!("{why} after {} s", policy.switch_timeout.as_secs());
                    job.failed(STEP, &why, patched).await;
                    return (Followed::NotReached(why), asked);
                }
                if told != why {
                    job.running(STEP, &why).await;
                    told = why;
                }
            }
        }
        if job.pause(LOOK_EVERY.max(job.now().since(asked))).await.is_err() {
            return (Followed::Overtaken, asked);
        }
    }
}

fn moved_away(cluster: &Cluster) -> String {
    let Some(service) = &cluster.service else { return "the Service is gone".to_owned() };
    let by = service.owner.as_ref().map_or("somebody", |owner| owner.manager.as_str());
    match service.active {
        Some(colour) => format!("{by} has moved the traffic to {} since", colour.label()),
        None => format!("{by} has pointed the selector at neither colour since"),
    }
}

/// Whether the Service sends everything to `to`: as many ready addresses as there
/// are ready pods, none of the other colour, none of unknown origin.
fn endpoints_of(cluster: &Cluster, to: Colour) -> Result<String, String> {
    let Some(count) = cluster.endpoint_count() else { return Err("the endpoints were not read".to_owned()) };
    let (ready, pods) = (count.ready[to], cluster.ready_pods(to));
    let others = count.ready[to.other()];
    if others > 0 {
        return Err(format!("{others} endpoints are still of {}", to.other().label()));
    }
    if ready == 0 || ready < pods {
        return Err(format!("{ready} of {pods} ready pods of {} are endpoints", to.label()));
    }
    if count.unknown > 0 {
        return Err(format!("{} endpoints belong to no known pod", count.unknown));
    }
    Ok(format!("{ready} endpoints, all of {}", to.label()))
}

/// Asks the public URL, each time on a new connection, until several answers in a
/// row carry the target's version.
pub(super) async fn probes(job: &Job, version: Option<&str>, patched: Moment) -> Followed {
    const STEP: &str = "probes";
    let since = job.now();
    let Some(version) = version else {
        let why = "the target's image names no version, so answers cannot be told apart".to_owned();
        job.failed(STEP, &why, since).await;
        return Followed::NotReached(why);
    };
    let prober = match Prober::new(&job.world.environment.application) {
        Ok(prober) => prober,
        Err(why) => {
            job.failed(STEP, &why, since).await;
            return Followed::NotReached(why);
        }
    };
    let mut right = 0;
    loop {
        let probe = prober.ask().boxed().await;
        let judged = judge_probe(&probe, version);
        match judged {
            Ok(()) => right += 1,
            Err(_) => right = 0,
        }
        if right == PROBES {
            let words = format!("{PROBES} answers of {version} in a row on new connections");
            job.done(STEP, &words, since).await;
            return Followed::Reached(words);
        }
        if let Err(why) = judged {
            if job.now().since(patched) > job.world.environment.policy.switch_timeout {
                job.failed(STEP, &why, since).await;
                return Followed::NotReached(why);
            }
            job.running(STEP, why).await;
            if job.pause(LOOK_EVERY).await.is_err() {
                return Followed::Overtaken;
            }
        } else {
            job.running(STEP, format!("{right} of {PROBES} answers are of {version}")).await;
        }
    }
}

fn judge_probe(probe: &Probe, version: &str) -> Result<(), String> {
    match (&probe.answer, &probe.version) {
        (Err(why), _) => Err(format!("the URL does not answer: {why}")),
        (Ok(status), Some(seen)) if seen != version => Err(format!("{seen} still answers ({status})")),
        (Ok(status), _) if *status >= 400 => Err(format!("the URL answers {status}")),
        (Ok(_), None) => Err("the answers do not say which version they are of".to_owned()),
        (Ok(_), Some(_)) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::cluster::{EndpointState, PodState};

    #[test]
    fn endpoints_are_right_when_all_are_of_the_target() {
        let endpoint =
            |pod: &str| EndpointState { address: "192.0.2.9".into(), pod: Some(pod.into()), ready: true };
        let mut cluster = Cluster::default();
        for (name, colour) in [("g1", Colour::Green), ("g2", Colour::Green), ("b1", Colour::Blue)] {
            let pod =
                PodState { name: name.into(), colour: Some(colour), ready: true, ..PodState::default() };
            cluster.pods.insert(name.into(), pod);
        }
        let state = |pods: &[&str]| {
            let mut cluster = cluster.clone();
            cluster.endpoints = Some(pods.iter().map(|pod| endpoint(pod)).collect());
            endpoints_of(&cluster, Colour::Green)
        };
        assert!(endpoints_of(&cluster, Colour::Green).is_err(), "not read is not right");
        assert!(state(&["g1", "g2"]).is_ok());
        assert!(state(&["g1"]).is_err());
        assert!(state(&["g1", "g2", "b1"]).is_err());
        assert!(state(&["g1", "g2", "stranger"]).is_err());
        assert!(state(&[]).is_err());
    }

    #[test]
    fn an_answer_counts_when_it_is_of_the_target() {
        let probe = |answer: Result<u16, String>, version: Option<&str>| Probe {
            answer,
            latency: Duration::ZERO,
            version: version.map(str::to_owned),
        };
        assert!(judge_probe(&probe(Ok(200), Some("v2")), "v2").is_ok());
        assert!(judge_probe(&probe(Ok(200), Some("v1")), "v2").is_err());
        assert!(judge_probe(&probe(Ok(503), Some("v2")), "v2").is_err());
        assert!(judge_probe(&probe(Ok(200), None), "v2").is_err());
        assert!(judge_probe(&probe(Err("refused".into()), None), "v2").is_err());
    }
}
