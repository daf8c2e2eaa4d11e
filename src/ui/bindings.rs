//! The one table of keys. Key handling, footer, help, palette and the README's
//! key table are all made from it.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use crate::room::Room;
use crate::room::checklist::CheckIntent;
use crate::room::intent::{Edit, Intent, LogIntent, Motion, Overlay, Pane, ReleaseIntent, Writing};
use crate::room::logs::Mode;
use crate::sop::operation::ActionKind;

use super::layout::Shape;

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

const fn char(char: char) -> Key {
    Key { code: KeyCode::Char(char), ctrl: false }
}

const fn ctrl(char: char) -> Key {
    Key { code: KeyCode::Char(char), ctrl: true }
}

const fn key(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

const fn bind(
    keys: &'static [Key],
    intent: Intent,
    words: &'static str,
    group: Group,
    scope: Scope,
) -> Binding {
    Binding { keys, does: Does::Intent(intent), words, group, scope }
}

const fn moves(keys: &'static [Key], motion: Motion, words: &'static str) -> Binding {
    Binding { keys, does: Does::Move(motion), words, group: Group::Panes, scope: Scope::Looking }
}

const fn act(keys: &'static [Key], kind: ActionKind, words: &'static str) -> Binding {
    bind(keys, Intent::Ask(kind), words, Group::Actions, Scope::Looking)
}

const fn release(keys: &'static [Key], kind: ActionKind, words: &'static str) -> Binding {
    bind(keys, Intent::Ask(kind), words, Group::Release, Scope::Repository)
}

const fn write(keys: &'static [Key], writing: Writing, words: &'static str) -> Binding {
    bind(keys, Intent::Write(writing), words, Group::Actions, Scope::Looking)
}

const fn check(keys: &'static [Key], intent: Intent, words: &'static str) -> Binding {
    bind(keys, intent, words, Group::Checklist, Scope::Checklist)
}

const fn log(keys: &'static [Key], intent: LogIntent, words: &'static str) -> Binding {
    bind(keys, Intent::Logs(intent), words, Group::Errors, Scope::Errors)
}

const fn pipeline(keys: &'static [Key], intent: ReleaseIntent, words: &'static str) -> Binding {
    bind(keys, Intent::Release(intent), words, Group::Pipeline, Scope::Pipeline)
}

const fn job_log(keys: &'static [Key], intent: ReleaseIntent, words: &'static str) -> Binding {
    bind(keys, Intent::Release(intent), words, Group::Pipeline, Scope::JobLog)
}

/// Every key of the program. Where two could apply the first one does.
pub static BINDINGS: &[Binding] = &[
    act(&[char('D')], ActionKind::Deploy, "deploy a version to the idle colour"),
    act(&[char('V')], ActionKind::Verify, "verify every pod of the idle colour"),
    act(&[char('S')], ActionKind::Switch, "switch the traffic to the idle colour"),
    act(&[char('R')], ActionKind::Rollback, "rollback: take the release back"),
    act(&[char('T')], ActionKind::Retire, "retire the old colour"),
    act(&[char('K')], ActionKind::Close, "close the release"),
    write(&[char('B')], Writing::Bug, "report a critical bug"),
    write(&[char('x')], Writing::Stop, "answer the banner: no rollback, and why"),
    write(&[char('+')], Writing::Extend, "extend the watch"),
    write(&[char('E')], Writing::End, "end the watch early"),
    bind(&[char('o')], Intent::TakeCommand, "take command", Group::Actions, Scope::Looking),
    bind(&[char('O')], Intent::GiveUpCommand, "give up command", Group::Actions, Scope::Looking),
    release(&[char('U')], ActionKind::Propose, "open the release's pull request"),
    release(&[char('M')], ActionKind::Merge, "merge the pull request (squash)"),
    release(&[char('Y')], ActionKind::DeleteBranch, "delete the merged branch"),
    release(&[char('A')], ActionKind::Approve, "approve the waiting run"),
    release(&[char('X')], ActionKind::Reject, "reject the waiting run"),
    release(&[char('W')], ActionKind::Dispatch, "start the workflow by hand"),
    release(&[char('J')], ActionKind::Rerun, "run the pipeline again"),
    release(&[char('Q')], ActionKind::Cancel, "cancel the run"),
    bind(&[char('1')], Intent::Focus(Pane::Pair), "blue/green pane", Group::Panes, Scope::Panes),
    bind(&[char('2')], Intent::Focus(Pane::Operation), "operation pane", Group::Panes, Scope::Panes),
    bind(&[char('3')], Intent::Focus(Pane::Errors), "errors pane", Group::Panes, Scope::Panes),
    bind(
        &[char('4')],
        Intent::Focus(Pane::Signals),
        "signals pane",
        Group::Panes,
        Scope::Pane(Pane::Signals),
    ),
    bind(
        &[char('5')],
        Intent::Focus(Pane::Pipeline),
        "pipeline pane",
        Group::Panes,
        Scope::Pane(Pane::Pipeline),
    ),
    bind(
        &[char('6')],
        Intent::Focus(Pane::Checklist),
        "checklist pane",
        Group::Panes,
        Scope::Pane(Pane::Checklist),
    ),
    bind(&[key(KeyCode::Tab)], Intent::FocusNext, "next pane", Group::Panes, Scope::Panes),
    bind(&[char('z')], Intent::Zoom, "pane to full screen and back", Group::Panes, Scope::Panes),
    bind(
        &[key(KeyCode::Enter)],
        Intent::Open(Overlay::Pod),
        "details of the chosen pod",
        Group::Panes,
        Scope::Pods,
    ),
    bind(
        &[key(KeyCode::Enter)],
        Intent::Logs(LogIntent::OpenGroup),
        "lines of the chosen group",
        Group::Errors,
        Scope::Groups,
    ),
    pipeline(&[key(KeyCode::Enter)], ReleaseIntent::OpenLog, "log of the chosen job"),
    pipeline(&[char('[')], ReleaseIntent::OlderRun, "older run"),
    pipeline(&[char(']')], ReleaseIntent::NewerRun, "newer run"),
    pipeline(&[char('t')], ReleaseIntent::NextWorkflow, "runs of the next workflow: staging's"),
    pipeline(&[char('f')], ReleaseIntent::Follow, "the release's own run again"),
    pipeline(&[char('b')], ReleaseIntent::Browse, "open run or pull request in the browser"),
    pipeline(&[char('c')], ReleaseIntent::CopyAddress, "copy the address of run or pull request"),
    job_log(&[char('/')], ReleaseIntent::Search, "search the job's log"),
    job_log(&[char('n')], ReleaseIntent::NextHit, "next hit in the job's log"),
    job_log(&[char('N')], ReleaseIntent::PreviousHit, "previous hit in the job's log"),
    bind(&[char('v')], Intent::Open(Overlay::Chain), "chain of evidence", Group::Pipeline, Scope::Repository),
    check(&[char('t')], Intent::Write(Writing::Tick), "tick: it is so"),
    check(&[char('w')], Intent::Write(Writing::Waive), "waive, with a reason"),
    check(&[char('a')], Intent::Write(Writing::NotApply), "not applicable, with a reason"),
    check(&[char('u')], Intent::Check(CheckIntent::Untick), "untick: take back what was said"),
    check(&[char('r')], Intent::Check(CheckIntent::Again), "re-run its verifier"),
    check(&[char('f')], Intent::Check(CheckIntent::Filter), "filter: only what is open, or everything"),
    check(&[key(KeyCode::Enter)], Intent::Open(Overlay::Evidence), "evidence of the chosen item"),
    bind(
        &[char('i')],
        Intent::Open(Overlay::Interlocks),
        "interlocks of every action",
        Group::Panes,
        Scope::Looking,
    ),
    bind(
        &[char('h')],
        Intent::Open(Overlay::History),
        "history: what was done, by whom",
        Group::Panes,
        Scope::Looking,
    ),
    bind(
        &[char('d')],
        Intent::OpenDashboard,
        "open the dashboard in a browser",
        Group::Panes,
        Scope::Dashboard,
    ),
    bind(&[char('y')], Intent::CopyDashboard, "copy the dashboard's link", Group::Panes, Scope::Dashboard),
    moves(&[char('k'), key(KeyCode::Up)], Motion::Up, "up"),
    moves(&[char('j'), key(KeyCode::Down)], Motion::Down, "down"),
    moves(&[key(KeyCode::PageUp), ctrl('b')], Motion::PageUp, "a page up"),
    moves(&[key(KeyCode::PageDown), ctrl('f')], Motion::PageDown, "a page down"),
    moves(&[key(KeyCode::Home)], Motion::Home, "to the top"),
    moves(&[key(KeyCode::End), char('G')], Motion::End, "to the end"),
    log(&[char('g')], LogIntent::Groups, "lines or groups"),
    log(&[char('p'), char(' ')], LogIntent::Pause, "pause or go on"),
    log(&[char('f')], LogIntent::Follow, "follow the newest"),
    log(&[char('/')], LogIntent::Search, "search"),
    log(&[char('n')], LogIntent::NextHit, "next hit"),
    log(&[char('N')], LogIntent::PreviousHit, "previous hit"),
    log(&[char('L')], LogIntent::NextLevel, "level"),
    log(&[char('e')], LogIntent::Pattern, "filter by a pattern"),
    log(&[char('C')], LogIntent::NextColour, "colour filter"),
    log(&[char('P')], LogIntent::NextPod, "pod filter"),
    log(&[key(KeyCode::Left)], LogIntent::Left, "move long lines to the right"),
    log(&[key(KeyCode::Right)], LogIntent::Right, "move long lines to the left"),
    log(&[char('w')], LogIntent::Wrap, "wrap long lines"),
    log(&[char('c')], LogIntent::Copy, "copy the last 100 lines shown"),
    log(&[char('s')], LogIntent::Save, "save all shown lines to a file"),
    bind(
        &[char('?'), key(KeyCode::F(1))],
        Intent::Open(Overlay::Help),
        "help",
        Group::Program,
        Scope::Looking,
    ),
    bind(
        &[char(':')],
        Intent::Open(Overlay::Palette),
        "palette: find an action",
        Group::Program,
        Scope::Looking,
    ),
    bind(
        &[char('F')],
        Intent::Open(Overlay::Faults),
        "rehearsal: faults to inject",
        Group::Program,
        Scope::Rehearsal,
    ),
    bind(
        &[key(KeyCode::Enter), char(' ')],
        Intent::ToggleFault,
        "rehearsal: chosen fault on or off",
        Group::Program,
        Scope::Faults,
    ),
    bind(
        &[key(KeyCode::F(12)), char('!')],
        Intent::Open(Overlay::Diagnostics),
        "the program's own diagnostics",
        Group::Program,
        Scope::Looking,
    ),
    bind(&[key(KeyCode::Esc)], Intent::Close, "close, leave the full screen", Group::Program, Scope::Looking),
    bind(&[char('q')], Intent::Close, "close the overlay", Group::Program, Scope::Overlay),
    bind(&[char('q'), ctrl('c')], Intent::Quit, "quit", Group::Program, Scope::Looking),
    bind(&[ctrl('z')], Intent::Suspend, "suspend to the shell", Group::Program, Scope::Everywhere),
    bind(&[ctrl('l')], Intent::Redraw, "draw the screen anew", Group::Program, Scope::Everywhere),
    bind(&[key(KeyCode::Enter)], Intent::Accept, "do what the brackets say", Group::Typing, Scope::Typing),
    bind(&[key(KeyCode::Esc), ctrl('c')], Intent::Close, "cancel", Group::Typing, Scope::Typing),
    bind(
        &[ctrl('e')],
        Intent::EditOutside,
        "write the pull request in $EDITOR",
        Group::Typing,
        Scope::Proposing,
    ),
    bind(&[key(KeyCode::Tab)], Intent::NextField, "next field", Group::Typing, Scope::Typing),
    bind(&[key(KeyCode::BackTab)], Intent::PreviousField, "previous field", Group::Typing, Scope::Typing),
    Binding {
        keys: &[key(KeyCode::Up)],
        does: Does::Move(Motion::Up),
        words: "choice above",
        group: Group::Typing,
        scope: Scope::Typing,
    },
    Binding {
        keys: &[key(KeyCode::Down)],
        does: Does::Move(Motion::Down),
        words: "choice below",
        group: Group::Typing,
        scope: Scope::Typing,
    },
    bind(
        &[key(KeyCode::Backspace)],
        Intent::Edit(Edit::Backspace),
        "take a character back",
        Group::Typing,
        Scope::Typing,
    ),
    bind(&[ctrl('u')], Intent::Edit(Edit::Clear), "clear the line", Group::Typing, Scope::Typing),
];

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
