//! What the kinds are made of, the parts that people ask `kubectl explain` about.

use serde_json::{Map, Value, json};

use crate::rehearsal::cluster::resource::Resource;

/// A field: name, type (`string`, `integer`, `boolean`, `object`, `array`) and words.
type Field = (&'static str, &'static str, &'static str);

/// The name of a kind's schema.
pub(super) fn name(group: &str, version: &str, kind: &str) -> String {
    let group = if group.is_empty() { "core" } else { group.split('.').next().unwrap_or(group) };
    format!("io.k8s.api.{group}.{version}.{kind}")
}

/// The schemas of a kind, of its spec and of its status.
pub(super) fn of(resource: Resource, group: &str, version: &str) -> Map<String, Value> {
    let naming = resource.naming();
    let own = name(group, version, naming.kind);
    let mut properties = Map::new();
    properties.insert("apiVersion".into(), property("string", "Group and version of this kind."));
    properties.insert("kind".into(), property("string", "The kind of object."));
    properties
        .insert("metadata".into(), property("object", "What every object has: name, labels, annotations."));
    let mut schemas = Map::new();
    for (part, fields) in parts(resource) {
        if fields.is_empty() {
            properties.insert((*part).into(), property("object", "Free keys and values."));
            continue;
        }
        let within = format!("{own}.{part}");
        let listed: Map<String, Value> =
            fields.iter().map(|(name, kind, words)| ((*name).to_owned(), property(kind, words))).collect();
        schemas.insert(
            within.clone(),
            json!({"type": "object", "description": format!("The {part}."), "properties": listed}),
        );
        properties.insert((*part).into(), json!({"allOf": [{"$ref": format!("#/components/schemas/{within}")}], "description": format!("The {part} of the object.")}));
    }
    schemas.insert(
        own,
        json!({
            "type": "object",
            "description": words(resource),
            "properties": properties,
            "x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": naming.kind}],
        }),
    );
    schemas
}

fn property(kind: &str, words: &str) -> Value {
    match kind {
        "array" => json!({"type": "array", "description": words, "items": {"type": "object"}}),
        "object" => {
            json!({"type": "object", "description": words, "additionalProperties": {"type": "string"}})
        }
        kind => json!({"type": kind, "description": words}),
    }
}

const fn words(resource: Resource) -> &'static str {
    match resource {
        Resource::Deployments => {
            "Keeps so many pods of one template running and replaces them step by step when it changes."
        }
        Resource::ReplicaSets => "Keeps so many pods of one template running.",
        Resource::Pods => "Containers that run together on one node.",
        Resource::Services => "One address for the pods that a selector finds.",
        Resource::Endpoints => "The addresses behind a Service.",
        Resource::EndpointSlices => "Some of the addresses behind a Service.",
        Resource::ConfigMaps => "Configuration as keys and values.",
        Resource::Leases => "Who holds something, and until when.",
        Resource::Autoscalers => "Scales a workload by what is measured of it.",
        Resource::Events => "Something that happened to an object.",
        _ => "An object of the cluster.",
    }
}

const SELECTOR: Field = ("selector", "object", "Which pods belong to it.");
const REPLICAS: Field = ("replicas", "integer", "How many pods there should be.");
const TEMPLATE: Field = ("template", "object", "What the pods are made from.");
const CONDITIONS: Field = ("conditions", "array", "How it stands, by name.");
const OBSERVED: Field = ("observedGeneration", "integer", "The generation that the controller has seen.");

const fn parts(resource: Resource) -> &'static [(&'static str, &'static [Field])] {
    match resource {
        Resource::Deployments => &[
            (
                "spec",
                &[
                    REPLICAS,
                    SELECTOR,
                    TEMPLATE,
                    ("strategy", "object", "How old pods give way to new ones."),
                    ("minReadySeconds", "integer", "How long a pod is ready before it counts as available."),
                    (
                        "progressDeadlineSeconds",
                        "integer",
                        "How long it may make no progress before it has failed.",
                    ),
                    ("revisionHistoryLimit", "integer", "How many old ReplicaSets are kept."),
                    ("paused", "boolean", "Whether changes of the template wait."),
                ],
            ),
            (
                "status",
                &[
                    OBSERVED,
                    ("replicas", "integer", "Pods there are."),
                    ("updatedReplicas", "integer", "Pods made from the present template."),
                    ("readyReplicas", "integer", "Pods that are ready."),
                    ("availableReplicas", "integer", "Pods that have been ready for long enough."),
                    ("unavailableReplicas", "integer", "Pods that are still missing."),
                    CONDITIONS,
                ],
            ),
        ],
        Resource::ReplicaSets => {
            &[("spec", &[REPLICAS, SELECTOR, TEMPLATE]), ("status", &[OBSERVED, CONDITIONS])]
        }
        Resource::Pods => &[
            (
                "spec",
                &[
                    ("containers", "array", "What runs in it."),
                    ("nodeName", "string", "The node that it runs on."),
                    ("restartPolicy", "string", "Whether containers that ended are started again."),
                    ("terminationGracePeriodSeconds", "integer", "How long it may take to end."),
                ],
            ),
            (
                "status",
                &[
                    ("phase", "string", "Pending, Running, Succeeded, Failed or Unknown."),
                    ("podIP", "string", "Its address."),
                    ("containerStatuses", "array", "How its containers stand."),
                    CONDITIONS,
                ],
            ),
        ],
        Resource::Services => &[(
            "spec",
            &[
                SELECTOR,
                ("ports", "array", "The ports that it answers on."),
                ("clusterIP", "string", "Its address within the cluster."),
                ("type", "string", "How it is reached."),
                ("sessionAffinity", "string", "Whether a client stays with one pod."),
            ],
        )],
        Resource::Leases => &[(
            "spec",
            &[
                ("holderIdentity", "string", "Who holds it."),
                ("leaseDurationSeconds", "integer", "How long it holds without being renewed."),
                ("renewTime", "string", "When it was last renewed."),
                ("leaseTransitions", "integer", "How often it changed hands."),
            ],
        )],
        Resource::ConfigMaps | Resource::Secrets => &[("data", &[])],
        _ => &[("spec", &[]), ("status", &[])],
    }
}
