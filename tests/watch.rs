//! The watch as the room carries it: reasons to roll back, the countdown, its end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/releases.rs"]
mod releases;
#[path = "support/rooms.rs"]
mod rooms;

use std::time::Duration;

use cutover::room::Setting;
use cutover::room::dialog::Readiness;
use cutover::room::intent::{Intent, Writing};
use cutover::room::message::{Effect, Observation};
use cutover::sop::alert::{Alert, AlertState};
use cutover::sop::colour::Colour;
use cutover::sop::command::Command;
use cutover::sop::note::{Note, Noted};
use cutover::sop::operation::{Action, ActionKind, Order, RollbackWay};
use cutover::sop::phase::Phase;
use cutover::sop::record::{OperationResult, OutcomeRecord};
use cutover::sop::verdict::{Recovery, Verdict};
use proptest::prelude::*;
use rooms::{FAILING, Figures, GOOD, SILENT, Stage};

fn automatic(setting: &mut Setting) {
    setting.policy.automatic_rollback = true;
}

fn by_hand(_: &mut Setting) {}

/// What was ordered so far.
fn orders(stage: &Stage) -> Vec<&Order> {
    let ordered = stage.effects.iter().filter_map(|effect| match effect {
        Effect::Execute(order) => Some(order),
        _ => None,
    });
    ordered.collect()
}

/// What was written down so far.
fn written(stage: &Stage) -> Vec<&Noted> {
    let notes = stage.effects.iter().filter_map(|effect| match effect {
        Effect::Note(note) => Some(&note.what),
        _ => None,
    });
    notes.collect()
}

fn reasons(stage: &Stage) -> Vec<String> {
    stage.room.open_triggers().map(|trigger| trigger.words.clone()).collect()
}

fn write(stage: &mut Stage, writing: Writing, words: &str) {
    stage.want(Intent::Write(writing)).type_in(words).want(Intent::Accept);
}

/// A colleague's note, as the record brings it.
fn colleague(stage: &mut Stage, what: Noted) {
    let mut record = stage.room.record.clone().unwrap();
    record.notes.clone_from(&stage.room.notes);
    record.note(Note { at: stage.now.wall, by: "ops2@bastion-2/s9".into(), what });
    stage.see(Observation::Record(record));
}

#[test]
fn a_good_release_passes_and_nothing_is_done() {
    let stage = Stage::released(automatic).measure(400, GOOD);
    let watch = stage.room.assessed.evidence.watch.clone().unwrap();
    assert_eq!((watch.verdict, watch.reasons), (Verdict::Pass, vec![]));
    assert_eq!(stage.room.phase(), Some(Phase::StandDown));
    assert!(orders(&stage).is_empty() && written(&stage).is_empty() && reasons(&stage).is_empty());
}

#[test]
fn errors_are_raised_with_their_evidence_and_wait_for_an_operator() {
    let stage = Stage::released(by_hand).measure(2, FAILING);
    assert_eq!(reasons(&stage), [""; 0], "two samples are not enough");
    let mut stage = stage.measure(40, FAILING);
    let words = "error rate 12 % > 5 % for 3 of 3 samples, 1,240 requests";
    assert_eq!(reasons(&stage), [words]);
    assert!(orders(&stage).is_empty() && written(&stage).is_empty(), "automatic is off by default");
    stage.want(Intent::Ask(ActionKind::Rollback)).pass(Duration::from_secs(1)).type_in("blue");
    assert_eq!(stage.room.view.dialog.as_ref().unwrap().readiness(&stage.room), Readiness::Armed);
    stage.want(Intent::Accept);
    let orders = orders(&stage);
    assert_eq!(orders[0].reason.as_deref(), Some(words), "the journal says why");
    assert_eq!(orders[0].automatic, None);
}

#[test]
fn the_countdown_ends_in_an_ordinary_order() {
    let stage = Stage::released(automatic).measure(3, FAILING);
    let countdown = stage.room.countdown().unwrap();
    assert_eq!((countdown.left, countdown.by), (Duration::from_secs(30), None));
    assert!(matches!(written(&stage)[..], [Noted::Countdown { seconds: 30, .. }]));
    let mut stage = stage.measure(5, FAILING);
    assert!(orders(&stage).is_empty());
    stage.sample(FAILING);
    let [order] = orders(&stage)[..] else { panic!("one order: {:?}", orders(&stage)) };
    let back = Action::Rollback { way: RollbackWay::SwitchBack { to: Colour::Blue } };
    assert_eq!(order.action, back);
    assert!(order.automatic.is_some());
    let reason = order.reason.as_deref().unwrap();
    assert_eq!(reason, "automatic: error rate 12 % > 5 % for 3 of 3 samples, 1,240 requests");
    let stage = stage.measure(40, FAILING);
    assert_eq!(orders(&stage).len(), 1, "whatever came of it, it is not ordered again");
}

#[test]
fn smoke_tests_that_fail_after_the_switch_are_a_fail_whatever_the_signals_say() {
    let mut stage = Stage::released(|setting| {
        automatic(setting);
        setting.github = Some(rooms::github());
    })
    .measure(3, GOOD);
    let hear = |stage: &mut Stage, failed: jiff::Timestamp| {
        let mut run = releases::failed_run();
        for job in run.jobs.iter_mut().filter(|job| job.name == "smoke tests") {
            (job.started, job.ended) = (Some(failed - Duration::from_secs(7)), Some(failed));
        }
        stage.hear(releases::repository(Some(releases::merged_request()), Some(run)));
    };
    let switched = stage.room.switched.as_ref().unwrap().at;
    hear(&mut stage, switched - Duration::from_secs(60));
    assert_eq!((reasons(&stage), stage.room.countdown()), (vec![], None), "they held the switch");
    hear(&mut stage, switched + Duration::from_secs(10));
    let reasons = reasons(&stage);
    assert!(reasons.len() == 1 && reasons[0].starts_with("run #1234: smoke tests failed"), "{reasons:?}");
    let judgement = stage.room.judgement();
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(judgement.reasons.contains(&reasons[0]), "{judgement:?}");
    assert_eq!(stage.room.countdown().unwrap().reasons, reasons[0]);
}

#[test]
fn no_data_does_not_stop_what_bad_data_began() {
    let stage = Stage::released(automatic).measure(3, FAILING).measure(6, SILENT);
    assert_eq!(orders(&stage).len(), 1);
}

#[test]
fn anybody_stops_it_with_a_reason() {
    let mut stage = Stage::released(automatic).measure(3, FAILING);
    write(&mut stage, Writing::Stop, "");
    assert!(stage.room.view.prompt.as_ref().unwrap().trouble.is_some(), "a reason is needed");
    stage.type_in("load test, known").want(Intent::Accept);
    assert_eq!(written(&stage).last(), Some(&&Noted::Stopped { reason: "load test, known".into() }));
    let stage = stage.measure(40, FAILING);
    assert!(stage.room.countdown().is_none() && orders(&stage).is_empty() && reasons(&stage).is_empty());
    assert_eq!(stage.room.judgement().verdict, Verdict::Fail, "stopped is not healthy");

    let mut stage = Stage::released(automatic).measure(3, FAILING);
    colleague(&mut stage, Noted::Stopped { reason: "not the release".into() });
    let stage = stage.measure(40, FAILING);
    assert!(stage.room.countdown().is_none() && orders(&stage).is_empty());
}

#[test]
fn a_stop_lasts_as_long_as_what_it_answers() {
    let mut stage = Stage::released(automatic).measure(3, FAILING);
    write(&mut stage, Writing::Stop, "known");
    let stage = stage.measure(10, GOOD).measure(3, FAILING);
    assert!(stage.room.countdown().is_some(), "new errors are a new reason");
}

#[test]
fn what_goes_away_by_itself_is_called_off() {
    let stage = Stage::released(automatic).measure(3, FAILING).measure(3, GOOD);
    assert!(stage.room.countdown().is_none());
    assert!(matches!(written(&stage)[..], [Noted::Countdown { .. }, Noted::CalledOff { .. }]));
    assert!(orders(&stage).is_empty());
}

#[test]
fn only_the_one_in_command_counts_down() {
    for command in [
        Command::Nobody,
        Command::Unknown,
        Command::Other { holder: "ops2@b/s9".into(), fence: 5, expired: false, renewed: None },
    ] {
        let mut stage = Stage::released(automatic);
        stage.see(Observation::Command(command.clone()));
        let stage = stage.measure(40, FAILING);
        assert!(orders(&stage).is_empty() && written(&stage).is_empty(), "{command:?}");
        assert_eq!(reasons(&stage).len(), 1, "but it is raised");
        let mut stage = Stage::released(automatic).measure(3, FAILING);
        stage.see(Observation::Command(command));
        let stage = stage.measure(40, FAILING);
        assert!(orders(&stage).is_empty() && stage.room.countdown().is_none());
    }
}

#[test]
fn a_colleagues_countdown_is_seen_here() {
    let mut stage = Stage::released(by_hand).measure(3, GOOD);
    colleague(&mut stage, Noted::Countdown { seconds: 30, reasons: "error rate 12 %".into() });
    stage.pass(Duration::from_secs(10));
    let shown = stage.room.countdown().unwrap();
    assert_eq!((shown.left, shown.by.as_deref()), (Duration::from_secs(20), Some("ops2@bastion-2")));
    write(&mut stage, Writing::Stop, "look at the load test first");
    assert!(stage.room.countdown().is_none());
    assert!(orders(&stage).is_empty());
}

#[test]
fn a_bug_and_a_p0_alert_are_reasons() {
    let mut stage = Stage::released(by_hand).measure(3, GOOD);
    write(&mut stage, Writing::Bug, "payments are booked twice");
    assert_eq!(reasons(&stage), ["critical bug (ops1@bastion-1): payments are booked twice"]);
    assert_eq!(stage.room.judgement().verdict, Verdict::Fail);

    let mut stage = Stage::released(by_hand).measure(3, GOOD);
    let alert = |since| Alert {
        id: "f1".into(),
        name: "CheckoutDown".into(),
        labels: Default::default(),
        severity: "P0".into(),
        p0: true,
        state: AlertState::Firing,
        since,
        summary: String::new(),
    };
    stage.see(Observation::Alerts(vec![alert(rooms::at(0))]));
    assert!(reasons(&stage).is_empty(), "it fired before the switch");
    let now = stage.now.wall;
    stage.see(Observation::Alerts(vec![alert(now)]));
    assert_eq!(reasons(&stage), ["P0 alert CheckoutDown"]);
}

#[test]
fn alerts_that_cannot_be_read_are_no_pass() {
    let mut stage = Stage::released(by_hand).measure(3, GOOD);
    assert_eq!(stage.room.judgement().verdict, Verdict::Pass);
    stage.pass(Duration::from_secs(40)).live().pass(Duration::from_secs(25)).live();
    assert!(stage.room.judgement().reasons.iter().any(|why| why.starts_with("alerts: last read")));
}

#[test]
fn the_watch_is_extended_and_ended_with_a_reason() {
    let mut stage = Stage::released(by_hand).measure(3, GOOD);
    write(&mut stage, Writing::Extend, "soon");
    assert!(stage.room.view.prompt.take().unwrap().trouble.is_some());
    write(&mut stage, Writing::Extend, "15 the batch job still runs");
    let watch = stage.room.situation().watch().unwrap();
    assert_eq!(watch.length, Duration::from_secs(45 * 60));
    write(&mut stage, Writing::End, "all is quiet");
    assert_eq!(stage.room.phase(), Some(Phase::StandDown));
    assert_eq!(written(&stage).len(), 2);
    let mut stage = Stage::released(by_hand).measure(3, GOOD);
    let holder = "ops2@bastion-2/s9".into();
    stage.see(Observation::Command(Command::Other { holder, fence: 5, expired: false, renewed: None }));
    write(&mut stage, Writing::End, "x");
    assert!(written(&stage).is_empty(), "who watches is decided by the one in command");
}

#[test]
fn an_old_colour_without_pods_ends_no_watch() {
    let mut stage = Stage::released(by_hand).measure(200, GOOD);
    let mut blue = rooms::deployment(Colour::Blue, "v1.0.0", 3);
    (blue.desired, blue.replicas, blue.ready, blue.updated, blue.available) = (0, 0, 0, 0, 0);
    stage.see(Observation::Deployment(Colour::Blue, Some(Box::new(blue))));
    assert_eq!(stage.room.phase(), Some(Phase::Watch));
    let stage = stage.measure(200, GOOD);
    assert_eq!(stage.room.phase(), Some(Phase::StandDown), "it passed, and is still to be closed");
    let mut silent = stage.measure(40, SILENT);
    assert_eq!(silent.room.phase(), Some(Phase::Watch), "a timer that ran out is no pass");
    let mut record = silent.room.record.clone().unwrap();
    let mut close = rooms::switch_record(silent.now.wall);
    (close.id.0, close.action) = ("s1-9".into(), Action::Close);
    record.operations.push(close);
    silent.see(Observation::Record(record));
    assert_eq!(silent.room.phase(), Some(Phase::Closed));
}

#[test]
fn after_a_rollback_things_are_watched_until_they_are_normal() {
    let mut stage = Stage::released(automatic).measure(9, FAILING);
    let order = orders(&stage)[0].clone();
    stage.see(Observation::Service(Some(rooms::service(Colour::Blue, cutover::sop::MANAGER, 900))));
    let mut record = stage.room.record.clone().unwrap();
    let mut back = rooms::switch_record(stage.now.wall);
    (back.id, back.action, back.reason) = (order.id, order.action, order.reason);
    back.outcome = Some(OutcomeRecord {
        result: OperationResult::Verified,
        at: stage.now.wall,
        words: "traffic is on BLUE".into(),
        settled_by: None,
    });
    record.operations.push(back);
    stage.see(Observation::Record(record));
    let stage = stage.measure(4, FAILING);
    assert_eq!(stage.room.phase(), Some(Phase::RolledBack));
    assert!(matches!(stage.room.assessed.recovery, Some(Recovery::Waiting(_))));
    let stage = stage.measure(3, GOOD);
    assert_eq!(stage.room.assessed.recovery, Some(Recovery::Stable(Duration::from_secs(25))));
    assert_eq!(written(&stage).last(), Some(&&Noted::Stable { millis: 25_000 }));
    let noted = written(&stage).len();
    let stage = stage.measure(20, GOOD);
    assert_eq!(written(&stage).len(), noted, "it is told once");
    assert_eq!(orders(&stage).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_is_rolled_back_without_three_bad_samples(
        rounds in proptest::collection::vec((0_u8..4, 0_u64..90), 0..40),
    ) {
        let mut stage = Stage::released(automatic);
        let mut bad_in_a_row = 0;
        let mut most = 0;
        for (kind, silence) in rounds {
            match kind {
                0 => { stage.sample(GOOD); bad_in_a_row = 0; }
                1 => { stage.sample(SILENT); }
                2 => { stage.pass(Duration::from_secs(silence)); }
                _ => {
                    stage.sample(Figures { errors: Some(0.06), ..GOOD });
                    bad_in_a_row += 1;
                    most = most.max(bad_in_a_row);
                }
            }
        }
        prop_assert!(orders(&stage).is_empty() || most >= 3);
        prop_assert!(orders(&stage).len() <= 1);
    }
}
