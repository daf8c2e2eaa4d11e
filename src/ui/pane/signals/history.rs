//! The last hour in one row.

use jiff::{SignedDuration, Timestamp};

use crate::sop::signal::History;
use crate::ui::scene::Scene;

/// What a row shows.
pub(super) const SHOWN: SignedDuration = SignedDuration::from_hours(1);

/// Heights of a bar, the lowest first.
const UNICODE: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', '-', ':', '=', '+', '*', '#'];

/// The last hour in so many columns, the switch marked. Each column is a span of time
/// that stays where it is on the clock, so that a row changes only when something is new.
/// Where nothing was measured nothing is drawn.
pub(super) fn spark(scene: &Scene<'_>, history: &History, width: usize) -> String {
    if width == 0 {
        return String::new();
    }
    let switched = scene.room.switched.as_ref().map(|switched| switched.at);
    let (levels, mark) = if scene.look.unicode { (UNICODE, '│') } else { (ASCII, '|') };
    let columns = Columns::new(scene.room.now.wall, width);
    let means = columns.means(history);
    // What stands still is drawn at three quarters, so that a rise can be seen coming.
    let highest = means.iter().flatten().copied().fold(0.0, f64::max) * 4.0 / 3.0;
    let mut row: Vec<char> = means
        .iter()
        .map(|mean| match mean {
            None => ' ',
            Some(value) if highest > 0.0 => level(&levels, value / highest),
            Some(_) => levels[0],
        })
        .collect();
    // The newest value is never hidden behind the mark.
    let last = width.saturating_sub(2);
    if let Some(place) = switched.and_then(|at| columns.place(at))
        && let Some(cell) = row.get_mut(place.min(last))
    {
        *cell = mark;
    }
    row.into_iter().collect()
}

/// The bar for a share of the highest value.
fn level(levels: &[char; 8], share: f64) -> char {
    let step = f64::from(u8::try_from(levels.len() - 1).unwrap_or(u8::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a few steps")]
    let place = (share.clamp(0.0, 1.0) * step).round() as usize;
    levels.get(place).copied().unwrap_or(' ')
}

/// Spans of time of one length, the last of which holds now.
#[derive(Clone, Copy, Debug)]
struct Columns {
    /// Milliseconds of one.
    span: i64,
    /// The number of the first, counted from 1970.
    first: i64,
    width: usize,
}

impl Columns {
    fn new(now: Timestamp, width: usize) -> Self {
        let count = i64::try_from(width.max(1)).unwrap_or(i64::MAX);
        let span = (i64::try_from(SHOWN.as_millis()).unwrap_or(i64::MAX) / count).max(1);
        let last = now.as_millisecond().div_euclid(span);
        Self { span, first: last - (count - 1), width }
    }

    fn place(&self, at: Timestamp) -> Option<usize> {
        let place = usize::try_from(at.as_millisecond().div_euclid(self.span) - self.first).ok()?;
        (place < self.width).then_some(place)
    }

    fn means(&self, history: &History) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0_u32); self.width];
        for point in history.points() {
            if let Some((sum, count)) = self.place(point.at).and_then(|place| sums.get_mut(place)) {
                *sum += point.value.max(0.0);
                *count += 1;
            }
        }
        sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / f64::from(count))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_column_stays_where_it_is_on_the_clock() {
        let (one, later) = (Columns::new(at(36_000), 60), Columns::new(at(36_059), 60));
        assert_eq!((one.first, one.span), (later.first, 60_000));
        assert_eq!(one.place(at(36_000)), Some(59));
        assert_eq!(one.place(at(36_000 - 59 * 60)), Some(0));
        assert_eq!((one.place(at(36_060)), one.place(at(30_000))), (None, None));
        assert_eq!(Columns::new(at(36_060), 60).place(at(36_000)), Some(58));
    }

    #[test]
    fn bars_grow_with_the_share() {
        assert_eq!(level(&ASCII, 0.0), '_');
        assert_eq!(level(&ASCII, 1.0), '#');
        assert_eq!(level(&ASCII, f64::NAN), '_', "nothing breaks on what is no number");
    }
}
