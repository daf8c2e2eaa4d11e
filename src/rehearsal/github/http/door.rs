//! What every request passes: who asks, how much they may, what goes wrong, whether they
//! have the answer already.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Limited};
use rand::RngExt as _;

use super::answer::JSON;
use super::ask::Asked;
use super::faults;
use crate::rehearsal::github::people::{PEOPLE, Person};
use crate::rehearsal::github::rate::Rate;
use crate::rehearsal::github::record::Exchange;
use crate::rehearsal::github::{Held, Refused};

/// Largest body of a request.
const LARGEST: usize = 1024 * 1024;
/// Largest answer; pages keep all of them far below.
const ANSWER: usize = 32 * 1024 * 1024;

/// Lets a request in, and its answer out.
pub(super) async fn pass(State(world): State<Held>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(super::LOGS) {
        return next.run(request).await;
    }
    let faults = world.faults.active();
    faults::slow(&faults).await;
    let (mut parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST).collect().await.map(|body| body.to_bytes()) else {
        return Refused::new(413, "The body is too large").into_response();
    };
    let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
    let caller = caller(&headers);
    let trouble = faults::before(&faults, world.clock.now().wall);
    let known = caller.as_ref().ok().copied();
    let response = match (caller, trouble) {
        (_, Some(response)) => response,
        (Err(refused), _) => refused.into_response(),
        (Ok(caller), None) => {
            parts.extensions.insert(Asked { caller, uri: uri.clone(), body: body.clone() });
            next.run(Request::from_parts(parts, Body::from(body.clone()))).await
        }
    };
    let mut response = finish(&world, response, &method, &headers, known).await;
    if world.github.recorder.is_on() {
        response = recorded(&world, &method, &uri, &body, response).await;
    }
    faults::after(&faults, &method, response)
}

/// The answer, once it is written down.
async fn recorded(world: &Held, method: &Method, uri: &Uri, asked: &Bytes, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let answer = Limited::new(body, ANSWER).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let (status, headers) = (parts.status, &parts.headers);
    let exchange = Exchange { method, uri, body: asked, status, headers, answer: &answer };
    world.github.recorder.write(&exchange).await;
    Response::from_parts(parts, Body::from(answer))
}

/// Who asks.
fn caller(headers: &HeaderMap) -> Result<&'static Person, Refused> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = header
        .split_once(' ')
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer") || kind.eq_ignore_ascii_case("token"));
    let Some((_, token)) = token else { return Err(Refused::new(401, "Requires authentication")) };
    let known = PEOPLE.iter().find(|person| person.token() == token.trim());
    known.ok_or_else(|| Refused::new(401, "Bad credentials"))
}

/// Gives an answer the headers that all have; a 304 in place of what is known already.
async fn finish(
    world: &Held,
    response: Response,
    method: &Method,
    asked: &HeaderMap,
    caller: Option<&'static Person>,
) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let (mut parts, mut body) = match is_ours(parts.status, &parts.headers) {
        true => (parts, body),
        // What the router itself refuses, GitHub does not know of.
        false => {
            parts.status = StatusCode::NOT_FOUND;
            parts.headers.insert(CONTENT_TYPE, JSON);
            (parts, Bytes::from(Refused::not_found().body().to_string()))
        }
    };
    let mut free = false;
    if method == Method::GET && parts.status == StatusCode::OK {
        let tag = tag(&body);
        free = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').any(|one| one.trim().trim_start_matches("W/") == tag.trim_start_matches("W/"))
        });
        insert(&mut parts.headers, ETAG, &tag);
        insert(&mut parts.headers, CACHE_CONTROL, "private, max-age=60, s-maxage=60");
        if free {
            parts.status = StatusCode::NOT_MODIFIED;
            parts.headers.remove(CONTENT_TYPE);
            body = Bytes::new();
        }
    }
    if let Some(caller) = caller {
        let counts = !free && !parts.headers.contains_key("x-ratelimit-limit");
        let rate = world.github.rates.count(caller.login, u64::from(counts), world.clock.now().wall);
        if rate.used > rate.limit && counts {
            return with_rate(exhausted(), &rate);
        }
        put_rate(&mut parts.headers, &rate);
    }
    let id = world.chance(|dice| dice.random::<u64>());
    insert(&mut parts.headers, HeaderName::from_static("x-github-request-id"), &format!("{id:016X}"));
    insert(&mut parts.headers, HeaderName::from_static("x-github-media-type"), "github.v3; format=json");
    Response::from_parts(parts, Body::from(body))
}

/// Whether an answer was made by a handler or a fault, and not by what stands before them.
fn is_ours(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_refusal = status.is_client_error() || status.is_server_error();
    !is_refusal || kind.starts_with("application/json") || kind.starts_with("text/html")
}

/// The tag of a body: the same for the same.
fn tag(body: &Bytes) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

fn exhausted() -> Response {
    Refused::new(403, "API rate limit exceeded for user.").into_response()
}

fn with_rate(mut response: Response, rate: &Rate) -> Response {
    put_rate(response.headers_mut(), rate);
    response
}

/// Says what is left, unless a fault has said something else.
fn put_rate(headers: &mut HeaderMap, rate: &Rate) {
    let all = [
        ("x-ratelimit-limit", rate.limit.to_string()),
        ("x-ratelimit-remaining", rate.remaining().to_string()),
        ("x-ratelimit-used", rate.used.to_string()),
        ("x-ratelimit-reset", rate.reset.as_second().to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
    ];
    for (name, value) in all {
        if !headers.contains_key(name) {
            insert(headers, HeaderName::from_static(name), &value);
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
