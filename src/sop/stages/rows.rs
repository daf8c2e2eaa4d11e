//! From jobs and steps to lines.

use std::time::Duration;

use jiff::Timestamp;

use super::{Part, Row, StagePatterns, Stages, Usual, What};
use crate::sop::pipeline::{Job, Run, RunState, StageId, Step};

/// A running stage counts at most as so much done, however long it takes already.
const NEARLY: f64 = 0.95;

impl Stages {
    /// The stages of a run at a time.
    #[must_use]
    pub fn of(run: &Run, patterns: &StagePatterns, usual: &Usual, now: Timestamp) -> Self {
        let mut sorted = Sorted::default();
        for job in &run.jobs {
            sorted.take_in(job, patterns);
        }
        let mut rows: Vec<Row> = Vec::new();
        for stage in StageId::ALL {
            let parts: Vec<Part<'_>> = sorted
                .parts
                .iter()
                .filter(|(what, _)| *what == What::Stage(stage))
                .map(|(_, part)| *part)
                .collect();
            let mut row = row(What::Stage(stage), &parts, now);
            if stage == StageId::Approval {
                approval(&mut row, run, now);
            }
            row.usual = usual.of(stage);
            // What a run that is over has not had, it does not have.
            if row.state.is_some() || !run.state.is_over() {
                rows.push(row);
            }
        }
        for (what, part) in sorted.parts {
            if matches!(what, What::Own(_)) {
                insert(&mut rows, row(what, &[part], now));
            }
        }
        let share = share(run, &rows);
        Self { rows, ambiguous: sorted.ambiguous, share }
    }
}

/// Parts with what they belong to.
#[derive(Default)]
struct Sorted<'r> {
    parts: Vec<(What, Part<'r>)>,
    ambiguous: Vec<String>,
}

impl<'r> Sorted<'r> {
    fn take_in(&mut self, job: &'r Job, patterns: &StagePatterns) {
        // Who waits for an approval is the approval, whatever it does afterwards.
        if job.state == RunState::Waiting {
            self.parts.push((What::Stage(StageId::Approval), Part::Job(job)));
            return;
        }
        let of_job = self.stage(&job.name, patterns);
        let of_steps: Vec<(Option<StageId>, &Step)> =
            job.steps.iter().map(|step| (self.stage(&step.name, patterns), step)).collect();
        let mut stages: Vec<StageId> = of_steps.iter().filter_map(|(stage, _)| *stage).collect();
        stages.dedup();
        let whole = match (of_job, stages.as_slice()) {
            // All of it is one stage: setting up belongs to it.
            (Some(stage), []) => Some(What::Stage(stage)),
            (Some(stage), [only]) if *only == stage => Some(What::Stage(stage)),
            (None, []) => Some(What::Own(job.name.clone())),
            _ => None,
        };
        if let Some(what) = whole {
            self.parts.push((what, Part::Job(job)));
            return;
        }
        for (stage, step) in of_steps {
            match stage {
                Some(stage) => self.parts.push((What::Stage(stage), Part::Step(job, step))),
                None if is_worth_a_line(step) => {
                    let name = format!("{}: {}", job.name, step.name);
                    self.parts.push((What::Own(name), Part::Step(job, step)));
                }
                None => {}
            }
        }
    }

    /// The one stage that a name matches. Two are a mistake in the configuration, which
    /// names both; the name then stands for itself.
    fn stage(&mut self, name: &str, patterns: &StagePatterns) -> Option<StageId> {
        match patterns.matching(name).as_slice() {
            [] => None,
            [only] => Some(*only),
            [first, second, ..] => {
                let words = format!(
                    "`{name}` matches two stages, {} and {}: narrow one of them in [pipeline.stages]",
                    first.name(),
                    second.name()
                );
                if !self.ambiguous.contains(&words) {
                    self.ambiguous.push(words);
                }
                None
            }
        }
    }
}

/// A step that is no stage is shown while it goes on, and when it went wrong.
const fn is_worth_a_line(step: &Step) -> bool {
    step.state.is_bad() || matches!(step.state, RunState::Running | RunState::Waiting | RunState::Other(_))
}

fn row(what: What, parts: &[Part<'_>], now: Timestamp) -> Row {
    let started = parts.iter().filter_map(|part| part.times().0).min();
    let state = together(parts);
    let ended = parts.iter().filter_map(|part| part.times().1).max();
    let over = state.as_ref().is_some_and(RunState::is_over);
    let skipped = state == Some(RunState::Skipped);
    let elapsed = started.filter(|_| !skipped).and_then(|from| since(from, if over { ended? } else { now }));
    let mut jobs: Vec<u64> = parts.iter().map(|part| part.job().id).collect();
    jobs.dedup();
    let failed = parts.iter().filter(|part| part.state().is_bad()).map(|part| failure(*part)).collect();
    Row { what, state, started, elapsed, usual: None, jobs, failed }
}

/// What failed: the step, where one did.
fn failure(part: Part<'_>) -> (u64, String) {
    match part {
        Part::Step(job, step) => (job.id, step.name.clone()),
        Part::Job(job) => {
            let step = job.steps.iter().find(|step| step.state.is_bad());
            (job.id, step.map_or(&job.name, |step| &step.name).clone())
        }
    }
}

fn since(from: Timestamp, to: Timestamp) -> Option<Duration> {
    Duration::try_from(to.duration_since(from)).ok()
}

/// What the states of some parts are together: the worst where one went wrong, else what
/// still goes on, else how it ended.
fn together(parts: &[Part<'_>]) -> Option<RunState> {
    let states: Vec<&RunState> = parts.iter().map(|part| part.state()).collect();
    let first = |wanted: fn(&RunState) -> bool| states.iter().find(|state| wanted(state)).copied().cloned();
    let unknown = first(|state| matches!(state, RunState::Other(_)));
    let begun = states.iter().any(|state| state.is_over() && **state != RunState::Skipped);
    let open = first(|state| !state.is_over());
    first(|state| matches!(state, RunState::Failed | RunState::TimedOut))
        .or_else(|| first(RunState::is_bad))
        .or(unknown)
        .or_else(|| first(|state| *state == RunState::Running))
        .or_else(|| first(|state| *state == RunState::Waiting))
        .or_else(|| open.map(|open| if begun { RunState::Running } else { open }))
        .or_else(|| first(|state| *state == RunState::Passed))
        .or_else(|| first(|state| *state == RunState::Neutral))
        .or_else(|| first(|_| true))
}

/// The approval is no job: what the run waits for, and what was decided.
fn approval(row: &mut Row, run: &Run, now: Timestamp) {
    if !run.waiting.is_empty() {
        row.state = Some(RunState::Waiting);
        row.started =
            row.started.or_else(|| run.waiting.iter().filter_map(|waiting| waiting.wait_began).min());
        row.elapsed = row.started.and_then(|from| since(from, now));
        return;
    }
    // A job that waits is the approval; once it runs, the decision is what is left.
    if let Some(decision) = run.decisions.last() {
        row.state = Some(if decision.approved { RunState::Passed } else { RunState::Failed });
    }
}

/// Puts a line of its own before the first one that began later.
fn insert(rows: &mut Vec<Row>, own: Row) {
    let later = |row: &Row| match (row.started, own.started) {
        (Some(there), Some(here)) => there > here,
        (None, Some(_)) => row.state.is_none(),
        _ => false,
    };
    let at = rows.iter().position(later).unwrap_or(rows.len());
    rows.insert(at, own);
}

/// How much is done. Each line weighs what it usually takes; people's time nothing.
fn share(run: &Run, rows: &[Row]) -> f64 {
    if run.state.is_over() {
        return 1.0;
    }
    let known: Vec<f64> = rows.iter().filter_map(|row| row.usual).map(|usual| usual.as_secs_f64()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
    let ordinary =
        if known.is_empty() { 1.0 } else { (known.iter().sum::<f64>() / known.len() as f64).max(0.001) };
    let (mut all, mut done) = (0.0, 0.0);
    for row in rows.iter().filter(|row| row.what != What::Stage(StageId::Approval)) {
        let weight = row.usual.map_or(ordinary, |usual| usual.as_secs_f64());
        all += weight;
        done += weight * fraction(row, weight);
    }
    if all > 0.0 { (done / all).clamp(0.0, 1.0) } else { 0.0 }
}

fn fraction(row: &Row, weight: f64) -> f64 {
    match &row.state {
        Some(state) if state.is_over() => 1.0,
        Some(RunState::Running) => {
            let elapsed = row.elapsed.unwrap_or_default().as_secs_f64();
            if row.usual.is_some() && weight > 0.0 { (elapsed / weight).min(NEARLY) } else { 0.5 }
        }
        _ => 0.0,
    }
}
