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

use cutover::room::intent::{Extent, Intent, Motion, Overlay, Pane, ReleaseIntent};
use cutover::room::message::{Attention, Draft, Effect, JobLog, LinkState, Observation, SourceId};
use cutover::sop::operation::{Action, ActionKind};
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
    let step = cell(&buffer, "failed: Run");
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

fn dialog(mut stage: Stage, kind: ActionKind) -> Stage {
    stage.want(Intent::Ask(kind)).pass(Duration::from_millis(400));
    stage
}

/// The dialog at the smallest and at a roomy size.
fn dialog_snapshots(name: &str, stage: &Stage) {
    for size in [(80, 24), (120, 40)] {
        let text = text(&stage.room, size, COLOUR);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), text);
    }
}

fn orders(stage: &Stage) -> Vec<&Action> {
    let ordered = stage.effects.iter().filter_map(|effect| match effect {
        Effect::Execute(order) => Some(&order.action),
        _ => None,
    });
    ordered.collect()
}

#[test]
fn the_approval_names_run_attempt_commit_and_environment_and_takes_a_comment() {
    let mut stage = dialog(released(Some(merged_request()), Some(waiting_run())), ActionKind::Approve);
    dialog_snapshots("approve_dialog", &stage);
    stage.want(Intent::Accept);
    assert!(stage.room.view.dialog.is_none() && orders(&stage).is_empty(), "Enter alone cancels");
    stage.want(Intent::Ask(ActionKind::Approve)).pass(Duration::from_millis(400));
    stage.want(Intent::PreviousField).type_in("all checks seen");
    stage.want(Intent::NextField).type_in("production").want(Intent::Accept);
    let orders = orders(&stage);
    let [Action::Approve { run, head, environment, comment, .. }] = orders.as_slice() else {
        panic!("{orders:?}")
    };
    assert_eq!((run.id, run.attempt, head), (9_001, 1, &releases::sha(releases::SQUASH)));
    assert_eq!((environment.as_str(), comment.as_str()), ("production", "all checks seen"));
}

#[test]
fn an_approval_of_a_run_of_another_commit_is_blocked_by_the_chain() {
    let mut other = waiting_run();
    other.head = releases::sha("cafe123");
    let mut stage = dialog(released(Some(merged_request()), Some(other)), ActionKind::Approve);
    dialog_snapshots("approve_blocked", &stage);
    stage.type_in("production").want(Intent::Accept);
    assert!(orders(&stage).is_empty());
}

#[test]
fn the_merge_names_the_head() {
    let mut request = open_request();
    request.mergeability = cutover::sop::pull_request::Mergeability::Clean;
    request.checks = merged_request().checks;
    let mut second = request.reviews[1].clone();
    second.author = "orch".into();
    request.reviews.push(second);
    let mut stage = dialog(released(Some(request), None), ActionKind::Merge);
    dialog_snapshots("merge_dialog", &stage);
    stage.type_in("42").want(Intent::Accept);
    let orders = orders(&stage);
    assert!(matches!(orders.as_slice(), [Action::Merge { number: 42, .. }]), "{orders:?}");
}

#[test]
fn a_run_that_failed_is_run_again_as_a_whole_or_what_failed_of_it() {
    let mut stage = dialog(released(Some(merged_request()), Some(failed_run())), ActionKind::Rerun);
    dialog_snapshots("rerun_dialog", &stage);
    stage.want(Intent::Move(Motion::Down, Extent::default())).type_in("1234").want(Intent::Accept);
    let orders = orders(&stage);
    assert!(matches!(orders.as_slice(), [Action::Rerun { failed_only: false, .. }]), "{orders:?}");
}

#[test]
fn a_pull_request_is_offered_words_and_keeps_what_was_typed() {
    let draft = |title: &str, body: &str| Draft { title: title.into(), body: body.into() };
    let offer = |title, edited| Observation::Draft { draft: draft(title, "- Added webhooks"), edited };
    let mut stage = dialog(released(None, None), ActionKind::Propose);
    assert!(matches!(stage.effects.last(), Some(Effect::OfferDraft)));
    stage.see(offer("Release v1.1.0", false));
    dialog_snapshots("propose_dialog", &stage);
    stage.type_in(" again").see(offer("Release v9", false)).want(Intent::EditOutside);
    let Some(Effect::EditDraft(edited)) = stage.effects.last() else { panic!("{:?}", stage.effects) };
    assert_eq!(*edited, draft("Release v1.1.0 again", "- Added webhooks"));
    stage.see(offer("Release v1.1.1", true)).want(Intent::NextField).type_in("main").want(Intent::Accept);
    let orders = orders(&stage);
    let [Action::Propose { title, body, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!((title.as_str(), body.as_str()), ("Release v1.1.1", "- Added webhooks"));
}

#[test]
fn reject_cancel_and_dispatch_dialogs() {
    let waiting = || released(Some(merged_request()), Some(waiting_run()));
    dialog_snapshots("reject_dialog", &dialog(waiting(), ActionKind::Reject));
    dialog_snapshots("cancel_dialog", &dialog(waiting(), ActionKind::Cancel));
    dialog_snapshots("dispatch_dialog", &dialog(waiting(), ActionKind::Dispatch));
}

#[test]
fn other_runs_are_looked_at_and_the_way_leads_back() {
    use ReleaseIntent::{CopyAddress, Follow, NewerRun, NextWorkflow, OlderRun};
    let shown = |stage: &Stage| stage.room.shown_run().map(|run| run.number);
    let mut stage = released(Some(merged_request()), Some(waiting_run()));
    assert_eq!(shown(&stage), Some(1234));
    for (intent, number) in
        [(OlderRun, 1233), (OlderRun, 1233), (NewerRun, 1234), (NextWorkflow, 870), (Follow, 1234)]
    {
        stage.want(Intent::Release(intent));
        assert_eq!(shown(&stage), Some(number), "{intent:?}");
    }
    stage.want(Intent::Release(NextWorkflow));
    let attended = stage.effects.iter().rev().find_map(|effect| match effect {
        Effect::Attend(attention) => Some(*attention),
        _ => None,
    });
    assert_eq!(attended, Some(Attention { run: Some(7_001), log: None }));
    snapshots("staging", &mut stage);
    stage.want(Intent::Release(Follow)).want(Intent::Release(CopyAddress));
    let Some(Effect::Copy(address)) = stage.effects.last() else { panic!("{:?}", stage.effects) };
    assert!(address.ends_with("/actions/runs/9001"), "{address}");
}

#[test]
fn the_log_of_the_failed_job_is_read_searched_and_forgotten() {
    let mut stage = released(Some(merged_request()), Some(failed_run()));
    stage.want(Intent::Focus(Pane::Pipeline)).want(Intent::Release(ReleaseIntent::OpenLog));
    let asked = |stage: &Stage| match stage.effects.last() {
        Some(Effect::Attend(attention)) => attention.log,
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&stage), Some(106), "what failed is chosen before anything was");
    let lines = (1..=200).map(|n| match n {
        40 | 180 => format!("line {n}: ERROR 502 from the gateway"),
        _ => format!("line {n}: GET /health 200"),
    });
    let log = |job, lines| Observation::JobLog(JobLog { job, lines: Ok(lines), cut: false });
    stage.see(log(999, vec!["of another job".into()])).see(log(106, lines.collect()));
    assert!(text(&stage.room, (80, 24), COLOUR).contains("line 200"), "its end is shown first");
    stage.want(Intent::Release(ReleaseIntent::Search)).type_in("error").want(Intent::Accept);
    snapshots("job_log", &mut stage);
    let buffer = drawn(&stage.room, (80, 24), COLOUR);
    assert!(cell(&buffer, "line 180").modifier.contains(Modifier::REVERSED));
    stage.want(Intent::Release(ReleaseIntent::NextHit));
    assert!(text(&stage.room, (80, 24), COLOUR).contains("line 40: ERROR"), "round and round");
    stage.want(Intent::Close);
    assert_eq!(asked(&stage), None);
    assert!(stage.room.view.release.log.is_none());
}

#[test]
fn a_queued_run_says_behind_which_run_it_waits() {
    let mut queued = run(0, RunState::Queued, RunState::Queued);
    (queued.started, queued.ended) = (None, None);
    let mut repository = releases::repository(Some(merged_request()), Some(queued));
    let mut stage = configured();
    stage.hear(repository.clone()).want(Intent::Focus(Pane::Pipeline));
    let words = |stage: &Stage| text(&stage.room, (120, 40), COLOUR);
    assert!(words(&stage).contains("queued since 2 min for a runner"), "{}", words(&stage));
    repository.runs[1].state = RunState::Waiting;
    stage.hear(repository);
    assert!(words(&stage).contains("queued since 2 min behind run 1233 (waiting)"), "{}", words(&stage));
}

#[test]
fn the_phase_follows_the_repository_until_the_cluster_has_the_release() {
    use cutover::sop::colour::Colour;
    use cutover::sop::pipeline::Decision;
    let approved = |passed| {
        let mut run = run(passed, RunState::Running, RunState::Running);
        let environments = vec!["production".to_owned()];
        run.decisions =
            vec![Decision { by: "orch".into(), environments, approved: true, comment: String::new() }];
        run
    };
    let phase = |run| released(Some(merged_request()), Some(run)).room.phase();
    assert_eq!(phase(run(0, RunState::Running, RunState::Running)), Some(Phase::Pipeline));
    assert_eq!(phase(approved(4)), Some(Phase::Migrate));
    assert_eq!(phase(approved(5)), Some(Phase::Deploy));
    let mut stage = released(Some(merged_request()), Some(approved(6)));
    let deployment = rooms::deployment(Colour::Green, "v1.1.0", 3);
    stage.see(Observation::Deployment(Colour::Green, Some(Box::new(deployment))));
    let pods = (0..3).map(|n| rooms::pod(Colour::Green, "v1.1.0", n)).collect();
    let change = cutover::room::message::Change::Some { changed: pods, gone: Vec::new() };
    stage.see(Observation::Pods(change));
    assert_eq!(stage.room.phase(), Some(Phase::Verify), "the cluster has it: it tells the rest");
}
