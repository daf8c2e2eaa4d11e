//! Finds the place in a log again after the connection was lost.
//!
//! The server can be asked for the lines since a whole second only, so it repeats some
//! that were seen. Those are told by their timestamps and by how many of each there were,
//! never by their text: an application that says the same thing twice has said it twice.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

/// Distinct timestamps remembered; a very busy second is remembered by its end alone.
const REMEMBERED: usize = 16_384;

/// What was read of one container's log, as far as the server may repeat it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Timestamps in the order of the log, with how many lines in a row had each.
    recent: VecDeque<(Timestamp, u32)>,
    /// Everything up to here was seen, and is no longer in `recent`.
    forgotten: Option<Timestamp>,
    /// The last line of the log that was read.
    last: Option<Timestamp>,
}

impl Seen {
    /// Remembers a line that was read.
    pub(super) fn note(&mut self, at: Timestamp) {
        self.last = Some(at);
        match self.recent.back_mut() {
            Some((same, count)) if *same == at => *count += 1,
            _ => self.recent.push_back((at, 1)),
        }
        let from = second_before(at);
        while let Some((oldest, _)) = self.recent.front()
            && (*oldest < from || self.recent.len() > REMEMBERED)
        {
            self.forgotten = self.forgotten.max(Some(*oldest));
            self.recent.pop_front();
        }
    }

    /// The last line that was read.
    pub(super) const fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// What to ask the server for: a whole second at least a second before the last line,
    /// because the lines of standard output and standard error may be a little out of order.
    pub(super) fn resume_from(&self) -> Option<Timestamp> {
        self.last.map(second_before)
    }

    /// A new run of the container begins: nothing of it was seen.
    pub(super) fn begin_run(&mut self) {
        self.recent.clear();
        self.forgotten = None;
    }

    /// What the server is expected to repeat.
    pub(super) fn replay(&self) -> Replay {
        let mut owed: HashMap<_, u32> = HashMap::with_capacity(self.recent.len());
        for (at, count) in &self.recent {
            *owed.entry(*at).or_default() += count;
        }
        let last = self.recent.back().map(|(at, _)| *at);
        Replay { owed, forgotten: self.forgotten, last, over: false }
    }
}

/// The whole second that lies between one and two seconds before `at`.
fn second_before(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_nanosecond().div_euclid(1_000_000_000) as i64 - 1).unwrap_or(at)
}

/// Passes over what was seen.
#[derive(Debug)]
pub(super) struct Replay {
    owed: HashMap<Timestamp, u32>,
    forgotten: Option<Timestamp>,
    last: Option<Timestamp>,
    /// A new line came: what was seen lies behind.
    over: bool,
}

impl Replay {
    /// Whether the line was seen before. Lines are asked about in the log's order.
    pub(super) fn was_seen(&mut self, at: Timestamp) -> bool {
        if self.over {
            return false;
        }
        if let Some(count) = self.owed.get_mut(&at) {
            *count -= 1;
            if *count == 0 {
                self.owed.remove(&at);
            }
            return true;
        }
        if self.forgotten >= Some(at) {
            return true;
        }
        self.over = true;
        false
    }

    /// Whether the log goes on where it was left: the last line that was seen was there
    /// again (or none had been seen).
    pub(super) fn is_contiguous(&self) -> bool {
        self.last.is_none_or(|last| !self.owed.contains_key(&last))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn seen(times: &[i64]) -> Seen {
        let mut seen = Seen::default();
        times.iter().for_each(|time| seen.note(at(*time)));
        seen
    }

    #[test]
    fn it_resumes_at_a_whole_second_before_the_last_line() {
        assert_eq!(Seen::default().resume_from(), None);
        for (last, from) in [(5_999, 4_000), (5_000, 4_000), (5_001, 4_000), (-500, -2_000)] {
            assert_eq!(seen(&[last]).resume_from(), Some(at(from)), "{last}");
        }
    }

    #[test]
    fn equal_timestamps_are_counted() {
        let mut replay = seen(&[5_000, 5_000, 5_001, 5_000]).replay();
        let again: Vec<_> = [5_000, 5_000, 5_001, 5_000, 5_000].map(|time| replay.was_seen(at(time))).into();
        assert_eq!(again, [true, true, true, true, false]);
        assert!(replay.is_contiguous());
    }

    #[test]
    fn a_log_that_lost_the_last_line_is_not_contiguous() {
        let mut replay = seen(&[5_000, 5_100]).replay();
        assert!(!replay.is_contiguous());
        assert!(replay.was_seen(at(5_000)));
        assert!(!replay.was_seen(at(6_000)));
        assert!(!replay.is_contiguous());
        assert!(!replay.was_seen(at(5_100)), "once new lines come, all are new");
        assert!(Seen::default().replay().is_contiguous());
    }

    #[test]
    fn a_new_run_repeats_nothing_but_is_asked_for_from_the_same_time() {
        let mut seen = seen(&[5_000]);
        seen.begin_run();
        let mut replay = seen.replay();
        assert!(replay.is_contiguous() && !replay.was_seen(at(5_000)));
        assert_eq!(seen.resume_from(), Some(at(4_000)));
    }

    proptest! {
        /// Whatever was read of a log, reading on from the second before gives the rest, each line once.
        #[test]
        fn nothing_is_lost_and_nothing_comes_twice(
            steps in proptest::collection::vec(0_i64..700, 1..200), read in 0_usize..200, swap in any::<bool>(),
        ) {
            let mut log: Vec<i64> = steps.iter().scan(10_000, |time, step| {
                *time += if step % 3 == 0 { 0 } else { *step };
                Some(*time)
            }).collect();
            if swap && log.len() > 3 {
                // Two writers, a little out of order.
                let middle = log.len() / 2;
                if log[middle] - log[middle - 1] < 900 {
                    log.swap(middle, middle - 1);
                }
            }
            let read = read.min(log.len());
            let seen = seen(&log[..read]);
            let mut replay = seen.replay();
            let repeated = log.iter().filter(|time| seen.resume_from().is_none_or(|from| at(**time) >= from));
            let new: Vec<_> = repeated.copied().filter(|time| !replay.was_seen(at(*time))).collect();
            prop_assert_eq!(&new, &log[read..]);
            prop_assert!(replay.is_contiguous());
        }
    }
}
