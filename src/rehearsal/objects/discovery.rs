//! Discovery: which groups, versions and kinds there are, in the old form (one document
//! for each group version) and the aggregated one (KEP-3352).

use serde_json::{Value, json};

use super::{Document, versions};
use crate::rehearsal::cluster::resource::{Naming, Resource};

const JSON: &str = "application/json";
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Questions that can be asked by creating an object that is never stored.
const REVIEWS: [(&str, &str, bool); 3] = [
    ("SelfSubjectAccessReview", "selfsubjectaccessreviews", false),
    ("SelfSubjectRulesReview", "selfsubjectrulesreviews", false),
    ("SubjectAccessReview", "subjectaccessreviews", false),
];

/// The groups besides the core one, with their versions, the preferred one first.
const GROUPS: [(&str, &[&str]); 7] = [
    ("apps", &["v1"]),
    ("autoscaling", &["v2", "v1"]),
    ("authorization.k8s.io", &["v1"]),
    ("coordination.k8s.io", &["v1"]),
    ("discovery.k8s.io", &["v1"]),
    ("events.k8s.io", &["v1"]),
    ("rbac.authorization.k8s.io", &["v1"]),
];

/// Every group version that is served, the core one first.
pub fn group_versions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let others =
        GROUPS.iter().flat_map(|(group, versions)| versions.iter().map(move |version| (*group, *version)));
    std::iter::once(("", "v1")).chain(others)
}

/// The kinds of one group version.
pub fn kinds(group: &str, version: &str) -> impl Iterator<Item = Resource> {
    Resource::ALL.into_iter().filter(move |resource| versions::of(*resource).contains(&(group, version)))
}

/// The document at a discovery path; `None` where there is none.
#[must_use]
pub fn answer(path: &str, accept: &str) -> Option<Document> {
    let aggregated = aggregated(accept);
    let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
    let value = match (steps.as_slice(), aggregated) {
        (["api"], Some(version)) => return Some(aggregate(&[("", &["v1"])], version)),
        (["apis"], Some(version)) => return Some(aggregate(&GROUPS, version)),
        (["api"], None) => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}],
        }),
        (["apis"], None) => {
            let groups: Vec<Value> =
                GROUPS.iter().map(|(group, versions)| api_group(group, versions)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        (["apis", group], _) => {
            let (group, versions) = GROUPS.iter().find(|(known, _)| known == group)?;
            let mut value = api_group(group, versions);
            value["kind"] = json!("APIGroup");
            value["apiVersion"] = json!("v1");
            value
        }
        (["api", version], _) => resource_list("", version)?,
        (["apis", group, version], _) => resource_list(group, version)?,
        _ => return None,
    };
    Some(Document::json(JSON, &value))
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn api_group(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": group_version(group, version), "version": version});
    let listed: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": group, "versions": listed, "preferredVersion": listed.first()})
}

fn resource_list(group: &str, version: &str) -> Option<Value> {
    group_versions().find(|known| *known == (group, version))?;
    let mut resources = Vec::new();
    for resource in kinds(group, version) {
        let naming = resource.naming();
        let mut entry = json!({
            "name": naming.plural, "singularName": naming.singular, "namespaced": naming.namespaced,
            "kind": naming.kind, "verbs": VERBS,
        });
        if !naming.short.is_empty() {
            entry["shortNames"] = json!(naming.short);
        }
        if naming.in_all {
            entry["categories"] = json!(["all"]);
        }
        resources.push(entry);
        for subresource in naming.subresources {
            let (kind, verbs) = subresource_kind(&naming, subresource);
            let mut entry = json!({
                "name": format!("{}/{subresource}", naming.plural), "singularName": "",
                "namespaced": naming.namespaced, "kind": kind, "verbs": verbs,
            });
            if *subresource == "scale" {
                entry["group"] = json!("autoscaling");
                entry["version"] = json!("v1");
            }
            resources.push(entry);
        }
    }
    if group == "authorization.k8s.io" {
        resources.extend(REVIEWS.iter().map(|(kind, plural, namespaced)| {
            json!({"name": plural, "singularName": kind.to_lowercase(), "namespaced": namespaced, "kind": kind, "verbs": ["create"]})
        }));
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version(group, version), "resources": resources,
    }))
}

fn subresource_kind(naming: &Naming, subresource: &str) -> (&'static str, &'static [&'static str]) {
    match subresource {
        "scale" => ("Scale", &["get", "patch", "update"]),
        "log" => ("Pod", &["get"]),
        "portforward" => ("PodPortForwardOptions", &["create", "get"]),
        _ => (naming.kind, &["get", "patch", "update"]),
    }
}

/// The version of the aggregated form that is asked for, if it is.
fn aggregated(accept: &str) -> Option<&'static str> {
    let asked = |version: &str| {
        accept.split(',').any(|part| {
            let has = |parameter: &str| part.split(';').any(|each| each.trim() == parameter);
            has("as=APIGroupDiscoveryList") && has("g=apidiscovery.k8s.io") && has(&format!("v={version}"))
        })
    };
    ["v2", "v2beta1"].into_iter().find(|version| asked(version))
}

fn aggregate(groups: &[(&str, &[&str])], form: &'static str) -> Document {
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    json!({"version": version, "freshness": "Current", "resources": aggregated_kinds(group, version)})
                })
                .collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let value = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{form}"),
        "metadata": {}, "items": items,
    });
    let content_type = match form {
        "v2" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        _ => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    };
    Document::json(content_type, &value)
}

fn aggregated_kinds(group: &str, version: &str) -> Vec<Value> {
    let scope = |namespaced| if namespaced { "Namespaced" } else { "Cluster" };
    let kind = |kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut listed: Vec<Value> = kinds(group, version)
        .map(|resource| {
            let naming = resource.naming();
            let subresources: Vec<Value> = naming
                .subresources
                .iter()
                .map(|subresource| {
                    let (name, verbs) = subresource_kind(&naming, subresource);
                    let response = match *subresource {
                        "scale" => json!({"group": "autoscaling", "version": "v1", "kind": name}),
                        _ => kind(name),
                    };
                    json!({"subresource": subresource, "responseKind": response, "verbs": verbs})
                })
                .collect();
            let mut entry = json!({
                "resource": naming.plural, "responseKind": kind(naming.kind), "scope": scope(naming.namespaced),
                "singularResource": naming.singular, "verbs": VERBS,
            });
            if !naming.short.is_empty() {
                entry["shortNames"] = json!(naming.short);
            }
            if naming.in_all {
                entry["categories"] = json!(["all"]);
            }
            if !subresources.is_empty() {
                entry["subresources"] = json!(subresources);
            }
            entry
        })
        .collect();
    if group == "authorization.k8s.io" {
        listed.extend(REVIEWS.iter().map(|(name, plural, namespaced)| {
            json!({"resource": plural, "responseKind": kind(name), "scope": scope(*namespaced),
                   "singularResource": name.to_lowercase(), "verbs": ["create"]})
        }));
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(path: &str, accept: &str) -> Value {
        serde_json::from_slice(&answer(path, accept).unwrap().body).unwrap()
    }

    #[test]
    fn every_kind_is_listed_in_each_of_its_versions() {
        for (group, version) in group_versions() {
            let path = if group.is_empty() { "/api/v1".into() } else { format!("/apis/{group}/{version}") };
            let listed = value(&path, JSON);
            let names: Vec<&str> = listed["resources"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|entry| entry["name"].as_str())
                .collect();
            assert!(!names.is_empty(), "{path}");
            for resource in kinds(group, version) {
                assert!(names.contains(&resource.naming().plural), "{path} {resource}");
            }
        }
        assert_eq!(answer("/apis/batch/v1", JSON), None);
        assert_eq!(value("/apis/autoscaling", JSON)["preferredVersion"]["version"], "v2");
    }

    #[test]
    fn the_aggregated_form_is_given_to_who_asks_for_it() {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let core = value("/api", accept);
        let pods = core["items"][0]["versions"][0]["resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["resource"] == "pods");
        assert_eq!(pods.unwrap()["shortNames"], json!(["po"]));
        assert_eq!(value("/apis", accept)["apiVersion"], "apidiscovery.k8s.io/v2");
        assert_eq!(value("/apis", JSON)["kind"], "APIGroupList");
    }
}
