//! What lies over the panes, besides the dialog: one module each.

mod chain;
mod diagnostics;
mod evidence;
mod faults;
mod help;
mod history;
mod interlocks;
mod job_log;
mod palette;
mod pod;
mod prompt;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use crate::room::intent::{Extent, Overlay};

use super::scene::Scene;
use super::theme::Tone;

pub(crate) use palette::extent as palette_extent;
pub(crate) use prompt::draw as draw_prompt;

/// Draws the open overlay, if there is one.
pub(crate) fn draw(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) {
    match scene.room.view.overlay {
        None => {}
        Some(Overlay::Palette) => palette::draw(scene, body, buffer),
        Some(Overlay::Diagnostics) => {
            diagnostics::draw(scene, framed(scene, "Diagnostics", body, body, buffer), buffer)
        }
        Some(Overlay::Faults) => faults::draw(scene, body, buffer),
        Some(Overlay::JobLog) => job_log::draw(scene, body, buffer),
        Some(overlay) => {
            let content = content(scene, overlay, inner_width(body));
            let area = sized(&content, body);
            let inner = framed(scene, title(overlay), area, body, buffer);
            let rows = usize::from(inner.height);
            let offset = scene.room.view.overlay_offset.min(content.len().saturating_sub(rows));
            let hidden = content.len().saturating_sub(offset + rows);
            for (row, line) in inner.rows().zip(content.into_iter().skip(offset)) {
                buffer.set_line(row.x, row.y, &line, row.width);
            }
            if hidden > 0 {
                let words = format!(" {hidden} more lines below ");
                let line = Line::styled(words, scene.style(Tone::Chosen));
                buffer.set_line(inner.x, inner.bottom(), &line, inner.width);
            }
        }
    }
}

/// How far an overlay scrolls.
pub(crate) fn extent(scene: &Scene<'_>, overlay: Overlay, body: Rect) -> Extent {
    if overlay == Overlay::Faults {
        return faults::extent(scene.room);
    }
    if overlay == Overlay::JobLog {
        return job_log::extent(scene, body);
    }
    if matches!(overlay, Overlay::Palette | Overlay::Diagnostics) {
        return Extent::default();
    }
    let lines = content(scene, overlay, inner_width(body)).len();
    let rows = usize::from(body.height.saturating_sub(2));
    Extent { page: rows, most: lines.saturating_sub(rows) }
}

const fn title(overlay: Overlay) -> &'static str {
    match overlay {
        Overlay::Help => "Keys",
        Overlay::Interlocks => "Interlocks",
        Overlay::History => "History",
        Overlay::Diagnostics => "Diagnostics",
        Overlay::Palette => "Palette",
        Overlay::Pod => "Pod",
        Overlay::Faults => "Faults",
        Overlay::Chain => "Chain of evidence",
        Overlay::JobLog => "Log",
        Overlay::Evidence => "Evidence",
    }
}

fn content(scene: &Scene<'_>, overlay: Overlay, width: u16) -> Vec<Line<'static>> {
    match overlay {
        Overlay::Help => help::lines(scene, width),
        Overlay::Interlocks => interlocks::lines(scene, width),
        Overlay::History => history::lines(scene, width),
        Overlay::Pod => pod::lines(scene, width),
        Overlay::Chain => chain::lines(scene, width),
        Overlay::Evidence => evidence::lines(scene, width),
        Overlay::Palette | Overlay::Diagnostics | Overlay::Faults | Overlay::JobLog => Vec::new(),
    }
}

/// Widest overlay: longer lines are hard to read.
const WIDEST: u16 = 120;

const fn inner_width(body: Rect) -> u16 {
    let width = if body.width < WIDEST { body.width } else { WIDEST };
    width.saturating_sub(4)
}

/// As high as its content, in the middle of the body.
fn sized(content: &[Line<'_>], body: Rect) -> Rect {
    let rows = u16::try_from(content.len()).unwrap_or(u16::MAX).saturating_add(2);
    centred(body, body.width.min(WIDEST), rows.min(body.height))
}

/// An area of that size in the middle of another.
pub(crate) fn centred(within: Rect, width: u16, height: u16) -> Rect {
    // A strip of something else beside it would only confuse.
    let width = if within.width < width + 8 { within.width } else { width };
    let height = height.min(within.height);
    Rect {
        x: within.x + (within.width - width) / 2,
        y: within.y + (within.height - height) / 2,
        width,
        height,
    }
}

/// Clears an area, draws a border with a title and returns what is inside.
pub(crate) fn framed(scene: &Scene<'_>, title: &str, area: Rect, body: Rect, buffer: &mut Buffer) -> Rect {
    let area = area.intersection(body);
    Clear.render(area, buffer);
    let title = Span::styled(format!(" {title} "), scene.style(Tone::Chosen));
    let block = Block::bordered()
        .border_set(scene.look.border())
        .border_style(scene.style(Tone::Strong))
        .title(title);
    let inner = block.inner(area);
    block.render(area, buffer);
    let room = Rect { x: inner.x + inner.width.min(1), width: inner.width.saturating_sub(2), ..inner };
    room.intersection(inner)
}
