//! `metadata.managedFields`: who has set which fields (KEP-555). A field belongs to
//! whoever changed it last; fields that are applied may have several owners.

use serde_json::{Value, json};

use super::fields::{FieldPath, FieldSet, ITSELF, at};
use super::patch::Write;
use crate::rehearsal::cluster::object;
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::world::seconds;

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Update,
    Apply,
}

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Update => "Update",
            Self::Apply => "Apply",
        }
    }
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub manager: String,
    pub operation: Operation,
    pub api_version: String,
    pub subresource: String,
    pub time: Value,
    pub fields: FieldSet,
}

impl Entry {
    fn to_value(&self) -> Value {
        let mut entry = json!({
            "manager": self.manager,
            "operation": self.operation.word(),
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.to_v1(),
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }
}

/// The entries of an object.
#[must_use]
pub fn entries(object: &Value) -> Vec<Entry> {
    let listed = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let entry = |entry: &Value| Entry {
        manager: object::text(entry, "/manager").into(),
        operation: if entry["operation"] == "Apply" { Operation::Apply } else { Operation::Update },
        api_version: object::text(entry, "/apiVersion").into(),
        subresource: object::text(entry, "/subresource").into(),
        time: entry["time"].clone(),
        fields: FieldSet::from_v1(&entry["fieldsV1"]),
    };
    listed.map(|listed| listed.iter().map(entry).collect()).unwrap_or_default()
}

/// Writes the entries into an object; those without fields go.
pub fn set_entries(object: &mut Value, entries: &[Entry]) {
    let listed: Vec<Value> =
        entries.iter().filter(|entry| !entry.fields.0.is_empty()).map(Entry::to_value).collect();
    let metadata = object::metadata(object);
    if listed.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields".into(), Value::Array(listed));
    }
}

/// Gives the fields that a create, update or patch changed to its manager, and takes
/// those that it removed from everybody.
pub fn after_update(
    resource: Resource,
    api_version: &str,
    before: Option<&Value>,
    after: &mut Value,
    write: &Write<'_>,
) {
    let mut known = before.map(entries).unwrap_or_default();
    let new = FieldSet::of(resource, after);
    let old = before.map(|before| FieldSet::of(resource, before)).unwrap_or_default();
    let differs = |path: &FieldPath| {
        // A map or element itself is there or not; what it holds has paths of its own.
        let is_value = path.last().is_none_or(|step| step != ITSELF);
        is_value && before.and_then(|before| at(before, path)) != at(after, path)
    };
    let changed: Vec<&FieldPath> =
        new.0.iter().filter(|path| !old.0.contains(*path) || differs(path)).collect();
    for entry in &mut known {
        let own = is_same(entry, Operation::Update, api_version, write);
        entry.fields.0.retain(|path| {
            let gone = at(after, path).is_none();
            !gone && (own || !changed.contains(&path))
        });
    }
    if !changed.is_empty() {
        let fields = FieldSet(changed.into_iter().cloned().collect());
        give(&mut known, Operation::Update, api_version, write, fields);
    }
    set_entries(after, &known);
}

fn is_same(entry: &Entry, operation: Operation, api_version: &str, write: &Write<'_>) -> bool {
    entry.manager == write.manager
        && entry.operation == operation
        && entry.subresource == write.subresource.unwrap_or_default()
        && (operation == Operation::Apply || entry.api_version == api_version)
}

/// Adds fields to a manager's entry, which is made where there is none.
fn give(
    entries: &mut Vec<Entry>,
    operation: Operation,
    api_version: &str,
    write: &Write<'_>,
    fields: FieldSet,
) {
    let time = json!(seconds(write.now));
    match entries.iter_mut().find(|entry| is_same(entry, operation, api_version, write)) {
        Some(entry) => {
            entry.fields.0.extend(fields.0);
            entry.time = time;
        }
        None => entries.push(Entry {
            manager: write.manager.into(),
            operation,
            api_version: api_version.into(),
            subresource: write.subresource.unwrap_or_default().into(),
            time,
            fields,
        }),
    }
}

/// Puts what a manager applies now in place of what it applied before.
pub(super) fn replace_applied(
    entries: &mut Vec<Entry>,
    api_version: &str,
    write: &Write<'_>,
    fields: FieldSet,
) {
    entries.retain(|entry| !is_same(entry, Operation::Apply, api_version, write));
    give(entries, Operation::Apply, api_version, write, fields);
}

/// What a manager applied before.
pub(super) fn applied<'e>(entries: &'e [Entry], write: &Write<'_>) -> Option<&'e Entry> {
    entries.iter().find(|entry| is_same(entry, Operation::Apply, "", write))
}

/// The entries of everybody but this applier.
pub(super) fn others<'e>(entries: &'e [Entry], write: &Write<'_>) -> impl Iterator<Item = &'e Entry> {
    let write = *write;
    entries.iter().filter(move |entry| !is_same(entry, Operation::Apply, "", &write))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn write(manager: &str) -> Write<'_> {
        Write { manager, subresource: None, now: Timestamp::UNIX_EPOCH, force: false }
    }

    fn owners(object: &Value, path: &[&str]) -> Vec<String> {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let owned = entries(object).into_iter().filter(|entry| entry.fields.reaches(&path));
        owned.map(|entry| entry.manager).collect()
    }

    #[test]
    fn a_field_belongs_to_who_changed_it_last() {
        let mut created = json!({"metadata": {"name": "backend"}, "spec": {"selector": {"version": "blue"}, "type": "ClusterIP"}});
        after_update(Resource::Services, "v1", None, &mut created, &write("kubectl-create"));
        let mut switched = created.clone();
        switched["spec"]["selector"]["version"] = json!("green");
        switched["metadata"]["annotations"] = json!({"by": "ops1"});
        after_update(Resource::Services, "v1", Some(&created), &mut switched, &write("cutover"));
        assert_eq!(owners(&switched, &["f:spec", "f:selector"]), ["cutover"]);
        assert_eq!(owners(&switched, &["f:spec", "f:type"]), ["kubectl-create"]);
        assert_eq!(owners(&switched, &["f:metadata", "f:annotations"]), ["cutover"]);
        let mut bare = switched.clone();
        object::metadata(&mut bare).remove("annotations");
        after_update(Resource::Services, "v1", Some(&switched), &mut bare, &write("kubectl-edit"));
        assert!(owners(&bare, &["f:metadata", "f:annotations"]).is_empty());
        let untouched = bare.clone();
        after_update(Resource::Services, "v1", Some(&untouched), &mut bare, &write("somebody"));
        assert_eq!(bare, untouched, "who changes nothing owns nothing");
    }
}
