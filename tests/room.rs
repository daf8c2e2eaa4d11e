//! What the room concludes from what it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/rooms.rs"]
mod rooms;

use std::time::Duration;

use cutover::room::message::{Change, Observation, Outcome, Probe};
use cutover::sop::colour::Colour;
use cutover::sop::operation::{Action, OperationId, RollbackWay};
use cutover::sop::phase::Phase;
use cutover::sop::verdict::Verdict;
use rooms::Stage;

#[test]
fn the_phase_follows_what_others_do() {
    let mut stage = Stage::watch();
    assert_eq!(stage.room.phase(), Some(Phase::Watch));
    let mut set = rooms::replica_set(Colour::Blue, "v1.2.0", 3);
    set.created = Some(stage.now.wall);
    stage.see(Observation::ReplicaSets(Change::Some { changed: vec![set], gone: Vec::new() }));
    let deployment = rooms::deployment(Colour::Blue, "v1.2.0", 3);
    stage.see(Observation::Deployment(Colour::Blue, Some(Box::new(deployment))));
    assert_eq!(stage.room.phase(), Some(Phase::Deploy), "somebody deploys to the old colour");
    let pods = (0..3).map(|n| rooms::pod(Colour::Blue, "v1.2.0", n)).collect();
    stage.see(Observation::Pods(Change::Some { changed: pods, gone: Vec::new() }));
    assert_eq!(stage.room.phase(), Some(Phase::Verify));
    assert_eq!(stage.room.release(), Some((Some("v1.1.0"), Some("v1.2.0"))));
}

#[test]
fn a_switch_by_a_colleague_is_told_and_our_own_is_not() {
    let stage = Stage::watch();
    assert_eq!(stage.room.standing_notices().count(), 0);
    let mut stage = Stage::ready();
    let before = stage.room.notices.len();
    stage.see(Observation::Service(Some(rooms::service(Colour::Blue, "kubectl-patch", 60))));
    stage.see(Observation::Service(Some(rooms::service(Colour::Green, "kubectl-patch", 119))));
    let told = stage.room.notices.iter().skip(before).map(|(_, notice)| notice.words.as_str());
    assert_eq!(told.collect::<Vec<_>>(), ["traffic went to GREEN (by kubectl-patch)"]);
}

fn judged(stage: &Stage) -> (Verdict, String) {
    let judgement = stage.room.judgement();
    (judgement.verdict, judgement.reasons.first().cloned().unwrap_or_default())
}

#[test]
fn what_is_not_known_is_not_well() {
    assert_eq!(judged(&Stage::loading()).0, Verdict::NoData);
    let mut stage = Stage::ready();
    assert_eq!(judged(&stage), (Verdict::Pass, String::new()));
    stage.pass(Duration::from_secs(8));
    assert_eq!(judged(&stage).0, Verdict::Pass, "8 s are not stale yet");
    stage.pass(Duration::from_secs(3));
    assert_eq!(judged(&stage).0, Verdict::Stale);
}

#[test]
fn the_worst_reason_is_the_verdict() {
    let mut stage = Stage::watch();
    assert_eq!(judged(&stage), (Verdict::Warn, "2 new errors since the switch".into()));
    let answer = |answer, version: &str| {
        let version = Some(version.to_owned());
        Observation::Probe(Probe { answer, latency: Duration::from_millis(9), version })
    };
    stage.see(answer(Ok(503), "v1.1.0"));
    assert_eq!(judged(&stage), (Verdict::Fail, "the URL answers 503".into()));
    stage.see(answer(Ok(200), "v1.0.0"));
    assert!(stage.room.judgement().reasons.iter().any(|why| why.contains("answers with v1.0.0, not v1.1.0")));
    stage.see(Observation::Endpoints(Vec::new()));
    assert_eq!(judged(&stage), (Verdict::Fail, "GREEN has no endpoint that serves".into()));
}

#[test]
fn a_way_back_is_one_before_the_record_says_so() {
    let mut stage = Stage::watch();
    let action = Action::Rollback { way: RollbackWay::SwitchBack { to: Colour::Blue } };
    stage.learn(Outcome::Began { id: OperationId("s1-9".into()), action });
    stage.see(Observation::Service(Some(rooms::service(Colour::Blue, "cutover", 372))));
    assert_eq!(stage.room.phase(), Some(Phase::RolledBack));
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.room.phase(), Some(Phase::RolledBack));
}
