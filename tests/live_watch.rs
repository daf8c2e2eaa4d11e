//! On the lab, with its Prometheus and Alertmanager: the watch after the switch. The
//! thresholds, the numbers of samples and the rules are the shipped ones; only the
//! watch's length and the countdown are shortened.
//!
//! Not in the rehearsal: it has no Prometheus yet.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::bastion::{Bastion, Run};
use support::until;
use support::users::{Visit, Visitor};
use support::world::{Outage, World};

mod lab {
    #[test]
    fn a_watch_passes_knows_nothing_or_takes_the_release_back() {
        let name = "a_watch_passes_knows_nothing_or_takes_the_release_back";
        if let Some(world) = crate::support::world::World::lab(name) {
            super::passes_knows_nothing_or_takes_the_release_back(&world);
        }
    }
}

/// A bastion that measures with the lab's Prometheus and asks its Alertmanager.
fn measuring(world: &World) -> Bastion {
    let url = |variable: &str| std::env::var(variable).unwrap();
    let extra = format!(
        "[environments.lab.metrics]\nurl = \"{}\"\n[environments.lab.alerts]\nalertmanager = \"{}\"\n\
         [environments.lab.policy.rollback]\ncountdown = \"5s\"\n",
        url("CUTOVER_LAB_PROMETHEUS_URL"),
        url("CUTOVER_LAB_ALERTMANAGER_URL"),
    );
    Bastion::new(world, "ops1", &world.oncall, &extra)
}

/// Brings a version to green, and gives it the traffic.
fn release(world: &World, bastion: &Bastion, version: &str, error_rate: &str) {
    let env = json!([{"name": "ERROR_RATE", "value": error_rate}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "backend", "env": env}]}}}});
    world.patch("deployment/backend-green", &patch);
    bastion.act(&["deploy", "--version", version, "--colour", "green"]).expect(0);
    bastion.act(&["verify", "--colour", "green"]).expect(0);
    // The users' requests of the last minute have to be there: the switch asks for it.
    let switch = until("the metrics to be live", Duration::from_secs(90), || {
        let run = bastion.act(&["switch", "--to", "green"]);
        (run.status != 3).then_some(run)
    });
    switch.expect(0);
}

fn watch(bastion: &Bastion, more: &[&str]) -> Run {
    let mut arguments = vec!["watch", "--output", "json"];
    arguments.extend(more);
    bastion.run(&arguments)
}

fn passes_knows_nothing_or_takes_the_release_back(world: &World) {
    let bastion = measuring(world);
    let visitor = Visitor::begin(&world.url());

    release(world, &bastion, "v1.1.0", "0.002");
    let good = watch(&bastion, &["--minutes", "1"]).expect(0);
    let ended = good.events().pop().unwrap();
    assert_eq!(ended["verdict"], "pass", "{ended}");

    // Prometheus does not answer: what was a pass is one no more.
    let paused = world.lose(Outage::MetricsFrozen);
    let blind = watch(&bastion, &["--minutes", "1"]).expect(NO_DATA);
    let ended = blind.events().pop().unwrap();
    assert!(ended["reasons"][0].as_str().is_some_and(|why| !why.is_empty()), "{ended}");
    drop(paused);
    bastion.act(&["rollback", "--to", "blue"]).expect(0);
    drop(visitor);

    let visitor = Visitor::begin(&world.url());
    release(world, &bastion, "v1.1.1", "0.12");
    let (watched, events) =
        bastion.timed(&["watch", "--minutes", "5", "--rollback", "automatic", "--output", "json"]);
    watched.expect(ROLLED_BACK);
    assert_eq!(world.selected(), "blue");
    let ended = Instant::now();
    tell_times(&visitor.end(), &events, ended);
}

/// There is no data, or it is stale.
const NO_DATA: i32 = 8;
/// It was rolled back.
const ROLLED_BACK: i32 = 5;

fn tell_times(visits: &[Visit], events: &[(Instant, Value)], ended: Instant) {
    let bad: Vec<Instant> = visits
        .iter()
        .filter(|visit| visit.failed && visit.version == "v1.1.1")
        .map(|visit| visit.at)
        .collect();
    let (first, last) = (*bad.first().unwrap(), *bad.last().unwrap());
    let (trigger, event) = events.iter().find(|(_, event)| event["event"] == "trigger").unwrap();
    assert!(event["words"].as_str().unwrap().contains("error rate"), "{event}");
    let after = |at: Instant| at.saturating_duration_since(first).as_secs_f64();
    println!("measured: 12 % errors: first bad answer to the reason {:.1} s", after(*trigger));
    println!("measured: 12 % errors: first to last bad answer {:.1} s, {} of them", after(last), bad.len());
    println!("measured: 12 % errors: first bad answer to rolled back and told {:.1} s", after(ended));
}
