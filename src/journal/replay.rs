//! The journal read back, whatever state a crash has left it in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use super::entry::{Before, Entry, What};
use crate::sop::operation::{OperationId, Order};

/// Longest line that is taken for an entry; a verify of thousands of pods stays below.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// Iterates over the entries, oldest first. Lines that are none are passed over and
/// counted; so is a file that can no longer be read.
#[derive(Debug)]
pub struct Replay {
    file: Option<BufReader<File>>,
    garbage: usize,
}

impl Replay {
    pub(super) fn of(file: File) -> Self {
        Self { file: Some(BufReader::new(file)), garbage: 0 }
    }

    pub(super) const fn empty() -> Self {
        Self { file: None, garbage: 0 }
    }

    /// How many lines so far were no entries.
    #[must_use]
    pub const fn garbage(&self) -> usize {
        self.garbage
    }

    /// The next line, bounded; `None` at the end.
    fn line(&mut self) -> Option<Vec<u8>> {
        let file = self.file.as_mut()?;
        let mut line = Vec::new();
        match file.take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) if line.last() == Some(&b'\n') || (line.len() as u64) < LONGEST_LINE => Some(line),
            Ok(_) => {
                skip_line(file);
                Some(Vec::from(b"too long".as_slice()))
            }
            Err(error) => {
                tracing::warn!("the journal cannot be read further: {error}");
                self.garbage += 1;
                None
            }
        }
    }
}

fn skip_line(file: &mut BufReader<File>) {
    loop {
        let (used, ended) = match file.fill_buf() {
            Ok([]) | Err(_) => return,
            Ok(bytes) => {
                bytes.iter().position(|byte| *byte == b'\n').map_or((bytes.len(), false), |at| (at + 1, true))
            }
        };
        file.consume(used);
        if ended {
            return;
        }
    }
}

impl Iterator for Replay {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let line = self.line();
            let Some(line) = line else {
                self.file = None;
                return None;
            };
            match serde_json::from_slice(&line) {
                Ok(entry) => return Some(entry),
                Err(_) if line.trim_ascii().is_empty() => {}
                Err(_) => self.garbage += 1,
            }
        }
    }
}

/// An operation that was intended and of which no end is written.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenIntent {
    pub order: Order,
    pub before: Before,
    /// Identity of the session that gave the order.
    pub by: String,
    pub at: jiff::Timestamp,
}

/// The operations without an end, oldest first.
#[must_use]
pub fn open_intents(entries: impl IntoIterator<Item = Entry>) -> Vec<OpenIntent> {
    let mut open: BTreeMap<OperationId, (usize, OpenIntent)> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for (n, Entry { at, by, what }) in entries.into_iter().enumerate() {
        match what {
            What::Intent { order, before } if !ended.contains(&order.id) => {
                open.insert(order.id.clone(), (n, OpenIntent { order: *order, before, by, at }));
            }
            What::Outcome { id, .. } | What::Settled { id, .. } => {
                open.remove(&id);
                // The journal may owe an intent that is written after its end.
                ended.insert(id);
            }
            _ => {}
        }
    }
    let mut open: Vec<(usize, OpenIntent)> = open.into_values().collect();
    open.sort_by_key(|(n, _)| *n);
    open.into_iter().map(|(_, intent)| intent).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::sop::colour::Colour;
    use crate::sop::operation::{Action, Expectation};
    use crate::sop::record::{OperationResult, OutcomeRecord};

    fn id(n: usize) -> OperationId {
        OperationId(format!("op-{n}"))
    }

    fn entry(what: What) -> Entry {
        Entry { at: jiff::Timestamp::UNIX_EPOCH, by: "ops1@bastion-1/s".into(), what }
    }

    fn intent(n: usize) -> Entry {
        let order = Order::new(id(n), Action::Switch { to: Colour::Green }, Expectation::default());
        entry(What::Intent { order: Box::new(order), before: Before::default() })
    }

    fn outcome(n: usize) -> Entry {
        let outcome = OutcomeRecord {
            result: OperationResult::Failed,
            at: jiff::Timestamp::UNIX_EPOCH,
            words: String::new(),
            settled_by: None,
        };
        entry(What::Outcome { id: id(n), outcome })
    }

    #[test]
    fn open_is_what_has_no_end_in_either_order() {
        let call = entry(What::Call { id: id(2), request: "PATCH".into(), body: serde_json::Value::Null });
        let open = open_intents([intent(1), intent(2), call, outcome(1), outcome(3), intent(3), intent(0)]);
        let ids: Vec<&str> = open.iter().map(|open| open.order.id.0.as_str()).collect();
        assert_eq!(ids, ["op-2", "op-0"]);
    }

    #[test]
    fn garbage_is_counted_and_passed_over() {
        let mut file = tempfile::tempfile().unwrap();
        let line = serde_json::to_string(&intent(1)).unwrap();
        write!(file, "{line}\nnot json\n\n\u{1b}[2J\n").unwrap();
        file.write_all(b"\xff\xfe\n").unwrap();
        file.write_all(&vec![b'x'; usize::try_from(LONGEST_LINE).unwrap() + 10]).unwrap();
        write!(file, "\n{line}\n{{\"at\":").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut replay = Replay::of(file);
        assert_eq!(replay.by_ref().count(), 2);
        assert_eq!(replay.garbage(), 5);
    }

    #[test]
    fn every_line_reads_back() {
        for entry in [intent(1), outcome(1)] {
            let line = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry, "{line}");
        }
    }
}
