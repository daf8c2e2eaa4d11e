//! Environments and deployments.

use serde_json::{Value, json};

use super::{Show, node, time};
use crate::rehearsal::github::deployment::{Deployment, DeploymentStatus, REPORTER, environment_id};

impl Show<'_> {
    /// An environment with its rules.
    #[must_use]
    pub fn environment(&self, name: &str) -> Value {
        let id = environment_id(name);
        let (reviewers, wait) = (self.state.reviewers(name), self.state.wait_of(name));
        let mut rules = Vec::new();
        if !wait.is_zero() {
            let minutes = wait.as_secs().div_ceil(60);
            rules.push(json!({"id": id + 10, "node_id": node("GA", id + 10), "type": "wait_timer", "wait_timer": minutes}));
        }
        if !reviewers.is_empty() {
            let shown: Vec<Value> = reviewers
                .iter()
                .map(|person| json!({"type": "User", "reviewer": self.user(person)}))
                .collect();
            rules.push(json!({
                "id": id + 20, "node_id": node("GA", id + 20), "type": "required_reviewers",
                "prevent_self_review": false, "reviewers": shown,
            }));
        }
        json!({
            "id": id,
            "node_id": node("EN", id),
            "name": name,
            "url": self.state.url(&format!("environments/{name}")),
            "html_url": self.state.html(&format!("deployments/activity_log?environments_filter={name}")),
            "created_at": "2024-01-08T09:00:00Z",
            "updated_at": "2024-01-08T09:00:00Z",
            "protection_rules": rules,
            "deployment_branch_policy": null,
        })
    }

    /// A deployment.
    #[must_use]
    pub fn deployment(&self, deployment: &Deployment) -> Value {
        let id = deployment.id;
        let url = self.state.url(&format!("deployments/{id}"));
        let updated = deployment.statuses.last().map_or(deployment.created, |status| status.at);
        json!({
            "url": url,
            "id": id,
            "node_id": node("DE", id),
            "sha": deployment.sha,
            "ref": deployment.branch,
            "task": "deploy",
            "payload": {},
            "original_environment": deployment.environment,
            "environment": deployment.environment,
            "description": null,
            "creator": self.user(deployment.creator),
            "created_at": time(deployment.created),
            "updated_at": time(updated),
            "statuses_url": format!("{url}/statuses"),
            "repository_url": self.state.url(""),
            "transient_environment": false,
            "production_environment": deployment.environment == "production",
        })
    }

    /// What was said of a deployment.
    #[must_use]
    pub fn deployment_status(&self, deployment: &Deployment, status: &DeploymentStatus) -> Value {
        let url = self.state.url(&format!("deployments/{}", deployment.id));
        let web = self.state.html(&format!("actions/runs/{}", deployment.run));
        json!({
            "url": format!("{url}/statuses/{}", status.id),
            "id": status.id,
            "node_id": node("DES", status.id),
            "state": status.state,
            "creator": self.user(REPORTER),
            "description": "",
            "environment": deployment.environment,
            "target_url": web,
            "log_url": web,
            "environment_url": "https://api.taxasge.com",
            "created_at": time(status.at),
            "updated_at": time(status.at),
            "deployment_url": url,
            "repository_url": self.state.url(""),
        })
    }
}
