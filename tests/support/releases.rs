//! Releases on GitHub as the room hears of them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::time::Duration;

use cutover::room::message::{LinkState, Observation, SourceId};
use cutover::sop::commit::{Commit, Sha};
use cutover::sop::pipeline::{Decision, Job, PendingApproval, Run, RunId, RunState, StageId, Step};
use cutover::sop::pull_request::{
    ChangedFile, Check, CheckState, Checks, Mergeability, PullRequest, PullRequestState, Review, ReviewState,
};
use cutover::sop::repository::{Rate, Repository};
use cutover::sop::stages::Usual;

use crate::rooms::{self, Stage, at};

pub fn sha(digits: &str) -> Sha {
    Sha(format!("{digits:0<40}"))
}

pub const HEAD: &str = "a1b2c3d";
pub const SQUASH: &str = "b2c3d4e";
const TREE: &str = "77ee77e";

pub fn commit(digits: &str) -> Commit {
    Commit { sha: sha(digits), tree: Some(sha(TREE)), title: "Release v1.1.0".into() }
}

fn check(name: &str, state: CheckState) -> Check {
    Check { name: name.into(), state, url: None, summary: String::new() }
}

fn review(author: &str, state: ReviewState, digits: &str, second: i64) -> Review {
    Review { author: author.into(), state, commit: Some(sha(digits)), at: Some(at(second)) }
}

/// The release's pull request, open: one approval counts, one is outdated, one check fails.
pub fn open_request() -> PullRequest {
    let file = |path: &str, added, removed| ChangedFile { path: path.into(), added, removed };
    PullRequest {
        number: 42,
        title: "Release v1.1.0".into(),
        author: "agent-dev".into(),
        url: "https://github.example/taxasge/backend/pull/42".into(),
        head_branch: "develop".into(),
        head: commit(HEAD),
        base_branch: "main".into(),
        state: PullRequestState::Open,
        mergeability: Mergeability::Held("blocked".into()),
        reviews: vec![
            review("orch", ReviewState::Approved, "0123456", -900),
            review("dev", ReviewState::Approved, HEAD, -300),
        ],
        checks: Checks {
            commit: Some(sha(HEAD)),
            all: vec![
                check("pytest", CheckState::Passed),
                check("black", CheckState::Passed),
                check("mypy", CheckState::Running),
                check("bandit", CheckState::Failed),
            ],
        },
        files: vec![file("app/webhooks.py", 120, 14), file("CHANGELOG.md", 12, 0)],
        more_files: false,
        issues: vec![123, 130],
    }
}

pub fn merged_request() -> PullRequest {
    let mut request = open_request();
    request.checks.all.iter_mut().for_each(|check| check.state = CheckState::Passed);
    request.mergeability = Mergeability::Clean;
    request.state =
        PullRequestState::Merged { commit: commit(SQUASH), by: Some("orch".into()), at: Some(at(-600)) };
    request
}

const STAGES: [(&str, i64); 9] = [
    ("tests", 62),
    ("build image", 48),
    ("push", 12),
    ("approve production", 130),
    ("migrations", 9),
    ("deploy green", 41),
    ("smoke tests", 7),
    ("switch", 2),
    ("notify", 3),
];

fn job(place: usize, state: RunState, began: i64) -> Job {
    let (name, takes) = STAGES[place];
    let started = (!matches!(state, RunState::Queued | RunState::Waiting)).then(|| at(began));
    let ended = state.is_over().then(|| at(began + takes));
    let steps = ["Set up job", "Run"].into_iter().zip(1..).map(|(name, number)| Step {
        number,
        name: name.into(),
        state: if number == 1 { RunState::Passed } else { state.clone() },
        started,
        ended,
    });
    Job {
        id: 100 + place as u64,
        name: name.into(),
        state: state.clone(),
        started,
        ended,
        url: String::new(),
        steps: steps.collect(),
    }
}

/// A run of the release whose first jobs have passed, the next is as said, and the rest
/// has not begun. It began two minutes before the story.
pub fn run(passed: usize, next: RunState, state: RunState) -> Run {
    let mut began = -120;
    let jobs = STAGES.iter().enumerate().map(|(place, (_, takes))| {
        let state = match place.cmp(&passed) {
            std::cmp::Ordering::Less => RunState::Passed,
            std::cmp::Ordering::Equal => next.clone(),
            std::cmp::Ordering::Greater if next.is_bad() => RunState::Skipped,
            std::cmp::Ordering::Greater => RunState::Queued,
        };
        let job = job(place, state, began);
        began += takes;
        job
    });
    Run {
        id: RunId { id: 9_001, attempt: 1 },
        number: 1234,
        workflow: "Production".into(),
        path: ".github/workflows/production.yml".into(),
        event: "push".into(),
        branch: "main".into(),
        head: sha(SQUASH),
        actor: "orch".into(),
        created: Some(at(-125)),
        started: Some(at(-120)),
        ended: state.is_over().then(|| at(60)),
        state,
        url: "https://github.example/taxasge/backend/actions/runs/9001".into(),
        jobs: jobs.collect(),
        waiting: Vec::new(),
        decisions: Vec::new(),
    }
}

pub fn waiting_run() -> Run {
    let mut run = run(3, RunState::Waiting, RunState::Waiting);
    run.waiting = vec![PendingApproval {
        environment: "production".into(),
        environment_id: 7,
        may_approve: true,
        reviewers: vec!["orch".into(), "team on-call".into()],
        wait_timer: Duration::from_secs(600),
        wait_began: Some(at(-90)),
    }];
    run
}

/// Smoke tests have failed, with the end of their log.
pub fn failed_run() -> Run {
    let mut run = run(6, RunState::Failed, RunState::Failed);
    run.decisions = vec![Decision {
        by: "orch".into(),
        environments: vec!["production".into()],
        approved: true,
        comment: "go".into(),
    }];
    run
}

/// An earlier run of the same workflow, and one of staging's.
fn other_runs() -> [Run; 2] {
    let mut earlier = run(9, RunState::Passed, RunState::Passed);
    (earlier.id.id, earlier.number, earlier.head) = (8_001, 1233, sha("cafe123"));
    let mut staging = run(9, RunState::Passed, RunState::Passed);
    (staging.id.id, staging.number, staging.head) = (7_001, 870, sha(HEAD));
    (staging.workflow, staging.path) = ("Staging".into(), ".github/workflows/staging.yml".into());
    staging.branch = "develop".into();
    [earlier, staging]
}

pub fn repository(request: Option<PullRequest>, run: Option<Run>) -> Repository {
    let whole: i64 = STAGES.iter().map(|(_, takes)| takes).sum();
    let seconds = |seconds: i64| Duration::from_secs(seconds.unsigned_abs());
    let usual = StageId::ALL.into_iter().zip(STAGES).map(|(stage, (_, takes))| (stage, seconds(takes)));
    let log = ["GET /health -> 200", "GET /api/v1/fiscal-services -> 502", "AssertionError: 502 != 200"];
    Repository {
        user: Some("orch".into()),
        version: None,
        pull_request: request,
        runs: run.iter().cloned().chain(other_runs()).collect(),
        run,
        usual: vec![(String::new(), seconds(whole))],
        usual_stages: Usual { stages: usual.collect() },
        failures: vec![(106, log.map(str::to_owned).into())],
        rate: Some(Rate { limit: 5_000, left: 4_812, resets: None }),
        unread: Vec::new(),
    }
}

/// Blue on v1.0.0 has the traffic, green stands on what it was before, and a repository
/// is configured.
pub fn configured() -> Stage {
    let mut setting = rooms::setting();
    setting.github = Some(rooms::github());
    let mut stage = Stage::with(setting);
    stage.fill("v1.0.0", "v0.9.0", 3);
    let mut set = rooms::replica_set(cutover::sop::colour::Colour::Green, "v0.9.0", 3);
    set.created = Some(at(-20 * 86_400));
    let change = cutover::room::message::Change::Some { changed: vec![set], gone: Vec::new() };
    stage.see(Observation::ReplicaSets(change));
    stage
}

impl Stage {
    pub fn hear(&mut self, repository: Repository) -> &mut Self {
        self.see(Observation::Link(SourceId::GitHub, LinkState::Live));
        self.see(Observation::Repository(Box::new(repository)))
    }
}

pub fn released(request: Option<PullRequest>, run: Option<Run>) -> Stage {
    let mut stage = configured();
    stage.hear(repository(request, run));
    stage.pass(Duration::from_secs(30)).live();
    stage
}
