//! The palette: every binding by its words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::Room;
use crate::room::intent::{Extent, Intent};
use crate::ui::bindings::{Binding, Does};
use crate::ui::scene::Scene;
use crate::ui::text::{fit, padded};
use crate::ui::theme::Tone;

use super::{centred, framed};

const WIDTH: u16 = 76;
const KEYS: usize = 10;

/// How far the choice moves.
pub(crate) fn extent(room: &Room) -> Extent {
    let found = Binding::matching(room.view.palette.text.as_str(), room).len();
    Extent { page: 8, most: found.saturating_sub(1) }
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) {
    let palette = &scene.room.view.palette;
    let found = Binding::matching(palette.text.as_str(), scene.room);
    let rows = u16::try_from(found.len().max(1)).unwrap_or(u16::MAX).saturating_add(3);
    let inner = framed(scene, "What do you want to do?", centred(body, WIDTH, rows), body, buffer);
    let typed = format!(": {}_", palette.text.as_str());
    let mut lines =
        vec![Line::styled(fit(&typed, usize::from(inner.width), scene.look), scene.style(Tone::Strong))];
    let room = usize::from(inner.height.saturating_sub(1));
    let chosen = palette.chosen.min(found.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(room);
    if found.is_empty() {
        lines.push(Line::styled("nothing has these words", scene.style(Tone::Dim)));
    }
    for (place, binding) in found.iter().enumerate().skip(first).take(room) {
        lines.push(entry(scene, binding, place == chosen, usize::from(inner.width)));
    }
    for (row, line) in inner.rows().zip(lines) {
        buffer.set_line(row.x, row.y, &line, row.width);
    }
}

fn entry(scene: &Scene<'_>, binding: &Binding, chosen: bool, width: usize) -> Line<'static> {
    let blocked = match &binding.does {
        Does::Intent(Intent::Ask(kind)) => {
            scene.standing(*kind).and_then(|standing| standing.blocked.clone())
        }
        _ => None,
    };
    let mark = if chosen { scene.glyphs().chosen } else { " " };
    let mut words = format!("{mark} {} {}", padded(&binding.key(), KEYS, scene.look), binding.words);
    if let Some(why) = &blocked {
        words.push_str(&format!(" {} {why}", scene.glyphs().bad));
    }
    let tone = match (chosen, blocked.is_some()) {
        (true, _) => Tone::Chosen,
        (false, true) => Tone::Dim,
        (false, false) => Tone::Plain,
    };
    Line::from(Span::styled(fit(&words, width, scene.look), scene.style(tone)))
}
