//! Answers that are no objects: failures as the API's `Status`, and bodies.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::StoreError;
use crate::rehearsal::objects::{Cause, Document, Refused};

/// A request that is not carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Option<Value>,
}

impl Failure {
    /// A failure without details.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    /// 400
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 for a path that leads nowhere.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// 404 for an object.
    #[must_use]
    pub fn missing(resource: Resource, name: &str) -> Self {
        Self::about(404, "NotFound", resource, name, format!("{resource} \"{name}\" not found"))
    }

    /// 405
    #[must_use]
    pub fn method() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    /// 409 for an object that exists.
    #[must_use]
    pub fn exists(resource: Resource, name: &str) -> Self {
        Self::about(409, "AlreadyExists", resource, name, format!("{resource} \"{name}\" already exists"))
    }

    /// 409 for a write on an old version.
    #[must_use]
    pub fn conflict(resource: Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; please apply \
             your changes to the latest version and try again"
        );
        Self::about(409, "Conflict", resource, name, message)
    }

    /// 409 for a uid or version that is not the one named as a precondition.
    #[must_use]
    pub fn precondition(resource: Resource, name: &str, what: &str, wanted: &str, found: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {resource} \"{name}\": Precondition failed: {what} in precondition: \
             {wanted}, {what} in object meta: {found}"
        );
        Self::about(409, "Conflict", resource, name, message)
    }

    /// 410: the versions asked for are no longer kept.
    #[must_use]
    pub fn gone(asked: u64, newest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({newest})"))
    }

    /// 422 with everything that is wrong.
    #[must_use]
    pub fn invalid(resource: Resource, name: &str, causes: &[Cause]) -> Self {
        let naming = resource.naming();
        let kind = if naming.group.is_empty() {
            naming.kind.into()
        } else {
            format!("{}.{}", naming.kind, naming.group)
        };
        let told: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let told = match told.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut failure =
            Self::about(422, "Invalid", resource, name, format!("{kind} \"{name}\" is invalid: {told}"));
        if let Some(details) = &mut failure.details {
            details["kind"] = json!(naming.kind);
            details["causes"] = causes.iter().map(Cause::to_value).collect();
        }
        failure
    }

    fn about(code: u16, reason: &'static str, resource: Resource, name: &str, message: String) -> Self {
        let naming = resource.naming();
        let mut details = json!({"name": name, "kind": naming.plural});
        if !naming.group.is_empty() {
            details["group"] = json!(naming.group);
        }
        Self { code, reason, message, details: Some(details) }
    }

    /// What a refused write to the store means for the one who asked.
    #[must_use]
    pub fn of_store(error: &StoreError, resource: Resource, name: &str) -> Self {
        match error {
            StoreError::Exists => Self::exists(resource, name),
            StoreError::Missing => Self::missing(resource, name),
            StoreError::Conflict => Self::conflict(resource, name),
        }
    }

    /// The `Status` object.
    #[must_use]
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }

    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> Response<Body> {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(code, &self.status());
        if self.code == 429 {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let causes: Vec<Value> = refused.causes.iter().map(Cause::to_value).collect();
        let details = (!causes.is_empty()).then(|| json!({"causes": causes}));
        Self { code: refused.code, reason: refused.reason, message: refused.message, details }
    }
}

/// A JSON answer.
pub(super) fn json(code: StatusCode, value: &impl Serialize) -> Response<Body> {
    // Values always have a JSON form; what has none would be an empty answer.
    let body = serde_json::to_vec(value).unwrap_or_default();
    with_type(code, "application/json", body)
}

/// A document that is served as it is.
pub(super) fn document(document: Document) -> Response<Body> {
    with_type(StatusCode::OK, document.content_type, document.body)
}

/// Bytes of some kind.
pub(super) fn with_type(code: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_worded_as_the_api_words_them() {
        let missing = Failure::missing(Resource::Deployments, "x");
        assert_eq!(missing.message, "deployments.apps \"x\" not found");
        assert_eq!(missing.status()["details"], json!({"name": "x", "kind": "deployments", "group": "apps"}));
        let cause = Cause {
            reason: "FieldValueInvalid",
            field: "spec.replicas".into(),
            message: "Invalid value: -1: no".into(),
        };
        let invalid = Failure::invalid(Resource::Deployments, "x", std::slice::from_ref(&cause));
        assert_eq!(invalid.message, "Deployment.apps \"x\" is invalid: spec.replicas: Invalid value: -1: no");
        let many = Failure::invalid(Resource::Services, "s", &[cause.clone(), cause]);
        assert!(many.message.contains("is invalid: [spec.replicas"), "{}", many.message);
    }
}
