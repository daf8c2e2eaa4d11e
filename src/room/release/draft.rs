//! The pull request while it is being written.

use crate::room::Room;
use crate::room::message::{Draft, Effect};
use crate::sop::operation::ActionKind;

impl Draft {
    /// The text for an editor: the title in the first line, as in a commit.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n\n{}\n", self.title, self.body.trim_end())
    }

    /// What was written in that form.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let (title, body) = text.trim_start().split_once('\n').unwrap_or((text.trim(), ""));
        Self { title: title.trim().to_owned(), body: body.trim().to_owned() }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_comes_back_from_its_text() {
        let draft = Draft { title: "Release v1.1.0".into(), body: "## Changes\n\n- one".into() };
        assert_eq!(draft.text(), "Release v1.1.0\n\n## Changes\n\n- one\n");
        assert_eq!(Draft::of_text(&draft.text()), draft);
        assert_eq!(Draft::of_text("\n title \n"), Draft { title: "title".into(), body: String::new() });
        assert_eq!(Draft::of_text(""), Draft::default());
    }
}
