//! The application: what runs in the pods, what it answers, what it writes.

pub mod log;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::ContainerLog;

/// One run of a pod's container.
#[derive(Debug)]
pub struct Process {
    pub pod: String,
    /// The image's tag.
    pub version: String,
    /// How often the container was started before.
    pub restarts: u32,
    pub log: ContainerLog,
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
    /// What the application answers to `GET path` (with its query). Takes as long as
    /// the application takes.
    pub async fn answer(&self, path: &str) -> Answer {
        let _ = path;
        Answer {
            status: 200,
            headers: vec![("X-Version", self.version.clone()), ("Content-Type", "application/json".into())],
            body: format!("{{\"status\":\"ok\",\"version\":\"{}\"}}\n", self.version),
        }
    }
}

/// The containers that run, and those that ran before them, by pod.
#[derive(Debug, Default)]
pub struct Application {
    containers: Mutex<HashMap<String, Container>>,
}

#[derive(Debug, Default)]
struct Container {
    current: Option<Arc<Process>>,
    previous: Option<Arc<Process>>,
}

impl Application {
    /// Starts a pod's container; what ran in it becomes the previous run.
    pub fn start(&self, process: Process) -> Arc<Process> {
        let process = Arc::new(process);
        let mut containers = self.lock();
        let container = containers.entry(process.pod.clone()).or_default();
        container.previous = container.current.replace(Arc::clone(&process)).or(container.previous.take());
        process
    }

    /// The run of a pod's container that is going on, or was the last one.
    #[must_use]
    pub fn current(&self, pod: &str) -> Option<Arc<Process>> {
        self.lock().get(pod)?.current.clone()
    }

    /// The run before that.
    #[must_use]
    pub fn previous(&self, pod: &str) -> Option<Arc<Process>> {
        self.lock().get(pod)?.previous.clone()
    }

    /// Forgets a pod that is gone, its logs with it.
    pub fn forget(&self, pod: &str) {
        self.lock().remove(pod);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Container>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
