//! Server-side apply (KEP-555): a manager says what it wants of an object, owns that,
//! and loses what it no longer says; what others own is a conflict unless forced.

use serde_json::{Map, Value};

use super::Write;
use crate::rehearsal::cluster::object;
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::objects::fields::{self, FieldPath, FieldSet, at};
use crate::rehearsal::objects::managed::{self, Entry};
use crate::rehearsal::objects::shape::{self, ListShape};
use crate::rehearsal::objects::{Cause, Refused};

/// What the object becomes; `live` is null where there is none yet.
///
/// # Errors
/// 409 naming every field that another manager owns with another value.
pub(super) fn apply(
    resource: Resource,
    live: &Value,
    wanted: &Value,
    write: &Write<'_>,
) -> Result<Value, Refused> {
    if wanted.pointer("/metadata/managedFields").is_some_and(|fields| *fields != Value::Array(Vec::new())) {
        return Err(Refused::bad("metadata.managedFields must be nil"));
    }
    let mut wanted = wanted.clone();
    object::metadata(&mut wanted).remove("managedFields");
    let fields = FieldSet::of(resource, &wanted);
    let mut entries = managed::entries(live);
    let conflicts = conflicts(&entries, &fields, live, &wanted, write);
    if !write.force && !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }
    let dropped: Vec<FieldPath> = managed::applied(&entries, write)
        .map(|before| before.fields.0.difference(&fields.0).cloned().collect())
        .unwrap_or_default();
    let kept = |path: &FieldPath| {
        fields.reaches(path) || managed::others(&entries, write).any(|entry| entry.fields.reaches(path))
    };
    let gone: Vec<FieldPath> = dropped.into_iter().filter(|path| !kept(path)).collect();

    let mut after = if live.is_null() { Value::Object(Map::new()) } else { live.clone() };
    merge(resource, &mut Vec::new(), &mut after, &wanted);
    gone.iter().for_each(|path| fields::remove(&mut after, path));

    let taken: Vec<FieldPath> = conflicts.into_iter().map(|(_, path)| path).collect();
    for entry in &mut entries {
        let mine = entry.manager == write.manager && entry.operation == managed::Operation::Apply;
        entry.fields.0.retain(|path| mine || (!taken.contains(path) && at(&after, path).is_some()));
    }
    let unchanged = managed::applied(&entries, write).is_some_and(|before| before.fields == fields)
        && without_managed(&after) == without_managed(live);
    if !unchanged {
        managed::replace_applied(&mut entries, object::text(&wanted, "/apiVersion"), write, fields);
        managed::set_entries(&mut after, &entries);
    }
    Ok(after)
}

fn without_managed(object: &Value) -> Value {
    let mut object = object.clone();
    object::metadata(&mut object).remove("managedFields");
    object
}

/// The fields that somebody else owns and that would become something else.
fn conflicts<'e>(
    entries: &'e [Entry],
    fields: &FieldSet,
    live: &Value,
    wanted: &Value,
    write: &Write<'_>,
) -> Vec<(&'e Entry, FieldPath)> {
    managed::others(entries, write)
        .filter(|entry| entry.manager != write.manager || entry.operation == managed::Operation::Update)
        .flat_map(|entry| {
            let shared = entry.fields.0.intersection(&fields.0);
            shared.filter(|path| at(live, path) != at(wanted, path)).map(move |path| (entry, path.clone()))
        })
        // An element itself is no value: what differs in it is told by its fields.
        .filter(|(_, path)| path.last().is_none_or(|step| step != "."))
        .collect()
}

fn conflict(conflicts: &[(&Entry, FieldPath)]) -> Refused {
    let told = |entry: &Entry, path: &FieldPath| {
        let using = match entry.operation {
            managed::Operation::Update => format!(" using {}", entry.api_version),
            managed::Operation::Apply => String::new(),
        };
        let subresource = match entry.subresource.as_str() {
            "" => String::new(),
            name => format!(" with subresource \"{name}\""),
        };
        (format!("conflict with \"{}\"{subresource}{using}", entry.manager), fields::words(path))
    };
    let causes: Vec<Cause> = conflicts
        .iter()
        .map(|(entry, path)| {
            let (message, field) = told(entry, path);
            Cause { reason: "FieldManagerConflict", field, message }
        })
        .collect();
    let message = match causes.as_slice() {
        [only] => format!("Apply failed with 1 conflict: {}: {}", only.message, only.field),
        many => {
            let lines: Vec<String> =
                many.iter().map(|cause| format!("{}:\n- {}", cause.message, cause.field)).collect();
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    Refused { code: 409, reason: "Conflict", message, causes }
}

/// Puts `wanted` into `value`, lists by their shapes.
fn merge<'w>(resource: Resource, path: &mut Vec<&'w str>, value: &mut Value, wanted: &'w Value) {
    match (value, wanted) {
        (Value::Object(map), Value::Object(wanted)) if !shape::is_atomic_map(resource, path) => {
            for (name, wanted) in wanted {
                path.push(name);
                merge(resource, path, map.entry(name.clone()).or_insert(Value::Null), wanted);
                path.pop();
            }
        }
        (Value::Array(list), Value::Array(wanted)) => merge_list(resource, path, list, wanted),
        (value, wanted) => *value = wanted.clone(),
    }
}

fn merge_list<'w>(resource: Resource, path: &mut Vec<&'w str>, list: &mut Vec<Value>, wanted: &'w [Value]) {
    match shape::list(resource, path) {
        ListShape::Atomic => *list = wanted.to_vec(),
        ListShape::Set => {
            for value in wanted {
                if !list.contains(value) {
                    list.push(value.clone());
                }
            }
        }
        ListShape::Map(keys) => {
            for element in wanted {
                let key = shape::key_of(element, keys);
                let known = list.iter_mut().find(|known| key.is_some() && shape::key_of(known, keys) == key);
                match known {
                    Some(known) => merge(resource, path, known, element),
                    None => list.push(element.clone()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn write(manager: &str, force: bool) -> Write<'_> {
        Write { manager, subresource: None, now: Timestamp::UNIX_EPOCH, force }
    }

    fn config(replicas: Option<i32>, image: &str) -> Value {
        let mut config = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "backend"},
            "spec": {"template": {"spec": {"containers": [{"name": "backend", "image": image}]}}},
        });
        if let Some(replicas) = replicas {
            config["spec"]["replicas"] = json!(replicas);
        }
        config
    }

    fn applied(live: &Value, config: &Value, manager: &str, force: bool) -> Result<Value, Refused> {
        apply(Resource::Deployments, live, config, &write(manager, force))
    }

    #[test]
    fn what_is_no_longer_applied_goes_and_what_others_own_stays() {
        let first = applied(&Value::Null, &config(Some(3), "a:1"), "gitops", false).unwrap();
        let mut scaled = first.clone();
        scaled["spec"]["paused"] = json!(true);
        managed::after_update(
            Resource::Deployments,
            "apps/v1",
            Some(&first),
            &mut scaled,
            &write("kubectl", false),
        );
        let second = applied(&scaled, &config(None, "a:2"), "gitops", false).unwrap();
        assert_eq!(second["spec"].get("replicas"), None);
        assert_eq!(second["spec"]["paused"], true);
        assert_eq!(
            second["spec"]["template"]["spec"]["containers"],
            json!([{"name": "backend", "image": "a:2"}])
        );
    }

    #[test]
    fn a_field_of_somebody_else_is_a_conflict_unless_forced() {
        let first = applied(&Value::Null, &config(Some(3), "a:1"), "gitops", false).unwrap();
        let mut scaled = first.clone();
        scaled["spec"]["replicas"] = json!(5);
        managed::after_update(
            Resource::Deployments,
            "apps/v1",
            Some(&first),
            &mut scaled,
            &write("kubectl", false),
        );
        let refused = applied(&scaled, &config(Some(3), "a:1"), "gitops", false).unwrap_err();
        assert_eq!(refused.code, 409);
        assert_eq!(
            refused.message,
            "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas"
        );
        let forced = applied(&scaled, &config(Some(3), "a:1"), "gitops", true).unwrap();
        assert_eq!(forced["spec"]["replicas"], 3);
        let again = applied(&forced, &config(Some(3), "a:1"), "gitops", false).unwrap();
        assert_eq!(again, forced, "applying the same again changes nothing");
        let shared = applied(&forced, &config(Some(3), "a:1"), "second", false).unwrap();
        assert_eq!(
            managed::entries(&shared)
                .iter()
                .filter(|entry| entry.operation == managed::Operation::Apply)
                .count(),
            2
        );
    }
}
