//! Everything known of one pod.

use ratatui::text::{Line, Span};

use crate::room::roster::PodStanding;
use crate::sop::cluster::PodState;
use crate::ui::scene::Scene;
use crate::ui::text::{grown, wrapped};
use crate::ui::theme::Tone;
use crate::ui::words;

/// Column for what a value is.
const NAMES: usize = 11;

pub(super) fn lines(scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let Some(name) = &scene.room.view.pod_shown else {
        return vec![Line::raw("no pod is chosen")];
    };
    let Some(pod) = scene.room.world.cluster.pods.get(name) else {
        return vec![Line::raw(name.clone()), Line::styled("it is gone", scene.style(Tone::Warn))];
    };
    let room = usize::from(width).saturating_sub(NAMES + 1);
    let rows = facts(scene, pod).into_iter().flat_map(|(what, value)| {
        wrapped(&value, room).into_iter().enumerate().map(move |(place, part)| {
            let what = if place == 0 { what } else { "" };
            Line::from(vec![
                Span::styled(format!("{what:<NAMES$} "), scene.style(Tone::Dim)),
                Span::raw(part),
            ])
        })
    });
    std::iter::once(Line::styled(name.clone(), scene.style(Tone::Strong))).chain(rows).collect()
}

fn facts(scene: &Scene<'_>, pod: &PodState) -> Vec<(&'static str, String)> {
    let room = scene.room;
    let or_unknown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let created = pod.created.map_or_else(
        || "unknown".to_owned(),
        |at| format!("{} ({} old)", words::clock_seconds(room, at), grown(room.now.since_wall(at))),
    );
    let mut facts = vec![
        ("colour", pod.colour.map_or_else(|| "neither".to_owned(), |colour| colour.label().to_owned())),
        ("state", format!("{}, phase {}", PodStanding::of(pod).word(), pod.phase)),
        ("restarts", pod.restarts.to_string()),
        ("created", created),
        ("node", or_unknown(&pod.node)),
        ("address", or_unknown(&pod.address)),
        ("image", or_unknown(&pod.image)),
        ("digest", or_unknown(&pod.image_id)),
        ("template", or_unknown(&pod.hash)),
    ];
    let troubles = [("reason", &pod.reason), ("message", &pod.message), ("last run", &pod.last_end)];
    facts.extend(troubles.into_iter().filter_map(|(what, value)| Some((what, value.clone()?))));
    let verified = room.record.as_ref().and_then(|record| record.verification.as_ref());
    if let Some(checked) = verified.and_then(|v| v.pods.iter().find(|checked| checked.pod == pod.name)) {
        facts.extend(checked.checks.iter().map(|check| {
            use crate::sop::verification::CheckOutcome;
            let latency = check.latency_ms.map(|ms| format!(" in {ms} ms")).unwrap_or_default();
            let words = match &check.outcome {
                CheckOutcome::Pass => format!("{} passed{latency}", check.path),
                CheckOutcome::Fail(why) => format!("{} failed{latency}: {why}", check.path),
                CheckOutcome::Unknown(why) => format!("{} not known: {why}", check.path),
            };
            ("check", words)
        }));
    }
    facts
}
