//! A pod's status as the kubelet writes it.

use jiff::Timestamp;
use rand::RngExt as _;
use serde_json::{Value, json};

use super::container::{Container, End};
use super::{NODE_ADDRESS, key_of};
use crate::rehearsal::cluster::controllers::condition;
use crate::rehearsal::cluster::object::{self, number, text};
use crate::rehearsal::cluster::store::StoreError;
use crate::rehearsal::world::{World, seconds};

/// How a container stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Waiting { reason: &'static str, message: String },
    Running { since: Timestamp },
    Ended { end: End, from: Timestamp, to: Timestamp },
}

impl State {
    fn to_value(&self, id: &str) -> Value {
        match self {
            Self::Waiting { reason, message } if message.is_empty() => json!({"waiting": {"reason": reason}}),
            Self::Waiting { reason, message } => json!({"waiting": {"reason": reason, "message": message}}),
            Self::Running { since } => json!({"running": {"startedAt": seconds(*since)}}),
            Self::Ended { end, from, to } => {
                let mut ended = json!({
                    "exitCode": end.code, "reason": end.reason, "containerID": id,
                    "startedAt": seconds(*from), "finishedAt": seconds(*to),
                });
                if let Some(message) = &end.message {
                    ended["message"] = json!(message);
                }
                json!({"terminated": ended})
            }
        }
    }
}

/// What is written of a pod.
#[derive(Clone, Debug)]
pub(super) struct Writing<'c> {
    pub container: &'c Container,
    pub state: State,
    /// How its last run ended.
    pub last: Option<State>,
    pub ready: bool,
    pub restarts: u32,
}

/// The addresses of pods: a documentation range (RFC 5737), like the lab's.
const ADDRESSES: std::ops::RangeInclusive<u8> = 2..=126;

/// Gives a pod its node.
pub(super) fn bind(world: &World, pod: &Value) {
    let now = seconds(world.now());
    // One that is gone needs no node.
    let _ = world.store.update(&key_of(pod), None, |pod| {
        object::part(pod, "spec").insert("nodeName".into(), json!(super::NODE));
        put_condition(pod, "PodScheduled", true, None, &now);
        Ok::<_, StoreError>(())
    });
}

/// Writes how a pod stands; an object that is gone is left alone.
pub(super) fn write(world: &World, pod: &Value, writing: &Writing<'_>) {
    let now = seconds(world.now());
    let address = address(world);
    let id = container_id(pod, writing.restarts);
    let _ = world.store.update(&key_of(pod), None, |pod| {
        fill(pod, writing, &now, &address, &id);
        Ok::<_, StoreError>(())
    });
}

fn fill(pod: &mut Value, writing: &Writing<'_>, now: &str, address: &str, id: &str) {
    let container = writing.container;
    let running = matches!(writing.state, State::Running { .. });
    let has_run = running || writing.last.is_some() || matches!(writing.state, State::Ended { .. });
    let status = object::part(pod, "status");
    status.entry("startTime").or_insert(json!(now));
    status.insert("hostIP".into(), json!(NODE_ADDRESS));
    status.insert("hostIPs".into(), json!([{"ip": NODE_ADDRESS}]));
    if has_run {
        let known = status.get("podIP").and_then(Value::as_str).unwrap_or(address).to_owned();
        status.insert("podIPs".into(), json!([{"ip": known}]));
        status.insert("podIP".into(), json!(known));
    }
    // A pod whose containers are started again and again is running, whatever they do.
    let phase = if has_run { "Running" } else { "Pending" };
    status.insert("phase".into(), json!(phase));
    let image_id = if has_run { image_id(&container.image) } else { String::new() };
    let last = writing.last.as_ref().map_or_else(|| json!({}), |last| last.to_value(id));
    let mut told = json!({
        "name": container.name, "image": container.image, "imageID": image_id, "ready": writing.ready,
        "restartCount": writing.restarts, "started": running, "state": writing.state.to_value(id), "lastState": last,
    });
    if has_run {
        told["containerID"] = json!(id);
    }
    status.insert("containerStatuses".into(), json!([told]));
    let unready = format!("containers with unready status: [{}]", container.name);
    let unready = (!writing.ready).then_some(("ContainersNotReady", unready.as_str()));
    put_condition(pod, "PodReadyToStartContainers", has_run, None, now);
    put_condition(pod, "Initialized", true, None, now);
    put_condition(pod, "Ready", writing.ready, unready, now);
    put_condition(pod, "ContainersReady", writing.ready, unready, now);
    put_condition(pod, "PodScheduled", true, None, now);
}

fn put_condition(pod: &mut Value, kind: &str, holds: bool, why: Option<(&str, &str)>, now: &str) {
    let value = if holds { "True" } else { "False" };
    let since = condition(pod, kind)
        .filter(|known| known["status"] == value)
        .map(|known| text(known, "/lastTransitionTime").to_owned());
    let mut made = json!({
        "type": kind, "status": value, "lastProbeTime": null,
        "lastTransitionTime": since.unwrap_or_else(|| now.to_owned()),
    });
    if let Some((reason, message)) = why {
        made["reason"] = json!(reason);
        made["message"] = json!(message);
    }
    let conditions = object::part(pod, "status").entry("conditions").or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else { return };
    match conditions.iter_mut().find(|known| known["type"] == kind) {
        Some(known) => *known = made,
        None => conditions.push(made),
    }
}

/// An address that no other pod has, as long as there are any.
fn address(world: &World) -> String {
    let (_, pods) = world.store.list(super::Resource::Pods, None);
    let taken = |address: &str| pods.iter().any(|pod| text(pod, "/status/podIP") == address);
    let free = ADDRESSES.map(|last| format!("198.51.100.{last}")).find(|address| !taken(address));
    free.unwrap_or_else(|| {
        let (a, b) = world.chance(|dice| (dice.random_range(0..=255_u8), dice.random_range(1..=254_u8)));
        // Another documentation range: 2001:db8::/32 (RFC 3849).
        format!("2001:db8::{a:x}:{b:x}")
    })
}

/// A digest that stands for an image's tag: the same for the same tag.
fn image_id(image: &str) -> String {
    // What is named by its digest is what it says.
    if let Some((name, digest)) = image.split_once('@') {
        let bare = name.rsplit_once(':').map_or(name, |(bare, _)| bare);
        return format!("{bare}@{digest}");
    }
    let name = image.rsplit_once(':').map_or(image, |(name, _)| name);
    format!("{name}@sha256:{}", digits(image))
}

fn container_id(pod: &Value, restarts: u32) -> String {
    format!("containerd://{}", digits(&format!("{}/{restarts}", object::uid(pod))))
}

/// 64 hexadecimal digits that stand for a text; no cryptography is meant.
#[must_use]
pub fn digits(of: &str) -> String {
    let mut all = String::with_capacity(64);
    for part in 0..4_u64 {
        let begin = 0xcbf2_9ce4_8422_2325_u64 ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let sum = of.bytes().fold(begin, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        all.push_str(&format!("{sum:016x}"));
    }
    all
}

/// The restarts that a pod's status tells.
pub(super) fn restarts(pod: &Value) -> u32 {
    let count = number(pod, "/status/containerStatuses/0/restartCount");
    count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::registry::Registry;
    use crate::rehearsal::scenario::Scenario;

    #[test]
    fn a_pod_that_runs_has_an_address_and_keeps_it() {
        let world = World::new(Scenario::default(), 1);
        let mut pod = json!({"metadata": {"name": "p", "uid": "u"}, "spec": {"containers": [{"name": "b", "image": "i:v1"}]}});
        let container = Container::of(&pod, &Registry::new(&Scenario::default())).unwrap();
        let waiting = State::Waiting { reason: "ContainerCreating", message: String::new() };
        let mut writing =
            Writing { container: &container, state: waiting, last: None, ready: false, restarts: 0 };
        fill(&mut pod, &writing, "t1", "198.51.100.2", "id");
        assert_eq!((text(&pod, "/status/phase"), text(&pod, "/status/podIP")), ("Pending", ""));
        writing.state = State::Running { since: world.now() };
        writing.ready = true;
        fill(&mut pod, &writing, "t2", "198.51.100.2", "id");
        let ready = condition(&pod, "Ready").unwrap().clone();
        fill(&mut pod, &writing, "t3", "198.51.100.99", "id");
        assert_eq!(text(&pod, "/status/podIP"), "198.51.100.2");
        assert_eq!(condition(&pod, "Ready"), Some(&ready), "the time of a state that lasts stays");
        assert!(text(&pod, "/status/containerStatuses/0/imageID").starts_with("i@sha256:"));
    }
}
