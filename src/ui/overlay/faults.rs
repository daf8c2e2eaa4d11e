//! The faults of a rehearsal: what goes wrong now, and what could.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::room::Room;
use crate::room::intent::Extent;
use crate::room::rehearsal::FaultLine;
use crate::ui::scene::Scene;
use crate::ui::text::{fit, padded};
use crate::ui::theme::Tone;

use super::{centred, framed};

const WIDTH: u16 = 78;
const NAMES: usize = 20;

/// How far the choice moves.
pub(super) fn extent(room: &Room) -> Extent {
    Extent { page: 8, most: room.faults.len().saturating_sub(1) }
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) {
    let faults = &scene.room.faults;
    let rows = u16::try_from(faults.len().max(1)).unwrap_or(u16::MAX).saturating_add(2);
    let on = faults.iter().filter(|fault| fault.is_on).count();
    let seed = scene.room.setting.rehearsal.as_ref().map(|rehearsal| rehearsal.seed).unwrap_or_default();
    let title = format!("Faults: {on} on, seed {seed}");
    let inner = framed(scene, &title, centred(body, WIDTH, rows), body, buffer);
    let chosen = scene.room.view.overlay_offset.min(faults.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(usize::from(inner.height));
    let lines = faults.iter().enumerate().skip(first);
    for (row, (place, fault)) in inner.rows().zip(lines) {
        let line = entry(scene, fault, place == chosen, usize::from(inner.width));
        buffer.set_line(row.x, row.y, &line, row.width);
    }
}

fn entry(scene: &Scene<'_>, fault: &FaultLine, chosen: bool, width: usize) -> Line<'static> {
    let mark = if chosen { scene.glyphs().chosen } else { " " };
    let state = if fault.is_on { "ON " } else { "off" };
    let words = format!("{mark} {state} {} {}", padded(fault.name, NAMES, scene.look), fault.words);
    let tone = match (chosen, fault.is_on) {
        (true, _) => Tone::Chosen,
        (false, true) => Tone::Warn,
        (false, false) => Tone::Plain,
    };
    Line::styled(fit(&words, width, scene.look), scene.style(tone))
}
