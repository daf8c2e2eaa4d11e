//! Answers to what the checklist asks: issues, releases, deployments, comparisons.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{lenient, sha, time};
use crate::sop::commit::Sha;
use crate::sources::text::clean;

/// An entry of `GET /repos/{owner}/{repo}/labels`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Label {
    #[serde(deserialize_with = "lenient")]
    pub name: String,
}

/// An entry of `GET /repos/{owner}/{repo}/issues`; pull requests are among them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Issue {
    #[serde(deserialize_with = "lenient")]
    pub number: u64,
    #[serde(deserialize_with = "lenient")]
    title: String,
    pull_request: Option<IgnoredAny>,
    #[serde(deserialize_with = "lenient")]
    labels: Vec<Label>,
}

impl Issue {
    pub(in crate::sources::github) const fn is_pull_request(&self) -> bool {
        self.pull_request.is_some()
    }

    pub(in crate::sources::github) fn has_label(&self, wanted: &str) -> bool {
        self.labels.iter().any(|label| label.name.eq_ignore_ascii_case(wanted))
    }

    /// `#12 BUG-131: Declarations are lost`.
    pub(in crate::sources::github) fn words(&self) -> String {
        format!("#{} {}", self.number, clean(&self.title))
    }
}

/// An entry of `GET /repos/{owner}/{repo}/releases`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct ReleaseNotes {
    #[serde(deserialize_with = "lenient")]
    pub tag_name: String,
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    #[serde(deserialize_with = "lenient")]
    pub draft: bool,
    #[serde(deserialize_with = "lenient")]
    pub body: String,
}

/// `GET /repos/{owner}/{repo}`: what this token may do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Rights {
    #[serde(deserialize_with = "lenient")]
    permissions: Permissions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Permissions {
    #[serde(deserialize_with = "lenient")]
    push: bool,
}

impl Rights {
    pub(in crate::sources::github) const fn may_write(&self) -> bool {
        self.permissions.push
    }
}

/// An entry of `GET /repos/{owner}/{repo}/deployments`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct Deployment {
    #[serde(deserialize_with = "lenient")]
    pub id: u64,
    #[serde(rename = "sha", deserialize_with = "lenient")]
    commit: String,
}

impl Deployment {
    pub(in crate::sources::github) fn commit(&self) -> Option<Sha> {
        sha(&self.commit)
    }
}

/// An entry of `GET /repos/{owner}/{repo}/deployments/{id}/statuses`, the newest first.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::github) struct DeploymentStatus {
    #[serde(deserialize_with = "lenient")]
    state: String,
    #[serde(deserialize_with = "lenient")]
    created_at: Option<String>,
}

impl DeploymentStatus {
    pub(in crate::sources::github) fn state(&self) -> String {
        clean(&self.state)
    }

    pub(in crate::sources::github) fn at(&self) -> Option<Timestamp> {
        time(self.created_at.as_ref())
    }
}

/// `GET /repos/{owner}/{repo}/compare/{base}...{head}`. What it counts has to be there:
/// nothing missing is not the same as nothing known.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources::github) struct Comparison {
    /// Commits of the second that the first has not.
    pub ahead_by: u64,
}
