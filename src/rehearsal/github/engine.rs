//! How runs go on with time: concurrency, needs, environments, steps.

use std::time::Duration;

use jiff::Timestamp;

use super::run::{Attempt, Conclusion, Errand, Job, Progress, Run, Step, Work};
use super::state::State;

/// Work that nobody takes up is not kept without end.
const MOST_ERRANDS: usize = 64;
/// Most lines of one step's log.
const MOST_LINES: usize = 2000;

/// A time and a duration after it; times of a rehearsal never reach the end of time.
#[must_use]
pub(super) fn after(at: Timestamp, time: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(time).ok().and_then(|time| at.checked_add(time).ok()).unwrap_or(at)
}

impl State {
    /// When a run goes on by itself.
    pub(super) fn run_due(&self, run: &Run) -> Option<Timestamp> {
        let due = |job: &Job| match job.progress {
            Progress::InProgress => job.step_ends(),
            Progress::Waiting => opens(job, self.wait_timer(job)),
            _ => None,
        };
        run.latest()?.jobs.iter().filter_map(due).min()
    }

    /// Lets runs go on; whether any did.
    pub(super) fn advance_runs(&mut self, now: Timestamp) -> bool {
        let active: Vec<u64> =
            self.runs.iter().filter(|(_, run)| !run.is_over()).map(|(id, _)| *id).collect();
        let mut went_on = false;
        for id in active {
            went_on |= self.admit(id, now);
            // Taken out while it changes, so that the rest can be looked at.
            let Some(mut run) = self.runs.remove(&id) else { continue };
            while self.go_on(&mut run, now) {
                went_on = true;
            }
            self.runs.insert(id, run);
        }
        went_on
    }

    /// Lets a run in whose concurrency group is free, as of when it became free.
    fn admit(&mut self, id: u64, now: Timestamp) -> bool {
        let Some(run) = self.runs.get(&id) else { return false };
        if run.latest().is_none_or(|attempt| attempt.admitted) || self.is_taken(run) {
            return false;
        }
        let others = self.runs.values().filter(|other| other.id != id && other.workflow == run.workflow);
        let ends = others.filter_map(|other| other.latest()?.completed());
        let free = ends.chain(run.latest().map(|attempt| attempt.started)).max().unwrap_or(now).min(now);
        let Some(attempt) = self.runs.get_mut(&id).and_then(|run| run.attempts.last_mut()) else {
            return false;
        };
        attempt.admitted = true;
        attempt.updated = free;
        for job in attempt.jobs.iter_mut().filter(|job| job.completed.is_none()) {
            (job.created, job.started) = (free, free);
        }
        true
    }

    /// Whether another run holds the concurrency group of this one.
    fn is_taken(&self, run: &Run) -> bool {
        self.runs.values().any(|other| {
            other.id != run.id
                && other.workflow == run.workflow
                && !other.is_over()
                && other.latest().is_some_and(|attempt| attempt.admitted)
        })
    }

    /// One move of a run; whether there was one.
    fn go_on(&mut self, run: &mut Run, now: Timestamp) -> bool {
        let Some(attempt) = run.attempts.last().filter(|attempt| attempt.admitted) else { return false };
        for index in 0..attempt.jobs.len() {
            if self.job_goes_on(run, index, now) {
                if let Some(attempt) = run.attempts.last_mut() {
                    let ends = attempt.jobs.iter().filter_map(|job| job.completed);
                    attempt.updated = ends.chain([attempt.updated]).max().unwrap_or(now);
                }
                return true;
            }
        }
        false
    }

    fn job_goes_on(&mut self, run: &mut Run, index: usize, now: Timestamp) -> bool {
        let Some(attempt) = run.attempts.last() else { return false };
        match attempt.jobs[index].progress {
            Progress::Queued | Progress::Pending => {
                let Some(before) = before(attempt, &attempt.jobs[index]) else { return false };
                self.begin(run, index, before);
                true
            }
            Progress::Waiting => {
                let wait = self.wait_timer(&attempt.jobs[index]);
                let wait = if self.hurried { Duration::ZERO } else { wait };
                let Some(open) = opens(&attempt.jobs[index], wait).filter(|open| *open <= now) else {
                    return false;
                };
                self.enter(run, index, open);
                true
            }
            Progress::InProgress => self.step_goes_on(run, index, now),
            Progress::Completed(_) => false,
        }
    }

    /// What was before a job has ended: it is skipped, waits for its environment, or starts.
    fn begin(&mut self, run: &mut Run, index: usize, before: Before) {
        let (sha, branch, id, actor) = (run.sha.clone(), run.branch.clone(), run.id, run.actor);
        let Some(job) = job(run, index) else { return };
        if !before.well && !job.always {
            job.end(Conclusion::Skipped, before.at);
            return;
        }
        let Some(gate) = &mut job.gate else {
            self.enter(run, index, before.at);
            return;
        };
        job.progress = Progress::Waiting;
        (job.created, job.started) = (before.at, before.at);
        gate.since = Some(before.at);
        let environment = gate.environment;
        if self.reviewers(environment).is_empty() {
            gate.approved = Some(before.at);
        }
        gate.deployment = Some(self.deploy_to(environment, id, &sha, &branch, actor, before.at));
    }

    /// A job gets its runner.
    fn enter(&mut self, run: &mut Run, index: usize, at: Timestamp) {
        let Some(job) = job(run, index) else { return };
        job.progress = Progress::InProgress;
        job.started = at;
        if let Some(step) = job.steps.first_mut() {
            step.begin(at);
        }
        if let Some(deployment) = job.gate.as_ref().and_then(|gate| gate.deployment) {
            self.deployment_is(deployment, "in_progress", at);
        }
    }

    fn step_goes_on(&mut self, run: &mut Run, index: usize, now: Timestamp) -> bool {
        let (id, version, sha, hurried) = (run.id, run.version.clone(), run.sha.clone(), self.hurried);
        let Some(job) = job(run, index) else { return false };
        let Some(current) = job.steps.iter().position(|step| step.completed.is_none()) else { return false };
        let ends = job.step_ends().map(|end| if hurried { end.min(now) } else { end });
        let step = &mut job.steps[current];
        match step.work {
            Work::Takes { fails, .. } => {
                let Some(end) = ends.filter(|end| *end <= now) else { return false };
                let written = super::log::lines(step, &version, &sha, fails);
                let begun = step.started.unwrap_or(end);
                step.lines.extend(written.into_iter().map(|line| (begun, line)));
                self.step_ended(run, index, current, !fails, end);
                true
            }
            Work::Acts { asked: true } => false,
            Work::Acts { asked: false } => {
                step.work = Work::Acts { asked: true };
                let Some(stage) = step.stage else { return false };
                if self.errands.len() < MOST_ERRANDS {
                    self.errands.push_back(Errand { run: id, job: job.id, stage, version, sha });
                }
                true
            }
        }
    }

    /// Ends a step; the next begins, or after a failure the job ends.
    fn step_ended(&mut self, run: &mut Run, index: usize, current: usize, well: bool, at: Timestamp) {
        let Some(job) = job(run, index) else { return };
        let conclusion = if well { Conclusion::Success } else { Conclusion::Failure };
        let step = &mut job.steps[current];
        step.progress = Progress::Completed(conclusion);
        step.completed = Some(at);
        match job.steps.get_mut(current + 1) {
            Some(next) if well => next.begin(at),
            _ => {
                job.end(conclusion, at);
                if let Some(deployment) = job.gate.as_ref().and_then(|gate| gate.deployment) {
                    self.deployment_is(deployment, conclusion.name(), at);
                }
            }
        }
    }

    /// An errand was run: what it wrote, and whether it went well.
    pub fn report(&mut self, errand: &Errand, lines: Vec<String>, well: bool, now: Timestamp) {
        let Some(mut run) = self.runs.remove(&errand.run) else { return };
        let jobs = run.latest().map(|attempt| attempt.jobs.as_slice()).unwrap_or_default();
        let index = jobs.iter().position(|job| job.id == errand.job && job.progress == Progress::InProgress);
        if let Some(index) = index
            && let Some(job) = job(&mut run, index)
            && let Some(current) = job.steps.iter().position(|step| step.completed.is_none())
            && job.steps[current].work == (Work::Acts { asked: true })
        {
            let written = lines.into_iter().take(MOST_LINES).map(|line| (now, line));
            job.steps[current].lines.extend(written);
            self.step_ended(&mut run, index, current, well, now);
        }
        self.runs.insert(errand.run, run);
        self.advance(now);
    }
}

/// How the jobs before a job came out, once they have.
struct Before {
    well: bool,
    at: Timestamp,
}

fn before(attempt: &Attempt, job: &Job) -> Option<Before> {
    let needed = || attempt.jobs.iter().filter(|other| job.needs.contains(&other.key));
    let ends: Option<Vec<Timestamp>> = needed().map(|job| job.completed).collect();
    let at = ends?.into_iter().chain([job.created]).max()?;
    let well = needed().all(|job| job.progress == Progress::Completed(Conclusion::Success));
    Some(Before { well, at })
}

/// When an environment lets a job in; nothing while somebody's word is missing.
fn opens(job: &Job, wait: Duration) -> Option<Timestamp> {
    let gate = job.gate.as_ref()?;
    Some(gate.approved?.max(after(gate.since?, wait)))
}

fn job(run: &mut Run, index: usize) -> Option<&mut Job> {
    run.attempts.last_mut()?.jobs.get_mut(index)
}

impl Job {
    /// When the current step ends by itself.
    fn step_ends(&self) -> Option<Timestamp> {
        let step = self.steps.iter().find(|step| step.completed.is_none())?;
        match step.work {
            Work::Takes { time, .. } => Some(after(step.started?, time)),
            Work::Acts { .. } => None,
        }
    }
}

impl Step {
    fn begin(&mut self, at: Timestamp) {
        self.progress = Progress::InProgress;
        self.started = Some(at);
    }
}

impl State {
    /// The versions whose images runs have pushed.
    #[must_use]
    pub fn pushed_versions(&self) -> std::collections::BTreeSet<String> {
        let has_pushed = |run: &&Run| {
            run.attempts.iter().flat_map(|attempt| &attempt.jobs).flat_map(|job| &job.steps).any(|step| {
                step.stage == Some(super::workflow::Stage::Push)
                    && step.progress == Progress::Completed(Conclusion::Success)
            })
        };
        self.runs.values().filter(has_pushed).map(|run| run.version.clone()).collect()
    }
}
