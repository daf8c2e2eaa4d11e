//! Issues and pull requests: both are threads under one numbering.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::people::Person;

/// An issue, or a pull request.
#[derive(Clone, Debug)]
pub struct Thread {
    pub id: u64,
    pub number: u64,
    pub title: String,
    pub body: String,
    pub author: &'static Person,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub closed: Option<Timestamp>,
    pub labels: BTreeSet<String>,
    pub comments: Vec<Comment>,
    pub pull: Option<Pull>,
}

/// What somebody wrote under a thread.
#[derive(Clone, Debug)]
pub struct Comment {
    pub id: u64,
    pub author: &'static Person,
    pub body: String,
    pub at: Timestamp,
}

/// What a thread has when it is a pull request.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The branch that is to be merged.
    pub head: String,
    /// The branch that it is to be merged into.
    pub base: String,
    pub head_sha: String,
    pub base_sha: String,
    pub draft: bool,
    pub requested: Vec<&'static Person>,
    pub reviews: Vec<Review>,
    /// From when on it is known whether it can be merged.
    pub known_from: Timestamp,
    pub merged: Option<Merged>,
}

/// A review that was handed in.
#[derive(Clone, Debug)]
pub struct Review {
    pub id: u64,
    pub author: &'static Person,
    pub verdict: Verdict,
    pub body: String,
    /// The head that was looked at.
    pub sha: String,
    pub at: Timestamp,
}

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approved,
    ChangesRequested,
    Commented,
}

/// How a pull request was merged.
#[derive(Clone, Debug)]
pub struct Merged {
    pub sha: String,
    pub by: &'static Person,
    pub at: Timestamp,
}

/// A review that a colleague will hand in.
#[derive(Clone, Copy, Debug)]
pub struct Intention {
    pub number: u64,
    pub by: &'static Person,
    pub at: Timestamp,
}

/// A label.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    pub name: &'static str,
    pub colour: &'static str,
    pub description: &'static str,
}

/// The labels of the repository.
pub const LABELS: [Label; 6] = [
    Label { name: "P0", colour: "b60205", description: "Production is down" },
    Label { name: "P1", colour: "d93f0b", description: "Production is impaired" },
    Label { name: "P2", colour: "fbca04", description: "Next sprint" },
    Label { name: "bug", colour: "d73a4a", description: "Something does not work" },
    Label { name: "hotfix", colour: "e99695", description: "Goes out at once" },
    Label { name: "release", colour: "0e8a16", description: "Brings a version to production" },
];

impl Verdict {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
        }
    }

    /// What the event of a new review stands for.
    #[must_use]
    pub fn of_event(event: &str) -> Option<Self> {
        Some(match event {
            "APPROVE" => Self::Approved,
            "REQUEST_CHANGES" => Self::ChangesRequested,
            "COMMENT" => Self::Commented,
            _ => return None,
        })
    }
}

impl Thread {
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closed.is_none()
    }
}

impl Pull {
    /// The latest decisive review of each reviewer.
    #[must_use]
    pub fn decisions(&self) -> Vec<&Review> {
        let mut latest: Vec<&Review> = Vec::new();
        for review in self.reviews.iter().filter(|review| review.verdict != Verdict::Commented) {
            latest.retain(|other| other.author != review.author);
            latest.push(review);
        }
        latest
    }
}
