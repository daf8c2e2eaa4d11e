//! A release from its pull request to the watch, by keys on a real terminal: where the room
//! deploys, and where the pipeline does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::pty::Pty;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(120);

/// What the operator's editor does: it changes the title and a line of the text.
const EDITOR: &str = r#"#!/bin/sh
sed -i -e '1s/$/ (edited)/' -e 's/^- Added .*/- Declarations can be made/' "$1"
"#;

/// A rehearsal on a terminal of its own, and where its operator's editor lies.
fn begin(scenario: &str) -> (Pty, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let editor = home.path().join("editor");
    std::fs::write(&editor, EDITOR).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let room = Pty::spawn(&rehearse(scenario, &editor), 120, 40);
    room.wait_for_text(&format!("REHEARSAL: {scenario} x60"), SOON);
    (room, home)
}

fn rehearse(scenario: &str, editor: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(["rehearse", scenario, "--speed", "60", "--seed", "1"]).stdin(Stdio::null());
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("LOGNAME", "ops1");
    command.env_remove("VISUAL").env("EDITOR", editor);
    command
}

/// The lowest line: the keys that apply.
fn footer(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

/// Goes from the title to the word that confirms. A key that comes while the terminal is
/// taken back from the editor may be lost with what was meant for that.
fn to_the_confirmation(room: &Pty) {
    let confirms = |screen: &vt100::Screen| screen.contents().contains("› type main to confirm");
    for _ in 0..10 {
        room.type_keys("\t");
        if room.found_within(Duration::from_secs(2), confirms).is_some() {
            return;
        }
    }
    panic!("the word that confirms was never asked for:\n{}", room.contents());
}

/// From the pull request, through its review, to a run that was approved.
fn to_the_approval(room: &Pty) {
    room.wait_for_text("Next: U opens the release's pull request", SOON);
    room.type_keys("U");
    room.wait_for_text("title: Release v1.1.0_", SOON);
    room.type_keys("\u{5}");
    let edited = room.wait_for_text("title: Release v1.1.0 (edited)_", SOON);
    assert!(edited.contains("- Declarations can be made"), "{edited}");
    to_the_confirmation(room);
    room.type_until("main", "[ propose ]");
    room.type_keys("\r");

    room.wait_for_text("▶ REVIEW", SOON);
    let review = room.wait_for_text("2 of 2 approvals (developer, orche", SOON);
    let number = review.split("#").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    assert!(review.contains(&format!("#{number} Release v1.1.0 (edited)")), "{review}");
    room.type_keys("M");
    room.wait_for_text(&format!("type {number} to confirm"), SOON);
    // Enter gives no order before the right word was typed.
    room.type_until("main", "to confirm: main_");
    room.type_keys("\r");
    room.type_until(&number, "[ merge ]");
    room.type_keys("\r");

    room.wait_for_text("▶ PIPELINE", SOON);
    room.wait_for_text("✓ tests", LATER);
    let waits = room.wait_for_text("▶ APPROVAL", LATER);
    assert!(footer(&waits).contains("A approve"), "{waits}");
    room.order("A", "type production to confirm", "production", "[ approve ]");
    room.wait_for_text("▶ MIGRATE", SOON);
}

fn end(mut room: Pty) {
    room.type_keys("q");
    assert_eq!(room.wait_for_exit(SOON), 0);
}

#[test]
fn a_room_that_deploys_carries_a_release_from_its_pull_request_to_the_watch() {
    let (room, _home) = begin("release");
    to_the_approval(&room);
    let migrated = room.wait_for_text("▶ DEPLOY", LATER);
    assert!(footer(&migrated).contains("D deploy"), "{migrated}");
    room.type_keys("D");
    room.wait_for_text("type green to confirm", SOON);
    room.type_until("v1.1.0", "v1.1.0_");
    room.type_keys("\t");
    room.type_until("green", "[ deploy ]");
    room.type_keys("\r");
    room.wait_for_text("▶ VERIFY", LATER);
    room.wait_for("the order's end", LATER, |screen| !screen.contents().contains("is under way"));
    room.order("V", "type green to confirm", "green", "[ verify ]");
    room.wait_for_text("▶ SWITCH", LATER);
    room.order("S", "type green to confirm", "green", "[ switch ]");
    room.wait_for_text("GREEN has the traffic", SOON);
    let watched = room.wait_for_text("▶ WATCH", SOON);
    assert!(watched.contains("selector set by cutover"), "{watched}");
    room.wait_for_text("all 7 links fit", SOON);
    // Who leaves while an order is under way is asked twice.
    room.wait_for_text("✓ done and verified", SOON);
    end(room);
}

#[test]
fn where_the_pipeline_deploys_and_switches_the_room_looks_on_and_says_who_did_it() {
    let (room, _home) = begin("pipeline");
    to_the_approval(&room);
    let delivers = room.wait_for_text("The pipeline deploys to GREEN by itself", LATER);
    assert!(!footer(&delivers).contains("D deploy"), "{delivers}");
    room.wait_for_text("traffic went to GREEN (by github-actions)", LATER);
    let watched = room.wait_for_text("▶ WATCH", SOON);
    assert!(watched.contains("GREEN has the traffic"), "{watched}");
    assert!(watched.contains("selector set by github-actions"), "{watched}");
    end(room);
}
