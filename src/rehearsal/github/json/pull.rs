//! Pull requests and reviews.

use serde_json::{Value, json};

use super::commit::lines;
use super::{Show, maybe, node, time};
use crate::rehearsal::github::diff::{Change, changes};
use crate::rehearsal::github::git::Commit;
use crate::rehearsal::github::state::OWNER;
use crate::rehearsal::github::thread::{Pull, Review, Thread};

impl Show<'_> {
    /// A pull request in a list.
    #[must_use]
    pub fn pull_in_list(&self, thread: &Thread, pull: &Pull) -> Value {
        let number = thread.number;
        let url = self.state.url(&format!("pulls/{number}"));
        let issue = self.state.url(&format!("issues/{number}"));
        let web = self.state.html(&format!("pull/{number}"));
        let statuses = self.state.url(&format!("statuses/{}", pull.head_sha));
        let requested: Vec<Value> = pull.requested.iter().map(|person| self.user(person)).collect();
        let mut shown = json!({
            "url": url,
            "id": thread.id,
            "node_id": node("PR", thread.id),
            "html_url": web,
            "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"),
            "issue_url": issue,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": self.state.url("pulls/comments{/number}"),
            "comments_url": format!("{issue}/comments"),
            "statuses_url": statuses,
            "number": number,
            "state": if thread.is_open() { "open" } else { "closed" },
            "locked": false,
            "title": thread.title,
            "user": self.user(thread.author),
            "body": thread.body,
            "labels": self.labels(thread),
            "milestone": null,
            "active_lock_reason": null,
            "created_at": time(thread.created),
            "updated_at": time(thread.updated),
            "closed_at": maybe(thread.closed),
            "merged_at": maybe(pull.merged.as_ref().map(|merged| merged.at)),
            "merge_commit_sha": pull.merged.as_ref().map(|merged| &merged.sha),
            "assignee": null,
            "assignees": [],
            "requested_reviewers": requested,
            "requested_teams": [],
            "author_association": Self::association(thread.author),
            "auto_merge": null,
            "draft": pull.draft,
        });
        shown["head"] = self.side(&pull.head, &pull.head_sha);
        shown["base"] = self.side(&pull.base, &pull.base_sha);
        let link = |href: String| json!({"href": href});
        shown["_links"] = json!({
            "self": link(url.clone()),
            "html": link(web),
            "issue": link(issue.clone()),
            "comments": link(format!("{issue}/comments")),
            "review_comments": link(format!("{url}/comments")),
            "review_comment": link(self.state.url("pulls/comments{/number}")),
            "commits": link(format!("{url}/commits")),
            "statuses": link(statuses),
        });
        shown
    }

    fn side(&self, branch: &str, sha: &str) -> Value {
        json!({
            "label": format!("{OWNER}:{branch}"), "ref": branch, "sha": sha,
            "user": self.owner(), "repo": self.repository(),
        })
    }

    /// A pull request by itself.
    #[must_use]
    pub fn pull(&self, thread: &Thread, pull: &Pull) -> Value {
        let mut shown = self.pull_in_list(thread, pull);
        let can = self.state.mergeability(thread, pull, self.now);
        let changes = self.pull_changes(pull);
        let (additions, deletions) = lines(&changes);
        shown["merged"] = json!(pull.merged.is_some());
        shown["mergeable"] = json!(can.mergeable);
        shown["rebaseable"] = json!(can.mergeable);
        shown["mergeable_state"] = json!(can.state);
        shown["merged_by"] = json!(pull.merged.as_ref().map(|merged| self.user(merged.by)));
        shown["comments"] = json!(thread.comments.len());
        shown["review_comments"] = json!(0);
        shown["maintainer_can_modify"] = json!(false);
        shown["commits"] = json!(self.pull_commits(pull).len());
        shown["additions"] = json!(additions);
        shown["deletions"] = json!(deletions);
        shown["changed_files"] = json!(changes.len());
        shown
    }

    /// The commits that it brings, oldest first.
    #[must_use]
    pub fn pull_commits(&self, pull: &Pull) -> Vec<&Commit> {
        self.state.git.between(&pull.base_sha, &pull.head_sha)
    }

    /// The files that it changes.
    #[must_use]
    pub fn pull_changes(&self, pull: &Pull) -> Vec<Change> {
        let git = &self.state.git;
        let common = git.merge_base(&pull.base_sha, &pull.head_sha);
        let Some((common, head)) = common.zip(git.get(&pull.head_sha)) else { return Vec::new() };
        changes(&common.files, &head.files)
    }

    /// A review.
    #[must_use]
    pub fn review(&self, number: u64, review: &Review) -> Value {
        let web = self.state.html(&format!("pull/{number}#pullrequestreview-{}", review.id));
        let pull = self.state.url(&format!("pulls/{number}"));
        json!({
            "id": review.id,
            "node_id": node("PRR", review.id),
            "user": self.user(review.author),
            "body": review.body,
            "state": review.verdict.name(),
            "html_url": web,
            "pull_request_url": pull,
            "_links": {"html": {"href": web}, "pull_request": {"href": pull}},
            "submitted_at": time(review.at),
            "commit_id": review.sha,
            "author_association": Self::association(review.author),
        })
    }
}
