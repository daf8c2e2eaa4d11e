//! The one place where the program reads the time.

use std::time::Instant;

use jiff::Timestamp;

use crate::sop::moment::Moment;

/// Reads both clocks together. Copies count from the same start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose uptime begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time, on both clocks.
    #[must_use]
    pub fn now(self) -> Moment {
        Moment { uptime: self.start.elapsed(), wall: Timestamp::now() }
    }
}
