//! The last look at what goes to the terminal, and the screen that is too small.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::layout::{MOST, SMALLEST};
use super::theme::Look;

/// Replaces what must never reach a terminal: control characters, characters
/// that turn the direction of writing, and, where the locale is not UTF-8,
/// everything beyond ASCII.
pub(crate) fn harmless(buffer: &mut Buffer, look: &Look) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if let [byte] = symbol.as_bytes()
            && (0x20..0x7f).contains(byte)
        {
            continue;
        }
        let foreign = !look.unicode && !symbol.is_ascii();
        if foreign || symbol.chars().any(is_harmful) {
            cell.set_symbol("?");
        }
    }
}

/// Control characters (C0, C1, DEL) and the invisible ones that reorder or hide text.
fn is_harmful(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Says that there is too little room, and how much there has to be.
pub(crate) fn too_small(area: Rect, buffer: &mut Buffer) {
    let lines = [
        format!("{}x{} is too small", area.width, area.height),
        format!("at least {}x{}", SMALLEST.width, SMALLEST.height),
        "still running".to_owned(),
        "q quits".to_owned(),
    ];
    let shown = lines.iter().take(usize::from(area.height));
    for (y, line) in (area.y..).zip(shown) {
        buffer.set_stringn(area.x, y, line, usize::from(area.width.min(MOST.width)), Style::new());
    }
}
