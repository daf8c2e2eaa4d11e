//! The checklist in the room: by keys, among several operators, in the way of actions; and
//! by the command line against a world.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/rooms.rs"]
mod rooms;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use cutover::room::checklist::CheckIntent;
use cutover::room::dialog::Readiness;
use cutover::room::intent::{Intent, Motion, Pane};
use cutover::room::message::{CheckNews, Effect, Observation};
use cutover::sop::alert::{Duty, OnCall};
use cutover::sop::checklist::evidence::{Evidence, Found};
use cutover::sop::checklist::standing::{Standing, State};
use cutover::sop::command::{Command as DeployCommand, Operator};
use cutover::sop::interlock::{Interlock, InterlockId};
use cutover::sop::note::{Note, Noted};
use cutover::sop::operation::ActionKind;
use cutover::ui::keymap;
use ratatui::layout::Size;
use rooms::Stage;
use serde_json::Value;

const SIZE: Size = Size::new(120, 40);

fn press(stage: &mut Stage, code: KeyCode) {
    if let Some(intent) = keymap::intent(&stage.room, KeyEvent::new(code, KeyModifiers::NONE), SIZE) {
        stage.want(intent);
    }
}

fn type_in(stage: &mut Stage, text: &str) {
    text.chars().for_each(|char| press(stage, KeyCode::Char(char)));
}

fn standing(stage: &Stage, id: &str) -> Standing {
    let (checklist, standings) = stage.room.listed().unwrap();
    standings[checklist.place(id).unwrap()].clone()
}

/// Goes to an item by the keys.
fn choose(stage: &mut Stage, id: &str) {
    press(stage, KeyCode::Char('6'));
    press(stage, KeyCode::Home);
    let place = stage.room.setting.checklist.as_ref().unwrap().place(id).unwrap();
    for _ in 0..place {
        press(stage, KeyCode::Char('j'));
    }
    assert_eq!(stage.room.chosen_item(), Some(place));
}

fn noted(stage: &mut Stage) -> Vec<Note> {
    let notes = stage.effects.drain(..).filter_map(|effect| match effect {
        Effect::Note(note) => Some(note),
        _ => None,
    });
    notes.collect()
}

fn newest_notice(stage: &Stage) -> String {
    stage.room.notices.back().map(|(_, notice)| notice.words.clone()).unwrap_or_default()
}

fn lock(stage: &Stage, kind: ActionKind, id: InterlockId) -> Option<Interlock> {
    stage.room.standing(kind).interlocks.into_iter().find(|lock| lock.id == id)
}

#[test]
fn what_is_known_of_the_night_stands_in_the_list() {
    let mut stage = Stage::listing();
    let states = [
        "tests",
        "changelog",
        "performance",
        "users-told",
        "configuration",
        "on-call",
        "window",
        "not-friday",
    ]
    .map(|id| standing(&stage, id).state);
    use State::{Fail, Manual, NotApplicable, Pass, Unknown, Waived};
    assert_eq!(states, [Pass, Manual, Waived, NotApplicable, Pass, Unknown, Fail, Pass]);
    assert_eq!(standing(&stage, "window").words, "opens Tue 24 Nov 22:00 Malabo (21:00 UTC)");
    assert_eq!(standing(&stage, "tests").by.as_deref(), Some("ops2@bastion-2"));
    assert_eq!(stage.room.settled_items(), (9, 23));
    let person = OnCall { name: "Ana".into(), level: 1, until: None };
    stage.see(Observation::Duty(Duty { on_call: vec![person], incidents: Vec::new() }));
    assert_eq!(standing(&stage, "on-call").words, "on call: Ana");
    // A day later the ticks have expired; what was let go for good has, too.
    stage.pass(Duration::from_secs(25 * 3600)).live();
    assert_eq!(standing(&stage, "tests").state, State::Stale);
    assert_eq!(standing(&stage, "on-call").state, State::Unknown);
}

#[test]
fn a_tick_by_keys_is_a_note_that_everybody_in_the_room_sees() {
    let (mut mine, mut theirs) = (Stage::listing(), Stage::listing());
    choose(&mut mine, "changelog");
    press(&mut mine, KeyCode::Char('t'));
    type_in(&mut mine, "see 1.1.0");
    press(&mut mine, KeyCode::Enter);
    let notes = noted(&mut mine);
    assert_eq!(notes.len(), 1);
    assert!(
        matches!(&notes[0].what, Noted::Ticked { item, words, .. } if item == "changelog" && words == "see 1.1.0")
    );
    assert_eq!(standing(&mine, "changelog").state, State::Pass);

    let mut record = theirs.room.record.clone().unwrap();
    record.note(notes[0].clone());
    theirs.see(Observation::Record(record.clone()));
    let seen = standing(&theirs, "changelog");
    assert_eq!((seen.state, seen.by.as_deref()), (State::Pass, Some("ops1@bastion-1")));

    // They take it back, and mine is open again.
    choose(&mut theirs, "changelog");
    press(&mut theirs, KeyCode::Char('u'));
    record.note(noted(&mut theirs).remove(0));
    mine.see(Observation::Record(record));
    assert_eq!(standing(&mine, "changelog").state, State::Manual);
}

#[test]
fn what_may_not_be_said_is_refused_with_why() {
    let mut stage = Stage::listing();
    let refused = [
        ("window", 't', "it fails, nobody ticks that: opens Tue 24 Nov"),
        ("configuration", 't', "it is verified by the program, nobody ticks it"),
        ("backup", 'w', "nobody may waive it"),
        ("e2e", 'w', "only who is in command waives it"),
        ("changelog", 'a', "it is always necessary"),
    ];
    for (id, key, words) in refused {
        choose(&mut stage, id);
        press(&mut stage, KeyCode::Char(key));
        assert!(stage.room.view.prompt.is_none(), "{id}");
        assert!(newest_notice(&stage).contains(words), "{id}: {}", newest_notice(&stage));
    }
    choose(&mut stage, "changelog");
    press(&mut stage, KeyCode::Char('w'));
    press(&mut stage, KeyCode::Enter);
    let trouble = stage.room.view.prompt.as_ref().and_then(|prompt| prompt.trouble.clone());
    assert_eq!(trouble.as_deref(), Some("a reason is needed"));
    assert_eq!(noted(&mut stage), []);

    stage.want(Intent::Close).see(Observation::Command(DeployCommand::Mine { fence: 4 }));
    choose(&mut stage, "e2e");
    press(&mut stage, KeyCode::Char('w'));
    type_in(&mut stage, "staging is being rebuilt");
    press(&mut stage, KeyCode::Enter);
    assert_eq!(standing(&stage, "e2e").state, State::Waived);

    let mut read_only = Stage::listing();
    read_only.room.setting.read_only = true;
    for key in ['t', 'w', 'a', 'u'] {
        choose(&mut read_only, "changelog");
        press(&mut read_only, KeyCode::Char(key));
        assert!(newest_notice(&read_only).starts_with("read-only"), "{key}");
    }
    assert_eq!(noted(&mut read_only), []);
}

#[test]
fn the_filter_keeps_the_chosen_item_and_a_prompt_its_own() {
    let mut stage = Stage::listing();
    choose(&mut stage, "changelog");
    let changelog = stage.room.chosen_item();
    press(&mut stage, KeyCode::Char('f'));
    assert!(stage.room.view.open_only);
    assert_eq!(stage.room.chosen_item(), changelog);
    press(&mut stage, KeyCode::Char('t'));
    // Meanwhile a colleague settles an item before it: the list moves, the prompt does not.
    let mut record = stage.room.record.clone().unwrap();
    record.note(rooms::said(Noted::Ticked {
        item: "e2e".into(),
        words: String::new(),
        of: Default::default(),
    }));
    stage.see(Observation::Record(record));
    assert_ne!(stage.room.chosen_item(), changelog);
    press(&mut stage, KeyCode::Enter);
    assert_eq!(standing(&stage, "changelog").state, State::Pass);
}

#[test]
fn what_is_open_holds_the_switch_up_until_a_reason_is_given() {
    let mut stage = Stage::listing();
    let held = lock(&stage, ActionKind::Switch, InterlockId::Checklist).unwrap();
    assert!(!held.is_clear());
    assert!(
        held.why().starts_with("E2E tests pass on staging (manual): an operator has to say so (+"),
        "{}",
        held.why()
    );
    assert_eq!(lock(&stage, ActionKind::Switch, InterlockId::Required), None);
    assert_eq!(
        lock(&stage, ActionKind::Rollback, InterlockId::Checklist),
        None,
        "the way back asks for no list"
    );
    stage.want(Intent::Ask(ActionKind::Switch)).pass(Duration::from_secs(1)).live();
    let wants = |stage: &Stage| {
        let dialog = stage.room.view.dialog.as_ref().unwrap();
        (dialog.readiness(&stage.room), dialog.reasons.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    };
    let (readiness, reasons) = wants(&stage);
    assert!(matches!(readiness, Readiness::Reason(_)), "{readiness:?}");
    assert_eq!(reasons, [InterlockId::Window, InterlockId::Checklist]);
}

#[test]
fn a_pod_without_its_secret_holds_the_switch_up_whatever_the_reason() {
    let mut stage = Stage::listing();
    let mut pod = rooms::pod(cutover::sop::colour::Colour::Green, "v1.1.0", 0);
    pod.reason = Some("CreateContainerConfigError".into());
    pod.message = Some("secret \"tax-key\" not found".into());
    stage.see(Observation::Pods(cutover::room::message::Change::Some {
        changed: vec![pod],
        gone: Vec::new(),
    }));
    stage.pass(Duration::from_secs(2)).live();
    let held = lock(&stage, ActionKind::Switch, InterlockId::Required).unwrap();
    assert!(held.why().contains("secret \"tax-key\" not found"), "{}", held.why());
    assert!(!held.id.overridable());
}

#[test]
fn a_list_that_was_not_looked_at_clears_nothing() {
    let mut stage = Stage::listing();
    stage.room.assessed.evidence.checklist = None;
    let held = lock(&stage, ActionKind::Switch, InterlockId::Checklist).unwrap();
    assert_eq!((held.is_clear(), held.why()), (false, "not looked at yet"));
}

#[test]
fn what_a_source_found_counts_until_it_is_old_and_a_rerun_is_an_order() {
    let mut stage = Stage::listing();
    let mut checklist = (**stage.room.setting.checklist.as_ref().unwrap()).clone();
    let place = checklist.place("backup").unwrap();
    checklist.items[place].verifier =
        cutover::sop::checklist::Verifier::Asked(cutover::sop::checklist::Question {
            ask: cutover::sop::checklist::Ask::Query(cutover::sop::checklist::Query {
                query: "backup_age_seconds".into(),
                compare: cutover::sop::checklist::Compare::Below(86_400.0),
            }),
            limit: Duration::from_secs(5),
        });
    stage.room.setting.checklist = Some(Arc::new(checklist));
    let tell = |stage: &mut Stage, news| {
        stage.see(Observation::Check("backup".into(), news));
        standing(stage, "backup").state
    };
    assert_eq!(tell(&mut stage, CheckNews::Running), State::Running);
    let evidence = |stage: &Stage, found| Evidence {
        found,
        seen: "3600, expected < 86400".into(),
        from: "Prometheus".into(),
        at: stage.now,
        of: stage.room.checklist.order().release,
    };
    let unknown = CheckNews::Found(evidence(&stage, Found::Unknown));
    assert_eq!(tell(&mut stage, unknown), State::Unknown);
    let pass = CheckNews::Found(evidence(&stage, Found::Pass));
    assert_eq!(tell(&mut stage, pass), State::Pass);
    // Nobody can make it a pass that is not asked for.
    stage.see(Observation::Check("no-such-item".into(), CheckNews::Running));

    let before = stage.room.checklist.order();
    choose(&mut stage, "backup");
    press(&mut stage, KeyCode::Char('r'));
    let after = stage.room.checklist.order();
    assert_eq!((before.again.get("backup"), after.again.get("backup")), (None, Some(&1)));
    assert_eq!(after.release.image.as_deref(), Some(rooms::image("v1.1.0").as_str()));
    stage.want(Intent::Check(CheckIntent::Again));
    assert_eq!(stage.room.checklist.order().again["backup"], 2);
    stage.want(Intent::Focus(Pane::Checklist)).want(Intent::Move(Motion::Home, Default::default()));
    stage.want(Intent::Check(CheckIntent::Again));
    assert!(newest_notice(&stage).contains("nothing to run"));
    stage.pass(Duration::from_secs(25 * 3600)).live();
    assert_eq!(standing(&stage, "backup").state, State::Stale);
}

#[test]
fn own_identity_is_what_the_record_has() {
    let operator = rooms::setting().operator;
    assert_eq!(Operator::shown(&operator.identity()), "ops1@bastion-1");
}

/// A world to check in, with a checklist of the team's own.
struct World {
    process: Child,
    home: tempfile::TempDir,
}

impl World {
    fn start(checklist: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_cutover"))
            .args(["rehearse", "--serve", "--output", "json", "--dir"])
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let config = home.path().join("config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, format!("{text}\n[checklist]\nfile = 'team.toml'\n")).unwrap();
        std::fs::write(home.path().join("team.toml"), checklist).unwrap();
        Self { process, home }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cutover"))
            .args(arguments)
            .arg("--config")
            .arg(self.home.path().join("config.toml"))
            .env("XDG_STATE_HOME", self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const TEAM: &str = r#"
name = "team"
[[groups]]
id = "before"
en = "Before"
[[items]]
id = "idle"
group = "before"
en = "the idle pods have what they name"
kind = "configuration"
blocks = ["switch"]
[[items]]
id = "echo"
group = "before"
en = "the script says ok"
kind = "command"
command = ["echo", "ok {{version}}"]
matches = "^ok v"
holds = "1h"
blocks = ["switch"]
"#;

const BLOCKING: &str = r#"
[[items]]
id = "plan"
group = "before"
en = "rollback plan <written>"
kind = "manual"
blocks = ["switch", "close"]
overridable = false
"#;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_command_prints_the_list_and_tells_by_its_status_whether_anything_blocks() {
    let world = World::start(TEAM);
    let clear = world.run(&["check"]);
    assert_eq!(clear.status.code(), Some(0), "{}", said(&clear));
    let text = said(&clear);
    assert!(text.contains("### Before 2/2") && text.contains("2/2, nothing blocks"), "{text}");
    assert!(text.contains("pass     the script says ok: exit status 0: ok v1"), "{text}");

    std::fs::write(world.home.path().join("team.toml"), format!("{TEAM}{BLOCKING}")).unwrap();
    let blocked = world.run(&["check", "--output", "json"]);
    assert_eq!(blocked.status.code(), Some(3), "{}", said(&blocked));
    let json: Value = serde_json::from_slice(&blocked.stdout).unwrap();
    assert_eq!(
        (&json["settled"], &json["count"], &json["checklist"]),
        (&2.into(), &3.into(), &"team".into())
    );
    assert_eq!(json["blocked"]["switch"], serde_json::json!(["plan"]));
    assert_eq!(json["groups"][0]["items"][2]["state"], "manual");
    let markdown = said(&world.run(&["check", "--output", "markdown"]));
    assert!(
        markdown.contains("- [ ] rollback plan &lt;written>: **manual** an operator has to say so"),
        "{markdown}"
    );
    assert!(markdown.contains("- [x] the script says ok"), "{markdown}");

    let switch =
        world.run(&["switch", "--to", "green", "--yes", "--output", "json", "--override", "checklist=no"]);
    assert_eq!(switch.status.code(), Some(3), "{}", said(&switch));
    assert!(said(&switch).contains("rollback plan <written> (manual)"), "{}", said(&switch));

    std::fs::write(world.home.path().join("team.toml"), "include = 'nowhere'").unwrap();
    let wrong = world.run(&["check"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(said(&wrong).contains("team.toml:1:11: include: expected one of production"), "{}", said(&wrong));
}
