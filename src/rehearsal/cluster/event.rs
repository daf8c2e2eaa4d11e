//! Events: what happened to objects, in the controllers' words. The same thing again is
//! counted, not told again; the oldest go.

use serde_json::{Value, json};

use super::object::{self, number};
use super::resource::Resource;
use super::store::{Key, StoreError};
use crate::rehearsal::world::{World, seconds, suffix};

/// Most events kept.
const MOST: usize = 400;

/// Tells that something happened to an object. `component` is who says so.
pub fn tell(world: &World, about: &Value, component: &str, kind: &str, reason: &str, message: &str) {
    let now = seconds(world.now());
    let micro = world.now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let namespace = object::namespace(about);
    let (_, events) = world.store.list(Resource::Events, Some(namespace));
    let same = events.iter().find(|event| {
        event["involvedObject"]["uid"] == about["metadata"]["uid"]
            && event["reason"] == reason
            && event["message"] == message
    });
    if let Some(same) = same {
        let key = Key::new(Resource::Events, namespace, object::name(same));
        // One that went meanwhile is no loss.
        let _ = world.store.update(&key, None, |event| {
            let count = number(event, "/count").unwrap_or(1) + 1;
            event["count"] = json!(count);
            event["lastTimestamp"] = json!(now);
            Ok::<_, StoreError>(())
        });
        return;
    }
    if events.len() >= MOST
        && let Some(oldest) =
            events.iter().min_by_key(|event| event["lastTimestamp"].as_str().unwrap_or_default())
    {
        let _ = world.store.remove(&Key::new(Resource::Events, namespace, object::name(oldest)));
    }
    let name = format!("{}.{}", object::name(about), world.chance(|dice| suffix(dice, 16)));
    let mut event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"], "kind": about["kind"], "name": about["metadata"]["name"],
            "namespace": namespace, "uid": about["metadata"]["uid"],
            "resourceVersion": about["metadata"]["resourceVersion"],
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "eventTime": micro,
        "reportingComponent": component,
        "reportingInstance": "",
    });
    world.stamp(Resource::Events, &mut event);
    // Its name is random: it does not exist yet.
    let _ = world.store.create(Key::new(Resource::Events, namespace, &name), event);
}
