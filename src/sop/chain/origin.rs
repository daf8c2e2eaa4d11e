//! The half of the chain that the repository tells.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fit, Link, LinkId, image};
use crate::sop::commit::Sha;
use crate::sop::pipeline::{Run, RunId, RunState};
use crate::sop::pull_request::{PullRequest, PullRequestState};
use crate::sop::repository::Repository;

/// Where a release comes from: the links from its pull request to its image, and what
/// the rest of the chain is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub links: Vec<Link>,
    /// `v1.1.0`, where it is known.
    pub version: Option<String>,
    /// The commit that is built.
    pub commit: Option<Sha>,
    pub run: Option<RunId>,
    /// When the run was made: what was deployed before it is not of this release.
    pub began: Option<Timestamp>,
    pub progress: Progress,
}

/// How far a release has come in its repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// There is no release, or nothing was read of it.
    #[default]
    Unknown,
    /// Its pull request is open.
    Review,
    /// It is merged: tests, build and push go on, or have not begun; or the run has failed.
    Pipeline,
    /// The run waits for somebody's approval.
    Approval,
    /// The database is being migrated.
    Migrate,
    /// The run has come past all that: the cluster tells the rest.
    Delivery,
}

/// The version of the release: the one that was chosen, else the one that the title of its
/// pull request names.
#[must_use]
pub fn version_of(repository: &Repository) -> Option<&str> {
    let named = || image::version_in(&repository.pull_request.as_ref()?.title);
    repository.version.as_deref().or_else(named)
}

impl Origin {
    /// What was read of the repository, as the beginning of the chain. `version` is the
    /// release's where it was named; else the title of the pull request may name one.
    #[must_use]
    pub fn of(repository: &Repository, version: Option<&str>) -> Self {
        let request = repository.pull_request.as_ref();
        let run = repository.run.as_ref();
        let version = version.or_else(|| version_of(repository)).map(str::to_owned);
        let merged = request.and_then(merged_commit);
        let commit = merged.or_else(|| run.filter(|_| request.is_none()).map(|run| &run.head)).cloned();
        let mut origin = Self {
            links: Vec::with_capacity(LinkId::ALL.len()),
            version,
            commit,
            run: run.map(|run| run.id.clone()),
            began: run.and_then(|run| run.created.or(run.started)),
            progress: progress(request, run),
        };
        origin.links = vec![merge_link(request), run_link(request, run), origin.image_link(run)];
        origin
    }

    /// The beginning of a chain of which nothing can be told.
    #[must_use]
    pub fn unread(why: &str) -> Self {
        let link = |id, from: &str, to: &str| Link {
            id,
            from: from.to_owned(),
            to: to.to_owned(),
            fit: Fit::Unknown(why.to_owned()),
        };
        let links = vec![
            link(LinkId::Merge, "pull request", "commit"),
            link(LinkId::Run, "commit", "run"),
            link(LinkId::Image, "run", "image"),
        ];
        Self { links, ..Self::default() }
    }

    pub(super) fn image_words(&self) -> String {
        self.version
            .clone()
            .or_else(|| self.commit.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| "image".to_owned())
    }

    /// Whether an image is this release's, by its name; `None` when that cannot be told.
    #[must_use]
    pub fn names(&self, image: &str) -> Option<bool> {
        match image::named(self, image) {
            Fit::Fits(_) => Some(true),
            Fit::DoesNotFit(_) => Some(false),
            Fit::Unknown(_) | Fit::NotYet(_) => None,
        }
    }

    fn image_link(&self, run: Option<&Run>) -> Link {
        let fit = match (run, &self.version, &self.commit) {
            (None, ..) => Fit::NotYet("there is no run that makes it".to_owned()),
            (Some(run), ..) if run.state == RunState::Queued => {
                Fit::NotYet(format!("run {} has not begun", run.number))
            }
            (Some(_), Some(version), _) => Fit::Fits(format!("named {version}")),
            (Some(_), None, Some(commit)) => Fit::Fits(format!("named after {}", commit.short())),
            (Some(_), None, None) => Fit::Unknown("neither version nor commit is known".to_owned()),
        };
        Link { id: LinkId::Image, from: run_words(run), to: self.image_words(), fit }
    }
}

/// Whether what was seen at `seen` holds for the commit that the pull request became:
/// a squash makes a new commit, and what holds for the head holds for it exactly when
/// both have the same tree.
#[must_use]
pub fn carries(seen: &Sha, request: &PullRequest) -> Fit {
    let PullRequestState::Merged { commit, .. } = &request.state else {
        return if *seen == request.head.sha {
            Fit::Fits("seen at the head".to_owned())
        } else {
            Fit::DoesNotFit(format!("seen at {}, the head is {}", seen.short(), request.head.sha.short()))
        };
    };
    if *seen == commit.sha {
        return Fit::Fits(format!("seen at {}", seen.short()));
    }
    if *seen != request.head.sha {
        return Fit::DoesNotFit(format!(
            "seen at {}, which is neither the head {} nor the commit {}",
            seen.short(),
            request.head.sha.short(),
            commit.sha.short()
        ));
    }
    merge_fit(request)
}

fn merged_commit(request: &PullRequest) -> Option<&Sha> {
    match &request.state {
        PullRequestState::Merged { commit, .. } => Some(&commit.sha),
        _ => None,
    }
}

fn merge_fit(request: &PullRequest) -> Fit {
    let number = request.number;
    let PullRequestState::Merged { commit, .. } = &request.state else {
        return match request.state {
            PullRequestState::Closed => Fit::DoesNotFit(format!("#{number} was closed without a merge")),
            _ => Fit::NotYet(format!("#{number} is not merged")),
        };
    };
    let (head, commit) = (&request.head, commit);
    match (head.holds_the_same(commit), &head.tree, &commit.tree) {
        (Some(true), ..) => Fit::Fits("same tree".to_owned()),
        (Some(false), Some(ours), Some(theirs)) => Fit::DoesNotFit(format!(
            "{} has tree {}, {} has {}: what was reviewed is not what was merged",
            head.sha.short(),
            ours.short(),
            commit.sha.short(),
            theirs.short()
        )),
        (_, None, _) => Fit::Unknown(format!("the tree of {} was not read", head.sha.short())),
        _ => Fit::Unknown(format!("the tree of {} was not read", commit.sha.short())),
    }
}

fn merge_link(request: Option<&PullRequest>) -> Link {
    let (from, to, fit) = match request {
        None => (
            "pull request".to_owned(),
            "commit".to_owned(),
            Fit::Unknown("no pull request of this release was found".to_owned()),
        ),
        Some(request) => (
            format!("#{} {}", request.number, request.head.sha.short()),
            merged_commit(request).map_or_else(|| request.base_branch.clone(), |sha| sha.short().to_owned()),
            merge_fit(request),
        ),
    };
    Link { id: LinkId::Merge, from, to, fit }
}

fn run_words(run: Option<&Run>) -> String {
    run.map_or_else(
        || "run".to_owned(),
        |run| match run.id.attempt {
            0 | 1 => format!("run {}", run.number),
            attempt => format!("run {} attempt {attempt}", run.number),
        },
    )
}

fn run_link(request: Option<&PullRequest>, run: Option<&Run>) -> Link {
    let merged = request.and_then(merged_commit);
    let fit = match (request, merged, run) {
        (_, Some(commit), Some(run)) if *commit == run.head => Fit::Fits(format!("of {}", commit.short())),
        (_, Some(commit), Some(run)) => Fit::DoesNotFit(format!(
            "{} is of {}, the merged commit is {}",
            run_words(Some(run)),
            run.head.short(),
            commit.short()
        )),
        (_, Some(commit), None) => Fit::NotYet(format!("no run of {} was seen", commit.short())),
        (Some(request), None, _) => Fit::NotYet(format!("#{} is not merged", request.number)),
        (None, None, Some(run)) => Fit::Unknown(format!(
            "{} is of {}, which no pull request is known to have made",
            run_words(Some(run)),
            run.head.short()
        )),
        (None, None, None) => Fit::Unknown("no run of this release was found".to_owned()),
    };
    let from = merged.map_or_else(|| "commit".to_owned(), |sha| sha.short().to_owned());
    Link { id: LinkId::Run, from, to: run_words(run), fit }
}

fn progress(request: Option<&PullRequest>, run: Option<&Run>) -> Progress {
    match request.map(|request| &request.state) {
        Some(PullRequestState::Open | PullRequestState::Draft) => return Progress::Review,
        Some(PullRequestState::Closed) => return Progress::Unknown,
        Some(PullRequestState::Merged { commit, .. }) if run.is_none_or(|run| run.head != commit.sha) => {
            return Progress::Pipeline;
        }
        Some(PullRequestState::Merged { .. }) | None => {}
    }
    match run {
        None => Progress::Unknown,
        Some(run) if !run.waiting.is_empty() => Progress::Approval,
        Some(run) if run.state.is_bad() => Progress::Pipeline,
        Some(run) if run.state == RunState::Passed => Progress::Delivery,
        Some(run) if run.decisions.iter().any(|decision| decision.approved) => Progress::Delivery,
        Some(_) => Progress::Pipeline,
    }
}
