//! What is changed on GitHub: one call each, after its guard, and what became of it.

mod call;
mod draft;
mod guard;
mod request;
mod sign;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::FutureExt;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use self::call::{CallEnd, Effect, Pace, Patience, Truth};
pub(super) use self::draft::draft;
use self::request::Request;
use self::sign::{Looker, Sign};
use super::finding::OpenOperation;
use super::guard::blocked_by;
use super::job::{Job, not_done};
use super::world::World;
use crate::config;
use crate::room::message::Conclusion;
use crate::sop::interlock::InterlockId;
use crate::sop::operation::Action;
use crate::sop::record::OperationResult;
use crate::sop::repository::{GitHubSetting, Repository};
use crate::sources::github::Client;

/// From when on a call whose effect is not seen has none: GitHub ends a request that takes
/// more than 10 s (docs.github.com/rest, "Troubleshooting: Timeouts").
const LOST: Duration = Duration::from_secs(20);

/// The GitHub of an executor.
#[derive(Debug)]
pub(super) struct GitHub {
    config: config::GitHub,
    /// Made when it is first needed.
    client: OnceCell<Client>,
    pace: Pace,
    patience: Patience,
}

impl GitHub {
    pub(super) fn new(config: config::GitHub) -> Self {
        // An answer may be as late as its limit, and is looked for after that.
        let patience = Patience { lost: LOST.max(config.endpoint.timeout), ..Patience::default() };
        Self { config, client: OnceCell::new(), pace: Pace::default(), patience }
    }

    const fn setting(&self) -> &GitHubSetting {
        &self.config.setting
    }

    async fn client(&self) -> Result<&Client, String> {
        self.client.get_or_try_init(|| Client::new(&self.config)).await
    }

    async fn looker(&self) -> Result<Looker<'_>, String> {
        let client = self.client().await?;
        Ok(Looker { client, repository: &self.setting().repository })
    }
}

/// Everything that is done on GitHub.
pub(super) async fn run(job: &Job) -> Conclusion {
    let Some(github) = &job.world.github else {
        return not_done("nothing was changed: no repository is configured ([github])");
    };
    let fresh = match guard::pass(job, github).boxed().await {
        Ok(fresh) => fresh,
        Err(conclusion) => {
            if !job.is_in_record() {
                super::note_refused(job);
            }
            return conclusion;
        }
    };
    perform(job, github, &fresh).boxed().await
}

/// The call, and what became of it. It rests on `fresh`.
async fn perform(job: &Job, github: &GitHub, fresh: &Repository) -> Conclusion {
    const STEP: &str = "call";
    let action = &job.order.action;
    let Some(request) = Request::of(action, &github.setting().repository) else {
        return not_done("nothing was changed: it is not done on GitHub");
    };
    let looker = match github.looker().await {
        Ok(looker) => looker,
        Err(why) => return not_done(format!("nothing was changed: {why}")),
    };
    if let Err(conclusion) = nothing_unmerged(action, looker, fresh).await {
        return conclusion;
    }
    let before = match looker.before(action).await {
        Ok(before) => before,
        Err(trouble) => return not_done(format!("nothing was changed: {}", trouble.words())),
    };
    job.sending(request.words(), &request.body);
    let sent = Instant::now();
    match call::send(looker.client, &github.pace, &request).await {
        CallEnd::Done => {
            job.answered("done");
            job.done(STEP, "GitHub says that it is done", job.confirmed).await;
        }
        CallEnd::Refused { status, words } => {
            job.answered(&words);
            job.failed(STEP, &words, job.confirmed).await;
            return refused(action, status, &words);
        }
        CallEnd::Lost(why) => {
            job.answered(&why);
            job.failed(STEP, &why, job.confirmed).await;
            let truth = call::find_out(job, looker, github.patience, &before, sent, &why).boxed().await;
            return after_doubt(action, truth);
        }
    }
    match call::verify(job, looker, github.patience, &before).boxed().await {
        Effect::Seen(words) => Conclusion::Verified { words },
        Effect::NotSeen(words) => {
            Conclusion::AppliedNotVerified { words: format!("GitHub took it, but: {words}") }
        }
    }
}

/// A branch is deleted only with what was merged: a push since would be lost with it.
async fn nothing_unmerged(action: &Action, looker: Looker<'_>, fresh: &Repository) -> Result<(), Conclusion> {
    let Action::DeleteBranch { branch } = action else { return Ok(()) };
    let merged = fresh.pull_request.as_ref().map(|request| &request.head.sha);
    match looker.tip(branch).await {
        Ok(Some(tip)) if merged.is_some_and(|merged| merged.0 == tip) => Ok(()),
        Ok(Some(tip)) => Err(blocked_by(
            InterlockId::Head,
            format!("{branch} was pushed to since: {} is not merged", tip.get(..7).unwrap_or(&tip)),
        )),
        Ok(None) => Err(Conclusion::Verified { words: format!("{branch} is gone already: nothing to do") }),
        Err(trouble) => Err(not_done(format!("nothing was changed: {}", trouble.words()))),
    }
}

/// GitHub's refusal, as the condition that it comes from where that is clear.
fn refused(action: &Action, status: Option<u16>, words: &str) -> Conclusion {
    let lock = match (action, status) {
        (Action::Merge { .. }, Some(405)) => Some(InterlockId::Mergeable),
        (Action::Merge { .. }, Some(409)) => Some(InterlockId::Head),
        (Action::Approve { .. } | Action::Reject { .. }, Some(422)) => Some(InterlockId::Waiting),
        (Action::Rerun { .. } | Action::Cancel { .. }, Some(409)) => Some(InterlockId::Run),
        (_, Some(403)) => Some(InterlockId::Permission),
        _ => None,
    };
    match lock {
        Some(id) => blocked_by(id, words),
        None => not_done(format!("not done: {words}")),
    }
}

fn after_doubt(action: &Action, truth: Truth) -> Conclusion {
    match truth {
        Truth::Applied(words) => {
            Conclusion::Verified { words: format!("{words} (the answer was lost, GitHub was asked)") }
        }
        Truth::NotApplied(words) => not_done(format!(
            "not done: {words}; the answer was lost, GitHub was asked; it is safe to try again"
        )),
        Truth::Unknown(why) => not_done(format!(
            "unknown whether the {} was done: {why}; look at GitHub before it is repeated",
            action.kind()
        )),
    }
}

/// The end of an operation that was left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub result: OperationResult,
    pub words: String,
}

/// What became of an operation on GitHub that was left open. Its call has ended long
/// since: what is not seen was not done.
///
/// # Errors
/// When GitHub cannot be asked; why.
pub(super) async fn settle(world: &World, operation: &OpenOperation) -> Result<Ended, String> {
    let Some(github) = &world.github else {
        return Err("no repository is configured ([github])".to_owned());
    };
    if let Action::Dispatch { workflow, .. } = &operation.action {
        // What ran before is not known any more: any later run would look like it.
        let words = format!("whether {workflow} was started can no longer be told: look at its runs");
        return Ok(Ended { result: OperationResult::Failed, words });
    }
    let looked = github.looker().await?.look(&operation.action, &sign::Before::default()).await;
    let sign = looked.map_err(|trouble| trouble.words().to_owned())?;
    let (result, words) = match sign {
        Sign::Done(words) => (OperationResult::Verified, words),
        Sign::UnderWay(words) => (OperationResult::AppliedNotVerified, words),
        // A run that was told to stop may take its time.
        Sign::NotYet(words) if !call::leaves_a_mark_at_once(&operation.action) => {
            (OperationResult::AppliedNotVerified, words)
        }
        Sign::NotYet(words) | Sign::Never(words) => (OperationResult::Failed, format!("not done: {words}")),
    };
    Ok(Ended { result, words })
}
