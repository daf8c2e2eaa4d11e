//! Everything that GitHub knows. It does no IO and reads no clock: whoever uses it says
//! what time it is, and [`State::advance`] lets happen what was due by then.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::deployment::Deployment;
use super::git::{Commit, Git};
use super::people::Person;
use super::plot::{Plot, Twist};
use super::refused::Refused;
use super::release::Release;
use super::run::{Errand, Run};
use super::thread::{Intention, Thread};

/// The owner of the repository.
pub const OWNER: &str = "taxasge";
/// The repository.
pub const REPOSITORY: &str = "backend";
/// Its id.
pub const REPOSITORY_ID: u64 = 720_114_901;
/// Most of anything that clients can make: a rehearsal is no store.
const MOST: usize = 1000;

/// The repository and all that belongs to it.
#[derive(Debug)]
pub struct State {
    /// Where the API is, without a slash at the end.
    pub base: String,
    pub plot: Plot,
    pub git: Git,
    pub threads: BTreeMap<u64, Thread>,
    pub runs: BTreeMap<u64, Run>,
    pub deployments: BTreeMap<u64, Deployment>,
    pub releases: BTreeMap<u64, Release>,
    /// What colleagues are about to do.
    pub intentions: Vec<Intention>,
    /// Work outside the pipeline that nobody has taken up yet.
    pub errands: VecDeque<Errand>,
    /// Whether the plot's twist has had its one turn.
    pub twisted: bool,
    /// Whether steps take no time.
    pub(super) hurried: bool,
    next_id: u64,
}

impl State {
    /// A repository in which there is nothing.
    #[must_use]
    pub fn new(plot: Plot) -> Self {
        Self {
            base: String::new(),
            plot,
            git: Git::default(),
            threads: BTreeMap::new(),
            runs: BTreeMap::new(),
            deployments: BTreeMap::new(),
            releases: BTreeMap::new(),
            intentions: Vec::new(),
            errands: VecDeque::new(),
            twisted: false,
            hurried: false,
            // Ids of today's GitHub do not fit in 32 bits.
            next_id: 19_800_000_000,
        }
    }

    /// A new id.
    pub fn id(&mut self) -> u64 {
        self.next_id += 3;
        self.next_id
    }

    /// The API's address of something in the repository.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{}/repos/{OWNER}/{REPOSITORY}{slash}{path}", self.base)
    }

    /// The web's address of something in the repository.
    #[must_use]
    pub fn html(&self, path: &str) -> String {
        let slash = if path.is_empty() { "" } else { "/" };
        format!("https://github.com/{OWNER}/{REPOSITORY}{slash}{path}")
    }

    /// Lets happen what was due by now.
    pub fn advance(&mut self, now: Timestamp) {
        // Each round ends at least one wait; a plot that never rests would be a fault here.
        for _ in 0..MOST {
            let reviewed = self.review_as_intended(now);
            let pushed = self.push_after_approvals(now);
            let went_on = self.advance_runs(now);
            let went_back = self.hotfix_goes_back(now);
            if !(reviewed || pushed || went_on || went_back) {
                return;
            }
        }
        tracing::error!("the rehearsal's GitHub does not come to rest");
    }

    /// When something will happen by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let reviews = self.intentions.iter().map(|intention| intention.at);
        let runs = self.runs.values().filter(|run| !run.is_over()).filter_map(|run| self.run_due(run));
        reviews.chain(runs).min()
    }

    /// Lets happen at once whatever only waits for its time: intended reviews, what is
    /// being computed, steps that take a while.
    pub fn hurry(&mut self, now: Timestamp) {
        for thread in self.threads.values_mut() {
            if let Some(pull) = &mut thread.pull {
                pull.known_from = pull.known_from.min(now);
            }
        }
        self.intentions.iter_mut().for_each(|intention| intention.at = intention.at.min(now));
        self.hurried = true;
        self.advance(now);
        self.hurried = false;
    }

    /// Whether this twist is still to come.
    pub(super) fn takes_its_turn(&mut self, twist: Twist) -> bool {
        let turn = self.plot.twist == Some(twist) && !self.twisted;
        self.twisted |= turn;
        turn
    }

    /// The commit that a ref names.
    ///
    /// # Errors
    /// 422 with GitHub's words where there is none.
    pub fn commit(&self, name: &str) -> Result<&Commit, Refused> {
        let none = || Refused::new(422, format!("No commit found for SHA: {name}"));
        self.git.resolve(name).ok_or_else(none)
    }

    /// Moves a branch to a new commit with some files changed: a push, with all that it
    /// sets in motion.
    pub fn push(
        &mut self,
        branch: &str,
        changed: &[(String, String)],
        message: &str,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let sha = self.commit_to(branch, changed, message, by, now)?;
        self.moved(branch, &sha, by, now);
        Ok(sha)
    }

    /// The same with nothing set in motion.
    pub(super) fn commit_to(
        &mut self,
        branch: &str,
        changed: &[(String, String)],
        message: &str,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let head = self.git.branches.get(branch).cloned().ok_or_else(Refused::not_found)?;
        let mut files = self.commit(&head)?.files.as_ref().clone();
        files.extend(changed.iter().cloned());
        let sha = self.git.commit(vec![head], files, message, by, now);
        self.git.branches.insert(branch.to_owned(), sha.clone());
        Ok(sha)
    }

    /// A branch has a new head: its pull requests know, and the workflows start.
    pub(super) fn moved(&mut self, branch: &str, sha: &str, by: &'static Person, now: Timestamp) {
        self.git.branches.insert(branch.to_owned(), sha.to_owned());
        let numbers: Vec<u64> = self.threads.keys().copied().collect();
        for number in numbers {
            self.head_moved(number, branch, sha, now);
        }
        for workflow in super::workflow::Workflow::ALL {
            if workflow.branch() == branch {
                self.start(workflow, "push", branch, sha, by, now);
            }
        }
    }

    /// Refuses what would make more than a rehearsal holds.
    ///
    /// # Errors
    /// 422 where there is no room.
    pub fn room_for_more(&self) -> Result<(), Refused> {
        let most = self.threads.len().max(self.runs.len()).max(self.releases.len());
        let comments: usize = self.threads.values().map(|thread| thread.comments.len()).sum();
        if most < MOST && comments < MOST {
            return Ok(());
        }
        Err(Refused::new(422, format!("This rehearsal holds {MOST} of each, and has them.")))
    }
}
