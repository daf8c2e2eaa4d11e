//! What can be said of an object without asking anybody: patches, ownership of fields,
//! defaults, validation, versions, tables, discovery. Pure functions.

pub mod defaults;
pub mod discovery;
pub mod fields;
pub mod managed;
pub mod openapi;
pub mod patch;
pub mod shape;
pub mod table;
pub mod validate;
pub mod versions;

use serde_json::{Value, json};

/// A document that is served as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Document {
    /// A JSON document.
    #[must_use]
    pub fn json(content_type: &'static str, value: &Value) -> Self {
        Self { content_type, body: value.to_string().into_bytes() }
    }
}

/// Why a change to an object is not made, in the API's terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    /// `details.causes`.
    pub causes: Vec<Cause>,
}

/// One reason among several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, `FieldManagerConflict`.
    pub reason: &'static str,
    /// `spec.replicas`
    pub field: String,
    pub message: String,
}

impl Cause {
    /// As it stands in `details.causes`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({"reason": self.reason, "field": self.field, "message": self.message})
    }
}

impl Refused {
    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self { code: 400, reason: "BadRequest", message: message.into(), causes: Vec::new() }
    }

    /// 422: understood, but it would make something that may not be.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: 422, reason: "Invalid", message: message.into(), causes: Vec::new() }
    }
}
