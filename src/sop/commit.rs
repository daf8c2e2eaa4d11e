//! Commits, by name. Two commits hold the same files exactly when their trees are equal:
//! a squash makes a new commit, with the tree of the branch that it squashed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a commit or of a tree: 40 hexadecimal digits (64 where SHA-256 is used).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha(pub String);

impl Sha {
    /// The first digits, as people write them: `a1b2c3d`.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.short())
    }
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub sha: Sha,
    /// `None` while it was not read.
    pub tree: Option<Sha>,
    /// The first line of its message.
    pub title: String,
}

impl Commit {
    /// Whether both hold the same files; `None` while a tree is not known.
    #[must_use]
    pub fn holds_the_same(&self, other: &Self) -> Option<bool> {
        if self.sha == other.sha {
            return Some(true);
        }
        Some(self.tree.as_ref()? == other.tree.as_ref()?)
    }
}
