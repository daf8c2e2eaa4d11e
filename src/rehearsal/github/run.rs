//! Runs of the workflows: attempts, jobs and steps.

use std::time::Duration;

use jiff::Timestamp;

use super::people::Person;
use super::workflow::{JobPlan, Stage, Workflow};

/// How something that has ended came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    Success,
    Failure,
    Cancelled,
    Skipped,
}

/// How far something has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something before it has not ended.
    Queued,
    /// Its concurrency group is taken.
    Pending,
    /// An environment's rules hold it up.
    Waiting,
    InProgress,
    Completed(Conclusion),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: u64,
    /// Counted by workflow.
    pub number: u64,
    pub workflow: Workflow,
    /// `push` or `workflow_dispatch`.
    pub event: &'static str,
    pub branch: String,
    pub sha: String,
    /// The version that the commit's files say they are.
    pub version: String,
    pub title: String,
    pub actor: &'static Person,
    pub created: Timestamp,
    pub attempts: Vec<Attempt>,
    pub approvals: Vec<Approval>,
}

/// One go at a run.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub number: u32,
    pub actor: &'static Person,
    pub started: Timestamp,
    pub updated: Timestamp,
    /// Whether its concurrency group has let it in.
    pub admitted: bool,
    pub jobs: Vec<Job>,
}

/// A job of an attempt.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: u64,
    pub key: &'static str,
    pub name: &'static str,
    pub needs: &'static [&'static str],
    pub always: bool,
    pub progress: Progress,
    pub created: Timestamp,
    pub started: Timestamp,
    pub completed: Option<Timestamp>,
    pub gate: Option<Gate>,
    pub steps: Vec<Step>,
}

/// What holds a job up before its environment.
#[derive(Clone, Debug)]
pub struct Gate {
    pub environment: &'static str,
    /// Since when it has waited.
    pub since: Option<Timestamp>,
    pub approved: Option<Timestamp>,
    /// The deployment that was made for it.
    pub deployment: Option<u64>,
}

/// A step of a job.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: &'static str,
    pub stage: Option<Stage>,
    pub progress: Progress,
    pub started: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    pub work: Work,
    /// What it has written.
    pub lines: Vec<(Timestamp, String)>,
}

/// What a step's end depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Takes {
        time: Duration,
        fails: bool,
    },
    /// Something outside the pipeline is done for it; told whether it was asked for.
    Acts {
        asked: bool,
    },
}

/// Somebody's word on an environment.
#[derive(Clone, Debug)]
pub struct Approval {
    pub environment: &'static str,
    /// `approved` or `rejected`.
    pub state: &'static str,
    pub by: &'static Person,
    pub comment: String,
}

/// What a step wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    pub run: u64,
    pub job: u64,
    pub stage: Stage,
    pub version: String,
    pub sha: String,
}

impl Conclusion {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

impl Progress {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::InProgress => "in_progress",
            Self::Completed(_) => "completed",
        }
    }

    #[must_use]
    pub const fn conclusion(self) -> Option<Conclusion> {
        match self {
            Self::Completed(conclusion) => Some(conclusion),
            _ => None,
        }
    }
}

impl Attempt {
    /// How far the attempt as a whole has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        if !self.admitted && self.completed().is_none() {
            return Progress::Pending;
        }
        let any = |progress| self.jobs.iter().any(|job| job.progress == progress);
        match self.completed() {
            Some(_) if any(Progress::Completed(Conclusion::Failure)) => {
                Progress::Completed(Conclusion::Failure)
            }
            Some(_) if any(Progress::Completed(Conclusion::Cancelled)) => {
                Progress::Completed(Conclusion::Cancelled)
            }
            Some(_) => Progress::Completed(Conclusion::Success),
            None if any(Progress::Waiting) => Progress::Waiting,
            None if any(Progress::InProgress) => Progress::InProgress,
            // Between two jobs it goes on as a whole.
            None if self.jobs.iter().any(|job| job.completed.is_some()) => Progress::InProgress,
            None => Progress::Queued,
        }
    }

    /// When the last job ended, once all have.
    #[must_use]
    pub fn completed(&self) -> Option<Timestamp> {
        let ends: Option<Vec<Timestamp>> = self.jobs.iter().map(|job| job.completed).collect();
        ends?.into_iter().max()
    }
}

impl Run {
    /// The newest attempt. A run is never without one.
    #[must_use]
    pub fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    #[must_use]
    pub fn progress(&self) -> Progress {
        self.latest().map_or(Progress::Queued, Attempt::progress)
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.progress().conclusion().is_some()
    }

    /// Which jobs of the newest attempt wait for a word on their environment.
    pub fn waiting(&self) -> impl Iterator<Item = &Job> {
        let jobs = self.latest().map(|attempt| attempt.jobs.as_slice()).unwrap_or_default();
        jobs.iter().filter(|job| job.progress == Progress::Waiting)
    }
}

impl Job {
    /// A job that has not begun.
    #[must_use]
    pub fn planned(id: u64, plan: JobPlan, at: Timestamp) -> Self {
        let step = |step: super::workflow::StepPlan| Step {
            name: step.name,
            stage: step.stage,
            progress: Progress::Queued,
            started: None,
            completed: None,
            work: match step.acts {
                true => Work::Acts { asked: false },
                false => Work::Takes { time: step.takes, fails: step.fails },
            },
            lines: Vec::new(),
        };
        Self {
            id,
            key: plan.key,
            name: plan.name,
            needs: plan.needs,
            always: plan.always,
            progress: Progress::Queued,
            created: at,
            started: at,
            completed: None,
            gate: plan.environment.map(|environment| Gate {
                environment,
                since: None,
                approved: None,
                deployment: None,
            }),
            steps: plan.steps.into_iter().map(step).collect(),
        }
    }

    /// Ends the job and what of it has not ended.
    pub fn end(&mut self, conclusion: Conclusion, at: Timestamp) {
        for step in self.steps.iter_mut().filter(|step| step.completed.is_none()) {
            let began = step.started.is_some();
            let ended = if began { conclusion } else { Conclusion::Skipped };
            step.progress = Progress::Completed(ended);
            step.started = step.started.or(Some(at));
            step.completed = Some(at);
        }
        self.progress = Progress::Completed(conclusion);
        self.started = self.started.min(at);
        self.completed = Some(at);
    }
}
