//! The procedure's checklist and the release's repository: what the program finds out by
//! itself, in the rehearsal's world, by the command line and by keys in a terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cutover::rehearsal::github::people::{DEVELOPER, ORCHESTRATOR, PLAYER, Person};
use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
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
        scenario.checklist = Some("production".into());
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
        let body = json!({"title": "Release v1.1.0", "head": "develop", "base": "main", "body": "It."});
        self.post("github", "/repos/taxasge/backend/pulls", &body);
        self
    }

    fn review(&self, by: &Person) {
        self.post("control", "/github/review", &json!({"user": by.login, "state": "APPROVE"}));
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
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// State and words of each item.
    fn check(&self) -> (BTreeMap<String, (String, String)>, Value) {
        let output = self.run(&["check", "--output", "json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let items =
            json["groups"].as_array().unwrap().iter().flat_map(|group| group["items"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let known = items.map(|item| (text(&item["id"]), (text(&item["state"]), text(&item["words"]))));
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
    assert_eq!(before["review"], ("unknown".into(), "no pull request of the release is known".into()));
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
    let merge = night.run(&["pr", "--merge", "--yes", "--output", "json"]);
    let said = String::from_utf8_lossy(&merge.stdout).into_owned() + &String::from_utf8_lossy(&merge.stderr);
    assert_eq!(merge.status.code(), Some(3), "{said}");
    assert!(
        said.contains("all tests pass (coverage > 85 %) (fail): coverage 81.9 %, expected > 85 %"),
        "{said}"
    );
    let reason = "checklist=the new code is generated";
    let merge = night.run(&["pr", "--merge", "--yes", "--override", reason]);
    assert!(merge.status.success(), "{merge:?}");
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
    room.type_until("6z", "not on a Friday (if possible)");
    room.wait_for_text("today is Fri in Malabo", SOON);
    room.type_keys("i");
    room.wait_for_text("outside the deploy window: opens Tue", SOON);
    room.type_keys("\u{1b}");
}
