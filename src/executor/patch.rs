//! What is sent: the bodies of every change, built from an object as it was just
//! read. Pure. Each tests the object's uid and resourceVersion, so that a change
//! rests on exactly what was judged, and leaves the operation's mark.

use std::collections::BTreeMap;

use jiff::Timestamp;
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, ReplaceOperation, TestOperation};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{PodTemplateSpec, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::sop::operation::OperationId;
use crate::sources::kubernetes::marks;

/// The annotation of a write that changes nothing else: it makes a request void that
/// may still be on its way, because that tests the resourceVersion before.
pub(super) const VOIDED: &str = "cutover.dev/voided";
/// The label that the deployment controller adds to templates.
const TEMPLATE_HASH: &str = "pod-template-hash";
/// The Deployment's revision, as the deployment controller counts.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What an operation leaves on the object that it changes.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub id: OperationId,
    pub fence: Option<i64>,
    pub at: Timestamp,
    /// `user@host`.
    pub by: String,
}

impl Mark {
    fn annotations(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![(marks::OPERATION, self.id.0.clone())];
        pairs.extend(self.fence.map(|fence| (marks::FENCE, fence.to_string())));
        pairs.push((marks::AT, self.at.to_string()));
        pairs.push((marks::BY, self.by.clone()));
        pairs
    }
}

fn pointer(tokens: &[&str]) -> PointerBuf {
    PointerBuf::from_tokens(tokens.iter().copied())
}

fn test(tokens: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation { path: pointer(tokens), value })
}

fn add(tokens: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path: pointer(tokens), value })
}

fn replace(tokens: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation { path: pointer(tokens), value })
}

/// The tests that tie a change to the object as it was read.
fn as_read(meta: &ObjectMeta) -> Vec<PatchOperation> {
    vec![
        test(&["metadata", "uid"], json!(meta.uid)),
        test(&["metadata", "resourceVersion"], json!(meta.resource_version)),
    ]
}

fn annotate(meta: &ObjectMeta, pairs: Vec<(&'static str, String)>) -> Vec<PatchOperation> {
    let mut operations = Vec::with_capacity(pairs.len() + 1);
    // An `add` into a map that is not there fails; the test of the resourceVersion
    // makes sure that it still is, or is not.
    if meta.annotations.as_ref().is_none_or(BTreeMap::is_empty) {
        operations.push(add(&["metadata", "annotations"], json!({})));
    }
    operations
        .extend(pairs.into_iter().map(|(key, value)| add(&["metadata", "annotations", key], json!(value))));
    operations
}

/// Moves the traffic: a compare-and-swap of the selector's value. A fence that is on
/// the Service is tested as well: an older holder loses.
pub(super) fn switch(service: &Service, key: &str, from: &str, to: &str, mark: &Mark) -> Patch {
    let meta = &service.metadata;
    let mut operations = as_read(meta);
    if let Some(fence) = annotation(meta, marks::FENCE) {
        operations.push(test(&["metadata", "annotations", marks::FENCE], json!(fence)));
    }
    operations.push(test(&["spec", "selector", key], json!(from)));
    operations.push(replace(&["spec", "selector", key], json!(to)));
    operations.extend(annotate(meta, mark.annotations()));
    Patch(operations)
}

/// Asks for another number of pods and notes how many there were before.
pub(super) fn scale(deployment: &Deployment, replicas: i32, before: Option<i32>, mark: &Mark) -> Patch {
    let mut pairs = mark.annotations();
    pairs.extend(before.map(|before| (marks::DESIRED_BEFORE, before.to_string())));
    let mut operations = as_read(&deployment.metadata);
    operations.push(add(&["spec", "replicas"], json!(replicas)));
    operations.extend(annotate(&deployment.metadata, pairs));
    Patch(operations)
}

/// Sets the image of one container, by name, as a strategic merge patch. It names
/// the object by uid and resourceVersion, so it can land on no other.
pub(super) fn image(
    deployment: &Deployment,
    container: &str,
    image: &str,
    replicas: Option<i32>,
    mark: &Mark,
) -> Value {
    let annotations: BTreeMap<&str, String> = mark.annotations().into_iter().collect();
    let mut spec = json!({"template": {"spec": {"containers": [{"name": container, "image": image}]}}});
    if let Some(replicas) = replicas {
        spec["replicas"] = json!(replicas);
    }
    json!({
        "metadata": {
            "uid": deployment.metadata.uid,
            "resourceVersion": deployment.metadata.resource_version,
            "annotations": annotations,
        },
        "spec": spec,
    })
}

/// A write that changes nothing but makes requests void that rest on `meta`.
pub(super) fn void(meta: &ObjectMeta, id: &OperationId) -> Patch {
    let mut operations = as_read(meta);
    operations.extend(annotate(meta, vec![(VOIDED, id.0.clone())]));
    Patch(operations)
}

/// What `kubectl rollout undo` would do.
#[derive(Debug, PartialEq)]
pub(super) enum Undo {
    /// The patch, and the revision it goes back to.
    Back { patch: Patch, revision: u64 },
    /// The template is that of the previous revision already.
    Nothing { revision: u64 },
    /// The Deployment is paused.
    Paused,
    /// There is no revision before the newest.
    NoRevision,
}

/// Goes back to the revision before the newest, as kubectl does for apps/v1
/// (`DeploymentRollbacker` in k8s.io/kubectl, `polymorphichelpers/rollback.go`): the
/// owned ReplicaSet's template without its hash, and its annotations but for those
/// that belong to the Deployment.
pub(super) fn undo(deployment: &Deployment, sets: &[ReplicaSet], mark: &Mark) -> Undo {
    let spec = deployment.spec.as_ref();
    if spec.and_then(|spec| spec.paused) == Some(true) {
        return Undo::Paused;
    }
    let Some((revision, set)) = previous(deployment, sets) else {
        return Undo::NoRevision;
    };
    let Some(template) = set.spec.as_ref().and_then(|spec| spec.template.as_ref()).map(without_hash) else {
        return Undo::NoRevision;
    };
    if spec.map(|spec| without_hash(&spec.template)).as_ref() == Some(&template) {
        return Undo::Nothing { revision };
    }
    let mut annotations = carried_over(&deployment.metadata, &set.metadata);
    annotations.extend(mark.annotations().into_iter().map(|(key, value)| (key.to_owned(), value)));
    let mut operations = as_read(&deployment.metadata);
    operations.push(replace(&["spec", "template"], json!(template)));
    // `add` replaces what is there and makes what is not.
    operations.push(add(&["metadata", "annotations"], json!(annotations)));
    Undo::Back { patch: Patch(operations), revision }
}

/// The owned ReplicaSet whose revision is the highest but one, with its revision.
fn previous<'s>(deployment: &Deployment, sets: &'s [ReplicaSet]) -> Option<(u64, &'s ReplicaSet)> {
    let uid = deployment.metadata.uid.as_deref()?;
    let mut owned: Vec<(u64, &ReplicaSet)> = sets
        .iter()
        .filter(|set| {
            let owners = set.metadata.owner_references.iter().flatten();
            owners.into_iter().any(|owner| owner.uid == uid && owner.controller == Some(true))
        })
        .filter_map(|set| Some((annotation(&set.metadata, REVISION)?.parse().ok()?, set)))
        .collect();
    owned.sort_by_key(|(revision, _)| *revision);
    let newest = owned.last()?.0;
    owned.into_iter().rev().find(|(revision, _)| *revision < newest)
}

fn without_hash(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

/// The Deployment's own bookkeeping stays, everything else comes from the ReplicaSet.
fn carried_over(deployment: &ObjectMeta, set: &ObjectMeta) -> BTreeMap<String, String> {
    const OWN: &[&str] = &[
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    ];
    let pick = |meta: &ObjectMeta, own: bool| {
        let all = meta.annotations.clone().unwrap_or_default();
        all.into_iter().filter(move |(key, _)| OWN.contains(&key.as_str()) == own)
    };
    pick(set, false).chain(pick(deployment, true)).collect()
}

/// An annotation of an object.
pub(super) fn annotation<'m>(meta: &'m ObjectMeta, key: &str) -> Option<&'m str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    fn mark() -> Mark {
        Mark {
            id: OperationId("op-1".into()),
            fence: Some(4),
            at: Timestamp::UNIX_EPOCH,
            by: "ops1@bastion-1".into(),
        }
    }

    fn service(annotations: Value) -> Value {
        json!({
            "metadata": {"name": "backend", "uid": "u1", "resourceVersion": "7", "annotations": annotations},
            "spec": {"selector": {"app": "backend", "example.com/slot": "a"}},
        })
    }

    fn apply(object: &Value, patch: &Patch) -> Result<Value, json_patch::PatchError> {
        let mut object = object.clone();
        json_patch::patch(&mut object, patch).map(|()| object)
    }

    fn switched(object: &Value) -> Patch {
        let typed: Service = from_value(object.clone()).unwrap();
        switch(&typed, "example.com/slot", "a", "b", &mark())
    }

    #[test]
    fn a_switch_changes_one_value_and_leaves_its_mark() {
        for annotations in [json!(null), json!({}), json!({"note": "x", marks::FENCE: "3"})] {
            let mut before = service(annotations.clone());
            if annotations.is_null() {
                before["metadata"].as_object_mut().unwrap().remove("annotations");
            }
            let after = apply(&before, &switched(&before)).unwrap();
            assert_eq!(after["spec"]["selector"], json!({"app": "backend", "example.com/slot": "b"}));
            let marked = &after["metadata"]["annotations"];
            assert_eq!(marked[marks::OPERATION], "op-1");
            assert_eq!(marked[marks::FENCE], "4");
            assert_eq!(marked[marks::BY], "ops1@bastion-1");
            assert_eq!(marked.get("note"), annotations.get("note"));
        }
    }

    #[test]
    fn a_switch_loses_against_any_change() {
        let before = service(json!({marks::FENCE: "3"}));
        let patch = switched(&before);
        let changes = [
            ("/metadata/uid", "u2"),
            ("/metadata/resourceVersion", "8"),
            ("/spec/selector/example.com~1slot", "b"),
            ("/metadata/annotations/cutover.dev~1fence", "5"),
        ];
        for (pointer, value) in changes {
            let mut changed = before.clone();
            *changed.pointer_mut(pointer).unwrap() = json!(value);
            assert!(apply(&changed, &patch).is_err(), "{pointer}");
        }
    }

    #[test]
    fn a_void_write_makes_the_switch_fail_and_changes_nothing_else() {
        let before = service(json!(null));
        let typed: Service = from_value(before.clone()).unwrap();
        let after = apply(&before, &void(&typed.metadata, &OperationId("op-1".into()))).unwrap();
        assert_eq!(after["spec"], before["spec"]);
        assert_eq!(after["metadata"]["annotations"], json!({VOIDED: "op-1"}));
    }

    fn deployment(name: &str, image: &str) -> Deployment {
        let labels = json!({"app": "backend", "version": name});
        from_value(json!({
            "metadata": {
                "name": format!("backend-{name}"), "uid": format!("uid-{name}"), "resourceVersion": "9",
                "annotations": {REVISION: "3", "note": "of the deployment"},
            },
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "backend", "image": image}, {"name": "side", "image": "s:1"}]},
                },
            },
        }))
        .unwrap()
    }

    fn set(of: &Deployment, revision: Option<&str>, image: &str) -> ReplicaSet {
        let mut template = json!(of.spec.as_ref().unwrap().template);
        template["metadata"]["labels"][TEMPLATE_HASH] = json!("abc");
        template["spec"]["containers"][0]["image"] = json!(image);
        let mut annotations = json!({"note": "of the set", "deployment.kubernetes.io/desired-replicas": "5"});
        if let Some(revision) = revision {
            annotations[REVISION] = json!(revision);
        }
        from_value(json!({
            "metadata": {
                "name": format!("set-{image}"),
                "annotations": annotations,
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "x",
                    "uid": of.metadata.uid, "controller": true}],
            },
            "spec": {"selector": {}, "template": template},
        }))
        .unwrap()
    }

    #[test]
    fn deploy_names_the_object_and_the_container_it_means() {
        let green = deployment("green", "backend:v1");
        let body = image(&green, "backend", "backend:v2", None, &mark());
        assert_eq!(body["metadata"]["uid"], "uid-green");
        assert_eq!(body["metadata"]["resourceVersion"], "9");
        let containers = &body["spec"]["template"]["spec"]["containers"];
        assert_eq!(*containers, json!([{"name": "backend", "image": "backend:v2"}]));
        assert!(body["spec"].get("replicas").is_none());
        let body = image(&green, "backend", "backend:v2", Some(3), &mark());
        assert_eq!(body["spec"]["replicas"], 3);
    }

    #[test]
    fn retire_remembers_how_many_there_were() {
        let green = deployment("green", "backend:v1");
        let before = json!(green);
        let after = apply(&before, &scale(&green, 0, Some(3), &mark())).unwrap();
        assert_eq!(after["spec"]["replicas"], 0);
        assert_eq!(after["metadata"]["annotations"][marks::DESIRED_BEFORE], "3");
        assert_eq!(after["spec"]["template"], before["spec"]["template"]);
    }

    #[test]
    fn undo_takes_the_revision_before_the_newest_as_kubectl_does() {
        let blue = deployment("blue", "backend:v3");
        let other = set(&deployment("green", "backend:v9"), Some("2"), "backend:v9");
        let sets = [
            set(&blue, Some("1"), "backend:v1"),
            set(&blue, Some("3"), "backend:v3"),
            set(&blue, Some("2"), "backend:v2"),
            set(&blue, None, "backend:v0"),
            other,
        ];
        let Undo::Back { patch, revision } = undo(&blue, &sets, &mark()) else { panic!("not undone") };
        assert_eq!(revision, 2);
        let after = apply(&json!(blue), &patch).unwrap();
        let template = &after["spec"]["template"];
        assert_eq!(template["spec"]["containers"][0]["image"], "backend:v2");
        assert!(template["metadata"]["labels"].get(TEMPLATE_HASH).is_none());
        let annotations = &after["metadata"]["annotations"];
        assert_eq!(annotations["note"], "of the set");
        assert_eq!(annotations[REVISION], "3");
        assert!(annotations.get("deployment.kubernetes.io/desired-replicas").is_none());
        assert_eq!(annotations[marks::OPERATION], "op-1");
    }

    #[test]
    fn undo_refuses_what_kubectl_refuses() {
        let mut blue = deployment("blue", "backend:v2");
        let only = [set(&blue, Some("2"), "backend:v2")];
        assert_eq!(undo(&blue, &only, &mark()), Undo::NoRevision);
        let same = [set(&blue, Some("2"), "backend:v2"), set(&blue, Some("1"), "backend:v2")];
        assert_eq!(undo(&blue, &same, &mark()), Undo::Nothing { revision: 1 });
        blue.spec.as_mut().unwrap().paused = Some(true);
        assert_eq!(undo(&blue, &same, &mark()), Undo::Paused);
    }
}
