//! Creating and changing objects.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::list::{has_status, name_of, rendered, scale};
use super::request::Request;
use super::status::{Failure, json};
use crate::rehearsal::cluster::object::{self, metadata, text};
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::{Key, StoreError};
use crate::rehearsal::objects::patch::{PatchKind, Write, patch as patched};
use crate::rehearsal::objects::{defaults, managed, validate, versions};
use crate::rehearsal::world::{World, counts_generations};

pub(super) use super::delete::{delete, delete_collection};

impl From<StoreError> for Failure {
    /// For closures of the store: whoever calls it names the object.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists => Self::new(409, "AlreadyExists", error.to_string()),
            StoreError::Missing => Self::new(404, "NotFound", error.to_string()),
            StoreError::Conflict => Self::new(409, "Conflict", error.to_string()),
        }
    }
}

/// `POST`: a new object.
pub(super) fn create(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let object = request.object()?;
    let object = made(request, object, None)?;
    Ok(json(StatusCode::CREATED, &rendered(request, &stored(request, object)?)))
}

/// A new object, complete but not stored. `applied`: its owned fields are known already.
fn made(request: &Request<'_>, object: Value, applied: Option<()>) -> Result<Value, Failure> {
    let target = &request.target;
    let resource = target.resource;
    let mut object =
        versions::stored(resource, &target.group, &target.version, checked_kind(request, object)?);
    place(request, &mut object)?;
    for unset in ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "selfLink"] {
        metadata(&mut object).remove(unset);
    }
    if has_status(resource) && resource != Resource::Namespaces && resource != Resource::Nodes {
        object::as_object(&mut object).remove("status");
    }
    request.world.stamp(resource, &mut object);
    defaults::fill(resource, &mut object);
    allocate(request.world, resource, &mut object);
    check(resource, None, &object)?;
    if applied.is_none() {
        managed::after_update(resource, &target.api_version(), None, &mut object, &write(request));
    }
    Ok(object)
}

fn stored(request: &Request<'_>, object: Value) -> Result<Arc<Value>, Failure> {
    let resource = request.target.resource;
    let key = Key::new(resource, request.namespace(), object::name(&object));
    if request.is_dry_run() {
        return match request.world.store.get(&key) {
            Some(_) => Err(Failure::exists(resource, &key.name)),
            None => Ok(Arc::new(object)),
        };
    }
    let name = key.name.clone();
    request.world.store.create(key, object).map_err(|error| Failure::of_store(&error, resource, &name))
}

/// An object must be of the kind that its path is for.
fn checked_kind(request: &Request<'_>, object: Value) -> Result<Value, Failure> {
    let kind = text(&object, "/kind");
    let expected = request.target.resource.naming().kind;
    if !kind.is_empty() && kind != expected {
        return Err(Failure::bad(format!("the object is a {kind}, the path is for a {expected}")));
    }
    Ok(object)
}

/// Puts the namespace of the path into the object.
fn place(request: &Request<'_>, object: &mut Value) -> Result<(), Failure> {
    if !request.target.resource.naming().namespaced {
        metadata(object).remove("namespace");
        return Ok(());
    }
    let namespace = request.namespace();
    if namespace.is_empty() {
        return Err(Failure::method());
    }
    let given = object::namespace(object);
    if !given.is_empty() && given != namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad(message));
    }
    if request.world.store.get(&Key::new(Resource::Namespaces, "", namespace)).is_none() {
        return Err(Failure::missing(Resource::Namespaces, namespace));
    }
    metadata(object).insert("namespace".into(), json!(namespace));
    Ok(())
}

/// Addresses for a Service without one, from a documentation range (RFC 5737).
fn allocate(world: &World, resource: Resource, object: &mut Value) {
    if resource != Resource::Services || !text(object, "/spec/clusterIP").is_empty() {
        return;
    }
    let (_, services) = world.store.list(Resource::Services, None);
    let taken = |address: &str| services.iter().any(|service| text(service, "/spec/clusterIP") == address);
    let free = (130..=254).map(|last| format!("198.51.100.{last}")).find(|address| !taken(address));
    if let Some(address) = free {
        let spec = object::part(object, "spec");
        spec.insert("clusterIP".into(), json!(address));
        spec.insert("clusterIPs".into(), json!([address]));
    }
}

fn check(resource: Resource, before: Option<&Value>, object: &Value) -> Result<(), Failure> {
    let causes = validate::validate(resource, before, object);
    if causes.is_empty() { Ok(()) } else { Err(Failure::invalid(resource, name_of(object), &causes)) }
}

fn write<'r>(request: &'r Request<'_>) -> Write<'r> {
    let subresource = request.target.subresource.as_str();
    Write {
        manager: request.manager(),
        subresource: (!subresource.is_empty()).then_some(subresource),
        now: request.world.now(),
        force: request.is("force"),
    }
}

/// `PUT`: an object in place of the one that is there.
pub(super) fn update(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let target = &request.target;
    let sent = request.object()?;
    if name_of(&sent) != target.name {
        return Err(Failure::bad("the name of the object does not match the name on the URL"));
    }
    if target.subresource == "scale" {
        return change(request, |before| scaled(before, &sent));
    }
    let mut sent =
        versions::stored(target.resource, &target.group, &target.version, checked_kind(request, sent)?);
    place(request, &mut sent)?;
    change(request, |_| Ok(sent.clone()))
}

/// `PATCH`, of every kind.
pub(super) fn patch(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let content_type = request.header(CONTENT_TYPE);
    let kind = PatchKind::of(content_type).ok_or_else(|| {
        let message = format!("the body of the request was in an unknown format: {content_type}");
        Failure::new(415, "UnsupportedMediaType", message)
    })?;
    let target = &request.target;
    if kind == PatchKind::Apply {
        if request.parameter("fieldManager").is_empty() {
            return Err(Failure::bad("fieldManager is required for apply patch"));
        }
        let key = Key::new(target.resource, request.namespace(), &target.name);
        if target.subresource.is_empty() && request.world.store.get(&key).is_none() {
            return create_applied(request, kind);
        }
    }
    change(request, |before| {
        if target.subresource == "scale" {
            let patched = patched(target.resource, &scale(before), kind, &request.body, &write(request))?;
            return scaled(before, &patched);
        }
        Ok(patched(target.resource, before, kind, &request.body, &write(request))?)
    })
}

fn create_applied(request: &Request<'_>, kind: PatchKind) -> Result<Response<Body>, Failure> {
    let target = &request.target;
    let object = patched(target.resource, &Value::Null, kind, &request.body, &write(request))?;
    if name_of(&object) != target.name {
        return Err(Failure::bad("the name of the object does not match the name on the URL"));
    }
    let object = made(request, object, Some(()))?;
    Ok(json(StatusCode::CREATED, &rendered(request, &stored(request, object)?)))
}

/// A workload with the number of pods of a Scale.
fn scaled(before: &Value, scale: &Value) -> Result<Value, Failure> {
    let replicas = object::number(scale, "/spec/replicas").unwrap_or_default();
    let wanted = object::resource_version(scale);
    let mut after = before.clone();
    object::part(&mut after, "spec").insert("replicas".into(), json!(replicas));
    if !wanted.is_empty() {
        metadata(&mut after).insert("resourceVersion".into(), json!(wanted));
    }
    Ok(after)
}

/// Changes an object to what `make` makes of it, and answers with it.
fn change(
    request: &Request<'_>,
    make: impl FnOnce(&Value) -> Result<Value, Failure>,
) -> Result<Response<Body>, Failure> {
    let target = &request.target;
    let (resource, name) = (target.resource, target.name.as_str());
    let key = Key::new(resource, request.namespace(), name);
    let store = &request.world.store;
    let make = |before: &Value| finished(request, before, make(before)?);
    let object = if request.is_dry_run() {
        let before = store.get(&key).ok_or_else(|| Failure::missing(resource, name))?;
        Arc::new(make(&before)?)
    } else {
        if store.get(&key).is_none() {
            return Err(Failure::missing(resource, name));
        }
        let after = store.update(&key, None, |object| {
            *object = make(object)?;
            Ok::<_, Failure>(())
        })?;
        super::delete::finish_finalized(request.world, &key, &after);
        after
    };
    Ok(match target.subresource.as_str() {
        "scale" => json(StatusCode::OK, &scale(&object)),
        _ => json(StatusCode::OK, &rendered(request, &object)),
    })
}

/// Holds a change against what it replaces: versions, what may not change, which part
/// was written; then counts the generation and notes the owners.
fn finished(request: &Request<'_>, before: &Value, mut after: Value) -> Result<Value, Failure> {
    let target = &request.target;
    let (resource, name) = (target.resource, target.name.as_str());
    let (wanted, found) = (object::resource_version(&after), object::resource_version(before));
    if !wanted.is_empty() && wanted != found {
        return Err(Failure::conflict(resource, name));
    }
    let (wanted, found) = (object::uid(&after), object::uid(before));
    if !wanted.is_empty() && wanted != found {
        return Err(Failure::precondition(resource, name, "UID", wanted, found));
    }
    if name_of(&after) != name {
        let message = "the name of the object cannot be changed";
        return Err(Failure::bad(message));
    }
    let naming = resource.naming();
    object::as_object(&mut after).insert("apiVersion".into(), json!(naming.api_version()));
    object::as_object(&mut after).insert("kind".into(), json!(naming.kind));
    keep_metadata(before, &mut after, target.subresource.as_str() == "status");
    keep_other_part(resource, &target.subresource, before, &mut after);
    defaults::fill(resource, &mut after);
    // A Deployment's annotations count as well (upstream's strategy for Deployments).
    let annotated = resource == Resource::Deployments
        && before["metadata"]["annotations"] != after["metadata"]["annotations"];
    if counts_generations(resource) && (before["spec"] != after["spec"] || annotated) {
        let generation = object::number(before, "/metadata/generation").unwrap_or(1) + 1;
        metadata(&mut after).insert("generation".into(), json!(generation));
    }
    check(resource, Some(before), &after)?;
    let applied = PatchKind::of(request.header(CONTENT_TYPE)) == Some(PatchKind::Apply);
    if !applied {
        managed::after_update(resource, &target.api_version(), Some(before), &mut after, &write(request));
    }
    Ok(after)
}

/// What the server alone decides stays as it was.
fn keep_metadata(before: &Value, after: &mut Value, all: bool) {
    if all {
        object::as_object(after).insert("metadata".into(), before["metadata"].clone());
        return;
    }
    for own in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "namespace",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        match before["metadata"].get(own) {
            Some(value) => metadata(after).insert(own.into(), value.clone()),
            None => metadata(after).remove(own),
        };
    }
    // Clients that leave this out do not mean to take it away from everybody.
    if after["metadata"].get("managedFields").is_none()
        && let Some(fields) = before["metadata"].get("managedFields")
    {
        metadata(after).insert("managedFields".into(), fields.clone());
    }
}

/// The status is written by `…/status` alone, everything else never by it.
fn keep_other_part(resource: Resource, subresource: &str, before: &Value, after: &mut Value) {
    if !has_status(resource) {
        return;
    }
    if subresource == "status" {
        let status = after.get("status").cloned();
        *after = before.clone();
        match status {
            Some(status) => object::as_object(after).insert("status".into(), status),
            None => object::as_object(after).remove("status"),
        };
    } else {
        match before.get("status") {
            Some(status) => object::as_object(after).insert("status".into(), status.clone()),
            None => object::as_object(after).remove("status"),
        };
    }
}
