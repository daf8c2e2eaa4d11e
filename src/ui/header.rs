//! The three lines that are always there: where one is, who has the traffic and
//! whether it is well, which phase it is and how long is left.

use std::cmp::Ordering;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::sop::colour::Colour;
use crate::sop::command::{Command, Operator};
use crate::sop::phase::Phase;

use super::hotfix;
use super::scene::Scene;
use super::text::{columns, fit, middle, timer};
use super::theme::{Tone, verdict_tone};
use super::words;

/// Screens at least this wide have the verdict beside the traffic.
const ROOMY: u16 = 110;

pub(crate) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let rows: Vec<Rect> = area.rows().collect();
    let [identity, traffic, phase, rest @ ..] = rows.as_slice() else { return };
    if let Some((row, timeline)) = rest.first().zip(hotfix::spans(scene, area.width)) {
        sides(scene, timeline, Vec::new(), *row, buffer);
    }
    sides(
        scene,
        identity_left(scene, identity.width),
        vec![clocks(scene, identity.width)],
        *identity,
        buffer,
    );
    let verdict = verdict(scene);
    let way_back = way_back(scene);
    if area.width >= ROOMY {
        let mut left = traffic_words(scene);
        left.push(Span::raw("   "));
        left.extend(verdict);
        sides(scene, left, way_back, *traffic, buffer);
        sides(scene, full_phase(scene, phase.width), Vec::new(), *phase, buffer);
    } else {
        sides(scene, traffic_words(scene), way_back, *traffic, buffer);
        sides(scene, short_phase(scene), verdict, *phase, buffer);
    }
}

/// One line with something at each end. The right one gives way to the left one,
/// but keeps a third of the line.
fn sides(
    scene: &Scene<'_>,
    left: Vec<Span<'static>>,
    right: Vec<Span<'static>>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let width = usize::from(area.width);
    let (left, right) = (Line::from(left), Line::from(right));
    let for_right = right.width().min((width.saturating_sub(left.width() + 2)).max(width / 3));
    let for_left = width.saturating_sub(if for_right > 0 { for_right + 1 } else { 0 });
    part(scene, &left, Rect { width: clamped(for_left), ..area }, buffer);
    let width = clamped(for_right);
    part(scene, &right, Rect { x: area.right().saturating_sub(width), width, ..area }, buffer);
}

/// A line, with a mark at its end when it does not fit.
fn part(scene: &Scene<'_>, line: &Line<'static>, area: Rect, buffer: &mut Buffer) {
    buffer.set_line(area.x, area.y, line, area.width);
    let mark = scene.glyphs().ellipsis;
    if line.width() > usize::from(area.width) && area.width > 4 {
        let at = area.right().saturating_sub(clamped(columns(mark)));
        buffer.set_string(at, area.y, mark, Style::new());
    }
}

fn clamped(columns: usize) -> u16 {
    u16::try_from(columns).unwrap_or(u16::MAX)
}

/// Environment, read-only, service, versions, place, command: what does not fit
/// goes, the least important first.
fn identity_left(scene: &Scene<'_>, width: u16) -> Vec<Span<'static>> {
    let room = scene.room;
    let setting = &room.setting;
    let environment = setting.environment.to_uppercase();
    let badge = if let Some(rehearsal) = &setting.rehearsal {
        let speed = if rehearsal.speed > 1 { format!(" x{}", rehearsal.speed) } else { String::new() };
        format!(" REHEARSAL: {}{speed} ", rehearsal.scenario)
    } else if setting.production && environment != "PRODUCTION" {
        format!(" PRODUCTION: {environment} ")
    } else {
        format!(" {environment} ")
    };
    let badge_tone = if setting.production { Tone::Loud } else { Tone::Chosen };
    let mut must = vec![Span::styled(badge, scene.style(badge_tone))];
    if setting.read_only {
        must.push(Span::raw(" "));
        must.push(Span::styled(" READ-ONLY ", scene.style(Tone::Loud)));
    }
    let (command, tone) = command_words(&room.command, &setting.operator, width >= ROOMY);
    let may = [
        Some((setting.service.clone(), Tone::Strong)),
        versions(scene).map(|versions| (versions, Tone::Strong)),
        Some((middle(&words::place(room), usize::from(width / 4), scene.look), Tone::Plain)),
        Some((command, tone)),
    ];
    let clock = clocks(scene, width).width() + 1;
    let mut left = usize::from(width).saturating_sub(clock + Line::from(must.clone()).width());
    for (text, tone) in may.into_iter().flatten() {
        let gap = if width >= ROOMY { 2 } else { 1 };
        let room_for = left.saturating_sub(gap);
        if room_for < 6 {
            break;
        }
        let text = fit(&text, room_for, scene.look);
        left = room_for.saturating_sub(columns(&text));
        must.push(Span::raw(" ".repeat(gap)));
        must.push(Span::styled(text, scene.style(tone)));
    }
    must
}

fn versions(scene: &Scene<'_>) -> Option<String> {
    let (from, to) = scene.room.release_in(scene.phase)?;
    let (from, to) = (from.unwrap_or("?"), to.unwrap_or("?"));
    if from == to {
        return Some(from.to_owned());
    }
    Some(format!("{from} {} {to}", scene.glyphs().arrow))
}

fn command_words(command: &Command, me: &Operator, roomy: bool) -> (String, Tone) {
    let said = if roomy { "in command" } else { "command" };
    match command {
        Command::Unknown => (format!("{said}: ?"), Tone::Warn),
        Command::Nobody => (format!("{said}: nobody"), Tone::Dim),
        Command::Mine { .. } => (format!("{said}: you"), Tone::Strong),
        Command::Other { holder, expired, .. } => {
            let shown = Operator::shown(holder);
            let mine = if shown == me.to_string() { " (your other session)" } else { "" };
            let expired = if *expired { " (expired)" } else { "" };
            (format!("{said}: {shown}{mine}{expired}"), Tone::Warn)
        }
    }
}

/// The team's time with seconds, UTC without: one counter is enough for a slow line.
fn clocks(scene: &Scene<'_>, width: u16) -> Span<'static> {
    let room = scene.room;
    let local = words::clock_seconds(room, room.now.wall);
    if width < ROOMY {
        return Span::raw(local);
    }
    let utc = room.now.wall.strftime("%H:%M");
    Span::raw(format!("{local} {}  {utc} UTC ", fit(&room.setting.zone_label, 16, scene.look)))
}

/// A colour as shape and word.
pub(crate) fn side(scene: &Scene<'_>, colour: Colour) -> Span<'static> {
    let style = scene.style(Tone::Strong).patch(scene.style(Tone::Side(colour)));
    Span::styled(format!("{} {}", scene.glyphs().side(colour), colour.label()), style)
}

fn traffic_words(scene: &Scene<'_>) -> Vec<Span<'static>> {
    let cluster = &scene.room.world.cluster;
    let Some(active) = cluster.active() else {
        let words = if cluster.service.is_some() {
            " traffic: the selector names neither colour"
        } else {
            " traffic: not known yet"
        };
        return vec![Span::styled(words, scene.style(Tone::Warn))];
    };
    let mut spans = vec![
        Span::raw(" "),
        side(scene, active),
        Span::styled(" has the traffic", scene.style(Tone::Strong)),
    ];
    if let Some(ready) = ready_words(scene, active) {
        spans.push(Span::raw(ready));
    }
    spans
}

fn ready_words(scene: &Scene<'_>, active: Colour) -> Option<String> {
    let deployment = scene.room.world.cluster.deployments[active].as_ref()?;
    Some(format!("  {}/{} ready", deployment.ready, deployment.desired))
}

fn verdict(scene: &Scene<'_>) -> Vec<Span<'static>> {
    let judgement = &scene.judgement;
    let verdict = judgement.verdict;
    let tone = verdict_tone(verdict);
    let mut words = format!("{} {}", scene.glyphs().verdict(verdict), verdict.word());
    if let Some(reason) = judgement.reasons.first() {
        words.push_str(": ");
        words.push_str(reason);
    }
    if judgement.reasons.len() > 1 {
        words.push_str(&format!(" (+{})", judgement.reasons.len() - 1));
    }
    vec![Span::styled(words, scene.style(tone)), Span::raw(" ")]
}

fn way_back(scene: &Scene<'_>) -> Vec<Span<'static>> {
    let (words, tone) = scene.way_back_words();
    vec![Span::styled(words, scene.style(tone)), Span::raw(" ")]
}

/// The whole way, with what is behind, what is now and what is to come; the timers that
/// have room, the most urgent first.
fn full_phase(scene: &Scene<'_>, width: u16) -> Vec<Span<'static>> {
    let Some(place) = place(scene) else { return short_phase(scene) };
    let width = usize::from(width);
    let mut way: Vec<Span<'static>> = Phase::way(scene.room.has_repository())
        .enumerate()
        .map(|(at, phase)| match at.cmp(&place) {
            Ordering::Less => Span::raw(format!("{} {}", phase.word(), scene.glyphs().good)),
            Ordering::Equal => Span::styled(now_words(scene, phase), scene.style(Tone::Strong)),
            Ordering::Greater => Span::styled(phase.word(), scene.style(Tone::Dim)),
        })
        .collect();
    let long = |way: &[Span<'static>]| way.iter().map(|span| span.width() + 2).sum::<usize>() > width;
    // What is long behind is the least news.
    let mut left_out = 0;
    while left_out + 2 < place && long(&way[left_out..]) {
        left_out += 1;
    }
    if left_out > 0 {
        let words = format!("{} {left_out} {}", scene.glyphs().ellipsis, scene.glyphs().good);
        way.splice(..left_out, [Span::raw(words)]);
    }
    let mut spans = Vec::with_capacity(2 * way.len());
    for (at, phase) in way.into_iter().enumerate() {
        spans.push(Span::raw(if at == 0 { " " } else { "  " }));
        spans.push(phase);
    }
    let mut used: usize = spans.iter().map(Span::width).sum();
    for words in [window(scene), standby(scene), first_look(scene), on_call(scene)].into_iter().flatten() {
        let timer = Span::raw(format!("    {words}"));
        used += timer.width();
        if used > width {
            break;
        }
        spans.push(timer);
    }
    spans
}

/// The phase that it is now, and its number on the way.
fn short_phase(scene: &Scene<'_>) -> Vec<Span<'static>> {
    let Some(phase) = scene.phase else {
        return vec![Span::styled(" phase not known yet", scene.style(Tone::Dim))];
    };
    let mut spans = vec![Span::raw(" ")];
    if let Some(place) = place(scene) {
        let all = Phase::way(scene.room.has_repository()).count();
        spans.push(Span::styled(format!("{}/{all} ", place + 1), scene.style(Tone::Dim)));
    }
    let mut now = now_words(scene, phase);
    if phase == Phase::RolledBack
        && let Some(switched) = &scene.room.switched
    {
        let at = words::clock(scene.room, switched.at);
        now.push_str(&format!(" to {} at {at} by {}", switched.to.label(), switched.by));
    }
    spans.push(Span::styled(now, scene.style(Tone::Strong)));
    if let Some(words) = window(scene).or_else(|| standby(scene)) {
        spans.push(Span::raw(format!("  {words}")));
    }
    spans
}

/// The place of the present phase on its way.
fn place(scene: &Scene<'_>) -> Option<usize> {
    Phase::way(scene.room.has_repository()).position(|known| Some(known) == scene.phase)
}

fn now_words(scene: &Scene<'_>, phase: Phase) -> String {
    let words = format!("{} {}", scene.glyphs().now, phase.word().to_uppercase());
    match (phase, since_switch(scene)) {
        (Phase::Watch, Some(passed)) => {
            let watch = scene.room.situation().watch();
            let length = watch.map_or(scene.room.setting.policy.watch, |watch| watch.length);
            format!("{words} {} / {}", timer(passed), timer(length))
        }
        _ => words,
    }
}

fn since_switch(scene: &Scene<'_>) -> Option<Duration> {
    let switched = scene.room.switched.as_ref()?;
    Some(scene.room.now.since_wall(switched.at))
}

/// Whether a release may go out, until one has.
fn window(scene: &Scene<'_>) -> Option<String> {
    if matches!(scene.phase, Some(Phase::Watch | Phase::StandDown)) {
        return None;
    }
    let window = scene.room.setting.policy.window.as_ref()?;
    Some(window.short(scene.room.now.wall))
}

/// When the signals are to be looked at first.
fn first_look(scene: &Scene<'_>) -> Option<String> {
    let policy = &scene.room.setting.policy;
    let passed = since_switch(scene).filter(|_| scene.phase == Some(Phase::Watch))?;
    if passed >= policy.first_look_by {
        None
    } else if passed >= policy.first_look {
        Some("first look: now".to_owned())
    } else {
        let at = scene.room.switched.as_ref()?.at.checked_add(policy.first_look).ok()?;
        Some(format!("first look {}", words::clock(scene.room, at)))
    }
}

/// Until when the team stays on call.
fn on_call(scene: &Scene<'_>) -> Option<String> {
    let policy = &scene.room.setting.policy;
    let forward = scene.can_take_back();
    since_switch(scene).filter(|passed| forward && *passed < policy.on_call)?;
    let until = scene.room.switched.as_ref()?.at.checked_add(policy.on_call).ok()?;
    Some(format!("on call until {}", words::clock(scene.room, until)))
}

/// How long the old colour still has to stay up.
fn standby(scene: &Scene<'_>) -> Option<String> {
    if !matches!(scene.phase, Some(Phase::Watch | Phase::StandDown)) {
        return None;
    }
    let left = scene.room.setting.policy.standby.checked_sub(since_switch(scene)?);
    let old = scene.room.world.cluster.idle()?;
    Some(match left {
        Some(left) if !left.is_zero() => format!("{} stands by {}", old.label(), timer(left)),
        _ => format!("{} stood by long enough", old.label()),
    })
}
