//! The single questions about one repository.

use serde::de::DeserializeOwned;

use super::address::{part, query};
use super::answer::{self, GitCommit, List};
use super::client::{Client, Trouble};
use crate::sop::commit::{Commit, Sha};
use crate::sop::pipeline::{Decision, Job, PendingApproval, Run, RunId};
use crate::sop::pull_request::{ChangedFile, Checks, PullRequest, Review};
use crate::sop::repository::GitHubSetting;

/// Most pages of a list: a thousand jobs, reviews or checks.
const MOST_PAGES: usize = 10;
/// Most pages of changed files: the screen shows a few.
const MOST_FILE_PAGES: usize = 3;
/// Runs of all workflows that are looked at: the newest.
const RUNS: usize = 50;

/// Asks about one repository.
#[derive(Clone, Copy, Debug)]
pub(super) struct Questions<'c> {
    pub client: &'c Client,
    pub setting: &'c GitHubSetting,
}

impl Questions<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/repos/{}/{rest}", self.setting.repository)
    }

    /// What is at a path below the repository's.
    pub(super) async fn read<T: DeserializeOwned>(&self, rest: &str) -> Result<T, Trouble> {
        self.client.read(&self.path(rest)).await
    }

    /// All pages of a list, up to `most`; whether there are more. `pick` takes the
    /// entries out of a page.
    pub(super) async fn pages<P: DeserializeOwned, T>(
        &self,
        rest: &str,
        most: usize,
        pick: impl Fn(P) -> Vec<T>,
    ) -> Result<(Vec<T>, bool), Trouble> {
        let (mut all, mut next) = (Vec::new(), Some(self.path(rest)));
        for _ in 0..most {
            let Some(path) = next.take() else { break };
            let answer = self.client.answer(&path).await?;
            all.extend(pick(super::client::parse(&answer.body)?));
            next = answer.next;
        }
        Ok((all, next.is_some()))
    }

    /// What is told of the repository itself.
    pub(super) async fn read_repository<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        self.client.read(&format!("/repos/{}", self.setting.repository)).await
    }

    /// A whole list.
    pub(super) async fn list<T: DeserializeOwned>(&self, rest: &str) -> Result<Vec<T>, Trouble> {
        let (all, more) = self.pages(rest, MOST_PAGES, |List(page)| page).await?;
        if more { Err(too_many(rest)) } else { Ok(all) }
    }

    /// Login of the token's user. An app has none.
    pub(super) async fn user(&self) -> Result<Option<String>, Trouble> {
        Ok(self.client.read::<answer::User>("/user").await?.name())
    }

    /// One pull request.
    pub(super) async fn pull(&self, number: u64) -> Result<answer::Pull, Trouble> {
        self.read(&format!("pulls/{number}")).await
    }

    /// Open pull requests of the release's two branches.
    pub(super) async fn open_pulls(&self) -> Result<Vec<answer::Pull>, Trouble> {
        let owner = self.setting.repository.split('/').next().unwrap_or_default();
        let (head, base) = (&self.setting.head_branch, &self.setting.base_branch);
        let query = query(&[("state", "open"), ("head", &format!("{owner}:{head}")), ("base", base)]);
        self.read::<List<_>>(&format!("pulls?{query}&per_page=10")).await.map(|List(all)| all)
    }

    /// Pull requests to the release's branch, the latest first, whatever became of them.
    pub(super) async fn recent_pulls(&self) -> Result<Vec<answer::Pull>, Trouble> {
        let query = query(&[("state", "all"), ("base", &self.setting.base_branch)]);
        let path = format!("pulls?{query}&sort=updated&direction=desc&per_page=30");
        self.read::<List<_>>(&path).await.map(|List(all)| all)
    }

    /// The latest pull request of a branch.
    pub(super) async fn pull_of_branch(&self, branch: &str) -> Result<Option<answer::Pull>, Trouble> {
        let owner = self.setting.repository.split('/').next().unwrap_or_default();
        let query = query(&[("state", "all"), ("head", &format!("{owner}:{branch}"))]);
        let path = format!("pulls?{query}&sort=updated&direction=desc&per_page=1");
        self.read::<List<_>>(&path).await.map(|List(all)| all.into_iter().next())
    }

    /// Pull requests that a commit belongs to.
    pub(super) async fn pulls_of(&self, commit: &Sha) -> Result<Vec<answer::Pull>, Trouble> {
        self.read::<List<_>>(&format!("commits/{}/pulls?per_page=10", commit.0)).await.map(|List(all)| all)
    }

    /// A commit with its tree.
    pub(super) async fn commit(&self, sha: &Sha) -> Result<Commit, Trouble> {
        let commit: GitCommit = self.read(&format!("git/commits/{}", sha.0)).await?;
        commit.commit().ok_or_else(|| unreadable("a commit without a name"))
    }

    /// A pull request with its commits, reviews and files. Its checks are others'.
    pub(super) async fn whole(&self, pull: &answer::Pull) -> Result<PullRequest, Trouble> {
        let head = pull.head().ok_or_else(|| unreadable("a pull request without a head"))?;
        let (head, merged, reviews, files) = tokio::join!(
            self.commit(&head),
            async {
                match pull.merged_as() {
                    Some(sha) => self.commit(&sha).await.map(Some),
                    None => Ok(None),
                }
            },
            self.reviews(pull.number),
            self.files(pull.number),
        );
        let mut request = pull.request(head?, merged?);
        request.reviews = reviews?;
        (request.files, request.more_files) = files?;
        Ok(request)
    }

    async fn reviews(&self, number: u64) -> Result<Vec<Review>, Trouble> {
        let all: Vec<answer::Review> = self.list(&format!("pulls/{number}/reviews?per_page=100")).await?;
        Ok(all.iter().map(answer::Review::review).collect())
    }

    async fn files(&self, number: u64) -> Result<(Vec<ChangedFile>, bool), Trouble> {
        let path = format!("pulls/{number}/files?per_page=100");
        let (files, more) = self.pages(&path, MOST_FILE_PAGES, |List(page): List<answer::File>| page).await?;
        Ok((files.iter().map(answer::File::file).collect(), more))
    }

    /// Check runs and statuses of a commit.
    pub(super) async fn checks(&self, commit: &Sha) -> Result<Checks, Trouble> {
        let (runs, status) = (
            format!("commits/{}/check-runs?per_page=100", commit.0),
            format!("commits/{}/status?per_page=100", commit.0),
        );
        let (runs, statuses) = tokio::join!(
            self.pages(&runs, MOST_PAGES, |page: answer::CheckRuns| page.check_runs),
            self.pages(&status, MOST_PAGES, |page: answer::Status| page.statuses),
        );
        let ((runs, more), (statuses, more_statuses)) = (runs?, statuses?);
        if more || more_statuses {
            return Err(too_many("check-runs"));
        }
        Ok(answer::checks(commit.clone(), &runs, &statuses))
    }

    /// The newest runs of all workflows.
    pub(super) async fn newest_runs(&self) -> Result<Vec<Run>, Trouble> {
        self.runs(&format!("actions/runs?per_page={RUNS}")).await
    }

    /// Runs of the release's workflow, for a commit; the newest first.
    pub(super) async fn runs_of(&self, commit: &Sha) -> Result<Vec<Run>, Trouble> {
        let workflow = part(&self.setting.workflow);
        self.runs(&format!("actions/workflows/{workflow}/runs?head_sha={}&per_page=10", commit.0)).await
    }

    /// The last runs of the release's workflow that passed.
    pub(super) async fn passed_runs(&self, count: usize) -> Result<Vec<Run>, Trouble> {
        let workflow = part(&self.setting.workflow);
        self.runs(&format!("actions/workflows/{workflow}/runs?status=success&per_page={count}")).await
    }

    async fn runs(&self, rest: &str) -> Result<Vec<Run>, Trouble> {
        let page: answer::Runs = self.read(rest).await?;
        Ok(page.workflow_runs.iter().filter_map(answer::Run::run).collect())
    }

    /// One run, at its latest attempt.
    pub(super) async fn run(&self, id: u64) -> Result<Run, Trouble> {
        let run: answer::Run = self.read(&format!("actions/runs/{id}")).await?;
        run.run().ok_or_else(|| unreadable("a run without a name"))
    }

    /// All jobs of an attempt.
    pub(super) async fn jobs(&self, run: &RunId) -> Result<Vec<Job>, Trouble> {
        let path = format!("actions/runs/{}/attempts/{}/jobs?per_page=100", run.id, run.attempt);
        let (jobs, more) = self.pages(&path, MOST_PAGES, |page: answer::Jobs| page.jobs).await?;
        if more { Err(too_many("jobs")) } else { Ok(jobs.iter().map(answer::Job::job).collect()) }
    }

    /// What a run waits for.
    pub(super) async fn pending(&self, run: u64) -> Result<Vec<PendingApproval>, Trouble> {
        let List(all): List<answer::Pending> =
            self.read(&format!("actions/runs/{run}/pending_deployments")).await?;
        Ok(all.iter().map(answer::Pending::pending).collect())
    }

    /// What was decided about a run.
    pub(super) async fn decisions(&self, run: u64) -> Result<Vec<Decision>, Trouble> {
        let List(all): List<answer::Approval> = self.read(&format!("actions/runs/{run}/approvals")).await?;
        Ok(all.iter().filter_map(answer::Approval::decision).collect())
    }
}

fn unreadable(what: &str) -> Trouble {
    Trouble::Lost(format!("GitHub's answer cannot be read: {what}"))
}

/// What is cut off could be the one thing that matters.
fn too_many(what: &str) -> Trouble {
    let what = what.split('?').next().unwrap_or_default();
    Trouble::Lost(format!("GitHub has more than {MOST_PAGES} pages of {what}: they are not all read"))
}
