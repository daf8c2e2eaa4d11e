//! The pipeline of a release: a run of a GitHub Actions workflow, its jobs and steps, and
//! the procedure's stages among them (sop.md, "GitHub Actions Deploy").

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::Sha;

/// Names exactly one run: an approval of another attempt, commit or environment is
/// another approval.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunId {
    pub id: u64,
    /// From 1; a re-run is another attempt of the same run.
    pub attempt: u32,
}

/// A run, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub id: RunId,
    /// The workflow's own count: `#1234`.
    pub number: u64,
    /// The workflow's name and file.
    pub workflow: String,
    pub path: String,
    /// What started it: `push`, `workflow_dispatch`.
    pub event: String,
    pub branch: String,
    pub head: Sha,
    pub actor: String,
    pub state: RunState,
    pub created: Option<Timestamp>,
    /// When this attempt began.
    pub started: Option<Timestamp>,
    /// When it ended, once it has.
    pub ended: Option<Timestamp>,
    pub url: String,
    /// All pages of this attempt's jobs; empty while they were not read.
    pub jobs: Vec<Job>,
    /// Environments that wait for somebody's approval.
    pub waiting: Vec<PendingApproval>,
    /// Decisions that were made already.
    pub decisions: Vec<Decision>,
}

/// How a run, a job or a step stands. GitHub has two words for it (status and
/// conclusion); this is what they mean together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Waits for a runner or for its concurrency group.
    Queued,
    /// Waits for an approval or a wait timer.
    Waiting,
    Running,
    Passed,
    Failed,
    Cancelled,
    Skipped,
    TimedOut,
    /// Neither good nor bad.
    Neutral,
    /// A word that this program does not know (`startup_failure`, `stale` are known as
    /// failures): shown as it is, never a pass.
    Other(String),
}

impl RunState {
    /// Whether nothing more comes of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        !matches!(self, Self::Queued | Self::Waiting | Self::Running | Self::Other(_))
    }

    /// The state in a word or two.
    #[must_use]
    pub const fn word(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed out",
            Self::Neutral => "neutral",
            Self::Other(word) => word.as_str(),
        }
    }

    /// Whether it ended badly.
    #[must_use]
    pub const fn is_bad(&self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

/// A job of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: u64,
    /// As GitHub shows it: `deploy / smoke (eu)`.
    pub name: String,
    pub state: RunState,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub url: String,
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub number: u32,
    pub name: String,
    pub state: RunState,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

/// An environment that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingApproval {
    pub environment: String,
    pub environment_id: u64,
    /// Whether the token's user is among the reviewers.
    pub may_approve: bool,
    /// Users and teams who may.
    pub reviewers: Vec<String>,
    pub wait_timer: Duration,
    pub wait_began: Option<Timestamp>,
}

/// An approval or rejection that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub by: String,
    pub environments: Vec<String>,
    pub approved: bool,
    pub comment: String,
}

/// The procedure's stages of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageId {
    Tests,
    Build,
    Push,
    Approval,
    Migrations,
    Deploy,
    Smoke,
    Switch,
    Notify,
}

impl StageId {
    /// In the procedure's order.
    pub const ALL: [Self; 9] = [
        Self::Tests,
        Self::Build,
        Self::Push,
        Self::Approval,
        Self::Migrations,
        Self::Deploy,
        Self::Smoke,
        Self::Switch,
        Self::Notify,
    ];

    /// The name on the screen.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Build => "build image",
            Self::Push => "push",
            Self::Approval => "approval",
            Self::Migrations => "migrations",
            Self::Deploy => "deploy",
            Self::Smoke => "smoke tests",
            Self::Switch => "switch",
            Self::Notify => "notify",
        }
    }

    /// The key in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Build => "build",
            Self::Push => "push",
            Self::Approval => "approval",
            Self::Migrations => "migrations",
            Self::Deploy => "deploy",
            Self::Smoke => "smoke",
            Self::Switch => "switch",
            Self::Notify => "notify",
        }
    }
}
