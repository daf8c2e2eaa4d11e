//! Check runs, which are the workflows' jobs, and commit statuses.

use serde_json::{Value, json};

use super::run::suite;
use super::{Show, maybe, node, time};
use crate::rehearsal::github::deployment::Deployment;
use crate::rehearsal::github::git::Commit;
use crate::rehearsal::github::people::{ACTIONS, DEVELOPER};
use crate::rehearsal::github::plot::Twist;
use crate::rehearsal::github::run::{Conclusion, Job, Progress, Run};
use crate::rehearsal::github::workflow::STAGING;

/// What reports by a commit status on every commit, and what it says.
const TOOLS: [(&str, &str); 3] = [
    ("security/bandit", "No issues found"),
    ("security/secrets", "No secrets found"),
    ("lint", "black, flake8, mypy: nothing to say"),
];
/// What does on those that staging has had.
const ON_STAGING: [(&str, &str); 2] =
    [("e2e/staging", "48 of 48 passed"), ("performance/locust", "1,000 rps, P95 412 ms")];
/// What tells the coverage.
const COVERAGE: &str = "coverage/pytest";

impl Show<'_> {
    /// A job as a check run.
    #[must_use]
    pub fn check_run(&self, run: &Run, job: &Job) -> Value {
        let id = job.id;
        let url = self.state.url(&format!("check-runs/{id}"));
        let web = self.state.html(&format!("actions/runs/{}/job/{id}", run.id));
        let begun = job.progress != Progress::Queued;
        json!({
            "id": id,
            "name": job.name,
            "node_id": node("CR", id),
            "head_sha": run.sha,
            "external_id": format!("{id}"),
            "url": url,
            "html_url": web,
            "details_url": web,
            "status": job.progress.name(),
            "conclusion": job.progress.conclusion().map(Conclusion::name),
            "started_at": maybe(begun.then_some(job.started)),
            "completed_at": maybe(job.completed),
            "output": {
                "title": null, "summary": null, "text": null, "annotations_count": 0,
                "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": {"id": suite(run)},
            "app": self.app(),
            "pull_requests": [],
        })
    }

    fn app(&self) -> Value {
        json!({
            "id": 15368, "client_id": "Iv1.05c79e9ad1f6bdfa", "slug": "github-actions", "node_id": node("A", 15368),
            "owner": self.user(&ACTIONS), "name": "GitHub Actions",
            "description": "Automate your workflow from idea to production",
            "external_url": "https://help.github.com/en/actions", "html_url": "https://github.com/apps/github-actions",
            "created_at": "2018-07-30T09:30:17Z", "updated_at": "2024-04-10T20:33:16Z",
            "permissions": {"actions": "write", "checks": "write", "contents": "read"}, "events": ["push"],
        })
    }

    /// A commit's statuses, newest first. They end with the tests.
    #[must_use]
    pub fn statuses(&self, commit: &Commit) -> Vec<Value> {
        let id = u64::from_str_radix(&commit.sha[..10], 16).unwrap_or_default();
        let created = time(commit.at);
        let told = (0..).zip(self.told_of(commit)).map(|(place, (context, description))| {
            json!({
                "url": self.state.url(&format!("statuses/{}", commit.sha)),
                "avatar_url": "https://avatars.githubusercontent.com/oa/1?v=4",
                "id": id + place,
                "node_id": node("SC", id + place),
                "state": "success",
                "description": description,
                "target_url": null,
                "context": context,
                "created_at": created,
                "updated_at": created,
                "creator": self.user(DEVELOPER),
            })
        });
        told.collect()
    }

    /// What tools say of a commit: their names and their words.
    fn told_of(&self, commit: &Commit) -> Vec<(&'static str, &'static str)> {
        let leaves_out = self.state.plot.twist == Some(Twist::FailingCoverage);
        let coverage = if leaves_out { "81.9 % of lines" } else { "91.2 % of lines" };
        let mut told = TOOLS.to_vec();
        told.push((COVERAGE, coverage));
        let went_well =
            |deployment: &Deployment| deployment.statuses.iter().any(|status| status.state == "success");
        let mut deployments = self.state.deployments.values();
        if deployments
            .any(|known| known.environment == STAGING && known.sha == commit.sha && went_well(known))
        {
            told.extend(ON_STAGING);
        }
        told
    }

    /// A commit's statuses, and what they come to.
    #[must_use]
    pub fn combined_status(&self, commit: &Commit) -> Value {
        let mut statuses = self.statuses(commit);
        for status in &mut statuses {
            if let Some(status) = status.as_object_mut() {
                status.remove("creator");
            }
        }
        let sha = &commit.sha;
        json!({
            "state": "success", "sha": sha, "total_count": statuses.len(), "statuses": statuses,
            "repository": self.minimal_repository(),
            "commit_url": self.state.url(&format!("commits/{sha}")),
            "url": self.state.url(&format!("commits/{sha}/status")),
        })
    }
}
