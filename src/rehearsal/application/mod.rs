//! The application: what runs in the pods, what it answers and writes, and the users who
//! ask it.

mod conduct;
pub mod front;
pub mod log;
pub mod metrics;
pub mod process;
pub mod users;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use conduct::Conduct;
pub use process::{Answer, Process, Stage};
use users::Tally;

/// The containers that run, and those that ran before them, by pod.
#[derive(Debug, Default)]
pub struct Application {
    containers: Mutex<HashMap<String, Container>>,
    /// What users have seen so far.
    pub tally: Tally,
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

    /// The runs that serve now.
    #[must_use]
    pub fn serving(&self) -> Vec<Arc<Process>> {
        let containers = self.lock();
        containers
            .values()
            .filter_map(|container| container.current.clone())
            .filter(|p| p.is_serving())
            .collect()
    }

    /// Forgets a pod that is gone, its logs with it.
    pub fn forget(&self, pod: &str) {
        self.lock().remove(pod);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let containers = std::mem::take(&mut *self.lock());
        containers.values().filter_map(|container| container.current.as_ref()).for_each(|p| p.end());
        self.tally.clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Container>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
