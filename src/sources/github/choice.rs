//! Which pull request and which run are the release's.

use std::time::Duration;

use jiff::Timestamp;

use crate::sop::chain::version_in;
use crate::sop::commit::Sha;
use crate::sop::pipeline::{Run, RunState};
use crate::sop::pull_request::{PullRequest, PullRequestState};
use crate::sop::repository::{GitHubSetting, Repository};

/// Whether a title is of that version; a leading `v` makes no difference.
pub(super) fn is_of_version(title: &str, version: &str) -> bool {
    let bare = |version: &str| version.trim_start_matches(['v', 'V']).to_owned();
    version_in(title).is_some_and(|named| bare(named) == bare(version))
}

/// Whether a run is one of the release's workflow.
pub(super) fn is_of_workflow(run: &Run, setting: &GitHubSetting) -> bool {
    run.path.rsplit('/').next() == Some(setting.workflow.as_str())
}

/// The run of a commit: its newest.
pub(super) fn run_of<'r>(runs: &'r [Run], commit: &Sha) -> Option<&'r Run> {
    runs.iter().filter(|run| run.head == *commit).max_by_key(|run| run.number)
}

/// Where there is no pull request: the newest run of the workflow that waits for
/// somebody, else its newest.
pub(super) fn newest<'r>(runs: &'r [Run], setting: &GitHubSetting) -> Option<&'r Run> {
    let of_workflow =
        || runs.iter().filter(|run| is_of_workflow(run, setting) && run.branch == setting.base_branch);
    let waiting = of_workflow().filter(|run| run.state == RunState::Waiting).max_by_key(|run| run.number);
    waiting.or_else(|| of_workflow().max_by_key(|run| run.number))
}

/// The commit that a pull request became.
pub(super) const fn merged(request: &PullRequest) -> Option<&Sha> {
    match &request.state {
        PullRequestState::Merged { commit, .. } => Some(&commit.sha),
        _ => None,
    }
}

/// How long to wait before GitHub is asked again. `interval` is the time between two looks
/// at a pipeline that runs.
pub(super) fn pause(repository: &Repository, interval: Duration, now: Timestamp) -> Duration {
    use crate::sop::pull_request::Mergeability;
    let runs = repository.run.as_ref().is_some_and(|run| !run.state.is_over());
    let (request, soon) = match &repository.pull_request {
        None => (false, false),
        Some(request) => match &request.state {
            PullRequestState::Open | PullRequestState::Draft => {
                (true, request.mergeability == Mergeability::Computing)
            }
            // Its run is about to appear.
            PullRequestState::Merged { .. } => {
                (false, repository.run.is_none() && !repository.is_done_with(now))
            }
            PullRequestState::Closed => (false, false),
        },
    };
    match (runs || soon, request) {
        (true, _) => interval,
        (false, true) => 3 * interval,
        (false, false) => 12 * interval,
    }
}
