//! The controllers: each looks at what there is and makes one step towards what is
//! wanted; the loop here calls them for as long as anything changes.

mod conditions;
mod deployment;
mod endpoints;
mod garbage;
mod replica_set;
mod rolling;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::object;
use super::resource::Resource;
use super::store::{Change, StoreError};
use crate::rehearsal::world::World;

/// Changes are gathered for so long before anybody looks at them.
const GATHER: Duration = Duration::from_millis(20);
/// What waits for time to pass (deadlines, pods that have to stay ready) is looked at
/// this often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a round of changes concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Concerns {
    workloads: bool,
    endpoints: bool,
}

/// Runs the controllers for ever.
pub(super) async fn run(world: Arc<World>) {
    let mut newest = world.store.subscribe();
    let mut seen = world.store.version();
    let mut concerns = Concerns { workloads: true, endpoints: true };
    loop {
        reconcile(&world, concerns);
        let waits = deployment::waits_for_time(&world);
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_AGAIN), if waits => {}
        }
        tokio::time::sleep(GATHER).await;
        newest.borrow_and_update();
        (seen, concerns) = gathered(&world, seen);
        concerns.workloads |= waits;
    }
}

/// One look by every controller that is concerned.
fn reconcile(world: &World, concerns: Concerns) {
    if concerns.workloads {
        garbage::collect(world);
        deployment::reconcile(world);
        replica_set::reconcile(world);
    }
    if concerns.endpoints {
        endpoints::reconcile(world);
    }
}

/// Looks again and again until nothing changes any more: for a world that is being made.
pub(super) fn settle(world: &World, mut run_pods: impl FnMut()) {
    // Each look makes at least one step of a rollout; a world has a few.
    for _ in 0..100 {
        let before = world.store.version();
        reconcile(world, Concerns { workloads: true, endpoints: true });
        run_pods();
        if world.store.version() == before {
            return;
        }
    }
}

/// What has changed since `seen` concerns whom.
fn gathered(world: &World, seen: u64) -> (u64, Concerns) {
    let mut concerns = Concerns::default();
    let mut newest = seen;
    for resource in [
        Resource::Deployments,
        Resource::ReplicaSets,
        Resource::Pods,
        Resource::Services,
        Resource::Endpoints,
        Resource::EndpointSlices,
    ] {
        let Ok((version, changes)) = world.store.since(seen, resource, None) else {
            // Fallen behind: anything may have happened.
            return (world.store.version(), Concerns { workloads: true, endpoints: true });
        };
        newest = newest.max(version);
        for change in &changes {
            match resource {
                Resource::Deployments | Resource::ReplicaSets => concerns.workloads = true,
                Resource::Pods => concerned(change, &mut concerns),
                _ => concerns.endpoints = true,
            }
        }
    }
    (newest, concerns)
}

/// A pod that nobody owns is no workload's business, and one of which nothing changed
/// that endpoints show is not theirs.
fn concerned(change: &Change, concerns: &mut Concerns) {
    concerns.workloads |= object::controller_uid(&change.object).is_some();
    let shown = |pod: &Value| {
        let deleted = object::is_terminating(pod);
        (pod["metadata"]["labels"].clone(), pod["status"]["podIP"].clone(), is_ready(pod), deleted)
    };
    concerns.endpoints |= match &change.before {
        Some(before) if change.kind == super::store::ChangeKind::Modified => {
            shown(before) != shown(&change.object)
        }
        _ => change.object["status"].get("podIP").is_some(),
    };
}

/// Whether a pod's condition says that it is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition["status"] == "True")
}

/// One of an object's conditions.
pub(super) fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}

/// The objects of a kind that an owner controls.
fn owned(world: &World, resource: Resource, owner: &Value) -> Vec<Arc<Value>> {
    let (_, mut objects) = world.store.list(resource, Some(object::namespace(owner)));
    objects.retain(|object| object::controller_uid(object) == Some(object::uid(owner)));
    objects
}

/// Changes an object if it is still there; what it became.
fn change(
    world: &World,
    resource: Resource,
    of: &Value,
    change: impl FnOnce(&mut Value),
) -> Option<Arc<Value>> {
    let key = super::store::Key::new(resource, object::namespace(of), object::name(of));
    let changed = world.store.update(&key, None, |object| {
        change(object);
        Ok::<_, StoreError>(())
    });
    changed.ok()
}
