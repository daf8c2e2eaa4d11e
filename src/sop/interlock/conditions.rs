//! How each condition is judged. Every answer says what was seen or why it blocks.

use super::{Freshness, LockState, Situation};
use crate::sop::access::{self, Right};
use crate::sop::chain::{Chain, Fit, LinkId};
use crate::sop::cluster::DeploymentState;
use crate::sop::colour::Colour;
use crate::sop::command::{Command, Operator};
use crate::sop::operation::{Action, Expectation, RollbackWay};
use crate::sop::pods::settled;
use crate::sop::rollback::previous_revision;
use crate::sop::rollout::{Rollout, rollout, stuck_because};
use crate::sop::smoke::SmokeTests;

pub(super) fn clear(words: impl Into<String>) -> LockState {
    LockState::Clear(words.into())
}

pub(super) fn blocked(words: impl Into<String>) -> LockState {
    LockState::Blocked(words.into())
}

pub(super) fn unknown(words: impl Into<String>) -> LockState {
    LockState::Unknown(words.into())
}

pub(super) fn writable(s: &Situation<'_>) -> LockState {
    if s.read_only { blocked("read-only: this program was told to change nothing") } else { clear("yes") }
}

pub(super) fn selector(expectation: Option<&Expectation>, s: &Situation<'_>) -> LockState {
    let Some(service) = &s.cluster.service else {
        return unknown("the Service has not been seen");
    };
    let Some(active) = service.active else {
        return blocked(match &service.selector_value {
            Some(value) => format!("the selector says `{value}`, which is neither colour's value"),
            None => "the selector has no such key".into(),
        });
    };
    if let Some(expected) = expectation {
        if expected.service_uid.as_ref().is_some_and(|uid| *uid != service.uid) {
            return blocked("the Service was deleted and made anew");
        }
        if let Some(shown) = expected.active.filter(|shown| *shown != active) {
            let by = service.owner.as_ref().map_or("somebody", |owner| owner.manager.as_str());
            return blocked(format!(
                "changed since it was shown: {} then, {} now (by {by})",
                shown.label(),
                active.label()
            ));
        }
    }
    clear(format!("{} has the traffic", active.label()))
}

pub(super) fn fresh(s: &Situation<'_>) -> LockState {
    match s.freshness {
        Freshness::Never => unknown("nothing has been read yet"),
        Freshness::ReadNow => clear("read just now"),
        Freshness::Age(age) if age > s.policy.stale_after => {
            blocked(format!("the server was last heard {} s ago", age.as_secs()))
        }
        Freshness::Age(age) => clear(format!("{} s old", age.as_secs())),
    }
}

pub(super) fn permission(action: &Action, s: &Situation<'_>) -> LockState {
    for needed in access::needed(action) {
        match s.access.right(*needed) {
            Some(Right::Held) => {}
            Some(Right::Denied) => return blocked(format!("you may not {needed}")),
            Some(Right::Unknown(why)) => return unknown(format!("may you {needed}? {why}")),
            None => return unknown(format!("whether you may {needed} was not asked yet")),
        }
    }
    clear("yes")
}

/// The right on the way back. Where it could not be asked for, that does not hold the
/// lever: the server says it when it is asked to do it.
pub(super) fn permission_to_go_back(action: &Action, s: &Situation<'_>) -> LockState {
    match permission(action, s) {
        LockState::Unknown(_) => clear("not known: the server says it when it is ordered"),
        known => known,
    }
}

pub(super) fn command(s: &Situation<'_>) -> LockState {
    match s.command {
        Command::Unknown => unknown("the deploy lock has not been read"),
        Command::Nobody => clear("free: it is taken with the first change"),
        Command::Mine { .. } => clear("you are"),
        Command::Other { holder, expired: true, .. } => {
            clear(format!("{} let it expire", Operator::shown(holder)))
        }
        Command::Other { holder, .. } => blocked(format!(
            "{} is in command: ask, or take over with a typed reason",
            Operator::shown(holder)
        )),
    }
}

pub(super) fn idle(colour: Colour, s: &Situation<'_>) -> LockState {
    match s.cluster.active() {
        None => unknown("which colour has the traffic is not known"),
        Some(active) if active == colour => blocked(format!("{} has the traffic", colour.label())),
        Some(_) => clear(format!("{} is idle", colour.label())),
    }
}

/// The colour's Deployment, or why there is none to judge.
fn deployment<'a>(colour: Colour, s: &Situation<'a>) -> Result<&'a DeploymentState, LockState> {
    s.cluster.deployments[colour]
        .as_ref()
        .ok_or_else(|| unknown(format!("the Deployment of {} has not been seen", colour.label())))
}

pub(super) fn rolled_out(colour: Colour, s: &Situation<'_>) -> LockState {
    let deployment = match deployment(colour, s) {
        Ok(deployment) => deployment,
        Err(state) => return state,
    };
    match rollout(deployment) {
        Rollout::Done => clear(format!("{} on {}", deployment.updated, image_words(deployment))),
        other => blocked(match stuck_because(s.cluster, colour) {
            Some(stuck) => format!("{} {other}; {stuck}", colour.label()),
            None => format!("{} {other}", colour.label()),
        }),
    }
}

fn image_words(deployment: &DeploymentState) -> &str {
    let image = deployment.image.as_deref().unwrap_or("no image");
    crate::sop::cluster::image_version(image).unwrap_or(image)
}

pub(super) fn pods_ready(colour: Colour, s: &Situation<'_>) -> LockState {
    s.pods.map_or_else(|| settled(s.cluster, colour), |facts| facts.settled[colour].clone())
}

pub(super) fn capacity(to: Colour, s: &Situation<'_>) -> LockState {
    let (target, current) = (s.ready_pods(to), s.ready_pods(to.other()));
    if target < current {
        blocked(format!(
            "{} has {target} ready, {} has {current}: the traffic may be too much",
            to.label(),
            to.other().label()
        ))
    } else {
        clear(format!("{target} ready for the traffic of {current}"))
    }
}

pub(super) fn verified(colour: Colour, s: &Situation<'_>) -> LockState {
    let Some(verification) = s.verification else {
        return blocked(format!("{} was not verified: run verify", colour.label()));
    };
    let unproven = s
        .pods
        .map_or_else(|| verification.unproven(s.cluster, colour), |facts| facts.unproven[colour].clone());
    if let Some(why) = unproven {
        return blocked(why);
    }
    match verification.age_within(s.policy.verify_holds, s.now) {
        Ok(age) => clear(format!("{} pods, {} min ago", verification.pods.len(), age.as_secs() / 60)),
        Err(why) => blocked(why),
    }
}

pub(super) fn service_gitops(s: &Situation<'_>) -> LockState {
    match &s.cluster.service {
        None => unknown("the Service has not been seen"),
        Some(service) => gitops_state(service.gitops.as_ref()),
    }
}

pub(super) fn deployment_gitops(colour: Colour, s: &Situation<'_>) -> LockState {
    match deployment(colour, s) {
        Ok(deployment) => gitops_state(deployment.gitops.as_ref()),
        Err(state) => state,
    }
}

fn gitops_state(gitops: Option<&crate::sop::cluster::GitOps>) -> LockState {
    match gitops {
        None => clear("none seen"),
        Some(owner) => {
            blocked(format!("{} application {} may put it back", owner.controller, owner.application))
        }
    }
}

pub(super) fn standby(colour: Colour, s: &Situation<'_>) -> LockState {
    let Some(switched) = s.switched else {
        return unknown("when the traffic left is not known");
    };
    if switched.to == colour {
        return blocked(format!("the last switch was to {}", colour.label()));
    }
    let passed = s.now.since_wall(switched.at);
    match s.policy.standby.checked_sub(passed) {
        Some(left) if !left.is_zero() => {
            let left = left.as_secs();
            blocked(format!("standby has {}:{:02} left", left / 60, left % 60))
        }
        _ => clear(format!("{} min since the switch", passed.as_secs() / 60)),
    }
}

/// The chain of evidence that ends at `new`, up to `last`; `None` where no repository is
/// configured, so that there is none.
pub(super) fn chain_to(last: LinkId, new: Colour, s: &Situation<'_>) -> Option<LockState> {
    let chain = Chain::of(s.evidence.origin.as_ref()?, s.cluster, new);
    Some(match chain.weakest(last) {
        None => clear(format!("every link fits up to the {}", last.words())),
        Some(link) if matches!(link.fit, Fit::Unknown(_)) => unknown(link.words()),
        Some(link) => blocked(link.words()),
    })
}

/// What the pipeline's smoke tests say: they ran on what would get the traffic.
pub(super) fn smoke(s: &Situation<'_>) -> LockState {
    match &s.evidence.smoke {
        SmokeTests::Passed => clear("passed"),
        // Not every pipeline has them before the switch; the checks of verify are its own.
        SmokeTests::Unknown => clear("none failed"),
        SmokeTests::Failed { words, .. } => blocked(words),
    }
}

pub(super) fn way_back(way: &RollbackWay, s: &Situation<'_>) -> LockState {
    match way {
        RollbackWay::SwitchBack { to } => match s.ready_pods(*to) {
            _ if s.cluster.active() == Some(*to) => {
                blocked(format!("{} has the traffic already", to.label()))
            }
            0 => blocked(format!("{} has no ready pods", to.label())),
            ready => clear(format!("{} has {ready} ready pods", to.label())),
        },
        RollbackWay::Undo { colour } => undo(*colour, s),
        RollbackWay::Redeploy { to, .. } => match deployment(*to, s) {
            _ if s.cluster.active() == Some(*to) => {
                blocked(format!("{} has the traffic already", to.label()))
            }
            Ok(deployment) if deployment.paused => blocked(format!("{} is paused", deployment.name)),
            Ok(_) => clear(format!("{} can be brought up", to.label())),
            Err(state) => state,
        },
    }
}

fn undo(colour: Colour, s: &Situation<'_>) -> LockState {
    let deployment = match deployment(colour, s) {
        Ok(deployment) => deployment,
        Err(state) => return state,
    };
    if s.cluster.active() != Some(colour) {
        return blocked(format!("{} does not have the traffic", colour.label()));
    }
    if deployment.paused {
        return blocked(format!("{} is paused: resume it first", deployment.name));
    }
    match previous_revision(s.cluster, colour) {
        Some(revision) => clear(format!("{} has revision {revision} to go back to", deployment.name)),
        None => blocked(format!("{} has no earlier revision", deployment.name)),
    }
}
