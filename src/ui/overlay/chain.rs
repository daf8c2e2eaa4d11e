//! The chain of evidence: every link with both its sides, and what it holds by.

use ratatui::text::{Line, Span};

use crate::sop::chain::Link;
use crate::ui::scene::Scene;
use crate::ui::text::{padded, wrapped};
use crate::ui::theme::{Tone, fit_tone};

/// Column for the links' names.
const NAMES: usize = 12;

pub(super) fn lines(scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let Some(chain) = scene.chain() else {
        return vec![Line::styled("which colour has the traffic is not known yet", scene.style(Tone::Dim))];
    };
    let width = usize::from(width);
    let tone = if chain.broken().is_some() { Tone::Bad } else { Tone::Strong };
    let words = wrapped(&chain.words(), width).into_iter();
    let mut lines: Vec<Line<'static>> = words.map(|row| Line::styled(row, scene.style(tone))).collect();
    lines.push(Line::default());
    lines.extend(chain.links.iter().flat_map(|link| link_lines(scene, link, width)));
    lines.push(Line::default());
    let words = "What was reviewed and checked says something about what gets the traffic only as long \
                 as every link fits. One that does not fit blocks approval and switch.";
    lines.extend(wrapped(words, width).into_iter().map(|row| Line::styled(row, scene.style(Tone::Dim))));
    lines
}

fn link_lines(scene: &Scene<'_>, link: &Link, width: usize) -> Vec<Line<'static>> {
    let glyphs = scene.glyphs();
    let style = scene.style(fit_tone(&link.fit));
    let head = format!("{} {} ", glyphs.fit(&link.fit), padded(link.id.words(), NAMES, scene.look));
    let sides = format!("{} {} {}", link.from, glyphs.arrow, link.to);
    let words = format!("{}: {}", link.fit.word(), link.fit.why());
    let indent = " ".repeat(NAMES + 3);
    let room = width.saturating_sub(NAMES + 3);
    let mut lines =
        vec![Line::from(vec![Span::styled(head, style), Span::styled(sides, scene.style(Tone::Strong))])];
    lines.extend(wrapped(&words, room).into_iter().map(|row| Line::styled(format!("{indent}{row}"), style)));
    lines
}
