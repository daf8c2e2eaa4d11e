//! The executor: the only part of the program that changes the cluster. Two lanes,
//! one guard each; intent before the call, outcome after it, the truth read from the
//! cluster when an answer is lost. Nothing is retried blindly.

mod call;
mod check;
mod close;
mod deploy;
mod doubt;
mod finding;
mod follow;
mod fresh;
mod github;
mod guard;
mod job;
mod lanes;
mod papers;
mod patch;
mod report;
mod retire;
mod rights;
mod rollback;
mod rollout;
mod settle;
mod switch;
mod tunnel;
mod verify;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

use self::guard::blocked_by;
use self::job::{Job, not_done};
use self::lanes::Lanes;
use self::papers::{Papers, RecordChange};
use self::report::Reporter;
use self::rights::Rights;
use self::world::World;
use crate::clock::Clock;
use crate::config::Environment;
use crate::journal::{Before, Journal, LockChange, What, state_directory};
use crate::room::message::{Body, Conclusion, Draft, Message, Observation, Outcome, Urgency};
use crate::sop::command::{Command, Operator};
use crate::sop::interlock::InterlockId;
use crate::sop::note::Note;
use crate::sop::operation::{Action, Order};
use crate::sop::record::{OperationResult, OutcomeRecord};
use crate::sources::kubernetes::Connection;
use crate::warroom::{Acquired, DeployLock, Holding, Loss, Place, SharedRecord, TakeOver};

/// How long an end may wait for its paperwork.
const PAPERS_LIMIT: Duration = Duration::from_secs(5);
/// The same after a rollback.
const PAPERS_LIMIT_SHORT: Duration = Duration::from_secs(1);
/// How long the program's end may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(800);
/// What the end itself has to say gets this much more.
const LAST_WORDS: Duration = Duration::from_millis(150);

/// Pause between two rounds of settling while something is open.
const SETTLE_PAUSE: Duration = Duration::from_secs(10);

/// What an executor is made of.
#[derive(Clone, Debug)]
pub struct ExecutorSetting {
    /// Its `read_only` refuses every change, whoever asks.
    pub environment: Arc<Environment>,
    /// Pinned: everything goes through it, so no later edit of the kubeconfig can
    /// turn an order to another cluster.
    pub connection: Connection,
    pub operator: Operator,
    pub clock: Clock,
    /// Where outcomes and observations go.
    pub room: Sender<Message>,
}

/// The only writer. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Executor {
    world: Arc<World>,
    room: Sender<Message>,
}

impl Executor {
    /// An executor with its journal in the [`state_directory`]. Nothing is asked of
    /// the cluster yet. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(setting: ExecutorSetting) -> Self {
        let directory = state_directory().ok();
        Self::with_state(setting, directory.as_deref())
    }

    /// [`Executor::new`] with its journal in another directory.
    #[must_use]
    pub fn with_state(setting: ExecutorSetting, directory: Option<&Path>) -> Self {
        let ExecutorSetting { environment, connection, operator, clock, room } = setting;
        let names = &environment.kubernetes;
        let place = Place {
            client: connection.client.clone(),
            namespace: connection.namespace.clone(),
            service: names.service.clone(),
            me: operator.clone(),
        };
        let journal = Journal::new(directory, &names.namespace, &names.service, &environment.name);
        let reporter = Reporter::new(room.clone(), clock);
        let me = operator.identity();
        let papers = Papers::new(journal, SharedRecord::new(&place), me.clone(), &reporter);
        let on_loss = tell_loss(papers.clone(), reporter.clone());
        let holding = Holding::new(DeployLock::new(&place), me, clock, on_loss);
        let github = environment.github.clone().map(github::GitHub::new);
        let world = World {
            read_only: environment.read_only,
            environment,
            connection,
            operator,
            clock,
            reporter,
            papers,
            holding,
            lanes: Lanes::default(),
            rights: Rights::default(),
            github,
            turn: tokio::sync::Mutex::default(),
        };
        Self { world: Arc::new(world), room }
    }

    /// Carries an order out, and tells every step of it. Ends when the world was seen
    /// to be as ordered, or not.
    pub async fn execute(&self, order: Order) -> Conclusion {
        let (id, action) = (order.id.clone(), order.action.clone());
        self.world.reporter.outcome(Outcome::Began { id: id.clone(), action }).await;
        let conclusion = self.conclude(order).boxed().await;
        self.world.reporter.outcome(Outcome::Ended { id, conclusion: conclusion.clone() }).await;
        conclusion
    }

    async fn conclude(&self, order: Order) -> Conclusion {
        if self.world.read_only && order.action.changes_the_world() {
            return read_only();
        }
        let lane = match self.world.lanes.enter(&order.id, &order.action) {
            Ok(lane) => lane,
            Err(taken) => {
                return not_done(format!("not begun, nothing was changed: a {} is under way", taken.kind));
            }
        };
        let job = Arc::new(Job::new(Arc::clone(&self.world), order, lane.stop.clone()));
        let (conclusion, limit) = match job.order.action.clone() {
            Action::Rollback { way } => {
                if let Some(kind) = self.world.lanes.overtake().await {
                    let words = format!("the {kind} under way is no longer followed");
                    self.world.reporter.notice(Urgency::Info, words).await;
                }
                (rollback::run(&job, &way).boxed().await, PAPERS_LIMIT_SHORT)
            }
            action => (ordinary(&job, &action).boxed().await, PAPERS_LIMIT),
        };
        self.write_end(&job, &conclusion);
        self.world.papers.all_written(limit).await;
        conclusion
    }

    fn write_end(&self, job: &Job, conclusion: &Conclusion) {
        if job.is_left_open() {
            return;
        }
        let result = match conclusion {
            Conclusion::Verified { .. } => OperationResult::Verified,
            Conclusion::AppliedNotVerified { .. } => OperationResult::AppliedNotVerified,
            Conclusion::Failed { .. } => OperationResult::Failed,
            Conclusion::Blocked { .. } => OperationResult::Blocked,
        };
        let outcome =
            OutcomeRecord { result, at: job.now().wall, words: conclusion.words(), settled_by: None };
        let papers = &self.world.papers;
        papers.owe_journal(What::Outcome { id: job.id().clone(), outcome: outcome.clone() });
        if job.is_in_record() {
            papers.owe_record(RecordChange::Settle(job.id().clone(), outcome));
        }
    }

    /// Writes a note down for all operators, and into the journal. Nobody has to be in
    /// command for it.
    pub async fn note(&self, note: Note) {
        let world = &self.world;
        if world.read_only {
            world.reporter.notice(Urgency::Warning, "read-only: it is not written down").await;
            return;
        }
        world.papers.owe_journal(What::Note { note: note.clone() });
        world.papers.owe_record(RecordChange::Note(note));
        world.papers.all_written(PAPERS_LIMIT).await;
    }

    /// What the pull request of the release may say, from its change log; why that is not
    /// in it, where it is not.
    pub async fn draft(&self) -> (Draft, Option<String>) {
        match &self.world.github {
            Some(github) => github::draft(github).boxed().await,
            None => (Draft::default(), None),
        }
    }

    /// Tells the room what its pull request may say.
    pub async fn offer_draft(&self) {
        let (draft, missing) = self.draft().await;
        if let Some(why) = missing {
            self.world.reporter.notice(Urgency::Warning, why).await;
        }
        let body = Body::Observation(Observation::Draft { draft, edited: false });
        // Nobody listens any more when the program ends.
        let _ = self.room.send(Message { at: self.world.clock.now(), body }).await;
    }

    /// Takes command without changing anything else; from somebody else only with a
    /// reason. What came of it is told as [`Outcome::Command`].
    pub async fn take_command(&self, reason: Option<String>) {
        let world = &self.world;
        if world.read_only {
            self.say_command("read-only: command is not taken".to_owned(), Urgency::Warning).await;
            return;
        }
        let take_over = if reason.is_some() { TakeOver::Now } else { TakeOver::WhenFree };
        match world.holding.acquire(take_over).await {
            Ok(Acquired::Held { already: true, .. }) => {
                self.say_command("you are in command already".to_owned(), Urgency::Info).await;
            }
            Ok(Acquired::Held { fence, from, .. }) => {
                let from = from.map(|from| format!(" from {}", Operator::shown(&from))).unwrap_or_default();
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let words = format!("{} took command{from}{reason}", world.operator);
                let change = LockChange::Taken;
                world.papers.owe_journal(What::Command { change, fence: Some(fence), words: words.clone() });
                self.say_command(words, Urgency::Info).await;
            }
            Ok(Acquired::Foreign(command)) => {
                let holder =
                    command.holder(&world.operator).map_or("somebody else", |(user, _)| user).to_owned();
                let words = format!("{holder} is in command: ask, or take over with a reason");
                self.say_command(words, Urgency::Warning).await;
            }
            Err(error) => self.say_command(error.to_string(), Urgency::Warning).await,
        }
    }

    /// Gives command up, best effort; call it at the end too, with a time limit.
    pub async fn give_up_command(&self) {
        match self.world.holding.give_up().await {
            Ok(None) => {}
            Ok(Some(fence)) => {
                let words = format!("{} gave command up", self.world.operator);
                let change = LockChange::GivenUp;
                let papers = &self.world.papers;
                papers.owe_journal(What::Command { change, fence: Some(fence), words: words.clone() });
                self.say_command(words, Urgency::Info).await;
            }
            Err(error) => {
                let words = format!("command is no longer held; the lock expires by itself: {error}");
                self.say_command(words, Urgency::Warning).await;
            }
        }
    }

    /// Settles operations that an earlier run of this program or a colleague's left
    /// open. May wait until it is sure that their session is gone: spawn it.
    pub async fn settle(&self) {
        settle::run(&self.world).boxed().await;
        self.world.papers.all_written(PAPERS_LIMIT).await;
    }

    /// The end of the program: gives command up and writes what is owed, both best
    /// effort and within a second.
    pub async fn close(&self) {
        let papers = &self.world.papers;
        let giving_up = tokio::time::timeout(CLOSE_LIMIT, self.give_up_command());
        let _ = tokio::join!(giving_up, papers.all_written(CLOSE_LIMIT));
        papers.all_written(LAST_WORDS).await;
    }

    /// Watches the war room for the room: who is in command, what the record says.
    /// Settles what was left open, at the start and whenever the record shows more of
    /// it. Ends when the room is closed.
    pub async fn watch(self) {
        let (open, mut opened) = watch::channel(Vec::new());
        let world = &self.world;
        let watching = crate::warroom::watch(
            world.holding.clone(),
            world.papers.record.clone(),
            self.room.clone(),
            world.clock,
            open,
        );
        let settling = async {
            loop {
                self.settle().await;
                tokio::time::sleep(SETTLE_PAUSE).await;
                while opened.borrow_and_update().is_empty() {
                    if opened.changed().await.is_err() {
                        return std::future::pending().await;
                    }
                }
            }
        };
        tokio::select! {
            () = watching => {}
            () = settling => {}
        }
    }

    /// Who is in command, as far as this session knows.
    #[must_use]
    pub fn command(&self) -> Command {
        self.world.holding.command()
    }

    /// Where the journal is, for messages.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.world.papers.journal
    }

    async fn say_command(&self, words: String, urgency: Urgency) {
        self.world.reporter.outcome(Outcome::Command { words, urgency }).await;
    }
}

fn read_only() -> Conclusion {
    blocked_by(InterlockId::Writable, "read-only: this program was told to change nothing")
}

/// Everything but a rollback.
async fn ordinary(job: &Job, action: &Action) -> Conclusion {
    let _turn = match action.changes_the_world() {
        true => Some(job.world.turn.lock().await),
        false => None,
    };
    if action.kind().is_on_github() {
        return github::run(job).boxed().await;
    }
    let fresh = match guard::pass(job).boxed().await {
        Ok(fresh) => fresh,
        Err(conclusion) => {
            if !job.is_in_record() {
                note_refused(job);
            }
            return conclusion;
        }
    };
    match action {
        Action::Deploy { colour, image } => deploy::run(job, &fresh, *colour, image).boxed().await,
        Action::Verify { colour } => verify::run(job, &fresh, *colour).boxed().await,
        Action::Switch { to } => switch::run(job, &fresh, *to).boxed().await,
        Action::Retire { colour } => retire::run(job, &fresh, *colour).boxed().await,
        Action::Close => close::run(job, &fresh),
        Action::Rollback { .. } => not_done("a rollback has a lane of its own"),
        _ => not_done("it is done on GitHub"),
    }
}

/// An order that was refused before its intent was written stands in the journal
/// all the same, with its end after it.
fn note_refused(job: &Job) {
    let before = Before { server: Some(job.world.connection.server.clone()), ..Before::default() };
    job.world.papers.owe_journal(What::Intent { order: Box::new(job.order.clone()), before });
}

/// What happens when command is lost: changes stop by themselves, because the guard
/// asks; it is told and journaled. Nothing is rolled back for it.
fn tell_loss(papers: Papers, reporter: Reporter) -> impl Fn(Loss) + Send + Sync + 'static {
    move |loss| {
        let words = format!("{loss}; no change is made until you take command again");
        papers.owe_journal(What::Command { change: LockChange::Lost, fence: None, words: words.clone() });
        reporter.at_once(Outcome::Command { words, urgency: Urgency::Alarm });
    }
}
