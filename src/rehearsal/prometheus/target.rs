//! What is scraped: the world's pods, as the cluster knows them.

use super::series::Labels;
use crate::rehearsal::cluster::object::{self, label, text};
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::Key;
use crate::rehearsal::scenario::{NAMESPACE, PORT, SERVICE};
use crate::rehearsal::world::World;

/// One pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub pod: String,
    /// What every series of it is given.
    pub labels: Labels,
    /// The container's memory limit.
    pub limit_mib: Option<f64>,
    /// Whether the Service selects it.
    pub has_traffic: bool,
}

/// The pods that have an address, by name.
#[must_use]
pub fn targets(world: &World) -> Vec<Target> {
    let service = world.store.get(&Key::new(Resource::Services, NAMESPACE, SERVICE));
    let active = service.as_ref().map(|service| text(service, "/spec/selector/version").to_owned());
    let (_, pods) = world.store.list(Resource::Pods, Some(NAMESPACE));
    let target = |pod: &serde_json::Value| {
        let address = text(pod, "/status/podIP");
        let colour = label(pod, "version").unwrap_or_default();
        if address.is_empty() || label(pod, "app") != Some(SERVICE) {
            return None;
        }
        let name = object::name(pod);
        let instance = format!("{address}:{PORT}");
        let now = world.clock.now();
        let process = world.application.current(name);
        Some(Target {
            pod: name.to_owned(),
            labels: [("color", colour), ("instance", instance.as_str()), ("job", "pods"), ("pod", name)]
                .into_iter()
                .collect(),
            limit_mib: process.and_then(|process| process.memory_mib(now).1),
            has_traffic: active.as_deref() == Some(colour),
        })
    };
    let mut targets: Vec<Target> = pods.iter().filter_map(|pod| target(pod)).collect();
    targets.sort_by(|a, b| a.pod.cmp(&b.pod));
    targets
}
