//! Verifiers that need nobody to ask: what they look at is in the room already.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::evidence::Found;
use super::{Clock, Verifier, repository};
use crate::sop::alert::Duty;
use crate::sop::cluster::{Cluster, PodState};
use crate::sop::moment::Moment;
use crate::sop::window::{DeployWindow, WindowState, short_name};

/// What was read from PagerDuty longer ago says nothing about now.
const DUTY_HOLDS: Duration = Duration::from_secs(5 * 60);

/// What the room knows.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub now: Moment,
    pub window: Option<&'a DeployWindow>,
    /// The team's zone, and what it is called.
    pub zone: (&'a TimeZone, &'a str),
    /// How long the team must be there.
    pub on_call: Duration,
    pub duty: Option<&'a (Moment, Duty)>,
    /// `None` while what is known of it is too old, or nothing is.
    pub cluster: Option<&'a Cluster>,
    /// `None`: no repository is configured.
    pub repository: Option<repository::Known<'a>>,
}

/// What was found, in words, and where.
pub type Look = (Found, String, &'static str);

/// Looks; `None` where a verifier has to ask the outside, or an operator.
#[must_use]
pub fn look(verifier: &Verifier, facts: &Facts<'_>) -> Option<Look> {
    match verifier {
        Verifier::Manual | Verifier::Asked(_) => None,
        Verifier::Clock(clock) => {
            let (found, words) = by_the_clock(*clock, facts);
            Some((found, words, "clock"))
        }
        Verifier::OnCall => {
            let (found, words) = on_call(facts);
            Some((found, words, "PagerDuty"))
        }
        Verifier::Configuration => {
            let (found, words) = configuration(facts);
            Some((found, words, "cluster"))
        }
        Verifier::Repository(rule) => Some(repository::look(rule, facts.repository.as_ref())),
    }
}

fn by_the_clock(clock: Clock, facts: &Facts<'_>) -> (Found, String) {
    let now = facts.now.wall;
    let when = |passes: bool| if passes { Found::Pass } else { Found::Fail };
    if let Clock::NotOn(days) = clock {
        let (zone, label) = facts.zone;
        let today = zone.to_datetime(now).date().weekday();
        return (when(!days.contains(today)), format!("today is {} in {label}", short_name(today)));
    }
    let Some(window) = facts.window else {
        return (Found::Unknown, "no deploy window is configured ([policy.window])".to_owned());
    };
    match (clock, window.state(now)) {
        (Clock::TeamTime, _) => team_time(window, facts),
        (Clock::NoFreeze, WindowState::Closed { freeze: Some(_), .. }) => (Found::Fail, window.words(now)),
        (Clock::NoFreeze, _) => (Found::Pass, "no freeze today".to_owned()),
        (_, state) => (when(matches!(state, WindowState::Open { .. })), window.words(now)),
    }
}

fn team_time(window: &DeployWindow, facts: &Facts<'_>) -> (Found, String) {
    let now = facts.now.wall;
    if window.hours.is_none_or(|hours| hours.team_until.is_none()) {
        let words = "until when the team is there is not configured (policy.window.team_until)";
        return (Found::Unknown, words.to_owned());
    }
    let Some(until) = window.team_until(now) else {
        return (Found::Fail, window.words(now));
    };
    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let found = if left >= facts.on_call { Found::Pass } else { Found::Fail };
    let (left, needed) = (left.as_secs() / 60, facts.on_call.as_secs() / 60);
    (found, format!("the team is there until {}: {left} min, {needed} are needed", window.both(until, now)))
}

fn on_call(facts: &Facts<'_>) -> (Found, String) {
    let Some((at, duty)) = facts.duty else {
        return (Found::Unknown, "who is on call was not read".to_owned());
    };
    let age = facts.now.since(*at);
    if age > DUTY_HOLDS {
        return (Found::Unknown, format!("who is on call was last read {} min ago", age.as_secs() / 60));
    }
    let names: Vec<&str> = duty.on_call.iter().map(|person| person.name.as_str()).collect();
    match names.as_slice() {
        [] => (Found::Fail, "nobody is on call".to_owned()),
        names => (Found::Pass, format!("on call: {}", names.join(", "))),
    }
}

/// The kubelet's reasons for a container that it cannot even make.
const LACKS: [&str; 2] = ["CreateContainerConfigError", "InvalidImageName"];

fn configuration(facts: &Facts<'_>) -> (Found, String) {
    let Some((cluster, idle)) = facts.cluster.and_then(|cluster| Some((cluster, cluster.idle()?))) else {
        return (Found::Unknown, "the pods are not known".to_owned());
    };
    let pods: Vec<&PodState> = cluster.pods.values().filter(|pod| pod.colour == Some(idle)).collect();
    let lacking = pods.iter().find_map(|pod| {
        let reason = pod.reason.as_deref().filter(|reason| LACKS.contains(reason))?;
        let message = pod.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
        Some(format!("{} {reason}{message}", pod.name))
    });
    if let Some(words) = lacking {
        return (Found::Fail, words);
    }
    match pods.len() {
        0 => (Found::Unknown, format!("{} has no pods yet", idle.label())),
        // A Secret that is mounted and missing keeps a pod waiting without a reason.
        _ if pods.iter().any(|pod| pod.phase != "Running") => {
            (Found::Unknown, format!("pods of {} are still being made", idle.label()))
        }
        1 => (Found::Pass, format!("the pod of {} has all it names", idle.label())),
        count => (Found::Pass, format!("{count} pods of {} have all they name", idle.label())),
    }
}
