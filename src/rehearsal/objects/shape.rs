//! What the lists and maps within objects are: by which key the elements of a list are
//! told apart when it is merged. The facts are those of the upstream types' tags
//! (`patchMergeKey`, `listType`, `listMapKey`).

use serde_json::Value;

use crate::rehearsal::cluster::resource::Resource;

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListShape {
    /// As a whole.
    Atomic,
    /// Plain values, each at most once.
    Set,
    /// Objects told apart by these fields. Strategic merges use the first one only.
    Map(&'static [&'static str]),
}

/// The shape of the list at `path` (field names only, without elements' places) for
/// server-side apply.
#[must_use]
pub fn list(resource: Resource, path: &[&str]) -> ListShape {
    use ListShape::{Atomic, Map, Set};
    let Some((name, parents)) = path.split_last() else { return Atomic };
    match (*name, parents.last().copied()) {
        ("containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env", _) => Map(&["name"]),
        ("imagePullSecrets", _) => Map(&["name"]),
        ("volumeMounts", _) => Map(&["mountPath"]),
        ("volumeDevices", _) => Map(&["devicePath"]),
        ("hostAliases" | "podIPs" | "hostIPs", _) => Map(&["ip"]),
        ("topologySpreadConstraints", _) => Map(&["topologyKey", "whenUnsatisfiable"]),
        ("ownerReferences", _) => Map(&["uid"]),
        ("finalizers", _) => Set,
        ("conditions", Some("status")) => Map(&["type"]),
        ("ports", Some("containers" | "initContainers")) => Map(&["containerPort", "protocol"]),
        ("ports", Some("spec")) if resource == Resource::Services => Map(&["port", "protocol"]),
        ("secrets", None) if resource == Resource::ServiceAccounts => Map(&["name"]),
        _ => Atomic,
    }
}

/// Whether the object at `path` is a map with free keys rather than a structure: then
/// the map itself is owned as well as its entries.
#[must_use]
pub fn is_map(path: &[&str]) -> bool {
    matches!(
        path,
        [.., "labels" | "annotations" | "matchLabels" | "nodeSelector" | "limits" | "requests"]
            | ["spec", "selector"]
            | ["data" | "binaryData" | "stringData"]
    )
}

/// Whether a map is owned as a whole (`+mapType=atomic`): label selectors.
#[must_use]
pub fn is_atomic_map(resource: Resource, path: &[&str]) -> bool {
    match path {
        // A Service's selector and everybody's selector are atomic; a Deployment's, too.
        ["spec", "selector"] => resource != Resource::Autoscalers,
        _ => false,
    }
}

/// The key of an element of a list of this shape; `None` where it lacks a part of it.
#[must_use]
pub fn key_of(element: &Value, keys: &[&str]) -> Option<Vec<(String, Value)>> {
    keys.iter()
        .map(|key| {
            let value = element.get(*key).cloned().or_else(|| default_of(key))?;
            Some(((*key).to_owned(), value))
        })
        .collect()
}

/// What a part of a key is where it is not written.
fn default_of(key: &str) -> Option<Value> {
    (key == "protocol").then(|| Value::from("TCP"))
}
