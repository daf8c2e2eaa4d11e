//! Runs of workflows, their jobs, and what holds them up.

use std::time::Duration;

use serde::Deserialize;

use super::{User, address, lenient, list, login, sha, time};
use crate::sop::commit::Sha;
use crate::sop::pipeline::{self, Decision, PendingApproval, RunId, RunState};
use crate::sources::text::clean;

/// Most reviewers of an environment that are named; GitHub allows six.
const MOST_REVIEWERS: usize = 20;

/// `GET /repos/{owner}/{repo}/actions/runs`
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources::github) struct Runs {
    #[serde(deserialize_with = "list")]
    pub workflow_runs: Vec<Run>,
}

/// One of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Run {
    #[serde(deserialize_with = "lenient")]
    id: u64,
    #[serde(deserialize_with = "lenient")]
    run_attempt: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    run_number: u64,
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    path: String,
    #[serde(deserialize_with = "lenient")]
    event: String,
    #[serde(deserialize_with = "lenient")]
    head_branch: String,
    #[serde(deserialize_with = "lenient")]
    head_sha: String,
    #[serde(deserialize_with = "lenient")]
    actor: Option<User>,
    #[serde(deserialize_with = "lenient")]
    triggering_actor: Option<User>,
    #[serde(deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient")]
    conclusion: Option<String>,
    #[serde(deserialize_with = "lenient")]
    created_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    run_started_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    updated_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    html_url: String,
}

impl Run {
    /// `None` where it does not say which one it is, or of what.
    pub(in crate::sources::github) fn run(&self) -> Option<pipeline::Run> {
        let head: Sha = sha(&self.head_sha)?;
        if self.id == 0 {
            return None;
        }
        let state = state(self.status.as_deref(), self.conclusion.as_deref());
        let over = state.is_over();
        Some(pipeline::Run {
            id: RunId { id: self.id, attempt: self.run_attempt.unwrap_or(1).max(1) },
            number: self.run_number,
            workflow: clean(&self.name),
            // The reference stands behind it where the workflow is called from elsewhere.
            path: clean(self.path.split('@').next().unwrap_or_default()),
            event: clean(&self.event),
            branch: clean(&self.head_branch),
            head,
            actor: login(self.triggering_actor.as_ref().or(self.actor.as_ref())),
            state,
            created: time(self.created_at.as_ref()),
            started: time(self.run_started_at.as_ref()),
            ended: time(self.updated_at.as_ref()).filter(|_| over),
            url: address(&self.html_url),
            jobs: Vec::new(),
            waiting: Vec::new(),
            decisions: Vec::new(),
        })
    }
}

/// GitHub's two words together. A run that never started for a mistake in its file, and
/// one that GitHub gave up, have failed.
fn state(status: Option<&str>, conclusion: Option<&str>) -> RunState {
    match (status, conclusion) {
        (Some("completed"), Some(conclusion)) => match conclusion {
            "success" => RunState::Passed,
            "failure" | "startup_failure" | "stale" => RunState::Failed,
            "cancelled" => RunState::Cancelled,
            "skipped" => RunState::Skipped,
            "timed_out" => RunState::TimedOut,
            "neutral" => RunState::Neutral,
            word => RunState::Other(clean(word)),
        },
        (Some("completed"), None) => RunState::Other("completed".to_owned()),
        (Some("queued" | "requested" | "pending"), _) => RunState::Queued,
        (Some("waiting"), _) => RunState::Waiting,
        (Some("in_progress"), _) => RunState::Running,
        (word, _) => RunState::Other(clean(word.unwrap_or("unknown"))),
    }
}

/// `GET /repos/{owner}/{repo}/actions/runs/{id}/attempts/{attempt}/jobs`
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources::github) struct Jobs {
    #[serde(deserialize_with = "list")]
    pub jobs: Vec<Job>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Job {
    #[serde(deserialize_with = "lenient")]
    id: u64,
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient")]
    conclusion: Option<String>,
    #[serde(deserialize_with = "lenient")]
    started_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    completed_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    html_url: String,
    #[serde(deserialize_with = "lenient")]
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    #[serde(deserialize_with = "lenient")]
    number: u32,
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient")]
    conclusion: Option<String>,
    #[serde(deserialize_with = "lenient")]
    started_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    completed_at: Option<String>,
}

impl Job {
    pub(in crate::sources::github) fn job(&self) -> pipeline::Job {
        let state = state(self.status.as_deref(), self.conclusion.as_deref());
        // A job that never ran has the time at which it was made in place of one.
        let idle = matches!(state, RunState::Queued | RunState::Waiting | RunState::Skipped);
        pipeline::Job {
            id: self.id,
            name: clean(&self.name),
            started: time(self.started_at.as_ref()).filter(|_| !idle),
            ended: time(self.completed_at.as_ref()).filter(|_| state.is_over() && !idle),
            state,
            url: address(&self.html_url),
            steps: self.steps.iter().map(Step::step).collect(),
        }
    }
}

impl Step {
    fn step(&self) -> pipeline::Step {
        pipeline::Step {
            number: self.number,
            name: clean(&self.name),
            state: state(self.status.as_deref(), self.conclusion.as_deref()),
            started: time(self.started_at.as_ref()),
            ended: time(self.completed_at.as_ref()),
        }
    }
}

/// An entry of `GET /repos/{owner}/{repo}/actions/runs/{id}/pending_deployments`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Pending {
    #[serde(deserialize_with = "lenient")]
    environment: Environment,
    /// In minutes, for all that is documented.
    #[serde(deserialize_with = "lenient")]
    wait_timer: u64,
    #[serde(deserialize_with = "lenient")]
    wait_timer_started_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    current_user_can_approve: bool,
    #[serde(deserialize_with = "lenient")]
    reviewers: Vec<Reviewer>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Environment {
    #[serde(deserialize_with = "lenient")]
    id: u64,
    #[serde(deserialize_with = "lenient")]
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reviewer {
    #[serde(deserialize_with = "lenient")]
    reviewer: UserOrTeam,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct UserOrTeam {
    #[serde(deserialize_with = "lenient")]
    login: String,
    #[serde(deserialize_with = "lenient")]
    slug: String,
    #[serde(deserialize_with = "lenient")]
    name: String,
}

impl UserOrTeam {
    fn words(&self) -> Option<String> {
        let team = if self.slug.is_empty() { &self.name } else { &self.slug };
        match (self.login.as_str(), team.as_str()) {
            ("", "") => None,
            ("", team) => Some(format!("team {}", clean(team))),
            (login, _) => Some(clean(login)),
        }
    }
}

impl Pending {
    pub(in crate::sources::github) fn pending(&self) -> PendingApproval {
        PendingApproval {
            environment: clean(&self.environment.name),
            environment_id: self.environment.id,
            may_approve: self.current_user_can_approve,
            reviewers: self
                .reviewers
                .iter()
                .filter_map(|one| one.reviewer.words())
                .take(MOST_REVIEWERS)
                .collect(),
            wait_timer: Duration::from_secs(self.wait_timer.saturating_mul(60)),
            wait_began: time(self.wait_timer_started_at.as_ref()),
        }
    }
}

/// An entry of `GET /repos/{owner}/{repo}/actions/runs/{id}/approvals`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Approval {
    #[serde(deserialize_with = "lenient")]
    state: String,
    #[serde(deserialize_with = "lenient")]
    comment: String,
    #[serde(deserialize_with = "lenient")]
    user: Option<User>,
    #[serde(deserialize_with = "lenient")]
    environments: Vec<Environment>,
}

impl Approval {
    /// `None`: it decides nothing (`pending`).
    pub(in crate::sources::github) fn decision(&self) -> Option<Decision> {
        let approved = match self.state.as_str() {
            "approved" => true,
            "rejected" => false,
            _ => return None,
        };
        Some(Decision {
            by: login(self.user.as_ref()),
            environments: self.environments.iter().map(|environment| clean(&environment.name)).collect(),
            approved,
            comment: clean(&self.comment),
        })
    }
}
