//! Pull requests, their reviews, files and checks.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::{User, address, first_line, lenient, list, login, sha, time};
use crate::sop::commit::{Commit, Sha};
use crate::sop::pull_request::{
    ChangedFile, Check, CheckState, Checks, Mergeability, PullRequest, PullRequestState, Review as Reviewed,
    ReviewState,
};
use crate::sources::text::clean;

/// Most issues that are named.
const MOST_ISSUES: usize = 50;

/// `GET /repos/{owner}/{repo}/pulls/{number}`, and an entry of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Pull {
    #[serde(deserialize_with = "lenient")]
    pub number: u64,
    #[serde(deserialize_with = "lenient")]
    pub title: String,
    #[serde(deserialize_with = "lenient")]
    body: String,
    #[serde(deserialize_with = "lenient")]
    user: Option<User>,
    #[serde(deserialize_with = "lenient")]
    html_url: String,
    #[serde(deserialize_with = "lenient")]
    head: Branch,
    #[serde(deserialize_with = "lenient")]
    base: Branch,
    #[serde(deserialize_with = "lenient")]
    state: String,
    #[serde(deserialize_with = "lenient")]
    draft: bool,
    #[serde(deserialize_with = "lenient")]
    pub merged_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    merged_by: Option<User>,
    #[serde(deserialize_with = "lenient")]
    merge_commit_sha: String,
    #[serde(deserialize_with = "lenient")]
    mergeable: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    mergeable_state: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Branch {
    #[serde(rename = "ref", deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    sha: String,
}

impl Pull {
    /// The commit at its head.
    pub(in crate::sources::github) fn head(&self) -> Option<Sha> {
        sha(&self.head.sha)
    }

    /// The commit that it became.
    pub(in crate::sources::github) fn merged_as(&self) -> Option<Sha> {
        self.merged_at.as_ref()?;
        sha(&self.merge_commit_sha)
    }

    /// The branch that receives it.
    pub(in crate::sources::github) fn base_branch(&self) -> &str {
        &self.base.name
    }

    /// Issues that its text names.
    pub(in crate::sources::github) fn issues(&self) -> Vec<u64> {
        issues(&self.title, &self.body)
    }

    /// With the commits that were read for it; reviews, checks and files are others'.
    pub(in crate::sources::github) fn request(&self, head: Commit, merged: Option<Commit>) -> PullRequest {
        PullRequest {
            number: self.number,
            title: clean(&self.title),
            author: login(self.user.as_ref()),
            url: address(&self.html_url),
            head_branch: clean(&self.head.name),
            head,
            base_branch: clean(&self.base.name),
            state: self.state(merged),
            mergeability: self.mergeability(),
            reviews: Vec::new(),
            checks: Checks::default(),
            files: Vec::new(),
            more_files: false,
            issues: issues(&self.title, &self.body),
        }
    }

    fn state(&self, merged: Option<Commit>) -> PullRequestState {
        if let Some(commit) = merged {
            let (by, at) = (self.merged_by.as_ref(), self.merged_at.as_ref());
            return PullRequestState::Merged { commit, by: by.and_then(User::name), at: time(at) };
        }
        match (self.state.as_str(), self.draft) {
            ("open", true) => PullRequestState::Draft,
            ("open", false) => PullRequestState::Open,
            _ => PullRequestState::Closed,
        }
    }

    /// What is not told is being worked out; the state's word says why it is held.
    fn mergeability(&self) -> Mergeability {
        match (self.mergeable, self.mergeable_state.as_str()) {
            (_, "dirty") | (Some(false), "" | "unknown") => Mergeability::Conflicts,
            (None, _) | (_, "unknown") => Mergeability::Computing,
            // `unstable`: checks that are not required failed; they are judged for themselves.
            (Some(true), "clean" | "unstable" | "has_hooks" | "") => Mergeability::Clean,
            (_, word) => Mergeability::Held(clean(word)),
        }
    }
}

/// Issues that a text names, as `#12` or `GH-12`.
fn issues(title: &str, body: &str) -> Vec<u64> {
    static NAMED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:^|[\s(\[,;:])(?:#|GH-)([1-9][0-9]{0,8})\b").ok());
    let Some(named) = NAMED.as_ref() else { return Vec::new() };
    let mut issues = Vec::new();
    for text in [title, body] {
        for found in named.captures_iter(text) {
            let number = found.get(1).and_then(|number| number.as_str().parse().ok());
            issues.extend(number.filter(|number| !issues.contains(number)));
        }
    }
    issues.truncate(MOST_ISSUES);
    issues
}

/// An entry of `GET /repos/{owner}/{repo}/pulls/{number}/reviews`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Review {
    #[serde(deserialize_with = "lenient")]
    user: Option<User>,
    #[serde(deserialize_with = "lenient")]
    state: String,
    #[serde(deserialize_with = "lenient")]
    commit_id: String,
    #[serde(deserialize_with = "lenient")]
    submitted_at: Option<String>,
}

impl Review {
    pub(in crate::sources::github) fn review(&self) -> Reviewed {
        let state = match self.state.to_ascii_uppercase().as_str() {
            "APPROVED" => ReviewState::Approved,
            "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
            "COMMENTED" => ReviewState::Commented,
            "DISMISSED" => ReviewState::Dismissed,
            "PENDING" => ReviewState::Pending,
            _ => ReviewState::Other(clean(&self.state)),
        };
        Reviewed {
            author: login(self.user.as_ref()),
            state,
            commit: sha(&self.commit_id),
            at: time(self.submitted_at.as_ref()),
        }
    }
}

/// An entry of `GET /repos/{owner}/{repo}/pulls/{number}/files`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct File {
    #[serde(deserialize_with = "lenient")]
    filename: String,
    #[serde(deserialize_with = "lenient")]
    additions: u64,
    #[serde(deserialize_with = "lenient")]
    deletions: u64,
}

impl File {
    pub(in crate::sources::github) fn file(&self) -> ChangedFile {
        ChangedFile { path: clean(&self.filename), added: self.additions, removed: self.deletions }
    }
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources::github) struct CheckRuns {
    #[serde(deserialize_with = "list")]
    pub check_runs: Vec<CheckRun>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct CheckRun {
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    conclusion: Option<String>,
    #[serde(deserialize_with = "lenient")]
    html_url: String,
    #[serde(deserialize_with = "lenient")]
    output: Output,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Output {
    #[serde(deserialize_with = "lenient")]
    title: String,
    #[serde(deserialize_with = "lenient")]
    summary: String,
}

impl Output {
    /// The title; with the line of the summary that has a share in it where the title has
    /// none: `Coverage report: 91.2 % of lines`.
    fn said(&self) -> String {
        let title = first_line(&self.title);
        let line = self.summary.lines().find(|line| line.contains('%'));
        match line.filter(|_| !title.contains('%')) {
            _ if title.is_empty() => line.map_or_else(|| first_line(&self.summary), clean),
            Some(line) => format!("{title}: {}", clean(line)),
            None => title,
        }
    }
}

impl CheckRun {
    fn check(&self) -> Check {
        let state = match (self.status.as_str(), self.conclusion.as_deref()) {
            ("completed", Some("success")) => CheckState::Passed,
            ("completed", Some("neutral" | "skipped")) => CheckState::Neutral,
            (
                "completed",
                Some("failure" | "cancelled" | "timed_out" | "action_required" | "startup_failure" | "stale"),
            ) => CheckState::Failed,
            ("completed", conclusion) => CheckState::Other(clean(conclusion.unwrap_or("no conclusion"))),
            ("queued" | "in_progress" | "waiting" | "requested" | "pending", _) => CheckState::Running,
            (status, _) => CheckState::Other(clean(status)),
        };
        let url = Some(address(&self.html_url)).filter(|url| !url.is_empty());
        Check { name: clean(&self.name), state, url, summary: self.output.said() }
    }
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/status`
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources::github) struct Status {
    #[serde(deserialize_with = "list")]
    pub statuses: Vec<CommitStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct CommitStatus {
    #[serde(deserialize_with = "lenient")]
    context: String,
    #[serde(deserialize_with = "lenient")]
    state: String,
    #[serde(deserialize_with = "lenient")]
    target_url: String,
    #[serde(deserialize_with = "lenient")]
    description: String,
}

impl CommitStatus {
    fn check(&self) -> Check {
        let state = match self.state.as_str() {
            "success" => CheckState::Passed,
            "pending" => CheckState::Running,
            "failure" | "error" => CheckState::Failed,
            word => CheckState::Other(clean(word)),
        };
        let url = Some(address(&self.target_url)).filter(|url| !url.is_empty());
        Check { name: clean(&self.context), state, url, summary: first_line(&self.description) }
    }
}

/// Both kinds together. Check runs of one name and another one's statuses are different
/// checks; all of them count.
pub(in crate::sources::github) fn checks(
    commit: Sha,
    runs: &[CheckRun],
    statuses: &[CommitStatus],
) -> Checks {
    let all = runs.iter().map(CheckRun::check).chain(statuses.iter().map(CommitStatus::check));
    Checks { commit: Some(commit), all: all.collect() }
}
