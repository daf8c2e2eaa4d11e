//! The entries.

use crossterm::event::KeyCode;

use super::{Binding, Does, Group, Key, Scope};
use crate::room::checklist::CheckIntent;
use crate::room::intent::{Edit, Intent, LogIntent, Motion, Overlay, Pane, ReleaseIntent, Writing};
use crate::sop::operation::ActionKind;

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
