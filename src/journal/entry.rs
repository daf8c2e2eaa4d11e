//! What a line of the journal says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sop::colour::Colour;
use crate::sop::note::Note;
use crate::sop::operation::{OperationId, Order, Override};
use crate::sop::record::OutcomeRecord;
use crate::sop::verification::Verification;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    /// Identity of the session that wrote it (user@host/session).
    pub by: String,
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum What {
    /// Something is about to be tried; nothing was sent yet.
    Intent { order: Box<Order>, before: Before },
    /// Conditions that were overridden, with the typed reasons.
    Override { id: OperationId, overrides: Vec<Override> },
    /// What is about to be sent.
    Call { id: OperationId, request: String, body: serde_json::Value },
    /// What came back, or why nothing did.
    Answer { id: OperationId, words: String },
    /// What the checks found.
    Verification { id: OperationId, verification: Verification },
    /// How the operation ended.
    Outcome { id: OperationId, outcome: OutcomeRecord },
    /// How an operation that was left open ended, found out later.
    Settled { id: OperationId, outcome: OutcomeRecord },
    /// Something was written down for all operators.
    Note { note: Note },
    /// The deploy lock changed hands.
    Command { change: LockChange, fence: Option<i64>, words: String },
    /// The line before this one was not whole (a crash, a full disk) and was ended.
    Repaired { torn_bytes: u64 },
}

/// The world before an operation, as far as it was known when the intent was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// URL of the API server: two clusters may have services of one name.
    #[serde(default)]
    pub server: Option<String>,
    #[serde(default)]
    pub active: Option<Colour>,
    /// The Service's uid.
    #[serde(default)]
    pub service_uid: Option<String>,
    /// Pods that the colour was asked for (deploy, retire).
    #[serde(default)]
    pub desired: Option<i32>,
    /// The image of the Deployment that is about to be changed.
    #[serde(default)]
    pub image: Option<String>,
    #[serde(default)]
    pub fence: Option<i64>,
}

/// What happened to the deploy lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockChange {
    Taken,
    Lost,
    GivenUp,
}

impl Entry {
    /// The operation that the line is about.
    #[must_use]
    pub const fn operation(&self) -> Option<&OperationId> {
        match &self.what {
            What::Intent { order, .. } => Some(&order.id),
            What::Override { id, .. }
            | What::Call { id, .. }
            | What::Answer { id, .. }
            | What::Verification { id, .. }
            | What::Outcome { id, .. }
            | What::Settled { id, .. } => Some(id),
            What::Note { .. } | What::Command { .. } | What::Repaired { .. } => None,
        }
    }
}
