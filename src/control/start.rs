//! Starting: the connection first, then everything that needs it, each part watched
//! so that a fault of the program's own becomes a line on the screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Use;
use crate::clock::Clock;
use crate::config::Environment;
use crate::executor::{Executor, ExecutorSetting};
use crate::room::checklist::CheckOrder;
use crate::room::logs::LogOrder;
use crate::room::message::{Attention, Body, LinkState, Message, Notice, Observation, SourceId, Urgency};
use crate::sop::command::Operator;
use crate::sources::kubernetes::{self, Connection};
use crate::sources::logs::{self, LogPod};
use crate::sources::{alerts, checks, github, pagerduty, probe, prometheus};

/// How long to wait before the credentials are tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a part that crashed rests before it is started again.
const REST: Duration = Duration::from_secs(1);
/// What may queue up between a source and the room's inbox.
const QUEUE: usize = 256;

/// All that is needed to start.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) environment: Arc<Environment>,
    pub(super) operator: Operator,
    pub(super) clock: Clock,
    pub(super) purpose: Use,
    pub(super) outbox: mpsc::Sender<Message>,
    pub(super) executor: watch::Sender<Option<Executor>>,
    pub(super) log_order: watch::Receiver<LogOrder>,
    pub(super) log_pods: watch::Receiver<Vec<LogPod>>,
    pub(super) check_order: watch::Receiver<CheckOrder>,
    pub(super) attention: watch::Receiver<Attention>,
    /// The journal's directory where it is not the usual one.
    pub(super) state: Option<PathBuf>,
    pub(super) stop: CancellationToken,
}

impl Start {
    /// Connects, hires the executor and starts the sources that the purpose needs.
    pub(super) async fn run(self) {
        let observations = self.observations();
        // Whatever becomes of the cluster: a release is far from it at first.
        self.github(&observations);
        let Some(connection) = self.connected().await else { return };
        let names = Arc::new(self.environment.kubernetes.clone());
        self.keep("the watch of the pair", {
            let (start, connection, observations) = (self.clone(), connection.clone(), observations.clone());
            move || {
                let (names, stop) = (Arc::clone(&names), start.stop.clone());
                kubernetes::run(connection.clone(), names, start.clock, observations.clone(), stop)
            }
        });
        if self.purpose == Use::Look {
            return;
        }
        let setting = ExecutorSetting {
            connection: connection.clone(),
            environment: Arc::clone(&self.environment),
            operator: self.operator.clone(),
            clock: self.clock,
            room: self.outbox.clone(),
        };
        let executor = match &self.state {
            Some(directory) => Executor::with_state(setting, Some(directory)),
            None => Executor::new(setting),
        };
        self.keep("the watch of command and record", {
            let executor = executor.clone();
            move || executor.clone().watch()
        });
        self.executor.send_replace(Some(executor));
        self.probe(&observations);
        self.measuring_sources(&observations);
        self.evidence(&observations);
        if self.purpose == Use::Screen {
            self.screen_sources(connection, observations);
        }
    }

    /// What only the screen shows.
    fn screen_sources(&self, connection: Connection, observations: mpsc::Sender<Observation>) {
        self.keep("the log streams", {
            let start = self.clone();
            move || {
                let (start, observations) = (start.clone(), observations.clone());
                let client = connection.client.clone();
                async move {
                    let kubernetes = &start.environment.kubernetes;
                    let settings = logs::Settings::new(kubernetes, &start.environment.logs);
                    let (pods, order) = (start.log_pods.clone(), start.log_order.clone());
                    let wrap = Observation::Logs;
                    logs::run(client, &kubernetes.namespace, settings, pods, order, observations, wrap).await;
                }
            }
        });
    }

    /// What the checklist asks outside, and who is on call.
    fn evidence(&self, observations: &mpsc::Sender<Observation>) {
        let checklist = self.environment.checklist.clone().map(Arc::new);
        let wanted = self.purpose == Use::Screen || checklist.is_some();
        if let Some(pagerduty) = self.environment.pagerduty.clone().map(Arc::new).filter(|_| wanted) {
            self.keep("the reading of who is on call", {
                let (start, observations) = (self.clone(), observations.clone());
                move || pagerduty::run(Arc::clone(&pagerduty), observations.clone(), start.stop.clone())
            });
        }
        if let Some(checklist) = checklist {
            let asked = checks::Asked {
                metrics: self.environment.metrics.clone().map(Arc::new),
                database: self.environment.database.clone().map(Arc::new),
                github: self.environment.github.clone().map(Arc::new),
            };
            self.keep("the verifiers of the checklist", {
                let (start, observations) = (self.clone(), observations.clone());
                move || {
                    let (order, stop) = (start.check_order.clone(), start.stop.clone());
                    let (checklist, asked) = (Arc::clone(&checklist), asked.clone());
                    checks::run(checklist, asked, start.clock, order, observations.clone(), stop)
                }
            });
        }
    }

    /// Pull request and pipeline: what the screen shows, what actions rest on, and what the
    /// watch hears of the smoke tests.
    fn github(&self, observations: &mpsc::Sender<Observation>) {
        let Some(config) = self.environment.github.clone().map(Arc::new) else { return };
        if self.purpose == Use::Look {
            return;
        }
        self.keep("the reading of GitHub", {
            let (start, observations) = (self.clone(), observations.clone());
            move || {
                let (config, attention) = (Arc::clone(&config), start.attention.clone());
                github::run(config, start.clock, attention, observations.clone(), start.stop.clone())
            }
        });
    }

    /// The public URL, asked all the time.
    fn probe(&self, observations: &mpsc::Sender<Observation>) {
        self.keep("the probe", {
            let (start, observations) = (self.clone(), observations.clone());
            move || {
                let application = Arc::new(start.environment.application.clone());
                probe::run(application, observations.clone(), start.stop.clone())
            }
        });
    }

    /// Metrics and alerts: what the watch rests on, and before it the switch.
    fn measuring_sources(&self, observations: &mpsc::Sender<Observation>) {
        let metrics = self.environment.metrics.clone().map(Arc::new);
        if let Some(metrics) = &metrics {
            self.keep("the reading of metrics", {
                let (start, observations, metrics) =
                    (self.clone(), observations.clone(), Arc::clone(metrics));
                move || {
                    let (metrics, stop) = (Arc::clone(&metrics), start.stop.clone());
                    prometheus::run(metrics, start.clock, observations.clone(), stop)
                }
            });
        }
        if let Some(alerts) = self.environment.alerts.clone().map(Arc::new) {
            self.keep("the reading of alerts", {
                let (start, observations) = (self.clone(), observations.clone());
                move || {
                    let (alerts, metrics) = (Arc::clone(&alerts), metrics.clone());
                    alerts::run(alerts, metrics, observations.clone(), start.stop.clone())
                }
            });
        }
    }

    /// A channel for observations that ends in the room's inbox.
    fn observations(&self) -> mpsc::Sender<Observation> {
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let (outbox, clock) = (self.outbox.clone(), self.clock);
        tokio::spawn(async move {
            while let Some(observation) = receiver.recv().await {
                let message = Message { at: clock.now(), body: Body::Observation(observation) };
                if outbox.send(message).await.is_err() {
                    return;
                }
            }
        });
        sender
    }

    /// Opens the connection, and tries again as long as only the credentials are in
    /// the way: they may be renewed while the screen is up.
    async fn connected(&self) -> Option<Connection> {
        loop {
            match Connection::open(&self.environment.kubernetes).await {
                Ok(connection) => {
                    let (context, server) = (connection.context.clone(), connection.server.clone());
                    self.tell(Observation::Connected { context, server }).await;
                    return Some(connection);
                }
                Err(error) => {
                    let why = error.to_string();
                    tracing::warn!("no connection: {why}");
                    self.tell(Observation::Link(SourceId::Service, LinkState::Lost { why })).await;
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    async fn tell(&self, observation: Observation) {
        // Nobody listens any more when the program ends.
        let _ =
            self.outbox.send(Message { at: self.clock.now(), body: Body::Observation(observation) }).await;
    }

    /// Runs a part until the end; one that breaks off is told about and started again.
    fn keep<F>(&self, what: &'static str, part: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let start = self.clone();
        tokio::spawn(async move {
            loop {
                let running = tokio::spawn(part());
                let aborted = running.abort_handle();
                tokio::select! {
                    () = start.stop.cancelled() => {
                        aborted.abort();
                        return;
                    }
                    ended = running => match ended {
                        Ok(()) => return,
                        Err(error) => tracing::error!("{what} broke off: {error}"),
                    }
                }
                let words = format!("{what} broke off through a fault of this program and was started again");
                start.tell(Observation::Notice(Notice { urgency: Urgency::Alarm, words })).await;
                tokio::time::sleep(REST).await;
            }
        });
    }
}
