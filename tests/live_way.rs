//! On the real cluster: the whole way of a release, with users on the line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::lab::{Bastion, Lab, Visitor, lab, until};

/// Failures that are not the application's own status 500s.
fn lost(traffic: &Value) -> Vec<&Value> {
    traffic["first_failures"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|failure| failure.get("error").is_some())
        .collect()
}

/// Seconds from the moment the patch was told to the last answer of the old version on
/// a new connection; negative when it came before.
fn last_old_answer(seen: &[(Instant, String)], old: &str, events: &[(Instant, Value)]) -> Option<f64> {
    let (patched, _) =
        events.iter().find(|(_, event)| event["step"] == "patch" && event["state"] == "done")?;
    let (last, _) = seen.iter().rev().find(|(_, version)| version == old)?;
    Some(
        last.checked_duration_since(*patched)
            .map_or_else(|| -patched.duration_since(*last).as_secs_f64(), |after| after.as_secs_f64()),
    )
}

fn operator(lab: &Lab, extra: &str) -> Bastion {
    Bastion::new(lab, "ops1", &lab.oncall, extra)
}

#[test]
fn deploy_verify_switch_rollback_switch_retire_without_a_lost_request() {
    let Some(lab) = lab("the whole way") else { return };
    let bastion = operator(&lab, "[environments.lab.policy]\nstandby = \"5s\"\n");
    let traffic = lab.traffic();

    let deploy = bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    assert_eq!(lab.selected(), "blue", "a deploy moves no traffic");
    bastion.act(&["verify", "--colour", "green"]).expect(0);

    let visitor = Visitor::begin(&lab.url());
    let (switch, events) = bastion.act_timed(&["switch", "--to", "green"]);
    let switch = switch.expect(0);
    let visited = visitor.end();
    assert_eq!(lab.selected(), "green");
    let annotations = &lab.get("service/backend")["metadata"]["annotations"];
    assert!(annotations["cutover.dev/operation"].is_string(), "{annotations}");

    let back = bastion.act(&["rollback", "--to", "blue"]).expect(0);
    assert_eq!(lab.selected(), "blue");
    bastion.act(&["verify", "--colour", "green"]).expect(0);
    bastion.act(&["switch", "--to", "green"]).expect(0);

    let retire = until("the standby time to pass", Duration::from_secs(30), || {
        let run = bastion.act(&["retire", "--colour", "blue"]);
        (run.status != 3).then_some(run)
    });
    retire.expect(0);
    let blue = lab.get("deployment/backend-blue");
    assert_eq!(blue["spec"]["replicas"], 0);
    assert_eq!(blue["metadata"]["annotations"]["cutover.dev/desired-before"], "3");

    let seen = traffic.end();
    assert!(lost(&seen).is_empty(), "users lost requests: {seen:#}");
    assert!(seen["requests"].as_u64().unwrap() > 100);
    println!("measured: {} requests, no lost one, {} reconnects", seen["requests"], seen["reconnects"]);
    println!("measured: deploy of 3 pods {:?} s", deploy.seconds("rollout"));
    assert!(
        visited.iter().any(|(_, version)| version == "v1.1.0"),
        "new connections reached the new version"
    );
    let last_old = last_old_answer(&visited, "v1.0.0", &events);
    println!("measured: switch: patch told to last old answer on a new connection {last_old:?} s");
    for (name, run) in [("switch", &switch), ("rollback", &back)] {
        println!(
            "measured: {name}: confirmed to patched {:?} s, to endpoints {:?} s, to probes {:?} s",
            run.seconds("patch"),
            run.seconds("endpoints"),
            run.seconds("probes")
        );
    }
}

#[test]
fn the_way_back_when_the_other_colour_is_gone() {
    let Some(lab) = lab("the way back when the other colour is gone") else { return };
    let bastion = operator(&lab, "");
    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    bastion.act(&["verify", "--colour", "green"]).expect(0);
    bastion.act(&["switch", "--to", "green"]).expect(0);
    lab.kubectl(&["scale", "deployment/backend-blue", "--replicas=0"]);
    lab.kubectl(&["wait", "--for=delete", "pod", "-l", "version=blue", "--timeout=60s"]);

    // Switching to a colour without pods would be the outage itself.
    let blocked = bastion.act(&["switch", "--to", "blue"]).expect(3);
    assert!(
        blocked.words().contains("no pods") || blocked.words().contains("scaled to 0"),
        "{}",
        blocked.words()
    );
    assert_eq!(lab.selected(), "green");

    let undo = bastion.act(&["rollback", "--undo", "--service", "backend"]).expect(0);
    assert_eq!(lab.selected(), "green", "an undo moves no traffic");
    let image = "jsonpath={.spec.template.spec.containers[0].image}";
    let green = lab.kubectl(&["get", "deployment/backend-green", "-o", image]);
    assert_eq!(green, "ghcr.io/taxasge/backend:v1.0.0");

    let redeploy =
        bastion.act(&["rollback", "--image", "ghcr.io/taxasge/backend:v1.1.1", "--to", "blue"]).expect(0);
    assert_eq!(lab.selected(), "blue");
    let blue = lab.get("deployment/backend-blue");
    assert_eq!(blue["spec"]["replicas"], 3, "brought up to what the other colour has");
    println!("measured: undo in place {:?} s", undo.seconds("rollout"));
    println!(
        "measured: redeploy from 0 pods {:?} s, then switch {:?} s",
        redeploy.seconds("rollout"),
        redeploy.seconds("endpoints")
    );
}
