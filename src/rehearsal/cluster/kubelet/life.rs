//! The life of one pod: a node, an image, a container that runs and runs again, the end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::container::{Container, End};
use super::status::{self, State, Writing};
use super::{COMPONENT, NODE, Seen, key_of};
use crate::rehearsal::application::{Process, Stage};
use crate::rehearsal::cluster::controllers::is_ready;
use crate::rehearsal::cluster::event;
use crate::rehearsal::cluster::object::{self, number, text};
use crate::rehearsal::world::World;

/// The first pause before a container or an image is tried again; it doubles each time.
const BACK_OFF: Duration = Duration::from_secs(10);
/// The longest pause.
const BACK_OFF_MOST: Duration = Duration::from_secs(300);
/// A run of so long makes earlier crashes forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// How often the memory of a container is looked at.
const MEMORY_EVERY: Duration = Duration::from_millis(500);
/// How long a program takes to end after it was told to.
const DRAINS_FOR: Duration = Duration::from_millis(300);

/// How long the end of a run is told before anything follows it.
const STATUS_STANDS: Duration = Duration::from_secs(1);

/// What broke into a pod's life.
enum Turn {
    /// It was told to go.
    Leaving(Arc<Value>),
    /// It is no more.
    Gone,
}

/// How one run of a container came to an end, or was cut off.
type Run = Result<End, Turn>;

struct Life {
    world: Arc<World>,
    pod: Arc<Value>,
    container: Container,
    seen: Receiver<Seen>,
    restarts: u32,
    last: Option<State>,
}

/// Lives a pod's life to its end.
pub(super) async fn live(world: Arc<World>, pod: Arc<Value>, seen: Receiver<Seen>) {
    let Some(container) = Container::of(&pod, &world.registry) else { return };
    let name = object::name(&pod).to_owned();
    let uid = object::uid(&pod).to_owned();
    let restarts = status::restarts(&pod);
    let mut life = Life { world: Arc::clone(&world), pod, container, seen, restarts, last: None };
    let turn = match life.run().await {
        Err(turn) => turn,
        // A life has no other end than to be told to.
        Ok(never) => match never {},
    };
    if let Turn::Leaving(pod) = turn {
        life.leave(&pod).await;
    }
    if let Some(process) = world.application.current(&name) {
        process.end();
    }
    // Another pod may have the name by now, but never one of this application's.
    if world.store.get(&key_of(&life.pod)).is_none_or(|pod| object::uid(&pod) == uid) {
        world.application.forget(&name);
    }
}

/// Makes a pod that has just been made into one that has long been running: for a world
/// that is being made. Whether anything was to be done.
pub(in crate::rehearsal::cluster) fn settled(world: &World, pod: &Value) -> bool {
    if is_ready(pod) || object::is_terminating(pod) {
        return false;
    }
    let Some(container) = Container::of(pod, &world.registry) else { return false };
    status::bind(world, pod);
    let process = started(world, pod, &container);
    process.serve();
    let state = State::Running { since: world.now() };
    let writing = Writing { container: &container, state, last: None, ready: true, restarts: 0 };
    status::write(world, pod, &writing);
    true
}

fn started(world: &World, pod: &Value, container: &Container) -> Arc<Process> {
    let process = Process::new(object::name(pod), &container.version, container.nature(world));
    let process = world.application.start(process);
    process.write(world, &format!("INFO starting {}", container.version));
    process
}

impl Life {
    async fn run(&mut self) -> Result<std::convert::Infallible, Turn> {
        let name = object::name(&self.pod).to_owned();
        // A pod that ran before this kubelet did is taken over as it is.
        let mut running = self.world.application.current(&name).filter(|process| process.is_serving());
        if running.is_none() {
            self.schedule().await?;
            self.pull().await?;
        }
        let mut pause = BACK_OFF;
        loop {
            let began = self.world.now();
            let end = match running.take() {
                Some(process) => self.serve(&process, began).await,
                None => self.start().await,
            };
            let end = match end {
                Ok(end) => end,
                Err(turn) => return Err(turn),
            };
            let now = self.world.now();
            if let Some(process) = self.world.application.current(&name) {
                process.end();
            }
            let ran = Duration::try_from(now.duration_since(began)).unwrap_or_default();
            pause = if ran > FORGIVEN_AFTER { BACK_OFF } else { pause };
            self.ended(&end, began, now).await?;
            // The first crash is answered at once; a program that keeps crashing waits.
            if self.restarts > 1 {
                self.back_off(pause);
                self.wait_or_cleared(pause, "crash-loop").await?;
                pause = (pause * 2).min(BACK_OFF_MOST);
            }
        }
    }

    fn write(&self, state: State, ready: bool) {
        let writing = Writing {
            container: &self.container,
            state,
            last: self.last.clone(),
            ready,
            restarts: self.restarts,
        };
        status::write(&self.world, &self.pod, &writing);
    }

    fn tell(&self, kind: &str, reason: &str, message: &str) {
        event::tell(&self.world, &self.pod, COMPONENT, kind, reason, message);
    }

    /// Waits, unless the pod is told to go first.
    async fn wait(&mut self, pause: Duration) -> Result<(), Turn> {
        let seen = &mut self.seen;
        tokio::select! {
            turn = turn(seen) => Err(turn),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    async fn schedule(&mut self) -> Result<(), Turn> {
        if text(&self.pod, "/spec/nodeName").is_empty() {
            status::bind(&self.world, &self.pod);
            let message = format!(
                "Successfully assigned {}/{} to {NODE}",
                object::namespace(&self.pod),
                object::name(&self.pod)
            );
            event::tell(&self.world, &self.pod, "default-scheduler", "Normal", "Scheduled", &message);
        }
        self.write(State::Waiting { reason: "ContainerCreating", message: String::new() }, false);
        self.wait(self.world.scenario.timings.schedule).await
    }

    /// Pulls the image, again and again where it cannot be had.
    async fn pull(&mut self) -> Result<(), Turn> {
        let image = self.container.image.clone();
        let mut pause = BACK_OFF;
        self.tell("Normal", "Pulling", &format!("Pulling image \"{image}\""));
        self.wait(self.world.scenario.timings.pull).await?;
        while !self.container.has_image(
            &self.world.registry,
            &self.world.scenario,
            &self.world.faults.active(),
        ) {
            let message = format!(
                "failed to pull and unpack image \"{image}\": failed to resolve reference: not found"
            );
            self.tell("Warning", "Failed", &format!("Failed to pull image \"{image}\": {message}"));
            self.tell("Warning", "Failed", "Error: ErrImagePull");
            self.write(State::Waiting { reason: "ErrImagePull", message }, false);
            self.wait(self.world.scenario.timings.pull * 2).await?;
            let message = format!("Back-off pulling image \"{image}\"");
            self.tell("Normal", "BackOff", &message);
            self.write(State::Waiting { reason: "ImagePullBackOff", message }, false);
            self.wait_or_cleared(pause, "image-pull").await?;
            pause = (pause * 2).min(BACK_OFF_MOST);
        }
        self.tell("Normal", "Pulled", &format!("Successfully pulled image \"{image}\""));
        Ok(())
    }

    /// Waits, but no longer than a fault goes on.
    async fn wait_or_cleared(&mut self, pause: Duration, fault: &str) -> Result<(), Turn> {
        let mut faults = self.world.faults.subscribe();
        let began = faults.borrow().has(fault);
        let cleared = async {
            if !began || faults.wait_for(|active| !active.has(fault)).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let seen = &mut self.seen;
        tokio::select! {
            turn = turn(seen) => Err(turn),
            () = tokio::time::sleep(pause) => Ok(()),
            () = cleared => Ok(()),
        }
    }

    /// One run of the container from its start.
    async fn start(&mut self) -> Run {
        let name = self.container.name.clone();
        self.tell("Normal", "Created", &format!("Created container: {name}"));
        let process = started(&self.world, &self.pod, &self.container);
        let began = self.world.now();
        if let Some(end) = self.container.ends_at_once(&self.world.scenario, &self.world.faults.active()) {
            process.write(&self.world, &format!("FATAL exiting with status {}", end.code));
            return Ok(end);
        }
        self.tell("Normal", "Started", &format!("Started container {name}"));
        self.write(State::Running { since: began }, false);
        self.wait(self.world.scenario.timings.start + process.conduct().start_delay).await?;
        process.serve();
        self.wait(self.container.period.min(Duration::from_secs(1)) / 2).await?;
        if self.container.answers_probe {
            self.write(State::Running { since: began }, true);
        } else {
            self.tell(
                "Warning",
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 404",
            );
        }
        self.serve(&process, began).await
    }

    /// Runs until it has to end: its memory is too much, or it crashes.
    async fn serve(&mut self, process: &Process, began: Timestamp) -> Run {
        loop {
            self.wait(MEMORY_EVERY).await?;
            if let (resident, Some(limit)) = process.memory_mib(self.world.clock.now())
                && resident > limit
            {
                return Ok(End { code: 137, reason: "OOMKilled", message: None });
            }
            let crashes = self.container.ends_at_once(&self.world.scenario, &self.world.faults.active());
            if let Some(end) = crashes {
                process.write(&self.world, &format!("FATAL exiting with status {}", end.code));
                tracing::debug!("a container that ran since {began} crashes");
                return Ok(end);
            }
        }
    }

    /// A run has ended: told, and counted for the next one.
    async fn ended(&mut self, end: &End, from: Timestamp, to: Timestamp) -> Result<(), Turn> {
        let ended = State::Ended { end: end.clone(), from, to };
        self.write(ended.clone(), false);
        self.last = Some(ended);
        self.restarts += 1;
        self.wait(STATUS_STANDS).await
    }

    /// It is not started again before a pause is over.
    fn back_off(&self, pause: Duration) {
        let name = &self.container.name;
        let message =
            format!("Back-off restarting failed container {name} in pod {}", object::name(&self.pod));
        self.tell("Warning", "BackOff", &message);
        let message = format!("back-off {}s restarting failed container={name}", pause.as_secs());
        self.write(State::Waiting { reason: "CrashLoopBackOff", message }, false);
    }

    /// The end: the hook before it, the signal, what is under way; then it is gone.
    async fn leave(&mut self, pod: &Value) {
        let name = self.container.name.clone();
        self.tell("Normal", "Killing", &format!("Stopping container {name}"));
        let process = self.world.application.current(object::name(&self.pod));
        let grace = number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        if let Some(process) = process.filter(|process| *process.stage().borrow() < Stage::Draining) {
            let seen = &mut self.seen;
            tokio::select! {
                () = gone(seen) => {}
                () = tokio::time::sleep(self.container.pre_stop.min(grace)) => {}
            }
            process.drain();
            tokio::time::sleep(DRAINS_FOR).await;
            process.end();
        }
        // Somebody may have taken it away with force.
        let _ = self.world.store.remove(&key_of(&self.pod));
    }
}

/// Waits until the pod is told to go, or is gone.
async fn turn(seen: &mut Receiver<Seen>) -> Turn {
    let is_turn = |pod: &Seen| pod.as_ref().is_none_or(|pod| object::is_terminating(pod));
    match seen.wait_for(is_turn).await {
        Ok(pod) => pod.as_ref().map_or(Turn::Gone, |pod| Turn::Leaving(Arc::clone(pod))),
        Err(_) => Turn::Gone,
    }
}

/// Waits until the pod is gone.
async fn gone(seen: &mut Receiver<Seen>) {
    // No more news means that it is.
    let _ = seen.wait_for(Option::is_none).await;
}
