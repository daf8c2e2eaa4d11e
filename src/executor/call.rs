//! One change, sent once.

use std::time::Duration;

use crate::sources::kubernetes::explain;

/// Time limit of a change's call.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How a call ended.
#[derive(Debug)]
pub(super) enum CallEnd<K> {
    /// The server answered with the changed object.
    Applied(Box<K>),
    /// The server refused: nothing was changed.
    Refused(Refusal),
    /// No answer that tells: it may or may not have been applied.
    Lost(String),
}

/// The server's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub why: RefusedFor,
    /// In the operator's words.
    pub words: String,
}

/// Why the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusedFor {
    /// The object is no longer as it was read (a failed `test`, a conflict).
    Changed,
    /// A right is missing.
    Permission,
    Other,
}

/// Sends it, once, and never again. An answer of the 5xx kind tells nothing: servers
/// before 1.16 and proxies use it for all sorts of things, a failed `test` among them.
pub(super) async fn send<K>(call: impl Future<Output = kube::Result<K>>) -> CallEnd<K> {
    match tokio::time::timeout(CALL_LIMIT, call).await {
        Ok(Ok(object)) => CallEnd::Applied(Box::new(object)),
        Ok(Err(error)) => judge(&error),
        Err(_) => CallEnd::Lost(format!("no answer within {} s", CALL_LIMIT.as_secs())),
    }
}

fn judge<K>(error: &kube::Error) -> CallEnd<K> {
    let words = explain(error);
    let why = match error {
        kube::Error::Api(status) => match status.code {
            409 | 412 | 422 | 404 => RefusedFor::Changed,
            403 => RefusedFor::Permission,
            400..=407 | 410..=428 | 430..=499 => RefusedFor::Other,
            _ => return CallEnd::Lost(words),
        },
        kube::Error::BuildRequest(_) => RefusedFor::Other,
        _ => return CallEnd::Lost(words),
    };
    let words = match (why, error) {
        // For a failed `test` the server's own words say nothing.
        (RefusedFor::Changed, kube::Error::Api(status)) if status.code != 404 => {
            format!("the object is no longer as it was read ({})", status.code)
        }
        _ => words,
    };
    CallEnd::Refused(Refusal { why, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16) -> kube::Error {
        kube::Error::Api(kube::core::Status::failure("m", "r").with_code(code).boxed())
    }

    #[test]
    fn only_a_clear_refusal_counts_as_one() {
        let word = |code| match judge::<()>(&api(code)) {
            CallEnd::Applied(_) => "applied",
            CallEnd::Lost(_) => "lost",
            CallEnd::Refused(refusal) => match refusal.why {
                RefusedFor::Changed => "changed",
                RefusedFor::Permission => "permission",
                RefusedFor::Other => "refused",
            },
        };
        let cases = [
            (409, "changed"),
            (422, "changed"),
            (404, "changed"),
            (403, "permission"),
            (401, "refused"),
            (413, "refused"),
            (408, "lost"),
            (429, "lost"),
            (500, "lost"),
            (502, "lost"),
            (504, "lost"),
        ];
        for (code, expected) in cases {
            assert_eq!(word(code), expected, "{code}");
        }
    }
}
