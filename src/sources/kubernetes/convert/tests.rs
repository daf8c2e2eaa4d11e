//! On objects as a real server wrote them (`samples/`), and on the forms that the API
//! reference documents where that server has none of the kind.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::*;
use crate::config::ColourNames;
use crate::sop::cluster::{FieldOwner, PodState};
use crate::sop::colour::PerColour;
use crate::sop::rollout::{Rollout, rollout};
use crate::sources::kubernetes::slim::{EndpointSlice, Endpoints, Pod};

const SERVICE: &str = include_str!("samples/service.json");
const DEPLOYMENT: &str = include_str!("samples/deployment.json");
const PODS: &str = include_str!("samples/pods.json");
const ENDPOINTS: &str = include_str!("samples/endpoints.json");
const ENDPOINTS_NOT_READY: &str = include_str!("samples/endpoints_not_ready.json");

fn names() -> Kubernetes {
    let colour = |name: &str| ColourNames { value: name.to_owned(), deployment: format!("backend-{name}") };
    Kubernetes {
        kubeconfig: None,
        context: None,
        namespace: "taxasge".into(),
        service: "backend".into(),
        selector_key: "version".into(),
        colours: PerColour { blue: colour("blue"), green: colour("green") },
        container: "backend".into(),
        port: 8000,
        token: None,
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn service_of(object: Value) -> crate::sop::cluster::ServiceState {
    service(&serde_json::from_value::<Service>(object).unwrap(), &names())
}

/// The pods of the sample, by name.
fn pod_named(name: &str) -> PodState {
    let list = parsed(PODS);
    let object = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|pod| pod["metadata"]["name"].as_str().is_some_and(|found| found.starts_with(name)));
    pod(&serde_json::from_value::<Pod>(object.unwrap().clone()).unwrap(), &names())
}

#[test]
fn a_service_tells_its_colour_and_who_set_it() {
    let state = service_of(parsed(SERVICE));
    assert_eq!((state.name.as_str(), state.active), ("backend", Some(Colour::Blue)));
    assert_eq!(state.selector.get("app").map(String::as_str), Some("backend"));
    assert_eq!(state.owner.unwrap().manager, "kubectl-client-side-apply");
    assert_eq!((state.gitops, state.mark), (None, None));

    let mut other = parsed(SERVICE);
    other["spec"]["selector"]["version"] = json!("purple");
    let state = service_of(other);
    assert_eq!((state.selector_value.as_deref(), state.active), (Some("purple"), None));

    let mut none = parsed(SERVICE);
    none["spec"].as_object_mut().unwrap().remove("selector");
    assert_eq!(service_of(none).selector_value, None);
}

#[test]
fn the_newest_owner_of_the_key_counts() {
    let entry = |manager: &str, time: &str, selector: Value| {
        json!({"manager": manager, "time": time, "operation": "Update", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:selector": selector}}})
    };
    let owner = |entries: Value| {
        let mut object = parsed(SERVICE);
        object["metadata"]["managedFields"] = entries;
        service_of(object).owner
    };
    let found = owner(json!([
        entry(
            "kubectl-client-side-apply",
            "2026-01-01T00:00:00Z",
            json!({".": {}, "f:app": {}, "f:version": {}})
        ),
        entry("cutover", "2026-01-03T00:00:00Z", json!({"f:version": {}})),
        entry("labeller", "2026-01-05T00:00:00Z", json!({"f:app": {}})),
    ]));
    let at = "2026-01-03T00:00:00Z".parse().ok();
    assert_eq!(found, Some(FieldOwner { manager: "cutover".into(), at }));

    // Servers that treat the selector as one value.
    let found = owner(json!([
        entry("kubectl", "2026-01-01T00:00:00Z", json!({})),
        entry("argocd-controller", "2026-01-02T00:00:00Z", json!({})),
    ]));
    assert_eq!(found.unwrap().manager, "argocd-controller");
    assert_eq!(owner(json!([])), None);
}

#[test]
fn gitops_is_known_by_its_marks() {
    let with = |labels: Value, annotations: Value, manager: &str| {
        let mut object = parsed(SERVICE);
        object["metadata"]["labels"] = labels;
        object["metadata"]["annotations"] = annotations;
        object["metadata"]["managedFields"][0]["manager"] = json!(manager);
        service_of(object).gitops.map(|gitops| (gitops.controller, gitops.application))
    };
    let argo = |application: &str| Some(("Argo CD", application.to_owned()));
    let flux = |application: &str| Some(("Flux", application.to_owned()));
    assert_eq!(with(json!({"argocd.argoproj.io/instance": "shop"}), json!({}), "x"), argo("shop"));
    let id = json!({"argocd.argoproj.io/tracking-id": "shop:/Service:taxasge/backend"});
    assert_eq!(with(json!({}), id, "x"), argo("shop"));
    let instance = json!({"app.kubernetes.io/instance": "shop"});
    assert_eq!(with(instance.clone(), json!({}), "helm"), None, "Helm sets that label too");
    assert_eq!(with(instance, json!({}), "argocd-controller"), argo("shop"));
    assert_eq!(with(json!({"kustomize.toolkit.fluxcd.io/name": "apps"}), json!({}), "x"), flux("apps"));
    assert_eq!(with(json!({"helm.toolkit.fluxcd.io/name": "rel"}), json!({}), "x"), flux("rel"));
    assert_eq!(with(json!({}), json!({}), "x"), None);
}

#[test]
fn an_operations_mark_is_read_back() {
    let mut object = parsed(SERVICE);
    object["metadata"]["annotations"] = json!({
        marks::OPERATION: "01J", marks::FENCE: "7", marks::AT: "2026-01-01T00:00:00Z", marks::BY: "ada@\u{1b}[31mhost"
    });
    let mark = service_of(object.clone()).mark.unwrap();
    assert_eq!((mark.id.0.as_str(), mark.fence), ("01J", Some(7)));
    assert_eq!((mark.at, mark.by.as_deref()), ("2026-01-01T00:00:00Z".parse().ok(), Some("ada@ [31mhost")));

    object["metadata"]["annotations"] = json!({marks::OPERATION: "01J", marks::FENCE: "many"});
    let mark = service_of(object).mark.unwrap();
    assert_eq!((mark.fence, mark.at, mark.by), (None, None, None));
}

#[test]
fn a_deployment_tells_its_rollout_and_image() {
    let of = |object: Value| deployment(&serde_json::from_value::<Deployment>(object).unwrap(), &names());
    let state = of(parsed(DEPLOYMENT));
    assert_eq!((state.desired, state.updated, state.ready, state.available), (3, 3, 3, 3));
    assert_eq!(state.image.as_deref(), Some("ghcr.io/taxasge/backend:v1.0.0"));
    assert_eq!((state.revision, state.desired_before), (Some(1), None));
    assert_eq!(rollout(&state), Rollout::Done);
    assert_eq!(state.match_labels.get("version").map(String::as_str), Some("blue"));

    let mut other = parsed(DEPLOYMENT);
    other["spec"]["template"]["spec"]["containers"][0]["name"] = json!("sidecar");
    other["spec"].as_object_mut().unwrap().remove("replicas");
    other["metadata"]["annotations"] = json!({marks::DESIRED_BEFORE: "3"});
    other.as_object_mut().unwrap().remove("status");
    let state = of(other);
    assert_eq!((state.image, state.desired, state.ready), (None, 1, 0));
    assert_eq!((state.revision, state.desired_before, state.conditions.len()), (None, Some(3), 0));
}

#[test]
fn a_replica_set_carries_its_revision() {
    let object = json!({
        "metadata": {"name": "backend-blue-c6cddb5c7",
            "labels": {"version": "blue", "pod-template-hash": "c6cddb5c7"},
            "annotations": {"deployment.kubernetes.io/revision": "4"}},
        "spec": {"replicas": 0, "selector": {}, "template": {"spec": {"containers": [{"name": "backend", "image": "b:v1"}]}}},
    });
    let state = replica_set(&serde_json::from_value::<ReplicaSet>(object).unwrap(), &names());
    assert_eq!((state.colour, state.revision, state.desired), (Some(Colour::Blue), Some(4), 0));
    assert_eq!((state.hash.as_deref(), state.image.as_deref()), (Some("c6cddb5c7"), Some("b:v1")));
}

#[test]
fn pods_tell_why_they_do_not_run() {
    let crash = pod_named("crash");
    assert_eq!(crash.reason.as_deref(), Some("CrashLoopBackOff"));
    assert_eq!(crash.last_end.as_deref(), Some("Error (exit 3)"));
    assert_eq!((crash.colour, crash.ready, crash.restarts), (Some(Colour::Green), false, 3));
    assert!(crash.image_id.is_some() && crash.address.is_some() && crash.created.is_some());

    let memory = pod_named("oom");
    assert_eq!(memory.reason.as_deref(), Some("CrashLoopBackOff"));
    assert_eq!(memory.last_end.as_deref(), Some("OOMKilled"));

    let image = pod_named("bad");
    assert_eq!(image.reason.as_deref(), Some("ImagePullBackOff"));
    assert_eq!(image.message.as_deref(), Some("Back-off pulling image \"ghcr.io/taxasge/backend:v9.9.9\""));
    assert_eq!((image.colour, image.node.as_deref()), (None, Some("lab")));

    let big = pod_named("big");
    assert_eq!(big.reason.as_deref(), Some("Unschedulable"));
    assert_eq!(big.message.as_deref(), Some("0/1 nodes are available: 1 Insufficient memory."));
    assert_eq!((big.phase.as_str(), big.node, big.colour), ("Pending", None, Some(Colour::Blue)));
}

#[test]
fn a_pod_that_serves_or_goes_says_so() {
    let of = |object: Value| pod(&serde_json::from_value::<Pod>(object).unwrap(), &names());
    let object = json!({
        "metadata": {"name": "p", "labels": {"version": "green", "pod-template-hash": "h"}, "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "sidecar", "image": "s:1"}, {"name": "backend", "image": "b:v2"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "initContainerStatuses": [{"name": "init", "restartCount": 4, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
            "containerStatuses": [
                {"name": "sidecar", "restartCount": 1, "state": {"running": {}}},
                {"name": "backend", "restartCount": 2, "imageID": "b@sha256:1", "state": {"running": {}}},
            ]},
    });
    let state = of(object);
    assert!(state.ready && state.terminating);
    assert_eq!((state.reason, state.restarts), (None, 3));
    assert_eq!((state.image.as_deref(), state.image_id.as_deref()), (Some("b:v2"), Some("b@sha256:1")));

    let init = json!({"metadata": {"name": "p"}, "status": {"phase": "Pending",
        "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
        "containerStatuses": [{"name": "backend", "state": {"waiting": {"reason": "PodInitializing"}}}]}});
    assert_eq!(of(init).reason.as_deref(), Some("Init:Error (exit 1)"));

    let evicted = json!({"metadata": {"name": "p"}, "status": {"phase": "Failed", "reason": "Evicted", "message": "disk\npressure"}});
    let state = of(evicted);
    assert_eq!((state.reason.as_deref(), state.message.as_deref()), (Some("Evicted"), Some("disk pressure")));
}

#[test]
fn nulls_and_missing_parts_are_not_known_rather_than_wrong() {
    let nulls = json!({"metadata": {"name": "p", "labels": null, "creationTimestamp": null},
        "spec": {"containers": null}, "status": {"conditions": null, "containerStatuses": null}});
    let state = pod(&serde_json::from_value::<Pod>(nulls).unwrap(), &names());
    assert_eq!((state.phase.as_str(), state.colour, state.ready), ("Unknown", None, false));
    assert_eq!(pod(&Pod::default(), &names()).name, "");
    let empty: Endpoints = serde_json::from_value(json!({"metadata": null, "subsets": null})).unwrap();
    assert!(from_endpoints(&empty).is_empty());
}

#[test]
fn endpoints_tell_which_pods_are_served() {
    let of = |text: &str| from_endpoints(&serde_json::from_str::<Endpoints>(text).unwrap());
    let ready = of(ENDPOINTS);
    assert_eq!(ready.len(), 3);
    assert!(ready.iter().all(|endpoint| endpoint.ready));
    assert!(ready.iter().any(|endpoint| endpoint.pod.as_deref() == Some("backend-blue-c6cddb5c7-tw2wz")));

    let waiting = of(ENDPOINTS_NOT_READY);
    let pods: Vec<_> = waiting.iter().map(|endpoint| (endpoint.pod.as_deref(), endpoint.ready)).collect();
    assert_eq!(pods, [(Some("crash"), false), (Some("oom"), false)]);
}

#[test]
fn slices_are_put_together_and_each_pod_counts_once() {
    let slice = |endpoints: Value| -> EndpointSlice {
        serde_json::from_value(json!({"metadata": {"name": "backend-abc"}, "addressType": "IPv4",
            "endpoints": endpoints, "ports": [{"name": "http", "port": 8000}]}))
        .unwrap()
    };
    let endpoint = |address: &str, pod: &str, conditions: Value| {
        json!({"addresses": [address], "conditions": conditions,
            "targetRef": {"kind": "Pod", "name": pod, "namespace": "taxasge"}, "nodeName": "lab"})
    };
    let old = slice(json!([
        endpoint("10.0.0.1", "a", json!({"ready": true, "serving": true, "terminating": false})),
        endpoint("10.0.0.2", "b", json!({"ready": false, "serving": true, "terminating": true})),
        endpoint("10.0.0.3", "c", json!({})),
    ]));
    // IPv6 addresses of the same pods have a slice of their own.
    let v6 = slice(json!([endpoint("fd00::1", "a", json!({"ready": true}))]));
    let alien =
        slice(json!([{"addresses": ["192.0.2.7"], "conditions": {"ready": true}}, {"addresses": []}]));
    let states = from_slices([&old, &v6, &alien]);
    let seen: Vec<_> = states.iter().map(|e| (e.pod.as_deref(), e.ready)).collect();
    assert_eq!(seen, [(None, true), (Some("a"), true), (Some("b"), false), (Some("c"), true)]);
    assert!(from_slices([&slice(Value::Null)]).is_empty());
}

#[test]
fn only_autoscalers_of_the_pair_count() {
    let of = |kind: &str, name: &str| {
        let object = json!({"metadata": {"name": "scaler"}, "spec": {"maxReplicas": 9,
            "scaleTargetRef": {"kind": kind, "name": name, "apiVersion": "apps/v1"}}});
        autoscaler(&serde_json::from_value::<HorizontalPodAutoscaler>(object).unwrap(), &names())
    };
    let state = of("Deployment", "backend-green").unwrap();
    assert_eq!((state.colour, state.min, state.max), (Colour::Green, 1, 9));
    assert_eq!(of("Deployment", "other"), None);
    assert_eq!(of("StatefulSet", "backend-green"), None);
}
