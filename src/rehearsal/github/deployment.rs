//! Environments with their rules, and the deployments to them.

use std::time::Duration;

use jiff::Timestamp;

use super::people::{ACTIONS, ORCHESTRATOR, PLAYER, Person};
use super::run::Job;
use super::state::State;
use super::workflow::{PRODUCTION, STAGING};

/// The environments that there are.
pub const ENVIRONMENTS: [&str; 2] = [PRODUCTION, STAGING];

/// A deployment, as GitHub keeps account of it.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub id: u64,
    pub environment: &'static str,
    pub sha: String,
    pub branch: String,
    /// The run that it belongs to.
    pub run: u64,
    pub creator: &'static Person,
    pub created: Timestamp,
    /// Oldest first; never empty.
    pub statuses: Vec<DeploymentStatus>,
}

/// What was said of a deployment.
#[derive(Clone, Debug)]
pub struct DeploymentStatus {
    pub id: u64,
    pub state: &'static str,
    pub at: Timestamp,
}

/// The id of an environment.
#[must_use]
pub fn environment_id(name: &str) -> u64 {
    if name == PRODUCTION { 1_840_511_002 } else { 1_840_511_001 }
}

impl State {
    /// One of whom must approve before a job may use an environment.
    #[must_use]
    pub fn reviewers(&self, environment: &str) -> Vec<&'static Person> {
        if environment == PRODUCTION { vec![ORCHESTRATOR, PLAYER] } else { Vec::new() }
    }

    /// How long a job waits for its environment, besides its reviewers.
    pub(super) fn wait_timer(&self, job: &Job) -> Duration {
        match &job.gate {
            Some(gate) => self.wait_of(gate.environment),
            None => Duration::ZERO,
        }
    }

    /// How long an environment makes jobs wait.
    #[must_use]
    pub fn wait_of(&self, environment: &str) -> Duration {
        if environment == PRODUCTION { self.plot.wait_timer } else { Duration::ZERO }
    }

    /// Makes a deployment for a job that wants an environment; its id.
    pub(super) fn deploy_to(
        &mut self,
        environment: &'static str,
        run: u64,
        sha: &str,
        branch: &str,
        creator: &'static Person,
        at: Timestamp,
    ) -> u64 {
        let (id, status) = (self.id(), self.id());
        let deployment = Deployment {
            id,
            environment,
            sha: sha.to_owned(),
            branch: branch.to_owned(),
            run,
            creator,
            created: at,
            statuses: vec![DeploymentStatus { id: status, state: "pending", at }],
        };
        self.deployments.insert(id, deployment);
        id
    }

    /// Says how a deployment is. One that went well makes those before it inactive.
    pub(super) fn deployment_is(&mut self, id: u64, state: &'static str, at: Timestamp) {
        let state = if matches!(state, "cancelled" | "skipped") { "error" } else { state };
        let Some(environment) = self.deployments.get(&id).map(|deployment| deployment.environment) else {
            return;
        };
        self.add_status(id, state, at);
        if state != "success" {
            return;
        }
        let is_older = |(other, deployment): &(&u64, &Deployment)| {
            **other < id
                && deployment.environment == environment
                && deployment.statuses.last().is_some_and(|last| last.state == "success")
        };
        let older: Vec<u64> = self.deployments.iter().filter(is_older).map(|(id, _)| *id).collect();
        older.into_iter().for_each(|id| self.add_status(id, "inactive", at));
    }

    fn add_status(&mut self, id: u64, state: &'static str, at: Timestamp) {
        let status = DeploymentStatus { id: self.id(), state, at };
        if let Some(deployment) = self.deployments.get_mut(&id) {
            deployment.statuses.push(status);
        }
    }
}

/// Who makes the statuses.
pub static REPORTER: &Person = &ACTIONS;
