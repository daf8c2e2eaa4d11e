//! What people do with runs: start, approve, cancel, repeat.

use jiff::Timestamp;

use super::people::Person;
use super::refused::Refused;
use super::run::{Approval, Attempt, Conclusion, Job, Run};
use super::state::State;
use super::workflow::Workflow;

/// The file that says which version the files are.
pub const VERSION_FILE: &str = "VERSION";

impl State {
    /// Starts a workflow; the run's id. As GitHub has it, a concurrency group holds one
    /// run and lets one wait: an older one that waits is cancelled.
    pub fn start(
        &mut self,
        workflow: Workflow,
        event: &'static str,
        branch: &str,
        sha: &str,
        by: &'static Person,
        now: Timestamp,
    ) -> u64 {
        let waits = |run: &&mut Run| {
            run.workflow == workflow
                && !run.is_over()
                && run.latest().is_some_and(|attempt| !attempt.admitted)
        };
        self.runs.values_mut().filter(waits).for_each(|run| cancel(run, now));
        let commit = self.git.get(sha);
        let version = commit.and_then(|commit| commit.files.get(VERSION_FILE)).map(|text| text.trim());
        let version = version.unwrap_or_default().to_owned();
        let title = commit.and_then(|commit| commit.message.lines().next()).unwrap_or_default().to_owned();
        let id = self.id();
        let number = 1 + self.runs.values().filter(|run| run.workflow == workflow).count() as u64;
        let jobs = self.planned(workflow, 1, now);
        let attempt = Attempt { number: 1, actor: by, started: now, updated: now, admitted: false, jobs };
        let run = Run {
            id,
            number,
            workflow,
            event,
            branch: branch.to_owned(),
            sha: sha.to_owned(),
            version,
            title,
            actor: by,
            created: now,
            attempts: vec![attempt],
            approvals: Vec::new(),
        };
        self.runs.insert(id, run);
        id
    }

    fn planned(&mut self, workflow: Workflow, attempt: u32, now: Timestamp) -> Vec<Job> {
        let plans = workflow.jobs(&self.plot, attempt);
        plans.into_iter().map(|plan| Job::planned(self.id(), plan, now)).collect()
    }

    /// The run of that id.
    ///
    /// # Errors
    /// 404.
    pub fn run(&self, id: u64) -> Result<&Run, Refused> {
        self.runs.get(&id).ok_or_else(Refused::not_found)
    }

    /// Approves or rejects the environments that a run waits for; the deployments that
    /// were decided on.
    ///
    /// # Errors
    /// 422 where it does not wait for them or this one is no reviewer.
    pub fn decide(
        &mut self,
        id: u64,
        environments: &[u64],
        approve: bool,
        comment: &str,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<Vec<u64>, Refused> {
        let run = self.run(id)?;
        let names: Vec<&'static str> = run
            .waiting()
            .filter_map(|job| job.gate.as_ref())
            .filter(|gate| gate.approved.is_none())
            .map(|gate| gate.environment)
            .filter(|name| environments.contains(&super::deployment::environment_id(name)))
            .collect();
        if names.is_empty() || names.len() != environments.len() {
            let message = "No pending deployment requests to approve or reject for these environments";
            return Err(Refused::new(422, message));
        }
        if let Some(name) = names.iter().find(|name| !self.reviewers(name).contains(&by)) {
            let message = format!("{} is not a required reviewer of the environment {name}", by.login);
            return Err(Refused::new(422, message));
        }
        let run = self.runs.get_mut(&id).ok_or_else(Refused::not_found)?;
        let state = if approve { "approved" } else { "rejected" };
        run.approvals.extend(names.iter().map(|environment| Approval {
            environment,
            state,
            by,
            comment: comment.to_owned(),
        }));
        let mut decided = Vec::new();
        let jobs = run.attempts.last_mut().map(|attempt| attempt.jobs.as_mut_slice()).unwrap_or_default();
        for job in jobs {
            let Some(gate) = &mut job.gate else { continue };
            if gate.since.is_none() || job.completed.is_some() || !names.contains(&gate.environment) {
                continue;
            }
            decided.extend(gate.deployment);
            gate.approved = approve.then_some(now);
            if !approve {
                job.end(Conclusion::Failure, now);
            }
        }
        if !approve {
            decided.iter().for_each(|deployment| self.deployment_is(*deployment, "failure", now));
        }
        Ok(decided)
    }

    /// Cancels a run.
    ///
    /// # Errors
    /// 409 where it has ended.
    pub fn cancel(&mut self, id: u64, now: Timestamp) -> Result<(), Refused> {
        let run = self.runs.get_mut(&id).ok_or_else(Refused::not_found)?;
        if run.is_over() {
            return Err(Refused::new(409, "Cannot cancel a workflow run that is completed."));
        }
        cancel(run, now);
        let gates = run.latest().into_iter().flat_map(|attempt| &attempt.jobs);
        let cancelled: Vec<u64> = gates
            .filter(|job| job.completed == Some(now))
            .filter_map(|job| job.gate.as_ref()?.deployment)
            .collect();
        cancelled.iter().for_each(|deployment| self.deployment_is(*deployment, "error", now));
        Ok(())
    }

    /// Runs it again: the same commit, with all jobs or those that did not go well.
    ///
    /// # Errors
    /// 403 where it has not ended or nothing failed.
    pub fn rerun(
        &mut self,
        id: u64,
        only_failed: bool,
        by: &'static Person,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let run = self.run(id)?;
        if !run.is_over() {
            return Err(Refused::new(403, "This workflow is already running"));
        }
        let went_well = run.progress().conclusion() == Some(Conclusion::Success);
        if only_failed && went_well {
            return Err(Refused::new(403, "This workflow run cannot be retried: it has no failed jobs"));
        }
        let before = run.latest().map(|attempt| attempt.jobs.clone()).unwrap_or_default();
        let number = run.attempts.len() as u32 + 1;
        let mut jobs = self.planned(run.workflow, number, now);
        for job in jobs.iter_mut().filter(|_| only_failed) {
            let well = |old: &&Job| old.progress.conclusion() == Some(Conclusion::Success);
            // Notices are sent anew; what went well before stays as it is.
            if let Some(old) = before.iter().find(|old| old.key == job.key && !old.always).filter(well) {
                *job = Job { id: job.id, ..old.clone() };
            }
        }
        let attempt = Attempt { number, actor: by, started: now, updated: now, admitted: false, jobs };
        if let Some(run) = self.runs.get_mut(&id) {
            run.attempts.push(attempt);
        }
        Ok(())
    }
}

/// Ends all that has not ended.
fn cancel(run: &mut Run, now: Timestamp) {
    let Some(attempt) = run.attempts.last_mut() else { return };
    attempt.updated = now;
    for job in attempt.jobs.iter_mut().filter(|job| job.completed.is_none()) {
        job.end(Conclusion::Cancelled, now);
    }
}
