//! Signals and the hang-up of the terminal, watched from threads of their own, so
//! that nothing that is stuck can hold them up.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

/// How long an orderly end may take before the process is ended anyway. Together
/// with what comes before, a dead terminal ends the process within 2 s.
const ORDERLY: Duration = Duration::from_millis(1500);

/// What the outside asks of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// End in order, with this exit status.
    End(u8),
    /// Give the terminal back and stop.
    Stop,
    /// Continued: the terminal may look like anything.
    Continue,
}

/// Watches signals and the terminal; `tell` is called from the watching threads and
/// must not wait.
///
/// # Errors
/// When the signal handlers or threads cannot be set up.
pub fn watch(tell: impl Fn(Signal) + Clone + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT, SIGTSTP, SIGCONT])?;
    let told = tell.clone();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGTSTP => told(Signal::Stop),
                SIGCONT => told(Signal::Continue),
                other => end(&told, 128 + u8::try_from(other).unwrap_or(0)),
            }
        }
    })?;
    std::thread::Builder::new().name("hang-up".into()).spawn(move || {
        if hung_up() {
            end(&tell, 128 + u8::try_from(SIGHUP).unwrap_or(0));
        }
    })?;
    Ok(())
}

/// Watches the signals that end a program without a screen; `tell` gets the exit status
/// that shells expect, is called from a thread of its own and must not wait.
///
/// # Errors
/// When the signal handlers or the thread cannot be set up.
pub fn watch_for_end(tell: impl Fn(u8) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            tell(128 + u8::try_from(signal).unwrap_or(0));
        }
    })?;
    Ok(())
}

/// Stops this process as the shell expects it after Ctrl-Z; returns when it is continued.
///
/// # Errors
/// When the system refuses.
pub fn stop_this_process() -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(SIGTSTP)
}

/// Asks for an orderly end and ends the process anyway when none comes.
fn end(tell: &impl Fn(Signal), status: u8) {
    tell(Signal::End(status));
    std::thread::sleep(ORDERLY);
    super::restore();
    signal_hook::low_level::exit(status.into());
}

/// Waits until the terminal is gone; `false` when that cannot be watched.
fn hung_up() -> bool {
    let terminal = io::stdout();
    loop {
        // No events are asked for: hang-up and error are always reported.
        let mut fds = [PollFd::new(&terminal, PollFlags::empty())];
        match rustix::event::poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => return true,
        }
    }
}
