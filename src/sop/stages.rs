//! The procedure's stages within a run: which jobs and steps make each of them, how they
//! stand, how long they take against what is usual (sop.md, "GitHub Actions Deploy").
//!
//! A workflow need not look like the procedure's: a stage may be a job, several (a
//! matrix), or a step of one; one job may hold many stages. Names are matched by
//! patterns; what matches none is shown under its own name.

mod rows;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};

use super::pipeline::{Job, Run, RunState, StageId, Step};

/// By which names the stages are known; the case of letters does not matter.
#[derive(Clone, Debug)]
pub struct StagePatterns(Vec<(StageId, Vec<Regex>)>);

/// Names that fit the procedure's own two workflows, and most others.
const USUAL: [(StageId, &str); 9] = [
    (StageId::Tests, r"^(run )?((all|the|unit|integration|e2e|end-to-end) )*tests?\b|pytest|\blint"),
    (StageId::Build, r"^build\b"),
    (StageId::Push, r"^(push|publish)\b"),
    (StageId::Approval, r"^(wait for )?(manual |the )*approv"),
    (StageId::Migrations, r"migrat|\bback ?up\b"),
    (StageId::Deploy, r"^(deploy|roll ?out)\b"),
    (StageId::Smoke, r"\bsmoke\b"),
    (StageId::Switch, r"^switch\b"),
    (StageId::Notify, r"^notif"),
];

impl Default for StagePatterns {
    fn default() -> Self {
        // Patterns of the program itself, which a test reads: none is left out.
        let usual =
            USUAL.into_iter().filter_map(|(stage, text)| Some((stage, vec![Self::pattern(text).ok()?])));
        Self(usual.collect())
    }
}

impl StagePatterns {
    /// A pattern as it is matched: anywhere in a name, in either case.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub fn pattern(text: &str) -> Result<Regex, regex::Error> {
        RegexBuilder::new(text).case_insensitive(true).size_limit(1 << 20).build()
    }

    /// The default pattern of a stage.
    #[must_use]
    pub fn usual(stage: StageId) -> &'static str {
        USUAL.iter().find(|(known, _)| *known == stage).map_or("", |(_, text)| text)
    }

    /// The names of one stage from now on; none: this stage is never matched.
    pub fn set(&mut self, stage: StageId, patterns: Vec<Regex>) {
        self.0.retain(|(known, _)| *known != stage);
        self.0.push((stage, patterns));
        self.0.sort_by_key(|(stage, _)| *stage);
    }

    /// The stages that a name matches.
    #[must_use]
    pub fn matching(&self, name: &str) -> Vec<StageId> {
        let name = bare(name);
        let matches = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(name));
        self.0.iter().filter(|(_, patterns)| matches(patterns)).map(|(stage, _)| *stage).collect()
    }
}

/// A name without what GitHub puts around it: the caller of a reusable workflow
/// (`deploy / smoke`) and the combination of a matrix (`smoke (eu, 3.11)`).
fn bare(name: &str) -> &str {
    let job = name.rsplit(" / ").next().unwrap_or(name).trim();
    match job.rfind(" (") {
        Some(at) if job.ends_with(')') && at > 0 => &job[..at],
        _ => job,
    }
}

/// How long things usually take: the median of the last successful runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usual {
    pub stages: Vec<(StageId, Duration)>,
}

impl Usual {
    /// Of a stage.
    #[must_use]
    pub fn of(&self, stage: StageId) -> Option<Duration> {
        self.stages.iter().find(|(known, _)| *known == stage).map(|(_, usual)| *usual)
    }

    /// From runs that passed.
    #[must_use]
    pub fn from_runs<'r>(runs: impl IntoIterator<Item = &'r Run>, patterns: &StagePatterns) -> Self {
        let mut taken: Vec<(StageId, Vec<Duration>)> = StageId::ALL.map(|stage| (stage, Vec::new())).into();
        for run in runs {
            let stages = Stages::of(run, patterns, &Self::default(), Timestamp::UNIX_EPOCH);
            for row in stages.rows.iter().filter(|row| row.state == Some(RunState::Passed)) {
                let Some(elapsed) = row.elapsed else { continue };
                let known = taken.iter_mut().find(|(stage, _)| row.what == What::Stage(*stage));
                known.into_iter().for_each(|(_, all)| all.push(elapsed));
            }
        }
        let stages = taken.into_iter().filter_map(|(stage, all)| Some((stage, median(all)?)));
        Self { stages: stages.collect() }
    }
}

/// The middle of some times; the lower one of two.
#[must_use]
pub fn median(mut all: Vec<Duration>) -> Option<Duration> {
    all.sort_unstable();
    all.get(all.len().checked_sub(1)? / 2).copied()
}

/// A run as the procedure sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stages {
    /// In the order of the procedure; what is none of its stages stands where it began.
    pub rows: Vec<Row>,
    /// Names that two stages claim; the configuration has to decide.
    pub ambiguous: Vec<String>,
    /// How much of the whole run is done, from 0 to 1, by what its stages usually take.
    pub share: f64,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub what: What,
    /// `None`: it has not come to that.
    pub state: Option<RunState>,
    pub started: Option<Timestamp>,
    /// From its beginning to its end, or until now.
    pub elapsed: Option<Duration>,
    pub usual: Option<Duration>,
    /// The jobs that it is made of, by id.
    pub jobs: Vec<u64>,
    /// What failed of it: the job's id, and the name of the step or the job.
    pub failed: Vec<(u64, String)>,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Stage(StageId),
    /// A job, or a step of one, under its own name.
    Own(String),
}

impl What {
    /// The name on the screen.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Stage(stage) => stage.words(),
            Self::Own(name) => name,
        }
    }
}

impl Row {
    /// Whether it takes longer than it usually does, by half and at least some seconds.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        const AT_LEAST: Duration = Duration::from_secs(10);
        match (self.elapsed, self.usual) {
            (Some(elapsed), Some(usual)) => elapsed > usual + (usual / 2).max(AT_LEAST),
            _ => false,
        }
    }
}

/// A job or a step of one.
#[derive(Clone, Copy)]
enum Part<'r> {
    Job(&'r Job),
    Step(&'r Job, &'r Step),
}

impl<'r> Part<'r> {
    const fn job(self) -> &'r Job {
        match self {
            Self::Job(job) | Self::Step(job, _) => job,
        }
    }

    const fn state(self) -> &'r RunState {
        match self {
            Self::Job(job) => &job.state,
            Self::Step(_, step) => &step.state,
        }
    }

    const fn times(self) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::Job(job) => (job.started, job.ended),
            Self::Step(_, step) => (step.started, step.ended),
        }
    }
}
