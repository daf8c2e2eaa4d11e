//! Taking objects away: pods in their own time, everything else at once.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::list::{rendered, selected};
use super::request::Request;
use super::status::{Failure, json};
use crate::rehearsal::cluster::leaving::{has_finalizers, leave};
use crate::rehearsal::cluster::object::{self, metadata, number, text};
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::{Key, StoreError};
use crate::rehearsal::world::World;

/// How objects are to be taken away: the body and the query say so.
struct Options {
    grace: Option<i64>,
    uid: Option<String>,
    version: Option<String>,
    orphan: bool,
    dry_run: bool,
}

impl Options {
    fn of(request: &Request<'_>) -> Result<Self, Failure> {
        let body = if request.body.is_empty() { json!({}) } else { request.object()? };
        let grace = match request.parameter("gracePeriodSeconds") {
            "" => number(&body, "/gracePeriodSeconds"),
            given => Some(given.parse().map_err(|_| Failure::bad("gracePeriodSeconds must be a number"))?),
        };
        let policy = match request.parameter("propagationPolicy") {
            "" => text(&body, "/propagationPolicy").to_owned(),
            given => given.to_owned(),
        };
        let owned = |pointer: &str| Some(text(&body, pointer).to_owned()).filter(|text| !text.is_empty());
        let dry_run = request.is_dry_run()
            || body["dryRun"].as_array().is_some_and(|stages| stages.iter().any(|stage| stage == "All"));
        Ok(Self {
            grace,
            uid: owned("/preconditions/uid"),
            version: owned("/preconditions/resourceVersion"),
            orphan: policy == "Orphan",
            dry_run,
        })
    }
}

/// `DELETE` of one object.
pub(super) fn delete(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let target = &request.target;
    if !target.subresource.is_empty() {
        return Err(Failure::method());
    }
    let options = Options::of(request)?;
    let key = Key::new(target.resource, request.namespace(), &target.name);
    let object = request.world.store.get(&key).ok_or_else(|| Failure::missing(key.resource, &key.name))?;
    let uid = object::uid(&object);
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        return Err(Failure::precondition(key.resource, &key.name, "UID", wanted, uid));
    }
    let version = object::resource_version(&object);
    if let Some(wanted) = options.version.as_deref().filter(|wanted| *wanted != version) {
        return Err(Failure::precondition(key.resource, &key.name, "ResourceVersion", wanted, version));
    }
    let taken = take(request.world, &key, &object, &options)?;
    Ok(match taken {
        // An object that takes its time is shown as it goes.
        Some(leaving) => json(StatusCode::OK, &rendered(request, &leaving)),
        None if key.resource == Resource::Pods => json(StatusCode::OK, &rendered(request, &object)),
        None => {
            let naming = key.resource.naming();
            let mut details = json!({"name": key.name, "kind": naming.plural, "uid": uid});
            if !naming.group.is_empty() {
                details["group"] = json!(naming.group);
            }
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            });
            json(StatusCode::OK, &status)
        }
    })
}

/// `DELETE` of all objects that are selected.
pub(super) fn delete_collection(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let options = Options::of(request)?;
    let (version, objects) = selected(request)?;
    for object in &objects {
        let key = Key::new(request.target.resource, object::namespace(object), object::name(object));
        match take(request.world, &key, object, &options) {
            // Somebody else was faster.
            Err(failure) if failure.code == 404 => {}
            other => drop(other?),
        }
    }
    let naming = request.target.resource.naming();
    let items: Vec<Value> = objects.iter().map(|object| Value::clone(object)).collect();
    let list = json!({
        "kind": format!("{}List", naming.kind), "apiVersion": naming.api_version(),
        "metadata": {"resourceVersion": version.to_string()}, "items": items,
    });
    Ok(json(StatusCode::OK, &list))
}

/// Takes an object away, or has it go: then as it is now.
fn take(world: &World, key: &Key, object: &Value, options: &Options) -> Result<Option<Arc<Value>>, Failure> {
    if options.dry_run {
        return Ok(None);
    }
    if options.orphan {
        orphan(world, object::uid(object));
    }
    leave(world, key, options.grace).map_err(|error| Failure::of_store(&error, key.resource, &key.name))
}

/// Leaves what an object owns to itself.
fn orphan(world: &World, uid: &str) {
    for resource in [Resource::ReplicaSets, Resource::Pods] {
        let (_, objects) = world.store.list(resource, None);
        for owned in objects.iter().filter(|owned| object::controller_uid(owned) == Some(uid)) {
            let key = Key::new(resource, object::namespace(owned), object::name(owned));
            // One that went meanwhile needs no more care.
            let _ = world.store.update(&key, None, |object| {
                metadata(object).remove("ownerReferences");
                Ok::<_, StoreError>(())
            });
        }
    }
}

/// Takes away an object that was to go and whose last finalizer has just been taken off.
pub(super) fn finish_finalized(world: &World, key: &Key, object: &Value) {
    if object::is_terminating(object) && key.resource != Resource::Pods && !has_finalizers(object) {
        // Gone already is as good.
        let _ = world.store.remove(key);
    }
}
