//! On the real cluster: what goes wrong in the middle of the night.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::Child;
use std::time::Duration;

use support::lab::{Bastion, Lab, Run, lab, until};
use support::proxy::{Fault, Proxy};

const SWITCH_CALL: &str = "PATCH /api/v1/namespaces/taxasge/services/backend";

fn operator(lab: &Lab) -> Bastion {
    Bastion::new(lab, "ops1", &lab.oncall, "")
}

/// Green on v1.1.0, verified, ready to be switched to.
fn prepared(lab: &Lab) -> Bastion {
    let bastion = operator(lab);
    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    bastion.act(&["verify", "--colour", "green"]).expect(0);
    bastion
}

/// Blocked by this interlock, before any change.
#[track_caller]
fn blocked_by(run: Run, interlock: &str) {
    let run = run.expect(3);
    assert!(run.words().contains(&format!("({interlock})")), "blocked by something else: {}", run.words());
}

#[test]
fn an_image_that_is_not_there_is_told_early_and_never_switched_to() {
    let Some(lab) = lab("a bad image") else { return };
    let bastion = operator(&lab);
    let deploy = bastion.act(&["deploy", "--version", "v9.9.9", "--colour", "green"]).expect(1);
    let words = deploy.words();
    assert!(words.contains("ImagePull"), "{words}");
    blocked_by(bastion.act(&["verify", "--colour", "green"]), "rollout");
    blocked_by(bastion.act(&["switch", "--to", "green"]), "rollout");
    assert_eq!(lab.selected(), "blue");
}

#[test]
fn a_release_that_crashes_is_told_and_never_switched_to() {
    let Some(lab) = lab("a crash loop") else { return };
    let bastion = operator(&lab);
    let crash = r#"{"spec":{"template":{"spec":{"containers":[{"name":"backend","command":["/bin/busybox","false"]}]}}}}"#;
    lab.kubectl(&["patch", "deployment/backend-green", "-p", crash]);
    let deploy = bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(1);
    assert!(deploy.words().contains("CrashLoopBackOff"), "{}", deploy.words());
    blocked_by(bastion.act(&["switch", "--to", "green"]), "rollout");
    assert_eq!(lab.selected(), "blue");
}

#[test]
fn a_colour_without_endpoints_gets_no_traffic_and_no_rollback() {
    let Some(lab) = lab("an endpoint-less target") else { return };
    let bastion = prepared(&lab);
    lab.kubectl(&["scale", "deployment/backend-green", "--replicas=0"]);
    lab.kubectl(&["wait", "--for=delete", "pod", "-l", "version=green", "--timeout=60s"]);
    blocked_by(bastion.act(&["switch", "--to", "green"]), "rollout");
    assert_eq!(lab.selected(), "blue");
}

#[test]
fn a_deploy_never_touches_the_colour_with_the_traffic() {
    let Some(lab) = lab("a deploy to the active colour") else { return };
    let bastion = operator(&lab);
    let before = lab.get("deployment/backend-blue")["metadata"]["generation"].clone();
    blocked_by(bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "blue"]), "target");
    blocked_by(bastion.act(&["retire", "--colour", "blue"]), "target");
    assert_eq!(lab.get("deployment/backend-blue")["metadata"]["generation"], before);
}

#[test]
fn a_switch_that_somebody_else_made_first_is_not_made_again() {
    let Some(lab) = lab("two programs at once") else { return };
    let one = prepared(&lab);
    let other = Bastion::new(&lab, "ops2", &lab.oncall, "");
    let both: Vec<Child> = [&one, &other].map(|bastion| bastion.start(&["switch", "--to", "green"])).into();
    let runs: Vec<Run> = both.into_iter().map(Bastion::finish).collect();
    let won = runs.iter().filter(|run| run.status == 0).count();
    assert_eq!(won, 1, "exactly one wins: {runs:#?}");
    assert!(runs.iter().any(|run| run.status == 3 || run.status == 1), "{runs:#?}");
    assert_eq!(lab.selected(), "green");
}

#[test]
fn a_selector_changed_while_the_order_was_under_way_makes_the_swap_lose() {
    let Some(lab) = lab("a selector changed by somebody else") else { return };
    let bastion = prepared(&lab);
    let proxy = Proxy::start(&lab.oncall, bastion.path(), SWITCH_CALL, Fault::Hold);
    let through = Bastion::new(&lab, "ops1", proxy.kubeconfig(), "");
    proxy.arm();
    let switch = through.start(&["switch", "--to", "green"]);
    until("the call to be on its way", Duration::from_secs(30), || (proxy.caught() > 0).then_some(()));
    // Somebody touches the Service between the fresh read and the patch.
    lab.kubectl(&["patch", "service/backend", "-p", r#"{"metadata":{"annotations":{"touched":"yes"}}}"#]);
    proxy.release();
    let run = Bastion::finish(switch);
    assert!(run.status == 1 || run.status == 3, "{run:#?}");
    assert_eq!(lab.selected(), "blue", "the compare-and-swap lost");
}

#[test]
fn an_answer_lost_after_the_commit_is_told_as_applied() {
    let Some(lab) = lab("a lost answer") else { return };
    let bastion = prepared(&lab);
    let proxy = Proxy::start(&lab.oncall, bastion.path(), SWITCH_CALL, Fault::LoseAnswer);
    let through = Bastion::new(&lab, "ops1", proxy.kubeconfig(), "");
    proxy.arm();
    let switch = through.start(&["switch", "--to", "green"]);
    until("the call to be caught", Duration::from_secs(30), || (proxy.caught() > 0).then_some(()));
    proxy.release();
    let run = Bastion::finish(switch).expect(0);
    assert_eq!(lab.selected(), "green");
    assert_eq!(proxy.caught(), 1, "the call was not repeated: {run:#?}");
}

#[test]
fn a_call_held_on_its_way_is_told_as_not_applied_and_can_do_no_harm_later() {
    let Some(lab) = lab("a held call") else { return };
    let bastion = prepared(&lab);
    let proxy = Proxy::start(&lab.oncall, bastion.path(), SWITCH_CALL, Fault::Hold);
    let through = Bastion::new(&lab, "ops1", proxy.kubeconfig(), "");
    proxy.arm();
    let switch = through.start(&["switch", "--to", "green"]);
    until("the call to be on its way", Duration::from_secs(30), || (proxy.caught() > 0).then_some(()));
    let run = Bastion::finish(switch).expect(1);
    assert_eq!(lab.selected(), "blue", "{}", run.words());
    assert!(run.words().contains("not applied"), "{}", run.words());
    // The call arrives after all, long after the operator was told.
    proxy.release();
    let told = lab.get("service/backend")["metadata"]["resourceVersion"].clone();
    let after = bastion.run(&["status", "--output", "json"]).expect(0);
    assert_eq!(lab.selected(), "blue", "told as not applied, and it stays so: {}", after.stdout);
    println!("held: told \"{}\"; Service at {told}", run.words());
}

#[test]
fn killed_between_intent_and_outcome_it_is_settled_at_the_next_start_anywhere() {
    let Some(lab) = lab("SIGKILL between intent and outcome") else { return };
    for elsewhere in [false, true] {
        lab.reset();
        let bastion = prepared(&lab);
        let proxy = Proxy::start(&lab.oncall, bastion.path(), SWITCH_CALL, Fault::LoseAnswer);
        let through = Bastion::new(&lab, "ops1", proxy.kubeconfig(), "");
        proxy.arm();
        let mut switch = through.start(&["switch", "--to", "green"]);
        until("the call to be caught", Duration::from_secs(30), || (proxy.caught() > 0).then_some(()));
        switch.kill().unwrap();
        switch.wait().unwrap();
        until("the server to commit", Duration::from_secs(10), || (lab.selected() == "green").then_some(()));
        drop(proxy);
        let colleague = Bastion::new(&lab, "ops2", &lab.oncall, "");
        // The proxy is gone; where it began, the way to the server is the ordinary one now.
        let here = Bastion::new(&lab, "ops1", &lab.oncall, "").with_state_of(&through);
        let next = if elsewhere { &colleague } else { &here };
        let room = support::pty::Pty::spawn(&next.in_terminal(&[]), 120, 40);
        let switch = until("the operation to be settled", Duration::from_secs(90), || {
            let record = lab.get("configmap/cutover-backend")["data"]["record.json"].clone();
            let record: serde_json::Value = serde_json::from_str(record.as_str()?).ok()?;
            let operations = record["operations"].as_array()?;
            let switch = operations.iter().find(|operation| operation["action"] == "switch")?;
            (!switch["outcome"].is_null()).then(|| switch.clone())
        });
        let words = switch["outcome"]["words"].as_str().unwrap_or_default();
        let told: String = words.chars().take(30).collect();
        room.wait_for_text(&told, Duration::from_secs(20));
        assert_ne!(switch["outcome"]["result"], "failed", "it was applied: {switch:#}");
        println!("settled {}: {words}", if elsewhere { "by a colleague" } else { "where it began" });
    }
}

#[test]
fn a_frozen_api_server_makes_data_stale_and_the_program_stays() {
    let Some(lab) = lab("a frozen API server") else { return };
    let bastion = operator(&lab);
    for (lose, bring_back) in [("pause", "resume"), ("kill", "start")] {
        let mut room = support::pty::Pty::spawn(&bastion.in_terminal(&[]), 120, 40);
        room.wait_for("both colours", Duration::from_secs(20), |screen| {
            let text = screen.contents();
            text.contains("BLUE") && text.contains("GREEN") && text.contains("v1.0.0")
        });
        lab.lab(&[lose, "apiserver"]);
        room.wait_for_text("STALE", Duration::from_secs(40));
        let text = room.contents();
        assert!(text.contains("backend-blue"), "the last state stays on the screen:\n{text}");
        std::thread::sleep(Duration::from_secs(30));
        lab.lab(&[bring_back, "apiserver"]);
        room.wait_for("fresh data", Duration::from_secs(60), |screen| !screen.contents().contains("STALE"));
        room.type_keys("q");
        assert_eq!(room.wait_for_exit(Duration::from_secs(5)), 0);
    }
}

#[test]
fn a_viewer_is_refused_everything_with_the_right_that_is_missing() {
    let Some(lab) = lab("a viewer's token") else { return };
    prepared(&lab);
    let viewer = Bastion::new(&lab, "visitor", &lab.viewer, "");
    viewer.run(&["status", "--output", "json"]).expect(0);
    let refused = [
        (vec!["deploy", "--version", "v1.1.1", "--colour", "green"], "patch deployments.apps"),
        (vec!["verify", "--colour", "green"], "pods/portforward"),
        (vec!["switch", "--to", "green"], "patch services"),
        (vec!["rollback", "--to", "green"], "patch services"),
        (vec!["retire", "--colour", "green"], "patch deployments.apps"),
    ];
    for (arguments, right) in refused {
        let run = viewer.act(&arguments);
        assert!(run.status == 3 || run.status == 1, "{arguments:?}: {run:#?}");
        assert!(run.stdout.contains(right), "{arguments:?} does not name `{right}`: {}", run.stdout);
    }
    assert_eq!(lab.selected(), "blue");
}

#[test]
fn read_only_refuses_every_change_even_the_way_back() {
    let Some(lab) = lab("read-only") else { return };
    let bastion = prepared(&lab);
    let before = lab.get("service/backend")["metadata"]["resourceVersion"].clone();
    for arguments in [
        vec!["deploy", "--version", "v1.1.1", "--colour", "green", "--read-only"],
        vec!["switch", "--to", "green", "--read-only"],
        vec!["rollback", "--to", "green", "--read-only"],
        vec!["retire", "--colour", "green", "--read-only"],
    ] {
        blocked_by(bastion.act(&arguments), "writable");
    }
    assert_eq!(lab.get("service/backend")["metadata"]["resourceVersion"], before);
}
