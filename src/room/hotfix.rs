//! The timeline of a hotfix, by what the room knows: nobody has to press anything for it,
//! but for the cause, which somebody ticks.

use jiff::Timestamp;

use super::Room;
use crate::sop::checklist::standing::mark;
use crate::sop::hotfix::{Stage, Timeline};
use crate::sop::note::Noted;
use crate::sop::operation::Action;
use crate::sop::record::OperationResult;
use crate::sop::review::Standing;

/// The item of the hotfix's checklist that says that the cause is known.
const CAUSE: &str = "cause";

impl Room {
    /// How far the hotfix is; `None` where this is none.
    #[must_use]
    pub fn timeline(&self) -> Option<Timeline> {
        let hotfix = self.setting.hotfix.as_ref()?;
        let reached = [
            (Stage::Investigation, self.cause_known()),
            (Stage::Fix, self.fix_pushed()),
            (Stage::Review, self.approved()),
            (Stage::Deploy, self.moved_forward().map(|switched| switched.at)),
            (Stage::Verify, self.verified_in_production()),
        ];
        let reached = reached.into_iter().filter_map(|(stage, at)| Some((stage, at?))).collect();
        Some(Timeline { detected: hotfix.detected, reached })
    }

    fn cause_known(&self) -> Option<Timestamp> {
        let said = mark(&self.notes, CAUSE, self.release_began())?;
        matches!(said.what, Noted::Ticked { .. }).then_some(said.at)
    }

    /// When the first workflow ran for the head: nothing else tells when it was pushed.
    fn fix_pushed(&self) -> Option<Timestamp> {
        let repository = self.repository()?;
        let head = &repository.pull_request.as_ref()?.head.sha;
        repository.runs.iter().filter(|run| run.head == *head).filter_map(|run| run.created).min()
    }

    /// When the last of the approvals that are wanted was given.
    fn approved(&self) -> Option<Timestamp> {
        let (setting, request) = (self.setting.github.as_ref()?, self.pull_request()?);
        let standing = Standing::of(request, setting);
        if !standing.suffices() {
            return None;
        }
        let counted = |author: &str| standing.approved.contains(&author);
        let mut times: Vec<Timestamp> = request
            .reviews
            .iter()
            .filter(|review| counted(&review.author))
            .filter_map(|review| review.at)
            .collect();
        times.sort_unstable();
        times.get(standing.wanted.saturating_sub(1)).copied()
    }

    fn moved_forward(&self) -> Option<&crate::sop::record::Switched> {
        let hotfix = self.setting.hotfix.as_ref()?;
        self.switched.as_ref().filter(|switched| !switched.rollback && switched.at >= hotfix.detected)
    }

    /// When the new version was seen to answer at the real URL after the traffic moved.
    fn verified_in_production(&self) -> Option<Timestamp> {
        let switched = self.moved_forward()?;
        let operations = self.record.as_ref()?.operations.iter();
        let outcomes = operations.filter(|operation| matches!(operation.action, Action::Switch { .. }));
        let verified = outcomes.filter_map(|operation| operation.outcome.as_ref());
        let verified = verified.filter(|outcome| outcome.result == OperationResult::Verified);
        verified.map(|outcome| outcome.at).filter(|at| *at >= switched.at).min()
    }
}
