//! The release on GitHub as an operator sees it: text by snapshot, meaning in styles and
//! effects by assertion.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/drawing.rs"]
mod drawing;
#[path = "support/releases.rs"]
mod releases;
#[path = "support/rooms.rs"]
mod rooms;

use std::time::Duration;

use cutover::room::intent::{Intent, Overlay, Pane};
use cutover::room::message::{LinkState, Observation, SourceId};
use cutover::sop::phase::Phase;
use cutover::sop::pipeline::RunState;
use drawing::{ASCII, COLOUR, SIZES, cell, drawn, text};
use ratatui::style::{Color, Modifier};
use releases::{configured, failed_run, merged_request, open_request, released, run, waiting_run};
use rooms::Stage;

/// One snapshot for each size with the pane in the foreground, and one in ASCII.
fn snapshots(name: &str, stage: &mut Stage) {
    stage.want(Intent::Focus(Pane::Pipeline));
    for size in SIZES {
        let text = text(&stage.room, size, COLOUR);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), text);
    }
    insta::assert_snapshot!(format!("{name}_ascii_80x24"), text(&stage.room, (80, 24), ASCII));
}

#[test]
fn not_read_yet() {
    snapshots("unread", &mut configured());
}

#[test]
fn under_review() {
    let mut stage = released(Some(open_request()), None);
    assert_eq!(stage.room.phase(), Some(Phase::Review));
    snapshots("review", &mut stage);
    let buffer = drawn(&stage.room, (120, 40), COLOUR);
    assert_eq!(cell(&buffer, "1 failed: bandit").fg, Color::LightRed);
    assert_eq!(cell(&buffer, "held: blocked").fg, Color::Yellow);
}

#[test]
fn running() {
    let mut stage = released(Some(merged_request()), Some(run(1, RunState::Running, RunState::Running)));
    assert_eq!(stage.room.phase(), Some(Phase::Pipeline));
    snapshots("running", &mut stage);
}

#[test]
fn waiting_for_an_approval() {
    let mut stage = released(Some(merged_request()), Some(waiting_run()));
    assert_eq!(stage.room.phase(), Some(Phase::Approval));
    snapshots("waiting", &mut stage);
    let buffer = drawn(&stage.room, (120, 40), COLOUR);
    assert_eq!(cell(&buffer, "production waits for approval").fg, Color::Yellow);
}

#[test]
fn a_run_that_failed() {
    let mut stage = released(Some(merged_request()), Some(failed_run()));
    snapshots("failed", &mut stage);
    let buffer = drawn(&stage.room, (120, 40), COLOUR);
    let step = cell(&buffer, "step 2: Run failed");
    assert!(step.fg == Color::LightRed && step.modifier.contains(Modifier::BOLD));
}

#[test]
fn a_stale_pipeline() {
    let mut stage = released(Some(merged_request()), Some(run(1, RunState::Running, RunState::Running)));
    let why = "502 Bad Gateway".to_owned();
    stage.see(Observation::Link(SourceId::GitHub, LinkState::Lost { why }));
    stage.pass(Duration::from_secs(180)).live();
    snapshots("stale", &mut stage);
    let buffer = drawn(&stage.room, (120, 40), COLOUR);
    assert_eq!(cell(&buffer, "STALE").fg, Color::LightRed);
}

#[test]
fn the_chain_of_evidence_names_the_link_that_does_not_fit() {
    let mut other = run(1, RunState::Running, RunState::Running);
    other.head = releases::sha("cafe123");
    let mut stage = released(Some(merged_request()), Some(other));
    stage.want(Intent::Open(Overlay::Chain));
    snapshots("chain", &mut stage);
    let buffer = drawn(&stage.room, (120, 40), COLOUR);
    let words = "does not fit: run 1234 is of cafe123, the merged commit is b2c3d4e";
    assert_eq!(cell(&buffer, words).fg, Color::LightRed);
    assert!(stage.room.chain().unwrap().broken().is_some());
}
