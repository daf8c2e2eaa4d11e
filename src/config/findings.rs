//! The mistakes as they are found, on the way through the file.

use std::cell::{Cell, RefCell};
use std::ops::Range;

/// Bytes of the file.
pub(super) type Span = Range<usize>;

/// Most mistakes that are kept: enough to work on, few enough for a hostile file.
const MOST: usize = 100;

/// A mistake as it is found: before its place is turned into line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) span: Option<Span>,
    pub(super) key: String,
    pub(super) what: String,
    pub(super) help: Option<String>,
    /// What must not be shown although its key does not say so.
    pub(super) hidden: Option<Span>,
}

/// Everything that was found so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    findings: RefCell<Vec<Finding>>,
    /// While a shared table is read for itself: what it lacks, each environment may have.
    partial: Cell<bool>,
}

impl Notes {
    /// Notes a mistake, once: a shared table is read for each environment.
    pub(super) fn note(&self, finding: Finding) {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < MOST && !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    /// Reads what need not be complete: nothing is missing in it.
    pub(super) fn partially<T>(&self, read: impl FnOnce() -> T) -> T {
        self.partial.set(true);
        let value = read();
        self.partial.set(false);
        value
    }

    /// Whether what is read now need not be complete.
    pub(super) fn is_partial(&self) -> bool {
        self.partial.get()
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }
}
