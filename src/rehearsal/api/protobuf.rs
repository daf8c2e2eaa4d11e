//! Access reviews in protobuf: kubectl's typed clients send them so since 1.36. Nothing
//! else is taken in this form, and answers are JSON, which such clients take as well.

use serde_json::{Map, Value, json};

use super::status::Failure;

/// What a body in this form begins with; then comes a `runtime.Unknown`.
const MAGIC: &[u8] = b"k8s\0";

/// The field numbers of `k8s.io/api/authorization/v1` and `runtime.Unknown`.
mod field {
    pub(super) const UNKNOWN_RAW: u64 = 2;
    pub(super) const REVIEW_SPEC: u64 = 2;
    pub(super) const RESOURCE_ATTRIBUTES: u64 = 1;
    pub(super) const NON_RESOURCE_ATTRIBUTES: u64 = 2;
    pub(super) const RULES_NAMESPACE: u64 = 1;
    pub(super) const NAMES: [(u64, &str); 7] = [
        (1, "namespace"),
        (2, "verb"),
        (3, "group"),
        (4, "version"),
        (5, "resource"),
        (6, "subresource"),
        (7, "name"),
    ];
}

/// A review's body as JSON, whichever of the two forms it has.
///
/// # Errors
/// 400 where it can be read as neither.
pub(super) fn review(kind: &str, body: &[u8]) -> Result<Value, Failure> {
    let Some(unknown) = body.strip_prefix(MAGIC) else {
        return serde_json::from_slice(body)
            .map_err(|error| Failure::bad(format!("the review cannot be read: {error}")));
    };
    let broken = || Failure::bad("the review cannot be read: it is no such protobuf message");
    let raw = message(unknown, field::UNKNOWN_RAW).ok_or_else(broken)?;
    let spec = message(raw, field::REVIEW_SPEC).unwrap_or_default();
    let spec = if kind == "selfsubjectrulesreviews" {
        json!({"namespace": text(spec, field::RULES_NAMESPACE)})
    } else if let Some(attributes) = message(spec, field::RESOURCE_ATTRIBUTES) {
        let named: Map<String, Value> = field::NAMES
            .iter()
            .map(|(number, name)| ((*name).to_owned(), json!(text(attributes, *number))))
            .collect();
        json!({"resourceAttributes": named})
    } else if message(spec, field::NON_RESOURCE_ATTRIBUTES).is_some() {
        json!({"nonResourceAttributes": {}})
    } else {
        json!({})
    };
    Ok(json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind_of(kind), "metadata": {}, "spec": spec}))
}

fn kind_of(plural: &str) -> &'static str {
    if plural == "selfsubjectrulesreviews" { "SelfSubjectRulesReview" } else { "SelfSubjectAccessReview" }
}

fn text(message: &[u8], number: u64) -> String {
    self::message(message, number).map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
}

/// The content of a length-delimited field; `None` where there is none, or the message
/// is broken before it.
fn message(mut rest: &[u8], number: u64) -> Option<&[u8]> {
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let content = match tag & 7 {
            0 => {
                varint(&mut rest)?;
                continue;
            }
            1 => take(&mut rest, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                take(&mut rest, length)?
            }
            5 => take(&mut rest, 4)?,
            _ => return None,
        };
        if tag >> 3 == number {
            return Some(content);
        }
    }
    None
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        value |= u64::from(byte & 0x7f).checked_shl(place * 7)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(number: u8, content: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        field.extend_from_slice(content);
        field
    }

    #[test]
    fn both_forms_are_read() {
        let attributes =
            [put(2, b"patch"), put(5, b"services"), put(7, b"backend"), put(1, b"taxasge")].concat();
        let review_message = put(2, &put(1, &attributes));
        let body = [MAGIC, &put(1, b"type"), &put(2, &review_message)].concat();
        let spec = review("selfsubjectaccessreviews", &body).unwrap()["spec"]["resourceAttributes"].clone();
        assert_eq!(
            (&spec["verb"], &spec["name"], &spec["group"]),
            (&json!("patch"), &json!("backend"), &json!(""))
        );
        assert_eq!(review("selfsubjectaccessreviews", b"{\"spec\": 1}").unwrap(), json!({"spec": 1}));
        assert!(review("selfsubjectaccessreviews", b"nonsense").is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let body = [MAGIC, &bytes].concat();
            let _ = review("selfsubjectaccessreviews", &body);
        }
    }
}
