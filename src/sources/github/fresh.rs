//! What an action on GitHub is judged by, read just before it.

use super::choice;
use super::client::{Client, Trouble};
use super::read::Questions;
use crate::sop::commit::Sha;
use crate::sop::operation::Action;
use crate::sop::pipeline::{Run, RunId};
use crate::sop::pull_request::PullRequest;
use crate::sop::repository::{GitHubSetting, Repository};

/// Reads what the conditions of an action rest on: everything that its dialog showed.
///
/// # Errors
/// When any part of it has no answer: nothing is taken for granted.
pub async fn read_for(
    client: &Client,
    setting: &GitHubSetting,
    action: &Action,
) -> Result<Repository, Trouble> {
    let questions = Questions { client, setting };
    let user = user(questions).await?;
    let mut repository = match action {
        Action::Propose { .. } => {
            let open = questions.open_pulls().await?;
            let request = match open.first() {
                Some(pull) => Some(request(questions, pull.number).await?),
                None => None,
            };
            Repository { pull_request: request, ..Repository::default() }
        }
        Action::Merge { number, .. } => {
            let request = Some(request(questions, *number).await?);
            Repository { pull_request: request, ..Repository::default() }
        }
        Action::DeleteBranch { branch } => {
            let request = match questions.pull_of_branch(branch).await? {
                Some(pull) => Some(request(questions, pull.number).await?),
                None => None,
            };
            Repository { pull_request: request, ..Repository::default() }
        }
        Action::Approve { run, .. } | Action::Reject { run, .. } => with_run(questions, run).await?,
        Action::Rerun { run, .. } | Action::Cancel { run, .. } => {
            let (run, runs) = tokio::join!(questions.run(run.id), questions.newest_runs());
            Repository { run: Some(run?), runs: runs?, ..Repository::default() }
        }
        _ => Repository::default(),
    };
    repository.user = user;
    repository.rate = client.rate();
    Ok(repository)
}

/// An app's token is nobody's: GitHub refuses to say whose.
async fn user(questions: Questions<'_>) -> Result<Option<String>, Trouble> {
    match questions.user().await {
        Err(trouble) if trouble.status() == Some(403) && questions.client.rest().is_none() => Ok(None),
        other => other,
    }
}

async fn request(questions: Questions<'_>, number: u64) -> Result<PullRequest, Trouble> {
    let pull = questions.pull(number).await?;
    let mut request = questions.whole(&pull).await?;
    request.checks = questions.checks(&request.head.sha).await?;
    Ok(request)
}

/// A run with what it waits for, the runs beside it, and the pull request that it is of.
async fn with_run(questions: Questions<'_>, id: &RunId) -> Result<Repository, Trouble> {
    let (run, waiting, decisions, runs) = tokio::join!(
        questions.run(id.id),
        questions.pending(id.id),
        questions.decisions(id.id),
        questions.newest_runs(),
    );
    let run = Run { waiting: waiting?, decisions: decisions?, ..run? };
    let request = request_of(questions, &run.head).await?;
    Ok(Repository { pull_request: request, run: Some(run), runs: runs?, ..Repository::default() })
}

/// The pull request that became a commit, with its commits and reviews.
pub(super) async fn request_of(
    questions: Questions<'_>,
    commit: &Sha,
) -> Result<Option<PullRequest>, Trouble> {
    let pulls = questions.pulls_of(commit).await?;
    let became = |pull: &&super::answer::Pull| {
        pull.merged_as().as_ref() == Some(commit) && pull.base_branch() == questions.setting.base_branch
    };
    let Some(pull) = pulls.iter().find(became) else { return Ok(None) };
    // The entry of a list does not tell all that the pull request itself does.
    let request = questions.whole(&questions.pull(pull.number).await?).await?;
    Ok(Some(request).filter(|request| choice::merged(request) == Some(commit)))
}
