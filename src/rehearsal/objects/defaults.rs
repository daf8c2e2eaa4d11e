//! What a server fills in where a manifest says nothing (the API reference's defaults).

use serde_json::{Map, Value, json};

use crate::rehearsal::cluster::object::{as_object, part};
use crate::rehearsal::cluster::resource::Resource;

/// Fills in the defaults. A Service's `clusterIP` is not one: it is allocated by whoever
/// stores the object.
pub fn fill(resource: Resource, object: &mut Value) {
    match resource {
        Resource::Pods => pod(part(object, "spec"), Owner::Pod),
        Resource::Deployments => deployment(part(object, "spec")),
        Resource::ReplicaSets => {
            let spec = part(object, "spec");
            default(spec, "replicas", json!(1));
            template(spec);
        }
        Resource::Services => service(part(object, "spec")),
        Resource::Namespaces => default(part(object, "spec"), "finalizers", json!(["kubernetes"])),
        Resource::Secrets => default(as_object(object), "type", json!("Opaque")),
        Resource::Autoscalers => default(part(object, "spec"), "minReplicas", json!(1)),
        Resource::Endpoints => ports_of_subsets(object),
        Resource::RoleBindings => role_binding(object),
        _ => {}
    }
    if resource == Resource::Pods {
        status_of_new_pod(object);
    }
}

fn default(map: &mut Map<String, Value>, key: &str, value: Value) {
    map.entry(key).or_insert(value);
}

fn child<'m>(map: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    as_object(map.entry(key).or_insert_with(|| json!({})))
}

fn each<'m>(map: &'m mut Map<String, Value>, key: &str) -> impl Iterator<Item = &'m mut Map<String, Value>> {
    map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// What a pod's spec stands in: some defaults are for pods alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Pod,
    Template,
}

fn deployment(spec: &mut Map<String, Value>) {
    default(spec, "replicas", json!(1));
    default(spec, "revisionHistoryLimit", json!(10));
    default(spec, "progressDeadlineSeconds", json!(600));
    let strategy = child(spec, "strategy");
    default(strategy, "type", json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        default(rolling, "maxUnavailable", json!("25%"));
        default(rolling, "maxSurge", json!("25%"));
    }
    template(spec);
}

fn template(spec: &mut Map<String, Value>) {
    pod(child(child(spec, "template"), "spec"), Owner::Template);
}

fn pod(spec: &mut Map<String, Value>, owner: Owner) {
    default(spec, "restartPolicy", json!("Always"));
    default(spec, "terminationGracePeriodSeconds", json!(30));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "securityContext", json!({}));
    default(spec, "schedulerName", json!("default-scheduler"));
    if owner == Owner::Pod {
        default(spec, "enableServiceLinks", json!(true));
        default(spec, "priority", json!(0));
        default(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
        let unwell = |condition: &str| {
            json!({"key": format!("node.kubernetes.io/{condition}"), "operator": "Exists",
                   "effect": "NoExecute", "tolerationSeconds": 300})
        };
        default(spec, "tolerations", json!([unwell("not-ready"), unwell("unreachable")]));
    }
    for key in ["containers", "initContainers"] {
        each(spec, key).for_each(container);
        if owner == Owner::Pod {
            each(spec, key).for_each(requests_from_limits);
        }
    }
}

fn container(container: &mut Map<String, Value>) {
    default(container, "terminationMessagePath", json!("/dev/termination-log"));
    default(container, "terminationMessagePolicy", json!("File"));
    default(container, "resources", json!({}));
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or(image);
    let floats = !image.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    default(container, "imagePullPolicy", json!(if floats { "Always" } else { "IfNotPresent" }));
    each(container, "ports").for_each(|port| default(port, "protocol", json!("TCP")));
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).and_then(Value::as_object_mut) {
            default(probe, "timeoutSeconds", json!(1));
            default(probe, "periodSeconds", json!(10));
            default(probe, "successThreshold", json!(1));
            default(probe, "failureThreshold", json!(3));
            if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
                default(get, "scheme", json!("HTTP"));
                default(get, "path", json!("/"));
            }
        }
    }
}

/// Where a container has limits and no requests, these are its requests.
fn requests_from_limits(container: &mut Map<String, Value>) {
    let resources = child(container, "resources");
    if let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() {
        let requests = child(resources, "requests");
        limits.into_iter().for_each(|(name, limit)| default(requests, &name, limit));
    }
}

/// Only for objects of kind Pod: templates keep what was written.
fn status_of_new_pod(object: &mut Value) {
    let class = qos_class(&object["spec"]);
    let status = part(object, "status");
    default(status, "phase", json!("Pending"));
    default(status, "qosClass", json!(class));
}

/// The pod's class by its containers' requests and limits ("Pod Quality of Service
/// Classes"): only memory is looked at beside cpu, as upstream does.
fn qos_class(spec: &Value) -> &'static str {
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let amount = |container: &Value, kind: &str, what: &str| container["resources"][kind].get(what).cloned();
    let guaranteed = |container: &Value| {
        ["cpu", "memory"].into_iter().all(|what| {
            let limit = amount(container, "limits", what);
            limit.is_some() && limit == amount(container, "requests", what)
        })
    };
    let nothing = |container: &Value| {
        ["cpu", "memory"].into_iter().all(|what| {
            amount(container, "limits", what).is_none() && amount(container, "requests", what).is_none()
        })
    };
    if containers.iter().all(nothing) {
        "BestEffort"
    } else if containers.iter().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn service(spec: &mut Map<String, Value>) {
    default(spec, "type", json!("ClusterIP"));
    default(spec, "sessionAffinity", json!("None"));
    default(spec, "ipFamilies", json!(["IPv4"]));
    default(spec, "ipFamilyPolicy", json!("SingleStack"));
    default(spec, "internalTrafficPolicy", json!("Cluster"));
    each(spec, "ports").for_each(|port| {
        default(port, "protocol", json!("TCP"));
        let same = port.get("port").cloned().unwrap_or(Value::Null);
        default(port, "targetPort", same);
    });
}

fn ports_of_subsets(object: &mut Value) {
    each(as_object(object), "subsets")
        .for_each(|subset| each(subset, "ports").for_each(|port| default(port, "protocol", json!("TCP"))));
}

fn role_binding(object: &mut Value) {
    let group = json!("rbac.authorization.k8s.io");
    default(part(object, "roleRef"), "apiGroup", group.clone());
    each(as_object(object), "subjects").for_each(|subject| {
        if subject.get("kind").is_some_and(|kind| kind == "User" || kind == "Group") {
            default(subject, "apiGroup", group.clone());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_deployment_has_what_the_api_reference_says() {
        let mut object = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "b", "image": "ghcr.io/t/b:v1", "ports": [{"containerPort": 8000}],
             "readinessProbe": {"httpGet": {"port": 8000}, "periodSeconds": 1},
             "resources": {"limits": {"memory": "128Mi"}}}]}}}});
        fill(Resource::Deployments, &mut object);
        let spec = &object["spec"];
        assert_eq!(spec["strategy"]["rollingUpdate"], json!({"maxSurge": "25%", "maxUnavailable": "25%"}));
        let container = &spec["template"]["spec"]["containers"][0];
        assert_eq!(container["imagePullPolicy"], "IfNotPresent");
        assert_eq!(container["ports"][0]["protocol"], "TCP");
        assert_eq!(container["readinessProbe"]["periodSeconds"], 1);
        assert_eq!(container["readinessProbe"]["failureThreshold"], 3);
        assert_eq!(container["resources"].get("requests"), None, "that is for pods alone");
        assert_eq!(spec["template"]["spec"].get("tolerations"), None, "that is for pods alone");
        let once = object.clone();
        fill(Resource::Deployments, &mut object);
        assert_eq!(object, once);
    }

    #[test]
    fn pods_get_a_phase_and_a_class() {
        let pod = |resources: Value| {
            let mut pod =
                json!({"spec": {"containers": [{"name": "b", "image": "b", "resources": resources}]}});
            fill(Resource::Pods, &mut pod);
            (
                pod["status"]["phase"].clone(),
                pod["status"]["qosClass"].clone(),
                pod["spec"]["containers"][0]["imagePullPolicy"].clone(),
            )
        };
        assert_eq!(pod(json!({})), (json!("Pending"), json!("BestEffort"), json!("Always")));
        assert_eq!(pod(json!({"limits": {"memory": "1Gi"}})).1, "Burstable");
        assert_eq!(pod(json!({"limits": {"memory": "1Gi", "cpu": "1"}})).1, "Guaranteed");
    }
}
