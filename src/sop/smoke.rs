//! What the pipeline's smoke tests say (sop.md, production step 7, and "Rollback
//! Automatique"): failed before the switch they hold it, failed after it they are a
//! reason to roll back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pipeline::{Run, RunState, StageId};
use super::stages::{Row, StagePatterns, Stages, Usual, What};

/// How the smoke tests of a release's run stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "smoke")]
pub enum SmokeTests {
    /// Not run, not over, or not read.
    #[default]
    Unknown,
    Passed,
    Failed {
        /// Run and step: `run #1234: smoke tests failed (check /health)`.
        words: String,
        /// When they ended, where that is told.
        at: Option<Timestamp>,
    },
}

impl SmokeTests {
    /// The smoke tests of a run.
    #[must_use]
    pub fn of(run: &Run, patterns: &StagePatterns, now: Timestamp) -> Self {
        let stages = Stages::of(run, patterns, &Usual::default(), now);
        let row = stages.rows.iter().find(|row| row.what == What::Stage(StageId::Smoke));
        match row.and_then(|row| Some((row, row.state.as_ref()?))) {
            Some((_, RunState::Passed)) => Self::Passed,
            Some((row, state @ (RunState::Failed | RunState::TimedOut))) => {
                let steps: Vec<&str> = row.failed.iter().map(|(_, name)| name.as_str()).collect();
                let steps = if steps.is_empty() { String::new() } else { format!(" ({})", steps.join(", ")) };
                let words = format!("run #{}: smoke tests {}{steps}", run.number, state.word());
                Self::Failed { words, at: ended(row) }
            }
            _ => Self::Unknown,
        }
    }
}

/// When a stage that is over ended.
fn ended(row: &Row) -> Option<Timestamp> {
    row.started?.checked_add(jiff::SignedDuration::try_from(row.elapsed?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::commit::Sha;
    use crate::sop::pipeline::{Job, RunId, Step};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn run(job: RunState, step: RunState) -> Run {
        let step = Step {
            number: 3,
            name: "Run smoke tests".into(),
            state: step,
            started: Some(at(100)),
            ended: Some(at(130)),
        };
        Run {
            id: RunId { id: 1, attempt: 1 },
            number: 1234,
            workflow: "production".into(),
            path: ".github/workflows/production.yml".into(),
            event: "push".into(),
            branch: "main".into(),
            head: Sha("a".repeat(40)),
            actor: "orch".into(),
            state: job.clone(),
            created: None,
            started: None,
            ended: None,
            url: String::new(),
            jobs: vec![Job {
                id: 5,
                name: "Production".into(),
                state: job,
                started: Some(at(10)),
                ended: None,
                url: String::new(),
                steps: vec![step],
            }],
            waiting: Vec::new(),
            decisions: Vec::new(),
        }
    }

    fn said(job: RunState, step: RunState) -> SmokeTests {
        SmokeTests::of(&run(job, step), &StagePatterns::default(), at(200))
    }

    #[test]
    fn a_failure_names_run_and_step_and_its_end() {
        let words = "run #1234: smoke tests failed (Run smoke tests)".to_owned();
        let failed = SmokeTests::Failed { words, at: Some(at(130)) };
        assert_eq!(said(RunState::Failed, RunState::Failed), failed);
        assert_eq!(said(RunState::Running, RunState::Failed), failed, "the job's clean-up may go on");
    }

    #[test]
    fn what_is_no_pass_and_no_failure_is_not_known() {
        assert_eq!(said(RunState::Running, RunState::Passed), SmokeTests::Passed);
        for state in [RunState::Running, RunState::Queued, RunState::Skipped, RunState::Other("odd".into())] {
            assert_eq!(said(RunState::Running, state.clone()), SmokeTests::Unknown, "{state:?}");
        }
    }
}
