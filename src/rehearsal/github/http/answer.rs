//! Answers and refusals as HTTP.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LINK, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::rehearsal::github::Refused;

/// What every answer with a body is.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    body: Option<Value>,
    link: Option<String>,
    location: Option<String>,
}

/// What a handler comes to.
pub(super) type Answered = Result<Answer, Refused>;

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), link: None, location: None }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    /// Something new, and where it is.
    pub(super) fn created(body: Value) -> Self {
        let location = body["url"].as_str().map(str::to_owned);
        Self { location, ..Self::new(201, body) }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: None, link: None, location: None }
    }

    /// It is elsewhere.
    pub(super) fn found(location: String) -> Self {
        Self { location: Some(location), ..Self::empty(302) }
    }

    /// A part of a list: where the others are.
    pub(super) fn linked(self, link: Option<String>) -> Self {
        Self { link, ..self }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let body = self.body.as_ref().map(Value::to_string);
        let mut response = Response::new(Body::from(body.unwrap_or_default()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        for (name, value) in [(LINK, self.link), (LOCATION, self.location)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        Answer::new(self.status, self.body()).into_response()
    }
}
