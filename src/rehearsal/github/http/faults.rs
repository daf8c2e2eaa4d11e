//! What goes wrong with requests.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use jiff::Timestamp;

use crate::rehearsal::faults::{Active, Fault};
use crate::rehearsal::github::Refused;

/// What a broken proxy before GitHub says.
const UNICORN: &str = "<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head>\
    <body><p><strong>This page is taking too long to load.</strong></p></body></html>\n";
/// The beginning of an answer, and nothing that goes with it.
const NO_JSON: &str = "{\"id\": 1, \"state\": \"op";

/// Takes its time.
pub(super) async fn slow(faults: &Active) {
    if let Some(Fault::GitHubSlow { ms }) = faults.get("github-slow") {
        tokio::time::sleep(Duration::from_millis(ms.into())).await;
    }
}

/// What is answered in place of the deed, if anything.
pub(super) fn before(faults: &Active, now: Timestamp) -> Option<Response> {
    let response = if faults.has("github-502") {
        bad_gateway()
    } else if faults.has("github-unauthorised") {
        Refused::new(401, "Bad credentials").into_response()
    } else if let Some(Fault::GitHubSecondaryLimit { seconds }) = faults.get("github-secondary-limit") {
        let message =
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        let mut response = Refused::new(403, message).into_response();
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
        response
    } else if let Some(Fault::GitHubRateLimit { seconds }) = faults.get("github-rate-limit") {
        exhausted(now.as_second() + i64::from(seconds))
    } else {
        return None;
    };
    Some(response)
}

fn exhausted(reset: i64) -> Response {
    let mut response = Refused::new(403, "API rate limit exceeded for user.").into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-ratelimit-limit", HeaderValue::from(5000)),
        ("x-ratelimit-remaining", HeaderValue::from(0)),
        ("x-ratelimit-used", HeaderValue::from(5000)),
        ("x-ratelimit-reset", HeaderValue::from(reset)),
        ("x-ratelimit-resource", HeaderValue::from_static("core")),
    ] {
        headers.insert(name, value);
    }
    response
}

fn bad_gateway() -> Response {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = Response::new(Body::from(UNICORN));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}

/// What becomes of an answer on its way.
pub(super) fn after(faults: &Active, method: &Method, response: Response) -> Response {
    let reads = method == Method::GET || method == Method::HEAD;
    if faults.has("github-answer-lost") && !reads && response.status().is_success() {
        return bad_gateway();
    }
    if response.status() != StatusCode::OK {
        return response;
    }
    if faults.has("github-malformed") {
        return replaced(response, |headers| {
            headers.remove(CONTENT_LENGTH);
            Body::from(NO_JSON)
        });
    }
    if faults.has("github-truncated") {
        return replaced(response, |headers| {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(4096));
            let broken = io::Error::new(io::ErrorKind::ConnectionReset, "the answer breaks off");
            Body::from_stream(stream::iter([Ok(Bytes::from_static(NO_JSON.as_bytes())), Err(broken)]))
        });
    }
    response
}

fn replaced(response: Response, body: impl FnOnce(&mut axum::http::HeaderMap) -> Body) -> Response {
    let (mut parts, _) = response.into_parts();
    let body = body(&mut parts.headers);
    Response::from_parts(parts, body)
}
