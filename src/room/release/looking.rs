//! What of the pipeline is looked at, and what the operator does to look at more.

use crate::room::Room;
use crate::room::intent::{Overlay, ReleaseIntent};
use crate::room::message::{Attention, Effect, JobLog, Notice, Urgency};
use crate::room::view::{Prompt, PromptKind};
use crate::sop::pipeline::{Job, Run, RunState, StageId};
use crate::sop::stages::{Row, Stages, What};

/// Most lines kept of a job's log: the last ones.
const MOST_LINES: usize = 20_000;

/// Where the operator looks.
#[derive(Debug, Default)]
pub struct Looking {
    /// Another run than the release's own, by its id.
    pub run: Option<u64>,
    /// The chosen row's place in the pane's list; `None`: where something goes on.
    pub row: Option<usize>,
    /// The log that lies open.
    pub log: Option<OpenLog>,
}

/// A job's log that was opened.
#[derive(Debug)]
pub struct OpenLog {
    pub job: u64,
    pub name: String,
    /// `None` until it was read.
    pub read: Option<JobLog>,
    pub search: Option<LogSearch>,
}

/// A search in a job's log.
#[derive(Debug)]
pub struct LogSearch {
    /// What is looked for, in lower case.
    pub text: String,
    /// The lines that have it, the first first.
    pub hits: Vec<usize>,
    /// The hit that was jumped to.
    pub at: usize,
}

impl OpenLog {
    /// The lines that were read.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        match &self.read {
            Some(JobLog { lines: Ok(lines), .. }) => lines,
            _ => &[],
        }
    }

    fn search(&mut self, text: &str) {
        let text = text.to_lowercase();
        let has_it = |(_, line): &(usize, &String)| line.to_lowercase().contains(&text);
        let hits: Vec<usize> = self.lines().iter().enumerate().filter(has_it).map(|(at, _)| at).collect();
        // What went wrong stands at the end.
        let at = hits.len().saturating_sub(1);
        self.search = (!text.is_empty()).then_some(LogSearch { text, hits, at });
    }
}

impl LogSearch {
    /// The line of the current hit.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.hits.get(self.at).copied()
    }

    fn step(&mut self, by: isize) {
        let count = isize::try_from(self.hits.len()).unwrap_or(isize::MAX);
        if count > 0 {
            let next = isize::try_from(self.at).unwrap_or(0).saturating_add(by).rem_euclid(count);
            self.at = usize::try_from(next).unwrap_or(0);
        }
    }
}

impl Room {
    /// The run that is shown: the one that is looked at, else the release's own.
    #[must_use]
    pub fn shown_run(&self) -> Option<&Run> {
        let repository = self.repository()?;
        let looked_at =
            self.view.release.run.and_then(|id| repository.runs.iter().find(|run| run.id.id == id));
        looked_at.or(repository.run.as_ref())
    }

    /// Whether another run than the release's own is shown.
    #[must_use]
    pub fn shows_another_run(&self) -> bool {
        self.shown_run().map(|run| run.id.id) != self.run().map(|run| run.id.id)
    }

    /// The stages of the shown run as they stand now.
    #[must_use]
    pub fn stages(&self) -> Option<Stages> {
        let usual = &self.repository()?.usual_stages;
        let mut stages = Stages::of(self.shown_run()?, &self.setting.stages, usual, self.now.wall);
        if self.deploys_itself() {
            // What the room does, the pipeline does not come to.
            let ours = [StageId::Deploy, StageId::Smoke, StageId::Switch].map(What::Stage);
            stages.rows.retain(|row| row.state.is_some() || !ours.contains(&row.what));
        }
        Some(stages)
    }

    /// The row of the shown run that is chosen; before one was, the first that failed,
    /// waits or goes on, else the last.
    #[must_use]
    pub fn chosen_row(&self, stages: &Stages) -> Option<usize> {
        let last = stages.rows.len().checked_sub(1)?;
        let state = |row: &Row, wanted: fn(&RunState) -> bool| row.state.as_ref().is_some_and(wanted);
        let first = |wanted: fn(&RunState) -> bool| stages.rows.iter().position(|row| state(row, wanted));
        let active = || {
            first(RunState::is_bad)
                .or_else(|| first(|state| matches!(state, RunState::Waiting | RunState::Running)))
                .or_else(|| stages.rows.iter().rposition(|row| state(row, RunState::is_over)))
        };
        Some(self.view.release.row.or_else(active).unwrap_or(0).min(last))
    }

    /// The job whose log the chosen row stands for: what failed of it, else its last job
    /// that has begun.
    fn chosen_job(&self) -> Option<&Job> {
        let stages = self.stages()?;
        let row = stages.rows.get(self.chosen_row(&stages)?)?;
        let jobs = &self.shown_run()?.jobs;
        let job = |id: u64| jobs.iter().find(|job| job.id == id);
        let begun = || row.jobs.iter().rev().filter_map(|id| job(*id)).find(|job| job.started.is_some());
        row.failed.first().and_then(|(id, _)| job(*id)).or_else(begun)
    }

    pub(in crate::room) fn release_intent(&mut self, intent: ReleaseIntent) -> Vec<Effect> {
        match intent {
            ReleaseIntent::OlderRun => self.look_at(self.neighbour(1)),
            ReleaseIntent::NewerRun => self.look_at(self.neighbour(-1)),
            ReleaseIntent::NextWorkflow => self.look_at(self.next_workflow()),
            ReleaseIntent::Follow => self.look_at(self.run().map(|run| run.id.id)),
            ReleaseIntent::OpenLog => self.open_log(),
            ReleaseIntent::Search => {
                self.view.prompt = Some(Prompt::new(PromptKind::SearchJobLog));
                Vec::new()
            }
            ReleaseIntent::NextHit => self.step_hit(1),
            ReleaseIntent::PreviousHit => self.step_hit(-1),
            ReleaseIntent::Browse => self.address().map(Effect::Open).into_iter().collect(),
            ReleaseIntent::CopyAddress => self.address().map(Effect::Copy).into_iter().collect(),
        }
    }

    /// What has to be read for what is looked at.
    #[must_use]
    pub fn attention(&self) -> Attention {
        let looking = &self.view.release;
        Attention { run: looking.run, log: looking.log.as_ref().map(|log| log.job) }
    }

    fn look_at(&mut self, run: Option<u64>) -> Vec<Effect> {
        let Some(run) = run else { return Vec::new() };
        let own = self.run().map(|run| run.id.id);
        self.view.release.run = Some(run).filter(|run| Some(*run) != own);
        self.view.release.row = None;
        vec![Effect::Attend(self.attention())]
    }

    /// The run `by` further back among those of the shown run's workflow.
    fn neighbour(&self, by: isize) -> Option<u64> {
        let shown = self.shown_run();
        let runs = &self.repository()?.runs;
        let same: Vec<&Run> =
            runs.iter().filter(|run| shown.is_none_or(|shown| shown.path == run.path)).collect();
        let here = same.iter().position(|run| shown.is_some_and(|shown| shown.id.id == run.id.id));
        let there = match here {
            Some(here) => here.checked_add_signed(by)?,
            // The release's own run is older than all that are known.
            None if by < 0 => same.len().checked_sub(1)?,
            None => return None,
        };
        same.get(there).map(|run| run.id.id)
    }

    fn next_workflow(&self) -> Option<u64> {
        let runs = &self.repository()?.runs;
        let mut paths: Vec<&str> = Vec::new();
        for run in runs {
            if !paths.contains(&run.path.as_str()) {
                paths.push(&run.path);
            }
        }
        let here = self.shown_run().and_then(|shown| paths.iter().position(|path| *path == shown.path));
        let next = *paths.get(here.map_or(0, |here| (here + 1) % paths.len().max(1)))?;
        runs.iter().find(|run| run.path == next).map(|run| run.id.id)
    }

    fn open_log(&mut self) -> Vec<Effect> {
        let Some(job) = self.chosen_job() else {
            let words = "nothing of this line has begun: it has no log".to_owned();
            self.notice(Notice { urgency: Urgency::Info, words });
            return Vec::new();
        };
        let log = OpenLog { job: job.id, name: job.name.clone(), read: None, search: None };
        self.view.release.log = Some(log);
        self.view.overlay = Some(Overlay::JobLog);
        // Its end: there stands what went wrong.
        self.view.overlay_offset = usize::MAX;
        vec![Effect::Attend(self.attention())]
    }

    /// Takes in a log that was asked for; of any other job it comes too late.
    pub(in crate::room) fn job_log(&mut self, mut read: JobLog) {
        let Some(log) = self.view.release.log.as_mut().filter(|log| log.job == read.job) else { return };
        if let Ok(lines) = &mut read.lines
            && let Some(surplus @ 1..) = lines.len().checked_sub(MOST_LINES)
        {
            lines.drain(..surplus);
            read.cut = true;
        }
        log.read = Some(read);
        if let Some(search) = log.search.take() {
            log.search(&search.text);
        }
    }

    /// Forgets the log when what it lay in was closed.
    pub(in crate::room) fn leave_log(&mut self) -> Vec<Effect> {
        if self.view.overlay == Some(Overlay::JobLog) || self.view.release.log.take().is_none() {
            return Vec::new();
        }
        vec![Effect::Attend(self.attention())]
    }

    /// Searches the open log; no text ends the search.
    pub(in crate::room) fn search_job_log(&mut self, text: &str) {
        if let Some(log) = &mut self.view.release.log {
            log.search(text);
        }
        self.go_to_hit();
    }

    fn step_hit(&mut self, by: isize) -> Vec<Effect> {
        if let Some(search) = self.view.release.log.as_mut().and_then(|log| log.search.as_mut()) {
            search.step(by);
        }
        self.go_to_hit();
        Vec::new()
    }

    fn go_to_hit(&mut self) {
        let search = self.view.release.log.as_ref().and_then(|log| log.search.as_ref());
        if let Some(line) = search.and_then(LogSearch::line) {
            // With some lines of what led to it.
            self.view.overlay_offset = line.saturating_sub(3);
        }
    }

    /// The address of the shown run; while there is none, of the pull request.
    fn address(&mut self) -> Option<String> {
        let request = self.pull_request().map(|request| &request.url);
        let address = self.shown_run().map(|run| &run.url).or(request).filter(|url| !url.is_empty()).cloned();
        if address.is_none() {
            let words = "neither a run nor a pull request is known".to_owned();
            self.notice(Notice { urgency: Urgency::Warning, words });
        }
        address
    }
}
