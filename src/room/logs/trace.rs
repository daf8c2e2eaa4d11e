//! Lines that belong to the line before them: stack traces and other continuations.

use super::level::Level;
use super::scan;

/// What one line turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The line's own level, or that of the line which it continues.
    pub level: Option<Level>,
    /// Whether the line belongs to the one before it.
    pub continues: bool,
}

/// Reads the lines of one container in their order and remembers what the next one
/// may continue.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    level: Option<Level>,
    inside: Inside,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Nothing,
    /// Python's traceback, which ends with an unindented line that names the exception.
    Python,
    /// Go's goroutine listing, whose function lines are not indented.
    Go,
}

/// Beginnings of unindented lines that only ever continue something.
const CONTINUATIONS: [&str; 9] = [
    "Caused by",
    "Suppressed: ",
    "... ",
    "at ",
    "During handling of the above exception",
    "The above exception was the direct cause",
    "stack backtrace:",
    "note: run with `RUST_BACKTRACE",
    "created by ",
];

const TRACEBACK: &str = "Traceback (most recent call last)";

impl Trace {
    /// Reads the next line.
    pub fn read(&mut self, line: &str) -> Reading {
        let body = line.trim_start();
        if body.is_empty() {
            // A blank line tells nothing, and a trace may go on after it.
            return Reading { level: None, continues: false };
        }
        let continues = self.continues(line, body);
        if !continues {
            self.level = own_level(body);
        }
        self.inside = self.after(body, continues);
        Reading { level: self.level, continues }
    }

    fn continues(&self, line: &str, body: &str) -> bool {
        if body.len() < line.len() {
            return !starts_an_entry(body);
        }
        if CONTINUATIONS.iter().any(|start| body.starts_with(start)) {
            return true;
        }
        if body.starts_with(TRACEBACK) || body.starts_with("goroutine ") {
            // After an error line these are its trace; otherwise they are the error themselves.
            return self.level >= Some(Level::Warn);
        }
        match self.inside {
            Inside::Nothing => false,
            Inside::Python => names_an_exception(body),
            Inside::Go => body.ends_with(')') && Level::of(body).is_none(),
        }
    }

    /// What the next line may be inside of.
    fn after(&self, body: &str, continues: bool) -> Inside {
        if body.starts_with(TRACEBACK) {
            Inside::Python
        } else if body.starts_with("goroutine ") {
            Inside::Go
        } else if !continues || (self.inside == Inside::Python && names_an_exception(body)) {
            Inside::Nothing
        } else {
            self.inside
        }
    }
}

/// The level of a line that stands for itself.
fn own_level(body: &str) -> Option<Level> {
    let uncaught = body.starts_with(TRACEBACK) || body.starts_with("Exception in thread ");
    let panicked = body.starts_with("thread '") && body.contains(" panicked at ");
    match (uncaught, panicked) {
        (true, _) => Some(Level::Error),
        (_, true) => Some(Level::Fatal),
        _ => Level::of(body),
    }
}

/// Whether an indented line is an entry all the same: it begins with a time or a level.
fn starts_an_entry(body: &str) -> bool {
    let first = body.split([' ', ':']).next().unwrap_or_default();
    scan::time(body.trim_start_matches('[').as_bytes()) > 0
        || body.starts_with("{\"")
        || Level::from_word(first.trim_matches(['[', ']'])).is_some_and(|_| first.len() > 2)
}

/// An exception's name alone or before its words: `ValueError`, `app.errors.Timeout: …`.
fn names_an_exception(body: &str) -> bool {
    let name = body.split_once(':').map_or(body, |(name, _)| name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| scan::is_word_byte(byte) || byte == b'.')
        && Level::from_word(name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The level and whether it continues, of each line in turn.
    fn read(lines: &str) -> Vec<(Option<Level>, bool)> {
        let mut trace = Trace::default();
        lines.lines().map(|line| trace.read(line)).map(|read| (read.level, read.continues)).collect()
    }

    const ERROR: Option<Level> = Some(Level::Error);

    #[test]
    fn a_java_trace_belongs_to_its_error() {
        let lines = "2026-11-22 21:25:00 ERROR c.e.App: failed\njava.lang.IllegalStateException: closed\n    at c.e.A.b(A.java:1)\nCaused by: java.io.IOException: gone\n    ... 12 more\n2026-11-22 21:25:01 INFO on";
        assert_eq!(
            read(lines),
            [
                (ERROR, false),
                (ERROR, false),
                (ERROR, true),
                (ERROR, true),
                (ERROR, true),
                (Some(Level::Info), false)
            ]
        );
    }

    #[test]
    fn a_python_traceback_ends_with_its_exception() {
        let lines = "ERROR in app\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    error()\nValueError: no\nINFO: next\nValueError";
        assert_eq!(
            read(lines),
            [
                (ERROR, false),
                (ERROR, true),
                (ERROR, true),
                (ERROR, true),
                (ERROR, true),
                (Some(Level::Info), false),
                (None, false)
            ]
        );
    }

    #[test]
    fn a_traceback_out_of_the_blue_is_an_error_of_its_own() {
        let lines = "INFO: serving\nTraceback (most recent call last):\n  File \"a.py\", line 1\napp.errors.Timeout: no\n\nDuring handling of the above exception, another exception occurred:\nfine";
        assert_eq!(
            read(lines),
            [
                (Some(Level::Info), false),
                (ERROR, false),
                (ERROR, true),
                (ERROR, true),
                (None, false),
                (ERROR, true),
                (None, false)
            ]
        );
    }

    #[test]
    fn panics_of_go_and_rust_carry_their_listing() {
        let go = "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n    /src/main.go:3 +0x1d\nok";
        let fatal = Some(Level::Fatal);
        assert_eq!(
            read(go),
            [(fatal, false), (None, false), (fatal, true), (fatal, true), (fatal, true), (None, false)]
        );
        let rust = "thread 'main' panicked at src/main.rs:1:2:\nnote: run with `RUST_BACKTRACE=1` x";
        assert_eq!(read(rust), [(fatal, false), (fatal, true)]);
    }

    #[test]
    fn an_indented_entry_is_an_entry() {
        let lines = "ERROR x\n  2026-11-22T21:25:00Z INFO y\n   WARN z\n  [info] w\n  detail of w";
        let levels: Vec<_> = read(lines);
        assert_eq!(
            levels,
            [
                (ERROR, false),
                (Some(Level::Info), false),
                (Some(Level::Warn), false),
                (Some(Level::Info), false),
                (Some(Level::Info), true)
            ]
        );
    }
}
