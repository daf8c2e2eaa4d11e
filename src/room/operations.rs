//! What is being done to the world from this room, step by step.

use super::message::{Conclusion, Outcome, Step};
use crate::sop::moment::Moment;
use crate::sop::operation::{Action, OperationId};

/// Most steps kept of one operation.
const MOST_STEPS: usize = 200;

/// The operation that runs, else the one that ran last.
#[derive(Debug, Default)]
pub struct Operations {
    latest: Option<Operation>,
    /// Orders given to the executor in this session, for their ids.
    pub given: u64,
}

/// One operation as this room follows it.
#[derive(Clone, Debug)]
pub struct Operation {
    pub id: OperationId,
    pub action: Action,
    pub began: Moment,
    pub steps: Vec<Step>,
    /// How it ended, once it has.
    pub ended: Option<(Moment, Conclusion)>,
}

impl Operations {
    /// The operation that runs or ran last.
    #[must_use]
    pub const fn latest(&self) -> Option<&Operation> {
        self.latest.as_ref()
    }

    /// The operation that is under way.
    #[must_use]
    pub fn running(&self) -> Option<&Operation> {
        self.latest.as_ref().filter(|operation| operation.ended.is_none())
    }

    /// Takes in what the executor tells of an operation.
    pub fn apply(&mut self, outcome: Outcome, now: Moment) {
        match outcome {
            Outcome::Began { id, action } => {
                self.latest = Some(Operation { id, action, began: now, steps: Vec::new(), ended: None });
            }
            Outcome::Step { id, step } => {
                if let Some(operation) = self.of(&id) {
                    operation.note(step);
                }
            }
            Outcome::Ended { id, conclusion } => {
                if let Some(operation) = self.of(&id) {
                    operation.ended = Some((now, conclusion));
                }
            }
            Outcome::Command { .. } | Outcome::Settled { .. } | Outcome::Told(_) => {}
        }
    }

    fn of(&mut self, id: &OperationId) -> Option<&mut Operation> {
        self.latest.as_mut().filter(|operation| operation.id == *id)
    }
}

impl Operation {
    fn note(&mut self, step: Step) {
        if let Some(known) = self.steps.iter_mut().find(|known| known.name == step.name) {
            *known = step;
        } else if self.steps.len() < MOST_STEPS {
            self.steps.push(step);
        }
    }
}
