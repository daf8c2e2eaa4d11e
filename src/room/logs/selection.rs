//! Which stored lines a view shows, kept up to date as lines arrive and leave.
//!
//! Looking at every stored line for every frame would cost too much. A selection looks
//! at each line once: new ones as they come, old ones from the newest to the oldest in
//! portions, so that the newest matches are there at once.

use std::collections::VecDeque;
use std::sync::Arc;

use regex::Regex;

use super::Level;
use super::groups::ShapeId;
use super::store::{LineRef, Store};
use crate::sop::colour::Colour;

/// What a line must be to be shown. Every condition that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Criteria {
    pub colour: Option<Colour>,
    pub pod: Option<Arc<str>>,
    /// This level and worse.
    pub level: Option<Level>,
    pub text: Option<Regex>,
    pub shape: Option<ShapeId>,
    /// What is searched for, beside the filter.
    pub search: Option<Regex>,
}

impl Criteria {
    /// Whether every line is shown.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { colour, pod, level, text, shape, search } = self;
        colour.is_none()
            && pod.is_none()
            && level.is_none()
            && text.is_none()
            && shape.is_none()
            && search.is_none()
    }

    /// Whether the line is shown. The mark of a gap has no level, text or shape of its
    /// own: it is shown wherever its pod is, and never found by a search.
    #[must_use]
    pub fn matches(&self, line: &LineRef<'_>) -> bool {
        self.colour.is_none_or(|colour| line.origin.colour == colour)
            && self.pod.as_ref().is_none_or(|pod| line.origin.pod == *pod)
            && if line.gap {
                self.search.is_none()
            } else {
                self.level.is_none_or(|level| line.level >= Some(level))
                    && self.shape.is_none_or(|shape| line.shape == Some(shape))
                    && self.text.as_ref().is_none_or(|text| text.is_match(&line.text))
                    && self.search.as_ref().is_none_or(|search| search.is_match(&line.text))
            }
    }
}

/// The numbers of the lines that match, in order.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    criteria: Criteria,
    hits: VecDeque<u64>,
    /// The stored lines, as they were at the last update.
    stored: (u64, u64),
    /// The part of them that was looked at.
    seen: (u64, u64),
}

impl Selection {
    /// A selection that has not looked at anything yet.
    #[must_use]
    pub fn new(criteria: Criteria, store: &Store) -> Self {
        let end = store.end();
        Self { criteria, hits: VecDeque::new(), stored: (end, end), seen: (end, end) }
    }

    /// What is selected.
    #[must_use]
    pub const fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// Looks at the lines that came since the last time, and at up to `portion` older
    /// ones that it has not seen. Forgets those that have gone.
    pub fn update(&mut self, store: &Store, portion: u64) {
        self.stored = (store.first(), store.end());
        if self.criteria.is_empty() {
            self.seen = self.stored;
            return;
        }
        while self.hits.front().is_some_and(|hit| *hit < store.first()) {
            self.hits.pop_front();
        }
        self.seen = (self.seen.0.max(store.first()), self.seen.1.max(store.first()));
        let criteria = &self.criteria;
        let mut reader = store.reader();
        let mut matches = |number: &u64| reader.get(*number).is_some_and(|line| criteria.matches(&line));
        self.hits.extend((self.seen.1..store.end()).filter(&mut matches));
        let from = self.seen.0.saturating_sub(portion).max(store.first());
        for hit in (from..self.seen.0).rev().filter(matches) {
            self.hits.push_front(hit);
        }
        self.seen = (from, store.end());
    }

    /// Whether every stored line was looked at. Until then [`len`](Self::len) is a lower bound.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.seen.0 == self.stored.0
    }

    /// Number of matching lines found.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.criteria.is_empty() {
            return usize::try_from(self.stored.1 - self.stored.0).unwrap_or(usize::MAX);
        }
        self.hits.len()
    }

    /// Whether no line matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the matching line at `rank`, the oldest being 0.
    #[must_use]
    pub fn at(&self, rank: usize) -> Option<u64> {
        if self.criteria.is_empty() {
            return (rank < self.len()).then(|| self.stored.0 + rank as u64);
        }
        self.hits.get(rank).copied()
    }

    /// How many matching lines have a lower number.
    #[must_use]
    pub fn rank(&self, number: u64) -> usize {
        if self.criteria.is_empty() {
            let below = number.clamp(self.stored.0, self.stored.1) - self.stored.0;
            return usize::try_from(below).unwrap_or(usize::MAX);
        }
        self.hits.partition_point(|hit| *hit < number)
    }

    /// The rank of the last matching line whose number is at most `number`.
    #[must_use]
    pub fn rank_at_or_before(&self, number: u64) -> Option<usize> {
        self.rank(number.saturating_add(1)).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::room::logs::line::{Gap, LogLine, Origin};
    use crate::room::logs::store::Limits;

    fn push(store: &mut Store, text: &str) {
        let colour = if text.contains('b') { Colour::Blue } else { Colour::Green };
        let line = LogLine {
            at: Timestamp::UNIX_EPOCH,
            origin: Origin { pod: "p".into(), colour },
            level: None,
            text: text.into(),
            shape: "".into(),
            previous: false,
        };
        store.push(&line, ShapeId(0));
    }

    #[test]
    fn the_newest_matches_are_there_before_the_oldest() {
        let mut store = Store::new(Limits { lines: 100, bytes: 10_000 });
        for number in 0..10 {
            push(&mut store, if number % 3 == 0 { "find" } else { "other" });
        }
        let criteria = Criteria { text: Some(Regex::new("find").unwrap()), ..Criteria::default() };
        let mut selection = Selection::new(criteria, &store);
        selection.update(&store, 4);
        assert_eq!((selection.at(0), selection.at(1), selection.is_complete()), (Some(6), Some(9), false));
        selection.update(&store, 100);
        assert_eq!((selection.len(), selection.at(0), selection.is_complete()), (4, Some(0), true));
        assert_eq!((selection.rank_at_or_before(5), selection.rank_at_or_before(6)), (Some(1), Some(2)));
    }

    #[test]
    fn a_gap_is_shown_with_its_pod_and_never_found() {
        let mut store = Store::new(Limits { lines: 100, bytes: 10_000 });
        let origin = Origin { pod: "p".into(), colour: Colour::Green };
        store.push_gap(&Gap { origin, since: None, until: Timestamp::UNIX_EPOCH });
        let gap = store.get(0).unwrap();
        let any = Regex::new("").unwrap();
        assert!(Criteria { text: Some(Regex::new("x").unwrap()), ..Criteria::default() }.matches(&gap));
        assert!(!Criteria { search: Some(any), ..Criteria::default() }.matches(&gap));
        assert!(!Criteria { colour: Some(Colour::Blue), ..Criteria::default() }.matches(&gap));
    }

    proptest! {
        /// However updates and arrivals are interleaved, the selection is what a full search finds.
        #[test]
        fn it_is_always_what_a_full_search_finds(
            steps in proptest::collection::vec(("[ab]{1,3}", 0_u64..4), 1..80), most in 1_usize..30, filtered: bool,
        ) {
            let mut store = Store::new(Limits { lines: most, bytes: 10_000 });
            let colour = filtered.then_some(Colour::Blue);
            let criteria = Criteria { colour, ..Criteria::default() };
            let mut selection = Selection::new(criteria.clone(), &store);
            for (text, portion) in steps {
                push(&mut store, &text);
                if portion > 0 {
                    selection.update(&store, portion);
                }
            }
            selection.update(&store, 1_000);
            let wanted: Vec<_> = store.iter().filter(|line| criteria.matches(line)).map(|line| line.number).collect();
            let found: Vec<_> = (0..selection.len()).filter_map(|rank| selection.at(rank)).collect();
            prop_assert_eq!(&found, &wanted);
            for (rank, number) in wanted.iter().enumerate() {
                prop_assert_eq!(selection.rank(*number), rank);
            }
        }
    }
}
