//! The one table of keys. Key handling, footer, help, palette and the README's
//! key table are all made from it.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use crate::room::Room;
use crate::room::intent::{Intent, Motion, Overlay, Pane};
use crate::room::logs::Mode;
use crate::sop::operation::ActionKind;

use super::layout::Shape;

mod table;

pub use table::BINDINGS;

/// One entry: keys, what they do, in words, and where they do it.
#[derive(Debug)]
pub struct Binding {
    pub keys: &'static [Key],
    pub does: Does,
    /// What it does, as footer, help and palette say it.
    pub words: &'static str,
    pub group: Group,
    pub scope: Scope,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub code: KeyCode,
    pub ctrl: bool,
}

/// What a key does.
#[derive(Debug)]
pub enum Does {
    Intent(Intent),
    /// A movement: how far it may go is known when it is pressed.
    Move(Motion),
}

/// Headings in help, palette and README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Actions,
    Release,
    Pipeline,
    Panes,
    Checklist,
    Errors,
    Program,
    Typing,
}

impl Group {
    /// All groups, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Actions,
        Self::Release,
        Self::Pipeline,
        Self::Checklist,
        Self::Panes,
        Self::Errors,
        Self::Program,
        Self::Typing,
    ];

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Actions => "Actions (each asks first)",
            Self::Release => "Release on GitHub (each asks first)",
            Self::Pipeline => "Pipeline",
            Self::Panes => "Looking around",
            Self::Checklist => "Checklist",
            Self::Errors => "Errors",
            Self::Program => "Program",
            Self::Typing => "In dialogs, prompts and the palette",
        }
    }
}

/// Where a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Wherever the operator is, typing included.
    Everywhere,
    /// Panes and overlays, not while something is typed.
    Looking,
    /// With nothing over the panes.
    Panes,
    /// Panes and overlays, where a dashboard is configured.
    Dashboard,
    /// With nothing over the panes, where there is that pane.
    Pane(Pane),
    /// The pipeline pane has the keys.
    Pipeline,
    /// The log of a job lies open.
    JobLog,
    /// The checklist pane has the keys.
    Checklist,
    /// The blue/green pane has the keys.
    Pods,
    /// The errors pane has the keys and shows groups.
    Groups,
    /// The errors pane can be seen.
    Errors,
    /// Wherever the operator is not typing, where a repository is configured.
    Repository,
    /// An overlay lies over the panes.
    Overlay,
    /// Panes and overlays of a rehearsal.
    Rehearsal,
    /// The faults of a rehearsal lie open.
    Faults,
    /// The dialog that opens a pull request lies open.
    Proposing,
    /// A dialog, a prompt or the palette takes text.
    Typing,
}

/// Whether something takes text now.
#[must_use]
pub fn is_typing(room: &Room) -> bool {
    let view = &room.view;
    view.prompt.is_some() || view.dialog.is_some() || view.overlay == Some(Overlay::Palette)
}

impl Scope {
    /// Whether keys of this scope work now, on a screen of that size.
    #[must_use]
    pub fn applies(self, room: &Room, size: Size) -> bool {
        let typing = is_typing(room);
        let overlay = room.view.overlay.is_some();
        match self {
            Self::Everywhere => true,
            Self::Typing => typing,
            Self::Proposing => room.is_proposing(),
            Self::Looking => !typing,
            Self::Repository => !typing && room.setting.github.is_some(),
            Self::Overlay => !typing && overlay,
            Self::Rehearsal => !typing && room.setting.rehearsal.is_some(),
            Self::Faults => !typing && room.view.overlay == Some(Overlay::Faults),
            Self::Panes => !typing && !overlay,
            Self::Dashboard => !typing && room.setting.dashboard.is_some(),
            Self::Pane(pane) => !typing && !overlay && room.panes().any(|known| known == pane),
            Self::Pipeline => {
                !typing && !overlay && room.view.focus == Pane::Pipeline && room.has_repository()
            }
            Self::JobLog => !typing && room.view.overlay == Some(Overlay::JobLog),
            Self::Checklist => !typing && !overlay && room.view.focus == Pane::Checklist,
            Self::Pods => !typing && !overlay && room.view.focus == Pane::Pair,
            Self::Groups => {
                !typing
                    && !overlay
                    && room.view.focus == Pane::Errors
                    && room.logs.view().mode == Mode::Groups
            }
            Self::Errors => !typing && !overlay && Shape::of(size, room).shows(Pane::Errors, room),
        }
    }
}

impl Binding {
    /// The binding that a key means now.
    #[must_use]
    pub fn of(event: KeyEvent, room: &Room, size: Size) -> Option<&'static Self> {
        BINDINGS
            .iter()
            .find(|binding| binding.keys.iter().any(|key| key.is(event)) && binding.scope.applies(room, size))
    }

    /// The binding that opens an action's dialog.
    #[must_use]
    pub fn of_action(kind: ActionKind) -> Option<&'static Self> {
        BINDINGS
            .iter()
            .find(|binding| matches!(&binding.does, Does::Intent(Intent::Ask(known)) if *known == kind))
    }

    /// The first binding of an intent.
    #[must_use]
    pub fn of_intent(intent: &Intent) -> Option<&'static Self> {
        BINDINGS.iter().find(|binding| matches!(&binding.does, Does::Intent(known) if known == intent))
    }

    /// The first key, as it is written.
    #[must_use]
    pub fn key(&self) -> String {
        self.keys.first().map(ToString::to_string).unwrap_or_default()
    }

    /// All keys, as they are written: `k, Up`.
    #[must_use]
    pub fn all_keys(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Whether a room has what it is for at all.
    #[must_use]
    pub fn is_for(&self, room: &Room) -> bool {
        match self.scope {
            Scope::Repository | Scope::Pipeline | Scope::JobLog | Scope::Proposing => room.has_repository(),
            Scope::Pane(pane) => room.panes().any(|known| known == pane),
            Scope::Checklist => room.setting.checklist.is_some(),
            Scope::Dashboard => room.setting.dashboard.is_some(),
            _ => true,
        }
    }

    /// The bindings that a room's palette offers for what was typed: every word of it
    /// occurs in the binding's words.
    #[must_use]
    pub fn matching(typed: &str, room: &Room) -> Vec<&'static Self> {
        let typed = typed.to_lowercase();
        BINDINGS
            .iter()
            .filter(|binding| matches!(binding.does, Does::Intent(_)) && binding.is_for(room))
            .filter(|binding| {
                !matches!(
                    binding.scope,
                    Scope::Typing
                        | Scope::Overlay
                        | Scope::JobLog
                        | Scope::Proposing
                        | Scope::Groups
                        | Scope::Pods
                        | Scope::Checklist
                        | Scope::Rehearsal
                        | Scope::Faults
                )
            })
            .filter(|binding| {
                !matches!(&binding.does, Does::Intent(Intent::Open(Overlay::Palette) | Intent::Close))
            })
            .filter(|binding| {
                typed.split_whitespace().all(|word| binding.words.to_lowercase().contains(word))
            })
            .collect()
    }
}

impl Key {
    /// Whether an event is this key. Shift is in the character already.
    #[must_use]
    pub fn is(self, event: KeyEvent) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let other = KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META | KeyModifiers::HYPER;
        self.code == event.code && self.ctrl == control && !event.modifiers.intersects(other)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(char) if self.ctrl => write!(f, "Ctrl-{}", char.to_ascii_uppercase()),
            KeyCode::Char(char) => write!(f, "{char}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// The README's key table, in Markdown.
#[must_use]
pub fn key_table_markdown() -> String {
    let mut table = String::from("| key | what it does |\n|---|---|\n");
    for group in Group::ALL {
        table.push_str(&format!("| | **{}** |\n", group.title()));
        for binding in BINDINGS.iter().filter(|binding| binding.group == group) {
            let keys: Vec<String> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
            table.push_str(&format!("| {} | {} |\n", keys.join(" "), binding.words));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_bindings_of_one_scope_share_a_key() {
        for (place, binding) in BINDINGS.iter().enumerate() {
            assert!(!binding.keys.is_empty() && !binding.words.is_empty());
            for other in &BINDINGS[place + 1..] {
                let shared = binding.keys.iter().any(|key| other.keys.contains(key));
                assert!(
                    !shared || binding.scope != other.scope,
                    "{} and {} share a key",
                    binding.words,
                    other.words
                );
            }
        }
    }

    #[test]
    fn every_action_has_a_key_and_every_binding_is_in_the_table() {
        for kind in ActionKind::ALL {
            assert!(Binding::of_action(kind).is_some(), "{kind}");
        }
        let table = key_table_markdown();
        for binding in BINDINGS {
            assert!(table.contains(binding.words), "{}", binding.words);
        }
    }
}
