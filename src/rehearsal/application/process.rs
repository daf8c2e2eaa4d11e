//! One run of a pod's container.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::watch;

use super::Conduct;
use super::log::{ContainerLog, Written};
use super::metrics::Metrics;
use crate::rehearsal::faults::Faults;
use crate::rehearsal::world::World;
use crate::sop::moment::Moment;

/// The path that users ask for.
pub const API_PATH: &str = "/api/v1/fiscal-services";
/// Share of good answers that leave a line in the log.
const LOGGED: f64 = 0.05;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It does not listen yet.
    Starting,
    Serving,
    /// It was told to end: it finishes what it has and takes no more.
    Draining,
    Ended,
}

/// One run of a pod's container.
#[derive(Debug)]
pub struct Process {
    pub pod: String,
    /// The image's tag.
    pub version: String,
    pub log: ContainerLog,
    stage: watch::Sender<Stage>,
    /// Whether its clients were told before it ended.
    drained: AtomicBool,
    metrics: Mutex<Metrics>,
    nature: Nature,
}

/// What a run brings with it.
#[derive(Clone, Debug)]
pub struct Nature {
    pub conduct: Conduct,
    /// The faults that trouble it; `None` where it is not the version that is released.
    pub faults: Option<Faults>,
    pub started: Moment,
    /// The container's memory limit.
    pub limit_mib: Option<f64>,
}

/// The answer to one HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in the case in which they are sent.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Process {
    /// A run that has just begun.
    #[must_use]
    pub fn new(pod: &str, version: &str, nature: Nature) -> Self {
        Self {
            pod: pod.to_owned(),
            version: version.to_owned(),
            log: ContainerLog::default(),
            stage: watch::Sender::new(Stage::Starting),
            drained: AtomicBool::new(false),
            metrics: Mutex::default(),
            nature,
        }
    }

    /// How it behaves at this moment.
    #[must_use]
    pub fn conduct(&self) -> Conduct {
        let conduct = self.nature.conduct;
        self.nature.faults.as_ref().map_or(conduct, |faults| conduct.under(&faults.active()))
    }

    /// Whether it is of the release, and something is wrong with that now.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.nature
            .faults
            .as_ref()
            .is_some_and(|faults| faults.active().all().any(|fault| fault.is_of_the_release()))
    }

    /// MiB that it has, and may have.
    #[must_use]
    pub fn memory_mib(&self, now: Moment) -> (f64, Option<f64>) {
        let resident = self.conduct().resident_mib(now.since(self.nature.started));
        (resident, self.nature.limit_mib)
    }

    /// Whether it takes connections.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        *self.stage.borrow() == Stage::Serving
    }

    /// Follows how far it is.
    #[must_use]
    pub fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// It listens from now on.
    pub fn serve(&self) {
        self.advance(Stage::Serving);
    }

    /// It finishes what it has.
    pub fn drain(&self) {
        self.drained.store(true, Ordering::SeqCst);
        self.advance(Stage::Draining);
    }

    /// It is no more, and writes no more.
    pub fn end(&self) {
        self.advance(Stage::Ended);
        self.log.end();
    }

    /// Whether it told its clients that it would end.
    #[must_use]
    pub fn was_drained(&self) -> bool {
        self.drained.load(Ordering::SeqCst)
    }

    fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let forward = *stage < to;
            *stage = (*stage).max(to);
            forward
        });
    }

    /// Writes a line into its log.
    pub fn write(&self, world: &World, words: &str) {
        let at = world.clock.now().wall;
        self.log.write([Written { at, text: format!("{at} {words}") }]);
    }

    /// One request of a user, made without waiting for it: its status and how long it
    /// takes, counted and logged.
    pub fn request(&self, world: &World) -> (u16, Duration) {
        let conduct = self.conduct();
        let (latency, fails, logs, id) = world.chance(|dice| {
            (dice.random::<f64>(), dice.random::<f64>(), dice.random::<f64>(), dice.random::<u32>())
        });
        let took = conduct.time_to_answer(latency);
        let status = if fails < conduct.error_rate { 500 } else { 200 };
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).count(status, took);
        if status == 500 {
            let words = format!(
                "ERROR backend.api request_id={id:08x} path={API_PATH} TimeoutError: upstream treasury gateway did not answer in 2s"
            );
            self.write(world, &words);
        } else if logs < LOGGED {
            self.write(world, &format!("INFO backend.api path={API_PATH} status=200"));
        }
        (status, took)
    }

    /// What the application answers to `GET path` (with its query). Takes as long as
    /// the application takes.
    pub async fn answer(self: &Arc<Self>, world: &World, path: &str) -> Answer {
        let bare = path.split('?').next().unwrap_or(path);
        let json = |status: u16| {
            let word = if status == 200 || bare == API_PATH { "ok" } else { "not found" };
            Answer {
                status,
                headers: vec![
                    ("X-Version", self.version.clone()),
                    ("Content-Type", "application/json".to_owned()),
                ],
                body: format!("{{\"version\":\"{}\",\"status\":\"{word}\"}}\n", self.version),
            }
        };
        match bare {
            "/health" => json(200),
            API_PATH => {
                let (status, took) = self.request(world);
                tokio::time::sleep(took).await;
                json(status)
            }
            "/metrics" => {
                let (resident, limit) = self.memory_mib(world.clock.now());
                let metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
                Answer {
                    status: 200,
                    headers: vec![("Content-Type", "text/plain; version=0.0.4".to_owned())],
                    body: metrics.text(&self.version, resident, limit),
                }
            }
            _ => json(404),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rehearsal::faults::Fault;
    use crate::rehearsal::scenario::Scenario;

    fn process(world: &World, environment: Value) -> Arc<Process> {
        let nature = Nature {
            conduct: Conduct::of(&world.scenario.users, &json!({"env": environment})),
            faults: Some(world.faults.clone()),
            started: world.clock.now(),
            limit_mib: Some(128.0),
        };
        Arc::new(Process::new("p", "v1.1.0", nature))
    }

    #[tokio::test]
    async fn it_answers_as_the_procedures_application_does() {
        let world = World::new(Scenario::default(), 1);
        let process = process(
            &world,
            json!([{"name": "LATENCY_MS", "value": "0"}, {"name": "ERROR_RATE", "value": "0"}]),
        );
        let health = process.answer(&world, "/health").await;
        assert_eq!((health.status, health.headers[0].1.as_str()), (200, "v1.1.0"));
        let body: Value = serde_json::from_str(&health.body).unwrap();
        assert_eq!(body, json!({"status": "ok", "version": "v1.1.0"}));
        assert_eq!(process.answer(&world, "/api/v1/fiscal-services?limit=1").await.status, 200);
        assert_eq!(process.answer(&world, "/nothing").await.status, 404);
        assert!(process.answer(&world, "/metrics").await.body.contains("code=\"200\"} 1"));
        world.faults.inject(Fault::Errors { rate: 1.0 });
        assert_eq!(process.answer(&world, API_PATH).await.status, 500);
        assert!(process.log.from(0).0.iter().any(|line| line.text.contains("ERROR backend.api request_id=")));
    }

    #[test]
    fn a_run_only_goes_forward() {
        let world = World::new(Scenario::default(), 1);
        let process = process(&world, json!([]));
        assert!(!process.is_serving());
        process.serve();
        process.end();
        process.serve();
        assert_eq!(*process.stage().borrow(), Stage::Ended);
        assert!(!process.was_drained(), "it ended without a word");
    }
}
