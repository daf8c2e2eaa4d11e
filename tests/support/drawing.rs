//! Screens as text, and the styles of single places on them.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, clippy::unwrap_used, clippy::panic)]

use cutover::room::Room;
use cutover::ui::{self, Look};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};

pub const COLOUR: Look = Look { colour: true, unicode: true };
pub const ASCII: Look = Look { colour: true, unicode: false };
pub const PLAIN: Look = Look { colour: false, unicode: true };
pub const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

pub fn drawn(room: &Room, (width, height): (u16, u16), look: Look) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| ui::draw(frame, room, &look)).unwrap();
    terminal.backend().buffer().clone()
}

pub fn rows(buffer: &Buffer) -> Vec<String> {
    buffer
        .content
        .chunks(usize::from(buffer.area.width))
        .map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned())
        .collect()
}

pub fn text(room: &Room, size: (u16, u16), look: Look) -> String {
    rows(&drawn(room, size, look)).join("\n")
}

/// The first cell of `words` on the screen.
pub fn cell<'b>(buffer: &'b Buffer, words: &str) -> &'b Cell {
    let width = usize::from(buffer.area.width);
    for (y, row) in buffer.content.chunks(width).enumerate() {
        let line: String = row.iter().map(Cell::symbol).collect();
        if let Some(at) = line.find(words) {
            let x = line[..at].chars().count();
            return &buffer.content[y * width + x];
        }
    }
    panic!("`{words}` is not on the screen:\n{}", rows(buffer).join("\n"));
}
