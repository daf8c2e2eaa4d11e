//! A release through GitHub by commands without a screen, in the rehearsal's world: the
//! program that is built, its command line, and servers that speak the real protocols.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutover::rehearsal::github::people::{DEVELOPER, ORCHESTRATOR, PLAYER, Person};
use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for the world to come to something.
const LATEST: Duration = Duration::from_secs(120);
/// Pause between two looks at it.
const PAUSE: Duration = Duration::from_millis(300);

/// A world, and who acts in it.
struct World {
    stage: Stage,
    http: reqwest::Client,
    directory: TempDir,
}

/// What a command came to.
#[derive(Debug)]
struct Ended {
    status: i32,
    /// One JSON object a line.
    events: Vec<Value>,
    complaint: String,
}

impl Ended {
    /// Everything that was said, in one text.
    fn words(&self) -> String {
        let words = self.events.iter().filter_map(|event| event["words"].as_str());
        words.chain([self.complaint.as_str()]).collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    fn is(&self, status: i32, part: &str) -> &Self {
        assert_eq!(self.status, status, "{self:#?}");
        let words = self.words();
        assert!(words.contains(part), "`{part}` is not in: {words}");
        self
    }
}

impl World {
    async fn raise() -> Self {
        // Without a provider of TLS the client panics; a second installation is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let mut scenario = Scenario::find("release").unwrap();
        scenario.github.colleagues_review = false;
        scenario.github.step = Duration::from_millis(100);
        scenario.github.mergeability = Duration::from_millis(100);
        let stage = Stage::raise(scenario, 1, 1, Some(&directory.path().join("world"))).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let world = Self { stage, http, directory };
        for person in [PLAYER, ORCHESTRATOR, DEVELOPER] {
            std::fs::write(world.config(person), world.configuration(person)).unwrap();
        }
        world
    }

    fn config(&self, person: &Person) -> PathBuf {
        self.stage.directory().join(format!("{}.toml", person.login))
    }

    /// The stage's own configuration, with this person's token.
    fn configuration(&self, person: &Person) -> String {
        let plain = std::fs::read_to_string(self.stage.directory().join("config.toml")).unwrap();
        let before = plain.split("\n[github]").next().unwrap();
        format!(
            "{before}
[github]
repository = \"taxasge/backend\"
url = \"{}\"
token_file = \"{}.github.token\"
long_lived = [\"release\"]
interval = \"1s\"

[people]
orchestrator = [\"orchestrator\"]
developer = [\"developer\"]
",
            self.stage.urls()["github"].as_str().unwrap(),
            person.login,
        )
    }

    /// A command of that person, to its end.
    async fn run(&self, person: &Person, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).args(["--output", "json", "--config"]).arg(self.config(person));
        command.stdin(Stdio::null()).env("XDG_STATE_HOME", self.state(person)).env("LOGNAME", person.login);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ended {
            status: output.status.code().unwrap(),
            events: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn state(&self, person: &Person) -> PathBuf {
        self.directory.path().join(person.login)
    }

    /// Tells the world's game master something.
    async fn master(&self, method: reqwest::Method, path: &str, body: &Value) {
        let url = format!("{}{path}", self.stage.urls()["control"].as_str().unwrap());
        let answer = self.http.request(method, url).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    async fn review(&self, person: &Person) {
        let body = json!({"user": person.login, "state": "APPROVE"});
        self.master(reqwest::Method::POST, "/github/review", &body).await;
    }

    /// What GitHub itself says at a path below the repository.
    async fn asked(&self, path: &str) -> Value {
        let url = format!("{}/repos/taxasge/backend/{path}", self.stage.urls()["github"].as_str().unwrap());
        let answer = self.http.get(url).bearer_auth(PLAYER.token()).header("user-agent", "test").send();
        answer.await.unwrap().json().await.unwrap()
    }

    /// Runs a command again and again until it comes to that status.
    async fn until(&self, person: &Person, arguments: &[&str], wanted: impl Fn(&Ended) -> bool) -> Ended {
        let began = Instant::now();
        loop {
            let ended = self.run(person, arguments).await;
            if wanted(&ended) {
                return ended;
            }
            assert!(began.elapsed() < LATEST, "{arguments:?} never came to it: {ended:#?}");
            self.master(reqwest::Method::POST, "/github/advance", &json!({})).await;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The calls that a journal has.
fn calls(state: &Path) -> Vec<String> {
    let mut calls = Vec::new();
    let mut directories = vec![state.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            calls.extend(entries.filter_map(|entry| entry["request"].as_str().map(str::to_owned)));
        }
    }
    calls
}

/// Production's approval, as the command line names it.
const APPROVE: &[&str] = &["approve", "--environment", "production", "--comment", "go", "--yes"];
const CREATE: &[&str] = &["pr", "--create", "--base", "main", "--yes"];

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_from_the_pull_request_to_its_approval() {
    let world = World::raise().await;

    world.run(PLAYER, &["pr", "--create", "--base", "main", "--yes", "--read-only"]).await.is(3, "read-only");
    world.run(PLAYER, &["pr", "--create", "--base", "develop", "--yes"]).await.is(2, "the target is `main`");
    world.run(PLAYER, CREATE).await.is(0, "is open");
    let open = world.asked("pulls?state=open").await;
    assert_eq!(open[0]["title"], "Release v1.1.0");
    assert!(open[0]["body"].as_str().unwrap().contains("- Added POST /declarations/create"), "{open}");
    let number = open[0]["number"].as_u64().unwrap().to_string();
    world.run(PLAYER, CREATE).await.is(3, "is open already");

    let merge = ["pr", "--merge", "--number", &number, "--yes"];
    world.run(PLAYER, &merge).await.is(3, "0 of 2 approvals count");
    world.review(ORCHESTRATOR).await;
    world.review(DEVELOPER).await;
    // The checks of the head take their time.
    let merged = world.until(PLAYER, &merge, |ended| ended.status != 3).await;
    merged.is(0, &format!("ops1 merged #{number} as "));
    world.run(PLAYER, &merge).await.is(3, "merged");
    let delete = ["pr", "--delete-branch", "--branch", "develop", "--yes"];
    world.run(PLAYER, &delete).await.is(3, "develop is long-lived: releases come from it again");

    let waits = |ended: &Ended| {
        ended.events.first().is_some_and(|run| run["waiting"][0]["environment"] == "production")
    };
    let run = world.until(DEVELOPER, &["run", "show"], waits).await;
    assert_eq!(run.events[0]["waiting"][0]["may_approve"], false, "{run:#?}");
    world.run(DEVELOPER, APPROVE).await.is(3, "developer may not; orchestrator, ops1 may");
    let other = ["approve", "--environment", "production", "--head", "0123456789", "--yes"];
    world.run(ORCHESTRATOR, &other).await.is(1, "commit 0123456789 was named");
    let reject = ["reject", "--environment", "production", "--yes"];
    world.run(ORCHESTRATOR, &reject).await.is(2, "add --comment");
    world.run(ORCHESTRATOR, APPROVE).await.is(0, "orchestrator approved it for production");
    world.run(ORCHESTRATOR, APPROVE).await.is(3, "orchestrator approved it for production already");

    let made = calls(&world.state(PLAYER));
    let below = |call: &String| call.replace("/repos/taxasge/backend/", "");
    let made: Vec<String> = made.iter().map(below).collect();
    assert_eq!(
        made,
        ["POST pulls".to_owned(), format!("PUT pulls/{number}/merge")],
        "what was refused was not sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_looked_up() {
    let world = World::raise().await;
    world.master(reqwest::Method::PUT, "/faults/github-answer-lost", &json!({})).await;
    world.run(PLAYER, CREATE).await.is(0, "the answer was lost, GitHub was asked");
    assert_eq!(world.asked("pulls?state=open").await.as_array().unwrap().len(), 1, "sent once");
    assert_eq!(calls(&world.state(PLAYER)).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_started_cancelled_and_run_again() {
    let world = World::raise().await;
    let dispatch = ["run", "dispatch", "--workflow", "staging.yml", "--ref", "develop", "--yes"];
    world.run(PLAYER, &dispatch).await.is(0, "was started by ops1");
    let dispatch = ["run", "dispatch", "--ref", "main", "--yes"];
    world.run(PLAYER, &dispatch).await.is(0, "was started by ops1");
    let listed = world.run(PLAYER, &["run", "list"]).await;
    let number = listed.events[0]["number"].as_u64().unwrap().to_string();
    let cancel = ["run", "cancel", "--number", &number, "--yes"];
    world.run(PLAYER, &cancel).await.is(0, &format!("#{number} is cancelled"));
    world.run(PLAYER, &cancel).await.is(3, "is over: cancelled");
    let again = ["run", "rerun", "--number", &number, "--yes"];
    world.run(PLAYER, &again).await.is(0, &format!("#{number} runs again, as attempt 2"));
    world.run(PLAYER, &again).await.is(3, "is not over");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_repository_the_commands_say_so() {
    let world = World::raise().await;
    let plain = std::fs::read_to_string(world.config(PLAYER)).unwrap();
    std::fs::write(world.config(PLAYER), plain.split("\n[github]").next().unwrap()).unwrap();
    for arguments in [&["pr"][..], &["run", "list"], APPROVE] {
        world.run(PLAYER, arguments).await.is(2, "no repository is configured: add [github]");
    }
}
