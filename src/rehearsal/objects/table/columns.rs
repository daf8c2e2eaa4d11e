//! The columns of each kind, as the real server prints them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::since;
use super::pod;
use crate::rehearsal::cluster::object::{name, number, text};
use crate::rehearsal::cluster::resource::Resource;

/// One column.
pub(super) struct Column {
    pub name: &'static str,
    /// `string` or `integer`.
    pub kind: &'static str,
    /// 0: always shown; 1: with `-o wide`.
    pub priority: u8,
    pub cell: fn(&Value, Timestamp) -> Value,
}

const fn words(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Column {
    Column { name, kind: "string", priority: 0, cell }
}

const fn count(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Column {
    Column { name, kind: "integer", priority: 0, cell }
}

const fn wide(column: Column) -> Column {
    Column { priority: 1, ..column }
}

const NAME: Column = words("Name", |object, _| json!(name(object)));
const AGE: Column =
    words("Age", |object, now| json!(since(text(object, "/metadata/creationTimestamp"), now)));

/// The columns of a kind.
pub(super) fn columns(resource: Resource) -> Vec<Column> {
    match resource {
        Resource::Pods => pods(),
        Resource::Deployments => deployments(),
        Resource::ReplicaSets => replica_sets(),
        Resource::Services => services(),
        Resource::Endpoints => vec![NAME, words("Endpoints", |object, _| json!(endpoints(object))), AGE],
        Resource::EndpointSlices => slices(),
        Resource::ConfigMaps => vec![NAME, count("Data", |object, _| json!(data(object))), AGE],
        Resource::Secrets => vec![
            NAME,
            words("Type", |object, _| object["type"].clone()),
            count("Data", |object, _| json!(data(object))),
            AGE,
        ],
        Resource::Leases => {
            vec![NAME, words("Holder", |object, _| json!(text(object, "/spec/holderIdentity"))), AGE]
        }
        Resource::Events => events(),
        Resource::Autoscalers => autoscalers(),
        Resource::Namespaces => {
            vec![NAME, words("Status", |object, _| json!(text(object, "/status/phase"))), AGE]
        }
        Resource::Nodes => nodes(),
        Resource::ServiceAccounts => {
            vec![NAME, count("Secrets", |object, _| json!(length(&object["secrets"]))), AGE]
        }
        Resource::Roles => {
            vec![NAME, words("Created At", |object, _| object["metadata"]["creationTimestamp"].clone())]
        }
        Resource::RoleBindings => vec![
            NAME,
            words("Role", |object, _| {
                json!(format!("{}/{}", text(object, "/roleRef/kind"), text(object, "/roleRef/name")))
            }),
            AGE,
        ],
    }
}

fn pods() -> Vec<Column> {
    vec![
        NAME,
        words("Ready", |object, _| pod::ready(object)),
        words("Status", |object, _| pod::status(object)),
        words("Restarts", pod::restarts),
        AGE,
        wide(words("IP", |object, _| or_none(text(object, "/status/podIP")))),
        wide(words("Node", |object, _| or_none(text(object, "/spec/nodeName")))),
        wide(words("Nominated Node", |object, _| or_none(text(object, "/status/nominatedNodeName")))),
        wide(words("Readiness Gates", |object, _| pod::gates(object))),
    ]
}

const CONTAINERS: Column = wide(words("Containers", |object, _| json!(containers(object, "name"))));
const IMAGES: Column = wide(words("Images", |object, _| json!(containers(object, "image"))));
const SELECTOR: Column =
    wide(words("Selector", |object, _| match object.pointer("/spec/selector/matchLabels") {
        Some(labels) => json!(labels_words(labels)),
        None => json!("<none>"),
    }));

fn deployments() -> Vec<Column> {
    vec![
        NAME,
        words("Ready", |object, _| {
            let ready = number(object, "/status/readyReplicas").unwrap_or_default();
            json!(format!("{ready}/{}", number(object, "/spec/replicas").unwrap_or(1)))
        }),
        words("Up-to-date", |object, _| json!(number(object, "/status/updatedReplicas").unwrap_or_default())),
        words("Available", |object, _| {
            json!(number(object, "/status/availableReplicas").unwrap_or_default())
        }),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ]
}

fn replica_sets() -> Vec<Column> {
    vec![
        NAME,
        count("Desired", |object, _| json!(number(object, "/spec/replicas").unwrap_or(1))),
        count("Current", |object, _| json!(number(object, "/status/replicas").unwrap_or_default())),
        count("Ready", |object, _| json!(number(object, "/status/readyReplicas").unwrap_or_default())),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ]
}

fn services() -> Vec<Column> {
    vec![
        NAME,
        words("Type", |object, _| json!(text(object, "/spec/type"))),
        words("Cluster-IP", |object, _| or_none(text(object, "/spec/clusterIP"))),
        words("External-IP", |_, _| json!("<none>")),
        words("Port(s)", |object, _| {
            let ports = object.pointer("/spec/ports").and_then(Value::as_array);
            let port =
                |port: &Value| format!("{}/{}", port["port"], port["protocol"].as_str().unwrap_or("TCP"));
            json!(or_none_list(ports.into_iter().flatten().map(port)))
        }),
        AGE,
        wide(words("Selector", |object, _| match object.pointer("/spec/selector") {
            Some(labels) => json!(labels_words(labels)),
            None => json!("<none>"),
        })),
    ]
}

fn slices() -> Vec<Column> {
    vec![
        NAME,
        words("AddressType", |object, _| object["addressType"].clone()),
        words("Ports", |object, _| {
            let ports = object["ports"].as_array().into_iter().flatten().map(|port| port["port"].to_string());
            json!(or_unset(ports))
        }),
        words("Endpoints", |object, _| {
            let endpoints = object["endpoints"].as_array().into_iter().flatten();
            let addresses =
                endpoints.flat_map(|endpoint| endpoint["addresses"].as_array().into_iter().flatten());
            json!(or_unset(addresses.filter_map(|address| address.as_str().map(str::to_owned))))
        }),
        AGE,
    ]
}

fn events() -> Vec<Column> {
    vec![
        words("Last Seen", |object, now| {
            let last = text(object, "/lastTimestamp");
            json!(since(if last.is_empty() { text(object, "/eventTime") } else { last }, now))
        }),
        words("Type", |object, _| object["type"].clone()),
        words("Reason", |object, _| object["reason"].clone()),
        words("Object", |object, _| {
            let kind = text(object, "/involvedObject/kind").to_lowercase();
            json!(format!("{kind}/{}", text(object, "/involvedObject/name")))
        }),
        wide(words("Subobject", |object, _| json!(text(object, "/involvedObject/fieldPath")))),
        wide(words("Source", |object, _| json!(text(object, "/source/component")))),
        words("Message", |object, _| json!(text(object, "/message").trim())),
        wide(words("First Seen", |object, now| json!(since(text(object, "/firstTimestamp"), now)))),
        wide(words("Count", |object, _| json!(number(object, "/count").unwrap_or(1)))),
        wide(NAME),
    ]
}

fn autoscalers() -> Vec<Column> {
    vec![
        NAME,
        words("Reference", |object, _| {
            json!(format!(
                "{}/{}",
                text(object, "/spec/scaleTargetRef/kind"),
                text(object, "/spec/scaleTargetRef/name")
            ))
        }),
        words("Targets", |object, _| {
            let target = object.pointer("/spec/metrics/0/resource/target/averageUtilization");
            json!(target.map_or_else(|| "<none>".into(), |target| format!("cpu: <unknown>/{target}%")))
        }),
        words("MinPods", |object, _| json!(number(object, "/spec/minReplicas").unwrap_or(1).to_string())),
        count("MaxPods", |object, _| json!(number(object, "/spec/maxReplicas").unwrap_or_default())),
        count("Replicas", |object, _| json!(number(object, "/status/currentReplicas").unwrap_or_default())),
        AGE,
    ]
}

fn nodes() -> Vec<Column> {
    vec![
        NAME,
        words("Status", |object, _| {
            let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
            let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
            json!(match ready.and_then(|condition| condition["status"].as_str()) {
                Some("True") => "Ready",
                Some(_) => "NotReady",
                None => "Unknown",
            })
        }),
        words("Roles", |_, _| json!("<none>")),
        AGE,
        words("Version", |object, _| json!(text(object, "/status/nodeInfo/kubeletVersion"))),
        wide(words("Internal-IP", |object, _| or_none(text(object, "/status/addresses/0/address")))),
        wide(words("OS-Image", |object, _| json!(text(object, "/status/nodeInfo/osImage")))),
    ]
}

fn or_none(text: &str) -> Value {
    json!(if text.is_empty() { "<none>" } else { text })
}

fn or_none_list(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "<none>".into() } else { parts.join(",") }
}

fn or_unset(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    match parts.len() {
        0 => "<unset>".into(),
        1..=3 => parts.join(","),
        more => format!("{} + {} more...", parts[..3].join(","), more - 3),
    }
}

fn length(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

fn data(object: &Value) -> usize {
    ["data", "binaryData"].iter().map(|key| object[key].as_object().map_or(0, serde_json::Map::len)).sum()
}

fn containers(object: &Value, field: &str) -> String {
    let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let named = containers.into_iter().flatten().filter_map(|container| container[field].as_str());
    named.collect::<Vec<_>>().join(",")
}

fn labels_words(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    or_none_list(labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())))
}

fn endpoints(object: &Value) -> String {
    let subsets = object["subsets"].as_array().into_iter().flatten();
    let pairs: Vec<String> = subsets
        .flat_map(|subset| {
            let ports: Vec<&Value> = subset["ports"].as_array().into_iter().flatten().collect();
            let addresses = subset["addresses"].as_array().into_iter().flatten();
            addresses
                .flat_map(move |address| {
                    let address = address["ip"].as_str().unwrap_or_default().to_owned();
                    ports.clone().into_iter().map(move |port| format!("{address}:{}", port["port"]))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    match pairs.len() {
        0 => "<none>".into(),
        1..=3 => pairs.join(","),
        more => format!("{} + {} more...", pairs[..3].join(","), more - 3),
    }
}
