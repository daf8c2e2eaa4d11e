//! The workflows in `assets/workflows` call this program as it really is.

use std::collections::BTreeSet;

use clap::Parser as _;
use serde_json::Value;

use super::{Cli, Command};

const WORKFLOWS: [(&str, &str); 2] = [
    ("production.yml", include_str!("../../assets/workflows/production.yml")),
    ("staging.yml", include_str!("../../assets/workflows/staging.yml")),
];

/// What the workflow syntax has (docs.github.com, "Workflow syntax for GitHub Actions").
const OF_WORKFLOW: &[&str] =
    &["name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"];
const OF_JOB: &[&str] = &[
    "name",
    "permissions",
    "needs",
    "if",
    "runs-on",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
    "uses",
    "with",
    "secrets",
];
const OF_STEP: &[&str] = &[
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
];

fn parsed(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The jobs, each after the one that it needs.
fn jobs(workflow: &Value) -> Vec<(&String, &Value)> {
    let all = workflow["jobs"].as_object().unwrap();
    let mut in_order: Vec<(&String, &Value)> = Vec::new();
    while in_order.len() < all.len() {
        let next = all.iter().find(|(id, job)| {
            let ready = |needed: &str| in_order.iter().any(|(known, _)| *known == needed);
            !ready(id) && job["needs"].as_str().is_none_or(ready)
        });
        in_order.push(next.expect("a job needs one that is there and does not need it"));
    }
    in_order
}

fn steps(workflow: &Value) -> Vec<&Value> {
    jobs(workflow).into_iter().flat_map(|(_, job)| job["steps"].as_array().unwrap()).collect()
}

#[test]
fn only_documented_keys_are_used() {
    for (name, text) in WORKFLOWS {
        let workflow = parsed(text);
        let known = |of: &[&str], value: &Value, what: &str| {
            for key in keys(value) {
                assert!(of.contains(&key), "{name}: {what} has no key `{key}`");
            }
        };
        known(OF_WORKFLOW, &workflow, "a workflow");
        let names: BTreeSet<&String> = jobs(&workflow).into_iter().map(|(id, _)| id).collect();
        for (id, job) in jobs(&workflow) {
            known(OF_JOB, job, "a job");
            assert!(job["runs-on"].is_string() || job["runs-on"].is_array(), "{name}: {id}");
            let needs = job["needs"].as_str().map(str::to_owned);
            assert!(needs.is_none_or(|needs| names.contains(&needs)), "{name}: {id} needs an unknown job");
        }
        for step in steps(&workflow) {
            known(OF_STEP, step, "a step");
            let (run, uses) = (step["run"].is_string(), step["uses"].is_string());
            assert!(run != uses, "{name}: a step either runs or uses: {step}");
        }
    }
}

/// The calls of this program in a script: to the end of the line or of the substitution.
fn calls(script: &str) -> Vec<String> {
    let lines = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    let after = lines.flat_map(|line| line.match_indices("cutover ").map(move |(at, _)| (line, at)));
    let calls = after.filter(|(line, at)| {
        let before = line[..*at].chars().next_back();
        matches!(before, None | Some(' ' | '('))
    });
    calls
        .map(|(line, at)| line[at..].split([')', '|', ';', '&', '<', '>']).next().unwrap().to_owned())
        .collect()
}

/// A call's words, with the values that the shell would put in.
fn words(call: &str) -> Vec<String> {
    let values = [("\"$IDLE\"", "green"), ("\"$ACTIVE\"", "blue"), ("\"$VERSION\"", "sha-0123456789ab")];
    let call = values.into_iter().fold(call.to_owned(), |call, (name, value)| call.replace(name, value));
    assert!(!call.contains(['$', '"', '\'']), "a value that this test does not know: {call}");
    call.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_call_of_this_program_is_one() {
    for (name, text) in WORKFLOWS {
        let workflow = parsed(text);
        let scripts = steps(&workflow).into_iter().filter_map(|step| step["run"].as_str());
        let mut used = BTreeSet::new();
        for call in scripts.flat_map(calls) {
            let words = words(&call);
            let cli = Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{name}: `{call}`: {error}"));
            let (word, confirm) = match &cli.command {
                Some(Command::Deploy(deploy)) => ("deploy", Some(&deploy.confirm)),
                Some(Command::Verify(verify)) => ("verify", Some(&verify.confirm)),
                Some(Command::Switch(switch)) => ("switch", Some(&switch.confirm)),
                Some(Command::Rollback(rollback)) => ("rollback", Some(&rollback.confirm)),
                Some(Command::Watch(_)) => ("watch", None),
                Some(Command::Status(_)) => ("status", None),
                Some(Command::Doctor(_)) => ("doctor", None),
                other => panic!("{name}: `{call}` is {other:?}"),
            };
            assert!(
                confirm.is_none_or(|confirm| confirm.yes),
                "{name}: nobody answers in a pipeline: {call}"
            );
            assert_eq!(cli.common.env.as_deref(), name.strip_suffix(".yml"), "{name}: {call}");
            used.insert(word);
        }
        for word in ["deploy", "verify", "switch", "rollback", "status"] {
            assert!(used.contains(word), "{name} does not {word}");
        }
        assert_eq!(used.contains("watch"), name == "production.yml");
    }
}

/// The names of all steps, in order.
fn names(workflow: &Value) -> Vec<&str> {
    steps(workflow).into_iter().filter_map(|step| step["name"].as_str()).collect()
}

#[test]
fn the_procedures_order_is_kept() {
    for (name, text) in WORKFLOWS {
        let workflow = parsed(text);
        let names = names(&workflow);
        let order = [
            "Tests with coverage",
            "Build",
            "Push image to the registry",
            "Back up the database",
            "Run database migrations",
            "Deploy to the idle colour",
            "Run smoke tests",
            "Switch traffic",
            "Take the traffic back",
            "Notify",
        ];
        let places: Vec<Option<usize>> =
            order.iter().map(|wanted| names.iter().position(|known| known == wanted)).collect();
        assert!(places.iter().all(Option::is_some), "{name}: {places:?}");
        assert!(places.is_sorted(), "{name}: {names:?}");
    }
}

#[test]
fn only_production_waits_for_an_approval_and_nothing_breaks_it_off() {
    for (name, text) in WORKFLOWS {
        let workflow = parsed(text);
        let environment = name.strip_suffix(".yml").unwrap();
        let of_jobs: Vec<&str> =
            jobs(&workflow).into_iter().filter_map(|(_, job)| job["environment"]["name"].as_str()).collect();
        assert_eq!(of_jobs, [environment], "one job alone has the environment and its secrets");
        assert_eq!(workflow["concurrency"]["cancel-in-progress"], Value::Bool(false));
        assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
    }
}
