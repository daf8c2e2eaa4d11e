//! Pull requests: making and reviewing them.

use jiff::Timestamp;

use super::engine::after;
use super::people::{DEVELOPER, PEOPLE, Person};
use super::plot::Twist;
use super::refused::Refused;
use super::state::State;
use super::thread::{Intention, Pull, Review, Thread, Verdict};

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
            pull.is_some_and(|pull| pull.base == "main" && self.approvals(pull) >= self.wanted_approvals())
        };
        let Some(head) =
            self.threads.values().find(approved).and_then(|t| Some(t.pull.as_ref()?.head.clone()))
        else {
            return false;
        };
        self.takes_its_turn(Twist::PushAfterApprovals) && self.late_push(&head, now)
    }

    /// The developer had forgotten something.
    pub(super) fn late_push(&mut self, branch: &str, now: Timestamp) -> bool {
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
}
