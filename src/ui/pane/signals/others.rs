//! What stands below the signals: the watch, the alerts, what users of the URL get, who is
//! on call, and where the dashboard is.

use ratatui::text::{Line, Span};

use super::packed;
use crate::room::Room;
use crate::room::intent::Intent;
use crate::room::message::{LinkState, SourceId};
use crate::sop::alert::{Alert, AlertState};
use crate::sop::verdict::Judgement;
use crate::ui::bindings::Binding;
use crate::ui::scene::Scene;
use crate::ui::text::{age, columns, fit, middle, padded};
use crate::ui::theme::{Tone, verdict_tone};
use crate::ui::words;

/// Columns of what a row is about, with the gap behind it.
const LABEL: usize = 11;

pub(super) fn lines(scene: &Scene<'_>, width: usize, most_alerts: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    lines.extend(watch_line(scene, width));
    lines.extend(alert_lines(scene, width, most_alerts));
    lines.extend(health_lines(scene, width));
    lines.extend(duty_line(scene, width));
    lines.extend(dashboard_line(scene, width));
    lines
}

/// A row and what it is about.
fn labelled(scene: &Scene<'_>, label: &str, words: &str, width: usize, tone: Tone) -> Line<'static> {
    let words = fit(words, width.saturating_sub(LABEL), scene.look);
    Line::from(vec![
        Span::raw(padded(&format!(" {label}"), LABEL, scene.look)),
        Span::styled(words, scene.style(tone)),
    ])
}

/// The verdict of the watch as far as it has come; `None` where no watch is on.
pub(super) fn watch(room: &Room) -> Option<&Judgement> {
    room.released().and(room.assessed.evidence.watch.as_ref())
}

fn watch_line(scene: &Scene<'_>, width: usize) -> Option<Line<'static>> {
    let judgement = watch(scene.room)?;
    let verdict = format!("{} {}", scene.glyphs().verdict(judgement.verdict), judgement.verdict);
    let words = match judgement.reasons.as_slice() {
        [] => format!("{verdict} so far"),
        [only] => format!("{verdict}  {only}"),
        [first, others @ ..] => {
            let more = format!(" (+{} more)", others.len());
            let room = width.saturating_sub(LABEL + columns(&verdict) + 2 + columns(&more));
            format!("{verdict}  {}{more}", fit(first, room, scene.look))
        }
    };
    Some(labelled(scene, "watch", &words, width, verdict_tone(judgement.verdict)))
}

/// How many there are, and so many of them: what began after the switch first.
fn alert_lines(scene: &Scene<'_>, width: usize, most: usize) -> Vec<Line<'static>> {
    let room = scene.room;
    let line = |words: &str, tone| labelled(scene, "alerts", words, width, tone);
    if !room.setting.alerts {
        return vec![line("none are read: name your Alertmanager in [alerts]", Tone::Dim)];
    }
    let Some((read, _)) = &room.metrics.alerts else {
        let why = match room.world.links.get(&SourceId::Alerts).map(|link| &link.state) {
            Some(LinkState::Lost { why } | LinkState::Unavailable { why }) => format!(": {why}"),
            _ => String::new(),
        };
        return vec![line(&format!("not read yet{why}"), Tone::Warn)];
    };
    let count = |state| room.metrics.in_state(state).count();
    let (firing, pending, silenced) =
        (count(AlertState::Firing), count(AlertState::Pending), count(AlertState::Silenced));
    let dot = scene.glyphs().dot;
    let counts = format!("{firing} firing {dot} {pending} pending {dot} {silenced} silenced");
    let head = match room.fresh_alerts() {
        None => {
            let age = age(room.now.since(*read)).unwrap_or_default();
            line(&format!("STALE, read {age} ago: {counts}"), Tone::Warn)
        }
        Some(_) if firing > 0 => line(&counts, Tone::Bad),
        Some(_) => line(&counts, Tone::Plain),
    };
    let listed = room.metrics.by_weight(room.switched.as_ref().map(|switched| switched.at));
    let mut lines = vec![head];
    lines.extend(listed.iter().take(most).map(|alert| alert_line(scene, alert, width)));
    lines
}

/// `    P0 PaymentsDown firing 22:12:05, after the switch: no payment for 2 min`.
fn alert_line(scene: &Scene<'_>, alert: &Alert, width: usize) -> Line<'static> {
    let room = scene.room;
    let is_new = room.switched.as_ref().is_some_and(|switched| alert.since >= switched.at);
    let p0 = if alert.p0 { "P0 " } else { "" };
    let new = if is_new { ", after the switch" } else { "" };
    let since = words::clock_seconds(room, alert.since);
    let summary = if alert.summary.is_empty() { String::new() } else { format!(": {}", alert.summary) };
    let words = format!("    {p0}{} {} {since}{new}{summary}", alert.name, alert.state.word());
    let tone = match alert.state {
        AlertState::Firing if alert.p0 => Tone::Bad,
        AlertState::Firing => Tone::Warn,
        // Silence heals nothing.
        AlertState::Silenced if is_new => Tone::Warn,
        AlertState::Pending | AlertState::Silenced => Tone::Dim,
    };
    Line::from(Span::styled(fit(&words, width, scene.look), scene.style(tone)))
}

/// What users of the URL get: `200 in 38 ms, v1.1.0 · API 200 in 45 ms, v1.1.0`.
fn health_lines(scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let room = scene.room;
    let (health, health_tone) = words::probe(room, &room.world.probes);
    let api = room.setting.api_path.as_ref().map(|_| words::probe(room, &room.world.api_probes));
    let tones = [Some(health_tone), api.as_ref().map(|(_, tone)| *tone)];
    let worst = [Tone::Bad, Tone::Warn, Tone::Dim].into_iter().find(|tone| tones.contains(&Some(*tone)));
    let parts = std::iter::once(health).chain(api.map(|(words, _)| format!("API {words}")));
    let rows = packed(parts, &format!(" {} ", scene.glyphs().dot), width.saturating_sub(LABEL));
    let labels = std::iter::once("health").chain(std::iter::repeat(""));
    let tone = worst.unwrap_or(Tone::Plain);
    rows.iter().zip(labels).map(|(row, label)| labelled(scene, label, row, width, tone)).collect()
}

fn duty_line(scene: &Scene<'_>, width: usize) -> Option<Line<'static>> {
    let (_, duty) = scene.room.metrics.duty.as_ref()?;
    let names: Vec<&str> = duty.on_call.iter().map(|person| person.name.as_str()).collect();
    let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    let open = duty.incidents.len();
    let incidents = if open == 1 { "incident" } else { "incidents" };
    let words = format!("{names} {} {open} {incidents} open", scene.glyphs().dot);
    let tone = if duty.on_call.is_empty() || open > 0 { Tone::Warn } else { Tone::Plain };
    Some(labelled(scene, "on call", &words, width, tone))
}

/// The link, and the keys that open and copy it.
fn dashboard_line(scene: &Scene<'_>, width: usize) -> Option<Line<'static>> {
    let link = scene.room.setting.dashboard.as_ref()?;
    let key = |intent: &Intent| Binding::of_intent(intent).map(Binding::key).unwrap_or_default();
    let keys = format!("  {} opens, {} copies", key(&Intent::OpenDashboard), key(&Intent::CopyDashboard));
    let room = width.saturating_sub(LABEL + columns(&keys));
    let words = format!("{}{keys}", middle(link, room, scene.look));
    Some(labelled(scene, "dashboard", &words, width, Tone::Dim))
}
