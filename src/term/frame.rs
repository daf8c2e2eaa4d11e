//! Frames on their way to the terminal: whole, and with no byte that says nothing.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// Frames up to this many bytes reach the terminal in one small write, which it
/// shows at once: they need no synchronized-update marks, and those would be a
/// quarter of what the clock costs on a slow line.
const SMALL: usize = 256;

/// Collects a frame and writes it in one go, marked as a synchronized update (DEC
/// private mode 2026) unless it is small.
#[derive(Debug)]
pub struct Frames {
    out: File,
    frame: Vec<u8>,
}

impl Frames {
    /// Frames for this terminal.
    #[must_use]
    pub fn new(out: File) -> Self {
        Self { out, frame: Vec::with_capacity(16 * 1024) }
    }
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let result = if self.frame.len() <= SMALL {
            self.out.write_all(&self.frame)
        } else {
            let mut whole = Vec::with_capacity(self.frame.len() + 16);
            queue!(whole, BeginSynchronizedUpdate)?;
            whole.extend_from_slice(&self.frame);
            queue!(whole, EndSynchronizedUpdate)?;
            self.out.write_all(&whole)
        };
        self.frame.clear();
        result
    }
}

/// ratatui's crossterm backend without its repetitions: it hides a hidden cursor
/// with every frame and resets all styles after drawing nothing.
pub struct LeanBackend {
    inner: CrosstermBackend<Frames>,
    /// `None`: not known.
    cursor_shown: Option<bool>,
    cursor: Position,
}

impl fmt::Debug for LeanBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeanBackend").field("cursor_shown", &self.cursor_shown).finish_non_exhaustive()
    }
}

impl LeanBackend {
    /// Wraps ratatui's backend.
    #[must_use]
    pub const fn new(inner: CrosstermBackend<Frames>) -> Self {
        Self { inner, cursor_shown: None, cursor: Position::ORIGIN }
    }

    /// Somebody else may have used the terminal: nothing is known of it any more.
    pub const fn forget(&mut self) {
        self.cursor_shown = None;
    }

    /// For sequences that are not part of a frame.
    pub fn writer_mut(&mut self) -> &mut impl Write {
        &mut self.inner
    }
}

impl Backend for LeanBackend {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown == Some(false) {
            return Ok(());
        }
        self.cursor_shown = Some(false);
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown == Some(true) {
            return Ok(());
        }
        self.cursor_shown = Some(true);
        // ratatui calls this when the terminal is dropped and prints what fails, and
        // printing to a terminal that is gone panics.
        self.inner.show_cursor().or_else(|error| if super::is_gone() { Ok(()) } else { Err(error) })
    }

    /// Where the cursor was last put. The terminal is never asked: its answer would
    /// have to be read among the keys, takes a round trip, and never comes from a
    /// terminal that is gone; and nothing here depends on it, since every frame
    /// covers the whole screen.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        self.inner.set_cursor_position(self.cursor)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn written(frame: &[u8]) -> Vec<u8> {
        let path = tempfile::NamedTempFile::new().unwrap();
        let mut frames = Frames::new(path.reopen().unwrap());
        frames.write_all(frame).unwrap();
        frames.flush().unwrap();
        frames.flush().unwrap();
        let mut all = Vec::new();
        path.reopen().unwrap().read_to_end(&mut all).unwrap();
        all
    }

    #[test]
    fn large_frames_are_marked_and_small_ones_are_not() {
        assert_eq!(written(b"12:00:01"), b"12:00:01");
        let large = written(&[b'x'; SMALL + 1]);
        assert!(large.starts_with(b"\x1b[?2026hxx") && large.ends_with(b"xx\x1b[?2026l"));
    }
}
