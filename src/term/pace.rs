//! How often the screen is drawn: keys at once, data in bursts of a few frames and
//! then a few a second, so that churn in the cluster cannot fill a slow line.

use std::time::Duration;

use crate::sop::moment::Moment;

/// Frames that data may cause at once after a quiet time: enough for all that a start
/// brings, so that the pods do not wait for a turn.
const BURST: u32 = 12;
/// One more frame each time this has passed.
const EVERY: Duration = Duration::from_millis(300);

/// A bucket of frames.
#[derive(Debug)]
pub struct Pace {
    left: u32,
    /// When the last frame was put into the bucket.
    filled: Moment,
    /// Something changed that has not been drawn.
    dirty: bool,
}

impl Pace {
    /// A full bucket and a screen that has not been drawn yet.
    #[must_use]
    pub const fn new(now: Moment) -> Self {
        Self { left: BURST, filled: now, dirty: true }
    }

    /// Something changed.
    pub const fn touch(&mut self) {
        self.dirty = true;
    }

    /// How long until what changed may be drawn; `None` when nothing changed.
    pub fn due(&mut self, now: Moment) -> Option<Duration> {
        self.fill(now);
        if !self.dirty {
            None
        } else if self.left > 0 {
            Some(Duration::ZERO)
        } else {
            Some(EVERY.saturating_sub(now.since(self.filled)))
        }
    }

    /// A frame was drawn. One that a key caused does not count.
    pub const fn drawn(&mut self, by_key: bool) {
        self.dirty = false;
        if !by_key {
            self.left = self.left.saturating_sub(1);
        }
    }

    fn fill(&mut self, now: Moment) {
        let passed = now.since(self.filled);
        let new = u32::try_from(passed.as_millis() / EVERY.as_millis()).unwrap_or(BURST);
        if new == 0 {
            return;
        }
        self.left = self.left.saturating_add(new).min(BURST);
        self.filled = if self.left == BURST { now } else { self.filled.plus(EVERY * new) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment { uptime: Duration::from_millis(millis), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_burst_is_drawn_at_once_and_churn_a_few_times_a_second() {
        let mut pace = Pace::new(at(0));
        let mut frames = 0;
        for millis in 0..10_000 {
            pace.touch();
            if pace.due(at(millis)) == Some(Duration::ZERO) {
                frames += 1;
                pace.drawn(false);
            }
        }
        assert_eq!(frames, BURST + 33);
    }

    #[test]
    fn nothing_is_due_while_nothing_changed_and_keys_cost_nothing() {
        let mut pace = Pace::new(at(0));
        for _ in 0..20 {
            pace.touch();
            assert_eq!(pace.due(at(1)), Some(Duration::ZERO));
            pace.drawn(true);
            assert_eq!(pace.due(at(1)), None);
        }
        for _ in 0..BURST {
            pace.touch();
            pace.drawn(false);
        }
        pace.touch();
        assert_eq!(pace.due(at(100)), Some(Duration::from_millis(200)));
        assert_eq!(pace.due(at(300)), Some(Duration::ZERO));
    }
}
