//! Merging: what a pull request lacks for it, and what its commit sets in motion.

use jiff::Timestamp;

use super::people::{ORCHESTRATOR, Person};
use super::plot::Twist;
use super::refused::Refused;
use super::run::{Conclusion, Progress, Run};
use super::state::State;
use super::thread::{Merged, Pull, Thread, Verdict};

/// How many must approve what goes to `main`.
const APPROVALS: usize = 2;

/// Whether a pull request can be merged, as GitHub says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mergeability {
    /// Nothing while it is being computed.
    pub mergeable: Option<bool>,
    pub state: &'static str,
}

/// How a merge is wanted.
#[derive(Clone, Debug, Default)]
pub struct Merge {
    /// `merge`, `squash` or `rebase`.
    pub method: String,
    /// The head that is meant.
    pub sha: Option<String>,
    pub title: Option<String>,
    pub message: Option<String>,
}

impl State {
    /// Approvals of others that GitHub itself counts: it does not mind on which head they
    /// were given.
    pub(super) fn approvals(&self, pull: &Pull) -> usize {
        pull.decisions().iter().filter(|review| review.verdict == Verdict::Approved).count()
    }

    /// What a merge into a protected branch still lacks.
    fn lacks(&self, pull: &Pull) -> Option<String> {
        if pull.base != "main" {
            return None;
        }
        if pull.decisions().iter().any(|review| review.verdict == Verdict::ChangesRequested) {
            return Some("Changes have been requested on this pull request.".into());
        }
        let wanted = self.wanted_approvals();
        if self.approvals(pull) < wanted {
            return Some(format!(
                "At least {wanted} approving reviews are required by reviewers with write access."
            ));
        }
        let run = self.runs.values().rfind(|run| run.sha == pull.head_sha);
        match run.map(|run| run.progress()) {
            Some(Progress::Completed(Conclusion::Success)) => None,
            // No workflow runs for a hotfix's branch: tools report by statuses.
            None if self.plot.hotfix => None,
            Some(Progress::Completed(_)) => Some("Required status check \"Notify\" is failing.".into()),
            _ => Some("Required status check \"Notify\" is expected.".into()),
        }
    }

    /// Whether it can be merged.
    #[must_use]
    pub fn mergeability(&self, thread: &Thread, pull: &Pull, now: Timestamp) -> Mergeability {
        let said = |mergeable, state| Mergeability { mergeable, state };
        if !thread.is_open() || now < pull.known_from {
            return said(None, "unknown");
        }
        if self.git.merged(&pull.base_sha, &pull.head_sha).is_err() {
            return said(Some(false), "dirty");
        }
        let state = match () {
            () if pull.draft => "draft",
            () if self.lacks(pull).is_some() => "blocked",
            () => "clean",
        };
        said(Some(true), state)
    }

    /// Merges it; the id of the new commit.
    ///
    /// # Errors
    /// 405 where it cannot be merged, 409 where the head is another, 422 for a method that
    /// is none.
    pub fn merge(
        &mut self,
        number: u64,
        wanted: &Merge,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let head = self.pull(number)?.1.head.clone();
        if self.takes_its_turn(Twist::HeadMoves) {
            self.late_push(&head, now);
        }
        let (thread, pull) = self.pull(number)?;
        if !thread.is_open() || pull.draft {
            return Err(Refused::new(405, "Pull Request is not mergeable"));
        }
        if wanted.sha.as_ref().is_some_and(|sha| *sha != pull.head_sha) {
            return Err(Refused::new(409, "Head branch was modified. Review and try the merge again."));
        }
        if let Some(lack) = self.lacks(pull) {
            return Err(Refused::new(405, lack));
        }
        let dirty = || Refused::new(405, "Pull Request is not mergeable");
        let files = self.git.merged(&pull.base_sha, &pull.head_sha).map_err(|_| dirty())?;
        let title = wanted.title.clone().unwrap_or_else(|| format!("{} (#{number})", thread.title));
        let message = match &wanted.message {
            Some(message) => format!("{title}\n\n{message}"),
            None => title,
        };
        let parents = match wanted.method.as_str() {
            "squash" | "rebase" => vec![pull.base_sha.clone()],
            "merge" | "" => vec![pull.base_sha.clone(), pull.head_sha.clone()],
            _ => return Err(Refused::invalid("PullRequest", "merge_method", "invalid")),
        };
        let base = pull.base.clone();
        let sha = self.git.commit(parents, files, &message, by, now);
        let done = Merged { sha: sha.clone(), by, at: now };
        self.change_pull(number, |thread, pull| {
            pull.merged = Some(done);
            (thread.closed, thread.updated) = (Some(now), now);
        })?;
        // Closed before its base moves, or it would be looked at again.
        self.moved(&base, &sha, by, now);
        Ok(sha)
    }
}

impl State {
    /// How many must approve what goes to `main`: on the fast track one.
    pub(super) const fn wanted_approvals(&self) -> usize {
        if self.plot.hotfix { 1 } else { APPROVALS }
    }

    /// The procedure merges `main` back, or the next squash would find a conflict: what
    /// `develop` has, with what `main` has of its own.
    pub(super) fn back_to_develop(&mut self, version: &str, at: Timestamp) {
        let (Some(main), Some(develop)) = (self.git.resolve("main"), self.git.resolve("develop")) else {
            return;
        };
        let parents = vec![develop.sha.clone(), main.sha.clone()];
        let mut files = develop.files.as_ref().clone();
        if self.plot.hotfix {
            files.extend(main.files.as_ref().clone());
        }
        let message = format!("Merge main after {version}");
        let sha = self.git.commit(parents, files, &message, ORCHESTRATOR, at);
        self.git.branches.insert("develop".into(), sha);
    }

    /// Once a hotfix's run is over and well, a colleague merges it back; whether it was done.
    pub(super) fn hotfix_goes_back(&mut self, now: Timestamp) -> bool {
        if !self.plot.hotfix {
            return false;
        }
        let (Some(main), Some(develop)) = (self.git.resolve("main"), self.git.resolve("develop")) else {
            return false;
        };
        let is_there = self.git.history(&develop.sha).iter().any(|commit| commit.sha == main.sha);
        let well = |run: &&Run| run.progress().conclusion() == Some(Conclusion::Success);
        let of_main = self.runs.values().filter(|run| run.sha == main.sha).find(well);
        let Some(version) = of_main.filter(|_| !is_there).map(|run| run.version.clone()) else {
            return false;
        };
        self.back_to_develop(&version, now);
        true
    }
}
