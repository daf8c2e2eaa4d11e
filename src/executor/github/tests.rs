//! Every way in which a call to GitHub can end, for every action, against a server.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request as Asked, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::config::{Endpoint, read_text};
use crate::executor::{Executor, ExecutorSetting};
use crate::sop::command::Operator;
use crate::sop::commit::{Commit, Sha};
use crate::sop::operation::{ActionKind, Expectation, OperationId, Order};
use crate::sop::pipeline::RunId;
use crate::sop::pull_request::{Checks, Mergeability, PullRequest, PullRequestState};
use crate::sources::kubernetes::Connection;

/// How the server takes the one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Done,
    Refused(StatusCode),
    /// Something before it fails, before or after the change was made.
    Gateway {
        done: bool,
    },
    /// It never answers.
    Silent {
        done: bool,
    },
    /// Something before it fails, and nothing can be read any more.
    Dark,
}

/// A GitHub of one repository, on which one thing can be done.
#[derive(Debug)]
struct Server {
    way: Way,
    changes: AtomicUsize,
    /// The body of the change, once it was made.
    done: Mutex<Option<Value>>,
}

impl Server {
    async fn change(&self, request: Asked) -> Response {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
        let done = matches!(self.way, Way::Done | Way::Gateway { done: true } | Way::Silent { done: true });
        if done {
            *self.done.lock().unwrap() = Some(serde_json::from_slice(&body).unwrap_or_default());
        }
        match self.way {
            Way::Done => StatusCode::NO_CONTENT.into_response(),
            Way::Refused(status) => (status, Json(json!({"message": "no, because"}))).into_response(),
            Way::Gateway { .. } | Way::Dark => {
                (StatusCode::BAD_GATEWAY, "<html>Unicorn!</html>").into_response()
            }
            Way::Silent { .. } => std::future::pending().await,
        }
    }

    fn read(&self, path: &str) -> Response {
        if self.way == Way::Dark && self.changes.load(Ordering::SeqCst) > 0 {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let done = self.done.lock().unwrap().clone();
        let is_done = done.is_some();
        let user = json!({"login": "orch"});
        let answer = match path.trim_start_matches("/repos/taxasge/backend/") {
            "pulls" => match is_done {
                true => json!([{"number": 42, "html_url": "https://github.test/42"}]),
                false => json!([]),
            },
            "pulls/42" => json!({
                "number": 42,
                "state": if is_done { "closed" } else { "open" },
                "merged": is_done,
                "merge_commit_sha": "b".repeat(40),
                "merged_by": user,
            }),
            "git/ref/heads/hotfix/one" if is_done => return StatusCode::NOT_FOUND.into_response(),
            "git/ref/heads/hotfix/one" => json!({"object": {"sha": "a".repeat(40)}}),
            "actions/runs/7/pending_deployments" => match is_done {
                true => json!([]),
                false => json!([{"environment": {"id": 9, "name": "production"}}]),
            },
            "actions/runs/7/approvals" => done.map_or(
                json!([]),
                |body| json!([{"state": body["state"], "user": user, "environments": [{"id": 9}]}]),
            ),
            "actions/workflows/production.yml/runs" => {
                let run = |id| json!({"id": id, "run_number": id, "actor": user});
                let runs = if is_done { vec![run(12), run(11)] } else { vec![run(11)] };
                json!({"workflow_runs": runs})
            }
            // Re-run and cancel show in the same run.
            "actions/runs/7" => json!({
                "id": 7,
                "run_attempt": if is_done { 2 } else { 1 },
                "status": if is_done { "completed" } else { "in_progress" },
                "conclusion": is_done.then_some("cancelled"),
            }),
            other => panic!("{other} was asked"),
        };
        Json(answer).into_response()
    }
}

async fn answer(State(server): State<Arc<Server>>, request: Asked) -> Response {
    match *request.method() {
        Method::GET => server.read(request.uri().path()),
        _ => server.change(request).await,
    }
}

async fn serve(way: Way) -> (Arc<Server>, String) {
    let server = Arc::new(Server { way, changes: AtomicUsize::new(0), done: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&server));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (server, url)
}

/// An executor whose cluster nobody needs.
struct Bench {
    world: Arc<World>,
    server: Arc<Server>,
    directory: tempfile::TempDir,
    _told: mpsc::Receiver<crate::room::message::Message>,
}

impl Bench {
    async fn new(way: Way) -> Self {
        let (server, url) = serve(way).await;
        let directory = tempfile::tempdir().unwrap();
        let mut environment = environment(directory.path());
        environment.kubernetes.kubeconfig = Some(kubeconfig(directory.path()));
        let connection = Connection::open(&environment.kubernetes).await.unwrap();
        let (room, told) = mpsc::channel(1024);
        let setting = ExecutorSetting {
            environment: Arc::new(environment),
            connection,
            operator: Operator { user: "ops1".into(), host: "b".into(), session: "s".into() },
            clock: Clock::start(),
            room,
        };
        let mut executor = Executor::with_state(setting, Some(&directory.path().join("state")));
        let world = Arc::get_mut(&mut executor.world).unwrap();
        world.github = Some(github(&url));
        let world = Arc::clone(&executor.world);
        Self { world, server, directory, _told: told }
    }

    fn job(&self, action: &Action) -> Job {
        let order = Order::new(OperationId("s-1".into()), action.clone(), Expectation::default());
        Job::new(Arc::clone(&self.world), order, CancellationToken::new())
    }

    async fn perform(&self, action: &Action) -> (Conclusion, bool) {
        let job = self.job(action);
        let github = self.world.github.as_ref().unwrap();
        let fresh = Repository { pull_request: Some(request()), ..Repository::default() };
        let conclusion = perform(&job, github, &fresh).await;
        (conclusion, job.is_left_open())
    }
}

fn environment(directory: &Path) -> crate::config::Environment {
    let text = "[environments.test]
kubernetes = { namespace = 'taxasge', service = 'backend' }
application.url = 'http://127.0.0.1:1/'
";
    read_text(text, directory, "test").unwrap()
}

fn kubeconfig(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("kubeconfig");
    let text = "apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
";
    std::fs::write(&path, text).unwrap();
    path
}

pub(super) fn github(url: &str) -> GitHub {
    let config = config::GitHub {
        endpoint: Endpoint::anonymous(url, Duration::from_millis(500)),
        setting: crate::sop::repository::GitHubSetting::of("taxasge/backend"),
        interval: Duration::from_secs(5),
        stages: Default::default(),
        release: Default::default(),
    };
    let patience = Patience {
        lost: Duration::from_millis(800),
        follow: Duration::from_millis(500),
        pause: Duration::from_millis(20),
    };
    GitHub { patience, ..GitHub::new(config) }
}

fn request() -> PullRequest {
    PullRequest {
        number: 42,
        title: "Release v1.1.0".into(),
        author: "dev".into(),
        url: String::new(),
        head_branch: "hotfix/one".into(),
        head: Commit { sha: Sha("a".repeat(40)), tree: None, title: String::new() },
        base_branch: "main".into(),
        state: PullRequestState::Open,
        mergeability: Mergeability::Clean,
        reviews: Vec::new(),
        checks: Checks::default(),
        files: Vec::new(),
        more_files: false,
        issues: Vec::new(),
    }
}

fn actions() -> [Action; 8] {
    let run = RunId { id: 7, attempt: 1 };
    let head = Sha("a".repeat(40));
    let (environment, environment_id, comment) = ("production".to_owned(), 9, "go".to_owned());
    [
        Action::Propose {
            head: "develop".into(),
            base: "main".into(),
            title: "Release v1.1.0".into(),
            body: "- one".into(),
        },
        Action::Merge { number: 42, head: head.clone() },
        Action::DeleteBranch { branch: "hotfix/one".into() },
        Action::Approve {
            run: run.clone(),
            head: head.clone(),
            environment: environment.clone(),
            environment_id,
            comment: comment.clone(),
        },
        Action::Reject { run: run.clone(), head, environment, environment_id, comment },
        Action::Dispatch { workflow: "production.yml".into(), reference: "main".into() },
        Action::Rerun { run: run.clone(), number: 7, failed_only: true },
        Action::Cancel { run, number: 7 },
    ]
}

/// What every action has to come to in one way of ending: the conclusion's kind, a part
/// of its words, and whether it stays open.
async fn all(way: Way, wanted: impl Fn(&Action) -> (&'static str, &'static str, bool)) {
    let ends = actions().map(|action| async move {
        let bench = Bench::new(way).await;
        let (conclusion, open) = bench.perform(&action).await;
        (action, conclusion, open, bench.server.changes.load(Ordering::SeqCst))
    });
    for (action, conclusion, open, changes) in futures::future::join_all(ends).await {
        let (kind, part, stays_open) = wanted(&action);
        let words = conclusion.words();
        let is = match conclusion {
            Conclusion::Verified { .. } => "verified",
            Conclusion::AppliedNotVerified { .. } => "applied",
            Conclusion::Failed { .. } => "failed",
            Conclusion::Blocked { .. } => "blocked",
        };
        assert_eq!((is, open), (kind, stays_open), "{way:?} {action:?}: {words}");
        assert!(words.contains(part), "{way:?} {action:?}: `{words}` does not say `{part}`");
        assert_eq!(changes, 1, "{way:?} {action:?}: sent once, no more");
    }
}

#[tokio::test]
async fn what_is_done_is_seen_on_github() {
    all(Way::Done, |action| {
        let part = match action.kind() {
            ActionKind::Propose => "#42 is open: https://github.test/42",
            ActionKind::Merge => "orch merged #42 as bbbbbbb",
            ActionKind::DeleteBranch => "hotfix/one is gone",
            ActionKind::Approve => "orch approved it for production",
            ActionKind::Reject => "orch rejected it for production",
            ActionKind::Dispatch => "run #12 was started by orch",
            ActionKind::Rerun => "#7 runs again, as attempt 2",
            _ => "#7 is cancelled",
        };
        ("verified", part, false)
    })
    .await;
}

#[tokio::test]
async fn a_refusal_names_what_it_comes_from_and_why() {
    for status in [403, 405, 409, 422] {
        let status = StatusCode::from_u16(status).unwrap();
        all(Way::Refused(status), |action| {
            let lock = match (action, status.as_u16()) {
                (_, 403) => Some("permission held (permission)"),
                (Action::Merge { .. }, 405) => Some("mergeable (mergeable)"),
                (Action::Merge { .. }, 409) => Some("head as shown (head)"),
                (Action::Approve { .. } | Action::Reject { .. }, 422) => Some("run waits (waiting)"),
                (Action::Rerun { .. } | Action::Cancel { .. }, 409) => Some("run as shown (run)"),
                _ => None,
            };
            match lock {
                Some(lock) => ("blocked", lock, false),
                None => ("failed", "no, because", false),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_lost_answer_of_what_was_done_is_found_out() {
    for way in [Way::Gateway { done: true }, Way::Silent { done: true }] {
        all(way, |_| ("verified", "the answer was lost, GitHub was asked", false)).await;
    }
}

#[tokio::test]
async fn a_lost_answer_of_what_was_not_done_is_found_out_where_that_can_be() {
    for way in [Way::Gateway { done: false }, Way::Silent { done: false }] {
        all(way, |action| match action {
            // These may show later.
            Action::Dispatch { .. } | Action::Cancel { .. } => ("failed", "unknown whether", true),
            _ => ("failed", "it is safe to try again", false),
        })
        .await;
    }
}

#[tokio::test]
async fn what_cannot_be_found_out_stays_open() {
    all(Way::Dark, |_| ("failed", "look at GitHub before it is repeated", true)).await;
}

#[tokio::test]
async fn a_branch_that_was_pushed_to_since_is_not_deleted() {
    let bench = Bench::new(Way::Done).await;
    let action = Action::DeleteBranch { branch: "hotfix/one".into() };
    let mut merged = request();
    merged.head.sha = Sha("c".repeat(40));
    let fresh = Repository { pull_request: Some(merged), ..Repository::default() };
    let job = bench.job(&action);
    let conclusion = perform(&job, bench.world.github.as_ref().unwrap(), &fresh).await;
    let words = conclusion.words();
    assert!(words.contains("hotfix/one was pushed to since: aaaaaaa is not merged"), "{words}");
    assert_eq!(bench.server.changes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_operation_that_was_left_open_is_settled_by_what_github_says() {
    let open = |action: &Action| OpenOperation {
        id: OperationId("s-1".into()),
        action: action.clone(),
        by: "ops1@b/s".into(),
        at: jiff::Timestamp::UNIX_EPOCH,
        service_uid: None,
        server: None,
        in_journal: true,
        in_record: true,
    };
    for action in actions() {
        let bench = Bench::new(Way::Done).await;
        let before = settle(&bench.world, &open(&action)).await.unwrap();
        bench.perform(&action).await;
        let after = settle(&bench.world, &open(&action)).await.unwrap();
        let (was, is) = match action {
            Action::Dispatch { .. } => (OperationResult::Failed, OperationResult::Failed),
            Action::Cancel { .. } => (OperationResult::AppliedNotVerified, OperationResult::Verified),
            _ => (OperationResult::Failed, OperationResult::Verified),
        };
        assert_eq!((before.result, after.result), (was, is), "{action:?}: {before:?} {after:?}");
    }
}

#[tokio::test]
async fn the_journal_has_the_call_and_its_answer() {
    let bench = Bench::new(Way::Refused(StatusCode::CONFLICT)).await;
    bench.perform(&Action::Merge { number: 42, head: Sha("a".repeat(40)) }).await;
    let journal = &bench.world.papers.journal;
    let written = |part: &str| {
        let text = std::fs::read_to_string(journal.path().unwrap()).unwrap_or_default();
        text.contains(part)
    };
    assert!(journal.path().unwrap().starts_with(bench.directory.path()));
    bench.world.papers.all_written(Duration::from_secs(5)).await;
    assert!(written("PUT /repos/taxasge/backend/pulls/42/merge") && written("no, because"));
}

#[tokio::test(start_paused = true)]
async fn two_changes_are_a_second_apart() {
    let pace = Pace::default();
    let began = Instant::now();
    for seconds in 0..3 {
        pace.turn().await;
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
}
