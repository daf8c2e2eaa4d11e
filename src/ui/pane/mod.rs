//! The panes: each draws itself in an area, or in one line.

mod checklist;
mod errors;
mod operation;
mod pair;
mod pipeline;
mod pods;
mod signals;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget};

use crate::room::intent::{Extent, Pane};

use super::scene::Scene;
use super::theme::Tone;

pub(crate) use checklist::{mark as item_mark, tone as item_tone};

pub(crate) fn draw(scene: &Scene<'_>, pane: Pane, area: Rect, buffer: &mut Buffer) {
    match pane {
        Pane::Pair => pair::draw(scene, area, buffer),
        Pane::Operation => operation::draw(scene, area, buffer),
        Pane::Errors => errors::draw(scene, area, buffer),
        Pane::Signals => signals::draw(scene, area, buffer),
        Pane::Pipeline => pipeline::draw(scene, area, buffer),
        Pane::Checklist => checklist::draw(scene, area, buffer),
    }
}

/// A pane that has no room of its own: its number, its title, its state.
pub(crate) fn draw_line(scene: &Scene<'_>, pane: Pane, area: Rect, buffer: &mut Buffer) {
    let (words, tone) = match pane {
        Pane::Pair => pair::line(scene),
        Pane::Operation => operation::line(scene),
        Pane::Errors => errors::line(scene),
        Pane::Signals => signals::line(scene),
        Pane::Pipeline => pipeline::line(scene),
        Pane::Checklist => checklist::line(scene),
    };
    let line = Line::from(vec![
        Span::raw(" "),
        Span::styled(number(pane).to_string(), scene.style(Tone::Chosen)),
        Span::styled(format!(" {}: ", pane.title()), scene.style(Tone::Strong)),
        Span::styled(words, scene.style(tone)),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
}

/// How far a movement may go in a pane of that area.
pub(crate) fn extent(scene: &Scene<'_>, pane: Pane, area: Rect) -> Extent {
    match pane {
        Pane::Pair => pair::extent(scene, area),
        Pane::Operation => operation::extent(scene, area),
        Pane::Errors => errors::extent(area),
        Pane::Signals => signals::extent(scene, area),
        Pane::Pipeline => pipeline::extent(scene, area),
        Pane::Checklist => checklist::extent(scene, area),
    }
}

/// The key that brings a pane up.
fn number(pane: Pane) -> usize {
    Pane::ALL.iter().position(|known| *known == pane).map_or(0, |place| place + 1)
}

/// Draws the border with its titles and returns what is inside.
fn frame(scene: &Scene<'_>, pane: Pane, notes: (&str, Tone), area: Rect, buffer: &mut Buffer) -> Rect {
    let focused = scene.room.view.focus == pane;
    let title = format!(" {} {} ", number(pane), pane.title());
    let title = Span::styled(title, scene.style(if focused { Tone::Chosen } else { Tone::Strong }));
    let (note, tone) = notes;
    let border = match (tone, focused) {
        (Tone::Bad | Tone::Loud, _) => scene.style(Tone::Bad),
        (_, true) => scene.style(Tone::Strong),
        (_, false) => Style::new(),
    };
    let mut block = Block::bordered().border_set(scene.look.border()).border_style(border).title(title);
    if !note.is_empty() {
        let room = usize::from(area.width).saturating_sub(pane.title().len() + 10);
        let note = super::text::fit(note, room, scene.look);
        block = block.title(Line::from(Span::styled(format!(" {note} "), scene.style(tone))).right_aligned());
    }
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// Draws lines from the top, cut at the area's edge.
fn draw_lines<'l>(lines: impl IntoIterator<Item = Line<'l>>, area: Rect, buffer: &mut Buffer) {
    for (row, line) in area.rows().zip(lines) {
        buffer.set_line(row.x, row.y, &line, row.width);
    }
}
