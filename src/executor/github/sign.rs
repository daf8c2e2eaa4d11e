//! Whether an action on GitHub took effect, as GitHub itself tells: read after the call,
//! after a lost answer, and when an old operation is settled.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::sop::operation::Action;
use crate::sources::github::address::{in_path, part};
use crate::sources::github::{Client, Trouble};
use crate::sources::text::clean;

/// What GitHub says about an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It is as ordered; what is seen.
    Done(String),
    /// It was taken up, and is on its way; what is seen.
    UnderWay(String),
    /// Nothing of it is seen; how things stand.
    NotYet(String),
    /// It can no longer come to it; why.
    Never(String),
}

/// What was there before the call, for what leaves no mark of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// The newest run of the workflow that is dispatched; 0 when there was none.
    pub newest_run: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    login: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pull {
    number: u64,
    state: String,
    merged: bool,
    merge_commit_sha: Option<String>,
    merged_by: Option<User>,
    html_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    object: Object,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    sha: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Environment {
    id: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Approval {
    state: String,
    user: Option<User>,
    environments: Vec<Environment>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pending {
    environment: Environment,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Run {
    id: u64,
    run_number: u64,
    run_attempt: u32,
    status: Option<String>,
    conclusion: Option<String>,
    actor: Option<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Runs {
    workflow_runs: Vec<Run>,
}

/// Reads what tells about actions of one repository.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looker<'c> {
    pub client: &'c Client,
    /// `owner/name`
    pub repository: &'c str,
}

impl Looker<'_> {
    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let value = self.client.get(&format!("/repos/{}/{path}", self.repository)).await?;
        serde_json::from_value(value)
            .map_err(|error| Trouble::Lost(format!("its answer cannot be read: {error}")))
    }

    /// What has to be known before the call, to tell its effect from what was there.
    pub(super) async fn before(&self, action: &Action) -> Result<Before, Trouble> {
        match action {
            Action::Dispatch { workflow, .. } => {
                let runs = self.runs_of(workflow).await?;
                Ok(Before { newest_run: runs.iter().map(|run| run.id).max().unwrap_or(0) })
            }
            _ => Ok(Before::default()),
        }
    }

    /// The commit at the tip of a branch; `None` when there is no such branch.
    pub(super) async fn tip(&self, branch: &str) -> Result<Option<String>, Trouble> {
        match self.read::<Reference>(&format!("git/ref/heads/{}", in_path(branch))).await {
            Ok(reference) => Ok(Some(reference.object.sha)),
            Err(trouble) if trouble.status() == Some(404) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// One look.
    pub(super) async fn look(&self, action: &Action, before: &Before) -> Result<Sign, Trouble> {
        match action {
            Action::Propose { head, base, .. } => self.proposed(head, base).await,
            Action::Merge { number, .. } => Ok(merged(&self.read(&format!("pulls/{number}")).await?)),
            Action::DeleteBranch { branch } => Ok(match self.tip(branch).await? {
                None => Sign::Done(format!("{branch} is gone")),
                Some(tip) => Sign::NotYet(format!("{branch} is still there, at {}", short(&tip))),
            }),
            Action::Approve { run, environment, environment_id, .. } => {
                self.decided(run.id, *environment_id, environment, "approved").await
            }
            Action::Reject { run, environment, environment_id, .. } => {
                self.decided(run.id, *environment_id, environment, "rejected").await
            }
            Action::Dispatch { workflow, .. } => {
                let runs = self.runs_of(workflow).await?;
                let new = runs.iter().filter(|run| run.id > before.newest_run).min_by_key(|run| run.id);
                Ok(new.map_or_else(
                    || Sign::NotYet(format!("no new run of {workflow} is seen")),
                    |run| {
                        Sign::Done(format!(
                            "run #{} was started by {}",
                            run.run_number,
                            login(run.actor.as_ref())
                        ))
                    },
                ))
            }
            Action::Rerun { run, number, .. } => {
                let now: Run = self.read(&format!("actions/runs/{}", run.id)).await?;
                Ok(if now.run_attempt > run.attempt {
                    Sign::Done(format!("#{number} runs again, as attempt {}", now.run_attempt))
                } else {
                    Sign::NotYet(format!("#{number} is still at attempt {}", now.run_attempt))
                })
            }
            Action::Cancel { run, number } => {
                let now: Run = self.read(&format!("actions/runs/{}", run.id)).await?;
                Ok(cancelled(&now, *number))
            }
            _ => Ok(Sign::Never("it is not done on GitHub".to_owned())),
        }
    }

    async fn proposed(&self, head: &str, base: &str) -> Result<Sign, Trouble> {
        let owner = self.repository.split('/').next().unwrap_or_default();
        let (head_, base_) = (part(head), part(base));
        let path = format!("pulls?state=open&head={}:{head_}&base={base_}&per_page=1", part(owner));
        let open: Vec<Pull> = self.read(&path).await?;
        Ok(open.first().map_or_else(
            || Sign::NotYet(format!("no pull request from {head} to {base} is open")),
            |pull| Sign::Done(format!("#{} is open: {}", pull.number, clean(&pull.html_url))),
        ))
    }

    async fn decided(&self, run: u64, id: u64, environment: &str, wanted: &str) -> Result<Sign, Trouble> {
        let pending: Vec<Pending> = self.read(&format!("actions/runs/{run}/pending_deployments")).await?;
        if pending.iter().any(|pending| pending.environment.id == id) {
            return Ok(Sign::NotYet(format!("it still waits for {environment}")));
        }
        let history: Vec<Approval> = self.read(&format!("actions/runs/{run}/approvals")).await?;
        let of_this = |approval: &&Approval| approval.environments.iter().any(|known| known.id == id);
        Ok(match history.iter().rev().find(of_this) {
            Some(approval) if approval.state == wanted => {
                Sign::Done(format!("{} {wanted} it for {environment}", login(approval.user.as_ref())))
            }
            Some(approval) => Sign::Never(format!(
                "{} {} it for {environment}",
                login(approval.user.as_ref()),
                clean(&approval.state)
            )),
            None => Sign::UnderWay(format!("it no longer waits for {environment}; who decided is not told")),
        })
    }

    async fn runs_of(&self, workflow: &str) -> Result<Vec<Run>, Trouble> {
        let path =
            format!("actions/workflows/{}/runs?event=workflow_dispatch&per_page=20", in_path(workflow));
        Ok(self.read::<Runs>(&path).await?.workflow_runs)
    }
}

fn merged(pull: &Pull) -> Sign {
    let number = pull.number;
    if pull.merged {
        let commit = pull.merge_commit_sha.as_deref().map_or("a commit not told", short);
        return Sign::Done(format!("{} merged #{number} as {commit}", login(pull.merged_by.as_ref())));
    }
    match pull.state.as_str() {
        "closed" => Sign::Never(format!("#{number} was closed without a merge")),
        _ => Sign::NotYet(format!("#{number} is not merged")),
    }
}

fn cancelled(run: &Run, number: u64) -> Sign {
    match (run.status.as_deref(), run.conclusion.as_deref()) {
        (Some("completed"), Some("cancelled")) => Sign::Done(format!("#{number} is cancelled")),
        (Some("completed"), conclusion) => {
            let how = clean(conclusion.unwrap_or("without a word how"));
            Sign::Never(format!("#{number} had ended before: {how}"))
        }
        (status, _) => {
            Sign::NotYet(format!("#{number} is {}", clean(status.unwrap_or("in an unknown state"))))
        }
    }
}

fn login(user: Option<&User>) -> String {
    user.map(|user| clean(&user.login)).filter(|login| !login.is_empty()).unwrap_or_else(|| "somebody".into())
}

fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}
