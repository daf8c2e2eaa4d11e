//! Endpoints and EndpointSlices: the pods that a Service's selector finds, and whether
//! each of them is ready.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{change, is_ready, owned};
use crate::rehearsal::cluster::object::{self, label, owner_reference, text};
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::Key;
use crate::rehearsal::world::{World, suffix};

/// Most endpoints in one slice, as the real controller has it.
const SLICE: usize = 100;
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// One look at every Service.
pub(super) fn reconcile(world: &World) {
    let (_, services) = world.store.list(Resource::Services, None);
    for service in &services {
        let Some(selector) = service.pointer("/spec/selector").and_then(Value::as_object) else { continue };
        let (_, mut pods) = world.store.list(Resource::Pods, Some(object::namespace(service)));
        pods.retain(|pod| is_selected(pod, selector) && !text(pod, "/status/podIP").is_empty());
        write_endpoints(world, service, &pods);
        write_slices(world, service, &pods);
    }
    let (_, endpoints) = world.store.list(Resource::Endpoints, None);
    for left in endpoints {
        let service = Key::new(Resource::Services, object::namespace(&left), object::name(&left));
        if world.store.get(&service).is_none() {
            // Gone already is as good.
            let _ = world.store.remove(&Key { resource: Resource::Endpoints, ..service });
        }
    }
}

fn is_selected(pod: &Value, selector: &Map<String, Value>) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| label(pod, key) == value.as_str())
}

/// Whether a pod that is told to go, or not ready, may get new connections: it may not.
fn serves(pod: &Value) -> bool {
    is_ready(pod) && !object::is_terminating(pod)
}

fn target(pod: &Value) -> Value {
    json!({"kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod), "uid": object::uid(pod)})
}

/// The ports of a Service as they are in a pod.
fn ports(service: &Value, pod: Option<&Arc<Value>>) -> Vec<Value> {
    let listed = service.pointer("/spec/ports").and_then(Value::as_array);
    let port = |port: &Value| {
        let number = port["targetPort"].as_i64().or_else(|| named(pod?, text(port, "/targetPort")))?;
        let mut made = json!({"port": number, "protocol": port["protocol"].as_str().unwrap_or("TCP")});
        if let Some(name) = port["name"].as_str() {
            made["name"] = json!(name);
        }
        Some(made)
    };
    listed.into_iter().flatten().filter_map(port).collect()
}

/// The number of a port that containers call by name.
fn named(pod: &Arc<Value>, name: &str) -> Option<i64> {
    let containers = pod.pointer("/spec/containers")?.as_array()?;
    let mut ports =
        containers.iter().flat_map(|container| container["ports"].as_array().into_iter().flatten());
    ports.find(|port| text(port, "/name") == name)?["containerPort"].as_i64()
}

fn write_endpoints(world: &World, service: &Value, pods: &[Arc<Value>]) {
    let address = |pod: &&Arc<Value>| json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": target(pod)});
    // Pods on their way out are in no list at all.
    let staying: Vec<&Arc<Value>> = pods.iter().filter(|pod| !object::is_terminating(pod)).collect();
    let ready: Vec<Value> = staying.iter().filter(|pod| serves(pod)).map(address).collect();
    let unready: Vec<Value> = staying.iter().filter(|pod| !serves(pod)).map(address).collect();
    let mut subset = json!({"ports": ports(service, pods.first())});
    for (key, addresses) in [("addresses", ready), ("notReadyAddresses", unready)] {
        if !addresses.is_empty() {
            subset[key] = json!(addresses);
        }
    }
    let subsets = if staying.is_empty() { json!([]) } else { json!([subset]) };
    let (namespace, name) = (object::namespace(service), object::name(service));
    let key = Key::new(Resource::Endpoints, namespace, name);
    if world.store.get(&key).is_some() {
        change(world, Resource::Endpoints, service, |endpoints| {
            let fields = object::as_object(endpoints);
            match subsets.as_array().is_some_and(Vec::is_empty) {
                true => fields.remove("subsets"),
                false => fields.insert("subsets".into(), subsets),
            };
        });
        return;
    }
    let mut endpoints = json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": name, "namespace": namespace, "labels": service["metadata"]["labels"]},
        "subsets": subsets,
    });
    if endpoints["metadata"]["labels"].is_null() {
        object::metadata(&mut endpoints).remove("labels");
    }
    world.stamp(Resource::Endpoints, &mut endpoints);
    // Somebody else may have made it: then it is changed at the next look.
    let _ = world.store.create(key, endpoints);
}

fn write_slices(world: &World, service: &Value, pods: &[Arc<Value>]) {
    let ports = ports(service, pods.first());
    let chunks: Vec<Vec<Value>> =
        pods.chunks(SLICE).map(|pods| pods.iter().map(|pod| endpoint(pod)).collect()).collect();
    let mut slices = owned(world, Resource::EndpointSlices, service);
    slices.sort_by_key(|slice| text(slice, "/metadata/creationTimestamp").to_owned());
    let mut slices = slices.into_iter();
    // A Service without pods keeps one empty slice.
    for endpoints in if chunks.is_empty() { vec![Vec::new()] } else { chunks } {
        match slices.next() {
            Some(slice) => {
                change(world, Resource::EndpointSlices, &slice, |slice| {
                    if slice["endpoints"] != json!(endpoints) || slice["ports"] != json!(ports) {
                        slice["endpoints"] = json!(endpoints);
                        slice["ports"] = json!(ports);
                        let generation = object::number(slice, "/metadata/generation").unwrap_or(1) + 1;
                        object::metadata(slice).insert("generation".into(), json!(generation));
                    }
                });
            }
            None => make_slice(world, service, &endpoints, &ports),
        }
    }
    for spare in slices {
        let key = Key::new(Resource::EndpointSlices, object::namespace(&spare), object::name(&spare));
        // Gone already is as good.
        let _ = world.store.remove(&key);
    }
}

fn endpoint(pod: &Value) -> Value {
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": serves(pod), "serving": is_ready(pod), "terminating": object::is_terminating(pod)},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": target(pod),
    })
}

fn make_slice(world: &World, service: &Value, endpoints: &[Value], ports: &[Value]) {
    let name = format!("{}-{}", object::name(service), world.chance(|dice| suffix(dice, 5)));
    let namespace = object::namespace(service);
    let mut slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": name, "generateName": format!("{}-", object::name(service)), "namespace": namespace,
            "labels": {SERVICE_NAME: object::name(service), MANAGED_BY: MANAGER},
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
    });
    world.stamp(Resource::EndpointSlices, &mut slice);
    // Its name is random: it does not exist yet.
    let _ = world.store.create(Key::new(Resource::EndpointSlices, namespace, &name), slice);
}
