//! `cutover rehearse` through its own front doors: the command line, the screen, signals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cutover::rehearsal::scenario::SHIPPED;
use serde_json::Value;
use support::pty::Pty;

const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(120);

fn rehearse(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.arg("rehearse").args(arguments).stdin(Stdio::null());
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("LOGNAME", "ops1");
    command
}

fn played(scenario: &str) -> (Output, Vec<Value>) {
    let plain = ["--plain", "--speed", "60", "--seed", "1", "--output", "json"];
    let output = rehearse(&[&[scenario], plain.as_slice()].concat()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[track_caller]
fn ends(scenario: &str, status: i32, ending: &str) -> (Vec<Value>, Value) {
    let (output, events) = played(scenario);
    let summary = events.last().unwrap().clone();
    assert_eq!(
        output.status.code(),
        Some(status),
        "{summary:#}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!((&summary["event"], &summary["ending"]), (&"summary".into(), &ending.into()), "{summary:#}");
    (events, summary["score"].clone())
}

#[test]
fn every_scenario_is_described_and_an_unknown_one_refused() {
    let listed = rehearse(&["--list"]).output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    for (name, _) in SHIPPED {
        assert!(text.lines().any(|line| line == *name), "{name}");
    }
    let unknown = rehearse(&["nonsense", "--plain"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("bad-release"));
    assert_eq!(rehearse(&[]).output().unwrap().status.code(), Some(2), "the room needs a terminal");
}

#[test]
fn a_release_is_closed_by_the_autopilot_without_a_lost_request() {
    let (events, score) = ends("release", 0, "closed");
    let phases: Vec<&str> = events.iter().filter_map(|event| event["phase"].as_str()).collect();
    for phase in [
        "prepare",
        "review",
        "pipeline",
        "approval",
        "migrate",
        "deploy",
        "verify",
        "switch",
        "watch",
        "stand down",
        "closed",
    ] {
        assert!(phases.contains(&phase), "{phase}: {phases:?}");
    }
    assert!(score["requests"].as_u64().unwrap() > 1000, "{score}");
    // The watch has a pass, and what the old colour still gets is measured: nothing is overridden.
    assert_eq!((&score["lost"], &score["interlocks_overridden"]), (&0.into(), &0.into()));
    assert!(events.iter().any(|event| event["verdict"] == "PASS"), "{events:?}");
}

#[test]
fn a_release_that_nobody_measures_is_closed_by_reasons() {
    let (events, score) = ends("unmeasured", 0, "closed");
    // That somebody looked at what the old colour still gets is the one reason given.
    assert_eq!((&score["lost"], &score["interlocks_overridden"]), (&0.into(), &1.into()));
    assert!(!events.iter().any(|event| event.to_string().contains("error rate")), "{events:?}");
}

#[test]
fn a_bad_release_is_taken_back() {
    let (events, score) = ends("bad-release", 5, "rolled back");
    let times = ["detected_after_seconds", "raised_after_seconds", "rolled_back_after_seconds"];
    assert!(times.iter().all(|time| score[time].is_number()), "{score}");
    // By what is measured: that is what the verdict says before the order.
    let order = events.iter().position(|event| event["order"]["action"] == "rollback").unwrap();
    let reason = "> 5 % for 3 of 3 samples";
    let said = |event: &Value| {
        event["reasons"].to_string().contains(reason) || event.to_string().contains("P0 alert")
    };
    assert!(events[..order].iter().any(said), "{:#?}", &events[..order]);
    assert_eq!(score["lost"], 0);
}

#[test]
fn a_release_that_does_not_start_gets_no_traffic_and_is_stuck() {
    let (events, _) = ends("crash-loop", 6, "stuck");
    assert!(events.last().unwrap()["why"].as_str().unwrap().contains("CrashLoopBackOff"), "{events:?}");
    assert!(!events.iter().any(|event| event["order"]["action"] == "switch"));
}

/// What was ordered, in that order.
fn orders(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["order"]["action"].as_str()).collect()
}

#[test]
fn where_the_pipeline_deploys_the_autopilot_looks_on_and_closes() {
    let (events, score) = ends("pipeline", 0, "closed");
    assert_eq!(orders(&events), ["propose", "merge", "approve", "retire", "close"]);
    assert_eq!((&score["lost"], &score["interlocks_overridden"]), (&0.into(), &0.into()));
}

#[test]
fn what_goes_wrong_on_github_ends_by_the_book() {
    let rest = ["approve", "deploy", "verify", "switch", "retire", "close"];
    let on = |before: &[&'static str]| [before, &rest].concat();
    let cases = [
        ("ci-fails", 0, "closed", on(&["propose", "merge", "rerun"])),
        ("late-push", 0, "closed", on(&["propose", "merge"])),
        // The first merge is refused: its head is no longer the one that was approved.
        ("head-moves", 0, "closed", on(&["propose", "merge", "merge"])),
        ("github-trouble", 0, "closed", on(&["propose", "merge"])),
        ("pipeline-smoke-fails", 6, "stuck", vec!["propose", "merge", "approve"]),
        ("pipeline-bad-switch", 5, "rolled back", vec!["propose", "merge", "approve", "rollback"]),
    ];
    std::thread::scope(|scope| {
        for (scenario, status, ending, ordered) in &cases {
            scope.spawn(move || {
                let (events, _) = ends(scenario, *status, ending);
                assert_eq!(orders(&events), *ordered, "{scenario}");
                if *status == 6 {
                    let why = events.last().unwrap()["why"].as_str().unwrap();
                    assert!(why.contains("Run smoke tests; BLUE has the traffic"), "{why}");
                }
            });
        }
    });
}

#[test]
fn a_world_that_is_served_has_its_files_and_ends_when_it_is_told_to() {
    let home = tempfile::tempdir().unwrap();
    let mut command = rehearse(&["--serve", "--output", "json", "--dir", "here"]);
    let mut world = command.current_dir(home.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(world.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert!(told["api"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{told}");
    let config = home.path().join("here/config.toml");
    let status = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(["status", "--output", "json", "--config"])
        .arg(&config)
        .env("XDG_STATE_HOME", home.path())
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["active"], &status["endpoints"]["blue"]), (&"blue".into(), &3.into()), "{status}");
    let pid = rustix::process::Pid::from_child(&world);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(world.wait().unwrap().code(), Some(0));
    assert!(config.is_file(), "what it wrote stays");
}

#[test]
fn the_whole_way_in_the_cluster_is_gone_by_keys() {
    let mut room = Pty::spawn(&rehearse(&["slow-start", "--speed", "120", "--seed", "1"]), 120, 40);
    room.wait_for_text("REHEARSAL: slow-start x120", SOON);
    room.wait_for_text("BLUE has the traffic", SOON);
    room.type_keys("F");
    room.wait_for_text("Faults: 1 on", SOON);
    room.type_keys("\r");
    room.wait_for_text("Faults: 2 on", SOON);
    room.type_keys(" ");
    room.wait_for_text("Faults: 1 on", SOON);
    room.type_keys("\u{1b}");
    // A key right behind an Escape would be read as one with Alt.
    room.wait_for("the panel to close", SOON, |screen| !screen.contents().contains("Faults:"));

    room.type_keys("D");
    room.wait_for_text("to confirm", SOON);
    room.type_until("v1.1.0", "v1.1.0_");
    room.type_keys("\t");
    room.type_until("green", "[ deploy ]");
    room.type_keys("\r");
    room.wait_for_text("VERIFY", LATER);
    room.wait_for("the order's end", LATER, |screen| !screen.contents().contains("is under way"));
    room.order("V", "to confirm", "green", "[ verify ]");
    room.wait_for_text("SWITCH", LATER);
    room.order("S", "to confirm", "green", "[ switch ]");
    room.wait_for_text("GREEN has the traffic", SOON);
    room.wait_for_text("STAND DOWN", LATER);
    // Until its last users have hung up the old colour is not stopped.
    room.wait_for("retire to be clear", LATER, |screen| {
        let text = screen.contents();
        text.contains("T retire") && !text.contains("T retire ✗")
    });
    room.order("T", "to confirm", "blue", "[ retire ]");
    room.wait_for_text("CLOSED", LATER);
    room.wait_for_text("The release is closed", LATER);
    room.type_keys("qq");
    assert_eq!(room.wait_for_exit(SOON), 0);
    room.wait_for_text("interlocks overridden", SOON);
}
