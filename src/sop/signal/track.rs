//! What is kept of a signal: enough to judge it and to draw the last hour.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::{Sample, Signal};
use crate::sop::colour::{Colour, PerColour};
use crate::sop::moment::Moment;

/// Points kept of one history: an hour of samples every 5 s, or more time thinned out.
pub const MOST_POINTS: usize = 720;
/// How long points are kept.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(3);
/// Whole samples kept, for the rules that look further back than one.
const MOST_SAMPLES: usize = 64;
/// How long before the switch counts as "before the switch".
const BEFORE: Duration = Duration::from_secs(5 * 60);
/// Points without which there was no "before".
const FEWEST_BEFORE: usize = 3;

/// One value on the time axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: Timestamp,
    /// Finite.
    pub value: f64,
}

/// The values of one signal over time, and its newest samples as they came.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Oldest first; at most [`MOST_POINTS`].
    points: VecDeque<Point>,
    /// Oldest first, with their arrival.
    samples: VecDeque<(Moment, Sample)>,
}

impl History {
    /// Takes in a sample. One that is not newer than the newest says nothing new and is
    /// dropped: it must not make an old value young.
    pub fn push(&mut self, sample: Sample, now: Moment) {
        if self.samples.back().is_some_and(|(_, newest)| sample.at <= newest.at) {
            return;
        }
        if let Some(value) = sample.reading.number()
            && self.points.back().is_none_or(|newest| newest.at < sample.at)
        {
            self.points.push_back(Point { at: sample.at, value });
        }
        self.bound();
        self.samples.push_back((now, sample));
        while self.samples.len() > MOST_SAMPLES {
            self.samples.pop_front();
        }
    }

    /// Forgets what is too old, and thins the older half out when there is too much.
    fn bound(&mut self) {
        let Some(newest) = self.points.back().map(|point| point.at) else { return };
        while self.points.front().is_some_and(|point| newest.duration_since(point.at) > KEPT) {
            self.points.pop_front();
        }
        if self.points.len() > MOST_POINTS {
            let half = self.points.len() / 2;
            let mut place = 0;
            self.points.retain(|_| {
                place += 1;
                place > half || place % 2 == 0
            });
        }
    }

    /// Puts values before the known ones that were measured earlier.
    pub fn load(&mut self, past: &[Point]) {
        let first = self.points.front().map(|point| point.at);
        let mut earlier: Vec<Point> = past
            .iter()
            .copied()
            .filter(|point| point.value.is_finite() && first.is_none_or(|first| point.at < first))
            .collect();
        earlier.sort_by_key(|point| point.at);
        earlier.dedup_by_key(|point| point.at);
        let room = MOST_POINTS.saturating_sub(self.points.len());
        let surplus = earlier.len().saturating_sub(room);
        for point in earlier.into_iter().skip(surplus).rev() {
            self.points.push_front(point);
        }
    }

    /// The values, oldest first. A gap between their times is a gap in what is known.
    #[must_use]
    pub const fn points(&self) -> &VecDeque<Point> {
        &self.points
    }

    /// The newest sample, whatever it holds, and when it arrived.
    #[must_use]
    pub fn newest(&self) -> Option<&(Moment, Sample)> {
        self.samples.back()
    }

    /// The samples as they came, the newest first.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().rev().map(|(_, sample)| sample)
    }

    /// The mean over the five minutes before `switched`; `None` without enough values.
    #[must_use]
    pub fn before(&self, switched: Timestamp) -> Option<f64> {
        let values: Vec<f64> = self
            .points
            .iter()
            .filter(|point| point.at <= switched && switched.duration_since(point.at) <= signed(BEFORE))
            .map(|point| point.value)
            .collect();
        if values.len() < FEWEST_BEFORE {
            return None;
        }
        let count = u32::try_from(values.len()).ok()?;
        Some(values.iter().sum::<f64>() / f64::from(count))
    }
}

fn signed(time: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX)
}

/// A signal and all that is known of it.
#[derive(Clone, Debug)]
pub struct Track {
    pub signal: Signal,
    /// Of everything behind the Service.
    pub total: History,
    /// Of each colour, where the source tells them apart.
    pub colours: PerColour<History>,
    /// The value before the switch at this time: kept, for the history forgets.
    before: Option<(Timestamp, f64)>,
}

impl Track {
    /// A signal of which nothing is known yet.
    #[must_use]
    pub fn new(signal: Signal) -> Self {
        Self { signal, total: History::default(), colours: PerColour::default(), before: None }
    }

    /// The history of a colour, or of everything.
    pub const fn history_mut(&mut self, colour: Option<Colour>) -> &mut History {
        match colour {
            None => &mut self.total,
            Some(Colour::Blue) => &mut self.colours.blue,
            Some(Colour::Green) => &mut self.colours.green,
        }
    }

    /// What the active colour is judged by: everything behind the Service, or the
    /// colour alone where only colours are measured.
    #[must_use]
    pub fn judged(&self, active: Option<Colour>) -> &History {
        match active {
            Some(active) if self.total.newest().is_none() => &self.colours[active],
            _ => &self.total,
        }
    }

    /// Keeps the value before the switch, as soon as there is one. Another switch is
    /// another "before".
    pub fn remember(&mut self, switched: Option<Timestamp>) {
        let Some(switched) = switched else { return };
        if self.before.is_none_or(|(known, _)| known != switched) {
            self.before = self.total.before(switched).map(|value| (switched, value));
        }
    }

    /// The value before the last switch.
    #[must_use]
    pub fn before(&self) -> Option<f64> {
        self.before.map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reading;
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn moment(seconds: u64) -> Moment {
        Moment { uptime: Duration::from_secs(seconds), wall: at(i64::try_from(seconds).unwrap()) }
    }

    fn points(from: i64, to: i64, value: f64) -> Vec<Point> {
        (from..to).map(|n| Point { at: at(n * 10), value }).collect()
    }

    #[test]
    fn an_old_value_told_again_does_not_become_young() {
        let mut history = History::default();
        history.push(Sample::new(at(10), Reading::Value(1.0)), moment(10));
        history.push(Sample::new(at(10), Reading::Value(1.0)), moment(70));
        assert_eq!(history.newest().unwrap().0, moment(10));
    }

    #[test]
    fn a_history_is_bounded_and_holds_numbers_only() {
        let mut history = History::default();
        for n in 0..2_000 {
            let reading = if n % 2 == 0 { Reading::of(f64::NAN) } else { Reading::of(1.0) };
            history.push(Sample::new(at(n), reading), moment(0));
        }
        history.load(&points(-1_000, 0, f64::INFINITY));
        assert!((MOST_POINTS / 2..=MOST_POINTS).contains(&history.points().len()));
        assert!(history.points().iter().all(|point| point.value.is_finite()));
        assert_eq!(history.samples().count(), MOST_SAMPLES);
    }

    #[test]
    fn what_was_measured_before_comes_before() {
        let mut history = History::default();
        history.push(Sample::new(at(1_000), Reading::Value(9.0)), moment(0));
        history.load(&points(0, 200, 5.0));
        let times: Vec<i64> = history.points().iter().map(|point| point.at.as_second()).collect();
        assert!(times.is_sorted());
        assert_eq!((times.first(), times.last(), times.len()), (Some(&0), Some(&1_000), 101));
    }

    #[test]
    fn before_the_switch_is_a_mean_that_is_kept() {
        let mut track = Track::new(Signal::requests());
        track.total.load(&points(0, 2, 100.0));
        track.remember(Some(at(20)));
        assert_eq!(track.before(), None, "two values are not enough");
        track.total.load(&points(-10, 0, 70.0));
        track.remember(Some(at(20)));
        assert_eq!(track.before(), Some(75.0));
        for n in 0..1_000 {
            track.total.push(Sample::new(at(20_000 + n), Reading::Value(1.0)), moment(0));
        }
        track.remember(Some(at(20)));
        assert_eq!(track.before(), Some(75.0), "the history has forgotten it, the track has not");
        track.remember(Some(at(20_900)));
        assert_eq!(track.before(), Some(1.0));
    }
}
