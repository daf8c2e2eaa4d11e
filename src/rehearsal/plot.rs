//! The plot: injects what a scenario has planned when its time has come. What sets a
//! fault off is seen in the cluster, whoever did it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::cluster::object::{label, number, text};
use super::cluster::resource::Resource;
use super::cluster::store::Key;
use super::faults::Fault;
use super::scenario::{Event, NAMESPACE, SERVICE};
use super::world::World;
use crate::sop::cluster::image_version;

/// What comes next in the plot.
enum Turn {
    Begin(Fault),
    End(Fault),
}

/// Plays the plot until `stop`. Its times are those of the procedure: `speed` makes
/// them shorter.
pub(super) async fn run(world: Arc<World>, speed: u32, stop: CancellationToken) {
    let began = Instant::now();
    let shortened = |time: Duration| time / speed.max(1);
    let mut newest = world.store.subscribe();
    let mut happened = BTreeMap::new();
    let mut turns: Vec<(Instant, Turn)> = Vec::new();
    let mut waiting = world.scenario.faults.clone();
    loop {
        newest.borrow_and_update();
        note(&world, &mut happened);
        waiting.retain(|planned| {
            let base = match (planned.at, planned.on) {
                (Some(at), _) => Some(began + shortened(at)),
                (None, Some(event)) => happened.get(&event).map(|at| *at + shortened(planned.after)),
                (None, None) => None,
            };
            let Some(begin) = base else { return true };
            turns.push((begin, Turn::Begin(planned.fault)));
            if let Some(lasts) = planned.lasts {
                turns.push((begin + shortened(lasts), Turn::End(planned.fault)));
            }
            false
        });
        play(&world, &mut turns);
        let next = turns.iter().map(|(at, _)| *at).min();
        tokio::select! {
            () = stop.cancelled() => return,
            changed = newest.changed(), if !waiting.is_empty() => if changed.is_err() { return },
            () = sleep_until(next.unwrap_or(began)), if next.is_some() => {}
            else => return,
        }
    }
}

/// Plays what is due.
fn play(world: &World, turns: &mut Vec<(Instant, Turn)>) {
    turns.sort_by_key(|(at, _)| *at);
    let due = turns.iter().take_while(|(at, _)| *at <= Instant::now()).count();
    for (_, turn) in turns.drain(..due) {
        match turn {
            Turn::Begin(fault) => world.faults.inject(fault),
            Turn::End(fault) => world.faults.clear(fault.name()),
        }
    }
}

/// Notes what has happened, the first time that it has.
fn note(world: &World, happened: &mut BTreeMap<Event, Instant>) {
    let (_, deployments) = world.store.list(Resource::Deployments, Some(NAMESPACE));
    let released = deployments.iter().find(|deployment| {
        let image = text(deployment, "/spec/template/spec/containers/0/image");
        image_version(image) == Some(world.scenario.to.as_str())
    });
    let Some(released) = released else { return };
    let mut happens = |event| {
        happened.entry(event).or_insert_with(Instant::now);
    };
    happens(Event::Deploy);
    if is_done(released) {
        happens(Event::Ready);
    }
    let selected = world.store.get(&Key::new(Resource::Services, NAMESPACE, SERVICE));
    let selected = selected.as_ref().map(|service| text(service, "/spec/selector/version").to_owned());
    let has_traffic = selected.as_deref() == label(released, "version");
    if has_traffic {
        happens(Event::Switch);
    } else if happened.contains_key(&Event::Switch) {
        happened.entry(Event::Rollback).or_insert_with(Instant::now);
    }
}

/// Whether all of a Deployment's pods run what it asks for.
pub(super) fn is_done(deployment: &Value) -> bool {
    let status = |key: &str| number(&deployment["status"], &format!("/{key}")).unwrap_or(0);
    let desired = number(deployment, "/spec/replicas").unwrap_or(1);
    desired > 0
        && number(deployment, "/metadata/generation") == number(deployment, "/status/observedGeneration")
        && [status("updatedReplicas"), status("replicas"), status("availableReplicas")] == [desired; 3]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearsal::cluster::seed;
    use crate::rehearsal::cluster::store::StoreError;
    use crate::rehearsal::scenario::{IMAGE, Scenario};

    const PLOT: &str = r#"
title = "t"
description = "d"
[[faults]]
at = "1m"
for = "30s"
fault = { name = "api-frozen" }
[[faults]]
on = "switch"
after = "10s"
fault = { name = "errors", rate = 0.5 }
"#;

    async fn after(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        // The plot's own timers of the same moment may be behind this one.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn faults_come_and_go_at_their_times_and_events() {
        let world = World::new(Scenario::parse("t", PLOT).unwrap(), 1);
        seed(&world);
        let stop = CancellationToken::new();
        tokio::spawn(run(Arc::clone(&world), 2, stop.clone()));
        let has = |name: &str| world.faults.active().has(name);
        after(29).await;
        assert!(!has("api-frozen"), "a minute is half a minute at speed 2");
        after(2).await;
        assert!(has("api-frozen"));
        after(15).await;
        assert!(!has("api-frozen"));
        let change = |resource, name: &str, change: &dyn Fn(&mut Value)| {
            world
                .store
                .update(&Key::new(resource, NAMESPACE, name), None, |object| {
                    change(object);
                    Ok::<_, StoreError>(())
                })
                .unwrap();
        };
        change(Resource::Deployments, "backend-green", &|deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] =
                json!(format!("{IMAGE}:v1.1.0"));
        });
        after(60).await;
        assert!(!has("errors"), "the traffic is still on the old version");
        change(Resource::Services, SERVICE, &|service| {
            service["spec"]["selector"]["version"] = json!("green")
        });
        after(6).await;
        assert!(has("errors"));
        stop.cancel();
    }
}
