//! ReplicaSets: as many pods of one template as are asked for.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{change, condition, is_ready, owned};
use crate::rehearsal::cluster::leaving::leave;
use crate::rehearsal::cluster::object::{self, number, text};
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::Key;
use crate::rehearsal::cluster::{event, template};
use crate::rehearsal::world::World;

const COMPONENT: &str = "replicaset-controller";
/// Most pods made or taken away at one look.
const BURST: usize = 500;

/// One look at every ReplicaSet.
pub(super) fn reconcile(world: &World) {
    let (_, sets) = world.store.list(Resource::ReplicaSets, None);
    for set in sets {
        let pods = owned(world, Resource::Pods, &set);
        if !object::is_terminating(&set) {
            scale(world, &set, &pods);
        }
        let pods = owned(world, Resource::Pods, &set);
        write_status(world, &set, &pods);
    }
}

/// Pods that count: those that were not told to go and have not ended.
fn active(pods: &[Arc<Value>]) -> Vec<Arc<Value>> {
    let ended = |pod: &Value| matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    pods.iter().filter(|pod| !object::is_terminating(pod) && !ended(pod)).cloned().collect()
}

fn scale(world: &World, set: &Value, pods: &[Arc<Value>]) {
    let wanted = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    let mut pods = active(pods);
    if pods.len() < wanted {
        for _ in 0..(wanted - pods.len()).min(BURST) {
            let pod = template::pod(world, set);
            let key = Key::new(Resource::Pods, object::namespace(&pod), object::name(&pod));
            let name = key.name.clone();
            if world.store.create(key, pod).is_ok() {
                event::tell(
                    world,
                    set,
                    COMPONENT,
                    "Normal",
                    "SuccessfulCreate",
                    &format!("Created pod: {name}"),
                );
            }
        }
    } else if pods.len() > wanted {
        pods.sort_by_key(|pod| std::cmp::Reverse(worth(pod)));
        for pod in pods.drain(wanted..).take(BURST) {
            let name = object::name(&pod);
            let key = Key::new(Resource::Pods, object::namespace(&pod), name);
            if leave(world, &key, None).is_ok() {
                event::tell(
                    world,
                    set,
                    COMPONENT,
                    "Normal",
                    "SuccessfulDelete",
                    &format!("Deleted pod: {name}"),
                );
            }
        }
    }
}

/// What speaks for keeping a pod: that a node has it, that it is ready, and for longer
/// than others (upstream's order of deletion, its last places).
fn worth(pod: &Value) -> (bool, bool, bool, std::cmp::Reverse<String>) {
    let since = condition(pod, "Ready").map(|ready| text(ready, "/lastTransitionTime")).unwrap_or_default();
    let running = text(pod, "/status/phase") == "Running";
    (!text(pod, "/spec/nodeName").is_empty(), running, is_ready(pod), std::cmp::Reverse(since.to_owned()))
}

/// Whether a pod has been ready for so long at `now`.
pub(super) fn is_available(pod: &Value, min_ready_seconds: i64, now: Timestamp) -> bool {
    let Some(ready) = condition(pod, "Ready").filter(|ready| ready["status"] == "True") else { return false };
    let since = text(ready, "/lastTransitionTime").parse::<Timestamp>();
    min_ready_seconds == 0
        || since.is_ok_and(|since| now.as_second() - since.as_second() >= min_ready_seconds)
}

fn write_status(world: &World, set: &Value, pods: &[Arc<Value>]) {
    let active = active(pods);
    let min_ready = number(set, "/spec/minReadySeconds").unwrap_or(0);
    let now = world.now();
    let ready = active.iter().filter(|pod| is_ready(pod)).count();
    let available = active.iter().filter(|pod| is_available(pod, min_ready, now)).count();
    let mut status = json!({"replicas": active.len(), "observedGeneration": set["metadata"]["generation"]});
    for (key, count) in
        [("fullyLabeledReplicas", active.len()), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        if count > 0 {
            status[key] = json!(count);
        }
    }
    change(world, Resource::ReplicaSets, set, |set| set["status"] = status);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(ready: Option<&str>) -> Value {
        let conditions =
            ready.map(|since| json!([{"type": "Ready", "status": "True", "lastTransitionTime": since}]));
        json!({"metadata": {}, "spec": {"nodeName": "n"}, "status": {"phase": "Running", "conditions": conditions}})
    }

    #[test]
    fn pods_that_serve_longest_are_kept() {
        let (old, new, not) =
            (pod(Some("2026-01-01T00:00:00Z")), pod(Some("2026-01-01T00:01:00Z")), pod(None));
        assert!(worth(&old) > worth(&new) && worth(&new) > worth(&not));
        let now = "2026-01-01T00:01:05Z".parse().unwrap();
        assert!(is_available(&new, 5, now) && !is_available(&new, 6, now) && !is_available(&not, 0, now));
    }
}
