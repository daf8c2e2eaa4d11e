//! Time as it reaches the pure core: with every message, from outside.

use std::time::Duration;

use jiff::Timestamp;

/// When something happened: on the wall clock, for people and records, and on
/// this process's monotonic clock, for ages and time limits. A wall clock that
/// is set back must not make old data young again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Time since the process started.
    pub uptime: Duration,
    pub wall: Timestamp,
}

impl Moment {
    /// Time from `earlier` to this moment; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.uptime.saturating_sub(earlier.uptime)
    }

    /// Time from a recorded wall-clock time to this moment; zero when it lies
    /// in the future (another machine's clock may run ahead).
    #[must_use]
    pub fn since_wall(self, earlier: Timestamp) -> Duration {
        Duration::try_from(self.wall.duration_since(earlier)).unwrap_or_default()
    }

    /// This moment `later` further on, on both clocks.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self {
            uptime: self.uptime.saturating_add(later),
            wall: self.wall.saturating_add(later).unwrap_or(Timestamp::MAX),
        }
    }
}

/// A time as an operator says it, in its largest whole unit: `30 s`, `40 min`, `25 h`.
pub(super) fn rounded(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_does_not_rejuvenate() {
        let first = Moment { uptime: Duration::from_secs(10), wall: "2026-01-01T00:00:10Z".parse().unwrap() };
        let later = Moment { uptime: Duration::from_secs(15), wall: "2026-01-01T00:00:00Z".parse().unwrap() };
        assert_eq!(later.since(first), Duration::from_secs(5));
        assert_eq!(later.since_wall(first.wall), Duration::ZERO);
        assert_eq!(first.plus(Duration::from_secs(5)).since(first), Duration::from_secs(5));
    }
}
