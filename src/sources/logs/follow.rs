//! The task above the streams: which pods are followed, what is sent when.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::connect::Connect;
use super::plan::plan;
use super::stream::{Now, Position, Report, State, Stream, Wanted};
use super::{LogPod, Settings};
use crate::room::logs::{
    Entry, LogBatch, LogEvent, LogNews, LogOrder, Merge, Origin, StreamStatus, sanitise_text,
};

/// Most entries held to be put in order.
const HELD: usize = 4_096;

/// Most entries in one message.
const BATCH: usize = 2_048;

/// Reports of all streams under way.
const REPORTS: usize = 16;

/// A pod, told from a later one of the same name.
type Key = (Arc<str>, Option<Timestamp>);

/// What a stream said, and which one.
type Told = (u64, Report);

/// A stream that is running.
#[derive(Debug)]
struct Running {
    key: Key,
    now: watch::Sender<Now>,
    state: State,
}

/// Keeps the streams and sends what they say.
#[derive(Debug)]
pub(super) struct Follow<C> {
    connect: Arc<C>,
    settings: Settings,
    pods: watch::Receiver<Vec<LogPod>>,
    orders: watch::Receiver<LogOrder>,
    order: LogOrder,
    streams: HashMap<u64, Running>,
    /// How far the logs were read whose streams were stopped for others.
    positions: HashMap<Key, Position>,
    tasks: JoinSet<Position>,
    /// Which stream a task runs.
    owners: HashMap<Id, u64>,
    reports: (mpsc::Sender<Told>, mpsc::Receiver<Told>),
    merge: Merge<Entry>,
    read: Arc<AtomicU64>,
    started: Instant,
    last_batch: Duration,
    last_status: Duration,
    last_plan: Duration,
    /// The status that the room has; `None` when it has none of this order.
    told: Option<StreamStatus>,
    /// The status may be another one than the room has.
    status_changed: bool,
    /// Some stream has not answered for the first time since the order.
    opening: bool,
    left_out: Vec<Arc<str>>,
    /// Pods that no container was started in yet.
    not_started: Vec<Arc<str>>,
    total: usize,
    next_id: u64,
}

impl<C: Connect> Follow<C> {
    pub(super) fn new(
        connect: Arc<C>,
        settings: Settings,
        pods: watch::Receiver<Vec<LogPod>>,
        orders: watch::Receiver<LogOrder>,
    ) -> Self {
        let order = orders.borrow().clone();
        let merge = Merge::new(settings.timing.window, HELD);
        Self {
            connect,
            settings,
            pods,
            orders,
            order,
            streams: HashMap::new(),
            positions: HashMap::new(),
            tasks: JoinSet::new(),
            owners: HashMap::new(),
            reports: mpsc::channel(REPORTS),
            merge,
            read: Arc::default(),
            started: Instant::now(),
            last_batch: Duration::ZERO,
            last_status: Duration::ZERO,
            last_plan: Duration::ZERO,
            told: None,
            status_changed: true,
            opening: true,
            left_out: Vec::new(),
            not_started: Vec::new(),
            total: 0,
            next_id: 0,
        }
    }

    /// Runs until a channel is closed.
    pub(super) async fn run<T>(mut self, events: &mpsc::Sender<T>, wrap: impl Fn(LogEvent) -> T) {
        self.begin();
        loop {
            let now = self.now();
            let wake = self.next_wake(now);
            let may_plan = now >= self.plan_again();
            let open = !self.merge.is_full();
            tokio::select! {
                biased;
                changed = self.orders.changed() => match changed {
                    Ok(()) => self.begin(),
                    Err(_) => return,
                },
                changed = self.pods.changed(), if may_plan => match changed {
                    Ok(()) => self.reconcile(),
                    Err(_) => return,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                permit = events.reserve(), if wake <= now => match permit {
                    Ok(permit) => if let Some(news) = self.news() {
                        permit.send(wrap(LogEvent { generation: self.order.generation, news }));
                    },
                    Err(_) => return,
                },
                Some((id, report)) = self.reports.1.recv(), if open => self.hear(id, report),
                () = sleep(wake.saturating_sub(now)), if wake > now => {}
                () = events.closed() => return,
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Begins again as the order says: no stream, nothing held, nothing seen.
    fn begin(&mut self) {
        self.order = self.orders.borrow_and_update().clone();
        self.tasks = JoinSet::new();
        self.owners.clear();
        self.streams.clear();
        self.positions.clear();
        self.reports = mpsc::channel(REPORTS);
        self.read = Arc::default();
        self.told = None;
        self.merge.clear();
        self.merge.hold(self.now() + self.settings.timing.opening);
        self.opening = true;
        self.reconcile();
    }

    /// When the next change of the pods is looked at.
    fn plan_again(&self) -> Duration {
        self.last_plan + self.settings.timing.plan_every
    }

    /// Starts and stops streams until they are those of the plan.
    fn reconcile(&mut self) {
        self.last_plan = self.now();
        self.status_changed = true;
        let pods = self.pods.borrow_and_update().clone();
        self.total = pods.len();
        self.positions.retain(|key, _| pods.iter().any(|pod| key_of(pod) == *key));
        let plan = plan(&pods, self.settings.max_streams);
        self.left_out = plan.left_out;
        self.not_started = plan.waiting;
        for running in self.streams.values() {
            let followed = plan.follow.iter().find(|pod| key_of(pod) == running.key);
            let listed = followed.is_some() || pods.iter().any(|pod| key_of(pod) == running.key);
            running.now.send_if_modified(|now| {
                let before = *now;
                if let Some(pod) = followed {
                    *now = now_of(pod);
                } else {
                    now.wanted = if listed { Wanted::Stop } else { Wanted::Drain };
                }
                *now != before
            });
        }
        for pod in &plan.follow {
            if !self.streams.values().any(|running| running.key == key_of(pod)) {
                self.start(pod);
            }
        }
    }

    fn start(&mut self, pod: &LogPod) {
        let key = key_of(pod);
        let (now, told) = watch::channel(now_of(pod));
        let id = self.next_id;
        self.next_id += 1;
        let position = self.positions.remove(&key).unwrap_or_else(|| Position::new(&self.order.filter));
        let stream = Stream {
            connect: Arc::clone(&self.connect),
            id,
            origin: Origin { pod: Arc::clone(&pod.name), colour: pod.colour },
            settings: self.settings.clone(),
            filter: Arc::clone(&self.order.filter),
            position,
            now: told,
            reports: self.reports.0.clone(),
            read: Arc::clone(&self.read),
            pending: Vec::new(),
        };
        let task = self.tasks.spawn(stream.run());
        self.owners.insert(task.id(), id);
        self.streams.insert(id, Running { key, now, state: State::Connecting });
    }

    /// A stream has ended, because it was told to or because it failed badly.
    fn ended(&mut self, ended: Result<(Id, Position), JoinError>) {
        let (task, position) = match ended {
            Ok((task, position)) => (task, Some(position)),
            Err(error) => {
                tracing::error!(%error, "a log stream failed");
                (error.id(), None)
            }
        };
        let Some(running) = self.owners.remove(&task).and_then(|id| self.streams.remove(&id)) else { return };
        if let Some(position) = position {
            self.positions.insert(running.key, position);
        }
        // It may be wanted again by now.
        self.reconcile();
    }

    fn hear(&mut self, id: u64, report: Report) {
        match report {
            Report::Entries(entries) => {
                let now = self.now();
                for entry in entries {
                    self.merge.push(entry.at(), entry, now);
                }
            }
            Report::State(state) => {
                if let Some(running) = self.streams.get_mut(&id) {
                    running.state = state;
                    self.status_changed = true;
                }
                let answered = self.streams.values().all(|running| running.state != State::Connecting);
                if self.opening && answered {
                    // The last ones have yet to send what they begin with.
                    self.opening = false;
                    self.merge.hold(self.now() + self.settings.timing.window);
                }
            }
        }
    }

    /// When there may be something to do next.
    fn next_wake(&self, now: Duration) -> Duration {
        let timing = &self.settings.timing;
        let status = self.status_changed.then(|| match self.told {
            Some(_) => self.last_status + timing.batch_every,
            None => Duration::ZERO,
        });
        let lines = self.merge.next_due().map(|due| {
            // What is full goes at once; the room's channel sets the pace.
            if self.merge.is_full() { Duration::ZERO } else { due.max(self.last_batch + timing.batch_every) }
        });
        let count = match self.read.load(Ordering::Relaxed) {
            0 => now + timing.count_every,
            _ => self.last_batch + timing.count_every,
        };
        let plan = Some(self.plan_again()).filter(|again| *again > now);
        [status, lines, plan].into_iter().flatten().fold(count, Duration::min)
    }

    /// What is to be told now: the status when it is different, else lines.
    fn news(&mut self) -> Option<LogNews> {
        let now = self.now();
        if std::mem::take(&mut self.status_changed) {
            let status = self.status();
            if self.told.as_ref() != Some(&status) {
                self.last_status = now;
                self.told = Some(status.clone());
                return Some(LogNews::Status(status));
            }
        }
        let entries = self.merge.release(now, BATCH);
        let read = self.read.swap(0, Ordering::Relaxed);
        self.last_batch = now;
        (read > 0 || !entries.is_empty()).then_some(LogNews::Batch(LogBatch { entries, read }))
    }

    fn status(&self) -> StreamStatus {
        let streams =
            || self.streams.values().filter(|running| running.now.borrow().wanted == Wanted::Follow);
        let mut waiting: Vec<_> = streams()
            .filter(|running| running.state == State::Waiting)
            .map(|running| &running.key.0)
            .chain(&self.not_started)
            .cloned()
            .collect();
        waiting.sort();
        let troubles: BTreeMap<_, _> = streams()
            .filter_map(|running| match &running.state {
                State::Trouble(words) => Some((Arc::clone(&running.key.0), sanitise_text(words))),
                _ => None,
            })
            .collect();
        StreamStatus {
            total: self.total,
            followed: streams().count(),
            connected: streams().filter(|running| running.state == State::Open).count(),
            left_out: self.left_out.clone(),
            waiting,
            troubles,
        }
    }
}

fn key_of(pod: &LogPod) -> Key {
    (Arc::clone(&pod.name), pod.created)
}

const fn now_of(pod: &LogPod) -> Now {
    Now { wanted: Wanted::Follow, restarts: pod.restarts }
}
