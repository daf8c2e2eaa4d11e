//! The part of the book that is played on GitHub: pull request, review, merge, run,
//! approval (sop.md, production steps 1 to 5).

use super::{Autopilot, Decision, Ending, PAUSE};
use crate::room::Room;
use crate::room::message::Conclusion;
use crate::room::release::Delivery;
use crate::sop::operation::{Action, ActionKind};
use crate::sop::pipeline::{Run, RunState};

impl Autopilot {
    /// Opens the release's pull request, in the words that the room finds for it.
    pub(super) fn propose(&mut self, room: &Room) -> Decision {
        if is_to_be_seen(room) {
            return self.or_stuck(room, "the pull request was opened and is not seen");
        }
        if let Some(blocked) = room.standing(ActionKind::Propose).blocked {
            return self.or_stuck(room, &format!("propose is blocked: {blocked}"));
        }
        let Some(draft) = room.view.dialog.as_ref().and_then(|dialog| dialog.draft()) else {
            return Decision::Ask(ActionKind::Propose);
        };
        if draft.title.is_empty() {
            return self.or_stuck(room, "no words for the pull request were found");
        }
        match self.perform(room, ActionKind::Propose) {
            Decision::Perform(Action::Propose { head, base, .. }, overrides) => {
                let action = Action::Propose { head, base, title: draft.title, body: draft.body };
                Decision::Perform(action, overrides)
            }
            other => other,
        }
    }

    /// Waits for checks and reviews, then merges. One that GitHub refuses because the head
    /// has moved is tried again when the new head is approved: that is another merge.
    pub(super) fn review(&mut self, room: &Room) -> Decision {
        if is_to_be_seen(room) {
            return self.or_stuck(room, "the merge was done and is not seen");
        }
        self.perform(room, ActionKind::Merge)
    }

    /// Waits for the run. What failed of it is run again, once: what fails twice is no
    /// accident, and the book says to look at it.
    pub(super) fn pipeline(&mut self, room: &Room) -> Decision {
        let Some(run) = room.run().filter(|run| run.state.is_bad()) else {
            return self.or_stuck(room, "the pipeline does not go on");
        };
        if run.id.attempt > 1 {
            return Decision::End(Ending::Stuck(format!("{}, again", failure(run))));
        }
        if is_to_be_seen(room) {
            return self.or_stuck(room, "the run was started again and is not seen");
        }
        self.perform(room, ActionKind::Rerun)
    }

    /// Lets the run go on to production.
    pub(super) fn approve(&mut self, room: &Room) -> Decision {
        if is_to_be_seen(room) {
            return self.or_stuck(room, "the run was approved and does not go on");
        }
        self.perform(room, ActionKind::Approve)
    }

    /// Watches the pipeline deploy, test and move the traffic; `None` where the room does.
    /// A run that failed on its way has moved nothing: the book stops there.
    pub(super) fn delivered(&self, room: &Room) -> Option<Decision> {
        match room.delivery() {
            Delivery::Room => None,
            Delivery::Pipeline => Some(self.or_stuck(room, "the pipeline does not get on with its delivery")),
            Delivery::Failed => {
                let run = room.run()?;
                let active = room.world.cluster.active().map(|colour| colour.label());
                let active = active.unwrap_or("the old colour");
                let words = format!("{}; {active} has the traffic and was not touched", failure(run));
                Some(Decision::End(Ending::Stuck(words)))
            }
        }
    }
}

/// `run #5 failed at Production: Run smoke tests`.
fn failure(run: &Run) -> String {
    let mut words = format!("run #{} {}", run.number, run.state.word());
    let failed = run.jobs.iter().find(|job| job.state.is_bad());
    if let Some(job) = failed {
        words.push_str(&format!(" at {}", job.name));
        let is_bad = |state: &RunState| state.is_bad();
        if let Some(step) = job.steps.iter().find(|step| is_bad(&step.state)) {
            words.push_str(&format!(": {}", step.name));
        }
    }
    words
}

/// Whether something was done on GitHub that what was read last is too old to show.
fn is_to_be_seen(room: &Room) -> bool {
    let done = room.operations.latest().filter(|operation| operation.action.kind().is_on_github());
    let ended = done.and_then(|operation| match &operation.ended {
        Some((at, Conclusion::Verified { .. } | Conclusion::AppliedNotVerified { .. })) => Some(*at),
        _ => None,
    });
    // A look may have begun before the deed and ended after it.
    ended.is_some_and(|at| room.repository.as_ref().is_none_or(|(read, _)| *read < at.plus(PAUSE / 2)))
}
