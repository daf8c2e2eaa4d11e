//! Reading objects: one, or all that are selected, in the form that is asked for.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::ACCEPT;
use axum::http::{Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};

use super::path::Target;
use super::request::Request;
use super::selector::Selectors;
use super::status::{Failure, json};
use crate::rehearsal::cluster::object::{self, number, text};
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::Key;
use crate::rehearsal::objects::table::{IncludeObject, partial, table};
use crate::rehearsal::objects::versions;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    Table(IncludeObject),
    /// Metadata alone.
    Partial,
}

impl Form {
    pub(super) fn of(request: &Request<'_>) -> Self {
        // The first form that is known counts, as clients write their preference first.
        for part in request.header(ACCEPT).split(',') {
            let has = |parameter: &str| part.split(';').any(|each| each.trim() == parameter);
            if has("as=Table") && has("v=v1") {
                let include = request.parameters.get("includeObject").map(String::as_str);
                return Self::Table(IncludeObject::of(include));
            }
            if has("as=PartialObjectMetadata") || has("as=PartialObjectMetadataList") {
                return Self::Partial;
            }
            if matches!(part.trim(), "application/json" | "*/*") {
                return Self::Whole;
            }
        }
        Self::Whole
    }
}

/// An object as the path's version has it; without a copy where it is stored so.
pub(super) fn as_served(target: &Target, object: &Arc<Value>) -> Arc<Value> {
    let naming = target.resource.naming();
    if naming.group == target.group && naming.version == target.version {
        return Arc::clone(object);
    }
    Arc::new(versions::served(target.resource, &target.group, &target.version, object))
}

/// One object in the form that is asked for.
pub(super) fn rendered(request: &Request<'_>, object: &Arc<Value>) -> Value {
    let resource = request.target.resource;
    let object = as_served(&request.target, object);
    match Form::of(request) {
        Form::Whole => Value::clone(&object),
        Form::Partial => partial(&object),
        Form::Table(include) => {
            let mut table = table(resource, &[Arc::clone(&object)], request.world.now(), include);
            table["metadata"]["resourceVersion"] = json!(object::resource_version(&object));
            table
        }
    }
}

/// `GET` of one object or of its scale.
pub(super) fn get(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let target = &request.target;
    let key = Key::new(target.resource, request.namespace(), &target.name);
    let object =
        request.world.store.get(&key).ok_or_else(|| Failure::missing(target.resource, &target.name))?;
    Ok(match target.subresource.as_str() {
        "scale" => json(StatusCode::OK, &scale(&object)),
        _ => json(StatusCode::OK, &rendered(request, &object)),
    })
}

/// A workload's `autoscaling/v1` Scale.
pub(super) fn scale(object: &Value) -> Value {
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let metadata = &object["metadata"];
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": number(object, "/spec/replicas").unwrap_or(1)},
        "status": {
            "replicas": number(object, "/status/replicas").unwrap_or_default(),
            "selector": selector.join(","),
        },
    })
}

/// A page of a list.
struct Page {
    objects: Vec<Arc<Value>>,
    version: u64,
    /// Where the next page begins, and how many there are beyond this one.
    next: Option<(String, usize)>,
}

/// `GET` of all objects that are selected.
pub(super) fn list(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let page = page(request)?;
    let target = &request.target;
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if let Some((token, remaining)) = &page.next {
        metadata["continue"] = json!(token);
        metadata["remainingItemCount"] = json!(remaining);
    }
    let objects: Vec<Arc<Value>> = page.objects.iter().map(|object| as_served(target, object)).collect();
    Ok(match Form::of(request) {
        Form::Whole => {
            let list = List { target, metadata, objects: &objects };
            json(StatusCode::OK, &list)
        }
        Form::Partial => {
            let items: Vec<Value> = objects.iter().map(|object| partial(object)).collect();
            let list = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items,
            });
            json(StatusCode::OK, &list)
        }
        Form::Table(include) => {
            let mut table = table(target.resource, &objects, request.world.now(), include);
            table["metadata"] = metadata;
            json(StatusCode::OK, &table)
        }
    })
}

/// The selected objects of a request, without paging.
pub(super) fn selected(request: &Request<'_>) -> Result<(u64, Vec<Arc<Value>>), Failure> {
    let selectors = Selectors::parse(request.parameter("labelSelector"), request.parameter("fieldSelector"))?;
    let (version, mut objects) =
        request.world.store.list(request.target.resource, request.target.namespace.as_deref());
    objects.retain(|object| selectors.matches(object));
    Ok((version, objects))
}

fn page(request: &Request<'_>) -> Result<Page, Failure> {
    let (version, mut objects) = selected(request)?;
    if let Some((_, after)) = continued(request.parameter("continue"))? {
        objects.retain(|object| place(object) > after);
    }
    let limit: usize = match request.parameter("limit") {
        "" | "0" => return Ok(Page { objects, version, next: None }),
        limit => limit.parse().map_err(|_| Failure::bad("limit must be a number"))?,
    };
    let remaining = objects.len().saturating_sub(limit);
    objects.truncate(limit);
    let last = objects.last().filter(|_| remaining > 0);
    let next = last.map(|last| (URL_SAFE_NO_PAD.encode(format!("{version}|{}", place(last))), remaining));
    Ok(Page { objects, version, next })
}

/// The place of an object in a list: lists are in this order.
fn place(object: &Value) -> String {
    format!("{}/{}", object::namespace(object), object::name(object))
}

/// The version and the place after which a list goes on.
fn continued(token: &str) -> Result<Option<(u64, String)>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (version, place) = text.split_once('|')?;
        Some((version.parse().ok()?, place.to_owned()))
    };
    read().map(Some).ok_or_else(|| Failure::bad("continue key is not valid"))
}

/// A list, written without copying its objects. Their kind is the list's.
struct List<'a> {
    target: &'a Target,
    metadata: Value,
    objects: &'a [Arc<Value>],
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", &format!("{}List", self.target.resource.naming().kind))?;
        map.serialize_entry("apiVersion", &self.target.api_version())?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.serialize_entry("items", &Items(self.objects))?;
        map.end()
    }
}

struct Items<'a>(&'a [Arc<Value>]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for object in self.0 {
            sequence.serialize_element(&Item(object))?;
        }
        sequence.end()
    }
}

/// An object in a list: without its kind, as the real server writes it.
struct Item<'a>(&'a Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.as_object().into_iter().flatten();
        serializer.collect_map(fields.filter(|(key, _)| *key != "kind" && *key != "apiVersion"))
    }
}

/// The name of an object that a client gave, for messages about it.
pub(super) fn name_of(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// Whether a kind has a status of its own, written by `…/status` alone.
pub(super) fn has_status(resource: Resource) -> bool {
    resource.naming().subresources.contains(&"status")
}
