//! Lines grouped by their shape: what is said, how often, since when, by which colour.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::Level;
use super::line::LogLine;
use crate::sop::colour::PerColour;

/// Evicted shapes whose first time is still known, so that they are not taken for new
/// when they come again.
const REMEMBERED: usize = 4_096;

/// Names one shape for as long as the log is not cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeId(pub u32);

/// All lines of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: ShapeId,
    pub shape: Arc<str>,
    /// The worst level among its lines.
    pub level: Option<Level>,
    pub count: u64,
    pub colours: PerColour<u64>,
    /// The earliest and the latest line, in the server's time.
    pub first: Timestamp,
    pub last: Timestamp,
    /// The text of the newest line.
    pub example: Box<str>,
}

impl Group {
    /// Whether its first line was written at or after `switched_at`.
    #[must_use]
    pub fn is_new_since(&self, switched_at: Timestamp) -> bool {
        self.first >= switched_at
    }

    fn count_line(&mut self, line: &LogLine) {
        self.count += 1;
        self.colours[line.origin.colour] += 1;
        self.level = self.level.max(line.level);
        self.first = self.first.min(line.at);
        if line.at >= self.last {
            self.last = line.at;
            if *self.example != *line.text {
                self.example.clone_from(&line.text);
            }
        }
    }
}

/// The groups, bounded in number: the one that was quiet for longest gives way.
#[derive(Debug)]
pub struct Groups {
    bound: usize,
    groups: Vec<Group>,
    /// When each of `groups` was last counted, in lines; beside them, because it is looked
    /// through for every new shape.
    touched: Vec<u64>,
    /// Where a shape's group stands in `groups`.
    places: HashMap<Arc<str>, usize>,
    evicted: Evicted,
    turn: u64,
    ids: u32,
}

impl Groups {
    /// No groups yet, and never more than `bound`.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self {
            bound: bound.max(1),
            groups: Vec::new(),
            touched: Vec::new(),
            places: HashMap::new(),
            evicted: Evicted::default(),
            turn: 0,
            ids: 0,
        }
    }

    /// Counts a line and tells its shape's name.
    pub fn count(&mut self, line: &LogLine) -> ShapeId {
        self.turn += 1;
        if let Some(place) = self.places.get(&*line.shape)
            && let (Some(group), Some(touched)) = (self.groups.get_mut(*place), self.touched.get_mut(*place))
        {
            *touched = self.turn;
            group.count_line(line);
            return group.id;
        }
        self.begin(line)
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Shapes that had to give way since the last [`clear`](Self::clear).
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted.count
    }

    /// The group of that name, when it is there.
    #[must_use]
    pub fn get(&self, id: ShapeId) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The groups, those that are new since the switch first, then the most frequent.
    #[must_use]
    pub fn ranked(&self, switched_at: Option<Timestamp>) -> Vec<&Group> {
        let mut ranked: Vec<_> = self.groups.iter().collect();
        ranked.sort_by_key(|group| {
            let new = switched_at.is_some_and(|switch| group.is_new_since(switch));
            (Reverse(new), Reverse(group.count), group.id)
        });
        ranked
    }

    /// Number of shapes that were first seen since the switch.
    #[must_use]
    pub fn new_since(&self, switched_at: Timestamp) -> usize {
        self.groups.iter().filter(|group| group.is_new_since(switched_at)).count()
    }

    /// Forgets every group.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.touched.clear();
        self.places.clear();
        self.evicted = Evicted::default();
    }

    fn begin(&mut self, line: &LogLine) -> ShapeId {
        let shape: Arc<str> = Arc::from(&*line.shape);
        let id = ShapeId(self.ids);
        self.ids = self.ids.wrapping_add(1);
        let known = self.evicted.first_of(&shape);
        let mut group = Group {
            id,
            shape: Arc::clone(&shape),
            level: line.level,
            count: 0,
            colours: PerColour::default(),
            first: known.map_or(line.at, |first| first.min(line.at)),
            last: line.at,
            example: line.text.clone(),
        };
        group.count_line(line);
        let place = if self.groups.len() < self.bound {
            self.groups.push(group);
            self.touched.push(self.turn);
            self.groups.len() - 1
        } else {
            self.replace_quietest(group)
        };
        self.places.insert(shape, place);
        id
    }

    /// Puts the group in the place of the one that was quiet for longest.
    fn replace_quietest(&mut self, group: Group) -> usize {
        let quietest = self.touched.iter().enumerate().min_by_key(|(_, turn)| **turn);
        let place = quietest.map_or(0, |(place, _)| place);
        if let (Some(old), Some(touched)) = (self.groups.get_mut(place), self.touched.get_mut(place)) {
            let old = std::mem::replace(old, group);
            *touched = self.turn;
            self.places.remove(&old.shape);
            self.evicted.remember(&old);
        }
        place
    }
}

/// What is left of groups that gave way: when their shapes were first seen.
#[derive(Debug, Default)]
struct Evicted {
    count: u64,
    firsts: HashMap<Arc<str>, Timestamp>,
    order: VecDeque<Arc<str>>,
}

impl Evicted {
    fn first_of(&self, shape: &str) -> Option<Timestamp> {
        self.firsts.get(shape).copied()
    }

    fn remember(&mut self, group: &Group) {
        self.count += 1;
        if self.firsts.insert(Arc::clone(&group.shape), group.first).is_none() {
            self.order.push_back(Arc::clone(&group.shape));
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.firsts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::logs::line::Origin;
    use crate::room::logs::shape;
    use crate::sop::colour::Colour;

    fn line(colour: Colour, seconds: i64, text: &str) -> LogLine {
        LogLine {
            at: Timestamp::from_second(seconds).unwrap(),
            origin: Origin { pod: "p".into(), colour },
            level: Level::of(text),
            text: text.into(),
            shape: shape(text).into(),
            previous: false,
        }
    }

    fn shapes(groups: &Groups, switched_at: Option<i64>) -> Vec<(u64, String)> {
        let switched_at = switched_at.map(|at| Timestamp::from_second(at).unwrap());
        groups.ranked(switched_at).iter().map(|group| (group.count, group.shape.to_string())).collect()
    }

    #[test]
    fn repeats_are_counted_by_colour_with_their_times() {
        let mut groups = Groups::new(10);
        let id = groups.count(&line(Colour::Blue, 20, "WARN took 3ms"));
        assert_eq!(groups.count(&line(Colour::Green, 30, "WARN took 412ms")), id);
        assert_eq!(groups.count(&line(Colour::Green, 10, "WARN took 5ms")), id);
        let group = groups.get(id).unwrap();
        assert_eq!((group.count, group.colours.blue, group.colours.green), (3, 1, 2));
        assert_eq!((group.first.as_second(), group.last.as_second()), (10, 30));
        assert_eq!((&*group.shape, &*group.example), ("WARN took <n>ms", "WARN took 412ms"));
        assert_eq!(group.level, Some(Level::Warn));
    }

    #[test]
    fn what_is_new_since_the_switch_stands_first() {
        let mut groups = Groups::new(10);
        for (at, text) in [(1, "old"), (2, "old"), (50, "old"), (50, "new b"), (51, "new a"), (52, "new a")] {
            groups.count(&line(Colour::Green, at, text));
        }
        assert_eq!(shapes(&groups, Some(50)), [(2, "new a".into()), (1, "new b".into()), (3, "old".into())]);
        assert_eq!(shapes(&groups, None)[0], (3, "old".into()));
        assert_eq!(groups.new_since(Timestamp::from_second(50).unwrap()), 2);
    }

    #[test]
    fn the_quietest_shape_gives_way_and_is_not_new_when_it_returns() {
        let mut groups = Groups::new(2);
        for (at, text) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            groups.count(&line(Colour::Blue, at, text));
        }
        assert_eq!(groups.evicted(), 1);
        assert_eq!(shapes(&groups, None), [(2, "a".into()), (1, "c".into())]);
        let id = groups.count(&line(Colour::Blue, 60, "b"));
        assert_eq!(groups.get(id).unwrap().first.as_second(), 2);
        assert_eq!(groups.len(), 2);
        groups.clear();
        assert!(groups.is_empty() && groups.evicted() == 0);
    }
}
