//! OpenAPI as far as kubectl asks for it: which operations validate fields and take dry
//! runs, and what the kinds are made of for `kubectl explain`.

mod schemas;
mod v2;

use serde_json::{Value, json};

use super::{Document, discovery};
use crate::rehearsal::cluster::resource::Resource;

const JSON: &str = "application/json";

/// The document at an OpenAPI path; `None` where there is none.
#[must_use]
pub fn answer(path: &str, accept: &str) -> Option<Document> {
    let path = path.trim_end_matches('/');
    match path {
        "/openapi/v2" => Some(v2::document(accept)),
        "/openapi/v3" => Some(Document::json(JSON, &index())),
        _ => {
            let (group, version) = group_version(path.strip_prefix("/openapi/v3/")?)?;
            Some(Document::json(JSON, &document(group, version)))
        }
    }
}

fn place(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn group_version(path: &str) -> Option<(&'static str, &'static str)> {
    discovery::group_versions().find(|(group, version)| place(group, version) == path)
}

fn index() -> Value {
    let paths: serde_json::Map<String, Value> = discovery::group_versions()
        .map(|(group, version)| {
            let place = place(group, version);
            let url = format!("/openapi/v3/{place}?hash=rehearsal");
            (place, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

fn parameters(names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| {
            let kind = if *name == "force" { "boolean" } else { "string" };
            json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
        })
        .collect()
}

fn operation(action: &str, kind: &Value, names: &[&str], schema: &str) -> Value {
    let media = json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
    json!({
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind,
        "parameters": parameters(names),
        "responses": {"200": {"description": "OK", "content": {"application/json": media}}},
    })
}

fn document(group: &str, version: &str) -> Value {
    let mut paths = serde_json::Map::new();
    let mut components = serde_json::Map::new();
    for resource in discovery::kinds(group, version) {
        let naming = resource.naming();
        let gvk = json!({"group": group, "version": version, "kind": naming.kind});
        let schema = schemas::name(group, version, naming.kind);
        let within = if naming.namespaced { "/namespaces/{namespace}" } else { "" };
        let all = format!("/{}{within}/{}", place(group, version), naming.plural);
        let writing = ["dryRun", "fieldManager", "fieldValidation"];
        let patching = ["dryRun", "fieldManager", "fieldValidation", "force"];
        paths.insert(
            format!("{all}/{{name}}"),
            json!({
                "get": operation("get", &gvk, &[], &schema),
                "put": operation("put", &gvk, &writing, &schema),
                "patch": operation("patch", &gvk, &patching, &schema),
                "delete": operation("delete", &gvk, &["dryRun", "gracePeriodSeconds", "propagationPolicy"], &schema),
            }),
        );
        paths.insert(
            all,
            json!({
                "get": operation("list", &gvk, &["labelSelector", "fieldSelector", "limit", "continue"], &schema),
                "post": operation("post", &gvk, &writing, &schema),
            }),
        );
        components.extend(schemas::of(resource, group, version));
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": crate::rehearsal::objects::openapi::VERSION},
        "paths": paths,
        "components": {"schemas": components},
    })
}

/// The version of Kubernetes whose API the world has.
pub const VERSION: &str = "v1.33.0";

/// The kinds of a group version with the path of one object.
fn object_paths() -> impl Iterator<Item = (Resource, &'static str, &'static str, String)> {
    discovery::group_versions().flat_map(|(group, version)| {
        discovery::kinds(group, version).map(move |resource| {
            let naming = resource.naming();
            let within = if naming.namespaced { "/namespaces/{namespace}" } else { "" };
            (
                resource,
                group,
                version,
                format!("/{}{within}/{}/{{name}}", place(group, version), naming.plural),
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_says_that_it_validates_and_takes_dry_runs() {
        let index: Value = serde_json::from_slice(&answer("/openapi/v3", JSON).unwrap().body).unwrap();
        for place in index["paths"].as_object().unwrap().keys() {
            let document = answer(&format!("/openapi/v3/{place}"), JSON).unwrap();
            let document: Value = serde_json::from_slice(&document.body).unwrap();
            for (path, item) in document["paths"].as_object().unwrap() {
                let Some(patch) = item.get("patch") else { continue };
                let names: Vec<&Value> = patch["parameters"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|parameter| &parameter["name"])
                    .collect();
                assert!(
                    names.contains(&&json!("dryRun")) && names.contains(&&json!("fieldValidation")),
                    "{path}"
                );
                let schema = patch["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
                    .as_str()
                    .unwrap();
                let name = schema.trim_start_matches("#/components/schemas/");
                assert!(document["components"]["schemas"].get(name).is_some(), "{schema}");
            }
        }
        assert_eq!(answer("/openapi/v3/apis/batch/v1", JSON), None);
    }
}
