//! What the checklist asks of GitHub beside what the room reads anyway. What cannot be
//! found out is an error with its words, never a pass.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::address::{in_path, part, query};
use super::answer::{
    Comparison, Deployment, DeploymentStatus, Issue, Label, List, Pull, ReleaseNotes, Rights,
};
use super::choice;
use super::client::{Client, Trouble};
use super::read::Questions;
use crate::clock::Clock;
use crate::config::GitHub;
use crate::sop::checklist::evidence::{Found, Inputs};
use crate::sop::checklist::repository::Wanted;
use crate::sop::commit::Sha;
use crate::sop::repository::GitHubSetting;
use crate::sources::checks::Answer;

/// Deployments to an environment that are looked back at.
const DEPLOYMENTS: usize = 10;
/// Releases among which the version is looked for: the newest.
const RELEASES: usize = 30;
/// Issues that a pull request names, as far as they are looked at.
const NAMED: usize = 10;

/// Asks about one repository.
#[derive(Debug)]
pub struct Evidence {
    client: Arc<Client>,
    setting: GitHubSetting,
    clock: Clock,
}

impl Evidence {
    /// One that has asked nothing yet.
    #[must_use]
    pub fn new(client: Arc<Client>, config: &GitHub, clock: Clock) -> Self {
        Self { client, setting: config.setting.clone(), clock }
    }

    /// Finds out one thing.
    ///
    /// # Errors
    /// Why it could not be found out.
    pub(in crate::sources) async fn find_out(
        &self,
        wanted: &Wanted,
        release: &Inputs,
    ) -> Result<Answer, String> {
        let head = || {
            let head = release.head.clone().map(Sha);
            head.ok_or_else(|| "the head of the release is not known yet".to_owned())
        };
        match wanted {
            Wanted::Issues { labels, open } => {
                let head = release.head.clone().map(Sha);
                self.issues(labels, *open, head.as_ref()).await.map_err(words)
            }
            Wanted::Notes { version } => {
                // Before there is a release only the last one's version is known.
                head()?;
                let version = release.fill(version)?;
                self.notes(&version).await.map_err(words)
            }
            Wanted::Deployed { environment, stable } => {
                let head = head()?;
                self.deployed(environment, *stable, &head).await.map_err(words)
            }
            Wanted::MergedBack { into } => {
                let head = head()?;
                self.merged_back(into, &head).await.map_err(words)
            }
        }
    }

    fn questions(&self) -> Questions<'_> {
        Questions { client: &self.client, setting: &self.setting }
    }

    /// Open issues with one of the labels. A label that the repository does not have is
    /// nobody's: that none is found then says nothing.
    async fn issues(&self, labels: &[String], open: bool, head: Option<&Sha>) -> Result<Answer, Trouble> {
        let known: Vec<Label> = self.questions().list("labels?per_page=100").await?;
        let has = |label: &String| known.iter().any(|known| known.name.eq_ignore_ascii_case(label));
        if let Some(unknown) = labels.iter().find(|label| !has(label)) {
            return Ok((Found::Unknown, format!("the repository has no label {unknown}: name yours")));
        }
        let mut found: Vec<String> = Vec::new();
        for label in labels {
            let query = query(&[("labels", label), ("state", "open")]);
            let issues: Vec<Issue> = self.questions().list(&format!("issues?{query}&per_page=100")).await?;
            let issues = issues.iter().filter(|issue| !issue.is_pull_request());
            found.extend(issues.map(|issue| format!("{} ({label})", issue.words())));
        }
        if let (true, true, Some(head)) = (open, found.is_empty(), head)
            && let Some(mended) = self.mended(labels, head).await?
        {
            return Ok((Found::Pass, format!("closed by the release: {mended}")));
        }
        let labels = labels.join(" or ");
        Ok(match (found.as_slice(), open) {
            ([], false) => (Found::Pass, format!("no open issue is labelled {labels}")),
            ([], true) => (Found::Fail, format!("no open issue is labelled {labels}: this is no hotfix")),
            ([first, rest @ ..], open) => {
                let more = if rest.is_empty() { String::new() } else { format!(" (+{})", rest.len()) };
                (if open { Found::Pass } else { Found::Fail }, format!("open: {first}{more}"))
            }
        })
    }

    /// An issue with one of the labels that the merged release names: the merge closed it.
    async fn mended(&self, labels: &[String], head: &Sha) -> Result<Option<String>, Trouble> {
        let Some(pull) = self.pull_of(head).await?.filter(|pull| pull.merged_as().is_some()) else {
            return Ok(None);
        };
        for number in pull.issues().into_iter().take(NAMED) {
            let issue: Issue = match self.questions().read(&format!("issues/{number}")).await {
                // What a text names need not be there.
                Err(trouble) if matches!(trouble.status(), Some(404 | 410)) => continue,
                read => read?,
            };
            if !issue.is_pull_request() && labels.iter().any(|label| issue.has_label(label)) {
                return Ok(Some(issue.words()));
            }
        }
        Ok(None)
    }

    /// The pull request that a commit is the head of, or that became it; a merged one first.
    async fn pull_of(&self, head: &Sha) -> Result<Option<Pull>, Trouble> {
        let pulls = self.questions().recent_pulls().await?;
        let of_head =
            |pull: &Pull| pull.head().as_ref() == Some(head) || pull.merged_as().as_ref() == Some(head);
        let mut of_head: Vec<Pull> = pulls.into_iter().filter(of_head).collect();
        of_head.sort_by_key(|pull| pull.merged_as().is_none());
        Ok(of_head.into_iter().next())
    }

    /// A release or a draft of the version, with a text. Drafts are told only to those
    /// who may write.
    async fn notes(&self, version: &str) -> Result<Answer, Trouble> {
        let List(releases): List<ReleaseNotes> =
            self.questions().read(&format!("releases?per_page={RELEASES}")).await?;
        let of_version = |text: &str| text == version || choice::is_of_version(text, version);
        let notes = releases.iter().find(|notes| of_version(&notes.tag_name) || of_version(&notes.name));
        if let Some(notes) = notes {
            let what = if notes.draft { "draft" } else { "release" };
            return Ok(match notes.body.trim() {
                "" => (Found::Fail, format!("the {what} {version} has no text")),
                body => (Found::Pass, format!("{what} {version}, {} lines", body.lines().count())),
            });
        }
        let rights: Rights = self.questions().read_repository().await?;
        Ok(match rights.may_write() {
            true => (Found::Fail, format!("there is neither a release nor a draft {version}")),
            false => (
                Found::Unknown,
                format!("there is no release {version}, and drafts are shown only to who may write"),
            ),
        })
    }

    /// The environment's newest deployment: of the release's files, and for how long.
    async fn deployed(&self, environment: &str, stable: Duration, head: &Sha) -> Result<Answer, Trouble> {
        let questions = self.questions();
        let query = query(&[("environment", environment)]);
        let List(deployments): List<Deployment> =
            questions.read(&format!("deployments?{query}&per_page={DEPLOYMENTS}")).await?;
        let Some(newest) = deployments.first() else {
            return Ok((Found::Fail, format!("nothing was ever deployed to {environment}")));
        };
        let (state, mut since) = self.state_of(newest).await?;
        let of = newest.commit().ok_or_else(|| Trouble::Lost("a deployment without a commit".to_owned()))?;
        match state.as_str() {
            "success" => {}
            "failure" | "error" => {
                return Ok((Found::Fail, format!("the last deployment to {environment}, of {of}, failed")));
            }
            "inactive" => {
                return Ok((
                    Found::Fail,
                    format!("the last deployment to {environment}, of {of}, was replaced"),
                ));
            }
            word => {
                let words = format!("the last deployment to {environment}, of {of}, is {word}");
                return Ok((Found::Unknown, words));
            }
        }
        if !self.is_the_same(&of, head).await? {
            return Ok((Found::Fail, format!("{environment} has {of}, the release is {head}")));
        }
        // The same files deployed again leave it as it was; anything else ends it.
        for earlier in deployments.iter().skip(1) {
            let same = match earlier.commit() {
                Some(commit) => commit == of,
                None => false,
            };
            if !same {
                break;
            }
            match self.went_well(earlier).await? {
                Some(at) => since = Some(at),
                None => break,
            }
        }
        let Some(since) = since else {
            return Err(Trouble::Lost(format!("since when {environment} has {of} is not told")));
        };
        Ok(stood(environment, &of, self.clock.now().wall, since, stable))
    }

    /// What was last said of a deployment, and when.
    async fn state_of(&self, deployment: &Deployment) -> Result<(String, Option<Timestamp>), Trouble> {
        let List(statuses): List<DeploymentStatus> = self.statuses(deployment).await?;
        let newest = statuses.first();
        let state = newest.map(DeploymentStatus::state).filter(|state| !state.is_empty());
        Ok((state.unwrap_or_else(|| "pending".to_owned()), newest.and_then(DeploymentStatus::at)))
    }

    /// When a deployment that may have been replaced since went well; `None`: it did not.
    async fn went_well(&self, deployment: &Deployment) -> Result<Option<Timestamp>, Trouble> {
        let List(statuses): List<DeploymentStatus> = self.statuses(deployment).await?;
        let well = statuses.iter().find(|status| status.state() == "success");
        Ok(well.and_then(DeploymentStatus::at))
    }

    async fn statuses(&self, deployment: &Deployment) -> Result<List<DeploymentStatus>, Trouble> {
        self.questions().read(&format!("deployments/{}/statuses?per_page=30", deployment.id)).await
    }

    /// Whether two commits hold the same files.
    async fn is_the_same(&self, one: &Sha, other: &Sha) -> Result<bool, Trouble> {
        if one == other {
            return Ok(true);
        }
        let questions = self.questions();
        let (one, other) = tokio::join!(questions.commit(one), questions.commit(other));
        let same = one?.holds_the_same(&other?);
        same.ok_or_else(|| Trouble::Lost("a commit without a tree".to_owned()))
    }

    /// Whether what the release's pull request became has come to a branch.
    async fn merged_back(&self, into: &str, head: &Sha) -> Result<Answer, Trouble> {
        let merged = self.pull_of(head).await?.and_then(|pull| pull.merged_as());
        let base = &self.setting.base_branch;
        let Some(commit) = merged else {
            return Ok((Found::Unknown, format!("{head} is not merged to {base} yet")));
        };
        let range = format!("{}...{}", in_path(into), part(&commit.0));
        let compared: Comparison = self.questions().read(&format!("compare/{range}?per_page=1")).await?;
        Ok(match compared.ahead_by {
            0 => (Found::Pass, format!("{into} has {commit}")),
            missing => {
                let commits = if missing == 1 { "commit" } else { "commits" };
                let words =
                    format!("{into} lacks {missing} {commits} of {base}: merge {base} back into {into}");
                (Found::Fail, words)
            }
        })
    }
}

/// Whether it has stood for long enough.
fn stood(environment: &str, of: &Sha, now: Timestamp, since: Timestamp, stable: Duration) -> Answer {
    let stood = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    let spoken = |time: Duration| match time.as_secs() {
        seconds @ 0..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    };
    let words = format!("{environment} has had {of} for {}", spoken(stood));
    match stood >= stable {
        true => (Found::Pass, words),
        false => (Found::Fail, format!("{words}, {} are asked for", spoken(stable))),
    }
}

fn words(trouble: Trouble) -> String {
    trouble.words().to_owned()
}
