//! Commits, comparisons and changed files.

use serde_json::{Value, json};

use super::{Show, node, time};
use crate::rehearsal::github::diff::{Change, changes};
use crate::rehearsal::github::git::{Commit, Tree};

/// Most commits and files in one comparison, as GitHub has it.
const MOST: usize = 250;

impl Show<'_> {
    /// A commit as git has it.
    #[must_use]
    pub fn git_commit(&self, commit: &Commit) -> Value {
        let parent = |sha: &String| {
            json!({
                "sha": sha, "url": self.state.url(&format!("git/commits/{sha}")),
                "html_url": self.state.html(&format!("commit/{sha}")),
            })
        };
        let parents: Vec<Value> = commit.parents.iter().map(parent).collect();
        let sha = &commit.sha;
        json!({
            "sha": sha,
            "node_id": node("C", sha),
            "url": self.state.url(&format!("git/commits/{sha}")),
            "html_url": self.state.html(&format!("commit/{sha}")),
            "author": signature(commit),
            "committer": signature(commit),
            "tree": self.tree(commit),
            "message": commit.message,
            "parents": parents,
            "verification": unverified(),
        })
    }

    fn tree(&self, commit: &Commit) -> Value {
        json!({"sha": commit.tree, "url": self.state.url(&format!("git/trees/{}", commit.tree))})
    }

    /// A commit.
    #[must_use]
    pub fn commit(&self, commit: &Commit) -> Value {
        let sha = &commit.sha;
        let parent = |sha: &String| {
            json!({
                "sha": sha, "url": self.state.url(&format!("commits/{sha}")),
                "html_url": self.state.html(&format!("commit/{sha}")),
            })
        };
        json!({
            "url": self.state.url(&format!("commits/{sha}")),
            "sha": sha,
            "node_id": node("C", sha),
            "html_url": self.state.html(&format!("commit/{sha}")),
            "comments_url": self.state.url(&format!("commits/{sha}/comments")),
            "commit": {
                "url": self.state.url(&format!("git/commits/{sha}")),
                "author": signature(commit),
                "committer": signature(commit),
                "message": commit.message,
                "tree": self.tree(commit),
                "comment_count": 0,
                "verification": unverified(),
            },
            "author": self.user(commit.author),
            "committer": self.user(commit.author),
            "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
        })
    }

    /// A commit with what it changed.
    #[must_use]
    pub fn whole_commit(&self, commit: &Commit) -> Value {
        let empty = Tree::new();
        let parent = commit.parents.first().and_then(|sha| self.state.git.get(sha));
        let changes = changes(parent.map_or(&empty, |parent| &parent.files), &commit.files);
        let (additions, deletions) = lines(&changes);
        let mut shown = self.commit(commit);
        shown["stats"] =
            json!({"additions": additions, "deletions": deletions, "total": additions + deletions});
        shown["files"] = json!(self.files(&changes, &commit.sha));
        shown
    }

    /// Changed files.
    #[must_use]
    pub fn files(&self, changes: &[Change], sha: &str) -> Vec<Value> {
        let file = |change: &Change| {
            let path = &change.path;
            json!({
                "sha": change.blob,
                "filename": path,
                "status": change.status,
                "additions": change.additions,
                "deletions": change.deletions,
                "changes": change.additions + change.deletions,
                "blob_url": self.state.html(&format!("blob/{sha}/{path}")),
                "raw_url": self.state.html(&format!("raw/{sha}/{path}")),
                "contents_url": self.state.url(&format!("contents/{path}?ref={sha}")),
                "patch": change.patch,
            })
        };
        changes.iter().take(MOST).map(file).collect()
    }

    /// How `head` differs from `base`.
    #[must_use]
    pub fn comparison(&self, name: &str, base: &Commit, head: &Commit) -> Value {
        let git = &self.state.git;
        let (ahead, behind) = (git.between(&base.sha, &head.sha), git.between(&head.sha, &base.sha));
        let common = git.merge_base(&base.sha, &head.sha).unwrap_or(base);
        let status = match (ahead.is_empty(), behind.is_empty()) {
            (true, true) => "identical",
            (false, true) => "ahead",
            (true, false) => "behind",
            (false, false) => "diverged",
        };
        let web = self.state.html(&format!("compare/{name}"));
        json!({
            "url": self.state.url(&format!("compare/{name}")),
            "html_url": web,
            "permalink_url": web,
            "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"),
            "base_commit": self.commit(base),
            "merge_base_commit": self.commit(common),
            "status": status,
            "ahead_by": ahead.len(),
            "behind_by": behind.len(),
            "total_commits": ahead.len(),
            "commits": ahead.iter().take(MOST).map(|commit| self.commit(commit)).collect::<Vec<_>>(),
            "files": self.files(&changes(&common.files, &head.files), &head.sha),
        })
    }
}

/// Lines added and lines taken away.
#[must_use]
pub fn lines(changes: &[Change]) -> (usize, usize) {
    (changes.iter().map(|c| c.additions).sum(), changes.iter().map(|c| c.deletions).sum())
}

fn signature(commit: &Commit) -> Value {
    json!({"name": commit.author.name, "email": commit.author.email(), "date": time(commit.at)})
}

fn unverified() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null})
}
