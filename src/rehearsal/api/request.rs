//! A request, read: who asks what, in which form the answer is wanted.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{Method, Response};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use super::access::{self, Ask};
use super::path::{Route, Target, route};
use super::status::{Failure, document, json, with_type};
use super::who::Who;
use super::{list, protobuf, watch, write};
use crate::rehearsal::objects::{discovery, openapi};
use crate::rehearsal::streams;
use crate::rehearsal::world::World;

/// Largest body of a request, as the real server has it.
const LARGEST: usize = 3 * 1024 * 1024;

/// The parameters in a request's query.
pub(super) type Parameters = HashMap<String, String>;

/// A request for objects, with all that carrying it out needs.
pub(super) struct Request<'w> {
    pub world: &'w Arc<World>,
    pub target: Target,
    pub parameters: Parameters,
    pub parts: Parts,
    pub body: Bytes,
}

impl Request<'_> {
    /// A parameter; empty where it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1")
    }

    pub(super) fn header(&self, name: axum::http::HeaderName) -> &str {
        header(&self.parts, name)
    }

    /// The namespace, empty where there is none.
    pub(super) fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    /// Whether nothing may be stored.
    pub(super) fn is_dry_run(&self) -> bool {
        self.parameter("dryRun") == "All"
    }

    /// Who owns what is written: what the client says, else its program's name, which
    /// stands before the first slash of its User-Agent.
    pub(super) fn manager(&self) -> &str {
        match self.parameter("fieldManager") {
            "" => {
                self.header(USER_AGENT).split('/').next().filter(|name| !name.is_empty()).unwrap_or("unknown")
            }
            named => named,
        }
    }

    /// The body as an object: JSON, or YAML where the client says so.
    ///
    /// # Errors
    /// 400, and 415 for other forms.
    pub(super) fn object(&self) -> Result<Value, Failure> {
        let form = self.header(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned();
        let value: Value = match form.as_str() {
            "" | "application/json" => serde_json::from_slice(&self.body)
                .map_err(|error| Failure::bad(format!("the object provided is unrecognized: {error}")))?,
            "application/yaml" => {
                let text =
                    std::str::from_utf8(&self.body).map_err(|error| Failure::bad(error.to_string()))?;
                serde_saphyr::from_str(text).map_err(|error| Failure::bad(error.to_string()))?
            }
            other => {
                let message = format!("the body of the request was in an unknown format: {other}");
                return Err(Failure::new(415, "UnsupportedMediaType", message));
            }
        };
        if value.is_object() { Ok(value) } else { Err(Failure::bad("the body is no object")) }
    }
}

fn header(parts: &Parts, name: axum::http::HeaderName) -> &str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Answers a request.
pub(in crate::rehearsal) async fn answer(
    world: &Arc<World>,
    request: axum::extract::Request,
) -> Response<Body> {
    match respond(world, request).await {
        Ok(response) => response,
        Err(failure) => failure.response(),
    }
}

async fn respond(world: &Arc<World>, request: axum::extract::Request) -> Result<Response<Body>, Failure> {
    let faults = world.faults.active();
    if let Some(crate::rehearsal::faults::Fault::ApiErrors { status }) = faults.get("api-errors") {
        return Err(trouble(status));
    }
    let path = request.uri().path().to_owned();
    let route = route(&path).ok_or_else(Failure::no_such_path);
    if matches!(route, Ok(Route::Health)) {
        return Ok(with_type(axum::http::StatusCode::OK, "text/plain; charset=utf-8", "ok"));
    }
    if faults.has("credentials-expired") {
        return Err(Failure::new(401, "Unauthorized", "Unauthorized"));
    }
    let who = Who::of(request.headers())?;
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match route? {
        Route::Discovery => discovery::answer(&path, accept).map(document).ok_or_else(Failure::no_such_path),
        Route::OpenApi => openapi::answer(&path, accept).map(document).ok_or_else(Failure::no_such_path),
        Route::Version => Ok(json(axum::http::StatusCode::OK, &version())),
        Route::Health => Err(Failure::no_such_path()),
        Route::Review(plural) => {
            let (parts, body) = request.into_parts();
            if parts.method != Method::POST {
                return Err(Failure::method());
            }
            let body = protobuf::review(&plural, &bytes(body).await?)?;
            let answer = access::review(&world.store, &who, &plural, &body)?;
            Ok(json(axum::http::StatusCode::CREATED, &answer))
        }
        Route::Objects(target) => objects(world, &who, target, request).await,
    }
}

async fn objects(
    world: &Arc<World>,
    who: &Who,
    target: Target,
    request: axum::extract::Request,
) -> Result<Response<Body>, Failure> {
    let parameters = Query::<Parameters>::try_from_uri(request.uri())
        .map_err(|error| Failure::bad(format!("the query cannot be read: {error}")))?
        .0;
    let (resource, namespace) = (target.resource, target.namespace.clone().unwrap_or_default());
    let verb = verb(request.method(), &target, &parameters).ok_or_else(Failure::method)?;
    let ask = ask(verb, &target, &parameters);
    if !access::allows(&world.store, who, &ask) {
        return Err(ask.forbidden(who));
    }
    if matches!(target.subresource.as_str(), "log" | "portforward") {
        let key = crate::rehearsal::cluster::store::Key::new(resource, &namespace, &target.name);
        let pod = world.store.get(&key).ok_or_else(|| Failure::missing(resource, &target.name))?;
        return match target.subresource.as_str() {
            "log" => streams::logs::serve(world, &pod, &parameters),
            _ => Ok(streams::portforward::serve(world, &pod, request)),
        };
    }
    let (parts, body) = request.into_parts();
    let body = bytes(body).await?;
    let request = Request { world, target, parameters, parts, body };
    match verb {
        "get" => list::get(&request),
        "list" => list::list(&request),
        "watch" => watch::watch(&request),
        "create" => write::create(&request),
        "update" => write::update(&request),
        "patch" => write::patch(&request),
        "delete" => write::delete(&request),
        _ => write::delete_collection(&request),
    }
}

/// The verb of a request, as rules name it; `None` where the method has none here.
fn verb(method: &Method, target: &Target, parameters: &Parameters) -> Option<&'static str> {
    let watches = parameters.get("watch").is_some_and(|watch| watch == "true" || watch == "1");
    let one = !target.name.is_empty();
    Some(match *method {
        Method::GET if watches => "watch",
        Method::GET if one => "get",
        Method::GET => "list",
        Method::POST if target.subresource == "portforward" => "create",
        Method::POST if !one => "create",
        Method::PUT if one => "update",
        Method::PATCH if one => "patch",
        Method::DELETE if one => "delete",
        Method::DELETE => "deletecollection",
        _ => return None,
    })
}

fn ask(verb: &str, target: &Target, parameters: &Parameters) -> Ask {
    let by_field = parameters.get("fieldSelector").map(|fields| access::name_in_selector(fields));
    let name = if target.name.is_empty() { by_field.unwrap_or_default() } else { &target.name };
    let naming = target.resource.naming();
    Ask {
        verb: verb.into(),
        group: naming.group.into(),
        resource: naming.plural.into(),
        subresource: target.subresource.clone(),
        namespace: target.namespace.clone().unwrap_or_default(),
        name: name.into(),
    }
}

async fn bytes(body: Body) -> Result<Bytes, Failure> {
    let too_large = |error: Box<dyn std::error::Error + Send + Sync>| {
        if error.is::<http_body_util::LengthLimitError>() {
            Failure::new(413, "RequestEntityTooLarge", format!("limit is {LARGEST}"))
        } else {
            Failure::bad(format!("the body could not be read: {error}"))
        }
    };
    Ok(Limited::new(body, LARGEST).collect().await.map_err(too_large)?.to_bytes())
}

fn version() -> Value {
    serde_json::json!({
        "major": "1",
        "minor": "33",
        "gitVersion": openapi::VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    })
}

fn trouble(status: u16) -> Failure {
    match status {
        429 => Failure::new(429, "TooManyRequests", "too many requests, please try again later"),
        503 => {
            Failure::new(503, "ServiceUnavailable", "the server is currently unable to handle the request")
        }
        code => Failure::new(
            code,
            "InternalError",
            "an error on the server has prevented the request from succeeding",
        ),
    }
}
