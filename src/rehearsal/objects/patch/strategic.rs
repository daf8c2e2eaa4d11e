//! Strategic merge: like a merge patch, but lists whose elements have a key are merged
//! element by element, and directives say what plain JSON cannot (Kubernetes' design
//! note on strategic merge patches).

use serde_json::{Map, Value};

use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::objects::Refused;
use crate::rehearsal::objects::shape::{self, ListShape};

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Merges `patch` into `object`.
///
/// # Errors
/// A directive that is none, or an element without its key.
pub(super) fn merge(resource: Resource, object: &mut Value, patch: &Value) -> Result<(), Refused> {
    let mut path = Vec::new();
    merge_value(resource, &mut path, object, patch)
}

fn merge_value<'p>(
    resource: Resource,
    path: &mut Vec<&'p str>,
    value: &mut Value,
    patch: &'p Value,
) -> Result<(), Refused> {
    match patch {
        Value::Object(patch) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            match value {
                Value::Object(map) => merge_map(resource, path, map, patch),
                _ => Ok(()),
            }
        }
        other => {
            *value = other.clone();
            Ok(())
        }
    }
}

fn merge_map<'p>(
    resource: Resource,
    path: &mut Vec<&'p str>,
    map: &mut Map<String, Value>,
    patch: &'p Map<String, Value>,
) -> Result<(), Refused> {
    match patch.get(PATCH).and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => map.clear(),
        Some("delete") => {
            map.clear();
            return Ok(());
        }
        Some(other) => return Err(Refused::bad(format!("unknown patch type: {other}"))),
    }
    if let Some(retained) = patch.get(RETAIN).and_then(Value::as_array) {
        map.retain(|key, _| retained.iter().any(|kept| kept == key));
    }
    for (key, wanted) in patch {
        if key == PATCH || key == RETAIN || key.starts_with(ORDER) {
            continue;
        }
        if let Some(list) = key.strip_prefix(DELETE) {
            delete_values(map.get_mut(list), wanted);
            continue;
        }
        path.push(key);
        let done = match wanted {
            Value::Null => {
                map.remove(key);
                Ok(())
            }
            Value::Array(wanted) => {
                let order = patch.get(&format!("{ORDER}{key}")).and_then(Value::as_array);
                merge_list(resource, path, map.entry(key.clone()).or_insert(Value::Null), wanted, order)
            }
            other => merge_value(resource, path, map.entry(key.clone()).or_insert(Value::Null), other),
        };
        path.pop();
        done?;
    }
    reorder_only(resource, path, map, patch);
    Ok(())
}

/// Lists whose order is given without a change to them.
fn reorder_only<'p>(
    resource: Resource,
    path: &mut Vec<&'p str>,
    map: &mut Map<String, Value>,
    patch: &'p Map<String, Value>,
) {
    for (key, order) in patch {
        let Some(list) = key.strip_prefix(ORDER).filter(|list| !patch.contains_key(*list)) else { continue };
        path.push(list);
        let shape = shape::list(resource, path);
        path.pop();
        if let (Some(Value::Array(elements)), Some(order)) = (map.get_mut(list), order.as_array()) {
            put_in_order(elements, order, shape);
        }
    }
}

fn delete_values(list: Option<&mut Value>, gone: &Value) {
    if let (Some(Value::Array(list)), Some(gone)) = (list, gone.as_array()) {
        list.retain(|value| !gone.contains(value));
    }
}

fn merge_list<'p>(
    resource: Resource,
    path: &mut Vec<&'p str>,
    list: &mut Value,
    patch: &'p [Value],
    order: Option<&Vec<Value>>,
) -> Result<(), Refused> {
    let shape = shape::list(resource, path);
    let mut elements = match list.take() {
        Value::Array(elements) => elements,
        _ => Vec::new(),
    };
    match shape {
        ListShape::Atomic => elements = patch.to_vec(),
        ListShape::Set => {
            for value in patch {
                if !elements.contains(value) {
                    elements.push(value.clone());
                }
            }
        }
        ListShape::Map(keys) => {
            let key = keys.first().copied().unwrap_or("name");
            if patch.iter().any(|element| element[PATCH] == "replace") {
                elements.clear();
            }
            let mut fresh = Vec::new();
            for element in patch.iter().filter(|element| element[PATCH] != "replace") {
                fresh.extend(merge_element(resource, path, &mut elements, element, key)?);
            }
            // New elements come before those that the patch does not speak of.
            elements.splice(0..0, fresh);
        }
    }
    if let Some(order) = order {
        put_in_order(&mut elements, order, shape);
    }
    *list = Value::Array(elements);
    Ok(())
}

/// Merges one element into the list; itself where the list does not have it yet.
fn merge_element<'p>(
    resource: Resource,
    path: &mut Vec<&'p str>,
    elements: &mut Vec<Value>,
    element: &'p Value,
    key: &str,
) -> Result<Option<Value>, Refused> {
    let Some(wanted) = element.get(key) else {
        return Err(Refused::bad(format!("map: {element} does not contain declared merge key: {key}")));
    };
    let place = elements.iter().position(|known| known.get(key) == Some(wanted));
    if element[PATCH] == "delete" {
        place.map(|place| elements.remove(place));
        return Ok(None);
    }
    if let Some(known) = place.and_then(|place| elements.get_mut(place)) {
        merge_value(resource, path, known, element)?;
        return Ok(None);
    }
    let mut fresh = Value::Null;
    merge_value(resource, path, &mut fresh, element)?;
    Ok(Some(fresh))
}

/// Puts the elements that the order names into that order; those that it does not know
/// stay behind the element that they stood behind before.
fn put_in_order(elements: &mut Vec<Value>, order: &[Value], shape: ListShape) {
    let place = |element: &Value| match shape {
        ListShape::Map([key, ..]) => order.iter().position(|named| named.get(*key) == element.get(*key)),
        _ => order.iter().position(|named| named == element),
    };
    let mut behind = None;
    let mut ranked: Vec<(Option<usize>, Value)> = Vec::with_capacity(elements.len());
    for element in elements.drain(..) {
        behind = place(&element).or(behind);
        ranked.push((behind, element));
    }
    ranked.sort_by_key(|(place, _)| *place);
    elements.extend(ranked.into_iter().map(|(_, element)| element));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(resource: Resource, mut object: Value, patch: Value) -> Value {
        merge(resource, &mut object, &patch).unwrap();
        object
    }

    #[test]
    fn containers_are_merged_by_name_and_their_env_too() {
        let before = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "backend", "image": "a:1", "env": [{"name": "A", "value": "1"}]},
            {"name": "sidecar", "image": "s:1"},
        ]}}}});
        let patch = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "backend", "image": "a:2", "env": [{"name": "B", "value": "2"}, {"name": "A", "$patch": "delete"}]},
        ]}}}});
        let after = merged(Resource::Deployments, before, patch);
        let containers = &after["spec"]["template"]["spec"]["containers"];
        assert_eq!(
            containers[0],
            json!({"name": "backend", "image": "a:2", "env": [{"name": "B", "value": "2"}]})
        );
        assert_eq!(containers[1]["image"], "s:1");
    }

    #[test]
    fn directives_replace_delete_retain_and_order() {
        let before =
            json!({"spec": {"ports": [{"port": 80}, {"port": 81}], "selector": {"a": "1", "b": "2"}}});
        let replaced = merged(
            Resource::Services,
            before.clone(),
            json!({"spec": {"ports": [{"$patch": "replace"}, {"port": 90}], "selector": {"$patch": "replace", "c": "3"}}}),
        );
        assert_eq!(replaced["spec"], json!({"ports": [{"port": 90}], "selector": {"c": "3"}}));
        let added = merged(Resource::Services, before.clone(), json!({"spec": {"ports": [{"port": 82}]}}));
        assert_eq!(added["spec"]["ports"], json!([{"port": 82}, {"port": 80}, {"port": 81}]));
        let ordered = merged(
            Resource::Services,
            before.clone(),
            json!({"spec": {"$setElementOrder/ports": [{"port": 81}, {"port": 80}]}}),
        );
        assert_eq!(ordered["spec"]["ports"], json!([{"port": 81}, {"port": 80}]));
        let retained = merged(
            Resource::Services,
            before,
            json!({"spec": {"$retainKeys": ["selector"], "selector": {"a": null}}}),
        );
        assert_eq!(retained["spec"], json!({"selector": {"b": "2"}}));
    }

    #[test]
    fn lists_without_a_key_are_replaced_and_values_of_sets_deleted() {
        let before = json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"externalIPs": ["x", "y"]}});
        let patch = json!({
            "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]},
            "spec": {"externalIPs": ["z"]},
        });
        let after = merged(Resource::Services, before, patch);
        assert_eq!(after, json!({"metadata": {"finalizers": ["b", "c"]}, "spec": {"externalIPs": ["z"]}}));
    }

    #[test]
    fn an_element_without_its_key_is_refused() {
        let mut object = json!({"spec": {"ports": []}});
        let refused = merge(Resource::Services, &mut object, &json!({"spec": {"ports": [{"name": "x"}]}}));
        assert!(refused.unwrap_err().message.contains("merge key: port"));
    }
}
