//! Decides which lines are taken, and makes them ready to be kept.

use std::sync::Arc;

use super::trace::{Reading, Trace};
use super::{Level, MAX_LINE, sanitise};
use crate::config::LogFilter;

/// Reads the raw lines of one container in their order.
#[derive(Clone, Debug)]
pub struct Capture {
    filter: Arc<LogFilter>,
    trace: Trace,
    /// Whether the entry that a continuation would belong to was taken.
    taking: bool,
}

/// A line that the filter let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub level: Option<Level>,
    pub text: String,
}

impl Capture {
    /// A reader for a container of which nothing was read yet.
    #[must_use]
    pub fn new(filter: Arc<LogFilter>) -> Self {
        Self { filter, trace: Trace::default(), taking: false }
    }

    /// Reads the next line. `unread` is the number of its bytes that were left out
    /// already. `None` when the filter does not let it through; what continues a line
    /// shares that line's fate.
    pub fn read(&mut self, raw: &[u8], unread: usize) -> Option<Captured> {
        let text = sanitise(raw, MAX_LINE, unread);
        let Reading { level, continues } = self.trace.read(&text);
        let by_itself = match &*self.filter {
            LogFilter::Level(least) => level >= Some(*least),
            LogFilter::Pattern(pattern) => pattern.is_match(&text),
        };
        let taken = by_itself || (continues && self.taking);
        if !text.trim_start().is_empty() {
            self.taking = taken;
        }
        taken.then_some(Captured { level, text })
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn taken(filter: LogFilter, lines: &str) -> Vec<String> {
        let mut capture = Capture::new(Arc::new(filter));
        lines
            .lines()
            .filter_map(|line| capture.read(line.as_bytes(), 0))
            .map(|captured| captured.text)
            .collect()
    }

    #[test]
    fn a_level_takes_itself_and_worse_with_their_traces() {
        let lines = "INFO a\n  detail\nERROR b\n  at c\n\nCaused by: d\nWARN e\nFATAL f\nno level";
        assert_eq!(
            taken(LogFilter::Level(Level::Error), lines),
            ["ERROR b", "  at c", "Caused by: d", "FATAL f"]
        );
        assert_eq!(taken(LogFilter::Level(Level::Warn), "WARN e\n\x1b[31mno level"), ["WARN e"]);
    }

    #[test]
    fn a_pattern_takes_what_matches_and_what_continues_it() {
        let pattern = LogFilter::Pattern(Regex::new("time ?out").unwrap());
        assert_eq!(
            taken(pattern, "INFO timeout\n  at x\nINFO other\n  at y\n  time out"),
            ["INFO timeout", "  at x", "  time out"]
        );
    }
}
