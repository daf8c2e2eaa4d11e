//! Where the log pane looks: lines or groups, which of them, how far down.

use regex::Regex;

use super::groups::ShapeId;
use super::selection::{Criteria, Selection};
use super::store::Store;

/// What the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Lines,
    Groups,
}

/// Where the lines are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The newest line is the lowest.
    #[default]
    Following,
    /// The line of this number is the lowest, whatever arrives. While it has not that
    /// many lines above it to fill the pane, the pane is filled from below.
    Paused { bottom: u64 },
}

/// A search among the shown lines.
#[derive(Clone, Debug)]
pub struct Search {
    pub pattern: Regex,
    /// The line that was jumped to.
    pub hit: Option<u64>,
    found: Selection,
}

impl Search {
    /// Matching lines found so far; all of them when [`is_complete`](Self::is_complete).
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether every stored line was searched.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.found.is_complete()
    }

    /// The place of the current hit among the matches, 1 being the oldest: "3 of 17".
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.hit.map(|hit| self.found.rank(hit) + 1)
    }
}

/// A step through the lines or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Up(usize),
    Down(usize),
    PageUp,
    PageDown,
    /// The oldest.
    Home,
    /// The newest, and follow.
    End,
}

/// Which match of a search is jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    Older,
    Newer,
}

/// The state of the log pane.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub mode: Mode,
    pub wrap: bool,
    /// Columns that lines are moved to the left; 0 when they wrap.
    pub sideways: u16,
    pub(super) place: Place,
    pub(super) selection: Selection,
    pub(super) search: Option<Search>,
    /// The chosen group.
    pub(super) group: Option<ShapeId>,
}

impl View {
    /// Where the lines are looked at.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Whether the newest line is always shown.
    #[must_use]
    pub const fn is_following(&self) -> bool {
        matches!(self.place, Place::Following)
    }

    /// Which lines are shown.
    #[must_use]
    pub const fn criteria(&self) -> &Criteria {
        self.selection.criteria()
    }

    /// The shown lines as numbers.
    #[must_use]
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The search, when there is one.
    #[must_use]
    pub const fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    /// The chosen group.
    #[must_use]
    pub const fn group(&self) -> Option<ShapeId> {
        self.group
    }

    /// Whether stored lines are still to be looked at for the filter or the search.
    #[must_use]
    pub fn is_scanning(&self) -> bool {
        !self.selection.is_complete() || self.search.as_ref().is_some_and(|search| !search.is_complete())
    }

    /// Ranks of the shown lines: the last `height` that end at the pane's lowest line.
    #[must_use]
    pub fn window(&self, height: usize) -> std::ops::Range<usize> {
        let end = match self.place {
            Place::Following => self.selection.len(),
            Place::Paused { bottom } => {
                let above = self.selection.rank_at_or_before(bottom).map_or(0, |rank| rank + 1);
                above.max(height).min(self.selection.len())
            }
        };
        end.saturating_sub(height)..end
    }

    /// Looks at more stored lines; see [`Selection::update`].
    pub(super) fn update(&mut self, store: &Store, portion: u64) {
        self.selection.update(store, portion);
        if let Some(search) = &mut self.search {
            search.found.update(store, portion);
        }
    }

    /// Stands still, or follows again.
    pub(super) fn follow(&mut self, follow: bool) {
        let newest = self.selection.len().checked_sub(1).and_then(|rank| self.selection.at(rank));
        self.place = match newest {
            Some(bottom) if !follow => Place::Paused { bottom },
            _ => Place::Following,
        };
    }

    /// Moves through the lines of a pane that is `height` lines high.
    pub(super) fn step(&mut self, step: Step, height: usize) {
        let end = self.window(height).end;
        let page = height.saturating_sub(1).max(1);
        let wanted = match step {
            Step::Up(lines) => end.saturating_sub(lines),
            Step::PageUp => end.saturating_sub(page),
            Step::Home => 0,
            Step::Down(lines) => end.saturating_add(lines),
            Step::PageDown => end.saturating_add(page),
            Step::End => usize::MAX,
        };
        // Past the newest line there is nothing to stand on but the end itself.
        if wanted > self.selection.len() {
            self.place = Place::Following;
            return;
        }
        self.stand_at(wanted.max(height).saturating_sub(1));
    }

    /// Stands still with the line at `rank`, or the newest, as the lowest.
    fn stand_at(&mut self, rank: usize) {
        let last = self.selection.len().saturating_sub(1);
        if let Some(bottom) = self.selection.at(rank.min(last)) {
            self.place = Place::Paused { bottom };
        }
    }

    /// Shows other lines, standing as near as possible to where it stood.
    pub(super) fn narrow(&mut self, criteria: Criteria, store: &Store, portion: u64) {
        let pattern = self.search.take().map(|search| search.pattern);
        self.selection = Selection::new(criteria, store);
        if let Some(pattern) = pattern {
            self.begin_search(pattern, store);
        }
        self.update(store, portion);
    }

    /// Searches for `pattern` among the shown lines.
    pub(super) fn begin_search(&mut self, pattern: Regex, store: &Store) {
        let criteria = Criteria { search: Some(pattern.clone()), ..self.criteria().clone() };
        self.search = Some(Search { pattern, hit: None, found: Selection::new(criteria, store) });
    }

    /// Jumps to the next match from the current one, or from the lowest shown line.
    /// Returns whether there was one.
    pub(super) fn jump(&mut self, towards: Towards, height: usize) -> bool {
        let window = self.window(height);
        let Some(search) = &mut self.search else { return false };
        let lowest = window.end.checked_sub(1).and_then(|rank| self.selection.at(rank));
        let rank = match (search.hit, towards) {
            (Some(hit), Towards::Older) => search.found.rank(hit).checked_sub(1),
            (Some(hit), Towards::Newer) => Some(search.found.rank(hit + 1)),
            (None, _) => lowest.and_then(|lowest| search.found.rank_at_or_before(lowest)),
        };
        let Some(hit) = rank.and_then(|rank| search.found.at(rank)) else { return false };
        search.hit = Some(hit);
        let rank = self.selection.rank(hit);
        if window.contains(&rank) {
            let lowest = window.end.saturating_sub(1);
            self.stand_at(lowest);
        } else {
            self.stand_at((rank + height / 2).max(height.saturating_sub(1)));
        }
        true
    }
}
