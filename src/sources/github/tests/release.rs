//! A release from its open pull request to its waiting run, as the reader sees it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::fake::{Fake, Reply, config};
use crate::clock::Clock;
use crate::room::message::Attention;
use crate::sop::operation::Action;
use crate::sop::pipeline::{RunId, RunState};
use crate::sop::pull_request::{CheckState, Mergeability, PullRequestState, ReviewState};
use crate::sop::repository::{Rate, ReleaseChoice};
use crate::sources::github::{Client, Reader, read_for};

const HEAD: &str = "a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4";
const SQUASH: &str = "5555555555555555555555555555555555555555";
const TREE: &str = "7777777777777777777777777777777777777777";

fn pull(merged: bool) -> Value {
    json!({
        "number": 42, "title": "Release v1.1.0", "body": "- Fixed webhooks (#157), closes #158", "state": if merged { "closed" } else { "open" },
        "draft": false, "user": {"login": "developer"}, "html_url": "https://github.com/taxasge/backend/pull/42",
        "head": {"ref": "develop", "sha": HEAD}, "base": {"ref": "main", "sha": "b".repeat(40)},
        "mergeable": if merged { Value::Null } else { json!(true) }, "mergeable_state": "clean",
        "merged_at": if merged { json!("2026-11-27T22:00:00Z") } else { Value::Null },
        "merged_by": if merged { json!({"login": "olga"}) } else { Value::Null },
        "merge_commit_sha": if merged { SQUASH } else { "9".repeat(40).leak() },
    })
}

fn run(id: u64, sha: &str, status: &str, conclusion: Option<&str>) -> Value {
    json!({
        "id": id, "run_number": 1230 + id, "run_attempt": 1, "name": "Deploy to production",
        "path": ".github/workflows/production.yml", "event": "push", "head_branch": "main", "head_sha": sha,
        "status": status, "conclusion": conclusion, "actor": {"login": "olga"},
        "created_at": "2026-11-27T22:00:01Z", "run_started_at": "2026-11-27T22:00:01Z", "updated_at": "2026-11-27T22:05:00Z",
        "html_url": format!("https://github.com/taxasge/backend/actions/runs/{id}"),
    })
}

/// The repository with its pull request, open or merged.
fn release(fake: &Fake, merged: bool) {
    let repository = |path: &str, body: &Value| {
        fake.answer(&format!("/repos/taxasge/backend/{path}"), Reply::json(200, body));
    };
    let rate = Reply::json(200, &json!({"login": "ops1"}))
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "4321")
        .header("x-ratelimit-reset", "1800000000");
    fake.answer("/user", rate);
    let open = if merged { json!([]) } else { json!([pull(false)]) };
    repository("pulls?state=open&head=taxasge%3Adevelop&base=main&per_page=10", &open);
    repository("pulls?state=all&base=main&sort=updated&direction=desc&per_page=30", &json!([pull(merged)]));
    repository("pulls/42", &pull(merged));
    let commit = |sha: &str, message: &str| json!({"sha": sha, "tree": {"sha": TREE}, "message": message});
    repository(&format!("git/commits/{HEAD}"), &commit(HEAD, "fix: webhooks\n\nlong"));
    repository(&format!("git/commits/{SQUASH}"), &commit(SQUASH, "Release v1.1.0 (#42)"));
    repository(
        "pulls/42/reviews?per_page=100",
        &json!([
            {"user": {"login": "olga"}, "state": "APPROVED", "commit_id": HEAD, "submitted_at": "2026-11-27T21:00:00Z"},
            {"user": null, "state": "BLESSED", "commit_id": null, "submitted_at": 5},
        ]),
    );
    repository(
        "pulls/42/files?per_page=100",
        &json!([{"filename": "app/web\u{1b}[2Jhooks.py", "additions": 3, "deletions": 1}]),
    );
    repository(
        &format!("commits/{HEAD}/check-runs?per_page=100"),
        &json!({"total_count": 2, "check_runs": [
            {"name": "tests", "status": "completed", "conclusion": "success", "html_url": "https://x/1", "output": {"title": "coverage 91.2 %", "summary": null}},
            {"name": "scan", "status": "completed", "conclusion": "meditated", "html_url": "javascript:alert(1)", "output": {}},
        ]}),
    );
    repository(
        &format!("commits/{HEAD}/status?per_page=100"),
        &json!({"state": "pending", "statuses": [{"context": "ci/legacy", "state": "pending"}]}),
    );
    let mut runs = vec![run(3, &"c".repeat(40), "completed", Some("success"))];
    if merged {
        runs.insert(0, run(7, SQUASH, "waiting", None));
    }
    runs.push(run(2, &"d".repeat(40), "hibernating", None));
    repository("actions/runs?per_page=50", &json!({"total_count": runs.len(), "workflow_runs": runs}));
    repository(
        &format!("actions/workflows/production.yml/runs?head_sha={SQUASH}&per_page=10"),
        &json!({"total_count": 1, "workflow_runs": [run(7, SQUASH, "waiting", None)]}),
    );
    repository("actions/runs/7", &run(7, SQUASH, "waiting", None));
    repository(
        "actions/runs/7/attempts/1/jobs?per_page=100",
        &json!({"total_count": 2, "jobs": [
            {"id": 71, "name": "Run all tests", "status": "completed", "conclusion": "failure", "started_at": "2026-11-27T22:00:02Z", "completed_at": "2026-11-27T22:01:04Z",
             "steps": [{"number": 1, "name": "Run pytest", "status": "completed", "conclusion": "failure", "started_at": "2026-11-27T22:00:02Z", "completed_at": "2026-11-27T22:01:04Z"}]},
            {"id": 72, "name": "Production", "status": "waiting", "conclusion": null, "started_at": "2026-11-27T22:01:05Z", "completed_at": null, "steps": []},
        ]}),
    );
    repository(
        "actions/runs/7/pending_deployments",
        &json!([{
            "environment": {"id": 9, "name": "production"}, "wait_timer": 5, "wait_timer_started_at": "2026-11-27T22:01:05Z",
            "current_user_can_approve": true,
            "reviewers": [{"type": "User", "reviewer": {"login": "olga"}}, {"type": "Team", "reviewer": {"slug": "ops", "name": "Ops"}}],
        }]),
    );
    repository("actions/runs/7/approvals", &json!([]));
    let log = "2026-11-27T22:01:03.1Z collected 12 items\n2026-11-27T22:01:04.2Z ##[error]AssertionError: 502 != 200\n2026-11-27T22:01:04.3Z Post job cleanup.\n";
    fake.answer("/repos/taxasge/backend/actions/jobs/71/logs", Reply::new(200, log));
    repository(
        "actions/workflows/production.yml/runs?status=success&per_page=5",
        &json!({"total_count": 1, "workflow_runs": [run(3, &"c".repeat(40), "completed", Some("success"))]}),
    );
    repository(
        "actions/runs/3/attempts/1/jobs?per_page=100",
        &json!({"total_count": 1, "jobs": [
            {"id": 31, "name": "Run all tests", "status": "completed", "conclusion": "success", "started_at": "2026-11-26T22:00:00Z", "completed_at": "2026-11-26T22:01:00Z", "steps": []},
        ]}),
    );
    repository(&format!("commits/{SQUASH}/pulls?per_page=10"), &json!([pull(true)]));
    repository("actions/runs/3/approvals", &json!([]));
}

#[tokio::test]
async fn the_open_pull_request_is_found_with_all_that_is_judged() {
    let fake = Fake::start().await;
    release(&fake, false);
    let mut reader = Reader::new(Arc::new(config(&fake.url)), Clock::start()).await.unwrap();
    let repository = reader.round(Attention::default()).await.unwrap();
    assert_eq!(repository.user.as_deref(), Some("ops1"));
    assert!(matches!(repository.rate, Some(Rate { limit: 5000, left: 4321, .. })));
    let request = repository.pull_request.unwrap();
    assert_eq!(
        (request.number, &request.state, &request.mergeability),
        (42, &PullRequestState::Open, &Mergeability::Clean)
    );
    assert_eq!((request.head.sha.0.as_str(), request.head.title.as_str()), (HEAD, "fix: webhooks"));
    assert_eq!(request.issues, [157, 158]);
    assert_eq!(request.files[0].path, "app/web [2Jhooks.py");
    let states: Vec<&ReviewState> = request.reviews.iter().map(|review| &review.state).collect();
    assert_eq!(states, [&ReviewState::Approved, &ReviewState::Other("BLESSED".into())]);
    assert_eq!(request.reviews[1].author, "ghost");
    let checks: Vec<(&str, &CheckState)> =
        request.checks.all.iter().map(|check| (check.name.as_str(), &check.state)).collect();
    assert_eq!(
        checks,
        [
            ("tests", &CheckState::Passed),
            ("scan", &CheckState::Other("meditated".into())),
            ("ci/legacy", &CheckState::Running)
        ]
    );
    assert_eq!(request.checks.all[1].url, None);
    // Its run is still to come; those of others are no part of it.
    assert_eq!(repository.run, None);
    assert_eq!(repository.runs.last().unwrap().state, RunState::Other("hibernating".into()));
}

#[tokio::test]
async fn once_merged_the_same_release_is_followed_to_its_waiting_run() {
    let fake = Fake::start().await;
    release(&fake, false);
    let mut reader = Reader::new(Arc::new(config(&fake.url)), Clock::start()).await.unwrap();
    reader.round(Attention::default()).await.unwrap();
    release(&fake, true);
    let repository = reader.round(Attention { run: Some(3), log: None }).await.unwrap();
    let request = repository.pull_request.unwrap();
    let PullRequestState::Merged { commit, by, .. } = &request.state else { panic!("{request:?}") };
    assert_eq!((commit.sha.0.as_str(), by.as_deref()), (SQUASH, Some("olga")));
    assert_eq!(commit.holds_the_same(&request.head), Some(true));
    let run = repository.run.unwrap();
    assert_eq!((run.id, &run.state, run.number), (RunId { id: 7, attempt: 1 }, &RunState::Waiting, 1237));
    let waiting = &run.waiting[0];
    assert_eq!(
        (waiting.environment_id, waiting.may_approve, waiting.wait_timer),
        (9, true, Duration::from_secs(300))
    );
    assert_eq!(waiting.reviewers, ["olga", "team ops"]);
    assert_eq!(run.jobs[1].started, None, "a job that waits has not begun");
    let last = repository.failures[0].1.last().unwrap();
    assert_eq!((repository.failures[0].0, last.as_str()), (71, "##[error]AssertionError: 502 != 200"));
    assert_eq!(
        repository.usual,
        [(String::new(), Duration::from_secs(299)), ("Run all tests".to_owned(), Duration::from_secs(60))]
    );
    let looked_at = repository.runs.iter().find(|run| run.id.id == 3).unwrap();
    assert_eq!(looked_at.jobs.len(), 1);
    assert_eq!(repository.unread, Vec::<String>::new());
    // What was merged is not read again and again, and a log once.
    reader.round(Attention::default()).await.unwrap();
    let count = |path: &str| fake.asked().iter().filter(|asked| asked.path.ends_with(path)).count();
    assert_eq!((count("/pulls/42"), count("/jobs/71/logs")), (2, 1));
}

#[tokio::test]
async fn a_release_is_chosen_by_version_or_number_and_found_by_its_waiting_run() {
    for (choice, number) in [
        (ReleaseChoice::Version("1.1.0".into()), Some(42)),
        (ReleaseChoice::Version("v9.9.9".into()), None),
        (ReleaseChoice::PullRequest(42), Some(42)),
        (ReleaseChoice::Found, Some(42)),
    ] {
        let fake = Fake::start().await;
        release(&fake, true);
        let mut config = config(&fake.url);
        config.release = choice.clone();
        let mut reader = Reader::new(Arc::new(config), Clock::start()).await.unwrap();
        let repository = reader.round(Attention::default()).await.unwrap();
        assert_eq!(repository.pull_request.map(|request| request.number), number, "{choice:?}");
        assert_eq!(repository.run.map(|run| run.id.id), number.map(|_| 7), "{choice:?}");
        assert_eq!(repository.unread.is_empty(), number.is_some(), "{choice:?}");
    }
}

#[tokio::test]
async fn what_a_token_may_not_see_is_named_and_the_rest_is_shown() {
    let fake = Fake::start().await;
    release(&fake, true);
    let denied = Reply::json(403, &json!({"message": "Resource not accessible by integration"}));
    for path in ["/user", "/repos/taxasge/backend/actions/runs/7/pending_deployments"] {
        fake.answer(path, denied.clone());
    }
    fake.answer(&format!("/repos/taxasge/backend/commits/{HEAD}/check-runs?per_page=100"), denied);
    let mut reader = Reader::new(Arc::new(config(&fake.url)), Clock::start()).await.unwrap();
    let repository = reader.round(Attention::default()).await.unwrap();
    assert_eq!(repository.user, None);
    assert_eq!(repository.run.unwrap().id.id, 7);
    assert_eq!(repository.pull_request.unwrap().checks.commit, None);
    let named: Vec<&str> = repository.unread.iter().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(named, ["whose token this is", "checks", "what the run waits for"]);
}

#[tokio::test]
async fn an_approval_is_judged_by_what_is_there_now() {
    let fake = Fake::start().await;
    release(&fake, true);
    let config = config(&fake.url);
    let client = Client::new(&config).await.unwrap();
    let approve = Action::Approve {
        run: RunId { id: 7, attempt: 1 },
        head: crate::sop::commit::Sha(SQUASH.into()),
        environment: "production".into(),
        environment_id: 9,
        comment: String::new(),
    };
    let repository = read_for(&client, &config.setting, &approve).await.unwrap();
    assert_eq!(repository.user.as_deref(), Some("ops1"));
    assert_eq!(repository.pull_request.as_ref().unwrap().number, 42);
    assert!(repository.run.as_ref().unwrap().waiting[0].may_approve);
    assert_eq!(repository.runs.len(), 3);
    let merge = Action::Merge { number: 42, head: crate::sop::commit::Sha(HEAD.into()) };
    let repository = read_for(&client, &config.setting, &merge).await.unwrap();
    assert_eq!(repository.pull_request.unwrap().checks.all.len(), 3);
    // Nothing is taken for granted: one missing part is one too many.
    fake.answer("/repos/taxasge/backend/actions/runs/7/approvals", Reply::new(502, ""));
    assert!(read_for(&client, &config.setting, &approve).await.is_err());
}
