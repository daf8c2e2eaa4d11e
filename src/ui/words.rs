//! Words that several panes share, so that one thing is called the same everywhere.

use std::collections::VecDeque;

use crate::room::Room;
use crate::room::message::Probe;
use crate::sop::cluster::image_version;
use crate::sop::interlock::{Freshness, Interlock, InterlockId};
use crate::sop::moment::Moment;
use crate::sop::operation::{Action, RollbackWay};

use super::text;
use super::theme::{Glyphs, Tone};

/// Times less than this far away go without their date.
const TODAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(12);

/// What an action does, with its target: `switch → GREEN`.
pub(crate) fn action(action: &Action, glyphs: &Glyphs) -> String {
    let arrow = glyphs.arrow;
    match action {
        Action::Deploy { colour, image } => format!("deploy {} {arrow} {}", version(image), colour.label()),
        Action::Verify { colour } => format!("verify {}", colour.label()),
        Action::Switch { to } => format!("switch {arrow} {}", to.label()),
        Action::Rollback { way: RollbackWay::SwitchBack { to } } => {
            format!("rollback {arrow} {}", to.label())
        }
        Action::Rollback { way: RollbackWay::Undo { colour } } => {
            format!("rollback: undo {} in place", colour.label())
        }
        Action::Rollback { way: RollbackWay::Redeploy { to, image } } => {
            format!("rollback: {} {arrow} {}, then switch", version(image), to.label())
        }
        Action::Retire { colour } => format!("retire {}", colour.label()),
        Action::Close => "close the release".to_owned(),
        Action::Propose { head, base, .. } => format!("propose {head} {arrow} {base}"),
        Action::Merge { number, head } => format!("merge #{number} at {head}"),
        Action::DeleteBranch { branch } => format!("delete {branch}"),
        Action::Approve { environment, head, .. } => format!("approve {head} {arrow} {environment}"),
        Action::Reject { environment, head, .. } => format!("reject {head} for {environment}"),
        Action::Dispatch { workflow, reference } => format!("start {workflow} on {reference}"),
        Action::Rerun { number, failed_only: true, .. } => format!("re-run what failed of run {number}"),
        Action::Rerun { number, failed_only: false, .. } => format!("re-run run {number}"),
        Action::Cancel { number, .. } => format!("cancel run {number}"),
    }
}

/// What the newest of some probes was answered: `200 in 38 ms, v1.1.0`. One that is too
/// old to say anything about now says so.
pub(crate) fn probe(room: &Room, probes: &VecDeque<(Moment, Probe)>) -> (String, Tone) {
    let Some((at, probe)) = probes.back() else { return ("not asked yet".to_owned(), Tone::Dim) };
    let (words, tone) = answer(probe);
    if room.probe_holds(*at) {
        return (words, tone);
    }
    let age = text::age(room.now.since(*at)).unwrap_or_default();
    (format!("STALE {age}: {words}"), if tone == Tone::Bad { tone } else { Tone::Warn })
}

fn answer(probe: &Probe) -> (String, Tone) {
    let version = probe.version.as_deref().map(|version| format!(", {version}")).unwrap_or_default();
    match &probe.answer {
        Ok(status) => {
            let tone = if (200..300).contains(status) { Tone::Plain } else { Tone::Bad };
            (format!("{status} in {} ms{version}", probe.latency.as_millis()), tone)
        }
        Err(why) => (format!("no answer: {why}"), Tone::Bad),
    }
}

/// An image's version, else the image.
pub(crate) fn version(image: &str) -> &str {
    image_version(image).unwrap_or(image)
}

/// What an interlock says. Seconds that merely count the age of what is fresh are left out.
pub(crate) fn lock(lock: &Interlock) -> &str {
    if lock.id == InterlockId::Fresh && lock.is_clear() { "yes" } else { lock.why() }
}

/// Context and namespace: `prod-eks/taxasge`.
pub(crate) fn place(room: &Room) -> String {
    let setting = &room.setting;
    if setting.context.is_empty() {
        return format!("?/{}", setting.namespace);
    }
    format!("{}/{}", setting.context, setting.namespace)
}

/// How old the pair's state is, in a word or two.
pub(crate) fn freshness(room: &Room) -> String {
    match room.world.freshness(room.now) {
        Freshness::Never => "not read yet".to_owned(),
        Freshness::ReadNow => "live".to_owned(),
        Freshness::Age(age) if age > room.setting.policy.stale_after => {
            format!("STALE {}", text::age(age).unwrap_or_default())
        }
        Freshness::Age(age) => text::age(age).map_or_else(|| "live".to_owned(), |age| format!("{age} ago")),
    }
}

/// Whether what is shown of the pair is too old to act on.
pub(crate) fn is_stale(room: &Room) -> bool {
    matches!(room.world.freshness(room.now), Freshness::Age(age) if age > room.setting.policy.stale_after)
}

/// A time of day in the team's zone: `22:15`; with its date when it is not of today.
pub(crate) fn clock(room: &Room, at: jiff::Timestamp) -> String {
    let recent = room.now.wall.duration_since(at).abs() < TODAY;
    let pattern = if recent { "%H:%M" } else { "%d %b %Y %H:%M" };
    at.to_zoned(room.setting.zone.clone()).strftime(pattern).to_string()
}

/// A time of day to the second in the team's zone.
pub(crate) fn clock_seconds(room: &Room, at: jiff::Timestamp) -> String {
    at.to_zoned(room.setting.zone.clone()).strftime("%H:%M:%S").to_string()
}

/// How long ago a recorded time was: `just now`, `4 min ago`.
pub(crate) fn ago(now: Moment, at: jiff::Timestamp) -> String {
    text::age(now.since_wall(at)).map_or_else(|| "just now".to_owned(), |age| format!("{age} ago"))
}
