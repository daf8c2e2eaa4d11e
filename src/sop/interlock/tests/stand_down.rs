//! The conditions that rest on what is measured.

use super::*;
use crate::sop::note::{Note, Noted};
use crate::sop::operation::OperationId;
use crate::sop::record::{OperationRecord, OperationResult, OutcomeRecord};
use crate::sop::smoke::SmokeTests;
use crate::sop::verdict::{Judgement, Verdict};

/// Green got the traffic 40 minutes ago; blue stands by.
fn watched() -> Night {
    let mut night = night();
    night.service().active = Some(Colour::Green);
    night.switched = Some(Switched {
        to: Colour::Green,
        at: "2026-01-06T21:35:00Z".parse().unwrap(),
        by: "ops1@b".into(),
        rollback: false,
    });
    night
}

fn measured(verdict: Verdict) -> Evidence {
    Evidence {
        at: Some(night().now.wall),
        watch: Some(Judgement { verdict, reasons: vec!["error rate 2 % > 1 %".into()] }),
        missing: Vec::new(),
        idle_requests: Some(0.1),
        origin: None,
        smoke: SmokeTests::Unknown,
    }
}

const RETIRE: Action = Action::Retire { colour: Colour::Blue };

#[test]
fn no_verdict_but_a_pass_retires_or_closes() {
    let mut night = watched();
    for verdict in Verdict::ALL {
        night.evidence = measured(verdict);
        let held = held_up(&RETIRE, &night);
        let close: Vec<_> = held_up(&Action::Close, &night).into_iter().map(|(id, _)| id).collect();
        match verdict {
            Verdict::Pass => assert_eq!((held, close), (vec![], vec!["stood-down"])),
            _ => {
                assert_eq!(held, [("watch", format!("{verdict}: error rate 2 % > 1 %"))]);
                assert_eq!(close, ["watch", "stood-down"]);
            }
        }
    }
}

#[test]
fn without_metrics_it_is_retired_as_before_and_closed_with_a_reason() {
    let mut night = watched();
    let looked = "nothing measures what BLUE still gets: look, and say what you saw".to_owned();
    assert_eq!(held_up(&RETIRE, &night), [("traffic-left", looked)]);
    let held = held_up(&Action::Close, &night);
    let words = "no metrics configured: its time is over, end it with a reason".to_owned();
    assert_eq!(held[0], ("watch", words));
    let ended = Note {
        at: "2026-01-06T22:14:00Z".parse().unwrap(),
        by: "ops2@b/s".into(),
        what: Noted::Ended { reason: "looked at it".into() },
    };
    night.record.note(ended);
    assert_eq!(held_up(&Action::Close, &night)[0].0, "stood-down");
    night.cluster.deployments.blue.as_mut().unwrap().desired = 0;
    night.cluster.deployments.blue.as_mut().unwrap().replicas = 0;
    night.cluster.pods.retain(|_, pod| pod.colour != Some(Colour::Blue));
    assert_eq!(held_up(&Action::Close, &night), []);
}

#[test]
fn the_watch_is_not_closed_before_its_time() {
    let mut night = watched();
    night.switched.as_mut().unwrap().at = "2026-01-06T22:00:30Z".parse().unwrap();
    night.evidence = measured(Verdict::Pass);
    let words = "the watch has 15:30 left; it can be ended with a reason".to_owned();
    assert_eq!(held_up(&Action::Close, &night)[0], ("watch", words));
    night.switched.as_mut().unwrap().rollback = true;
    assert!(held_up(&Action::Close, &night)[0].1.contains("taken back"));
}

#[test]
fn what_is_owed_keeps_the_release_open() {
    let mut night = watched();
    night.evidence = measured(Verdict::Pass);
    let operation = |action, outcome: Option<OperationResult>| OperationRecord {
        id: OperationId(format!("{action:?}")),
        action,
        by: "ops2@b/s".into(),
        at: night.now.wall,
        fence: None,
        active_before: None,
        desired_before: None,
        overrides: Vec::new(),
        reason: None,
        outcome: outcome.map(|result| OutcomeRecord {
            result,
            at: night.now.wall,
            words: String::new(),
            settled_by: None,
        }),
    };
    let (retire, close) = (operation(RETIRE, None), operation(Action::Close, None));
    let closed = operation(Action::Close, Some(OperationResult::Verified));
    night.record.intend(close);
    let ids =
        |night: &Night| -> Vec<_> { held_up(&Action::Close, night).into_iter().map(|(id, _)| id).collect() };
    assert_eq!(ids(&night), ["stood-down"], "the close itself is not owed");
    night.record.intend(retire);
    assert_eq!(ids(&night), ["stood-down", "settled"]);
    night.record.intend(closed);
    assert_eq!(held_up(&Action::Close, &night)[0].1, "it was closed already, by ops2@b");
}

#[test]
fn traffic_on_the_old_colour_keeps_it_up() {
    let mut night = watched();
    night.evidence = Evidence { idle_requests: Some(12.0), ..measured(Verdict::Pass) };
    assert_eq!(held_up(&RETIRE, &night), [("traffic-left", "BLUE still gets 12 rps".to_owned())]);
}

#[test]
fn the_switch_needs_eyes_where_there_are_any() {
    let mut night = night();
    assert_eq!(held_up(&SWITCH, &night), [], "no metrics configured");
    let missing = vec!["error rate: not measured yet".to_owned()];
    night.evidence = Evidence { missing, ..measured(Verdict::Pass) };
    assert_eq!(held_up(&SWITCH, &night), [("measured", "error rate: not measured yet".to_owned())]);
    night.evidence = measured(Verdict::Pass);
    assert_eq!(held_up(&SWITCH, &night), []);
    night.evidence.at = Some("2026-01-06T22:13:00Z".parse().unwrap());
    let words = "what was measured is more than a minute old".to_owned();
    assert_eq!(held_up(&SWITCH, &night), [("measured", words)]);
}
