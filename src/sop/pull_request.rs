//! The pull request of a release (sop.md, production steps 1 to 3).

use jiff::Timestamp;

use super::commit::{Commit, Sha};

/// A pull request, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    pub title: String,
    /// Login of who opened it.
    pub author: String,
    pub url: String,
    /// The branch that is brought: `develop`, `hotfix/critical-bug-123`.
    pub head_branch: String,
    pub head: Commit,
    /// The branch that receives it: `main`.
    pub base_branch: String,
    pub state: PullRequestState,
    pub mergeability: Mergeability,
    /// In the order in which they were given, whosever they are.
    pub reviews: Vec<Review>,
    pub checks: Checks,
    pub files: Vec<ChangedFile>,
    /// Whether there are more files than were read.
    pub more_files: bool,
    /// Issues that its text names (`Fixes #12`).
    pub issues: Vec<u64>,
}

/// Where a pull request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullRequestState {
    Draft,
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged; the commit that it became, and when.
    Merged {
        commit: Commit,
        by: Option<String>,
        at: Option<Timestamp>,
    },
}

/// Whether GitHub would merge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mergeability {
    /// GitHub is working it out: ask again.
    Computing,
    Clean,
    /// It has conflicts with its base.
    Conflicts,
    /// Rules of the branch hold it; GitHub's word for it (`blocked`, `behind`, …).
    Held(String),
}

/// One review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub author: String,
    pub state: ReviewState,
    /// The head at which it was given.
    pub commit: Option<Sha>,
    pub at: Option<Timestamp>,
}

/// What a review says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewState {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
    Pending,
    /// A word that this program does not know.
    Other(String),
}

/// What was checked at a commit: check runs and commit statuses together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// `None`: not read yet.
    pub commit: Option<Sha>,
    pub all: Vec<Check>,
}

/// One check run or commit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    pub state: CheckState,
    pub url: Option<String>,
    /// What it says of itself: `coverage 91.2 %`.
    pub summary: String,
}

/// How a check stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckState {
    Running,
    Passed,
    /// Left out, or neither good nor bad: it blocks nothing.
    Neutral,
    Failed,
    /// A word that this program does not know: not a pass.
    Other(String),
}

/// A file that the pull request changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: String,
    pub added: u64,
    pub removed: u64,
}
