//! How long things usually take: the median of the last runs that passed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::client::Trouble;
use super::read::Questions;
use crate::sop::pipeline::Run;
use crate::sop::stages::{StagePatterns, Usual, median};

/// Runs that are looked at.
const RUNS: usize = 5;
/// How long what was found holds.
const HOLDS: Duration = Duration::from_secs(30 * 60);
/// When it is tried again after a failure.
const AGAIN: Duration = Duration::from_secs(60);

/// What was found out, and when.
#[derive(Debug, Default)]
pub(super) struct Usually {
    /// Not before this time.
    next: Option<Instant>,
    /// By the job's name; the whole run under the empty one.
    pub jobs: Vec<(String, Duration)>,
    pub stages: Usual,
}

impl Usually {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| now >= next)
    }

    /// Whether nobody has tried yet.
    pub(super) const fn is_new(&self) -> bool {
        self.next.is_none()
    }

    /// Looks at the last runs that passed.
    pub(super) async fn read(
        &mut self,
        questions: Questions<'_>,
        patterns: &StagePatterns,
    ) -> Result<(), Trouble> {
        self.next = Some(Instant::now() + AGAIN);
        let mut runs = questions.passed_runs(RUNS).await?;
        for run in &mut runs {
            run.jobs = questions.jobs(&run.id).await?;
        }
        self.jobs = of_jobs(&runs);
        self.stages = Usual::from_runs(&runs, patterns);
        self.next = Some(Instant::now() + HOLDS);
        Ok(())
    }
}

fn of_jobs(runs: &[Run]) -> Vec<(String, Duration)> {
    let mut taken: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for run in runs {
        let jobs = run.jobs.iter().map(|job| (job.name.as_str(), job.started, job.ended));
        for (name, started, ended) in jobs.chain([("", run.started, run.ended)]) {
            let took =
                started.zip(ended).and_then(|(from, to)| Duration::try_from(to.duration_since(from)).ok());
            taken.entry(name).or_default().extend(took);
        }
    }
    taken.into_iter().filter_map(|(name, all)| Some((name.to_owned(), median(all)?))).collect()
}
