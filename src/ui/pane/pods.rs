//! One colour's pods, a row each. Only the rows that are shown are looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::intent::Pane;
use crate::room::message::{LinkState, SourceId};
use crate::room::roster::PodStanding;
use crate::sop::cluster::PodState;
use crate::sop::colour::Colour;
use crate::ui::scene::Scene;
use crate::ui::text::{columns, fit, grown, middle, padded};
use crate::ui::theme::Tone;
use crate::ui::words;

/// Widest column for names.
const WIDEST_NAME: usize = 44;
/// Column for the node, where there is room for one.
const NODE: usize = 16;

pub(super) fn draw(scene: &Scene<'_>, colour: Colour, area: Rect, buffer: &mut Buffer) {
    let order = &scene.room.world.roster().order[colour];
    if order.is_empty() {
        let words = if scene.room.world.links.get(&SourceId::Pods).is_some_and(|l| l.state == LinkState::Live)
        {
            "  no pods"
        } else {
            "  pods not read yet"
        };
        return super::draw_lines([Line::styled(words, scene.style(Tone::Dim))], area, buffer);
    }
    let height = usize::from(area.height);
    if height == 0 {
        return;
    }
    let selected = selected(scene, colour);
    // The last row tells of what is not shown.
    let rows = if order.len() > height { height.saturating_sub(1) } else { height };
    let first =
        selected.unwrap_or(0).saturating_sub(rows.saturating_sub(1)).min(order.len().saturating_sub(rows));
    let shown = order.iter().enumerate().skip(first).take(rows);
    let mut lines: Vec<Line<'_>> = shown
        .filter_map(|(place, name)| {
            let pod = scene.room.world.cluster.pods.get(name)?;
            Some(row(scene, pod, Some(place) == selected, usize::from(area.width)))
        })
        .collect();
    if order.len() > rows {
        lines.push(rest(scene, colour, order.len() - rows));
    }
    super::draw_lines(lines, area, buffer);
}

/// The selection's place among this colour's pods, while the pane has the keys.
fn selected(scene: &Scene<'_>, colour: Colour) -> Option<usize> {
    let room = scene.room;
    if room.view.focus != Pane::Pair {
        return None;
    }
    let first = room.world.cluster.active().unwrap_or(Colour::Blue);
    let order = &room.world.roster().order;
    if colour == first {
        return Some(room.view.pod).filter(|pod| *pod < order[first].len());
    }
    room.view.pod.checked_sub(order[first].len()).filter(|pod| *pod < order[colour].len())
}

fn rest(scene: &Scene<'_>, colour: Colour, hidden: usize) -> Line<'static> {
    let failing = scene.room.world.roster().failing[colour];
    let failing = if failing > 0 { format!("; {failing} failing in all") } else { String::new() };
    Line::styled(format!("  {} {hidden} more pods{failing}", scene.glyphs().ellipsis), scene.style(Tone::Dim))
}

fn row<'p>(scene: &Scene<'_>, pod: &'p PodState, selected: bool, width: usize) -> Line<'p> {
    let look = scene.look;
    let standing = PodStanding::of(pod);
    let tone = match standing {
        PodStanding::Failing => Tone::Bad,
        PodStanding::Starting => Tone::Warn,
        PodStanding::Ready => Tone::Plain,
        PodStanding::Leaving => Tone::Dim,
    };
    let mark = if selected { scene.glyphs().chosen } else { " " };
    let state = format!("{mark} {} {} ", scene.glyphs().pod(standing), padded(standing.word(), 8, look));
    let restarts = match pod.restarts {
        0 => String::new(),
        1 => "1 restart".to_owned(),
        n => format!("{n} restarts"),
    };
    let age = pod.created.map(|at| grown(scene.room.now.since_wall(at))).unwrap_or_default();
    let mut spans = vec![Span::styled(state, scene.style(tone))];
    let why = why(scene, pod);
    // Beside the name stand age (5) and restarts (13); a reason takes what a name can spare.
    let spare = width.saturating_sub(12 + 5 + 13);
    let with_node = spare > WIDEST_NAME + NODE && why.is_empty();
    let name_width = if with_node { WIDEST_NAME } else { spare.min(WIDEST_NAME) };
    let name_width = if why.is_empty() { name_width } else { name_width.min((spare / 2).max(16)) };
    let name = padded(&middle(&pod.name, name_width, look), name_width, look);
    spans.push(Span::styled(name, scene.style(if selected { Tone::Strong } else { Tone::Plain })));
    spans.push(Span::raw(format!(" {age:>4} ")));
    let restart_tone = if pod.restarts > 0 { Tone::Warn } else { Tone::Plain };
    spans.push(Span::styled(format!("{restarts:<12}"), scene.style(restart_tone)));
    if with_node {
        spans.push(Span::styled(
            fit(pod.node.as_deref().unwrap_or("no node"), NODE, look),
            scene.style(Tone::Dim),
        ));
    }
    let used: usize = spans.iter().map(|span| columns(&span.content)).sum();
    spans.push(Span::styled(fit(&why, width.saturating_sub(used), look), scene.style(tone)));
    Line::from(spans)
}

/// Why a pod is not as it should be.
fn why(scene: &Scene<'_>, pod: &PodState) -> String {
    let mut words = Vec::new();
    let deployed = pod.colour.and_then(|colour| scene.room.world.cluster.deployments[colour].as_ref());
    if let (Some(image), Some(wanted)) = (&pod.image, deployed.and_then(|d| d.image.as_ref()))
        && image != wanted
    {
        words.push(format!("still {}", words::version(image)));
    }
    if let Some(reason) = pod.reason.as_ref().filter(|_| !pod.ready) {
        words.push(reason.clone());
    }
    if let Some(end) = pod.last_end.as_ref().filter(|_| pod.restarts > 0) {
        words.push(format!("last: {end}"));
    }
    words.join(", ")
}
