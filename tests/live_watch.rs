//! In the lab: the watch after the switch, with its shipped thresholds, repetitions and
//! rules, a real Prometheus and a real Alertmanager, and users on the line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::bastion::Bastion;
use support::grafana::{Grafana, TOKEN};
use support::lab::{Stopped, variable};
use support::past::Prometheus;
use support::until;
use support::users::{Answer, Witness};
use support::world::World;

/// An answer that took so long is no answer to a user (sop.md: P95 > 1 s).
const SLOW: Duration = Duration::from_secs(1);

/// The bastion of an operator whose program measures.
fn measuring(world: &World, prometheus: &str, more: &str) -> Bastion {
    let alertmanager = variable("CUTOVER_LAB_ALERTMANAGER_URL");
    let tables = format!(
        "[environments.lab.metrics]\nurl = \"{prometheus}\"\n{more}\n\
         [environments.lab.alerts]\nalertmanager = \"{alertmanager}\"\n"
    );
    Bastion::new(world, "ops1", &world.oncall, &tables)
}

/// What is wrong with the application: this, and nothing else. All of its variables are
/// given, so that none of the release before stays.
fn set_environment(world: &World, wrong: (&str, &str)) {
    let sound = [("ERROR_RATE", "0.002"), ("LATENCY_MS", "40"), ("LEAK_MB_PER_MIN", "0")];
    let value = |name, sound| if name == wrong.0 { wrong.1 } else { sound };
    let variables = sound.map(|(name, sound)| json!({"name": name, "value": value(name, sound)}));
    let container = json!({"name": "backend", "env": variables});
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    world.patch("deployment/backend-green", &patch);
}

fn verified(bastion: &Bastion) {
    until("the idle colour to pass verify", Duration::from_secs(90), || {
        (bastion.act(&["verify", "--colour", "green"]).status == 0).then_some(())
    });
}

#[test]
fn a_good_release_passes_and_what_nobody_can_tell_does_not() {
    let Some(world) = World::lab("a good release passes its watch") else { return };
    let witness = Witness::begin(&world.url());
    let prometheus = Prometheus::of_the_lab(world.runtime());
    let grafana = Grafana::before(&variable("CUTOVER_LAB_PROMETHEUS_URL"), world.runtime());
    let bastion = measuring(&world, &grafana.url, "token_file = \"grafana.token\"");
    std::fs::write(bastion.path().join("grafana.token"), TOKEN).unwrap();

    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    verified(&bastion);
    prometheus.wait_for_a_past();
    let rate = prometheus.number("sum(rate(http_requests_total[1m]))").unwrap();
    prometheus.backfill_a_week_ago(rate);
    bastion.act(&["switch", "--to", "green"]).expect(0);

    let begun = Instant::now();
    let watch = bastion.run(&["watch", "--minutes", "1", "--output", "json"]).expect(0);
    println!("measured: a watch of 1 min passed after {:.1} s", begun.elapsed().as_secs_f64());
    let events = watch.events();
    let signal = |id: &str| {
        let of = |event: &&Value| event["event"] == "signal" && event["signal"] == id;
        events.iter().rev().find(of).unwrap_or_else(|| panic!("no {id}: {events:#?}"))
    };
    for id in ["error-rate", "p95", "requests", "connections", "memory"] {
        let last = signal(id);
        println!("measured: {id}: {}", last["words"]);
        assert_eq!(last["verdict"], "pass", "{last}");
    }
    let compared = |event: &&Value| event["signal"] == "requests" && event["week_ago"].is_number();
    let compared = events.iter().find(compared).expect("a week ago is known");
    println!("measured: requests a week ago {}, written as {rate:.1} a second", compared["week_ago"]);
    assert!(witness.end().iter().all(|answer| answer.status.is_some()), "nobody lost an answer");

    // Whoever looks now can tell nothing, however well it went before.
    for stopped in [Stopped::killed, Stopped::paused] {
        let stopped = stopped("prometheus");
        let watch = bastion.run(&["watch", "--minutes", "1", "--output", "json"]).expect(8);
        let events = watch.events();
        assert!(events.iter().all(|event| event["verdict"] != "pass"), "{events:#?}");
        println!("measured: without Prometheus: {}", events.last().unwrap()["reasons"][0]);
        drop(stopped);
    }
}

/// A release that is bad, and what gives it away.
struct Bad {
    name: &'static str,
    environment: (&'static str, &'static str),
    is_bad: fn(&Answer) -> bool,
}

const BAD: [Bad; 3] = [
    Bad { name: "12 % errors", environment: ("ERROR_RATE", "0.12"), is_bad: failed },
    Bad { name: "P95 > 1 s", environment: ("LATENCY_MS", "1400"), is_bad: |answer| answer.took > SLOW },
    Bad { name: "total outage", environment: ("ERROR_RATE", "1"), is_bad: failed },
];

fn failed(answer: &Answer) -> bool {
    answer.status.is_none_or(|status| status >= 500)
}

#[test]
fn bad_releases_are_seen_and_taken_back_by_themselves() {
    let Some(world) = World::lab("bad releases are taken back") else { return };
    let mut witness = Witness::begin(&world.url());
    let prometheus = Prometheus::of_the_lab(world.runtime());
    let bastion = measuring(&world, &variable("CUTOVER_LAB_PROMETHEUS_URL"), "");
    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    prometheus.wait_for_a_past();
    for bad in &BAD {
        set_environment(&world, bad.environment);
        verified(&bastion);
        let traffic = world.traffic();
        bastion.act(&["switch", "--to", "green"]).expect(0);
        let watched =
            bastion.told(&["watch", "--minutes", "5", "--rollback", "automatic", "--output", "json"]);
        let users = traffic.end();
        let answers = std::mem::replace(&mut witness, Witness::begin(&world.url())).end();
        let (watch, events) = watched;
        let watch = watch.expect(5);
        assert_eq!(world.selected(), "blue", "{}: the traffic is back", bad.name);
        report(bad, &answers, &events);
        println!(
            "measured: {}: lab/traffic saw {} failures in {} requests",
            bad.name, users.failures, users.requests
        );
        let words = watch.words();
        assert!(words.starts_with("stable again"), "{}: {words}", bad.name);
    }
    a_leak_is_seen_before_the_kernel_kills(&world, &bastion);
}

/// Says when it was seen and what users saw of it.
fn report(bad: &Bad, answers: &[Answer], events: &[(Instant, Value)]) {
    let of_the_release =
        |answer: &&Answer| answer.version.as_deref() == Some("v1.1.0") || answer.status.is_none();
    let mut spoilt = answers.iter().filter(of_the_release).filter(|answer| (bad.is_bad)(answer));
    let first = spoilt.next().unwrap_or_else(|| panic!("{}: users saw nothing of it", bad.name));
    let last = spoilt.next_back().unwrap_or(first);
    let (raised, reason) = events.iter().find(|(_, event)| event["event"] == "trigger").unwrap();
    let count = answers.iter().filter(of_the_release).filter(|answer| (bad.is_bad)(answer)).count();
    println!(
        "measured: {}: first bad request to the reason {:.1} s, to the last bad answer {:.1} s; \
         {count} of {} answers bad; {}",
        bad.name,
        raised.saturating_duration_since(first.at).as_secs_f64(),
        last.at.saturating_duration_since(first.at).as_secs_f64(),
        answers.len(),
        reason["words"],
    );
    let (back, _) = events.last().unwrap();
    assert!(last.at < *back, "{}: bad answers went on after the end", bad.name);
}

fn a_leak_is_seen_before_the_kernel_kills(world: &World, bastion: &Bastion) {
    set_environment(world, ("LEAK_MB_PER_MIN", "60"));
    verified(bastion);
    bastion.act(&["switch", "--to", "green"]).expect(0);
    let mut watch = bastion.begin(&["watch", "--minutes", "5", "--output", "json"]);
    let seen = watch.wait_for(Duration::from_secs(120), |event| {
        event["event"] == "signal" && event["signal"] == "memory" && event["verdict"] == "warn"
    });
    let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_u64();
    for pod in world.pods("version=green") {
        assert_eq!(restarts(&pod), Some(0), "the kernel was first");
    }
    println!("measured: a leak: {}", seen["words"]);
    bastion.act(&["rollback", "--to", "blue"]).expect(0);
}
