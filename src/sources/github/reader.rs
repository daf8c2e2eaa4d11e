//! One round of looking at GitHub, and what is remembered between two.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::client::{Client, Trouble};
use super::read::Questions;
use super::{choice, fresh, log, usual};
use crate::clock::Clock;
use crate::config::GitHub;
use crate::room::message::Attention;
use crate::sop::pipeline::{Job, Run};
use crate::sop::pull_request::PullRequest;
use crate::sop::repository::{ReleaseChoice, Repository};
use usual::Usually;

/// What can no longer change much is read again after so many intervals.
const SETTLED: u32 = 12;
/// The pause before what is usual is asked for.
const SOON: Duration = Duration::from_secs(1);
/// Logs of failed jobs that are read in one round.
const LOGS_A_ROUND: usize = 3;

/// Reads pull request and pipeline; made once.
#[derive(Debug)]
pub struct Reader {
    config: Arc<GitHub>,
    client: Arc<Client>,
    clock: Clock,
    /// Once it was told; within it `None` where the token is nobody's.
    user: Option<Option<String>>,
    /// The number of the release's pull request.
    chosen: Option<u64>,
    /// A merged pull request, and when it was read.
    merged: Option<(Instant, PullRequest)>,
    usually: Usually,
    failures: Vec<(u64, Vec<String>)>,
    /// What was read last.
    last: Repository,
}

impl Reader {
    /// A reader of which nothing was asked yet.
    ///
    /// # Errors
    /// In the operator's words, when certificates or headers cannot be used.
    pub async fn new(config: Arc<GitHub>, clock: Clock) -> Result<Self, String> {
        let client = Arc::new(Client::new(&config).await?);
        Ok(Self {
            client,
            config,
            clock,
            user: None,
            chosen: None,
            merged: None,
            usually: Usually::default(),
            failures: Vec::new(),
            last: Repository::default(),
        })
    }

    /// The connection.
    pub(super) const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// How long to wait before the next round, after one that went well.
    pub(super) fn pause(&self) -> Duration {
        let pause = choice::pause(&self.last, self.config.interval, self.now());
        if self.usually.is_new() { pause.min(SOON) } else { pause }
    }

    fn now(&self) -> Timestamp {
        self.clock.now().wall
    }

    /// Looks once.
    ///
    /// # Errors
    /// When something that is needed has no answer; what was read before still stands.
    pub async fn round(&mut self, attention: Attention) -> Result<Repository, Trouble> {
        let config = Arc::clone(&self.config);
        let client = Arc::clone(&self.client);
        let questions = Questions { client: &client, setting: &config.setting };
        let mut unread = Unread { client: &client, lines: Vec::new() };
        if self.user.is_none() {
            self.user = Some(unread.allow("whose token this is", questions.user().await)?);
        }
        let mut runs = questions.newest_runs().await?;
        let request = self.request(questions, &runs, &mut unread).await?;
        let mut run = self.run(questions, &runs, request.as_ref()).await?;
        if let Some(run) = &mut run {
            details(questions, run, &mut unread).await?;
            self.failed(questions, run, &mut unread).await?;
        }
        self.look_at(questions, attention, &mut runs, run.as_ref(), &mut unread).await?;
        // What is usual can wait until something is on the screen.
        if self.last != Repository::default() && self.usually.is_due(Instant::now()) {
            let read = self.usually.read(questions, &config.stages).await;
            unread.lines.extend(read.err().map(|trouble| format!("usual durations: {}", trouble.words())));
        }
        let repository = Repository {
            user: self.user.clone().flatten(),
            version: match &config.release {
                ReleaseChoice::Version(version) => Some(version.clone()),
                _ => None,
            },
            pull_request: request,
            runs,
            run,
            usual: self.usually.jobs.clone(),
            usual_stages: self.usually.stages.clone(),
            failures: self.failures.clone(),
            rate: client.rate(),
            unread: unread.lines,
        };
        self.last = repository.clone();
        Ok(repository)
    }

    /// The release's pull request: the one that was chosen, until it is done with.
    async fn request(
        &mut self,
        questions: Questions<'_>,
        runs: &[Run],
        unread: &mut Unread<'_>,
    ) -> Result<Option<PullRequest>, Trouble> {
        let found = self.config.release == ReleaseChoice::Found;
        if found && self.last.is_done_with(self.now()) {
            self.chosen = None;
        }
        let number = match self.chosen {
            Some(number) => number,
            None => match self.choose(questions, runs, unread).await? {
                Some(number) => number,
                None => return Ok(None),
            },
        };
        self.chosen = Some(number);
        let settled = SETTLED * self.config.interval;
        if let Some((read, request)) = &self.merged
            && request.number == number
            && read.elapsed() < settled
        {
            return Ok(Some(request.clone()));
        }
        let pull = questions.pull(number).await?;
        let mut request = questions.whole(&pull).await?;
        request.checks = unread.allow("checks", questions.checks(&request.head.sha).await)?;
        self.merged = choice::merged(&request).is_some().then(|| (Instant::now(), request.clone()));
        Ok(Some(request))
    }

    /// The number of the pull request that is to be followed.
    async fn choose(
        &self,
        questions: Questions<'_>,
        runs: &[Run],
        unread: &mut Unread<'_>,
    ) -> Result<Option<u64>, Trouble> {
        let setting = &self.config.setting;
        match &self.config.release {
            ReleaseChoice::PullRequest(number) => Ok(Some(*number)),
            ReleaseChoice::Version(version) => {
                let pulls = questions.recent_pulls().await?;
                let named = pulls.iter().find(|pull| choice::is_of_version(&pull.title, version));
                if named.is_none() {
                    let base = &setting.base_branch;
                    unread.lines.push(format!("no pull request to {base} names {version} in its title"));
                }
                Ok(named.map(|pull| pull.number))
            }
            // What is deployed from the branch that it is pushed to has no pull request.
            ReleaseChoice::Found if setting.head_branch == setting.base_branch => Ok(None),
            ReleaseChoice::Found => {
                if let Some(open) = questions.open_pulls().await?.first() {
                    return Ok(Some(open.number));
                }
                let Some(run) = choice::newest(runs, setting) else { return Ok(None) };
                Ok(fresh::request_of(questions, &run.head).await?.map(|request| request.number))
            }
        }
    }

    /// The run that is followed. A pull request that is open has none yet.
    async fn run(
        &self,
        questions: Questions<'_>,
        runs: &[Run],
        request: Option<&PullRequest>,
    ) -> Result<Option<Run>, Trouble> {
        match request {
            None if self.config.release == ReleaseChoice::Found => {
                Ok(choice::newest(runs, &self.config.setting).cloned())
            }
            None => Ok(None),
            Some(request) => match choice::merged(request) {
                None => Ok(None),
                Some(commit) => Ok(choice::run_of(&questions.runs_of(commit).await?, commit).cloned()),
            },
        }
    }

    /// Another run that somebody looks at.
    async fn look_at(
        &self,
        questions: Questions<'_>,
        attention: Attention,
        runs: &mut Vec<Run>,
        followed: Option<&Run>,
        unread: &mut Unread<'_>,
    ) -> Result<(), Trouble> {
        let Some(id) = attention.run.filter(|id| followed.is_none_or(|run| run.id.id != *id)) else {
            return Ok(());
        };
        let at = match runs.iter().position(|run| run.id.id == id) {
            Some(at) => at,
            None => {
                runs.push(questions.run(id).await?);
                runs.len() - 1
            }
        };
        if let Some(run) = runs.get_mut(at) {
            details(questions, run, unread).await?;
        }
        Ok(())
    }

    /// The last lines of failed jobs' logs; of each job once.
    async fn failed(
        &mut self,
        questions: Questions<'_>,
        run: &Run,
        unread: &mut Unread<'_>,
    ) -> Result<(), Trouble> {
        self.failures.retain(|(id, _)| run.jobs.iter().any(|job| job.id == *id));
        let known = |job: &&Job| self.failures.iter().any(|(id, _)| *id == job.id);
        let failed = run.jobs.iter().filter(|job| job.state.is_bad() && job.started.is_some());
        let missing: Vec<u64> =
            failed.filter(|job| !known(job)).map(|job| job.id).take(LOGS_A_ROUND).collect();
        for id in missing {
            let read = log::read(questions.client, &questions.setting.repository, id).await;
            // A log is a help, not a need: whatever keeps it away, the rest is shown.
            match read {
                Ok((lines, _)) => self.failures.push((id, log::excerpt(&lines))),
                Err(trouble) => unread.lines.push(trouble.words().to_owned()),
            }
        }
        Ok(())
    }
}

/// Jobs, approvals and decisions of a run.
async fn details(questions: Questions<'_>, run: &mut Run, unread: &mut Unread<'_>) -> Result<(), Trouble> {
    let waits = !run.state.is_over();
    let (jobs, waiting, decisions) = tokio::join!(
        questions.jobs(&run.id),
        async { if waits { questions.pending(run.id.id).await } else { Ok(Vec::new()) } },
        questions.decisions(run.id.id),
    );
    run.jobs = jobs?;
    run.waiting = unread.allow("what the run waits for", waiting)?;
    run.decisions = unread.allow("approvals", decisions)?;
    Ok(())
}

/// What may be missing: this token may not see everything.
pub(super) struct Unread<'c> {
    client: &'c Client,
    lines: Vec<String>,
}

impl Unread<'_> {
    /// What was read, or nothing where GitHub does not let us; anything else is trouble.
    fn allow<T: Default>(&mut self, what: &str, read: Result<T, Trouble>) -> Result<T, Trouble> {
        match read {
            Err(trouble)
                if self.client.rest().is_none() && matches!(trouble.status(), Some(403 | 404 | 410)) =>
            {
                self.lines.push(format!("{what}: {}", trouble.words()));
                Ok(T::default())
            }
            other => other,
        }
    }
}
