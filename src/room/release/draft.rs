//! The pull request while it is being written.

use crate::room::Room;
use crate::room::message::{Draft, Effect};
use crate::sop::operation::ActionKind;

impl Room {
    /// Whether the open dialog writes a pull request.
    #[must_use]
    pub fn is_proposing(&self) -> bool {
        self.view.dialog.as_ref().is_some_and(|dialog| dialog.kind == ActionKind::Propose)
    }

    /// Asks for words when a dialog was opened that needs some.
    pub(in crate::room) fn offer_draft(&self) -> Vec<Effect> {
        self.is_proposing().then_some(Effect::OfferDraft).into_iter().collect()
    }

    /// Hands the pull request to an editor.
    pub(in crate::room) fn edit_outside(&self) -> Vec<Effect> {
        let draft = self.view.dialog.as_ref().and_then(|dialog| dialog.draft());
        draft.map(Effect::EditDraft).into_iter().collect()
    }

    /// Takes in words for the pull request, if its dialog still lies open.
    pub(in crate::room) fn take_draft(&mut self, draft: Draft, edited: bool) {
        if let Some(dialog) = &mut self.view.dialog {
            dialog.offer(draft, edited);
        }
    }
}
