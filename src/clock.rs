//! The one place where the program reads the time.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::sop::moment::Moment;

/// Reads both clocks together. Copies count from the same start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    /// How far it is before the machine's: zero but in a rehearsal of another day.
    lead: SignedDuration,
}

impl Clock {
    /// A clock whose uptime begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now(), lead: SignedDuration::ZERO }
    }

    /// The same with its wall clock that far before the machine's.
    #[must_use]
    pub const fn with_lead(self, lead: SignedDuration) -> Self {
        Self { lead, ..self }
    }

    /// How far its wall clock is before the machine's.
    #[must_use]
    pub const fn lead(self) -> SignedDuration {
        self.lead
    }

    /// The time, on both clocks.
    #[must_use]
    pub fn now(self) -> Moment {
        let now = Timestamp::now();
        Moment { uptime: self.start.elapsed(), wall: now.checked_add(self.lead).unwrap_or(now) }
    }
}
