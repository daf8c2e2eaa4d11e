//! What a container wrote: kept within bounds, and followed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

/// Lines kept of one container's run; older ones are rotated away.
const MOST_LINES: usize = 20_000;

/// One line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub at: Timestamp,
    pub text: String,
}

/// The log of one run of a container.
#[derive(Debug)]
pub struct ContainerLog {
    lines: Mutex<Lines>,
    /// The number of lines written so far; dropped with the end of the run.
    count: watch::Sender<Progress>,
}

/// How far a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Lines written so far.
    pub written: u64,
    /// Whether no more will come.
    pub ended: bool,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Written>,
    /// The number of the first line that is kept.
    first: u64,
}

impl Default for ContainerLog {
    fn default() -> Self {
        Self { lines: Mutex::default(), count: watch::Sender::new(Progress::default()) }
    }
}

impl ContainerLog {
    /// Adds lines.
    pub fn write(&self, lines: impl IntoIterator<Item = Written>) {
        let mut log = self.lock();
        for line in lines {
            if log.kept.len() == MOST_LINES {
                log.kept.pop_front();
                log.first += 1;
            }
            log.kept.push_back(line);
        }
        let written = log.first + log.kept.len() as u64;
        self.count.send_if_modified(|progress| {
            let more = progress.written != written;
            progress.written = written;
            more
        });
    }

    /// No more will be written.
    pub fn end(&self) {
        self.count.send_if_modified(|progress| !std::mem::replace(&mut progress.ended, true));
    }

    /// The lines from number `from` on that are kept, and the number of the next one.
    #[must_use]
    pub fn from(&self, from: u64) -> (Vec<Written>, u64) {
        let log = self.lock();
        let skip = usize::try_from(from.saturating_sub(log.first)).unwrap_or(usize::MAX);
        (log.kept.iter().skip(skip).cloned().collect(), log.first + log.kept.len() as u64)
    }

    /// Follows how far the log is.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Progress> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_the_oldest_go() {
        let log = ContainerLog::default();
        let line = |n: usize| Written { at: Timestamp::UNIX_EPOCH, text: n.to_string() };
        log.write((0..3).map(line));
        let (lines, next) = log.from(1);
        assert_eq!((lines.len(), next), (2, 3));
        log.write((3..MOST_LINES + 5).map(line));
        let (lines, next) = log.from(0);
        assert_eq!((lines[0].text.as_str(), lines.len()), ("5", MOST_LINES));
        assert_eq!(log.from(next).0, []);
        let mut follower = log.subscribe();
        follower.mark_unchanged();
        log.end();
        assert!(follower.borrow().ended && follower.has_changed().unwrap());
    }
}
