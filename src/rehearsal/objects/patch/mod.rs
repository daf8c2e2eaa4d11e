//! The four kinds of patch (API concepts, "Patch operations").

mod apply;
mod strategic;

use jiff::Timestamp;
use serde_json::Value;

use super::Refused;
use crate::rehearsal::cluster::resource::Resource;

/// How a patch is written, by its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own: lists are merged by their elements' keys.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl PatchKind {
    /// The kind that a `Content-Type` stands for.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let bare = content_type.split(';').next().unwrap_or_default().trim();
        Some(match bare {
            "application/json-patch+json" => Self::Json,
            "application/merge-patch+json" => Self::Merge,
            "application/strategic-merge-patch+json" => Self::Strategic,
            "application/apply-patch+yaml" | "application/apply-patch+json" => Self::Apply,
            _ => return None,
        })
    }
}

/// Who writes, how, and when.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    pub manager: &'a str,
    pub subresource: Option<&'a str>,
    pub now: Timestamp,
    /// Apply only: fields are taken from other managers.
    pub force: bool,
}

/// What `before` becomes by the patch. An apply keeps `metadata.managedFields` itself;
/// the others leave that to [`super::managed::after_update`].
///
/// # Errors
/// [`Refused`], with the code that the API answers.
pub fn patch(
    resource: Resource,
    before: &Value,
    kind: PatchKind,
    body: &[u8],
    write: &Write<'_>,
) -> Result<Value, Refused> {
    match kind {
        PatchKind::Json => json(before, body),
        PatchKind::Merge => {
            let mut after = before.clone();
            json_patch::merge(&mut after, &object(body)?);
            Ok(after)
        }
        PatchKind::Strategic => {
            let mut after = before.clone();
            strategic::merge(resource, &mut after, &object(body)?)?;
            Ok(after)
        }
        PatchKind::Apply => apply::apply(resource, before, &applied(body)?, write),
    }
}

fn json(before: &Value, body: &[u8]) -> Result<Value, Refused> {
    let patch: json_patch::Patch = serde_json::from_slice(body)
        .map_err(|error| Refused::bad(format!("error decoding patch: {error}")))?;
    let mut after = before.clone();
    json_patch::patch(&mut after, &patch).map_err(|error| {
        // As the real server does it: the words tell nothing of what differs.
        Refused::invalid(format!("the server rejected our request due to an error in our request: {error}"))
    })?;
    Ok(after)
}

fn object(body: &[u8]) -> Result<Value, Refused> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refused::bad(format!("error decoding patch: {error}")))?;
    if value.is_object() { Ok(value) } else { Err(Refused::bad("a patch must be an object")) }
}

/// An applied configuration: YAML, of which JSON is a part.
fn applied(body: &[u8]) -> Result<Value, Refused> {
    let value = serde_json::from_slice(body).or_else(|_| {
        let text = std::str::from_utf8(body).map_err(|error| Refused::bad(error.to_string()))?;
        serde_saphyr::from_str::<Value>(text)
            .map_err(|error| Refused::bad(format!("error decoding YAML: {error}")))
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Refused::bad("an applied configuration must be an object"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WRITE: Write<'_> =
        Write { manager: "test", subresource: None, now: Timestamp::UNIX_EPOCH, force: false };

    fn patched(kind: PatchKind, before: &Value, body: &Value) -> Result<Value, Refused> {
        patch(Resource::Services, before, kind, body.to_string().as_bytes(), &WRITE)
    }

    #[test]
    fn a_json_patch_whose_test_fails_is_invalid() {
        let before = json!({"spec": {"selector": {"version": "blue"}}});
        let swap = |expected: &str| {
            json!([
                {"op": "test", "path": "/spec/selector/version", "value": expected},
                {"op": "replace", "path": "/spec/selector/version", "value": "green"},
            ])
        };
        let after = patched(PatchKind::Json, &before, &swap("blue")).unwrap();
        assert_eq!(after["spec"]["selector"]["version"], "green");
        assert_eq!(patched(PatchKind::Json, &before, &swap("green")).unwrap_err().code, 422);
        assert_eq!(patched(PatchKind::Json, &before, &json!({})).unwrap_err().code, 400);
    }

    #[test]
    fn a_merge_patch_takes_lists_whole_and_null_away() {
        let before = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        let after = patched(PatchKind::Merge, &before, &json!({"a": {"b": null}, "l": [3]})).unwrap();
        assert_eq!(after, json!({"a": {"c": 2}, "l": [3]}));
        assert_eq!(patched(PatchKind::Merge, &before, &json!([])).unwrap_err().code, 400);
    }

    #[test]
    fn the_kind_is_told_by_the_content_type() {
        assert_eq!(PatchKind::of("application/merge-patch+json; charset=utf-8"), Some(PatchKind::Merge));
        assert_eq!(PatchKind::of("application/json"), None);
    }
}
