//! In the lab: the watch after the switch on a real Prometheus and Alertmanager, with the
//! shipped thresholds, K and rules. Only its length is shortened.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::bastion::{Bastion, Run};
use support::lab::{Stopped, variable};
use support::users::{Answer, Witness};
use support::world::World;

/// Exit statuses of `cutover watch`.
const ROLLED_BACK: i32 = 5;
const NO_DATA: i32 = 8;

/// The rehearsal does not serve these APIs yet.
mod lab {
    macro_rules! in_the_lab {
        ($($body:ident),+ $(,)?) => {
            $(
                #[test]
                fn $body() {
                    if let Some(world) = crate::support::world::World::lab(stringify!($body)) {
                        super::$body(&world);
                    }
                }
            )+
        };
    }
    in_the_lab!(
        a_good_release_passes_for_as_long_as_that_can_be_told,
        twelve_percent_errors_are_rolled_back,
        a_slow_release_is_rolled_back,
        a_total_outage_is_rolled_back,
        a_leak_warns_before_the_kernel_kills,
    );
}

/// A bastion that reads the lab's Prometheus and Alertmanager.
fn bastion(world: &World) -> Bastion {
    let tables = format!(
        r#"
[environments.lab.policy]
watch = "1m"
standby = "5s"
first_look = "10s"
first_look_by = "20s"
[environments.lab.metrics]
url = "{}"
[environments.lab.alerts]
alertmanager = "{}"
"#,
        variable("CUTOVER_LAB_PROMETHEUS_URL"),
        variable("CUTOVER_LAB_ALERTMANAGER_URL"),
    );
    Bastion::new(world, "ops1", &world.oncall, &tables)
}

/// v1.1.0 on green with `variable` in its environment, verified and switched to.
fn released(world: &World, bastion: &Bastion, variable: Option<(&str, &str)>) {
    if let Some((name, value)) = variable {
        let patch = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "backend", "env": [{"name": name, "value": value}]}]}}}});
        world.patch("deployment/backend-green", &patch);
    }
    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    bastion.act(&["verify", "--colour", "green"]).expect(0);
    bastion.act(&["switch", "--to", "green"]).expect(0);
}

/// `cutover watch`, its events with the times at which they were told.
fn watch(bastion: &Bastion, rollback: &str) -> (Run, Vec<(Instant, Value)>) {
    bastion.told(&["watch", "--rollback", rollback, "--output", "json"])
}

fn a_good_release_passes_for_as_long_as_that_can_be_told(world: &World) {
    let (users, bastion) = (Witness::begin(&world.url()), bastion(world));
    released(world, &bastion, None);
    let (run, events) = watch(&bastion, "automatic");
    let run = run.expect(0);
    assert_eq!(run.events().last().unwrap()["verdict"], "pass");
    assert!(events.iter().all(|(_, event)| event["event"] != "trigger"), "{}", run.stdout);
    println!("measured: a good release passes");

    // The release stays as good as it was, but nobody can tell.
    for (how, stopped) in
        [("stopped", Stopped::killed as fn(&'static str) -> Stopped), ("paused", Stopped::paused)]
    {
        let stopped = stopped("prometheus");
        let (run, _) = watch(&bastion, "automatic");
        drop(stopped);
        let run = run.expect(NO_DATA);
        let words = run.events().last().unwrap()["reasons"].to_string();
        println!("measured: Prometheus {how}: {words}");
    }
    assert_eq!(world.selected(), "green", "neither a pass nor no data rolls anything back");
    println!("measured: {} requests of users", users.end().len());
}

/// Watches a bad release to its rollback; `is_bad` is what makes an answer a bad one.
fn rolled_back(world: &World, name: &str, variable: (&str, &str), is_bad: fn(&Answer) -> bool) {
    let (users, bastion) = (Witness::begin(&world.url()), bastion(world));
    released(world, &bastion, Some(variable));
    let (run, events) = watch(&bastion, "automatic");
    let run = run.expect(ROLLED_BACK);
    assert_eq!(world.selected(), "blue");
    let answers = users.end();
    let of_the_release = |answer: &&Answer| answer.version.as_deref() == Some("v1.1.0") && is_bad(answer);
    let bad: Vec<&Answer> = answers.iter().filter(of_the_release).collect();
    let (first, last) = (bad.first().expect("a bad answer").at, bad.last().unwrap().at);
    let triggers: Vec<_> = events.iter().filter(|(_, event)| event["event"] == "trigger").collect();
    let (raised, trigger) = triggers.first().unwrap_or_else(|| panic!("no trigger: {}", run.stdout));
    println!(
        "measured: {name}: first bad request to trigger {:.1} s ({}), to last bad answer {:.1} s; {} bad of {}; {}",
        raised.saturating_duration_since(first).as_secs_f64(),
        trigger["words"].as_str().unwrap_or_default(),
        last.duration_since(first).as_secs_f64(),
        bad.len(),
        answers.len(),
        run.words(),
    );
}

fn twelve_percent_errors_are_rolled_back(world: &World) {
    rolled_back(world, "12 % errors", ("ERROR_RATE", "0.12"), |answer| answer.status >= Some(500));
}

fn a_slow_release_is_rolled_back(world: &World) {
    rolled_back(world, "P95 > 1 s", ("LATENCY_MS", "1400"), |answer| answer.took > Duration::from_secs(1));
}

fn a_total_outage_is_rolled_back(world: &World) {
    rolled_back(world, "total outage", ("ERROR_RATE", "1"), |answer| {
        answer.status.is_none_or(|code| code >= 500)
    });
}

fn a_leak_warns_before_the_kernel_kills(world: &World) {
    let (users, bastion) = (Witness::begin(&world.url()), bastion(world));
    released(world, &bastion, Some(("LEAK_MB_PER_MIN", "50")));
    let mut watch = bastion.begin(&["watch", "--rollback", "never", "--output", "json"]);
    let warned = watch.wait_for(Duration::from_secs(180), |event| {
        event["event"] == "signal"
            && event["signal"] == "memory"
            && (event["verdict"] == "warn" || event["verdict"] == "fail")
    });
    let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_u64();
    let pods = world.pods("app=backend,version=green");
    assert!(pods.iter().all(|pod| restarts(pod) == Some(0)), "the kernel was first: {pods:#?}");
    println!("measured: a leak of 50 MB a minute: {}", warned["words"]);
    users.end();
}
