//! Which lines stay when there is not room for all.

use ratatui::text::Line;

/// How much a line is worth: of those that do not fit the last of these go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// What is chosen, failed, waits or goes on, and how far the run is.
    Must,
    /// A stage next to that.
    Near,
    /// Pull request and chain.
    Release,
    /// The log of what failed.
    Log,
    /// Which run it is.
    Head,
    /// A stage so many lines away from what stays.
    Far(usize),
    /// What was decided.
    Past,
}

/// A line with its weight.
pub(super) type Weighed = (Weight, Line<'static>);

/// The weight of a stage that is so many lines away from what stays.
pub(super) const fn stage(distance: usize) -> Weight {
    match distance {
        0 => Weight::Must,
        1 | 2 => Weight::Near,
        far => Weight::Far(far),
    }
}

/// As many lines as there are rows, in their order; of equals the first go first, because
/// what comes later is newer.
pub(super) fn fitted(mut lines: Vec<Weighed>, rows: usize) -> Vec<Line<'static>> {
    while lines.len() > rows {
        let lightest = lines.iter().map(|(weight, _)| *weight).max().unwrap_or(Weight::Must);
        let Some(at) = lines.iter().position(|(weight, _)| *weight == lightest) else { break };
        if lightest == Weight::Must {
            break;
        }
        lines.remove(at);
    }
    lines.into_iter().map(|(_, line)| line).take(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_goes_first_and_what_must_stay_stays() {
        let lines = || -> Vec<Weighed> {
            [
                (Weight::Head, "head"),
                (Weight::Past, "past"),
                (stage(3), "far"),
                (stage(1), "near"),
                (stage(0), "chosen"),
                (stage(4), "farther"),
            ]
            .map(|(weight, words)| (weight, Line::raw(words)))
            .into()
        };
        let left = |rows| -> Vec<String> {
            fitted(lines(), rows).into_iter().map(|line| line.to_string()).collect()
        };
        assert_eq!(left(9).len(), 6);
        assert_eq!(left(4), ["head", "far", "near", "chosen"]);
        assert_eq!(left(3), ["head", "near", "chosen"]);
        assert_eq!(left(1), ["chosen"]);
        assert!(left(0).is_empty());
    }
}
