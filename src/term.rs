//! The terminal guard: entered once, restored on every way out.
//!
//! Raw mode, alternate screen, bracketed paste and cursor are put back by
//! [`restore`], which may be called from any thread, any number of times: by the
//! guard's drop, by the panic hook, and by the signal thread when nothing else
//! answers any more.

pub mod editor;
mod frame;
mod pace;
pub mod panic;
pub mod signals;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use crossterm::{cursor, event, queue, style, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec};

pub use frame::{Frames, LeanBackend};
pub use pace::Pace;

/// Whether the terminal is ours at the moment.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Most bytes of text that are sent to the clipboard: terminals and tmux drop
/// longer OSC 52 sequences without a word.
const MOST_COPIED: usize = 74_000;

/// The screen while it is ours.
#[derive(Debug)]
pub struct Screen {
    /// Draws only what changed.
    pub terminal: Terminal<LeanBackend>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When standard output is no terminal, or the terminal refuses.
    pub fn enter() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is not a terminal"));
        }
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let backend = LeanBackend::new(CrosstermBackend::new(Frames::new(out)));
        take()?;
        Terminal::new(backend).map(|terminal| Self { terminal }).inspect_err(|_| restore())
    }

    /// Gives the terminal back to the shell, stops this process as Ctrl-Z would, and
    /// takes the terminal again when it is continued.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        signals::stop_this_process()?;
        self.resume()
    }

    /// Takes the terminal again and draws everything anew at the next frame.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn resume(&mut self) -> io::Result<()> {
        take()?;
        self.terminal.backend_mut().forget();
        self.terminal.clear()
    }

    /// Asks the terminal to put `text` on the clipboard (OSC 52), through tmux if it
    /// is there. Returns how many bytes of the text were sent.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn copy(&mut self, text: &str) -> io::Result<usize> {
        let end =
            (0..=text.len().min(MOST_COPIED)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let text = &text[..end];
        let sequence = clipboard_sequence(text, std::env::var_os("TMUX").is_some());
        let out = self.terminal.backend_mut().writer_mut();
        out.write_all(sequence.as_bytes())?;
        out.flush()?;
        Ok(end)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    ENTERED.store(true, Ordering::SeqCst);
    terminal::enable_raw_mode()?;
    let mut out = io::stdout();
    queue!(out, terminal::EnterAlternateScreen, event::EnableBracketedPaste, cursor::Hide)?;
    out.flush().inspect_err(|_| restore())
}

/// Puts the terminal back as it was, if it is ours. Never waits: a terminal that
/// takes no more output gets only its mode back, which needs none.
pub fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    if takes_output() {
        let _ = queue!(
            out,
            terminal::EndSynchronizedUpdate,
            event::DisableBracketedPaste,
            style::ResetColor,
            style::SetAttribute(style::Attribute::Reset),
            terminal::LeaveAlternateScreen,
            cursor::Show,
        );
        let _ = out.flush();
    }
    let _ = terminal::disable_raw_mode();
}

/// Whether the terminal would take output now without making the writer wait.
#[must_use]
pub fn takes_output() -> bool {
    let state = output_state();
    state.contains(PollFlags::OUT) && !state.intersects(GONE)
}

/// Whether the terminal has been taken away.
#[must_use]
pub fn is_gone() -> bool {
    output_state().intersects(GONE)
}

const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

fn output_state() -> PollFlags {
    let out = io::stdout();
    let mut fds = [PollFd::new(&out, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match rustix::event::poll(&mut fds, Some(&now)) {
        Ok(_) => fds[0].revents(),
        Err(_) => PollFlags::empty(),
    }
}

fn clipboard_sequence(text: &str, tmux: bool) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let sequence = format!("\x1b]52;c;{encoded}\x07");
    if tmux { format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")) } else { sequence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clipboard_sequence_passes_through_tmux() {
        assert_eq!(clipboard_sequence("hi", false), "\x1b]52;c;aGk=\x07");
        assert_eq!(clipboard_sequence("hi", true), "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
    }
}
