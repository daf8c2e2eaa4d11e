//! Application logs as the room keeps them: bounded, merged, counted, grouped.
//!
//! Raw lines become [`LogLine`]s in the source's tasks ([`Capture`], [`shape`]), are put
//! in order there ([`Merge`]) and arrive as [`LogEvent`]s, which [`Logs::apply`] takes in.

mod blocks;
mod capture;
mod groups;
mod json;
mod level;
mod line;
mod merge;
mod sanitise;
mod scan;
mod selection;
mod shape;
mod store;
mod trace;
mod view;

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use regex::Regex;

pub use blocks::Text;
pub use capture::{Capture, Captured};
pub use groups::{Group, Groups, ShapeId};
pub use level::Level;
pub use line::{Entry, Gap, LogBatch, LogEvent, LogLine, LogNews, LogOrder, Origin, StreamStatus};
pub use merge::Merge;
pub use sanitise::{MAX_LINE, sanitise, sanitise_text};
pub use selection::{Criteria, Selection};
pub use shape::{MAX_SHAPE, shape};
pub use store::{Limits, LineRef, Reader, Store};
pub use trace::{Reading, Trace};
pub use view::{Mode, Place, Search, Step, Towards, View};

use crate::config;
use crate::sop::colour::Colour;
use crate::sop::verdict::NewError;

/// Most groups kept.
const MAX_GROUPS: usize = 500;

/// Stored lines looked at in one go for a new filter or search: about 2 ms.
const PORTION: u64 = 20_000;

/// Everything the room knows about the application's logs, and how it is looked at.
#[derive(Debug)]
pub struct Logs {
    filter: Arc<config::LogFilter>,
    generation: u64,
    store: Store,
    groups: Groups,
    view: View,
    streams: StreamStatus,
    read: u64,
    captured: u64,
    /// When the traffic was last switched, in the server's time: shapes that were first
    /// seen since then are marked as new.
    pub switched_at: Option<Timestamp>,
}

/// Which lines are captured.
#[derive(Clone, Debug)]
pub enum LogFilter {
    /// This level and worse.
    Level(Level),
    Pattern(Regex),
}

impl Logs {
    /// An empty log with the configured bounds and filter.
    #[must_use]
    pub fn new(config: &config::Logs) -> Self {
        let store = Store::new(Limits { lines: config.max_lines.max(1), bytes: config.max_bytes });
        Self {
            filter: Arc::new(config.filter.clone()),
            generation: 0,
            store,
            groups: Groups::new(MAX_GROUPS),
            view: View::default(),
            streams: StreamStatus::default(),
            read: 0,
            captured: 0,
            switched_at: None,
        }
    }

    /// What the source is to read, for its first start and after each change.
    #[must_use]
    pub fn order(&self) -> LogOrder {
        LogOrder { generation: self.generation, filter: Arc::clone(&self.filter) }
    }

    /// Captures other lines from now on. What was captured is removed: the history is in
    /// the pods, and the source begins with their last lines again. Send the order to it.
    pub fn set_filter(&mut self, filter: config::LogFilter) -> LogOrder {
        self.filter = Arc::new(filter);
        self.generation += 1;
        self.store.clear();
        self.groups.clear();
        (self.read, self.captured) = (0, 0);
        let criteria = Criteria { shape: None, ..self.view.criteria().clone() };
        self.view.place = Place::Following;
        self.view.group = None;
        self.view.narrow(criteria, &self.store, PORTION);
        self.order()
    }

    /// Kinds of error that `colour` wrote and that were first seen at or after `switched_at`.
    /// Without lines from before nobody can tell what is new: then there are none.
    #[must_use]
    pub fn new_errors(&self, switched_at: Timestamp, colour: Colour) -> Vec<NewError> {
        let ranked = self.groups.ranked(Some(switched_at));
        let new = self.groups.new_since(switched_at);
        if new == ranked.len() {
            return Vec::new();
        }
        ranked
            .into_iter()
            .take(new)
            .filter(|group| group.level >= Some(Level::Error) && group.colours[colour] > 0)
            .map(|group| NewError {
                shape: group.shape.to_string(),
                lines: group.colours[colour],
                last: group.last,
            })
            .collect()
    }

    /// Takes in what the source sent. Returns whether anything is different now.
    pub fn apply(&mut self, event: LogEvent) -> bool {
        if event.generation != self.generation {
            return false;
        }
        match event.news {
            LogNews::Status(status) => {
                let different = self.streams != status;
                self.streams = status;
                different
            }
            LogNews::Batch(batch) => {
                self.take_in(&batch);
                true
            }
        }
    }

    fn take_in(&mut self, batch: &LogBatch) {
        self.read += batch.read;
        for entry in &batch.entries {
            match entry {
                Entry::Line(line) => {
                    let shape = self.groups.count(line);
                    self.store.push(line, shape);
                    self.captured += 1;
                }
                Entry::Gap(gap) => {
                    self.store.push_gap(gap);
                }
            }
        }
        self.view.update(&self.store, PORTION);
    }

    /// Goes on looking at stored lines for a filter or search that was set. Call it on
    /// each tick while [`View::is_scanning`]; returns whether anything may look different.
    pub fn advance(&mut self) -> bool {
        let scanning = self.view.is_scanning();
        if scanning {
            self.view.update(&self.store, PORTION);
        }
        scanning
    }

    /// The capture filter in force.
    #[must_use]
    pub fn filter(&self) -> &config::LogFilter {
        &self.filter
    }

    /// The captured lines.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The captured lines by shape.
    #[must_use]
    pub const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// How the pane looks at them.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// How the streams are.
    #[must_use]
    pub const fn streams(&self) -> &StreamStatus {
        &self.streams
    }

    /// Lines read from the pods since the filter was set.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.read
    }

    /// Lines that the filter let through, those included that have been dropped since.
    #[must_use]
    pub const fn captured(&self) -> u64 {
        self.captured
    }

    /// The lines that a pane of `height` lines shows, from top to bottom. A pane that
    /// wraps draws them from the bottom up until it is full.
    #[must_use]
    pub fn visible(&self, height: usize) -> Vec<LineRef<'_>> {
        self.lines(self.view.window(height)).collect()
    }

    /// All lines that pass the view's filter, oldest first: for saving to a file.
    /// Complete only once [`View::is_scanning`] is false.
    pub fn selected(&self) -> impl Iterator<Item = LineRef<'_>> {
        self.lines(0..self.view.selection.len())
    }

    /// The lines at those ranks of the view's selection.
    fn lines(&self, ranks: Range<usize>) -> impl Iterator<Item = LineRef<'_>> {
        let mut reader = self.store.reader();
        ranks.filter_map(|rank| self.view.selection.at(rank)).filter_map(move |number| reader.get(number))
    }

    /// The groups in the order in which they are listed.
    #[must_use]
    pub fn ranked_groups(&self) -> Vec<&Group> {
        self.groups.ranked(self.switched_at)
    }

    /// Moves through the lines or groups of a pane that is `height` lines high.
    pub fn step(&mut self, step: Step, height: usize) {
        match self.view.mode {
            Mode::Lines => {
                if step == Step::Home {
                    self.view.update(&self.store, u64::MAX);
                }
                self.view.step(step, height);
            }
            Mode::Groups => self.choose_group(step, height),
        }
    }

    fn choose_group(&mut self, step: Step, height: usize) {
        let ranked = self.ranked_groups();
        let place = self.view.group.and_then(|id| ranked.iter().position(|group| group.id == id));
        let at = place.unwrap_or_default();
        let wanted = match step {
            _ if place.is_none() && !matches!(step, Step::End) => 0,
            Step::Up(by) => at.saturating_sub(by),
            Step::PageUp => at.saturating_sub(height),
            Step::Home => 0,
            Step::Down(by) => at.saturating_add(by),
            Step::PageDown => at.saturating_add(height),
            Step::End => usize::MAX,
        };
        let chosen = ranked.get(wanted.min(ranked.len().saturating_sub(1))).map(|group| group.id);
        self.view.group = chosen;
    }

    /// Shows lines or groups.
    pub const fn set_mode(&mut self, mode: Mode) {
        self.view.mode = mode;
    }

    /// Stands still, or follows the newest line.
    pub fn follow(&mut self, follow: bool) {
        self.view.follow(follow);
    }

    /// Breaks long lines, or cuts them at the pane's edge.
    pub const fn wrap(&mut self, wrap: bool) {
        self.view.wrap = wrap;
        self.view.sideways = 0;
    }

    /// Moves lines that are not wrapped by `columns`, to the left when positive.
    pub const fn sideways(&mut self, columns: i16) {
        if !self.view.wrap {
            self.view.sideways = self.view.sideways.saturating_add_signed(columns);
        }
    }

    /// Shows only some of the captured lines, or all of them again. A search goes on
    /// among those.
    pub fn narrow(&mut self, criteria: Criteria) {
        let criteria = Criteria { search: None, ..criteria };
        self.view.narrow(criteria, &self.store, PORTION);
    }

    /// Shows the lines of the chosen group alone. Returns whether one was chosen.
    pub fn open_group(&mut self) -> bool {
        let Some(shape) = self.view.group else { return false };
        self.narrow(Criteria { shape: Some(shape), ..self.view.criteria().clone() });
        self.view.mode = Mode::Lines;
        self.view.place = Place::Following;
        true
    }

    /// Searches for `pattern` among the shown lines and jumps to the match that is
    /// nearest to the lowest line, upwards. `None` ends the search.
    pub fn search(&mut self, pattern: Option<Regex>, height: usize) -> bool {
        let Some(pattern) = pattern else {
            self.view.search = None;
            return false;
        };
        self.view.begin_search(pattern, &self.store);
        self.view.update(&self.store, PORTION);
        self.jump(Towards::Older, height)
    }

    /// Jumps to the next match. Returns whether there was one.
    pub fn jump(&mut self, towards: Towards, height: usize) -> bool {
        // Towards the older lines the scan may not have come far enough yet.
        while !self.view.jump(towards, height) {
            if towards == Towards::Newer || !self.advance() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
