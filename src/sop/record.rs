//! What operators share about one Service's releases: kept in the cluster, so
//! that a colleague on another machine sees it and can settle what was left open.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::colour::Colour;
use super::note::Note;
use super::operation::{Action, OperationId, Override, RollbackWay};
use super::verification::Verification;

/// Most operations kept in the record; the oldest finished ones go first.
pub const MOST_OPERATIONS: usize = 40;
/// Most notes kept.
pub const MOST_NOTES: usize = 120;
/// Most measurements kept.
pub const MOST_MEASUREMENTS: usize = 40;

/// The shared record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Oldest first.
    pub operations: Vec<OperationRecord>,
    pub verification: Option<Verification>,
    /// Oldest first.
    pub measurements: Vec<Measurement>,
    /// What operators wrote down, in that order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// One operation: the intent, written before the call, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    pub id: OperationId,
    #[serde(flatten)]
    pub action: Action,
    /// Identity of the operator's session (user@host/session).
    pub by: String,
    pub at: Timestamp,
    #[serde(default)]
    pub fence: Option<i64>,
    /// The colour that had the traffic before.
    #[serde(default)]
    pub active_before: Option<Colour>,
    /// Pods that the colour was asked for before (retire, deploy).
    #[serde(default)]
    pub desired_before: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// Why it was ordered, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `None` while nobody knows: under way, or its program died.
    #[serde(default)]
    pub outcome: Option<OutcomeRecord>,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    pub result: OperationResult,
    pub at: Timestamp,
    pub words: String,
    /// Who found out, where that was not the one who gave the order.
    #[serde(default)]
    pub settled_by: Option<String>,
}

/// The ways an operation can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationResult {
    /// Applied, and the world is seen to be as ordered.
    Verified,
    /// Applied; the world was not seen to be as ordered.
    AppliedNotVerified,
    /// Not applied, or applied and failed (a rollout); the words say which.
    Failed,
    /// Refused before any call.
    Blocked,
}

/// How long something took, for the price of a way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    pub of: Measured,
    pub millis: u64,
    pub at: Timestamp,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    /// From the patch of the selector until the endpoints were all of the target.
    Switch,
    /// From the change of a Deployment until its rollout was done.
    Rollout,
    /// From asking for pods where there were none until they were ready.
    ScaleUp,
}

/// A move of the traffic, as far as anyone knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switched {
    pub to: Colour,
    pub at: Timestamp,
    /// Operator, or the manager that owns the selector when it was none of us.
    pub by: String,
    /// Whether it was a way back rather than a way forward.
    pub rollback: bool,
}

impl Record {
    /// Adds the intent of an operation, dropping the oldest settled one when full.
    pub fn intend(&mut self, operation: OperationRecord) {
        self.operations.retain(|known| known.id != operation.id);
        self.operations.push(operation);
        while self.operations.len() > MOST_OPERATIONS {
            let settled = self.operations.iter().position(|operation| operation.outcome.is_some());
            self.operations.remove(settled.unwrap_or(0));
        }
    }

    /// Writes down what became of an operation. An outcome that stands already stays.
    pub fn settle(&mut self, id: &OperationId, outcome: OutcomeRecord) {
        let open = self.operations.iter_mut().find(|known| known.id == *id && known.outcome.is_none());
        if let Some(operation) = open {
            operation.outcome = Some(outcome);
        }
    }

    /// Adds a measurement, dropping the oldest when full.
    pub fn measure(&mut self, of: Measured, took: Duration, at: Timestamp) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.measurements.push(Measurement { of, millis, at });
        let surplus = self.measurements.len().saturating_sub(MOST_MEASUREMENTS);
        self.measurements.drain(..surplus);
    }

    /// Adds a note, dropping the oldest when full. Of each item of the checklist only what
    /// was said last is kept.
    pub fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            if let Some(item) = note.what.item() {
                self.notes.retain(|known| known.what.item() != Some(item));
            }
            self.notes.push(note);
        }
        let surplus = self.notes.len().saturating_sub(MOST_NOTES);
        self.notes.drain(..surplus);
    }

    /// The operation that closed the release of that switch.
    #[must_use]
    pub fn closed(&self, switched: &Switched) -> Option<&OperationRecord> {
        self.operations.iter().rev().find(|operation| {
            let done = operation.outcome.as_ref();
            let done = done.is_some_and(|outcome| outcome.result == OperationResult::Verified);
            operation.action == Action::Close && operation.at >= switched.at && done
        })
    }

    /// The median of what was measured; `None` when nothing was.
    #[must_use]
    pub fn usual(&self, of: Measured) -> Option<Duration> {
        let mut millis: Vec<u64> =
            self.measurements.iter().filter(|known| known.of == of).map(|known| known.millis).collect();
        millis.sort_unstable();
        millis.get(millis.len() / 2).copied().map(Duration::from_millis)
    }

    /// Operations whose outcome nobody has written down.
    pub fn open(&self) -> impl Iterator<Item = &OperationRecord> {
        self.operations.iter().filter(|operation| operation.outcome.is_none())
    }

    /// The last operation that moved the traffic, as far as the record tells.
    #[must_use]
    pub fn last_switch(&self) -> Option<Switched> {
        self.operations.iter().rev().find_map(|operation| {
            let outcome = operation.outcome.as_ref()?;
            let applied =
                matches!(outcome.result, OperationResult::Verified | OperationResult::AppliedNotVerified);
            let to = operation.action.traffic_to().filter(|_| applied)?;
            let rollback = matches!(
                operation.action,
                Action::Rollback { way: RollbackWay::SwitchBack { .. } | RollbackWay::Redeploy { .. } }
            );
            let by = super::command::Operator::shown(&operation.by).to_owned();
            Some(Switched { to, at: outcome.at, by, rollback })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch(n: usize, result: Option<OperationResult>) -> OperationRecord {
        OperationRecord {
            id: OperationId(format!("op-{n}")),
            action: Action::Switch { to: Colour::Green },
            by: "ops1@bastion-1/s".into(),
            at: Timestamp::UNIX_EPOCH,
            fence: Some(1),
            active_before: Some(Colour::Blue),
            desired_before: None,
            overrides: Vec::new(),
            reason: None,
            outcome: result.map(|result| OutcomeRecord {
                result,
                at: Timestamp::UNIX_EPOCH,
                words: String::new(),
                settled_by: None,
            }),
        }
    }

    #[test]
    fn a_full_record_keeps_what_is_still_open() {
        let mut record = Record::default();
        record.intend(switch(0, None));
        for n in 1..=MOST_OPERATIONS {
            record.intend(switch(n, Some(OperationResult::Verified)));
        }
        assert_eq!(record.operations.len(), MOST_OPERATIONS);
        assert_eq!(record.open().count(), 1);
        assert_eq!(record.operations[0].id.0, "op-0");
    }

    #[test]
    fn only_an_applied_operation_moved_the_traffic() {
        let mut record = Record::default();
        record.intend(switch(1, Some(OperationResult::Failed)));
        record.intend(switch(2, None));
        assert_eq!(record.last_switch(), None);
        let outcome =
            switch(0, Some(OperationResult::AppliedNotVerified)).outcome.unwrap_or_else(|| unreachable!());
        record.settle(&OperationId("op-2".into()), outcome);
        let switched = record.last_switch().unwrap();
        assert_eq!((switched.to, switched.by.as_str()), (Colour::Green, "ops1@bastion-1"));
    }

    #[test]
    fn the_usual_time_is_the_median() {
        let mut record = Record::default();
        assert_eq!(record.usual(Measured::Switch), None);
        for seconds in [1, 9, 2] {
            record.measure(Measured::Switch, Duration::from_secs(seconds), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(record.usual(Measured::Switch), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_record_of_another_version_is_read_as_far_as_it_goes() {
        let text = r#"{"operations":[{"id":"a","action":"switch","to":"green","by":"x","at":"2026-01-01T00:00:00Z","new":1}],"later":true}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.operations[0].action, Action::Switch { to: Colour::Green });
    }
}
