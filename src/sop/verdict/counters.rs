//! What one value cannot tell: errors that `rate` does not see, and where a growth leads.

use jiff::{SignedDuration, Timestamp};

use crate::sop::signal::{Counted, History, Sample, Signal};

/// Errors that the counters show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unseen {
    pub errors: f64,
    /// Of the requests counted in the same time.
    pub share: f64,
}

/// The first errors of a counter. A series that is born at 1 is invisible to `rate`
/// (prometheus#1673), so the raw counter is compared with its value one window ago, or
/// at the switch when that is nearer. Only what goes beyond the highest value seen until
/// then counts: a target that is lost for a scrape and comes back is no error.
pub(super) fn unseen_errors(
    signal: &Signal,
    sample: &Sample,
    history: &History,
    switched: Option<Timestamp>,
) -> Option<Unseen> {
    let now = sample.counted.filter(is_sound)?;
    let window = SignedDuration::try_from(signal.window).unwrap_or(SignedDuration::MAX);
    let from = sample.at.checked_sub(window).unwrap_or(Timestamp::MIN);
    let from = switched.map_or(from, |switched| switched.max(from));
    let earlier = history
        .samples()
        .filter(|known| known.at < sample.at)
        .filter_map(|known| known.counted.filter(is_sound).map(|counted| (known.at, counted)));
    // The newest value from before that time, else the oldest since.
    let (mut base, mut highest): (Option<Counted>, Option<Counted>) = (None, None);
    for (at, counted) in earlier {
        if at > from {
            base = Some(counted);
        } else {
            base = if highest.is_none() { Some(counted) } else { base };
            highest = Some(higher(highest, counted));
        }
    }
    let base = higher(highest, base?);
    let (errors, all) = (now.bad - base.bad, now.all - base.all);
    let least = signal.minimum_volume.max(1) as f64;
    (errors > 0.0 && all >= least).then(|| Unseen { errors, share: (errors / all).min(1.0) })
}

fn is_sound(counted: &Counted) -> bool {
    counted.bad.is_finite() && counted.all.is_finite() && counted.bad >= 0.0
}

fn higher(known: Option<Counted>, other: Counted) -> Counted {
    known.map_or(other, |known| Counted { bad: known.bad.max(other.bad), all: known.all.max(other.all) })
}

/// Points from which on a growth is one.
const FEWEST_POINTS: usize = 12;
/// The time that a growth is looked at.
const LOOK_BACK: SignedDuration = SignedDuration::from_mins(10);
/// A limit that is reached later than this is not near.
const SOON: f64 = 20.0;
/// Below this share of the limit a growth is the warming up of a new process.
const HALF: f64 = 0.5;

/// Minutes until a share that grows steadily reaches 1, when that is soon: least squares
/// over the last minutes since the switch, both halves of which have to grow.
pub(super) fn minutes_to_limit(history: &History, switched: Option<Timestamp>, value: f64) -> Option<f64> {
    if value < HALF {
        return None;
    }
    let newest = history.points().back()?.at;
    let points: Vec<(f64, f64)> = history
        .points()
        .iter()
        .filter(|point| newest.duration_since(point.at) <= LOOK_BACK)
        .filter(|point| switched.is_none_or(|switched| point.at > switched))
        .map(|point| (newest.duration_since(point.at).as_secs_f64() / -60.0, point.value))
        .collect();
    if points.len() < FEWEST_POINTS {
        return None;
    }
    let (earlier, later) = points.split_at(points.len() / 2);
    let pace = slope(&points)?;
    let grows = slope(earlier)? > 0.0 && slope(later)? > 0.0 && pace > 0.0;
    let minutes = (1.0 - value) / pace;
    (grows && minutes <= SOON).then_some(minutes)
}

/// Change of the second number per unit of the first.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    (spread > 0.0).then(|| together / spread)
}
