//! Pull requests: making, reviewing and merging them.

use jiff::Timestamp;

use super::engine::after;
use super::git::Tree;
use super::people::{DEVELOPER, PEOPLE, Person};
use super::plot::Twist;
use super::refused::Refused;
use super::run::{Conclusion, Progress};
use super::state::State;
use super::thread::{Intention, Merged, Pull, Review, Thread, Verdict};

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
    /// The thread of that number that is a pull request, and what makes it one.
    ///
    /// # Errors
    /// 404.
    pub fn pull(&self, number: u64) -> Result<(&Thread, &Pull), Refused> {
        let thread = self.threads.get(&number).ok_or_else(Refused::not_found)?;
        thread.pull.as_ref().map(|pull| (thread, pull)).ok_or_else(Refused::not_found)
    }

    /// Changes a pull request.
    ///
    /// # Errors
    /// 404.
    pub fn change_pull<T>(
        &mut self,
        number: u64,
        change: impl FnOnce(&mut Thread, &mut Pull) -> T,
    ) -> Result<T, Refused> {
        let thread = self.threads.get_mut(&number).ok_or_else(Refused::not_found)?;
        let mut pull = thread.pull.take().ok_or_else(Refused::not_found)?;
        let changed = change(thread, &mut pull);
        thread.pull = Some(pull);
        Ok(changed)
    }

    /// The number that comes next.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.threads.keys().next_back().map_or(1, |number| number + 1)
    }

    /// Opens a pull request; its number.
    ///
    /// # Errors
    /// 422 where a branch is none, there is nothing to merge, or there is one already.
    pub fn open_pull(
        &mut self,
        (head, base): (&str, &str),
        (title, body): (&str, &str),
        draft: bool,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<u64, Refused> {
        self.room_for_more()?;
        let branch = |name: &str, field: &str| {
            let found = self.git.branches.get(name).cloned();
            found.ok_or_else(|| Refused::invalid("PullRequest", field, "invalid"))
        };
        let (head_sha, base_sha) = (branch(head, "head")?, branch(base, "base")?);
        if self.git.between(&base_sha, &head_sha).is_empty() {
            let message = format!("No commits between {base} and {head}");
            return Err(Refused::custom("PullRequest", message));
        }
        let same = |thread: &Thread| {
            let pull = thread.pull.as_ref();
            thread.is_open() && pull.is_some_and(|pull| pull.head == head && pull.base == base)
        };
        if self.threads.values().any(same) {
            let message = format!("A pull request already exists for {}:{head}.", super::state::OWNER);
            return Err(Refused::custom("PullRequest", message));
        }
        let number = self.next_number();
        let pull = Pull {
            head: head.to_owned(),
            base: base.to_owned(),
            head_sha,
            base_sha,
            draft,
            requested: Vec::new(),
            reviews: Vec::new(),
            known_from: after(now, self.plot.mergeability),
            merged: None,
        };
        let thread = self.thread(number, title, body, by, now);
        self.threads.insert(number, Thread { pull: Some(pull), ..thread });
        self.intend_reviews(number, now);
        Ok(number)
    }

    /// A new thread without anything in it.
    pub fn thread(
        &mut self,
        number: u64,
        title: &str,
        body: &str,
        by: &'static Person,
        now: Timestamp,
    ) -> Thread {
        Thread {
            id: self.id(),
            number,
            title: title.to_owned(),
            body: body.to_owned(),
            author: by,
            created: now,
            updated: now,
            closed: None,
            labels: Default::default(),
            comments: Vec::new(),
            pull: None,
        }
    }

    /// Colleagues will look at it.
    fn intend_reviews(&mut self, number: u64, now: Timestamp) {
        let Some(author) = self.threads.get(&number).map(|thread| thread.author) else { return };
        if !self.plot.colleagues_review {
            return;
        }
        self.intentions.retain(|intention| intention.number != number);
        let colleagues = PEOPLE.iter().filter(|person| *person != author);
        self.intentions.extend(
            colleagues.filter_map(|by| Some(Intention { number, by, at: after(now, by.reviews_after?) })),
        );
    }

    /// Colleagues review what they meant to by now; whether any did.
    pub(super) fn review_as_intended(&mut self, now: Timestamp) -> bool {
        let mut due: Vec<Intention> =
            self.intentions.extract_if(.., |intention| intention.at <= now).collect();
        due.sort_by_key(|intention| intention.at);
        for intention in &due {
            let words = format!("Looks good to me. ({})", intention.by.name);
            // One that was closed meanwhile needs no review.
            let _ = self.review(intention.number, Verdict::Approved, &words, intention.by, intention.at);
        }
        !due.is_empty()
    }

    /// The plot's push, once everybody has approved; whether there was one.
    pub(super) fn push_after_approvals(&mut self, now: Timestamp) -> bool {
        let approved = |thread: &&Thread| {
            let pull = thread.pull.as_ref().filter(|_| thread.is_open());
            pull.is_some_and(|pull| pull.base == "main" && self.approvals(pull) >= APPROVALS)
        };
        let Some(head) =
            self.threads.values().find(approved).and_then(|t| Some(t.pull.as_ref()?.head.clone()))
        else {
            return false;
        };
        self.takes_its_turn(Twist::PushAfterApprovals) && self.late_push(&head, now)
    }

    /// The developer had forgotten something.
    fn late_push(&mut self, branch: &str, now: Timestamp) -> bool {
        let text = "# Left to the last minute.\nTIMEOUT_SECONDS = 20\n".to_owned();
        self.push(branch, &[("app/settings.py".into(), text)], "fix: Raise the timeout", DEVELOPER, now)
            .is_ok()
    }

    /// A branch has moved: a pull request that is about it has to be looked at again.
    pub(super) fn head_moved(&mut self, number: u64, branch: &str, sha: &str, now: Timestamp) {
        let known_from = after(now, self.plot.mergeability);
        let moved = self.change_pull(number, |thread, pull| {
            if !thread.is_open() || (pull.head != branch && pull.base != branch) {
                return false;
            }
            (thread.updated, pull.known_from) = (now, known_from);
            let is_head = pull.head == branch;
            *if is_head { &mut pull.head_sha } else { &mut pull.base_sha } = sha.to_owned();
            is_head
        });
        if moved == Ok(true) {
            self.intend_reviews(number, now);
        }
    }

    /// Hands a review in; its id.
    ///
    /// # Errors
    /// 404; 422 where it is closed, or one's own and more than a comment.
    pub fn review(
        &mut self,
        number: u64,
        verdict: Verdict,
        body: &str,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<u64, Refused> {
        let id = self.id();
        self.change_pull(number, |thread, pull| {
            let unprocessable = |message: &str| Refused {
                errors: vec![message.into()],
                ..Refused::new(422, "Unprocessable Entity")
            };
            match verdict {
                Verdict::Approved if thread.author == by => {
                    return Err(unprocessable("Review Can not approve your own pull request"));
                }
                Verdict::ChangesRequested if thread.author == by => {
                    return Err(unprocessable("Review Can not request changes on your own pull request"));
                }
                Verdict::ChangesRequested | Verdict::Commented if body.is_empty() => {
                    return Err(unprocessable("Body can't be blank"));
                }
                _ if !thread.is_open() => return Err(unprocessable("Pull request is closed")),
                _ => {}
            }
            let sha = pull.head_sha.clone();
            pull.reviews.push(Review { id, author: by, verdict, body: body.to_owned(), sha, at: now });
            pull.requested.retain(|person| *person != by);
            thread.updated = now;
            Ok(id)
        })?
    }

    /// Approvals of others that GitHub itself counts: it does not mind on which head they
    /// were given.
    fn approvals(&self, pull: &Pull) -> usize {
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
        if self.approvals(pull) < APPROVALS {
            return Some(format!(
                "At least {APPROVALS} approving reviews are required by reviewers with write access."
            ));
        }
        let run = self.runs.values().rfind(|run| run.sha == pull.head_sha);
        match run.map(|run| run.progress()) {
            Some(Progress::Completed(Conclusion::Success)) => None,
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
        let sha = self.merged(number, &wanted.method, files, &title, wanted.message.as_deref(), by, now)?;
        let done = Merged { sha: sha.clone(), by, at: now };
        self.change_pull(number, |thread, pull| {
            pull.merged = Some(done);
            (thread.closed, thread.updated) = (Some(now), now);
        })?;
        Ok(sha)
    }

    /// The commit of a merge, and what its coming sets in motion.
    #[allow(clippy::too_many_arguments)]
    fn merged(
        &mut self,
        number: u64,
        method: &str,
        files: Tree,
        title: &str,
        message: Option<&str>,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let (_, pull) = self.pull(number)?;
        let base = pull.base.clone();
        let parents = match method {
            "squash" | "rebase" => vec![pull.base_sha.clone()],
            "merge" | "" => vec![pull.base_sha.clone(), pull.head_sha.clone()],
            _ => return Err(Refused::invalid("PullRequest", "merge_method", "invalid")),
        };
        let message = message.map_or_else(|| title.to_owned(), |message| format!("{title}\n\n{message}"));
        let sha = self.git.commit(parents, files, &message, by, now);
        // Closed before its base moves, or it would be looked at again.
        self.change_pull(number, |thread, _| thread.closed = Some(now))?;
        self.moved(&base, &sha, by, now);
        Ok(sha)
    }
}
