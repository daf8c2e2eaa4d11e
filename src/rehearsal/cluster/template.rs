//! Pod templates: what tells two of them apart, and the pods made from them.

use serde_json::{Value, json};

use super::object::{self, metadata, owner_reference, part};
use super::resource::Resource;
use crate::rehearsal::objects::defaults;
use crate::rehearsal::world::World;

/// The label by which pods and ReplicaSets of one template are found.
pub(super) const HASH: &str = "pod-template-hash";

/// A template's hash, in letters that make no words. It is not the one that a real
/// controller computes (that depends on how Go prints the structure), only as stable.
pub(super) fn hash(template: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    // FNV-1a; keys of a Value are in order, so that equal templates have equal texts.
    let sum = without_hash(template)
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let letter = |place: u32| {
        let digit = (sum >> (place * 6)) % LETTERS.len() as u64;
        LETTERS.get(usize::try_from(digit).unwrap_or(0)).copied().map_or('x', char::from)
    };
    (0..9).map(letter).collect()
}

/// A template without the hash that its controller put into it.
pub(super) fn without_hash(template: &Value) -> Value {
    let mut bare = template.clone();
    if let Some(labels) = bare.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    if let Some(metadata) = bare.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
    }
    bare
}

/// A pod as its ReplicaSet makes it.
pub(super) fn pod(world: &World, owner: &Value) -> Value {
    let template = &owner["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": format!("{}-", object::name(owner)),
            "namespace": object::namespace(owner),
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
    });
    for key in ["labels", "annotations"] {
        if let Some(value) = template["metadata"].get(key) {
            metadata(&mut pod).insert(key.into(), value.clone());
        }
    }
    world.stamp(Resource::Pods, &mut pod);
    defaults::fill(Resource::Pods, &mut pod);
    part(&mut pod, "spec").entry("serviceAccountName").or_insert(json!("default"));
    pod
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_stands_for_what_is_in_the_template() {
        let template = |image: &str, hash: Option<&str>| {
            let mut template =
                json!({"metadata": {"labels": {"app": "b"}}, "spec": {"containers": [{"image": image}]}});
            if let Some(hash) = hash {
                template["metadata"]["labels"][HASH] = json!(hash);
            }
            template
        };
        assert_eq!(hash(&template("a", None)), hash(&template("a", Some("x"))));
        assert_ne!(hash(&template("a", None)), hash(&template("b", None)));
        assert_eq!(hash(&template("a", None)).len(), 9);
    }
}
