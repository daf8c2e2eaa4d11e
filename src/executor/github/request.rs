//! The one call of each action on GitHub (docs.github.com/rest: pulls, git refs, actions).

use reqwest::Method;
use serde_json::{Value, json};

use crate::sop::operation::Action;
use crate::sources::github::address::in_path;

/// A call as it is sent: once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub method: Method,
    /// Below the API's address.
    pub path: String,
    pub body: Option<Value>,
}

impl Request {
    /// The call that carries an action out on `repository` (`owner/name`); `None` for an
    /// action that is not on GitHub.
    pub(super) fn of(action: &Action, repository: &str) -> Option<Self> {
        let post = |path: String, body: Value| (Method::POST, path, Some(body));
        let (method, path, body) = match action {
            Action::Propose { head, base, title, body } => {
                post("pulls".into(), json!({"title": title, "head": head, "base": base, "body": body}))
            }
            // With the head as precondition: 409 when it moved.
            Action::Merge { number, head } => (
                Method::PUT,
                format!("pulls/{number}/merge"),
                Some(json!({"sha": head.0, "merge_method": "squash"})),
            ),
            Action::DeleteBranch { branch } => {
                (Method::DELETE, format!("git/refs/heads/{}", in_path(branch)), None)
            }
            Action::Approve { run, environment_id, comment, .. } => {
                post(pending(run.id), decision(*environment_id, "approved", comment))
            }
            Action::Reject { run, environment_id, comment, .. } => {
                post(pending(run.id), decision(*environment_id, "rejected", comment))
            }
            Action::Dispatch { workflow, reference } => {
                post(format!("actions/workflows/{}/dispatches", in_path(workflow)), json!({"ref": reference}))
            }
            Action::Rerun { run, failed_only, .. } => {
                let what = if *failed_only { "rerun-failed-jobs" } else { "rerun" };
                (Method::POST, format!("actions/runs/{}/{what}", run.id), None)
            }
            Action::Cancel { run, .. } => (Method::POST, format!("actions/runs/{}/cancel", run.id), None),
            _ => return None,
        };
        Some(Self { method, path: format!("/repos/{repository}/{path}"), body })
    }

    /// For the journal and the screen: `PUT /repos/taxasge/backend/pulls/42/merge`.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn pending(run: u64) -> String {
    format!("actions/runs/{run}/pending_deployments")
}

fn decision(environment_id: u64, state: &str, comment: &str) -> Value {
    json!({"environment_ids": [environment_id], "state": state, "comment": comment})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::commit::Sha;
    use crate::sop::pipeline::RunId;

    fn sent(action: &Action) -> (String, Option<Value>) {
        let request = Request::of(action, "taxasge/backend").unwrap();
        (request.words().replace("/repos/taxasge/backend/", ""), request.body)
    }

    #[test]
    fn each_action_has_its_call() {
        let run = RunId { id: 7, attempt: 2 };
        let head = Sha("a".repeat(40));
        let (environment, environment_id, comment) = ("production".to_owned(), 9, "go".to_owned());
        let merge = Action::Merge { number: 42, head: head.clone() };
        let (call, body) = sent(&merge);
        assert_eq!(call, "PUT pulls/42/merge");
        assert_eq!(body, Some(json!({"sha": head.0, "merge_method": "squash"})));
        let approve = Action::Approve {
            run: run.clone(),
            head: head.clone(),
            environment: environment.clone(),
            environment_id,
            comment: comment.clone(),
        };
        let (call, body) = sent(&approve);
        assert_eq!(call, "POST actions/runs/7/pending_deployments");
        assert_eq!(body, Some(json!({"environment_ids": [9], "state": "approved", "comment": "go"})));
        let reject = Action::Reject { run: run.clone(), head, environment, environment_id, comment };
        assert_eq!(sent(&reject).1.unwrap()["state"], "rejected");
        let calls = [
            (Action::DeleteBranch { branch: "fix/a#b".into() }, "DELETE git/refs/heads/fix/a%23b"),
            (
                Action::Dispatch { workflow: "production.yml".into(), reference: "main".into() },
                "POST actions/workflows/production.yml/dispatches",
            ),
            (
                Action::Rerun { run: run.clone(), number: 1, failed_only: true },
                "POST actions/runs/7/rerun-failed-jobs",
            ),
            (Action::Rerun { run: run.clone(), number: 1, failed_only: false }, "POST actions/runs/7/rerun"),
            (Action::Cancel { run, number: 1 }, "POST actions/runs/7/cancel"),
        ];
        for (action, call) in calls {
            assert_eq!(sent(&action).0, call);
        }
        assert_eq!(Request::of(&Action::Close, "taxasge/backend"), None);
    }
}
