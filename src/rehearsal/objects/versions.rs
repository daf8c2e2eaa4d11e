//! Kinds that are served in more than one version: autoscalers (`v2`, and `v1` with one
//! number for the processor) and events (core, and `events.k8s.io`).

use serde_json::{Map, Value, json};

use crate::rehearsal::cluster::object::as_object;
use crate::rehearsal::cluster::resource::Resource;

/// The versions in which a kind is served, the preferred one first.
#[must_use]
pub fn of(resource: Resource) -> Vec<(&'static str, &'static str)> {
    let naming = resource.naming();
    let mut versions = vec![(naming.group, naming.version)];
    match resource {
        Resource::Autoscalers => versions.push(("autoscaling", "v1")),
        Resource::Events => versions.push(("events.k8s.io", "v1")),
        _ => {}
    }
    versions
}

/// A stored object as that version has it.
#[must_use]
pub fn served(resource: Resource, group: &str, version: &str, object: &Value) -> Value {
    let mut object = object.clone();
    match (resource, group, version) {
        (Resource::Autoscalers, _, "v1") => autoscaler_to_v1(&mut object),
        (Resource::Events, "events.k8s.io", _) => rename(&mut object, &EVENT),
        _ => {}
    }
    name(&mut object, resource, group, version);
    object
}

/// An object of that version as it is stored.
#[must_use]
pub fn stored(resource: Resource, group: &str, version: &str, object: Value) -> Value {
    let mut object = object;
    match (resource, group, version) {
        (Resource::Autoscalers, _, "v1") => autoscaler_from_v1(&mut object),
        (Resource::Events, "events.k8s.io", _) => rename(&mut object, &EVENT.map(|(core, new)| (new, core))),
        _ => {}
    }
    let naming = resource.naming();
    name(&mut object, resource, naming.group, naming.version);
    object
}

fn name(object: &mut Value, resource: Resource, group: &str, version: &str) {
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let map = as_object(object);
    map.insert("apiVersion".into(), json!(api_version));
    map.insert("kind".into(), json!(resource.naming().kind));
}

/// The fields of an event: what core calls them, what `events.k8s.io/v1` does.
const EVENT: [(&str, &str); 8] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
    ("eventTime", "eventTime"),
];

fn rename(object: &mut Value, names: &[(&str, &str)]) {
    let map = as_object(object);
    for (from, to) in names {
        if let Some(value) = map.remove(*from) {
            map.insert((*to).to_owned(), value);
        }
    }
}

const CPU: &str = "cpu";

fn autoscaler_to_v1(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let metrics = spec.remove("metrics").unwrap_or_default();
        let percent =
            cpu_metric(&metrics).and_then(|metric| metric.pointer("/target/averageUtilization").cloned());
        if let Some(percent) = percent {
            spec.insert("targetCPUUtilizationPercentage".into(), percent);
        }
        spec.remove("behavior");
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        let current = status.remove("currentMetrics").unwrap_or_default();
        let percent =
            cpu_metric(&current).and_then(|metric| metric.pointer("/current/averageUtilization").cloned());
        if let Some(percent) = percent {
            status.insert("currentCPUUtilizationPercentage".into(), percent);
        }
        status.remove("conditions");
    }
}

fn cpu_metric(metrics: &Value) -> Option<&Value> {
    let metric = metrics.as_array()?.iter().find(|metric| metric["resource"]["name"] == CPU)?;
    metric.get("resource")
}

fn autoscaler_from_v1(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(percent) = spec.remove("targetCPUUtilizationPercentage")
    {
        spec.insert(
            "metrics".into(),
            json!([{"type": "Resource", "resource": {"name": CPU, "target": {"type": "Utilization", "averageUtilization": percent}}}]),
        );
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut)
        && let Some(percent) = status.remove("currentCPUUtilizationPercentage")
    {
        let mut current = Map::new();
        current.insert("averageUtilization".into(), percent);
        status.insert(
            "currentMetrics".into(),
            json!([{"type": "Resource", "resource": {"name": CPU, "current": current}}]),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_goes_there_and_back() {
        let v1 = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "spec": {"minReplicas": 1, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60}});
        let v2 = stored(Resource::Autoscalers, "autoscaling", "v1", v1.clone());
        assert_eq!(v2["apiVersion"], "autoscaling/v2");
        assert_eq!(v2["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 60);
        assert_eq!(served(Resource::Autoscalers, "autoscaling", "v1", &v2), v1);
    }

    #[test]
    fn an_event_has_two_faces() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "message": "m", "involvedObject": {"name": "p"}, "count": 2});
        let new = served(Resource::Events, "events.k8s.io", "v1", &core);
        assert_eq!(
            (&new["note"], &new["regarding"]["name"], &new["apiVersion"]),
            (&json!("m"), &json!("p"), &json!("events.k8s.io/v1"))
        );
        assert_eq!(stored(Resource::Events, "events.k8s.io", "v1", new), core);
    }
}
