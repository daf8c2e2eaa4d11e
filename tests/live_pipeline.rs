//! In both worlds: a release through GitHub, whose pipeline deploys, tests and switches by
//! the program's own commands, with users on the line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use cutover::rehearsal::github::people::{ORCHESTRATOR, PLAYER, Person};
use cutover::rehearsal::github::workflow::Stage as Step;
use serde_json::Value;
use support::bastion::Bastion;
use support::pty::Pty;
use support::repository::{Order, Repository, calls, script};
use support::until;
use support::users::{Answer, Witness};
use support::world::{World, worlds};

worlds!(
    a_release_is_carried_from_the_pull_request_to_the_traffic,
    smoke_tests_that_fail_stop_the_pipeline_before_the_switch,
    smoke_tests_that_fail_after_the_switch_are_taken_back_by_the_watch,
);

const V1_0_0: &str = "ghcr.io/taxasge/backend:v1.0.0";
const V1_1_0: &str = "ghcr.io/taxasge/backend:v1.1.0";
/// How long a screen may take.
const SOON: Duration = Duration::from_secs(30);
/// How long GitHub and the pipeline's commands may take.
const PIPELINE: Duration = Duration::from_secs(180);

/// What the pipeline's steps call, as assets/workflows/production.yml has it.
const DEPLOY: &[&str] = &["deploy", "--version", "{version}", "--colour", "green"];
const VERIFY: &[&str] = &["verify", "--colour", "green"];
const SWITCH: &[&str] = &["switch", "--to", "green"];
/// A team's own smoke tests, which are not content.
const NOT_CONTENT: &str = "echo 'POST /declarations/create: 404' >&2; exit 1";
/// A check that v1.1.0 does not pass.
const FAILING: &str =
    "[[environments.lab.verify.checks]]\npath = \"/no-such-endpoint\"\nonly_version = \"v1.1.0\"\n";

/// The people of a release, and the machine that their pipeline runs on.
struct Release<'w> {
    world: &'w World,
    repository: Repository,
    operator: Bastion,
    orchestrator: Bastion,
}

impl<'w> Release<'w> {
    /// A pipeline that tests by `verify` before it switches, or by a script that fails
    /// after; `of_runner` is added to the configuration that it uses.
    fn begin(world: &'w World, order: Order, of_runner: &str) -> (Self, Bastion) {
        let repository = Repository::raise(world, order);
        let runner = Bastion::new(world, "pipeline", &world.oncall, of_runner);
        let (smoke, switch) = match order {
            Order::TestsFirst => (calls(&runner, &[VERIFY]), calls(&runner, &[SWITCH])),
            Order::SwitchFirst => (script(NOT_CONTENT), calls(&runner, &[VERIFY, SWITCH])),
        };
        let deploy = calls(&runner, &[DEPLOY]);
        repository.runs([(Step::Deploy, deploy), (Step::Smoke, smoke), (Step::Switch, switch)]);
        let of =
            |person: &Person| Bastion::new(world, person.login, &world.oncall, &repository.tables(person));
        let (operator, orchestrator) = (of(PLAYER), of(ORCHESTRATOR));
        (Self { world, repository, operator, orchestrator }, runner)
    }

    /// From the pull request to the approval; the run as it ended.
    fn carry_through(&self) -> Value {
        self.operator.act(&["pr", "--create", "--base", "main"]).expect(0);
        let number = self.operator.act(&["pr"]).expect(0).events()[0]["number"].to_string();
        let merge = ["pr", "--merge", "--number", &number];
        self.operator.act(&merge).blocked_by("reviews");
        self.repository.colleagues_approve();
        // The checks of the head take their time.
        until("the merge", PIPELINE, || {
            let merged = self.operator.act(&merge);
            (merged.status != 3).then_some(merged)
        })
        .expect(0);
        self.until_run("it to wait for its approval", |run| run["waiting"][0]["environment"] == "production");
        assert_eq!(self.world.image("backend-green"), V1_0_0, "nothing is deployed before the approval");
        self.orchestrator.act(&["approve", "--environment", "production", "--comment", "go"]).expect(0);
        self.until_run("its end", |run| ["passed", "failed"].iter().any(|end| run["state"] == *end))
    }

    fn until_run(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, PIPELINE, || {
            let shown = self.operator.run(&["run", "show", "--output", "json"]);
            shown.events().into_iter().next().filter(&wanted)
        })
    }

    /// What the cluster's record says of the operations of one kind.
    fn recorded(&self, action: &str) -> Vec<Value> {
        let record = self.world.get("configmap/cutover-backend")["data"]["record.json"].clone();
        let record: Value = serde_json::from_str(record.as_str().unwrap()).unwrap();
        let all = record["operations"].as_array().unwrap();
        all.iter().filter(|operation| operation["action"] == action).cloned().collect()
    }

    /// The log of the job that deploys.
    fn log(&self) -> String {
        self.repository.log_of("Production")
    }
}

/// Users lose nothing while the traffic moves.
#[track_caller]
fn nothing_was_lost(seen: &[Answer]) {
    let lost: Vec<&Answer> = seen.iter().filter(|answer| answer.status.is_none()).collect();
    assert!(seen.len() > 50, "only {} requests", seen.len());
    assert!(lost.is_empty(), "users lost requests: {lost:#?}");
}

fn a_release_is_carried_from_the_pull_request_to_the_traffic(world: &World) {
    let witness = Witness::begin(&world.url());
    let (release, _runner) = Release::begin(world, Order::TestsFirst, "");
    let begun = Instant::now();
    let run = release.carry_through();
    println!("measured: pull request to the run's end {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!(run["state"], "passed", "{run:#}\n{}", release.log());
    assert_eq!((world.selected().as_str(), world.image("backend-green").as_str()), ("green", V1_1_0));

    // Who did it is in the record, and on the screen of who carries on.
    let switches = release.recorded("switch");
    let by = switches[0]["by"].as_str().unwrap();
    assert_eq!((switches.len(), by.starts_with("pipeline@")), (1, true), "{switches:#?}");
    assert_eq!(switches[0]["outcome"]["result"], "verified", "{switches:#?}");
    let approved = release.recorded("approve");
    assert!(approved[0]["by"].as_str().unwrap().starts_with("orchestrator@"), "{approved:#?}");
    let room = Pty::spawn(&release.operator.in_terminal(&[]), 120, 40);
    room.wait_for("the watch", SOON, |screen| {
        let text = screen.contents();
        text.contains("GREEN has the traffic") && text.contains("WATCH") && text.contains("by pipeline@")
    });
    drop(room);

    let seen = witness.end();
    nothing_was_lost(&seen);
    assert_eq!(seen.last().unwrap().version.as_deref(), Some("v1.1.0"), "new connections reach it");
    println!("measured: {} requests, none lost", seen.len());
}

fn smoke_tests_that_fail_stop_the_pipeline_before_the_switch(world: &World) {
    let witness = Witness::begin(&world.url());
    let (release, runner) = Release::begin(world, Order::TestsFirst, FAILING);
    let run = release.carry_through();
    assert_eq!(run["state"], "failed", "{run:#}");
    let log = release.log();
    assert!(log.contains("/no-such-endpoint"), "the log tells which check failed: {log}");
    assert_eq!((world.selected().as_str(), world.image("backend-green").as_str()), ("blue", V1_1_0));
    assert_eq!(release.recorded("switch"), Vec::<Value>::new(), "nobody tried");
    runner.act(&["switch", "--to", "green"]).blocked_by("verified");
    let seen = witness.end();
    nothing_was_lost(&seen);
    assert!(seen.iter().all(|answer| answer.version.as_deref().is_none_or(|version| version == "v1.0.0")));
}

fn smoke_tests_that_fail_after_the_switch_are_taken_back_by_the_watch(world: &World) {
    let witness = Witness::begin(&world.url());
    let (release, _runner) = Release::begin(world, Order::SwitchFirst, "");
    let run = release.carry_through();
    assert_eq!(
        (run["state"].as_str(), world.selected().as_str()),
        (Some("failed"), "green"),
        "{}",
        release.log()
    );

    let begun = Instant::now();
    let watch = ["watch", "--minutes", "1", "--rollback", "automatic", "--output", "json"];
    let watch = release.operator.run(&watch).expect(5);
    println!("measured: the watch took it back after {:.1} s", begun.elapsed().as_secs_f64());
    let events = watch.events();
    let trigger = events.iter().find(|event| event["event"] == "trigger").unwrap();
    assert!(trigger["words"].as_str().unwrap().contains("smoke tests failed"), "{trigger}");
    assert_eq!(world.selected(), "blue");
    let back = release.recorded("rollback");
    assert!(back[0]["by"].as_str().unwrap().starts_with("ops1@"), "{back:#?}");
    let reason = back[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("automatic: run #") && reason.contains("smoke tests failed"), "{reason}");
    nothing_was_lost(&witness.end());
}
