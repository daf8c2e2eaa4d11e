//! Workflows, runs, jobs, and what holds them up.

use serde_json::{Value, json};

use super::{Show, maybe, node, time};
use crate::rehearsal::github::deployment::environment_id;
use crate::rehearsal::github::people::Person;
use crate::rehearsal::github::run::{Approval, Attempt, Conclusion, Job, Progress, Run, Step};
use crate::rehearsal::github::workflow::Workflow;

impl Show<'_> {
    /// A workflow.
    #[must_use]
    pub fn workflow(&self, workflow: Workflow) -> Value {
        let file = workflow.path().rsplit('/').next().unwrap_or_default();
        json!({
            "id": workflow.id(),
            "node_id": node("W", workflow.id()),
            "name": workflow.name(),
            "path": workflow.path(),
            "state": "active",
            "created_at": "2024-01-08T09:00:00Z",
            "updated_at": "2025-06-02T09:00:00Z",
            "url": self.state.url(&format!("actions/workflows/{}", workflow.id())),
            "html_url": self.state.html(&format!("blob/main/{}", workflow.path())),
            "badge_url": self.state.html(&format!("actions/workflows/{file}/badge.svg")),
        })
    }

    /// A run as of one of its attempts.
    #[must_use]
    pub fn run(&self, run: &Run, attempt: &Attempt) -> Value {
        let id = run.id;
        let url = self.state.url(&format!("actions/runs/{id}"));
        let suite = suite(run);
        let progress = attempt.progress();
        let before = attempt.number.checked_sub(1).filter(|number| *number > 0);
        let mut shown = json!({
            "id": id,
            "name": run.workflow.name(),
            "node_id": node("WFR", id),
            "head_branch": run.branch,
            "head_sha": run.sha,
            "path": run.workflow.path(),
            "display_title": run.title,
            "run_number": run.number,
            "run_attempt": attempt.number,
            "event": run.event,
            "status": progress.name(),
            "conclusion": progress.conclusion().map(Conclusion::name),
            "workflow_id": run.workflow.id(),
            "check_suite_id": suite,
            "check_suite_node_id": node("CS", suite),
            "url": url,
            "html_url": self.state.html(&format!("actions/runs/{id}")),
            "pull_requests": [],
            "created_at": time(run.created),
            "updated_at": time(attempt.updated),
            "run_started_at": time(attempt.started),
            "actor": self.user(run.actor),
            "triggering_actor": self.user(attempt.actor),
            "jobs_url": format!("{url}/jobs"),
            "logs_url": format!("{url}/logs"),
            "check_suite_url": self.state.url(&format!("check-suites/{suite}")),
            "artifacts_url": format!("{url}/artifacts"),
            "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"),
        });
        shown["previous_attempt_url"] = json!(before.map(|number| format!("{url}/attempts/{number}")));
        let workflow = format!("actions/workflows/{}", run.workflow.id());
        shown["workflow_url"] = json!(self.state.url(&workflow));
        shown["head_commit"] = self.head_commit(&run.sha);
        shown["repository"] = self.minimal_repository();
        shown["head_repository"] = self.minimal_repository();
        shown["referenced_workflows"] = json!([]);
        shown
    }

    fn head_commit(&self, sha: &str) -> Value {
        let Some(commit) = self.state.git.get(sha) else { return Value::Null };
        let author = json!({"name": commit.author.name, "email": commit.author.email()});
        json!({
            "id": sha, "tree_id": commit.tree, "message": commit.message, "timestamp": time(commit.at),
            "author": author, "committer": author,
        })
    }

    /// A job.
    #[must_use]
    pub fn job(&self, run: &Run, attempt: &Attempt, job: &Job) -> Value {
        let (id, run_id) = (job.id, run.id);
        let step = |(index, step): (usize, &Step)| {
            json!({
                "name": step.name,
                "status": step.progress.name(),
                "conclusion": step.progress.conclusion().map(Conclusion::name),
                "number": index + 1,
                "started_at": maybe(step.started),
                "completed_at": maybe(step.completed),
            })
        };
        let has_runner = job.steps.iter().any(|step| step.started.is_some())
            && job.progress != Progress::Completed(Conclusion::Skipped);
        let steps: Vec<Value> = job.steps.iter().enumerate().filter(|_| has_runner).map(step).collect();
        json!({
            "id": id,
            "run_id": run_id,
            "workflow_name": run.workflow.name(),
            "head_branch": run.branch,
            "run_url": self.state.url(&format!("actions/runs/{run_id}")),
            "run_attempt": attempt.number,
            "node_id": node("CR", id),
            "head_sha": run.sha,
            "url": self.state.url(&format!("actions/jobs/{id}")),
            "html_url": self.state.html(&format!("actions/runs/{run_id}/job/{id}")),
            "status": job.progress.name(),
            "conclusion": job.progress.conclusion().map(Conclusion::name),
            "created_at": time(job.created),
            "started_at": time(job.started),
            "completed_at": maybe(job.completed),
            "name": job.name,
            "steps": steps,
            "check_run_url": self.state.url(&format!("check-runs/{id}")),
            "labels": ["ubuntu-latest"],
            "runner_id": has_runner.then_some(1),
            "runner_name": has_runner.then_some("GitHub Actions 1"),
            "runner_group_id": has_runner.then_some(0),
            "runner_group_name": has_runner.then_some("GitHub Actions"),
        })
    }

    /// What a job waits for, as one person sees it.
    #[must_use]
    pub fn pending(&self, job: &Job, caller: &Person) -> Option<Value> {
        let gate = job.gate.as_ref()?;
        let wait = self.state.wait_of(gate.environment);
        let reviewers = self.state.reviewers(gate.environment);
        let may = gate.approved.is_none() && reviewers.iter().any(|person| person.login == caller.login);
        let shown: Vec<Value> =
            reviewers.iter().map(|person| json!({"type": "User", "reviewer": self.user(person)})).collect();
        Some(json!({
            "environment": self.environment_in_short(gate.environment),
            "wait_timer": wait.as_secs().div_ceil(60),
            "wait_timer_started_at": maybe(gate.since.filter(|_| !wait.is_zero())),
            "current_user_can_approve": may,
            "reviewers": shown,
        }))
    }

    fn environment_in_short(&self, name: &str) -> Value {
        let id = environment_id(name);
        json!({
            "id": id, "node_id": node("EN", id), "name": name,
            "url": self.state.url(&format!("environments/{name}")),
            "html_url": self.state.html(&format!("deployments/activity_log?environments_filter={name}")),
        })
    }

    /// Somebody's word on an environment.
    #[must_use]
    pub fn approval(&self, approval: &Approval) -> Value {
        let mut environment = self.environment_in_short(approval.environment);
        for at in ["created_at", "updated_at"] {
            environment[at] = json!("2024-01-08T09:00:00Z");
        }
        json!({
            "state": approval.state, "comment": approval.comment, "user": self.user(approval.by),
            "environments": [environment],
        })
    }
}

/// The check suite that a run's jobs belong to.
#[must_use]
pub fn suite(run: &Run) -> u64 {
    run.id + 1
}
