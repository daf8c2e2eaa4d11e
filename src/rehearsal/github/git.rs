//! The repository's history: commits with their trees, branches and tags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::people::Person;

/// The files of a commit: path to text.
pub type Tree = BTreeMap<String, String>;

/// One commit.
#[derive(Clone, Debug)]
pub struct Commit {
    pub sha: String,
    /// The tree's own id: the same for the same files, whoever committed them.
    pub tree: String,
    pub files: Arc<Tree>,
    pub parents: Vec<String>,
    pub message: String,
    pub author: &'static Person,
    pub at: Timestamp,
}

/// All history.
#[derive(Clone, Debug, Default)]
pub struct Git {
    commits: BTreeMap<String, Commit>,
    /// Branch to its head.
    pub branches: BTreeMap<String, String>,
    /// Tag to its commit.
    pub tags: BTreeMap<String, String>,
}

/// What git says when both sides changed the same file differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl Git {
    /// Adds a commit; its id.
    pub fn commit(
        &mut self,
        parents: Vec<String>,
        files: Tree,
        message: &str,
        author: &'static Person,
        at: Timestamp,
    ) -> String {
        let tree = tree_id(&files);
        let sha = object_id("commit", &[&tree, &parents.join(" "), message, author.login, &at.to_string()]);
        let (files, message) = (Arc::new(files), message.to_owned());
        let commit = Commit { sha: sha.clone(), tree, files, parents, message, author, at };
        self.commits.insert(sha.clone(), commit);
        sha
    }

    /// The commit of that id.
    #[must_use]
    pub fn get(&self, sha: &str) -> Option<&Commit> {
        self.commits.get(sha)
    }

    /// The commit that a branch, a tag, a full ref, a full id or the first seven or more
    /// digits of one name.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<&Commit> {
        let bare = name.strip_prefix("refs/").unwrap_or(name);
        let branch = bare.strip_prefix("heads/").unwrap_or(bare);
        let tag = bare.strip_prefix("tags/").unwrap_or(bare);
        let sha = self.branches.get(branch).or_else(|| self.tags.get(tag)).map(String::as_str);
        if let Some(commit) = sha.and_then(|sha| self.commits.get(sha)) {
            return Some(commit);
        }
        if name.len() < 7 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.commits.range(name.to_owned()..).next().filter(|(sha, _)| sha.starts_with(name)).map(|(_, c)| c)
    }

    /// The text of a file of any commit, by its blob's id.
    #[must_use]
    pub fn blob(&self, id: &str) -> Option<&str> {
        let mut texts = self.commits.values().flat_map(|commit| commit.files.values());
        texts.find(|text| blob_id(text) == id).map(String::as_str)
    }

    /// The commits that `sha` rests on, itself among them, newest first.
    #[must_use]
    pub fn history(&self, sha: &str) -> Vec<&Commit> {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![sha.to_owned()];
        let mut found = Vec::new();
        while let Some(sha) = ahead.pop() {
            if !seen.insert(sha.clone()) {
                continue;
            }
            if let Some(commit) = self.commits.get(&sha) {
                ahead.extend(commit.parents.iter().cloned());
                found.push(commit);
            }
        }
        found.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| one.sha.cmp(&other.sha)));
        found
    }

    /// What `head` has and `base` has not, oldest first.
    #[must_use]
    pub fn between(&self, base: &str, head: &str) -> Vec<&Commit> {
        let known: BTreeSet<&str> =
            self.history(base).into_iter().map(|commit| commit.sha.as_str()).collect();
        let mut new: Vec<&Commit> =
            self.history(head).into_iter().filter(|commit| !known.contains(commit.sha.as_str())).collect();
        new.reverse();
        new
    }

    /// The newest commit that both rest on.
    #[must_use]
    pub fn merge_base(&self, one: &str, other: &str) -> Option<&Commit> {
        let known: BTreeSet<&str> = self.history(one).into_iter().map(|commit| commit.sha.as_str()).collect();
        self.history(other).into_iter().find(|commit| known.contains(commit.sha.as_str()))
    }

    /// The files of a merge of both, by three sides, file by file.
    ///
    /// # Errors
    /// [`Conflict`].
    pub fn merged(&self, base: &str, head: &str) -> Result<Tree, Conflict> {
        let empty = Tree::new();
        let files = |sha: &str| self.commits.get(sha).map_or(&empty, |commit| commit.files.as_ref());
        let root = self.merge_base(base, head).map_or(&empty, |commit| commit.files.as_ref());
        let (ours, theirs) = (files(base), files(head));
        let mut merged = Tree::new();
        let paths: BTreeSet<&String> = root.keys().chain(ours.keys()).chain(theirs.keys()).collect();
        for path in paths {
            let (was, our, their) = (root.get(path), ours.get(path), theirs.get(path));
            let kept = match () {
                () if our == their || their == was => our,
                () if our == was => their,
                () => return Err(Conflict),
            };
            if let Some(text) = kept {
                merged.insert(path.clone(), text.clone());
            }
        }
        Ok(merged)
    }
}

/// The id of a tree.
fn tree_id(files: &Tree) -> String {
    let parts: Vec<&str> = files.iter().flat_map(|(path, text)| [path.as_str(), text.as_str()]).collect();
    object_id("tree", &parts)
}

/// The id of a file's text.
#[must_use]
pub fn blob_id(text: &str) -> String {
    object_id("blob", &[text])
}

/// 40 hexadecimal digits that stand for some texts, always the same for the same; no
/// cryptography is meant.
#[must_use]
pub fn object_id(kind: &str, parts: &[&str]) -> String {
    let sum = |salt: u64| {
        let begin = 0xcbf2_9ce4_8422_2325_u64 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes = std::iter::once(kind)
            .chain(parts.iter().copied())
            .flat_map(|part| part.bytes().chain(std::iter::once(0)));
        let sum = bytes.fold(begin, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        // The last bytes must reach all digits.
        (sum ^ (sum >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    let digits: String = (1..=3).map(|salt| format!("{:016x}", sum(salt))).collect();
    digits[..40].to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::people::{DEVELOPER, ORCHESTRATOR};
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_squash_is_another_commit_with_the_same_tree() {
        let (mut git, at) = (Git::default(), Timestamp::UNIX_EPOCH);
        let root = git.commit(vec![], tree(&[("a", "1")]), "root", DEVELOPER, at);
        let head = git.commit(vec![root.clone()], tree(&[("a", "1"), ("b", "2")]), "b", DEVELOPER, at);
        let files = git.merged(&root, &head).unwrap();
        let squash = git.commit(vec![root.clone()], files, "Release (#1)", ORCHESTRATOR, at);
        git.branches.insert("main".into(), squash.clone());
        assert_ne!(squash, head);
        assert_eq!(git.get(&squash).unwrap().tree, git.get(&head).unwrap().tree);
        assert_eq!(git.resolve("refs/heads/main").unwrap().sha, squash);
        assert_eq!(git.resolve(&head[..7]).unwrap().sha, head);
        assert!(git.resolve(&head[..6]).is_none() && git.resolve("nowhere").is_none());
        assert_eq!(git.merge_base(&squash, &head).unwrap().sha, root);
        let ahead: Vec<&str> = git.between(&squash, &head).iter().map(|commit| commit.sha.as_str()).collect();
        assert_eq!(ahead, [head.as_str()], "the history does not know that it was squashed");
    }

    #[test]
    fn both_sides_may_change_but_not_the_same_file() {
        let (mut git, at) = (Git::default(), Timestamp::UNIX_EPOCH);
        let root = git.commit(vec![], tree(&[("a", "1"), ("b", "1")]), "root", DEVELOPER, at);
        let ours = git.commit(vec![root.clone()], tree(&[("a", "2"), ("b", "1")]), "a", DEVELOPER, at);
        let theirs = git.commit(vec![root.clone()], tree(&[("a", "1")]), "no b", DEVELOPER, at);
        let clash = git.commit(vec![root], tree(&[("a", "3"), ("b", "1")]), "a too", DEVELOPER, at);
        assert_eq!(git.merged(&ours, &theirs).unwrap(), tree(&[("a", "2")]));
        assert_eq!(git.merged(&ours, &clash), Err(Conflict));
    }
}
