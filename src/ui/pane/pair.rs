//! Blue and green: the one with the traffic above, the other below, and what a
//! way back costs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::room::intent::{Extent, Pane};
use crate::room::message::{LinkState, SourceId};
use crate::sop::cluster::DeploymentState;
use crate::sop::colour::Colour;
use crate::sop::phase::Phase;
use crate::sop::rollout::{Rollout, rollout};
use crate::ui::header::side;
use crate::ui::scene::Scene;
use crate::ui::text::wrapped;
use crate::ui::theme::Tone;
use crate::ui::words;

use super::{draw_lines, frame, pods};

/// Most rows for the notes on one colour.
const MOST_NOTE_ROWS: usize = 2;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let room = scene.room;
    let stale = words::is_stale(room);
    let freshness = match room.world.lost() {
        Some((source, why, _)) => {
            format!("{} {} {}: {why}", words::freshness(room), scene.glyphs().dot, source.word())
        }
        None => words::freshness(room),
    };
    let tone = if stale { Tone::Bad } else { Tone::Plain };
    let inner = frame(scene, Pane::Pair, (&freshness, tone), area, buffer);
    if room.world.cluster.service.is_none() {
        return draw_lines(unread(scene, inner.width), inner, buffer);
    }
    let below = below(scene);
    let below_rows = u16::try_from(below.len()).unwrap_or(0).min(inner.height);
    let upper = Rect { height: inner.height - below_rows, ..inner };
    for (colour, heading, area) in sections(scene, upper) {
        let heading_rows = u16::try_from(heading.len()).unwrap_or(0).min(area.height);
        draw_lines(heading, area, buffer);
        let list = Rect { y: area.y + heading_rows, height: area.height - heading_rows, ..area };
        pods::draw(scene, colour, list, buffer);
    }
    draw_lines(below, Rect { y: upper.bottom(), height: below_rows, ..inner }, buffer);
    if stale {
        buffer.set_style(inner, ratatui::style::Style::new().add_modifier(Modifier::DIM));
    }
}

/// The pane in one line.
pub(super) fn line(scene: &Scene<'_>) -> (String, Tone) {
    let room = scene.room;
    let cluster = &room.world.cluster;
    if cluster.service.is_none() {
        return ("not read yet".to_owned(), Tone::Dim);
    }
    let each = Colour::ALL.map(|colour| {
        let ready = cluster.deployments[colour].as_ref();
        let ready = ready.map_or_else(|| "?".to_owned(), |d| format!("{}/{}", d.ready, d.desired));
        format!("{} {} {ready}", scene.glyphs().side(colour), colour.label())
    });
    let tone = if words::is_stale(room) { Tone::Bad } else { Tone::Plain };
    (format!("{}  {}", each.join("  "), words::freshness(room)), tone)
}

/// Movements choose a pod.
pub(super) fn extent(scene: &Scene<'_>, area: Rect) -> Extent {
    Extent {
        page: usize::from(area.height.saturating_sub(8)) / 2,
        most: scene.room.world.roster().len().saturating_sub(1),
    }
}

/// The colours in their order, with their headings and areas. The active one comes
/// first; rows that one does not need go to the other.
fn sections<'s>(scene: &'s Scene<'_>, area: Rect) -> [(Colour, Vec<Line<'s>>, Rect); 2] {
    let room = scene.room;
    let first = room.world.cluster.active().unwrap_or(Colour::Blue);
    let colours = [first, first.other()];
    let headings = colours.map(|colour| heading(scene, colour, area.width));
    let order = &room.world.roster().order;
    let wanted = |at: usize| headings[at].len() + order[colours[at]].len().max(1);
    let height = usize::from(area.height);
    let half = height / 2;
    let upper = wanted(0).min(height - half.min(wanted(1)));
    let upper = u16::try_from(upper).unwrap_or(area.height).min(area.height);
    let [above, below] = headings;
    let above_area = Rect { height: upper, ..area };
    let below_area = Rect { y: area.y + upper, height: area.height - upper, ..area };
    [(first, above, above_area), (first.other(), below, below_area)]
}

fn heading<'s>(scene: &'s Scene<'_>, colour: Colour, width: u16) -> Vec<Line<'s>> {
    let cluster = &scene.room.world.cluster;
    let active = cluster.active() == Some(colour);
    let mut first = vec![side(scene, colour), Span::raw("  ")];
    let role = role(scene, colour);
    first.push(Span::styled(role, scene.style(if active { Tone::Chosen } else { Tone::Plain })));
    let Some(deployment) = cluster.deployments[colour].as_ref() else {
        let (words, tone) = missing(scene, SourceId::Deployments, &scene.room.setting.deployments[colour]);
        first.push(Span::styled(format!("  {words}"), scene.style(tone)));
        return vec![Line::from(first)];
    };
    let version = cluster.version(colour).unwrap_or("no version");
    first.push(Span::styled(format!("  {version}"), scene.style(Tone::Strong)));
    first.push(Span::raw(format!("   {}", counts(deployment))));
    first.extend(endpoints(scene, colour));
    let mut lines = vec![Line::from(first)];
    lines.extend(rollout_lines(scene, colour, deployment, width));
    lines.extend(notes(scene, colour, deployment, width));
    lines
}

/// What a colour is at the moment.
fn role(scene: &Scene<'_>, colour: Colour) -> &'static str {
    let cluster = &scene.room.world.cluster;
    let empty = cluster.deployments[colour].as_ref().is_some_and(|d| d.desired == 0);
    match (cluster.active(), scene.phase) {
        (None, _) => "role unknown",
        (Some(active), _) if active == colour => " ACTIVE ",
        (_, Some(Phase::Closed)) if empty => "retired",
        _ if empty => "idle, no pods asked for",
        (_, Some(Phase::Watch | Phase::StandDown)) => "standby",
        _ => "idle",
    }
}

fn counts(d: &DeploymentState) -> String {
    let mut words = format!("{}/{} ready", d.ready, d.desired);
    if d.updated != d.desired || d.available != d.ready {
        words.push_str(&format!(", {} updated, {} available", d.updated, d.available));
    }
    words
}

fn endpoints(scene: &Scene<'_>, colour: Colour) -> Vec<Span<'static>> {
    let Some(count) = scene.room.world.roster().endpoints else {
        return vec![Span::styled("   endpoints not read yet", scene.style(Tone::Dim))];
    };
    let active = scene.room.world.cluster.active() == Some(colour);
    let serving = count.ready[colour];
    let tone = match (active, serving) {
        (true, 0) => Tone::Bad,
        (false, 1..) => Tone::Warn,
        _ => Tone::Plain,
    };
    let mut words = format!("   endpoints {serving}");
    if count.not_ready[colour] > 0 {
        words.push_str(&format!(" (+{} not ready)", count.not_ready[colour]));
    }
    if active && count.unknown > 0 {
        words.push_str(&format!(" (+{} of no known pod)", count.unknown));
    }
    vec![Span::styled(words, scene.style(tone))]
}

fn rollout_lines(
    scene: &Scene<'_>,
    colour: Colour,
    deployment: &DeploymentState,
    width: u16,
) -> Vec<Line<'static>> {
    let status = rollout(deployment);
    let (mark, tone) = match &status {
        Rollout::Done | Rollout::ScaledToZero => return Vec::new(),
        Rollout::Waiting(_) => (scene.glyphs().now, Tone::Warn),
        Rollout::Failed(_) => (scene.glyphs().bad, Tone::Bad),
        Rollout::Paused => (scene.glyphs().unknown, Tone::Warn),
    };
    let mut words = format!("{mark} rollout: {status}");
    if let Some(stuck) = &scene.room.world.roster().stuck[colour] {
        words.push_str(&format!("; {stuck}"));
    }
    indented(&words, width, MOST_NOTE_ROWS, scene.style(tone))
}

/// Who keeps a hand on this colour, and what is known of it beyond its counts.
fn notes(scene: &Scene<'_>, colour: Colour, deployment: &DeploymentState, width: u16) -> Vec<Line<'static>> {
    let room = scene.room;
    let cluster = &room.world.cluster;
    let mut notes = Vec::new();
    if cluster.active() == Some(colour)
        && let Some(owner) = cluster.service.as_ref().and_then(|service| service.owner.as_ref())
    {
        let at = owner.at.map(|at| format!(" at {}", words::clock(room, at))).unwrap_or_default();
        notes.push(format!("selector set by {}{at}", owner.manager));
    }
    if let Some(scaler) = cluster.autoscalers.iter().find(|scaler| scaler.colour == colour) {
        notes.push(format!("HPA {}-{}", scaler.min, scaler.max));
    }
    let service_gitops = cluster.service.as_ref().and_then(|service| service.gitops.as_ref());
    if let Some(gitops) = deployment.gitops.as_ref().or(service_gitops) {
        notes.push(format!("{} owns it ({})", gitops.controller, gitops.application));
    }
    if let Some(verification) = room.record.as_ref().and_then(|record| record.verification.as_ref())
        && verification.colour == colour
    {
        let result = verification
            .first_trouble()
            .map_or_else(|| "verified".to_owned(), |why| format!("verify failed: {why}"));
        notes.push(format!("{result} {} by {}", words::ago(room.now, verification.at), verification.by));
    }
    if let Some(revision) = deployment.revision {
        notes.push(format!("revision {revision}"));
    }
    if notes.is_empty() {
        return Vec::new();
    }
    let separator = format!(" {} ", scene.glyphs().dot);
    indented(&notes.join(&separator), width, MOST_NOTE_ROWS, scene.style(Tone::Dim))
}

fn indented(words: &str, width: u16, most: usize, style: ratatui::style::Style) -> Vec<Line<'static>> {
    let lines = wrapped(words, usize::from(width).saturating_sub(2));
    lines.into_iter().take(most).map(|line| Line::styled(format!("  {line}"), style)).collect()
}

/// What a way back costs now, and what the users see.
fn below(scene: &Scene<'_>) -> Vec<Line<'static>> {
    let (words, tone) = scene.way_back_words();
    let mut capital = words.chars();
    let words: String = capital.next().into_iter().flat_map(char::to_uppercase).chain(capital).collect();
    vec![Line::styled(words, scene.style(tone)), probe(scene)]
}

fn probe(scene: &Scene<'_>) -> Line<'static> {
    let room = scene.room;
    if room.world.probes.is_empty() {
        return Line::styled(format!("{} has not been asked yet", room.setting.url), scene.style(Tone::Dim));
    }
    let (words, tone) = words::probe(room, &room.world.probes);
    Line::styled(format!("{words}  {}", room.setting.url), scene.style(tone))
}

/// The pane while the Service has not been seen.
fn unread(scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let room = scene.room;
    let (words, tone) = missing(scene, SourceId::Service, &room.setting.service);
    let mut lines: Vec<Line<'static>> =
        wrapped(&format!("{words} ({})", words::place(room)), usize::from(width))
            .into_iter()
            .map(|line| Line::styled(line, scene.style(tone)))
            .collect();
    for (source, link) in &room.world.links {
        if let LinkState::Lost { why } | LinkState::Unavailable { why } = &link.state {
            let words = format!("{} {}: {why}", scene.glyphs().bad, source.word());
            lines.extend(indented(&words, width, 3, scene.style(Tone::Bad)));
        }
    }
    lines
}

/// Nothing seen yet is not the same as nothing there.
fn missing(scene: &Scene<'_>, source: SourceId, name: &str) -> (String, Tone) {
    match scene.room.world.links.get(&source).map(|link| &link.state) {
        Some(LinkState::Live) => (format!("{name} does not exist"), Tone::Bad),
        Some(LinkState::Lost { .. }) => (format!("{name}: connection lost, trying again"), Tone::Warn),
        Some(LinkState::Unavailable { why }) => (format!("{name} cannot be read: {why}"), Tone::Bad),
        None => (format!("reading {name}"), Tone::Dim),
    }
}
