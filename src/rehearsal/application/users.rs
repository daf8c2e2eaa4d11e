//! The application's users: so many requests a second through the Service, half of them
//! on new connections, half on connections that are kept alive and stay with their pod.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Process;
use super::log::Written;
use crate::rehearsal::cluster::object::text;
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::Key;
use crate::rehearsal::faults::Fault;
use crate::rehearsal::scenario::{NAMESPACE, SERVICE};
use crate::rehearsal::world::World;
use crate::sop::moment::Moment;

/// How often requests are made: as many as are due.
const TICK: Duration = Duration::from_millis(50);
/// Connections that are kept alive.
const KEPT: usize = 20;
/// How long one is kept at least and at most, in seconds: by then all users are where the
/// Service leads, and the old colour has none.
const KEPT_FOR: std::ops::Range<f64> = 5.0..15.0;
/// sop.md: a release that answers more slowly than that is taken back.
const TOO_SLOW: Duration = Duration::from_secs(1);
/// Most requests of one tick; a machine that is late does not catch up.
const MOST: f64 = 2000.0;

/// What users have seen.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

/// The figures of a [`Tally`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    /// Answers that were the application's own errors.
    pub errors: u64,
    /// Requests without any answer.
    pub lost: u64,
    /// When a release that has a fault first answered badly.
    pub first_bad: Option<Timestamp>,
}

impl Tally {
    /// The figures so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.lock()
    }

    /// Begins anew.
    pub fn clear(&self) {
        *self.lock() = Counts::default();
    }

    fn bad(&self, at: Timestamp) {
        self.lock().first_bad.get_or_insert(at);
    }

    fn count(&self, outcome: Option<u16>) {
        let mut counts = self.lock();
        counts.requests += 1;
        match outcome {
            Some(500..) => counts.errors += 1,
            Some(_) => {}
            None => counts.lost += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pod that serves behind the Service, as kube-proxy would choose one; `None` where
/// nobody does.
#[must_use]
pub fn endpoint(world: &World) -> Option<Arc<Process>> {
    let endpoints = world.store.get(&Key::new(Resource::Endpoints, NAMESPACE, SERVICE))?;
    let subsets = endpoints["subsets"].as_array().into_iter().flatten();
    let pods: Vec<&str> = subsets
        .flat_map(|subset| subset["addresses"].as_array().into_iter().flatten())
        .map(|address| text(address, "/targetRef/name"))
        .collect();
    if pods.is_empty() {
        return None;
    }
    let chosen = world.chance(|dice| dice.random_range(0..pods.len()));
    world.application.current(pods.get(chosen)?).filter(|process| process.is_serving())
}

/// Users come until `stop`.
pub async fn run(world: Arc<World>, stop: CancellationToken) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut kept: Vec<Option<Kept>> = (0..KEPT).map(|_| None).collect();
    let (mut due, mut flood, mut before) = (0.0, 0.0, world.clock.now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = world.clock.now();
        let passed = now.since(before).as_secs_f64();
        before = now;
        due = (due + passed * world.scenario.users.requests_per_second).min(MOST);
        while due >= 1.0 {
            due -= 1.0;
            let slot = world.chance(|dice| dice.random_range(0..2 * KEPT));
            let process = match kept.get_mut(slot) {
                Some(connection) => connected(&world, connection, now),
                None => endpoint(&world),
            };
            let outcome = process.map(|process| {
                let (status, took) = process.request(&world);
                if (status >= 500 || took > TOO_SLOW) && process.has_faults() {
                    world.application.tally.bad(now.wall);
                }
                status
            });
            world.application.tally.count(outcome);
        }
        if let Some(Fault::LogFlood { lines_per_second }) = world.faults.active().get("log-flood") {
            flood = (flood + passed * f64::from(lines_per_second)).min(f64::from(lines_per_second));
            flood -= pour(&world, flood);
        }
    }
}

/// A connection that is kept alive.
struct Kept {
    process: Arc<Process>,
    /// When its user hangs up.
    until: Moment,
}

/// The pod at the end of a kept connection. One that has said good-bye is replaced by
/// another; the request that finds a pod dead without a word is lost.
fn connected(world: &World, connection: &mut Option<Kept>, now: Moment) -> Option<Arc<Process>> {
    if connection.as_ref().is_none_or(|kept| kept.process.was_drained() || kept.until <= now) {
        let lasts = Duration::from_secs_f64(world.chance(|dice| dice.random_range(KEPT_FOR)));
        *connection = endpoint(world).map(|process| Kept { process, until: now.plus(lasts) });
    }
    if connection.as_ref().is_some_and(|kept| !kept.process.is_serving()) {
        *connection = None;
    }
    connection.as_ref().map(|kept| Arc::clone(&kept.process))
}

/// Writes so many ERROR lines, spread over all pods; how many there were.
fn pour(world: &World, lines: f64) -> f64 {
    let processes = world.application.serving();
    let share = (lines / processes.len().max(1) as f64).floor();
    if processes.is_empty() || share < 1.0 {
        return 0.0;
    }
    let at = world.clock.now().wall;
    for process in &processes {
        let line = |number: u32| Written {
            at,
            text: format!("{at} ERROR backend.api path=/x TimeoutError: flood request_id={number:08x}"),
        };
        process.log.write((0..share as u32).map(line));
    }
    share * processes.len() as f64
}
