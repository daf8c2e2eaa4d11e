//! What is measured (sop.md, "Monitoring post-deployment"): a line a signal with its
//! figure, its thresholds, the last hour and its verdict; then the alerts and who is on
//! call. The whole screen has a chart of the chosen signal, too.

mod chart;
mod history;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::intent::{Extent, Pane};
use crate::room::message::{LinkState, SourceId};
use crate::sop::alert::{Alert, AlertState};
use crate::sop::colour::Colour;
use crate::sop::signal::{Rule, Signal, Track};
use crate::sop::verdict::{Judged, Verdict};
use crate::ui::scene::Scene;
use crate::ui::text::{age, columns, fit, padded, wrapped};
use crate::ui::theme::{Tone, verdict_tone};
use crate::ui::words;

use super::{draw_lines, frame};

/// Rows from which on a chart is drawn below the list, where the pane is the whole screen
/// and where it is not.
const CHART_FROM: u16 = 24;
const CHART_FROM_ZOOMED: u16 = 14;
/// Rows that a chart needs: what it draws, its title and its axis.
const CHART: u16 = 8;
/// Columns of a figure: `12.4 KiB/s` is as long as one gets.
const FIGURE: usize = 10;
/// Columns of a verdict with its mark.
const VERDICT: usize = 9;
/// Columns of the thresholds, and the width from which on they have room.
const THRESHOLDS: usize = 20;
const THRESHOLDS_FROM: usize = 66;
/// Columns of what was before, and the width from which on it has room.
const BEFORE: usize = 28;
const BEFORE_FROM: usize = 100;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (note, tone) = note(scene);
    let mut inner = frame(scene, Pane::Signals, (&note, tone), area, buffer);
    let chosen = chosen(scene);
    let lines = lines(scene, usize::from(inner.width), chosen);
    let from = if scene.room.view.zoomed { CHART_FROM_ZOOMED } else { CHART_FROM };
    if let (Some(place), true) = (chosen, inner.height >= from) {
        let most = (inner.height / 2).max(inner.height.saturating_sub(CHART));
        let above = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(most);
        let below = Rect { y: inner.y + above, height: inner.height - above, ..inner };
        inner.height = above;
        if let Some(track) = scene.room.metrics.tracks.get(place) {
            chart::draw(scene, track, below, buffer);
        }
    }
    draw_lines(lines, inner, buffer);
}

/// The pane in one line: the worst signal, else that all pass.
pub(super) fn line(scene: &Scene<'_>) -> (String, Tone) {
    if let Some(trouble) = scene.room.metrics_trouble() {
        return (format!("STALE: {trouble}"), Tone::Bad);
    }
    let judged = &scene.room.assessed.signals;
    let firing = scene.room.metrics.in_state(AlertState::Firing).count();
    match judged.iter().max_by_key(|judged| judged.verdict) {
        Some(worst) if worst.verdict != Verdict::Pass => (
            format!("{} {}", scene.glyphs().verdict(worst.verdict), worst.words),
            verdict_tone(worst.verdict),
        ),
        _ if firing > 0 => (format!("{firing} alerts firing"), Tone::Warn),
        Some(_) => (format!("{} all {} pass", scene.glyphs().good, judged.len()), Tone::Plain),
        None => ("no metrics configured".to_owned(), Tone::Dim),
    }
}

pub(super) fn extent(scene: &Scene<'_>, area: Rect) -> Extent {
    let most = scene.room.metrics.tracks.len().saturating_sub(1);
    Extent { page: usize::from(area.height.saturating_sub(2)).max(1), most }
}

/// The chosen signal, where the pane has the keys.
fn chosen(scene: &Scene<'_>) -> Option<usize> {
    let last = scene.room.metrics.tracks.len().checked_sub(1)?;
    (scene.room.view.focus == Pane::Signals).then(|| scene.room.view.signal.min(last))
}

fn note(scene: &Scene<'_>) -> (String, Tone) {
    let room = scene.room;
    if let Some(trouble) = room.metrics_trouble() {
        let age = room.metrics.newest().and_then(|at| age(room.now.since(at)));
        let age = age.map(|age| format!(" {age}")).unwrap_or_default();
        return (format!("STALE{age} {} {trouble}", scene.glyphs().dot), Tone::Bad);
    }
    match room.assessed.signals.iter().map(|judged| judged.verdict).max() {
        Some(verdict) => (format!("verdict {verdict}"), verdict_tone(verdict)),
        None => (String::new(), Tone::Plain),
    }
}

fn lines(scene: &Scene<'_>, width: usize, chosen: Option<usize>) -> Vec<Line<'static>> {
    let room = scene.room;
    let mut lines = Vec::new();
    for (place, (track, judged)) in room.metrics.tracks.iter().zip(&room.assessed.signals).enumerate() {
        lines.push(signal_line(scene, track, judged, width, chosen == Some(place)));
        if judged.verdict != Verdict::Pass {
            let reason = wrapped(&judged.words, width.saturating_sub(4)).into_iter().take(2);
            lines.extend(reason.map(|row| {
                Line::from(Span::styled(format!("    {row}"), scene.style(verdict_tone(judged.verdict))))
            }));
        }
        if chosen == Some(place) {
            lines.extend(colours_line(scene, track));
        }
    }
    if room.metrics.tracks.is_empty() {
        let words = "no metrics configured: name your Prometheus in [metrics] of the configuration";
        lines.extend(
            wrapped(words, width)
                .into_iter()
                .map(|row| Line::from(Span::styled(row, scene.style(Tone::Dim)))),
        );
    }
    lines.extend(alert_lines(scene, width));
    lines.push(health_line(scene, width));
    lines.extend(duty_line(scene, width));
    lines.extend(room.setting.dashboard.iter().map(|link| {
        let words = fit(&format!(" dashboard  {link}"), width, scene.look);
        Line::from(Span::styled(words, scene.style(Tone::Dim)))
    }));
    lines
}

/// `error rate      0.31 %  < 1 % > 5 %  ▁▁▁▂│▁▁▁  ✓ PASS`.
fn signal_line(
    scene: &Scene<'_>,
    track: &Track,
    judged: &Judged,
    width: usize,
    chosen: bool,
) -> Line<'static> {
    let signal = &track.signal;
    let mark = if chosen { scene.glyphs().chosen } else { " " };
    let name_width = if width >= THRESHOLDS_FROM { 20 } else { 14 };
    let mut spans = vec![
        Span::styled(mark, scene.style(Tone::Chosen)),
        Span::styled(padded(&signal.words, name_width, scene.look), scene.style(Tone::Strong)),
        Span::raw(format!(
            "{:>FIGURE$} ",
            judged.value.map_or_else(|| "?".to_owned(), |value| signal.unit.show(value))
        )),
    ];
    let mut used = 1 + name_width + FIGURE + 1;
    if width >= THRESHOLDS_FROM {
        spans.push(Span::styled(padded(&thresholds(signal), THRESHOLDS, scene.look), scene.style(Tone::Dim)));
        used += THRESHOLDS;
    }
    if width >= BEFORE_FROM {
        spans.push(Span::styled(padded(&before(track), BEFORE, scene.look), scene.style(Tone::Dim)));
        used += BEFORE;
    }
    let room = width.saturating_sub(used + VERDICT + 1);
    spans.push(Span::raw(history::spark(scene, track, room)));
    let words = format!("{} {}", scene.glyphs().verdict(judged.verdict), judged.verdict.word());
    let gap = " ".repeat((VERDICT + 1).saturating_sub(columns(&words)));
    spans.push(Span::raw(gap));
    spans.push(Span::styled(words, scene.style(verdict_tone(judged.verdict))));
    Line::from(spans)
}

/// What warns and what is bad: `> 1 % > 5 %`.
fn thresholds(signal: &Signal) -> String {
    let show = |value: f64| signal.unit.show(value);
    let share = |value: f64| format!("{:.0} %", value * 100.0);
    match signal.rule {
        Rule::Above { target, alert } => format!("> {} > {}", show(target), show(alert)),
        Rule::Drop { most } => format!("drop > {}", share(most)),
        Rule::Maximum { near, .. } => format!("> {} of max", share(near)),
        Rule::Limit { alert, .. } => format!("> {}", show(alert)),
    }
}

/// `was 1,060 rps, week 998 rps`.
fn before(track: &Track) -> String {
    let show = |value: f64| track.signal.unit.show(value);
    let week = track.total.newest().and_then(|(_, sample)| sample.week_ago);
    let parts = [
        track.before().map(|value| format!("was {}", show(value))),
        week.map(|value| format!("week {}", show(value))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Each colour's newest value, where the source tells them apart.
fn colours_line(scene: &Scene<'_>, track: &Track) -> Option<Line<'static>> {
    let value = |colour: Colour| {
        let (_, sample) = track.colours[colour].newest()?;
        let shown =
            sample.reading.number().map_or_else(|| "?".to_owned(), |value| track.signal.unit.show(value));
        Some(format!("{} {} {shown}", scene.glyphs().side(colour), colour.label()))
    };
    let both: Vec<String> = Colour::ALL.into_iter().filter_map(value).collect();
    (!both.is_empty())
        .then(|| Line::from(Span::styled(format!("    {}", both.join("   ")), scene.style(Tone::Dim))))
}

/// How many there are, and those that fire: what began after the switch first.
fn alert_lines(scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let room = scene.room;
    if !room.setting.alerts {
        return vec![Line::from(Span::styled(" alerts: none are read", scene.style(Tone::Dim)))];
    }
    if room.metrics.alerts.is_none() {
        let why = match room.world.links.get(&SourceId::Alerts).map(|link| &link.state) {
            Some(LinkState::Lost { why } | LinkState::Unavailable { why }) => format!(": {why}"),
            _ => String::new(),
        };
        let words = fit(&format!(" alerts: not read yet{why}"), width, scene.look);
        return vec![Line::from(Span::styled(words, scene.style(Tone::Warn)))];
    }
    let count = |state| room.metrics.in_state(state).count();
    let (firing, pending, silenced) =
        (count(AlertState::Firing), count(AlertState::Pending), count(AlertState::Silenced));
    let dot = scene.glyphs().dot;
    let words = format!(" alerts  {firing} firing {dot} {pending} pending {dot} {silenced} silenced");
    let tone = if firing > 0 { Tone::Bad } else { Tone::Plain };
    let mut lines = vec![Line::from(Span::styled(words, scene.style(tone)))];
    let switched = room.switched.as_ref().map(|switched| switched.at);
    let mut listed: Vec<&Alert> = room.metrics.alerts.iter().flat_map(|(_, alerts)| alerts).collect();
    listed.sort_by_key(|alert| switched.is_none_or(|switched| alert.since < switched));
    lines.extend(listed.into_iter().map(|alert| {
        let new =
            if switched.is_some_and(|switched| alert.since >= switched) { ", since the switch" } else { "" };
        let p0 = if alert.p0 { "P0 " } else { "" };
        let since = words::clock_seconds(room, alert.since);
        let words = format!("  {p0}{} {} {since}{new}  {}", alert.name, alert.state.word(), alert.summary);
        let tone = match alert.state {
            AlertState::Firing if alert.p0 => Tone::Bad,
            AlertState::Firing => Tone::Warn,
            AlertState::Pending | AlertState::Silenced => Tone::Dim,
        };
        Line::from(Span::styled(fit(&words, width, scene.look), scene.style(tone)))
    }));
    lines
}

/// What users of the URL get: `health 200 in 38 ms, v1.1.0 · API 200 in 45 ms, v1.1.0`.
fn health_line(scene: &Scene<'_>, width: usize) -> Line<'static> {
    let room = scene.room;
    let health = words::probe(&room.world.probes);
    let api = room.setting.api_path.as_ref().map(|_| words::probe(&room.world.api_probes));
    let bad = api.as_ref().is_some_and(|api| api.1 == Tone::Bad);
    let tone = if bad { Tone::Bad } else { health.1 };
    let api = api.map(|(words, _)| format!(" {} API {words}", scene.glyphs().dot)).unwrap_or_default();
    let words = format!(" health  {}{api}", health.0);
    Line::from(Span::styled(fit(&words, width, scene.look), scene.style(tone)))
}

fn duty_line(scene: &Scene<'_>, width: usize) -> Option<Line<'static>> {
    let (_, duty) = scene.room.metrics.duty.as_ref()?;
    let names: Vec<&str> = duty.on_call.iter().map(|person| person.name.as_str()).collect();
    let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    let words = format!(" on call  {names} {} {} incidents", scene.glyphs().dot, duty.incidents.len());
    let tone = if duty.on_call.is_empty() || !duty.incidents.is_empty() { Tone::Warn } else { Tone::Plain };
    Some(Line::from(Span::styled(fit(&words, width, scene.look), scene.style(tone))))
}
