//! Whether the previous version works with the new schema (sop.md, "Database migrations":
//! a way back must stay possible). Operators are asked before the migrations run, by an
//! item of the checklist; whoever is about to go back is shown the answer, because nothing
//! takes a migration back by itself.

use super::Checklist;
use super::standing::{Standing, State};

/// The item that asks.
pub const ITEM: &str = "previous-version";

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousVersion {
    pub answer: WorksWithNewSchema,
    /// Who said it and what, as far as anybody did.
    pub said: Option<String>,
}

/// The answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorksWithNewSchema {
    /// It was ticked.
    Yes,
    /// It was waived.
    No,
    /// It was said not to apply: the schema stays as it is.
    SameSchema,
    /// Nobody has said it of this release.
    Unknown,
}

impl PreviousVersion {
    /// What the checklist has of it; `None` where it does not ask.
    #[must_use]
    pub fn of(checklist: &Checklist, standings: &[Standing]) -> Option<Self> {
        let standing = standings.get(checklist.place(ITEM)?)?;
        let answer = match standing.state {
            State::Pass => WorksWithNewSchema::Yes,
            State::Waived => WorksWithNewSchema::No,
            State::NotApplicable => WorksWithNewSchema::SameSchema,
            State::Fail | State::Unknown | State::Running | State::Manual | State::Stale => {
                WorksWithNewSchema::Unknown
            }
        };
        let by = standing.by.as_ref().filter(|_| answer != WorksWithNewSchema::Unknown);
        Some(Self { answer, said: by.map(|by| format!("{by}: {}", standing.words)) })
    }

    /// Whether a way back may run into the new schema.
    #[must_use]
    pub const fn is_doubtful(&self) -> bool {
        matches!(self.answer, WorksWithNewSchema::No | WorksWithNewSchema::Unknown)
    }

    /// The line of the dialog.
    #[must_use]
    pub fn words(&self) -> String {
        let answer = match self.answer {
            WorksWithNewSchema::Yes => "yes",
            WorksWithNewSchema::No => "NO",
            WorksWithNewSchema::SameSchema => "the schema is the same",
            WorksWithNewSchema::Unknown => "nobody has said it of this release",
        };
        let said = self.said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
        format!("previous version works with the new schema: {answer}{said}")
    }
}
