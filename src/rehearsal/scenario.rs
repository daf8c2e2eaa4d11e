//! The plot of a rehearsal: what there is at the start, and what goes wrong when.

use std::time::Duration;

/// One scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: String,
    /// The version that has the traffic at the start.
    pub from: String,
    /// The version that is to be released.
    pub to: String,
    /// Pods of each colour.
    pub pods: u32,
    pub timings: Timings,
    /// What users do and see while all is well.
    pub users: Users,
}

/// How long things take in the cluster; real time, whatever the speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// From a pod's creation to its container being created.
    pub schedule: Duration,
    /// Pulling an image that the node does not have yet.
    pub pull: Duration,
    /// From the container's start to its first good answer.
    pub start: Duration,
}

/// The application's users and what they see while all is well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Users {
    pub requests_per_second: f64,
    /// Share of answers that are errors, 0 to 1.
    pub error_rate: f64,
    /// Mean time to an answer.
    pub latency: Duration,
}

/// The namespace of the application.
pub const NAMESPACE: &str = "taxasge";
/// The Service, the container, and the first part of the Deployments' names.
pub const SERVICE: &str = "backend";
/// The image without its tag.
pub const IMAGE: &str = "ghcr.io/taxasge/backend";
/// The versions whose images exist, besides those of the scenario.
pub const VERSIONS: [&str; 3] = ["v1.0.0", "v1.1.0", "v1.1.1"];
/// The port that the application listens on in its pods.
pub const PORT: u16 = 8000;

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "release".into(),
            from: "v1.0.0".into(),
            to: "v1.1.0".into(),
            pods: 3,
            timings: Timings {
                schedule: Duration::from_millis(150),
                pull: Duration::from_millis(600),
                start: Duration::from_millis(800),
            },
            users: Users {
                requests_per_second: 1000.0,
                error_rate: 0.002,
                latency: Duration::from_millis(40),
            },
        }
    }
}
