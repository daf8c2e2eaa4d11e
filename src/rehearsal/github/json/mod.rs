//! What the API shows of the state, resource by resource, in the shapes of GitHub's own
//! description of its API.

pub mod check;
pub mod commit;
pub mod content;
pub mod deployment;
pub mod issue;
pub mod pull;
pub mod release;
pub mod repository;
pub mod run;
pub mod user;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::state::State;

/// Shows parts of a state as they are at a time.
#[derive(Clone, Copy, Debug)]
pub struct Show<'s> {
    pub state: &'s State,
    pub now: Timestamp,
}

/// A time as GitHub writes it.
#[must_use]
pub fn time(at: Timestamp) -> Value {
    crate::rehearsal::world::seconds(at).into()
}

/// A time that may not have come.
#[must_use]
pub fn maybe(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, time)
}

/// The id under which GraphQL knows something.
#[must_use]
pub fn node(kind: &str, id: impl std::fmt::Display) -> Value {
    format!("{kind}_{}", STANDARD.encode(id.to_string()).trim_end_matches('=')).into()
}
