//! The captured lines, bounded in number and in bytes; the oldest give way.
//!
//! Texts lie in [`blocks`](super::blocks); a line itself is a small header. Line
//! numbers count from the first line ever stored and never change, so that a view which
//! stands still stays where it is while lines arrive and leave.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::blocks::{BLOCK, Blocks, Place, Text, Unpacker};
use super::groups::ShapeId;
use super::line::{Gap, LogLine, Origin};
use super::{Level, scan};

/// The bounds of a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub lines: usize,
    /// Bytes of text.
    pub bytes: usize,
}

/// One line as it is kept.
#[derive(Clone, Copy, Debug)]
struct Header {
    /// Nanoseconds since 1970.
    at: i64,
    shape: u32,
    text: Place,
    pod: u16,
    level: Option<Level>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Previous,
    Gap,
}

/// One stored line, borrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRef<'s> {
    /// Its number, for good.
    pub number: u64,
    pub at: Timestamp,
    pub origin: &'s Origin,
    pub level: Option<Level>,
    pub text: Text<'s>,
    /// The group that it belongs to; `None` for the mark of a gap.
    pub shape: Option<ShapeId>,
    /// Written by the container's previous run.
    pub previous: bool,
    /// Not a line, but the mark that lines may be missing here.
    pub gap: bool,
}

impl LineRef<'_> {
    /// The text without the time that it begins with, for where [`LineRef::at`] stands beside it.
    #[must_use]
    pub fn said(&self) -> &str {
        self.text.get(scan::leading_time(&self.text)..).unwrap_or(&self.text)
    }

    /// The whole line for a file or the clipboard: time, colour, pod, text.
    #[must_use]
    pub fn plain(&self) -> String {
        let run = if self.previous { " (previous run)" } else { "" };
        format!("{} {} {}{run} {}", self.at, self.origin.colour, self.origin.pod, &*self.text)
    }
}

/// The captured lines.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    lines: VecDeque<Header>,
    /// The number of the first line that is still there.
    first: u64,
    texts: Blocks,
    bytes: usize,
    dropped: u64,
    origins: Origins,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            lines: VecDeque::new(),
            first: 0,
            texts: Blocks::default(),
            bytes: 0,
            dropped: 0,
            origins: Origins::default(),
        }
    }

    /// Number of the first line that is still there.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Number that the next line will get.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// Number of lines that are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether no line is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Bytes of text that are there.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lines that had to give way since the last [`clear`](Self::clear).
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Adds a line and returns its number.
    pub fn push(&mut self, line: &LogLine, shape: ShapeId) -> u64 {
        let kind = if line.previous { Kind::Previous } else { Kind::Line };
        self.add(line.at, &line.origin, line.level, &line.text, kind, shape.0)
    }

    /// Adds the mark of a gap and returns its number.
    pub fn push_gap(&mut self, gap: &Gap) -> u64 {
        let text = match gap.since {
            Some(since) => format!("lines may be missing since {since}"),
            None => "earlier lines may be missing".to_owned(),
        };
        self.add(gap.until, &gap.origin, None, &text, Kind::Gap, 0)
    }

    /// The line of that number, when it is there. For several of them see
    /// [`reader`](Self::reader).
    #[must_use]
    pub fn get(&self, number: u64) -> Option<LineRef<'_>> {
        self.reader().get(number)
    }

    /// Reads lines one after the other, for less than each by itself.
    #[must_use]
    pub const fn reader(&self) -> Reader<'_> {
        Reader { store: self, texts: Unpacker::new(&self.texts) }
    }

    /// All lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = LineRef<'_>> {
        let mut reader = self.reader();
        (self.first..self.end()).filter_map(move |number| reader.get(number))
    }

    /// Removes every line. Numbers go on from where they were.
    pub fn clear(&mut self) {
        self.first = self.end();
        self.lines = VecDeque::new();
        self.texts.forget_before(None);
        self.bytes = 0;
        self.dropped = 0;
        self.origins = Origins::default();
    }

    fn add(
        &mut self,
        at: Timestamp,
        origin: &Origin,
        level: Option<Level>,
        text: &str,
        kind: Kind,
        shape: u32,
    ) -> u64 {
        let text = scan::head(text, (BLOCK - 1).min(self.limits.bytes));
        while !self.lines.is_empty()
            && (self.lines.len() >= self.limits.lines || self.bytes + text.len() > self.limits.bytes)
        {
            self.drop_oldest();
        }
        let pod = loop {
            match self.origins.enter(origin) {
                Some(pod) => break pod,
                None => self.drop_oldest(),
            }
        };
        let place = self.texts.write(text);
        self.reserve();
        let number = self.end();
        self.bytes += text.len();
        self.lines.push_back(Header {
            at: i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX),
            shape,
            text: place,
            pod,
            level,
            kind,
        });
        number
    }

    /// Grows the list of headers by doubling, but never beyond the bound.
    fn reserve(&mut self) {
        let length = self.lines.len();
        if length == self.lines.capacity() {
            let more = length.max(256).min(self.limits.lines.saturating_sub(length).max(1));
            self.lines.reserve_exact(more);
        }
    }

    fn drop_oldest(&mut self) {
        let Some(header) = self.lines.pop_front() else { return };
        self.first += 1;
        self.dropped += 1;
        self.bytes -= usize::from(header.text.length);
        self.origins.leave(header.pod);
        self.texts.forget_before(self.lines.front().map(|header| header.text.block));
    }
}

/// Reads stored lines.
#[derive(Debug)]
pub struct Reader<'s> {
    store: &'s Store,
    texts: Unpacker<'s>,
}

impl<'s> Reader<'s> {
    /// The line of that number, when it is there.
    pub fn get(&mut self, number: u64) -> Option<LineRef<'s>> {
        let store = self.store;
        let index = usize::try_from(number.checked_sub(store.first)?).ok()?;
        let header = store.lines.get(index)?;
        Some(LineRef {
            number,
            at: Timestamp::from_nanosecond(i128::from(header.at)).unwrap_or(Timestamp::UNIX_EPOCH),
            origin: store.origins.get(header.pod)?,
            level: header.level,
            text: self.texts.text(header.text)?,
            shape: (header.kind != Kind::Gap).then_some(ShapeId(header.shape)),
            previous: header.kind == Kind::Previous,
            gap: header.kind == Kind::Gap,
        })
    }
}

/// The pods of the stored lines, each once. A place is free again when the pod's last
/// line has gone.
#[derive(Debug, Default)]
struct Origins {
    places: Vec<(Origin, u32)>,
    numbers: HashMap<Origin, u16>,
    free: Vec<u16>,
}

impl Origins {
    fn get(&self, number: u16) -> Option<&Origin> {
        self.places.get(usize::from(number)).map(|(origin, _)| origin)
    }

    /// Counts one line of `origin`. `None` when every number is taken.
    fn enter(&mut self, origin: &Origin) -> Option<u16> {
        let number = match self.numbers.get(origin) {
            Some(number) => *number,
            None => self.place(origin)?,
        };
        self.places.get_mut(usize::from(number))?.1 += 1;
        Some(number)
    }

    fn place(&mut self, origin: &Origin) -> Option<u16> {
        let number = match self.free.pop() {
            Some(number) => {
                *self.places.get_mut(usize::from(number))? = (origin.clone(), 0);
                number
            }
            None => {
                let number = u16::try_from(self.places.len()).ok()?;
                self.places.push((origin.clone(), 0));
                number
            }
        };
        self.numbers.insert(origin.clone(), number);
        Some(number)
    }

    fn leave(&mut self, number: u16) {
        let Some((origin, lines)) = self.places.get_mut(usize::from(number)) else { return };
        *lines -= 1;
        if *lines == 0 {
            self.numbers.remove(origin);
            self.free.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sop::colour::Colour;

    fn line(pod: &str, seconds: i64, text: &str) -> LogLine {
        LogLine {
            at: Timestamp::from_second(seconds).unwrap(),
            origin: Origin { pod: pod.into(), colour: Colour::Green },
            level: Some(Level::Error),
            text: text.into(),
            shape: text.into(),
            previous: false,
        }
    }

    fn texts(store: &Store) -> Vec<String> {
        store.iter().map(|line| line.text.to_string()).collect()
    }

    #[test]
    fn a_line_costs_little_beside_its_text() {
        assert!(size_of::<Header>() <= 32, "{}", size_of::<Header>());
        let mut store = Store::new(Limits { lines: 3_000, bytes: 1 << 20 });
        for number in 0..4_000 {
            store.push(&line("p", number, "a text of about this many bytes"), ShapeId(1));
        }
        assert_eq!(store.lines.capacity(), 3_000);
        assert!(store.texts.taken() <= 3 * BLOCK, "{}", store.texts.taken());
    }

    #[test]
    fn what_packs_badly_takes_no_more_than_its_text() {
        let mut store = Store::new(Limits { lines: 10_000, bytes: 1 << 20 });
        let mut noise = 1_u64;
        let mut random = || {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            char::from_u32(u32::try_from(0x4e00 + noise % 20_000).unwrap()).unwrap()
        };
        let lines: Vec<String> = (0..5_000).map(|_| (0..30).map(|_| random()).collect()).collect();
        for text in &lines {
            store.push(&line("p", 0, text), ShapeId(0));
        }
        assert!(store.texts.taken() <= store.bytes() + 3 * BLOCK, "{}", store.texts.taken());
        assert_eq!(texts(&store), lines);
    }

    #[test]
    fn lines_come_back_as_they_were() {
        let mut store = Store::new(Limits { lines: 10, bytes: 1_000 });
        let mut stored = line("pod", 1_700_000_000, "é 漢字");
        stored.previous = true;
        assert_eq!(store.push(&stored, ShapeId(7)), 0);
        let back = store.get(0).unwrap();
        assert_eq!((back.at, back.origin, back.level), (stored.at, &stored.origin, stored.level));
        assert_eq!((&*back.text, back.shape, back.previous), ("é 漢字", Some(ShapeId(7)), true));
        assert_eq!(back.plain(), "2023-11-14T22:13:20Z green pod (previous run) é 漢字");
        let gap = Gap { origin: stored.origin.clone(), since: Some(stored.at), until: stored.at };
        let gap = store.push_gap(&gap);
        let gap = store.get(gap).unwrap();
        assert!(gap.gap && gap.shape.is_none());
        assert_eq!(gap.text, "lines may be missing since 2023-11-14T22:13:20Z");
        assert_eq!(store.get(2), None);
    }

    #[test]
    fn the_oldest_give_way_and_numbers_stay() {
        let mut store = Store::new(Limits { lines: 3, bytes: 1_000 });
        for number in 0..5 {
            store.push(&line(&format!("p{number}"), number, &number.to_string()), ShapeId(0));
        }
        assert_eq!(texts(&store), ["2", "3", "4"]);
        assert_eq!((store.first(), store.end(), store.dropped()), (2, 5, 2));
        assert_eq!((store.get(1), &*store.get(4).unwrap().text), (None, "4"));
        store.clear();
        assert!(store.is_empty() && store.bytes() == 0 && store.first() == 5);
        assert_eq!(store.push(&line("p", 0, "again"), ShapeId(0)), 5);
        assert_eq!(texts(&store), ["again"]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut store = Store::new(Limits { lines: 100, bytes: 10 });
        for text in ["aaaa", "bbbb", "cccc", "a text that is longer than everything"] {
            store.push(&line("p", 0, text), ShapeId(0));
            assert!(store.bytes() <= 10);
        }
        assert_eq!(texts(&store), ["a text tha"]);
    }

    proptest! {
        #[test]
        fn it_holds_the_newest_lines_that_fit(
            lines in proptest::collection::vec((0_u8..5, 0_usize..40), 0..150),
            most in 1_usize..50, bytes in 50_usize..2_000,
        ) {
            let mut store = Store::new(Limits { lines: most, bytes });
            let mut model: VecDeque<(String, String)> = VecDeque::new();
            for (number, (pod, length)) in lines.into_iter().enumerate() {
                let text = format!("{number}{}", "é".repeat(length));
                store.push(&line(&pod.to_string(), 0, &text), ShapeId(0));
                let text = scan::head(&text, bytes).to_owned();
                model.push_back((pod.to_string(), text));
                let size = |model: &VecDeque<(String, String)>| model.iter().map(|(_, text)| text.len()).sum::<usize>();
                while model.len() > most || size(&model) > bytes {
                    model.pop_front();
                }
                prop_assert_eq!(store.bytes(), size(&model));
            }
            let kept: Vec<_> = store.iter().map(|line| (line.origin.pod.to_string(), line.text.to_string())).collect();
            prop_assert_eq!(kept, Vec::from(model));
            prop_assert!(store.origins.numbers.len() <= 5);
        }
    }
}
