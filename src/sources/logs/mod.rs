//! Follows the logs of both colours' pods.
//!
//! A task for each followed pod reads its stream, remembers what was seen and finds its
//! way back after a lost connection ([`stream`]). One task above them decides which pods
//! are followed, puts their lines in order and sends batches to the room ([`follow`]).
//! Every queue between them is bounded: when the room is slow, the streams wait, and the
//! nodes keep the lines.

mod connect;
mod follow;
mod plan;
mod reader;
mod resume;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::config;
use crate::room::logs::{LogEvent, LogOrder};
use crate::sop::cluster::{Cluster, PodState};
use crate::sop::colour::Colour;

/// A pod whose log may be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPod {
    pub name: Arc<str>,
    pub colour: Colour,
    /// Tells a pod from a later one of the same name.
    pub created: Option<Timestamp>,
    /// Its containers have been started: it has a log.
    pub started: bool,
    /// Something is wrong with it: such pods are followed first.
    pub failing: bool,
    pub restarts: i32,
}

impl LogPod {
    /// The pod, when it belongs to a colour.
    #[must_use]
    pub fn of(pod: &PodState) -> Option<Self> {
        let started = !matches!(pod.phase.as_str(), "Pending" | "");
        Some(Self {
            name: pod.name.as_str().into(),
            colour: pod.colour?,
            created: pod.created,
            started,
            failing: pod.reason.is_some()
                || pod.phase == "Failed"
                || (started && !pod.ready && !pod.terminating),
            restarts: pod.restarts,
        })
    }
}

/// The pods of both colours, as [`run`] wants them.
#[must_use]
pub fn log_pods(cluster: &Cluster) -> Vec<LogPod> {
    cluster.pods.values().filter_map(LogPod::of).collect()
}

/// What is read of each pod, and of how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The container whose log is read.
    pub container: String,
    /// Lines of each pod to begin with.
    pub tail: u32,
    /// Most pods followed at once.
    pub max_streams: usize,
    timing: Timing,
}

impl Settings {
    /// As configured.
    #[must_use]
    pub fn new(kubernetes: &config::Kubernetes, logs: &config::Logs) -> Self {
        Self {
            container: kubernetes.container.clone(),
            tail: logs.tail,
            max_streams: logs.max_streams.max(1),
            timing: Timing::default(),
        }
    }
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timing {
    /// How long lines are held to be put in order.
    window: Duration,
    /// How long all lines are held at the start, until every pod has answered.
    opening: Duration,
    /// At most one message to the room in this time.
    batch_every: Duration,
    /// How often changes of the list of pods are looked at.
    plan_every: Duration,
    /// How often the number of lines read is told when none was captured.
    count_every: Duration,
    /// A stream that is silent for this long is opened anew: the connection may be dead.
    idle: Duration,
    /// The same once the container or the pod is known to have ended.
    idle_at_end: Duration,
    /// A connection that lived this long has brought all that the log held when it was
    /// made, and a log that ended like this for so long has ended.
    settled: Duration,
    /// The first and the longest pause before another attempt.
    retry: (Duration, Duration),
    /// How long reading a previous run's log may take.
    previous: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(300),
            opening: Duration::from_secs(2),
            batch_every: Duration::from_millis(100),
            plan_every: Duration::from_millis(250),
            count_every: Duration::from_secs(1),
            idle: Duration::from_secs(60),
            idle_at_end: Duration::from_secs(5),
            settled: Duration::from_secs(2),
            retry: (Duration::from_millis(250), Duration::from_secs(15)),
            previous: Duration::from_secs(15),
        }
    }
}

/// Follows the logs of the pods in `pods` as `orders` says, until one of the channels is
/// closed. Dropping the future ends every stream.
///
/// `events` is filled with what `wrap` makes of each [`LogEvent`]; when it is full, the
/// streams wait.
pub async fn run<T: Send>(
    client: kube::Client,
    namespace: &str,
    settings: Settings,
    pods: watch::Receiver<Vec<LogPod>>,
    orders: watch::Receiver<LogOrder>,
    events: mpsc::Sender<T>,
    wrap: impl Fn(LogEvent) -> T + Send,
) {
    let connect = Arc::new(connect::Cluster::new(client, namespace, &settings.container));
    follow::Follow::new(connect, settings, pods, orders).run(&events, wrap).await;
}

#[cfg(test)]
mod tests;
