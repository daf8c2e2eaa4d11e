//! What the source tells the room about logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Level;
use crate::config::LogFilter;
use crate::sop::colour::Colour;

/// A pod whose log is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub pod: Arc<str>,
    pub colour: Colour,
}

/// One captured line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the node wrote it, as the server says.
    pub at: Timestamp,
    pub origin: Origin,
    /// `None` when the line tells none.
    pub level: Option<Level>,
    /// Sanitised, one line, at most [`MAX_LINE`](super::MAX_LINE) bytes and the mark of a cut.
    pub text: Box<str>,
    /// Its [`shape`](super::shape).
    pub shape: Box<str>,
    /// Written by the container's previous run.
    pub previous: bool,
}

/// A place where lines may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub origin: Origin,
    /// The last line that was read before the gap; `None` when there was none.
    pub since: Option<Timestamp>,
    /// The first line after it.
    pub until: Timestamp,
}

/// What stands in the log: a line, or a mark that something may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Line(LogLine),
    Gap(Gap),
}

impl Entry {
    /// Its place in time.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Line(line) => line.at,
            Self::Gap(gap) => gap.until,
        }
    }
}

/// Entries in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogBatch {
    pub entries: Vec<Entry>,
    /// Lines read since the last batch, captured or not.
    pub read: u64,
}

/// What the source sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// The generation of the [`LogOrder`] that it answers. What answers an older order is void.
    pub generation: u64,
    pub news: LogNews,
}

/// The two kinds of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogNews {
    Batch(LogBatch),
    /// How the streams are; replaces the status before.
    Status(StreamStatus),
}

/// Which pods are read, and what is wrong with the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamStatus {
    /// Pods of both colours that are known.
    pub total: usize,
    /// Pods that a stream is kept for.
    pub followed: usize,
    /// Streams that are connected now.
    pub connected: usize,
    /// Pods without a stream, because there are more than the most allowed.
    pub left_out: Vec<Arc<str>>,
    /// Pods whose container has not started yet: nothing to read, and no error.
    pub waiting: Vec<Arc<str>>,
    /// What keeps a pod's log from being read, in words for the operator.
    pub troubles: BTreeMap<Arc<str>, String>,
}

/// What the room asks of the source.
#[derive(Clone, Debug)]
pub struct LogOrder {
    /// Grows with each order; a new one makes the source begin again.
    pub generation: u64,
    pub filter: Arc<LogFilter>,
}
