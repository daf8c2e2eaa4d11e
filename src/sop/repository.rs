//! What is known of the repository that a release comes from.

use std::time::Duration;

use jiff::Timestamp;

use super::pipeline::Run;
use super::pull_request::PullRequest;

/// What was read of a repository for one release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Login of the token's user.
    pub user: Option<String>,
    pub pull_request: Option<PullRequest>,
    /// The newest first; the release's own run is found among them by its commit.
    pub runs: Vec<Run>,
    /// The run of `runs` that is followed, with jobs and approvals.
    pub run: Option<Run>,
    /// Usual durations of jobs by name, and of the whole run under the empty name: the
    /// median of the last successful runs.
    pub usual: Vec<(String, Duration)>,
    /// The last lines of failed jobs' logs, by the job's id.
    pub failures: Vec<(u64, Vec<String>)>,
    pub rate: Option<Rate>,
}

/// What is left of the hour's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub left: u32,
    pub resets: Option<Timestamp>,
}
