//! Sets of fields, as `metadata.managedFields` holds them (`FieldsV1`): which parts of
//! an object somebody has set.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::shape::{self, ListShape};
use crate::rehearsal::cluster::resource::Resource;

/// One field: the way to it, each step as `FieldsV1` writes it (`f:spec`,
/// `k:{"name":"backend"}`, `v:"x"`), and `.` at the end for a map or element itself.
pub type FieldPath = Vec<String>;

/// The step that stands for the map or element itself.
pub(super) const ITSELF: &str = ".";

/// What is the server's own and belongs to no manager.
const UNOWNED: [&[&str]; 10] = [
    &["f:apiVersion"],
    &["f:kind"],
    &["f:metadata", "f:name"],
    &["f:metadata", "f:namespace"],
    &["f:metadata", "f:uid"],
    &["f:metadata", "f:resourceVersion"],
    &["f:metadata", "f:generation"],
    &["f:metadata", "f:creationTimestamp"],
    &["f:metadata", "f:selfLink"],
    &["f:metadata", "f:managedFields"],
];

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(pub BTreeSet<FieldPath>);

impl FieldSet {
    /// The fields that an object has.
    #[must_use]
    pub fn of(resource: Resource, object: &Value) -> Self {
        let mut set = Self::default();
        let mut walk = Walk { resource, names: Vec::new(), steps: Vec::new(), set: &mut set };
        if let Value::Object(map) = object {
            walk.map(map);
        }
        set.0.retain(|path| !is_unowned(path));
        set
    }

    /// Reads a `fieldsV1`.
    #[must_use]
    pub fn from_v1(fields: &Value) -> Self {
        let mut set = Self::default();
        read(fields, &mut Vec::new(), &mut set.0);
        set
    }

    /// Writes a `fieldsV1`.
    #[must_use]
    pub fn to_v1(&self) -> Value {
        let mut root = Map::new();
        for path in &self.0 {
            let mut here = &mut root;
            for step in path {
                let next = here.entry(step.clone()).or_insert_with(|| Value::Object(Map::new()));
                match next {
                    Value::Object(map) => here = map,
                    _ => break,
                }
            }
        }
        Value::Object(root)
    }

    /// Whether a field, or something within it, is in the set.
    #[must_use]
    pub fn reaches(&self, path: &[String]) -> bool {
        self.0.range(path.to_vec()..).next().is_some_and(|found| found.starts_with(path))
    }
}

fn is_unowned(path: &[String]) -> bool {
    UNOWNED.iter().any(|prefix| path.len() >= prefix.len() && prefix.iter().zip(path).all(|(a, b)| *a == b))
}

fn read(fields: &Value, path: &mut FieldPath, set: &mut BTreeSet<FieldPath>) {
    match fields.as_object() {
        Some(map) if !map.is_empty() => {
            for (step, within) in map {
                path.push(step.clone());
                read(within, path, set);
                path.pop();
            }
        }
        _ if path.is_empty() => {}
        _ => {
            set.insert(path.clone());
        }
    }
}

struct Walk<'v, 's> {
    resource: Resource,
    /// The names of the fields so far.
    names: Vec<&'v str>,
    steps: FieldPath,
    set: &'s mut FieldSet,
}

impl<'v> Walk<'v, '_> {
    fn leaf(&mut self) {
        self.set.0.insert(self.steps.clone());
    }

    fn itself(&mut self) {
        self.steps.push(ITSELF.into());
        self.leaf();
        self.steps.pop();
    }

    fn map(&mut self, map: &'v Map<String, Value>) {
        for (name, value) in map {
            self.names.push(name);
            self.steps.push(format!("f:{name}"));
            self.value(value);
            self.steps.pop();
            self.names.pop();
        }
    }

    fn value(&mut self, value: &'v Value) {
        match value {
            Value::Object(map) if !map.is_empty() && !shape::is_atomic_map(self.resource, &self.names) => {
                if shape::is_map(&self.names) {
                    self.itself();
                }
                self.map(map);
            }
            Value::Array(list) if !list.is_empty() => self.list(list),
            _ => self.leaf(),
        }
    }

    fn list(&mut self, list: &'v [Value]) {
        match shape::list(self.resource, &self.names) {
            ListShape::Atomic => self.leaf(),
            ListShape::Set => {
                for value in list {
                    self.steps.push(format!("v:{value}"));
                    self.leaf();
                    self.steps.pop();
                }
            }
            ListShape::Map(keys) => {
                for element in list {
                    let (Some(key), Value::Object(map)) = (shape::key_of(element, keys), element) else {
                        continue;
                    };
                    let key: Map<String, Value> = key.into_iter().collect();
                    self.steps.push(format!("k:{}", Value::Object(key)));
                    self.itself();
                    self.map(map);
                    self.steps.pop();
                }
            }
        }
    }
}

/// The value of a field, if the object has it.
#[must_use]
pub fn at<'v>(object: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(object, |here, step| {
        if step == ITSELF {
            return Some(here);
        }
        match step.split_at_checked(2)? {
            ("f:", name) => here.get(name),
            ("k:", key) => {
                let key: Map<String, Value> = serde_json::from_str(key).ok()?;
                here.as_array()?.iter().find(|element| is_element(element, &key))
            }
            ("v:", value) => {
                let value: Value = serde_json::from_str(value).ok()?;
                here.as_array()?.iter().find(|element| **element == value)
            }
            _ => None,
        }
    })
}

/// Whether `key` is the element's key; what it leaves out has its default.
pub(super) fn is_element(element: &Value, key: &Map<String, Value>) -> bool {
    let names: Vec<&str> = key.keys().map(String::as_str).collect();
    shape::key_of(element, &names).is_some_and(|found| found.into_iter().collect::<Map<_, _>>() == *key)
}

/// Takes a field out of an object.
pub fn remove(object: &mut Value, path: &[String]) {
    let path = match path.split_last() {
        Some((last, before)) if last == ITSELF => before,
        _ => path,
    };
    let Some((last, before)) = path.split_last() else { return };
    let mut here = object;
    for step in before {
        let next = match step.split_at_checked(2) {
            Some(("f:", name)) => here.get_mut(name),
            Some(("k:", key)) => element_mut(here, key),
            _ => None,
        };
        match next {
            Some(next) => here = next,
            None => return,
        }
    }
    match (last.split_at_checked(2), here) {
        (Some(("f:", name)), Value::Object(map)) => {
            map.remove(name);
        }
        (Some(("k:", key)), Value::Array(list)) => {
            if let Ok(key) = serde_json::from_str::<Map<String, Value>>(key) {
                list.retain(|element| !is_element(element, &key));
            }
        }
        (Some(("v:", value)), Value::Array(list)) => {
            if let Ok(value) = serde_json::from_str::<Value>(value) {
                list.retain(|element| *element != value);
            }
        }
        _ => {}
    }
}

fn element_mut<'v>(list: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    let key: Map<String, Value> = serde_json::from_str(key).ok()?;
    list.as_array_mut()?.iter_mut().find(|element| is_element(element, &key))
}

/// A field for people: `.spec.template.spec.containers[name="backend"].image`.
#[must_use]
pub fn words(path: &[String]) -> String {
    let mut words = String::new();
    for step in path {
        match step.split_at_checked(2) {
            Some(("f:", name)) => words.push_str(&format!(".{name}")),
            Some(("k:", key)) => {
                let key: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
                let parts: Vec<String> = key.iter().map(|(name, value)| format!("{name}={value}")).collect();
                words.push_str(&format!("[{}]", parts.join(",")));
            }
            Some(("v:", value)) => words.push_str(&format!("[{value}]")),
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1",
            "metadata": {"name": "backend", "labels": {"app": "backend"}},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": "backend"}},
                "template": {"spec": {"containers": [{"name": "backend", "image": "i", "args": ["a"],
                    "ports": [{"containerPort": 8000}]}]}},
            },
        })
    }

    #[test]
    fn fields_are_written_and_read_as_the_api_does() {
        let set = FieldSet::of(Resource::Deployments, &deployment());
        let v1 = set.to_v1();
        assert_eq!(v1["f:metadata"], json!({"f:labels": {".": {}, "f:app": {}}}));
        assert_eq!(v1["f:spec"]["f:selector"], json!({}), "a selector is owned as a whole");
        let container = &v1["f:spec"]["f:template"]["f:spec"]["f:containers"][r#"k:{"name":"backend"}"#];
        assert_eq!(container["f:args"], json!({}));
        assert_eq!(
            container["f:ports"][r#"k:{"containerPort":8000,"protocol":"TCP"}"#],
            json!({".": {}, "f:containerPort": {}})
        );
        assert_eq!(FieldSet::from_v1(&v1), set);
    }

    #[test]
    fn every_field_is_found_named_and_can_be_taken_out() {
        let mut object = deployment();
        let set = FieldSet::of(Resource::Deployments, &object);
        assert!(set.0.iter().all(|path| at(&object, path).is_some()));
        let image = set.0.iter().find(|path| path.last().is_some_and(|step| step == "f:image")).unwrap();
        assert_eq!(words(image), ".spec.template.spec.containers[name=\"backend\"].image");
        assert!(set.reaches(&image[..3]) && !set.reaches(&["f:status".to_owned()]));
        remove(&mut object, image);
        assert_eq!(at(&object, image), None);
        for path in &set.0 {
            remove(&mut object, path);
        }
        assert_eq!(object["spec"]["template"]["spec"]["containers"], json!([]));
    }
}
