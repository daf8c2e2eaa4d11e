//! Why a request is not carried out, as GitHub says it.

use serde_json::{Value, json};

/// Where the answers say that the reader can look things up.
const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    pub message: String,
    /// What is wrong with which field (422).
    pub errors: Vec<Value>,
}

impl Refused {
    #[must_use]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new() }
    }

    /// There is none, or it is none of the caller's business.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// The caller's right does not reach that far.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(403, "Resource not accessible by personal access token")
    }

    /// A field of the body is not as it must be.
    #[must_use]
    pub fn invalid(resource: &str, field: &str, code: &str) -> Self {
        let errors = vec![json!({"resource": resource, "field": field, "code": code})];
        Self { status: 422, message: "Validation Failed".into(), errors }
    }

    /// The body is well-formed and still cannot be done, for this reason.
    #[must_use]
    pub fn custom(resource: &str, message: impl Into<String>) -> Self {
        let errors = vec![json!({"resource": resource, "code": "custom", "message": message.into()})];
        Self { status: 422, message: "Validation Failed".into(), errors }
    }

    /// The body that is sent.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({
            "message": self.message, "documentation_url": DOCUMENTATION, "status": self.status.to_string(),
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        body
    }
}
