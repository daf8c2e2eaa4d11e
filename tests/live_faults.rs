//! In both worlds: what goes wrong in the middle of the night.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::bastion::Bastion;
use support::pty::Pty;
use support::until;
use support::world::{Outage, World, worlds};

worlds!(
    an_image_that_is_not_there_is_told_early_and_never_switched_to,
    a_release_that_crashes_is_told_and_never_switched_to,
    a_colour_without_pods_gets_no_traffic_and_no_rollback,
    a_colour_whose_pods_are_not_ready_gets_no_traffic_and_no_rollback,
    a_deploy_never_touches_the_colour_with_the_traffic,
    a_frozen_api_server_makes_data_stale_and_orders_fail_in_time,
    a_lost_api_server_makes_data_stale_and_orders_fail_in_time,
);

fn an_image_that_is_not_there_is_told_early_and_never_switched_to(world: &World) {
    let bastion = Bastion::of_operator(world);
    let deploy = bastion.act(&["deploy", "--version", "v9.9.9", "--colour", "green"]).expect(1);
    assert!(deploy.words().contains("ImagePull"), "{}", deploy.words());
    bastion.act(&["verify", "--colour", "green"]).blocked_by("rollout");
    bastion.act(&["switch", "--to", "green"]).blocked_by("rollout");
    assert_eq!(world.selected(), "blue");
}

fn a_release_that_crashes_is_told_and_never_switched_to(world: &World) {
    let bastion = Bastion::of_operator(world);
    let crash = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "backend", "command": ["/bin/busybox", "false"]}]}}}});
    world.patch("deployment/backend-green", &crash);
    let deploy = bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(1);
    assert!(deploy.words().contains("CrashLoopBackOff"), "{}", deploy.words());
    bastion.act(&["switch", "--to", "green"]).blocked_by("rollout");
    assert_eq!(world.selected(), "blue");
}

fn a_colour_without_pods_gets_no_traffic_and_no_rollback(world: &World) {
    let bastion = Bastion::prepared(world);
    world.scale("backend-green", 0);
    bastion.act(&["switch", "--to", "green"]).blocked_by("rollout");
    assert_eq!(world.selected(), "blue");
}

/// Makes all pods of a colour anew, as ones that will not be ready for a long time.
fn make_unready(world: &World, colour: &str) {
    let deployment = format!("backend-{colour}");
    let slow = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "backend", "env": [{"name": "START_DELAY_S", "value": "600"}]}]}}}});
    world.scale(&deployment, 0);
    world.patch(&format!("deployment/{deployment}"), &slow);
    world.scale(&deployment, 3);
    until("the pods to run", Duration::from_secs(60), || {
        let pods = world.pods(&format!("version={colour}"));
        (pods.len() == 3 && pods.iter().all(|pod| pod["status"]["phase"] == "Running")).then_some(())
    });
}

fn a_colour_whose_pods_are_not_ready_gets_no_traffic_and_no_rollback(world: &World) {
    let bastion = Bastion::prepared(world);
    make_unready(world, "green");
    let blocked = bastion.act(&["switch", "--to", "green"]).blocked_by("rollout");
    assert!(blocked.words().contains("0 of 3"), "the reason is told: {}", blocked.words());
    assert_eq!(world.selected(), "blue");

    // The way back to pods that are not ready, ordered as one patch, by keys.
    world.select("green");
    make_unready(world, "blue");
    let room = Pty::spawn(&bastion.in_terminal(&[]), 120, 40);
    room.wait_for_text("GREEN has the traffic", Duration::from_secs(20));
    room.type_keys("R");
    room.wait_for_text("switch back", Duration::from_secs(20));
    room.wait_for_text("BLUE has no ready pods", Duration::from_secs(20));
    drop(room);
    assert_eq!(world.selected(), "green", "and nothing was moved");
}

fn a_deploy_never_touches_the_colour_with_the_traffic(world: &World) {
    let bastion = Bastion::of_operator(world);
    let before = world.get("deployment/backend-blue")["metadata"]["generation"].clone();
    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "blue"]).blocked_by("target");
    bastion.act(&["retire", "--colour", "blue"]).blocked_by("target");
    assert_eq!(world.get("deployment/backend-blue")["metadata"]["generation"], before);
}

fn a_frozen_api_server_makes_data_stale_and_orders_fail_in_time(world: &World) {
    away_for_a_while(world, Outage::Frozen);
}

fn a_lost_api_server_makes_data_stale_and_orders_fail_in_time(world: &World) {
    away_for_a_while(world, Outage::Lost);
}

/// How long the API server is away at least.
const AWAY: Duration = Duration::from_secs(30);

fn away_for_a_while(world: &World, outage: Outage) {
    let bastion = Bastion::prepared(world);
    bastion.act(&["switch", "--to", "green"]).expect(0);
    let mut room = Pty::spawn(&bastion.in_terminal(&[]), 120, 40);
    // Each of the three watches has told its part: what is on the screen now is to stay.
    room.wait_for("both colours and their pods", Duration::from_secs(40), |screen| {
        let text = screen.contents();
        let told = ["GREEN has the traffic", "v1.0.0", "v1.1.0", "backend-blue-", "backend-green-"];
        told.iter().all(|part| text.contains(part))
    });
    let away = world.lose(outage);
    let gone = Instant::now();
    room.wait_for_text("STALE", Duration::from_secs(40));
    let text = room.contents();
    assert!(text.contains("backend-blue-"), "the last state stays on the screen:\n{text}");

    // A rollback asks for no fresh pane, only for a fresh read: it fails, and says what stands.
    let ordered = Instant::now();
    room.order("R", "to confirm", "blue", "[ rollback ]");
    room.wait_for_text("nothing was changed", Duration::from_secs(30));
    println!("measured: {outage:?}: a rollback ordered by keys fails after {:.1} s", seconds(ordered));
    let ordered = Instant::now();
    let command = bastion.act(&["rollback", "--to", "blue"]).expect(1);
    assert!(command.words().contains("nothing was changed"), "{}", command.words());
    assert!(ordered.elapsed() < Duration::from_secs(40), "within its time limits");
    println!("measured: {outage:?}: a rollback as a command fails after {:.1} s", seconds(ordered));
    std::thread::sleep(AWAY.saturating_sub(gone.elapsed()));

    drop(away);
    let back = Instant::now();
    bastion.act(&["rollback", "--to", "blue"]).expect(0);
    assert_eq!(world.selected(), "blue");
    println!("measured: {outage:?}: a rollback right after it is back takes {:.1} s", seconds(back));
    room.wait_for("fresh data", Duration::from_secs(60), |screen| {
        let text = screen.contents();
        !text.contains("STALE") && text.contains("BLUE has the traffic")
    });
    room.type_keys("qq");
    assert_eq!(room.wait_for_exit(Duration::from_secs(5)), 0);
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
