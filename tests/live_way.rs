//! In both worlds: the whole way of a release, with users on the line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::bastion::Bastion;
use support::until;
use support::users::Visitor;
use support::world::{World, worlds};

worlds!(
    deploy_verify_switch_rollback_switch_retire_without_a_lost_request,
    the_way_back_when_the_other_colour_is_gone,
    a_colour_without_pods_is_deployed_to_at_the_other_ones_size,
    a_releases_own_checks_are_made_for_it_alone,
);

const V1_1_0: &str = "ghcr.io/taxasge/backend:v1.1.0";
const V1_1_1: &str = "ghcr.io/taxasge/backend:v1.1.1";

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

/// Nothing measures the old colour's requests here.
const SEEN: &str = "traffic-left=the traffic of the test is watched";

fn deploy_verify_switch_rollback_switch_retire_without_a_lost_request(world: &World) {
    let policy = "[environments.lab.policy]\nstandby = \"5s\"\n";
    let bastion = Bastion::new(world, "ops1", &world.oncall, policy);
    let traffic = world.traffic();

    let deploy = bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    assert_eq!(world.selected(), "blue", "a deploy moves no traffic");
    bastion.act(&["verify", "--colour", "green"]).expect(0);

    let visitor = Visitor::begin(&world.url());
    let (switch, events) = bastion.act_timed(&["switch", "--to", "green"]);
    let switch = switch.expect(0);
    let visited = visitor.end();
    assert_eq!(world.selected(), "green");
    let annotations = &world.get("service/backend")["metadata"]["annotations"];
    assert!(annotations["cutover.dev/operation"].is_string(), "{annotations}");

    let back = bastion.act(&["rollback", "--to", "blue"]).expect(0);
    assert_eq!(world.selected(), "blue");
    bastion.act(&["verify", "--colour", "green"]).expect(0);
    bastion.act(&["switch", "--to", "green"]).expect(0);

    let retire = until("the standby time to pass", Duration::from_secs(30), || {
        let run = bastion.act(&["retire", "--colour", "blue", "--override", SEEN]);
        (run.status != 3).then_some(run)
    });
    retire.expect(0);
    let blue = world.get("deployment/backend-blue");
    assert_eq!(blue["spec"]["replicas"], 0);
    assert_eq!(blue["metadata"]["annotations"]["cutover.dev/desired-before"], "3");

    let seen = traffic.end();
    assert!(seen.lost.is_empty(), "users lost requests: {seen:#?}");
    assert!(seen.requests > 100);
    println!("measured: {} requests, no lost one, {} reconnects", seen.requests, seen.reconnects);
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

fn the_way_back_when_the_other_colour_is_gone(world: &World) {
    let bastion = Bastion::prepared(world);
    bastion.act(&["switch", "--to", "green"]).expect(0);
    world.scale("backend-blue", 0);

    // Switching to a colour without pods would be the outage itself.
    let blocked = bastion.act(&["switch", "--to", "blue"]).expect(3);
    assert!(
        blocked.words().contains("no pods") || blocked.words().contains("scaled to 0"),
        "{}",
        blocked.words()
    );
    assert_eq!(world.selected(), "green");

    let undo = bastion.act(&["rollback", "--undo", "--service", "backend"]).expect(0);
    assert_eq!(world.selected(), "green", "an undo moves no traffic");
    assert_eq!(world.image("backend-green"), "ghcr.io/taxasge/backend:v1.0.0");

    let redeploy = bastion.act(&["rollback", "--image", V1_1_1, "--to", "blue"]).expect(0);
    assert_eq!(world.selected(), "blue");
    let blue = world.get("deployment/backend-blue");
    assert_eq!(blue["spec"]["replicas"], 3, "brought up to what the other colour has");
    println!("measured: undo in place {:?} s", undo.seconds("rollout"));
    println!(
        "measured: redeploy from 0 pods {:?} s, then switch {:?} s",
        redeploy.seconds("rollout"),
        redeploy.seconds("endpoints")
    );
}

fn a_colour_without_pods_is_deployed_to_at_the_other_ones_size(world: &World) {
    world.scale("backend-green", 0);
    let bastion = Bastion::of_operator(world);
    let deploy = bastion.act(&["deploy", "--image", V1_1_0, "--colour", "green"]).expect(0);
    let green = world.get("deployment/backend-green");
    assert_eq!(world.image("backend-green"), V1_1_0);
    assert_eq!((&green["spec"]["replicas"], &green["status"]["readyReplicas"]), (&3.into(), &3.into()));
    assert_eq!(world.selected(), "blue", "a deploy moves no traffic");
    bastion.act(&["verify", "--colour", "green"]).expect(0);
    println!("measured: deploy from 0 pods {:?} s", deploy.seconds("rollout"));
}

fn a_releases_own_checks_are_made_for_it_alone(world: &World) {
    let check =
        "[[environments.lab.verify.checks]]\npath = \"/no-such-endpoint\"\nonly_version = \"v1.1.0\"\n";
    let bastion = Bastion::new(world, "ops1", &world.oncall, check);
    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    let failed = bastion.act(&["verify", "--colour", "green"]).expect(1);
    assert!(failed.stdout.contains("/no-such-endpoint"), "{}", failed.stdout);
    let mut pods = world.pods("version=green");
    pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let named = |pod: &Value| failed.stdout.contains(pod["metadata"]["name"].as_str().unwrap());
    assert!(pods.len() == 3 && pods.iter().all(named), "every pod's result is told: {}", failed.stdout);
    bastion.act(&["switch", "--to", "green"]).blocked_by("verified");

    bastion.act(&["deploy", "--version", "v1.1.1", "--colour", "green"]).expect(0);
    bastion.act(&["verify", "--colour", "green"]).expect(0);
}
