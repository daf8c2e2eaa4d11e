//! Keys: all from one table, each reachable, none of them able to do harm by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/rooms.rs"]
mod rooms;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use cutover::room::intent::{Edit, Intent, LogIntent, Motion, Overlay, Pane};
use cutover::room::message::Effect;
use cutover::sop::operation::{Action, ActionKind};
use cutover::ui::bindings::{BINDINGS, Binding, Does, Key};
use cutover::ui::{self, Look, keymap};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use rooms::Stage;

const SIZE: Size = Size::new(120, 40);

fn event(key: Key) -> KeyEvent {
    let shift = matches!(key.code, KeyCode::Char(char) if char.is_ascii_uppercase());
    let modifiers = match (key.ctrl, shift) {
        (true, _) => KeyModifiers::CONTROL,
        (_, true) => KeyModifiers::SHIFT,
        _ => KeyModifiers::NONE,
    };
    KeyEvent::new(key.code, modifiers)
}

fn plain(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Presses a key as the program would.
fn press(stage: &mut Stage, event: KeyEvent) -> Option<Intent> {
    let intent = keymap::intent(&stage.room, event, SIZE)?;
    stage.want(intent.clone());
    Some(intent)
}

fn press_all(stage: &mut Stage, text: &str) {
    for char in text.chars() {
        press(stage, plain(KeyCode::Char(char)));
    }
}

/// Every situation in which keys may mean something else.
fn situations() -> Vec<Stage> {
    let mut all: Vec<Stage> = Vec::new();
    for pane in Pane::ALL {
        let mut stage = Stage::watch();
        stage.want(Intent::Focus(pane));
        all.push(stage);
    }
    let mut groups = Stage::watch();
    groups.want(Intent::Focus(Pane::Errors)).want(Intent::Logs(LogIntent::Groups));
    let mut help = Stage::watch();
    help.want(Intent::Open(Overlay::Help));
    let mut dialog = Stage::watch();
    dialog.want(Intent::Ask(ActionKind::Rollback)).pass(Duration::from_secs(1));
    let rehearsal = Stage::rehearsal();
    let mut faults = Stage::rehearsal();
    faults.want(Intent::Open(Overlay::Faults));
    let measuring =
        Stage::measuring(|setting| setting.dashboard = Some("https://grafana.example/d/1".into()));
    let mut repository = Stage::watch();
    repository.room.setting.github = Some(rooms::github());
    let mut pipeline = Stage::watch();
    pipeline.room.setting.github = Some(rooms::github());
    pipeline.want(Intent::Focus(Pane::Pipeline));
    let mut job_log = Stage::watch();
    job_log.want(Intent::Open(Overlay::JobLog));
    let mut proposing = Stage::watch();
    proposing.room.setting.github = Some(rooms::github());
    proposing.want(Intent::Ask(ActionKind::Propose)).pass(Duration::from_secs(1));
    let listing = Stage::listing();
    let mut checklist = Stage::listing();
    checklist.want(Intent::Focus(Pane::Checklist));
    all.extend([
        groups, help, dialog, rehearsal, faults, measuring, repository, pipeline, job_log, proposing,
        listing, checklist,
    ]);
    all
}

#[test]
fn every_key_of_every_binding_is_reachable() {
    let situations = situations();
    for binding in BINDINGS {
        for key in binding.keys {
            let reached = situations.iter().any(|stage| {
                Binding::of(event(*key), &stage.room, SIZE).is_some_and(|found| std::ptr::eq(found, binding))
            });
            assert!(reached, "{key} never means `{}`", binding.words);
        }
    }
}

#[test]
fn help_and_footer_say_what_the_table_says() {
    let mut stage = Stage::listing();
    stage.room.setting.dashboard = Some("https://grafana.example/d/1".into());
    stage.room.setting.github = Some(rooms::github());
    stage.room.setting.alerts = true;
    stage.want(Intent::Open(Overlay::Help));
    let mut seen = String::new();
    for _ in 0..10 {
        seen.push_str(&screen(&stage));
        press(&mut stage, plain(KeyCode::PageDown));
    }
    for binding in BINDINGS {
        assert!(seen.contains(&binding.all_keys()), "{}", binding.all_keys());
        assert!(seen.contains(binding.words), "{}", binding.words);
    }
    let footer = screen(&Stage::watch()).lines().last().unwrap().to_owned();
    for kind in [ActionKind::Rollback, ActionKind::Retire] {
        let key = Binding::of_action(kind).unwrap().key();
        assert!(footer.contains(&format!(" {key} {kind}")), "{footer}");
    }
}

fn screen(stage: &Stage) -> String {
    let look = Look { colour: true, unicode: true };
    let mut terminal = Terminal::new(TestBackend::new(SIZE.width, SIZE.height)).unwrap();
    terminal.draw(|frame| ui::draw(frame, &stage.room, &look)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content.chunks(usize::from(SIZE.width));
    rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
}

#[test]
fn one_key_changes_nothing_in_the_world() {
    for mut stage in situations() {
        stage.effects.clear();
        for binding in BINDINGS {
            for key in binding.keys {
                press(&mut stage, event(*key));
            }
        }
        assert!(!stage.effects.iter().any(|effect| matches!(effect, Effect::Execute(_))));
    }
}

#[test]
fn a_switch_takes_the_key_the_word_and_enter() {
    let mut stage = Stage::ready();
    press(&mut stage, KeyEvent::new(KeyCode::Char('S'), KeyModifiers::SHIFT));
    stage.pass(Duration::from_millis(400));
    press_all(&mut stage, "green");
    press(&mut stage, plain(KeyCode::Enter));
    let executed: Vec<&Action> = stage
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Execute(order) => Some(&order.action),
            _ => None,
        })
        .collect();
    assert_eq!(executed, [&Action::Switch { to: cutover::sop::colour::Colour::Green }]);
    assert!(stage.room.view.dialog.is_none());
}

#[test]
fn what_was_typed_for_something_else_is_swallowed() {
    let mut stage = Stage::ready();
    press(&mut stage, KeyEvent::new(KeyCode::Char('S'), KeyModifiers::SHIFT));
    press_all(&mut stage, "green");
    press(&mut stage, plain(KeyCode::Enter));
    assert!(stage.effects.is_empty());
    let dialog = stage.room.view.dialog.as_ref().unwrap();
    assert!(dialog.is_untouched());
}

#[test]
fn a_paste_confirms_nothing_and_goes_nowhere_outside_text() {
    let mut stage = Stage::ready();
    assert_eq!(keymap::paste(&stage.room, "green"), None);
    press(&mut stage, KeyEvent::new(KeyCode::Char('S'), KeyModifiers::SHIFT));
    stage.pass(Duration::from_millis(400));
    let pasted = keymap::paste(&stage.room, "green\n").unwrap();
    assert_eq!(pasted, Intent::Edit(Edit::Paste("green\n".into())));
    stage.want(pasted);
    press(&mut stage, plain(KeyCode::Enter));
    assert!(stage.effects.is_empty());
}

#[test]
fn letters_are_text_while_something_is_typed() {
    let mut stage = Stage::watch();
    press(&mut stage, plain(KeyCode::Char(':')));
    press_all(&mut stage, "quit");
    assert_eq!(stage.room.view.palette.text.as_str(), "quit");
    let chosen = press(&mut stage, plain(KeyCode::Enter)).unwrap();
    assert_eq!(chosen, Intent::Chosen(Box::new(Intent::Quit)));
    assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    assert!(stage.room.view.overlay.is_none());
}

#[test]
fn the_palette_opens_a_dialog_but_confirms_nothing() {
    let mut stage = Stage::watch();
    press(&mut stage, plain(KeyCode::Char(':')));
    press_all(&mut stage, "take the release back");
    press(&mut stage, plain(KeyCode::Enter));
    assert_eq!(stage.room.view.dialog.as_ref().map(|dialog| dialog.kind), Some(ActionKind::Rollback));
    assert!(stage.effects.is_empty());
}

#[test]
fn the_palette_finds_by_every_word() {
    let mut stage = Stage::watch();
    let words: Vec<_> =
        Binding::matching("TRAFFIC idle", &stage.room).iter().map(|found| found.words).collect();
    assert_eq!(words, ["switch the traffic to the idle colour"]);
    assert!(Binding::matching("", &stage.room).len() > 20);
    assert!(Binding::matching("no such thing", &stage.room).is_empty());
    assert!(Binding::matching("merge squash", &stage.room).is_empty(), "there is no repository");
    stage.room.setting.github = Some(rooms::github());
    assert_eq!(Binding::matching("merge squash", &stage.room).len(), 1);
}

#[test]
fn the_chosen_pod_stays_open_when_the_list_changes_its_order() {
    use cutover::room::message::{Change, Observation};
    use cutover::sop::colour::Colour;
    let mut stage = Stage::watch();
    press(&mut stage, plain(KeyCode::Char('j')));
    let chosen = stage.room.selected_pod().unwrap().to_owned();
    press(&mut stage, plain(KeyCode::Enter));
    let mut failing = rooms::pod(Colour::Green, "v1.1.0", 4);
    (failing.ready, failing.reason) = (false, Some("CrashLoopBackOff".into()));
    stage.see(Observation::Pods(Change::Some { changed: vec![failing], gone: Vec::new() }));
    assert_ne!(stage.room.selected_pod(), Some(chosen.as_str()));
    assert!(screen(&stage).contains(&format!("│ {chosen} ")));
}

#[test]
fn movements_stop_at_the_ends() {
    let mut stage = Stage::watch();
    for _ in 0..20 {
        press(&mut stage, plain(KeyCode::Char('j')));
    }
    assert_eq!(stage.room.view.pod, 5);
    press(&mut stage, plain(KeyCode::Home));
    assert_eq!(stage.room.view.pod, 0);
    let moved = BINDINGS.iter().filter(|binding| matches!(binding.does, Does::Move(Motion::Up)));
    assert_eq!(moved.count(), 2, "in panes and in dialogs");
}

#[test]
fn the_readme_has_the_key_table() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, after) = readme.split_once("<!-- keys -->\n").expect("a place for the keys");
    let (table, _) = after.split_once("<!-- /keys -->").expect("an end of the keys");
    let wanted = ui::bindings::key_table_markdown();
    assert_eq!(table.trim(), wanted.trim(), "put this between the marks:\n{wanted}");
}
