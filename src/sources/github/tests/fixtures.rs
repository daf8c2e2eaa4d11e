//! Answers that GitHub really gave, recorded by the Octokit project: npm
//! `@octokit/fixtures`, whose directory `CUTOVER_OCTOKIT_FIXTURES` names. They are served
//! on loopback; where they cover a call, it is made as everywhere else.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use super::fake::{Fake, Reply, config};
use crate::sop::commit::Sha;
use crate::sop::pull_request::CheckState;
use crate::sources::github::access;
use crate::sources::github::answer::{self, List};
use crate::sources::github::client::Client;
use crate::sources::github::read::Questions;

const VARIABLE: &str = "CUTOVER_OCTOKIT_FIXTURES";

/// The recordings of one scenario.
fn recorded(scenario: &str) -> Option<Vec<Value>> {
    let Some(package) = std::env::var_os(VARIABLE) else {
        println!("skipped: {VARIABLE} does not name the package @octokit/fixtures");
        return None;
    };
    let file = format!("scenarios/api.github.com/{scenario}/normalized-fixture.json");
    let text = std::fs::read_to_string(PathBuf::from(package).join(file)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// Serves what was recorded of one method; addresses lead to the server.
fn serve(fake: &Fake, recorded: &[Value], method: &str) {
    for exchange in recorded.iter().filter(|exchange| exchange["method"] == method) {
        let here = |text: String| text.replace("https://api.github.com", &fake.url);
        let body = match &exchange["response"] {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let status = u16::try_from(exchange["status"].as_u64().unwrap()).unwrap();
        let mut reply = Reply::new(status, &here(body));
        for (name, value) in exchange["headers"].as_object().unwrap() {
            // The length is that of the recorded addresses.
            if let (Some(value), false) = (
                value.as_str(),
                matches!(name.as_str(), "content-length" | "content-encoding" | "transfer-encoding"),
            ) {
                reply = reply.header(name, &here(value.to_owned()));
            }
        }
        fake.answer(exchange["path"].as_str().unwrap(), reply);
    }
}

#[tokio::test]
async fn recorded_statuses_are_checks() {
    let Some(recorded) = recorded("create-status") else { return };
    let fake = Fake::start().await;
    serve(&fake, &recorded, "get");
    let client = Client::new(&config(&fake.url)).await.unwrap();
    let sha = format!("{:0>40}", 1);
    let path = format!("/repos/octokit-fixture-org/create-status/commits/{sha}/status");
    let status: answer::Status = client.read(&path).await.unwrap();
    let checks = answer::checks(Sha(sha), &[], &status.statuses);
    let states: Vec<(&str, &CheckState)> =
        checks.all.iter().map(|check| (check.name.as_str(), &check.state)).collect();
    assert_eq!(states, [("example/1", &CheckState::Failed), ("example/2", &CheckState::Passed)]);
    assert_eq!(client.rate().map(|rate| rate.left), Some(4999));
}

#[tokio::test]
async fn recorded_pages_are_followed_to_the_last() {
    let Some(recorded) = recorded("paginate-issues") else { return };
    let fake = Fake::start().await;
    serve(&fake, &recorded, "get");
    let mut config = config(&fake.url);
    config.setting.repository = "octokit-fixture-org/paginate-issues".into();
    let client = Client::new(&config).await.unwrap();
    let questions = Questions { client: &client, setting: &config.setting };
    let (pages, more) =
        questions.pages("issues?per_page=3", 10, |List(page): List<answer::Pull>| page).await.unwrap();
    let numbers: Vec<u64> = pages.iter().map(|issue| issue.number).collect();
    assert_eq!((numbers, more), ((1..=13).rev().collect(), false));
}

#[tokio::test]
async fn a_recorded_rename_is_refused_for_reading_and_writing() {
    let Some(recorded) = recorded("rename-repository") else { return };
    let path = "/repos/octokit-fixture-org/rename-repository";
    let fake = Fake::start().await;
    let client = Client::new(&config(&fake.url)).await.unwrap();
    serve(&fake, &recorded, "get");
    let read = client.get(path).await.unwrap_err();
    assert!(read.status() == Some(301) && read.words().contains("renamed"), "{read:?}");
    serve(&fake, &recorded, "patch");
    let written = client.send(Method::PATCH, path, Some(&json!({"name": "x"}))).await.unwrap_err();
    assert_eq!(written.status(), Some(307));
    assert_eq!(fake.asked().len(), 2, "nothing was followed");
}

#[tokio::test]
async fn a_recorded_refusal_names_the_field() {
    let Some(recorded) = recorded("errors") else { return };
    let fake = Fake::start().await;
    serve(&fake, &recorded, "post");
    let client = Client::new(&config(&fake.url)).await.unwrap();
    let path = "/repos/octokit-fixture-org/errors/labels";
    let refused = client.send(Method::POST, path, Some(&json!({"name": "foo"}))).await.unwrap_err();
    assert_eq!(refused.status(), Some(422));
    assert!(refused.words().ends_with("Validation Failed; color: invalid"), "{}", refused.words());
}

#[tokio::test]
async fn a_recorded_deletion_needs_no_body() {
    let Some(recorded) = recorded("git-refs") else { return };
    let fake = Fake::start().await;
    serve(&fake, &recorded, "delete");
    let client = Client::new(&config(&fake.url)).await.unwrap();
    let path = "/repos/octokit-fixture-org/git-refs/git/refs/heads/test";
    assert!(client.send(Method::DELETE, path, None).await.is_ok());
}

#[tokio::test]
async fn a_recorded_repository_tells_who_may_push() {
    let Some(recorded) = recorded("get-repository") else { return };
    let fake = Fake::start().await;
    serve(&fake, &recorded, "get");
    let mut config = config(&fake.url);
    config.setting.repository = "octokit-fixture-org/hello-world".into();
    let client = Client::new(&config).await.unwrap();
    let access = access(&client, &config.setting).await.unwrap();
    assert_eq!((access.may_push, access.user), (Some(true), None), "the rest was not recorded");
    assert!(access.workflow.is_err() && access.reviewers.is_err(), "nor is it taken for good");
}

/// As the logs of jobs are handed out.
#[tokio::test]
async fn a_recorded_redirect_names_the_place() {
    let Some(recorded) = recorded("get-archive") else { return };
    let fake = Fake::start().await;
    serve(&fake, &recorded, "get");
    let client = Client::new(&config(&fake.url)).await.unwrap();
    let path = "/repos/octokit-fixture-org/get-archive/tarball/main";
    let place = client.location(path).await.unwrap().unwrap();
    let wanted = "https://codeload.github.com/octokit-fixture-org/get-archive/legacy.tar.gz/refs/heads/main";
    assert_eq!(place.as_str(), wanted);
    assert_eq!(fake.asked().len(), 1, "the token did not go there");
}
