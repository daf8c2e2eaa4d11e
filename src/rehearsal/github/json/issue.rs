//! Issues, comments, labels.

use serde_json::{Value, json};

use super::{Show, maybe, node, time};
use crate::rehearsal::github::thread::{Comment, LABELS, Label, Thread};

impl Show<'_> {
    /// A label.
    #[must_use]
    pub fn label(&self, label: &Label) -> Value {
        let index = LABELS.iter().position(|other| other.name == label.name).unwrap_or_default();
        let id = 5_300_100_200_u64 + index as u64;
        json!({
            "id": id,
            "node_id": node("LA", id),
            "url": self.state.url(&format!("labels/{}", label.name)),
            "name": label.name,
            "description": label.description,
            "color": label.colour,
            "default": label.name == "bug",
        })
    }

    /// A thread's labels.
    #[must_use]
    pub fn labels(&self, thread: &Thread) -> Vec<Value> {
        let has = |label: &&Label| thread.labels.contains(label.name);
        LABELS.iter().filter(has).map(|label| self.label(label)).collect()
    }

    /// A thread as an issue; pull requests are issues too.
    #[must_use]
    pub fn issue(&self, thread: &Thread) -> Value {
        let number = thread.number;
        let url = self.state.url(&format!("issues/{number}"));
        let kind = if thread.pull.is_some() { "pull" } else { "issues" };
        let mut issue = json!({
            "id": thread.id,
            "node_id": node("I", thread.id),
            "url": url,
            "repository_url": self.state.url(""),
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "html_url": self.state.html(&format!("{kind}/{number}")),
            "number": number,
            "state": if thread.is_open() { "open" } else { "closed" },
            "state_reason": if thread.is_open() { Value::Null } else { "completed".into() },
            "title": thread.title,
            "body": thread.body,
            "user": self.user(thread.author),
            "labels": self.labels(thread),
            "assignee": null,
            "assignees": [],
            "milestone": null,
            "locked": false,
            "active_lock_reason": null,
            "comments": thread.comments.len(),
            "closed_at": maybe(thread.closed),
            "created_at": time(thread.created),
            "updated_at": time(thread.updated),
            "author_association": Self::association(thread.author),
        });
        if let Some(pull) = &thread.pull {
            let web = self.state.html(&format!("pull/{number}"));
            issue["pull_request"] = json!({
                "url": self.state.url(&format!("pulls/{number}")),
                "html_url": web,
                "diff_url": format!("{web}.diff"),
                "patch_url": format!("{web}.patch"),
                "merged_at": maybe(pull.merged.as_ref().map(|merged| merged.at)),
            });
            issue["draft"] = json!(pull.draft);
        }
        issue
    }

    /// A comment under a thread.
    #[must_use]
    pub fn comment(&self, thread: &Thread, comment: &Comment) -> Value {
        let (id, number) = (comment.id, thread.number);
        let kind = if thread.pull.is_some() { "pull" } else { "issues" };
        json!({
            "id": id,
            "node_id": node("IC", id),
            "url": self.state.url(&format!("issues/comments/{id}")),
            "html_url": self.state.html(&format!("{kind}/{number}#issuecomment-{id}")),
            "body": comment.body,
            "user": self.user(comment.author),
            "created_at": time(comment.at),
            "updated_at": time(comment.at),
            "issue_url": self.state.url(&format!("issues/{number}")),
            "author_association": Self::association(comment.author),
        })
    }
}
