//! The conditions that rest on what is measured: seeing before the switch, the watch
//! after it, and the end of the release.

use super::{LockState, Situation, blocked, clear, unknown};
use crate::sop::colour::Colour;
use crate::sop::operation::Action;
use crate::sop::rollout::{Rollout, rollout};
use crate::sop::signal::Unit;
use crate::sop::verdict::Verdict;

/// What is about 0 requests a second: health checks and the like.
const ABOUT_NONE: f64 = 0.5;
const NO_METRICS: &str = "no metrics configured";

/// Why the evidence says nothing about now, if it does not.
fn useless(s: &Situation<'_>) -> Option<LockState> {
    match s.evidence.at {
        None => Some(unknown("what is measured was not looked at yet")),
        Some(_) if s.evidence.is_old(s.now) => Some(unknown("what was measured is more than a minute old")),
        Some(_) => None,
    }
}

/// Before the switch: error rate, P95 and the probe have values (sop.md, "Deploy sans
/// monitoring": blind).
pub(super) fn measured(s: &Situation<'_>) -> LockState {
    if let Some(useless) = useless(s) {
        return useless;
    }
    if !s.evidence.is_measured() {
        return clear(NO_METRICS);
    }
    match s.evidence.missing.as_slice() {
        [] => clear("error rate, latency and the URL have values"),
        missing => blocked(missing.join("; ")),
    }
}

/// For the retirement: the watch passes so far. No data is no pass; who wants to go on
/// without one ends the watch with a reason.
pub(super) fn watch_passes(s: &Situation<'_>) -> LockState {
    let Some(watch) = s.watch() else {
        return clear("no switch to watch over");
    };
    if let Some(note) = watch.ended {
        return clear(format!("{} {}", note.author(), note.words()));
    }
    if let Some(useless) = useless(s) {
        return useless;
    }
    match &s.evidence.watch {
        None => clear(format!("{NO_METRICS}: nothing was measured")),
        Some(judgement) if judgement.verdict == Verdict::Pass => clear("it passes so far"),
        Some(judgement) => blocked(against(judgement)),
    }
}

/// For the end: the watch has passed, or was ended with a reason. The timer alone is no
/// pass.
pub(super) fn watch_over(s: &Situation<'_>) -> LockState {
    let Some(switched) = s.switched else {
        return unknown("when the traffic moved is not known");
    };
    let Some(watch) = s.watch() else {
        return blocked(format!("the release was taken back by {}: there is nothing to close", switched.by));
    };
    if let Some(closed) = s.record.and_then(|record| record.closed(switched)) {
        let by = crate::sop::command::Operator::shown(&closed.by);
        return blocked(format!("it was closed already, by {by}"));
    }
    if let Some(note) = watch.ended {
        return clear(format!("{} {}", note.author(), note.words()));
    }
    let left = watch.left().as_secs();
    if left > 0 {
        let words =
            format!("the watch has {}:{:02} left; it can be ended with a reason", left / 60, left % 60);
        return blocked(words);
    }
    if let Some(useless) = useless(s) {
        return useless;
    }
    match &s.evidence.watch {
        None => blocked(format!("{NO_METRICS}: its time is over, end it with a reason")),
        Some(judgement) if judgement.verdict == Verdict::Pass => clear("it has passed"),
        Some(judgement) => blocked(format!("its time is over without a pass: {}", against(judgement))),
    }
}

fn against(judgement: &crate::sop::verdict::Judgement) -> String {
    let reason = judgement.reasons.first().map_or("", String::as_str);
    format!("{}: {reason}", judgement.verdict)
}

/// Established connections stay on the old colour (kubernetes#38456): it is not stopped
/// before its request rate is about 0.
pub(super) fn traffic_left(colour: Colour, s: &Situation<'_>) -> LockState {
    let label = colour.label();
    if s.cluster.pods_of(colour).next().is_none() && s.cluster.deployments[colour].is_some() {
        return clear(format!("{label} has no pods"));
    }
    if let Some(useless) = useless(s) {
        return useless;
    }
    match s.evidence.idle_requests {
        Some(rate) if rate <= ABOUT_NONE => clear(format!("{label} gets {}", Unit::PerSecond.show(rate))),
        Some(rate) => blocked(format!("{label} still gets {}", Unit::PerSecond.show(rate))),
        None => unknown(format!("nothing measures what {label} still gets: look, and say what you saw")),
    }
}

/// The old colour is down. Who keeps it on purpose says why.
pub(super) fn stood_down(s: &Situation<'_>) -> LockState {
    let Some(idle) = s.cluster.idle() else {
        return unknown("which colour has the traffic is not known");
    };
    match &s.cluster.deployments[idle] {
        None => unknown(format!("the Deployment of {} has not been seen", idle.label())),
        Some(old) if rollout(old) == Rollout::ScaledToZero => {
            clear(format!("{} has stood down", idle.label()))
        }
        Some(old) => blocked(format!(
            "{} stands by with {} pods: retire it, or say why it is kept",
            idle.label(),
            old.desired
        )),
    }
}

/// Every operation has its end in the record.
pub(super) fn settled(s: &Situation<'_>) -> LockState {
    let Some(record) = s.record else {
        return unknown("the shared record has not been read");
    };
    // The order that is being judged may stand in the record already.
    let open: Vec<_> = record.open().filter(|operation| operation.action != Action::Close).collect();
    match open.as_slice() {
        [] => clear("every operation has its end"),
        [one] => blocked(format!("the {} of {} has no end yet", one.action.kind(), one.by)),
        many => blocked(format!("{} operations have no end yet", many.len())),
    }
}
