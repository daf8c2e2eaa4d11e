//! Brings the parts together: sources and executor on one side, the room in the
//! middle, the screen or a headless command on the other. One room, one executor,
//! one set of interlocks, whoever gives the orders.

mod autopilot;
mod browser;
pub mod check;
mod faults;
pub mod headless;
mod printer;
pub mod rehearse;
pub mod release;
mod score;
pub mod screen;
mod start;
pub mod status;
pub mod watching;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Environment;
use crate::executor::Executor;
use crate::rehearsal::faults::Faults;
use crate::room::checklist::CheckOrder;
use crate::room::logs::{LogOrder, Logs};
use crate::room::message::{Attention, Body, Draft, Effect, Message, Notice, Outcome, Urgency};
use crate::room::rehearsal::Rehearsal;
use crate::room::{Room, Setting};
use crate::sop::command::Operator;
use crate::sop::moment::Moment;
use crate::sources::logs::{LogPod, log_pods};

/// What may queue up for the room before sources have to wait.
const INBOX: usize = 1024;
/// What is taken from the queue before the screen is looked after again.
const BATCH: usize = 4 * INBOX;
/// How long giving up command may take at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Which sources a use of the program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The full screen: everything.
    Screen,
    /// One action: the pair, the rights, the lock, the record and, for the interlocks that
    /// rest on it, what is measured.
    Action,
    /// Looking on: the pair alone.
    Look,
    /// Watching without a screen: the pair, the lock, the record, what is measured and, for
    /// its smoke tests, the pipeline.
    Watch,
}

/// What a rehearsal adds to a room.
#[derive(Clone, Debug)]
pub struct InRehearsal {
    pub words: Rehearsal,
    /// The switchboard of the world's faults.
    pub faults: Faults,
    /// Where the journal is kept: a rehearsal's never mixes with the real one.
    pub state: PathBuf,
}

/// A room with everything that feeds it and carries out what it asks for.
#[derive(Debug)]
pub struct Control {
    pub room: Room,
    clock: Clock,
    inbox: mpsc::Receiver<Message>,
    outbox: mpsc::Sender<Message>,
    /// Comes when the connection is open.
    executor: watch::Receiver<Option<Executor>>,
    log_order: watch::Sender<LogOrder>,
    log_pods: watch::Sender<Vec<LogPod>>,
    checks: watch::Sender<CheckOrder>,
    /// What is looked at of the repository.
    attention: watch::Sender<Attention>,
    /// `None` in earnest.
    faults: Option<Faults>,
    pilot: Option<rehearse::Pilot>,
    stop: CancellationToken,
    orders: Vec<JoinHandle<()>>,
}

impl Control {
    /// Starts the sources for one environment. Must be called within a tokio runtime;
    /// returns at once, before anything was asked of any server.
    #[must_use]
    pub fn start(environment: Environment, operator: Operator, clock: Clock, purpose: Use) -> Self {
        Self::start_in(environment, operator, clock, purpose, None)
    }

    /// [`Control::start`] in a rehearsal.
    #[must_use]
    pub fn start_in(
        environment: Environment,
        operator: Operator,
        clock: Clock,
        purpose: Use,
        rehearsal: Option<InRehearsal>,
    ) -> Self {
        let (outbox, inbox) = mpsc::channel(INBOX);
        let logs = Logs::new(&environment.logs);
        let (log_order, order) = watch::channel(logs.order());
        let (log_pods, pods) = watch::channel(Vec::new());
        let (checks, check_order) = watch::channel(CheckOrder::default());
        let (attention, attended) = watch::channel(Attention::default());
        let (hired, executor) = watch::channel(None);
        let stop = CancellationToken::new();
        let words = rehearsal.as_ref().map(|rehearsal| rehearsal.words.clone());
        let mut setting = setting(&environment, operator.clone(), words);
        // A single action must not turn into another one.
        setting.policy.automatic_rollback &= matches!(purpose, Use::Screen | Use::Watch);
        if purpose == Use::Look {
            // Nothing is measured then, and nothing must wait for it.
            setting.signals.clear();
            setting.alerts = false;
            setting.github = None;
        }
        let room = Room::new(setting, logs, clock.now());
        let start = start::Start {
            environment: Arc::new(environment),
            operator,
            clock,
            purpose,
            outbox: outbox.clone(),
            executor: hired,
            log_order: order,
            log_pods: pods,
            check_order,
            attention: attended,
            state: rehearsal.as_ref().map(|rehearsal| rehearsal.state.clone()),
            stop: stop.clone(),
        };
        let faults = rehearsal.map(|rehearsal| rehearsal.faults);
        if let Some(faults) = &faults {
            tokio::spawn(faults::follow(faults.clone(), clock, outbox.clone(), stop.clone()));
        }
        tokio::spawn(start.run());
        Self {
            room,
            clock,
            inbox,
            outbox,
            executor,
            log_order,
            log_pods,
            checks,
            attention,
            faults,
            pilot: None,
            stop,
            orders: Vec::new(),
        }
    }

    /// Whether there is an executor to give orders to.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.executor.borrow().is_some()
    }

    /// What the pull request of the release may say; empty while nobody is there to ask.
    pub(super) async fn draft(&self) -> Draft {
        let executor = self.executor.borrow().clone();
        match executor {
            Some(executor) => executor.draft().await.0,
            None => Draft::default(),
        }
    }

    /// The time, for pacing.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Waits for the next message; `None` never happens while this lives.
    pub async fn next(&mut self) -> Option<Message> {
        self.inbox.recv().await
    }

    /// Takes in what comes until the room is so, for at most `limit`; whether it came to be.
    /// What the room wants done meanwhile is nobody's: no operator looks on.
    async fn wait_until(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let limit = tokio::time::sleep(limit);
        tokio::pin!(limit);
        while !is_so(self) {
            tokio::select! {
                () = &mut limit => return false,
                message = self.next() => match message {
                    Some(message) => drop(self.take_all(message)),
                    None => return false,
                },
            }
        }
        true
    }

    /// Takes in `first` and all that has queued up behind it, and returns what is
    /// to be done about it.
    pub fn take_all(&mut self, first: Message) -> Vec<Effect> {
        let mut effects = self.room.update(first);
        for _ in 0..BATCH {
            let Ok(message) = self.inbox.try_recv() else { break };
            effects.extend(self.room.update(message));
        }
        self.point_sources();
        effects
    }

    /// Takes in one message.
    pub fn take_one(&mut self, message: Message) -> Vec<Effect> {
        let effects = self.room.update(message);
        self.point_sources();
        effects
    }

    /// Takes in one message that came from here.
    pub fn take(&mut self, body: Body) -> Vec<Effect> {
        let at = self.clock.now();
        let effects = self.room.update(Message { at, body });
        self.order_checks();
        effects
    }

    /// Looks at the checklist by what has been seen just now, and lets its verifiers know.
    pub fn look_at_checklist(&mut self) {
        self.room.look_at_checklist();
        self.point_sources();
    }

    /// Carries out what does not concern the terminal; returns what does.
    pub fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        effects.into_iter().filter_map(|effect| self.carry_out_one(effect)).collect()
    }

    fn carry_out_one(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Execute(order) => {
                self.with_executor(|executor| async move {
                    executor.execute(order).await;
                });
            }
            Effect::TakeCommand { reason } => {
                self.with_executor(|executor| async move { executor.take_command(reason).await });
            }
            Effect::Note(note) => {
                self.with_executor(|executor| async move { executor.note(note).await });
            }
            Effect::OfferDraft => {
                self.with_executor(|executor| async move { executor.offer_draft().await });
            }
            Effect::GiveUpCommand => {
                self.with_executor(|executor| async move { executor.give_up_command().await });
            }
            Effect::FilterLogs(order) => {
                self.log_order.send_replace(order);
            }
            Effect::Attend(attention) => {
                self.attention.send_replace(attention);
            }
            Effect::SaveLogs { lines, at } => self.save_logs(lines, at),
            Effect::Open(url) if browser::is_within_sight() => self.show(url),
            Effect::ToggleFault(name) => faults::toggle(self.faults.as_ref(), name),
            terminal => return Some(terminal),
        }
        None
    }

    /// Ends in order: command is given up, so that nobody has to wait for it to expire.
    pub async fn leave(mut self) {
        self.stop.cancel();
        let executor = self.executor.borrow().clone();
        if let Some(executor) = executor {
            let _ = tokio::time::timeout(FAREWELL, executor.close()).await;
        }
        for order in self.orders.drain(..) {
            order.abort();
        }
    }

    fn with_executor<F>(&mut self, work: impl FnOnce(Executor) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.orders.retain(|order| !order.is_finished());
        let executor = self.executor.borrow().clone();
        match executor {
            Some(executor) => self.orders.push(tokio::spawn(work(executor))),
            None => self.tell(Urgency::Warning, "not connected yet: nothing was done".into()),
        }
    }

    fn tell(&mut self, urgency: Urgency, words: String) {
        self.take(Body::Outcome(Outcome::Told(Notice { urgency, words })));
    }

    /// Tells the sources of logs and evidence what they are to look at.
    fn point_sources(&self) {
        self.order_checks();
        send_news(&self.log_pods, log_pods(&self.room.world.cluster));
    }

    /// Tells the source of evidence what it is to look at: a key may change that.
    fn order_checks(&self) {
        if self.room.setting.checklist.is_some() {
            send_news(&self.checks, self.room.checklist.order());
        }
    }

    /// Has a page shown in a browser, and tells what came of it.
    fn show(&mut self, url: String) {
        let (outbox, clock) = (self.outbox.clone(), self.clock);
        self.orders.push(tokio::spawn(async move {
            let notice = match browser::show(&url).await {
                Ok(()) => Notice { urgency: Urgency::Info, words: format!("opened {url}") },
                Err(why) => {
                    Notice { urgency: Urgency::Warning, words: format!("{url} was not opened: {why}") }
                }
            };
            // Nobody reads it any more when the program ends.
            let _ =
                outbox.send(Message { at: clock.now(), body: Body::Outcome(Outcome::Told(notice)) }).await;
        }));
    }

    fn save_logs(&mut self, lines: Vec<String>, at: jiff::Timestamp) {
        let (outbox, clock) = (self.outbox.clone(), self.clock);
        let name = format!("{}-{}.log", self.room.setting.service, at.strftime("%Y%m%dT%H%M%SZ"));
        let task = tokio::task::spawn_blocking(move || {
            let notice = match save(&name, &lines) {
                Ok(path) => Notice {
                    urgency: Urgency::Info,
                    words: format!("{} lines saved to {}", lines.len(), path.display()),
                },
                Err(error) => {
                    Notice { urgency: Urgency::Warning, words: format!("the lines were not saved: {error}") }
                }
            };
            let message = Message { at: clock.now(), body: Body::Outcome(Outcome::Told(notice)) };
            // Nobody reads it any more when the program ends.
            let _ = outbox.blocking_send(message);
        });
        self.orders.push(task);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Sends a value that is another than the one before.
fn send_news<T: PartialEq>(to: &watch::Sender<T>, value: T) {
    to.send_if_modified(|known| {
        let changed = *known != value;
        *known = value;
        changed
    });
}

/// Writes lines into the state directory; the file's path.
fn save(name: &str, lines: &[String]) -> std::io::Result<PathBuf> {
    let directory = crate::journal::state_directory().map_err(std::io::Error::other)?.join("logs");
    std::fs::create_dir_all(&directory)?;
    let path = directory.join(name);
    let mut text = lines.join("\n");
    text.push('\n');
    std::fs::write(&path, text)?;
    Ok(path)
}

/// What the room is told of the environment at the start.
fn setting(environment: &Environment, operator: Operator, rehearsal: Option<Rehearsal>) -> Setting {
    let kubernetes = &environment.kubernetes;
    let signals = environment.metrics.iter().flat_map(|metrics| &metrics.signals);
    let signals = signals.map(|watched| watched.signal.clone());
    Setting {
        environment: environment.name.clone(),
        production: environment.production,
        read_only: environment.read_only,
        context: kubernetes.context.clone().unwrap_or_default(),
        server: String::new(),
        namespace: kubernetes.namespace.clone(),
        service: kubernetes.service.clone(),
        selector_key: kubernetes.selector_key.clone(),
        deployments: kubernetes.colours.clone().map(|names| names.deployment),
        url: environment.application.url.clone(),
        api_path: environment.application.api_path.clone(),
        operator,
        zone: environment.time_zone.zone.clone(),
        zone_label: environment.time_zone.label.clone(),
        policy: environment.policy.clone(),
        signals: signals.collect(),
        alerts: environment.alerts.is_some(),
        duty: environment.pagerduty.is_some(),
        dashboard: environment.metrics.as_ref().and_then(|metrics| metrics.dashboard.clone()),
        github: environment.github.as_ref().map(|github| github.setting.clone()),
        stages: environment.github.as_ref().map(|github| github.stages.clone()).unwrap_or_default(),
        checklist: environment.checklist.clone().map(Arc::new),
        hotfix: environment.hotfix,
        rehearsal,
    }
}
