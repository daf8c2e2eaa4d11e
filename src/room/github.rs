//! What the room would do on GitHub now: the actions on the release's pull request and
//! on the run that is followed.

use super::Room;
use super::message::{Effect, Outcome};
use crate::sop::interlock::{Freshness, OnGitHub};
use crate::sop::operation::{Action, ActionKind};
use crate::sop::pipeline::{PendingApproval, Run};
use crate::sop::pull_request::PullRequest;
use crate::sop::repository::{GitHubSetting, Repository};

impl Room {
    /// What was read of the repository, however old.
    #[must_use]
    pub fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref().map(|(_, repository)| repository)
    }

    /// The release's pull request.
    #[must_use]
    pub fn pull_request(&self) -> Option<&PullRequest> {
        self.repository()?.pull_request.as_ref()
    }

    /// The run that is followed.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.repository()?.run.as_ref()
    }

    /// What actions on GitHub are judged by, where a repository is configured.
    pub(super) fn on_github(&self) -> Option<OnGitHub<'_>> {
        let freshness = match &self.repository {
            None => Freshness::Never,
            Some((read, _)) => Freshness::Age(self.now.since(*read)),
        };
        let setting = self.setting.github.as_ref()?;
        Some(OnGitHub { setting, repository: self.repository(), freshness })
    }

    /// What may be chosen for an action on GitHub: every environment that waits, what
    /// failed of a run or all of it; else the one thing there is.
    pub(super) fn choices_on_github(&self, kind: ActionKind) -> Vec<Action> {
        let approves = kind == ActionKind::Approve;
        match (kind, self.run()) {
            (ActionKind::Approve | ActionKind::Reject, Some(run)) => {
                run.waiting.iter().map(|waiting| decide(run, waiting, approves)).collect()
            }
            (ActionKind::Rerun, Some(run)) if run.state.is_bad() => [true, false]
                .map(|failed_only| Action::Rerun { run: run.id.clone(), number: run.number, failed_only })
                .into(),
            _ => self.proposal_on_github(kind).into_iter().collect(),
        }
    }

    /// What was done on GitHub is looked at at once: who did it waits for no next round.
    pub(super) fn look_after(&self, outcome: &Outcome) -> Vec<Effect> {
        let Outcome::Ended { id, .. } = outcome else { return Vec::new() };
        let ended = self.operations.latest().filter(|operation| operation.id == *id);
        let on_github = ended.is_some_and(|operation| operation.action.kind().is_on_github());
        on_github.then(|| Effect::Attend(self.attention())).into_iter().collect()
    }

    /// What an action on GitHub would be now; `None` while there is nothing to do it to.
    pub(super) fn proposal_on_github(&self, kind: ActionKind) -> Option<Action> {
        let setting = self.setting.github.as_ref()?;
        Some(match kind {
            // Its title is asked in its dialog, so this one stands in for it.
            ActionKind::Propose => Action::Propose {
                head: setting.head_branch.clone(),
                base: setting.base_branch.clone(),
                title: "Release".to_owned(),
                body: String::new(),
            },
            ActionKind::Merge => {
                let request = self.pull_request()?;
                Action::Merge { number: request.number, head: request.head.sha.clone() }
            }
            ActionKind::DeleteBranch => {
                Action::DeleteBranch { branch: self.pull_request()?.head_branch.clone() }
            }
            ActionKind::Approve => decision(self.run()?, setting, true)?,
            ActionKind::Reject => decision(self.run()?, setting, false)?,
            ActionKind::Dispatch => Action::Dispatch {
                workflow: setting.workflow.clone(),
                reference: setting.base_branch.clone(),
            },
            ActionKind::Rerun => {
                let run = self.run()?;
                Action::Rerun { run: run.id.clone(), number: run.number, failed_only: run.state.is_bad() }
            }
            ActionKind::Cancel => {
                let run = self.run()?;
                Action::Cancel { run: run.id.clone(), number: run.number }
            }
            _ => return None,
        })
    }
}

/// What there would have to be for `kind`, in words.
pub(super) const fn nothing_to_do(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Merge | ActionKind::DeleteBranch => "no pull request is known",
        ActionKind::Approve | ActionKind::Reject => "no run waits for an approval",
        ActionKind::Rerun | ActionKind::Cancel => "no run is known",
        ActionKind::Propose | ActionKind::Dispatch => "no repository is configured",
        _ => "the pair has not been seen yet",
    }
}

/// The decision on the environment that is configured, else on the one that waits first.
fn decision(run: &Run, setting: &GitHubSetting, approve: bool) -> Option<Action> {
    let of_the_release = |waiting: &&PendingApproval| waiting.environment == setting.environment;
    let waiting = run.waiting.iter().find(of_the_release).or_else(|| run.waiting.first())?;
    Some(decide(run, waiting, approve))
}

fn decide(run: &Run, waiting: &PendingApproval, approve: bool) -> Action {
    let (run, head) = (run.id.clone(), run.head.clone());
    let (environment, environment_id) = (waiting.environment.clone(), waiting.environment_id);
    let comment = String::new();
    if approve {
        Action::Approve { run, head, environment, environment_id, comment }
    } else {
        Action::Reject { run, head, environment, environment_id, comment }
    }
}
