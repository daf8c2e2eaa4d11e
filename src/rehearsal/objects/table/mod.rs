//! Objects as `kubectl get` shows them: the server makes the columns (API concepts,
//! "Receiving resources as Tables").

mod age;
mod columns;
mod pod;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::rehearsal::cluster::resource::Resource;
use columns::columns;

/// What of an object goes with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncludeObject {
    None,
    Metadata,
    Object,
}

impl IncludeObject {
    /// By the query parameter `includeObject`.
    #[must_use]
    pub fn of(parameter: Option<&str>) -> Self {
        match parameter {
            Some("None") => Self::None,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// A `meta.k8s.io/v1` Table of objects of one kind.
#[must_use]
pub fn table(resource: Resource, objects: &[Arc<Value>], now: Timestamp, include: IncludeObject) -> Value {
    let columns = columns(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.kind,
                "format": if column.name == "Name" { "name" } else { "" },
                "description": "",
                "priority": column.priority,
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|column| (column.cell)(object, now)).collect();
            let mut row = json!({"cells": cells});
            match include {
                IncludeObject::None => {}
                IncludeObject::Metadata => row["object"] = partial(object),
                IncludeObject::Object => row["object"] = Value::clone(object),
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// An object's metadata alone.
#[must_use]
pub fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(resource: Resource, object: Value) -> Vec<String> {
        let now = "2026-11-26T12:00:00Z".parse().unwrap();
        let table = table(resource, &[Arc::new(object)], now, IncludeObject::Metadata);
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
        let cells = table["rows"][0]["cells"].as_array().unwrap();
        assert_eq!(cells.len(), table["columnDefinitions"].as_array().unwrap().len());
        cells.iter().map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned)).collect()
    }

    #[test]
    fn a_deployment_and_a_service_have_kubectls_columns() {
        let deployment = json!({
            "metadata": {"name": "backend-blue", "creationTimestamp": "2026-11-26T11:00:00Z"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "backend", "version": "blue"}},
                     "template": {"spec": {"containers": [{"name": "backend", "image": "b:v1"}]}}},
            "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2},
        });
        assert_eq!(
            row(Resource::Deployments, deployment),
            ["backend-blue", "2/3", "3", "2", "60m", "backend", "b:v1", "app=backend,version=blue"]
        );
        let service = json!({
            "metadata": {"name": "backend", "creationTimestamp": "2026-11-26T11:59:30Z"},
            "spec": {"type": "ClusterIP", "clusterIP": "198.51.100.129", "selector": {"app": "backend"},
                     "ports": [{"port": 80, "protocol": "TCP"}]},
        });
        assert_eq!(
            row(Resource::Services, service),
            ["backend", "ClusterIP", "198.51.100.129", "<none>", "80/TCP", "30s", "app=backend"]
        );
    }

    #[test]
    fn every_kind_has_its_row() {
        for resource in Resource::ALL {
            let cells = row(resource, json!({"metadata": {"name": "x"}}));
            assert!(cells.len() >= 2, "{resource}");
        }
    }
}
