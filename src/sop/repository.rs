//! What is known of the repository that a release comes from.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::pipeline::Run;
use super::pull_request::{PullRequest, PullRequestState};
use super::stages::Usual;

/// Time between two looks at a pipeline that runs.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// A repository that was read longer ago than so many intervals is stale: half more than
/// the longest time between two looks.
pub const STALE_INTERVALS: u32 = 18;

/// What the configuration says of the repository: where the release is made, and what
/// its procedure asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubSetting {
    /// Owner and name: `taxasge/backend`.
    pub repository: String,
    /// The branch that releases come from: `develop`.
    pub head_branch: String,
    /// The branch that releases go to: `main`.
    pub base_branch: String,
    /// File of the workflow that deploys: `production.yml`.
    pub workflow: String,
    /// The environment that a run waits for: `production`.
    pub environment: String,
    /// Branches that are never deleted, beside those two.
    pub long_lived: Vec<String>,
    /// How many approvals a pull request needs (sop.md, production step 2: 2).
    pub approvals: usize,
    /// Roles of which each has to have approved.
    pub each_role: Vec<String>,
    /// Logins by role: `orchestrator`, `developer`.
    pub people: BTreeMap<String, Vec<String>>,
    /// The role to which the merge is reserved, where it is.
    pub merge_role: Option<String>,
    /// The role to which the approval is reserved, where it is.
    pub approve_role: Option<String>,
    pub deploy_by: DeployBy,
    /// Whether the release is a hotfix: its branch is its own and ends with it.
    pub hotfix: bool,
    /// What was read longer ago than this is stale.
    pub stale_after: Duration,
}

impl GitHubSetting {
    /// A repository with the procedure's own branches, workflow, environment and rules
    /// (sop.md, production steps 1 to 5).
    #[must_use]
    pub fn of(repository: impl Into<String>) -> Self {
        Self {
            repository: repository.into(),
            head_branch: "develop".to_owned(),
            base_branch: "main".to_owned(),
            workflow: "production.yml".to_owned(),
            environment: "production".to_owned(),
            long_lived: Vec::new(),
            approvals: 2,
            each_role: Vec::new(),
            people: BTreeMap::new(),
            merge_role: None,
            approve_role: None,
            deploy_by: DeployBy::default(),
            hotfix: false,
            stale_after: STALE_INTERVALS * INTERVAL,
        }
    }

    /// Whether a branch outlives a release.
    #[must_use]
    pub fn is_long_lived(&self, branch: &str) -> bool {
        (branch == self.head_branch && !self.hotfix)
            || branch == self.base_branch
            || self.long_lived.iter().any(|known| known == branch)
    }

    /// Whether somebody has a role. GitHub's logins are the same in either case.
    #[must_use]
    pub fn has_role(&self, login: &str, role: &str) -> bool {
        let logins = self.people.get(role);
        logins.is_some_and(|logins| logins.iter().any(|known| known.eq_ignore_ascii_case(login)))
    }
}

/// Who deploys and switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeployBy {
    /// The pipeline does; the room follows.
    #[default]
    Pipeline,
    /// The pipeline ends with its approval; the room's own actions do the rest.
    Room,
}

/// Which release is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReleaseChoice {
    /// The open pull request of the two branches, else the newest run that waits, else the
    /// newest run.
    #[default]
    Found,
    /// The one of this version, by the title of its pull request.
    Version(String),
    /// The one of this pull request.
    PullRequest(u64),
}

/// What was read of a repository for one release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Login of the token's user.
    pub user: Option<String>,
    /// The release's version, where it was chosen by that.
    pub version: Option<String>,
    pub pull_request: Option<PullRequest>,
    /// The newest first; the release's own run is found among them by its commit.
    pub runs: Vec<Run>,
    /// The run of `runs` that is followed, with jobs and approvals.
    pub run: Option<Run>,
    /// Usual durations of jobs by name, and of the whole run under the empty name: the
    /// median of the last successful runs.
    pub usual: Vec<(String, Duration)>,
    /// The same of the procedure's stages.
    pub usual_stages: Usual,
    /// The last lines of failed jobs' logs, by the job's id.
    pub failures: Vec<(u64, Vec<String>)>,
    pub rate: Option<Rate>,
    /// What could not be read while the rest was; why, a line each.
    pub unread: Vec<String>,
}

/// A release that was delivered is followed for so long: watch and standby are over then.
const FOLLOWED: Duration = Duration::from_secs(2 * 60 * 60);

impl Repository {
    /// Whether the release is done with, so that another one may be found.
    #[must_use]
    pub fn is_done_with(&self, now: Timestamp) -> bool {
        let long_ago = |at: Timestamp| now.duration_since(at).unsigned_abs() > FOLLOWED;
        match (self.pull_request.as_ref().map(|request| &request.state), &self.run) {
            (None | Some(PullRequestState::Closed), _) => true,
            (Some(PullRequestState::Open | PullRequestState::Draft), _) => false,
            (Some(PullRequestState::Merged { .. }), Some(run)) => {
                run.state.is_over() && run.ended.is_some_and(long_ago)
            }
            (Some(PullRequestState::Merged { at, .. }), None) => at.is_some_and(long_ago),
        }
    }
}

/// What is left of the hour's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub left: u32,
    pub resets: Option<Timestamp>,
}
