//! Puts what several pods say into one order of time.
//!
//! Streams run at different speeds. What arrives is held for a short window, so that a
//! line which was written earlier but comes later still finds its place. What comes
//! later than that is not held: it goes out at once, with its own time on it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

/// Arrivals closer together than this share one entry in the list of arrivals.
const GRAIN: Duration = Duration::from_millis(5);

/// Holds items of several streams and releases them in the order of their timestamps.
/// Knows no clock: `now` is the time since some fixed moment.
#[derive(Debug)]
pub struct Merge<T> {
    window: Duration,
    bound: usize,
    held: BTreeMap<(Timestamp, u64), T>,
    /// When the newest of a handful of items arrived, and the latest timestamp among them.
    arrivals: VecDeque<(Duration, Timestamp)>,
    /// Everything up to this timestamp may go.
    watermark: Option<Timestamp>,
    /// Nothing goes before this time, unless the bound is reached.
    hold_until: Duration,
    arrived: u64,
}

impl<T> Merge<T> {
    /// Holds items for `window`, and never more than `bound` of them.
    #[must_use]
    pub const fn new(window: Duration, bound: usize) -> Self {
        Self {
            window,
            bound,
            held: BTreeMap::new(),
            arrivals: VecDeque::new(),
            watermark: None,
            hold_until: Duration::ZERO,
            arrived: 0,
        }
    }

    /// Number of items held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether no more should be pushed before something was released.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held.len() >= self.bound
    }

    /// Holds everything back until `until`: several streams are about to deliver their past.
    pub const fn hold(&mut self, until: Duration) {
        self.hold_until = until;
    }

    /// Takes one item that was written at `at` and arrived `now`. Items of the same
    /// timestamp keep the order of their arrival.
    pub fn push(&mut self, at: Timestamp, item: T, now: Duration) {
        self.held.insert((at, self.arrived), item);
        self.arrived += 1;
        match self.arrivals.back_mut() {
            Some((when, latest)) if now.saturating_sub(*when) < GRAIN => *latest = at.max(*latest),
            _ => self.arrivals.push_back((now, at)),
        }
    }

    /// What may go `now`, in order of time; at most `most` items.
    pub fn release(&mut self, now: Duration, most: usize) -> Vec<T> {
        if now >= self.hold_until {
            while let Some((when, latest)) = self.arrivals.front()
                && now >= *when + self.window
            {
                self.watermark = self.watermark.max(Some(*latest));
                self.arrivals.pop_front();
            }
        }
        let mut released = Vec::new();
        while released.len() < most
            && let Some(first) = self.held.first_entry()
        {
            let at = first.key().0;
            if Some(at) > self.watermark && self.held.len() < self.bound {
                break;
            }
            self.watermark = self.watermark.max(Some(at));
            released.extend(self.held.pop_first().map(|(_, item)| item));
        }
        released
    }

    /// When the next item may go; `None` while nothing is held.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let (first, _) = self.held.first_key_value()?;
        if Some(first.0) <= self.watermark || self.is_full() {
            return Some(Duration::ZERO);
        }
        let due = self.arrivals.front().map_or(Duration::ZERO, |(when, _)| *when + self.window);
        Some(due.max(self.hold_until))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.held.clear();
        self.arrivals.clear();
        self.watermark = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_millis(300);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn merge() -> Merge<&'static str> {
        Merge::new(WINDOW, 100)
    }

    #[test]
    fn what_arrives_within_the_window_is_put_in_order() {
        let mut merge = merge();
        merge.push(at(20), "second", ms(0));
        merge.push(at(10), "first", ms(100));
        merge.push(at(30), "third", ms(120));
        assert_eq!(merge.next_due(), Some(ms(300)));
        assert!(merge.release(ms(299), 10).is_empty());
        assert_eq!(merge.release(ms(300), 10), ["first", "second"]);
        assert_eq!(merge.release(ms(420), 10), ["third"]);
        assert_eq!(merge.next_due(), None);
    }

    #[test]
    fn what_comes_too_late_goes_at_once() {
        let mut merge = merge();
        merge.push(at(20), "on time", ms(0));
        assert_eq!(merge.release(ms(300), 10), ["on time"]);
        merge.push(at(10), "late", ms(310));
        assert_eq!(merge.next_due(), Some(Duration::ZERO));
        assert_eq!(merge.release(ms(310), 10), ["late"]);
    }

    #[test]
    fn equal_timestamps_keep_their_order_and_nothing_is_swallowed() {
        let mut merge = merge();
        for item in ["same", "same", "other", "same"] {
            merge.push(at(5), item, ms(0));
        }
        assert_eq!(merge.release(ms(300), 10), ["same", "same", "other", "same"]);
    }

    #[test]
    fn a_full_merge_lets_the_oldest_go_before_their_time() {
        let mut merge = Merge::new(WINDOW, 3);
        for time in [40, 10, 30, 20] {
            merge.push(at(time), time, ms(0));
        }
        assert!(merge.is_full());
        assert_eq!(merge.release(ms(1), 10), [10, 20]);
    }

    #[test]
    fn the_past_of_all_streams_is_waited_for() {
        let mut merge = merge();
        merge.hold(ms(1_000));
        merge.push(at(50), "fast", ms(0));
        assert!(merge.release(ms(900), 10).is_empty());
        merge.push(at(10), "slow", ms(950));
        assert_eq!(merge.next_due(), Some(ms(1_000)));
        assert_eq!(merge.release(ms(1_000), 10), ["slow", "fast"]);
    }

    proptest! {
        /// Lines that arrive no later than the window allows come out sorted; all come out.
        #[test]
        fn nothing_is_lost_and_order_holds(
            lines in proptest::collection::vec((0_u64..5_000, 0_u64..290), 0..200)
        ) {
            let mut arrivals: Vec<_> = lines.iter().map(|(at, delay)| (at + delay, *at)).collect();
            arrivals.sort_unstable();
            let mut merge = Merge::new(WINDOW, 1_000);
            let mut out = Vec::new();
            for (now, written) in arrivals {
                merge.push(at(i64::try_from(written).unwrap()), written, ms(now));
                out.extend(merge.release(ms(now), 7));
            }
            while let Some(due) = merge.next_due() {
                out.extend(merge.release(due.max(ms(10_000)), 7));
            }
            let mut sorted: Vec<_> = lines.iter().map(|(at, _)| *at).collect();
            sorted.sort_unstable();
            prop_assert_eq!(out, sorted);
        }
    }
}
