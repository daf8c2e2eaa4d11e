//! The dialog before an action: from → to, the conditions, what is overridden and
//! why, and the word that has to be typed. Default is Cancel.

use std::time::Duration;

use super::Room;
use super::intent::Edit;
use super::message::Draft;
use super::text::TextLine;
use crate::sop::cluster::image_with_version;
use crate::sop::interlock::{Interlock, InterlockId, interlocks};
use crate::sop::moment::Moment;
use crate::sop::operation::{Action, ActionKind, Expectation, Order, Override};

/// Keys typed in the first moments are swallowed: they were meant for what was
/// on the screen before.
pub const DEAF_FOR: Duration = Duration::from_millis(300);

/// An open dialog. Its action was fixed when it was opened: what happens meanwhile
/// shows in its conditions, and never turns it into another action.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub kind: ActionKind,
    pub opened: Moment,
    pub expectation: Expectation,
    /// What may be chosen: one action, or the ways back, the environments that wait, what
    /// of a run is run again.
    pub choices: Vec<Action>,
    pub chosen: usize,
    /// The version to deploy; used by deploy only.
    pub version: TextLine,
    /// A pull request's title, or the comment of a decision.
    pub words: TextLine,
    /// What `words` began with.
    pub offered: String,
    /// Reasons typed for conditions that may be overridden.
    pub reasons: Vec<(InterlockId, TextLine)>,
    pub typed: TextLine,
    pub field: Field,
}

/// What the keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Choice,
    Version,
    Words,
    Reason(InterlockId),
    Typed,
}

/// Whether a dialog's order may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Enter gives the order.
    Armed,
    /// The word is still to be typed.
    Word,
    /// The version is still to be typed.
    Version,
    /// A reason is still to be typed.
    Reason(InterlockId),
    /// It may not be done; why.
    Blocked(String),
}

impl Dialog {
    /// A dialog over what the room would do for `kind` now; `None` while the pair
    /// has not been seen.
    #[must_use]
    pub fn open(room: &Room, kind: ActionKind) -> Option<Self> {
        let choices: Vec<Action> = match kind {
            ActionKind::Rollback => {
                room.ways_back().into_iter().map(|back| Action::Rollback { way: back.way }).collect()
            }
            _ if kind.is_on_github() => room.choices_on_github(kind),
            _ => room.proposal(kind).into_iter().collect(),
        };
        let proposed = room.proposal(kind)?;
        let chosen = choices.iter().position(|choice| *choice == proposed)?;
        let field = match kind {
            ActionKind::Deploy => Field::Version,
            ActionKind::Propose => Field::Words,
            _ => Field::Typed,
        };
        let mut dialog = Self {
            kind,
            opened: room.now,
            expectation: room.expectation(),
            choices,
            chosen,
            version: TextLine::default(),
            words: TextLine::default(),
            offered: String::new(),
            reasons: Vec::new(),
            typed: TextLine::default(),
            field,
        };
        dialog.reasons = dialog.wanted_reasons(room);
        Some(dialog)
    }

    /// The action that would be ordered, with the typed version or words in it.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        let action = self.choices.get(self.chosen)?.clone();
        Some(match action {
            Action::Deploy { colour, image } if !self.version.is_blank() => {
                Action::Deploy { colour, image: typed_image(&image, self.version.as_str().trim()) }
            }
            Action::Propose { head, base, body, .. } => {
                Action::Propose { head, base, body, title: self.words.as_str().trim().to_owned() }
            }
            Action::Approve { run, head, environment, environment_id, .. } => {
                Action::Approve { run, head, environment, environment_id, comment: self.comment() }
            }
            Action::Reject { run, head, environment, environment_id, .. } => {
                Action::Reject { run, head, environment, environment_id, comment: self.comment() }
            }
            other => other,
        })
    }

    fn comment(&self) -> String {
        self.words.as_str().trim().to_owned()
    }

    /// Whether it takes words beside the one that confirms.
    #[must_use]
    pub const fn takes_words(&self) -> bool {
        matches!(self.kind, ActionKind::Propose | ActionKind::Approve | ActionKind::Reject)
    }

    /// Takes in a draft of the pull request; where nobody edited it, only unless something
    /// was typed already.
    pub(super) fn offer(&mut self, draft: Draft, edited: bool) {
        if self.kind != ActionKind::Propose || (!edited && !self.is_untouched()) {
            return;
        }
        self.words = TextLine::new(&draft.title);
        // What an operator wrote is not closed by an Enter too many.
        self.offered = if edited { String::new() } else { self.words.as_str().to_owned() };
        for choice in &mut self.choices {
            if let Action::Propose { body, .. } = choice {
                body.clone_from(&draft.body);
            }
        }
    }

    /// The pull request as it would be opened now.
    #[must_use]
    pub fn draft(&self) -> Option<Draft> {
        match self.action()? {
            Action::Propose { title, body, .. } => Some(Draft { title, body }),
            _ => None,
        }
    }

    /// The conditions on the chosen action, judged now against what was shown.
    #[must_use]
    pub fn interlocks(&self, room: &Room) -> Vec<Interlock> {
        self.action()
            .map(|action| interlocks(&action, Some(&self.expectation), &room.situation()))
            .unwrap_or_default()
    }

    /// Whether Enter gives the order now.
    #[must_use]
    pub fn readiness(&self, room: &Room) -> Readiness {
        let Some(action) = self.action() else {
            return Readiness::Blocked("there is nothing to do".into());
        };
        if let Some(running) = room.operations.running()
            && (self.kind != ActionKind::Rollback || running.action.kind() == ActionKind::Rollback)
        {
            return Readiness::Blocked(format!("{} is under way", running.action.kind()));
        }
        let locks = self.interlocks(room);
        if let Some(lock) = locks.iter().find(|lock| !lock.is_clear() && !lock.overridable()) {
            return Readiness::Blocked(format!("{}: {}", lock.id.words(), lock.why()));
        }
        if self.kind == ActionKind::Deploy && self.version.is_blank() {
            return Readiness::Version;
        }
        let without_reason = locks.iter().find(|lock| !lock.is_clear() && self.reason(lock.id).is_none());
        if let Some(lock) = without_reason {
            return Readiness::Reason(lock.id);
        }
        if self.typed.as_str().trim() == action.confirmation(&room.setting.service) {
            Readiness::Armed
        } else {
            Readiness::Word
        }
    }

    /// The order, when the dialog is armed.
    #[must_use]
    pub fn order(&self, room: &mut Room) -> Option<Order> {
        if self.readiness(room) != Readiness::Armed {
            return None;
        }
        let reasons = self.interlocks(room).into_iter().filter(|lock| !lock.is_clear());
        let (mut overrides, mut take_command) = (Vec::new(), None);
        for lock in reasons {
            let reason = self.reason(lock.id)?.to_owned();
            if lock.id == InterlockId::Command {
                take_command = Some(reason);
            } else {
                overrides.push(Override { interlock: lock.id, reason });
            }
        }
        let action = self.action()?;
        let reason = room.reason_for(&action);
        let id = room.next_operation_id();
        let evidence = Box::new(room.assessed.evidence.clone());
        let order = Order::new(id, action, self.expectation.clone());
        Some(Order { overrides, take_command, reason, evidence, ..order })
    }

    /// Whether nothing was typed yet: Enter is then its default, Cancel.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.typed.is_blank()
            && self.version.is_blank()
            && self.words.as_str() == self.offered
            && self.reasons.iter().all(|(_, line)| line.is_blank())
    }

    /// The fields that can be typed into, in order.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        if self.choices.len() > 1 {
            fields.push(Field::Choice);
        }
        if self.kind == ActionKind::Deploy {
            fields.push(Field::Version);
        }
        if self.takes_words() {
            fields.push(Field::Words);
        }
        fields.extend(self.reasons.iter().map(|(id, _)| Field::Reason(*id)));
        fields.push(Field::Typed);
        fields
    }

    /// Goes to the field `by` further on, round and round.
    pub fn step_field(&mut self, by: isize) {
        let fields = self.fields();
        let here = fields.iter().position(|field| *field == self.field).unwrap_or(0);
        let count = isize::try_from(fields.len()).unwrap_or(1).max(1);
        let next = (isize::try_from(here).unwrap_or(0) + by).rem_euclid(count);
        if let Some(field) = usize::try_from(next).ok().and_then(|next| fields.get(next)) {
            self.field = *field;
        }
    }

    /// Chooses another way back. What was typed for the one before is forgotten.
    pub fn choose(&mut self, by: isize, room: &Room) {
        let count = isize::try_from(self.choices.len()).unwrap_or(1).max(1);
        let next = (isize::try_from(self.chosen).unwrap_or(0) + by).rem_euclid(count);
        self.chosen = usize::try_from(next).unwrap_or(0);
        self.typed = TextLine::default();
        self.reasons = self.wanted_reasons(room);
    }

    /// Types into the field that has the keys. Pasting is not typing: the word that
    /// confirms has to come from fingers.
    pub fn edit(&mut self, edit: &Edit) {
        let line = match self.field {
            Field::Choice => return,
            Field::Version => &mut self.version,
            Field::Words => &mut self.words,
            Field::Reason(id) => match self.reasons.iter_mut().find(|(known, _)| *known == id) {
                Some((_, line)) => line,
                None => return,
            },
            Field::Typed if matches!(edit, Edit::Paste(_)) => return,
            Field::Typed => &mut self.typed,
        };
        line.edit(edit);
    }

    /// Makes room for reasons that became necessary since it was opened.
    pub fn refresh(&mut self, room: &Room) {
        for (id, line) in self.wanted_reasons(room) {
            if !self.reasons.iter().any(|(known, _)| *known == id) {
                self.reasons.push((id, line));
            }
        }
    }

    fn reason(&self, id: InterlockId) -> Option<&str> {
        let (_, line) = self.reasons.iter().find(|(known, _)| *known == id)?;
        Some(line.as_str().trim()).filter(|reason| !reason.is_empty())
    }

    fn wanted_reasons(&self, room: &Room) -> Vec<(InterlockId, TextLine)> {
        self.interlocks(room)
            .into_iter()
            .filter(|lock| !lock.is_clear() && lock.overridable())
            .map(|lock| (lock.id, TextLine::default()))
            .collect()
    }
}

/// What was typed as a version: a tag for the present image, or a whole image.
#[must_use]
pub fn typed_image(present: &str, typed: &str) -> String {
    if typed.contains(['/', ':', '@']) { typed.to_owned() } else { image_with_version(present, typed) }
}
