//! The procedure's checklist and the release's repository: what the program finds out by
//! itself, in the rehearsal's world, by the command line and by keys in a terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/drawing.rs"]
mod drawing;
#[path = "support/releases.rs"]
mod releases;
#[path = "support/rooms.rs"]
mod rooms;
mod support;

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cutover::rehearsal::github::people::{DEVELOPER, ORCHESTRATOR, PLAYER, Person};
use cutover::rehearsal::github::seed::HOTFIX;
use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
use cutover::room::message::Observation;
use cutover::sop::hotfix::Hotfix;
use cutover::sop::repository::{GitHubSetting, Repository};
use drawing::{COLOUR, cell, drawn, text};
use ratatui::style::Color;
use serde_json::{Value, json};
use support::pty::Pty;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(60);

/// A world with a checklist, played now: commands have no clock but the machine's.
struct Night {
    directory: TempDir,
    stage: Stage,
    runtime: tokio::runtime::Runtime,
}

impl Night {
    fn raise(scenario: &str) -> Self {
        // Without a provider of TLS the client panics; a second installation is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut scenario = Scenario::find(scenario).unwrap();
        if !scenario.github.hotfix {
            scenario.checklist = Some("production".into());
        }
        scenario.evening = None;
        scenario.github.followed = true;
        scenario.github.colleagues_review = false;
        scenario.github.step = Duration::from_millis(50);
        scenario.github.mergeability = Duration::from_millis(50);
        let world = directory.path().join("world");
        let stage = runtime.block_on(Stage::raise(scenario, 1, 1, Some(&world))).unwrap();
        Self { directory, stage, runtime }
    }

    /// The release's pull request is opened.
    fn propose(&self) -> &Self {
        self.propose_from("develop", "Release v1.1.0")
    }

    fn propose_from(&self, branch: &str, title: &str) -> &Self {
        let body = json!({"title": title, "head": branch, "base": "main", "body": "It."});
        self.post("github", "/repos/taxasge/backend/pulls", &body);
        self
    }

    fn review(&self, by: &Person) {
        self.post("control", "/github/review", &json!({"user": by.login, "state": "APPROVE"}));
    }

    /// The number of the newest pull request.
    fn number(&self) -> String {
        let url = format!("{}/repos/taxasge/backend/pulls", self.stage.urls()["github"].as_str().unwrap());
        let pulls: Value = self.runtime.block_on(async {
            let http = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
            http.get(url).bearer_auth(PLAYER.token()).send().await.unwrap().json().await.unwrap()
        });
        pulls[0]["number"].to_string()
    }

    fn post(&self, whom: &str, path: &str, body: &Value) {
        let url = format!("{}{path}", self.stage.urls()[whom].as_str().unwrap());
        let sent = self.runtime.block_on(async {
            let http = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
            http.post(url).bearer_auth(PLAYER.token()).json(body).send().await.unwrap().status()
        });
        assert!(sent.is_success(), "{path}: {sent}");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).arg("--config").arg(self.stage.directory().join("config.toml"));
        command.env("XDG_STATE_HOME", self.directory.path()).env("LOGNAME", "ops1");
        if self.stage.world.scenario.github.hotfix {
            command.args(["--hotfix", HOTFIX]);
        }
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Whatever only waits for its time on GitHub happens now.
    fn advance(&self) {
        self.post("control", "/github/advance", &json!({}));
    }

    #[track_caller]
    fn act(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// State and words of each item.
    fn check(&self) -> (BTreeMap<String, (String, String)>, Value) {
        let output = self.run(&["check", "--output", "json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let items =
            json["groups"].as_array().unwrap().iter().flat_map(|group| group["items"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let known = items.map(|item| (text(&item["id"]), (text(&item["state"]), text(&item["seen"]))));
        (known.collect(), json["blocked"].clone())
    }
}

/// Whether an action is held up by an item.
fn holds(blocked: &Value, gate: &str, item: &str) -> bool {
    blocked[gate].as_array().is_some_and(|items| items.iter().any(|held| held == item))
}

#[test]
fn a_release_in_which_all_goes_well_is_green_from_evidence_but_for_what_people_say() {
    let night = Night::raise("release");
    let (before, _) = night.check();
    assert_eq!(
        before["review"],
        ("unknown".into(), "no release is under way: its pull request is not open yet".into())
    );
    night.propose();
    let (open, blocked) = night.check();
    assert_eq!(open["review"].0, "fail", "{open:?}");
    assert!(holds(&blocked, "merge", "review") && holds(&blocked, "switch", "review"), "{blocked}");
    night.review(DEVELOPER);
    night.review(ORCHESTRATOR);
    let (items, blocked) = night.check();
    let evidence = [
        ("tests", "coverage 91.2 % (coverage/pytest: 91.2 % of lines)"),
        ("review", "approved at"),
        ("linters", "passed: lint at"),
        ("security", "passed: security/bandit; passed: security/secrets at"),
        ("staging", "staging has had"),
        ("e2e", "passed: e2e/staging at"),
        ("performance", "passed: performance/locust at"),
        ("no-p0-p1", "no open issue is labelled P0 or P1"),
        ("changelog", "CHANGELOG.md (+"),
        ("api-documentation", "docs/openapi.json (+"),
        ("release-notes", "draft v1.1.0, "),
        ("runbook", "docs/runbook.md (+"),
        ("on-call", "on call: "),
    ];
    for (id, words) in evidence {
        let (state, said) = &items[id];
        assert!(state == "pass" && said.contains(words), "{id}: {state}: {said}");
    }
    assert!(!holds(&blocked, "merge", "review") && blocked["merge"].as_array().is_none_or(Vec::is_empty));
    for by_hand in ["users-told", "team-told", "rollback-plan", "dashboards"] {
        assert_eq!(items[by_hand].0, "manual", "{by_hand}");
    }
}

#[test]
fn too_little_coverage_and_a_bug_hold_the_merge_and_the_approval_up_in_words() {
    let night = Night::raise("failing-coverage");
    night.propose().review(DEVELOPER);
    night.review(ORCHESTRATOR);
    let (items, blocked) = night.check();
    let (state, words) = &items["tests"];
    assert!(state == "fail" && words.starts_with("coverage 81.9 %, expected > 85 %"), "{state}: {words}");
    assert!(holds(&blocked, "merge", "tests") && holds(&blocked, "approve", "tests"), "{blocked}");
    let number = night.number();
    let order = ["pr", "--merge", "--number", &number, "--yes"];
    let merge = night.run(&[&order[..], &["--output", "json"]].concat());
    let said = String::from_utf8_lossy(&merge.stdout).into_owned() + &String::from_utf8_lossy(&merge.stderr);
    assert_eq!(merge.status.code(), Some(3), "{said}");
    assert!(
        said.contains("all tests pass (coverage > 85 %) (fail): coverage 81.9 %, expected > 85 %"),
        "{said}"
    );
    let reason = "checklist=the new code is generated";
    night.advance();
    night.act(&[&order[..], &["--override", reason]].concat());
}

#[test]
fn what_was_never_on_staging_and_a_known_bug_hold_the_approval_up() {
    let skipped = Night::raise("staging-skipped");
    let (items, blocked) = skipped.propose().check();
    let (state, words) = &items["staging"];
    assert!(
        state == "fail" && words.starts_with("staging has ") && words.contains(", the release is "),
        "{words}"
    );
    assert!(holds(&blocked, "approve", "staging") && holds(&blocked, "switch", "staging"), "{blocked}");
    assert_eq!(items["e2e"].0, "unknown", "nothing was tried there");

    let known = Night::raise("known-bug");
    let (items, blocked) = known.propose().check();
    let (state, words) = &items["no-p0-p1"];
    assert!(
        state == "fail" && words.contains("BUG-131: Declarations are lost on a time-out (P1)"),
        "{words}"
    );
    assert!(holds(&blocked, "approve", "no-p0-p1") && !holds(&blocked, "merge", "no-p0-p1"), "{blocked}");
    assert!(holds(&blocked, "approve", "backup"), "nobody spoke of a backup: {blocked}");
}

/// The program as an operator runs it, on a rehearsal of a scenario.
fn rehearse(scenario: &str, state: &TempDir) -> Pty {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(["rehearse", scenario, "--seed", "1"]);
    command.env("XDG_STATE_HOME", state.path()).env("LOGNAME", "ops1");
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
    Pty::spawn(&command, 120, 40)
}

#[test]
fn on_a_friday_the_checklist_says_no_and_by_keys_items_are_ticked_and_waived() {
    let state = tempfile::tempdir().unwrap();
    let room = rehearse("friday", &state);
    room.wait_for_text("6 Checklist", SOON);
    room.type_keys("6");
    room.wait_for_text("t tick  w waive", SOON);
    room.type_keys("z");
    room.wait_for_text("today is Fri in Malabo", SOON);
    room.type_keys("i");
    room.wait_for_text("outside the deploy window: opens Tue", SOON);
    room.type_keys("\u{1b}");
    room.wait_for("the checklist again", SOON, |screen| !screen.contents().contains("Interlocks"));
    // The rollback plan stands three before the last item.
    room.type_keys("Gkkkt");
    room.type_until("docs/rollback.md of today", "docs/rollback.md of today");
    room.type_keys("\r");
    room.wait_for("the tick", SOON, |screen| {
        let text = screen.contents();
        text.lines().any(|line| line.contains("rollback plan documented") && line.contains("pass"))
    });
    room.type_keys("Gw");
    room.wait_for_text("only who is in command waives it", SOON);
    room.type_keys("o");
    room.wait_for_text("in command: you", SOON);
    room.type_keys("w");
    room.type_until("the ministry asks for it", "the ministry asks for it");
    room.type_keys("\r");
    room.wait_for("the waiver", SOON, |screen| {
        let text = screen.contents();
        text.lines().any(|line| line.contains("not on a Friday") && line.contains("waived"))
    });
}

#[test]
fn a_hotfix_goes_by_its_own_list_to_the_merge_back() {
    let night = Night::raise("hotfix");
    night.propose_from(HOTFIX, "Hotfix v1.1.1");
    let (items, blocked) = night.check();
    assert!(items["bug"].0 == "pass" && items["bug"].1.contains("BUG-131"), "{:?}", items["bug"]);
    assert_eq!(items["review"].0, "fail");
    assert_eq!(items["tests"].0, "pass", "{:?}", items["tests"]);
    assert!(holds(&blocked, "merge", "review") && holds(&blocked, "close", "merged-back"), "{blocked}");
    night.review(ORCHESTRATOR);
    let (items, _) = night.check();
    assert!(items["review"].0 == "pass", "one is enough: {:?}", items["review"]);
    assert!(items["merged-back"].1.contains("is not merged to main yet"), "{:?}", items["merged-back"]);
    night.advance();
    let number = night.number();
    let reason = "checklist=the cause is in the pull request";
    night.act(&["pr", "--merge", "--number", &number, "--yes", "--override", reason]);
    let missing = night.check().0["merged-back"].clone();
    assert!(missing.0 == "fail" && missing.1.contains("merge main back into develop"), "{missing:?}");
    let closing = night.run(&["close", "--service", "backend", "--yes", "--output", "json"]);
    let said = String::from_utf8_lossy(&closing.stdout);
    assert!(!closing.status.success() && said.contains("main merged back to develop (fail)"), "{said}");
    night.advance();
    let reason = "checklist=the backup is of this hour";
    let approve =
        ["approve", "--environment", "production", "--comment", "go", "--yes", "--override", reason];
    support::until("the approval", SOON, || {
        night.advance();
        night.run(&approve).status.success().then_some(())
    });
    let back = support::until("the merge back", SOON, || {
        night.advance();
        Some(night.check().0["merged-back"].clone()).filter(|(state, _)| state == "pass")
    });
    assert!(back.1.starts_with("develop has "), "{back:?}");
}

#[test]
fn without_a_bug_of_the_highest_priorities_there_is_no_hotfix() {
    let night = Night::raise("release");
    let config = night.stage.directory().join("config.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(["check", "--hotfix", "develop", "--config"]).arg(config);
    let output = command.env("XDG_STATE_HOME", night.directory.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("no open issue is labelled P0 or P1: this is no hotfix"), "{said}");
}

#[test]
fn the_timeline_sets_actual_against_target_late_in_red_and_in_words() {
    let mut setting = rooms::setting();
    setting.hotfix = Some(Hotfix { detected: rooms::at(-52 * 60) });
    setting.github =
        Some(GitHubSetting { approvals: 1, each_role: Vec::new(), hotfix: true, ..rooms::github() });
    let mut stage = rooms::Stage::with(setting);
    stage.fill("v1.1.0", "v1.1.1", 3);
    let late = "HOTFIX T+52 min: investigation is 37 min late";
    assert!(text(&stage.room, (120, 40), COLOUR).contains(late), "{}", text(&stage.room, (120, 40), COLOUR));
    assert_eq!(cell(&drawn(&stage.room, (120, 40), COLOUR), "HOTFIX").fg, Color::LightRed);
    // Approved five minutes ago, in minute 47.
    let repository = Repository { pull_request: Some(releases::open_request()), ..Repository::default() };
    stage.see(Observation::Repository(Box::new(repository)));
    let wide = text(&stage.room, (200, 50), COLOUR);
    for words in
        ["HOTFIX T+52 min: deploy next, due at T+60", "review 47/45 +2", "deploy …/60", "verify …/75"]
    {
        assert!(wide.contains(words), "no `{words}`:\n{wide}");
    }
    let buffer = drawn(&stage.room, (200, 50), COLOUR);
    assert_eq!(cell(&buffer, "review 47/45").fg, Color::LightRed);
    assert_ne!(cell(&buffer, "HOTFIX").fg, Color::LightRed, "what is next is not late");
    let small = text(&stage.room, (80, 24), COLOUR);
    assert!(small.contains("HOTFIX T+52 min: deploy next, due at T+60  deploy …/60"), "{small}");
}

#[test]
fn in_the_rehearsal_the_timeline_goes_on_by_what_is_done() {
    let state = tempfile::tempdir().unwrap();
    let room = rehearse("hotfix", &state);
    room.wait_for_text("HOTFIX T+0 min: investigation next, due at T+15", SOON);
    room.type_keys("6");
    room.wait_for_text("t tick  w waive", SOON);
    // Its second item: the cause is known.
    room.type_keys("\u{1b}[Hjt");
    room.type_until("a time-out loses them", "a time-out loses them");
    room.type_keys("\r");
    room.wait_for_text(": fix next, due at T+30", SOON);
}
