use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::Value;

use super::{cleaned_map, colour_of_value, gitops, mark, time};
use crate::config::Kubernetes;
use crate::sop::cluster::{FieldOwner, ServiceState};
use crate::sources::text::clean;

/// The Service whose selector decides which colour has the traffic.
#[must_use]
pub fn service(object: &Service, names: &Kubernetes) -> ServiceState {
    let meta = &object.metadata;
    let selector = object.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let value = selector.and_then(|selector| selector.get(&names.selector_key));
    ServiceState {
        name: meta.name.as_deref().map(clean).unwrap_or_default(),
        uid: meta.uid.as_deref().map(clean).unwrap_or_default(),
        resource_version: meta.resource_version.as_deref().map(clean).unwrap_or_default(),
        created: time(meta.creation_timestamp.as_ref()),
        selector: cleaned_map(selector),
        selector_value: value.map(|value| clean(value)),
        active: value.and_then(|value| colour_of_value(value, names)),
        owner: owner_of_selector(meta, &names.selector_key),
        gitops: gitops(meta),
        mark: mark(meta),
    }
}

/// Who last set the selector: of the managers that own it in `managedFields`, the
/// one with the newest time.
///
/// Servers that treat the selector as one value record `f:selector: {}`; others
/// record each key below it. Where both are there, the key's own entry counts.
#[must_use]
pub fn owner_of_selector(meta: &ObjectMeta, key: &str) -> Option<FieldOwner> {
    let entries: Vec<&ManagedFieldsEntry> = meta.managed_fields.iter().flatten().collect();
    let newest = |owns: &dyn Fn(&Value) -> bool| {
        entries
            .iter()
            .filter(|entry| {
                entry.fields_v1.as_ref().and_then(|f| f.0.pointer("/f:spec/f:selector")).is_some_and(owns)
            })
            .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
            .map(|entry| FieldOwner {
                manager: entry.manager.as_deref().map_or_else(|| "unknown".to_owned(), clean),
                at: time(entry.time.as_ref()),
            })
    };
    let field = format!("f:{key}");
    newest(&|selector| selector.get(&field).is_some())
        .or_else(|| newest(&|selector| selector.as_object().is_some_and(serde_json::Map::is_empty)))
}
