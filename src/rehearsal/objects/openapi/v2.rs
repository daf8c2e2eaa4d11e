//! The old OpenAPI document. kubectl before 1.27 asks for it in protobuf (the message
//! `openapi.v2.Document` of gnostic) before it applies or dry-runs anything; what it
//! looks for are the patch operations and their `dryRun` parameter. Kinds without a
//! schema are not validated by it.

use serde_json::{Value, json};

use super::{Document, VERSION, object_paths};

/// Clients ask for it with an `@` in its name, which is no media type that could be
/// answered: the real server writes a dot there, too.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

pub(super) fn document(accept: &str) -> Document {
    if accept.contains("proto-openapi") {
        return Document { content_type: PROTOBUF, body: protobuf() };
    }
    let paths: serde_json::Map<String, Value> = object_paths()
        .map(|(resource, group, version, path)| {
            let kind = json!({"group": group, "version": version, "kind": resource.naming().kind});
            let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
                .iter()
                .map(|name| json!({"name": name, "in": "query", "type": "string"}))
                .collect();
            let patch = json!({
                "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind,
                "parameters": parameters, "responses": {"200": {"description": "OK"}},
            });
            (path, json!({"patch": patch}))
        })
        .collect();
    let info = json!({"title": "Kubernetes", "version": VERSION});
    Document::json(
        "application/json",
        &json!({"swagger": "2.0", "info": info, "paths": paths, "definitions": {}}),
    )
}

/// Field numbers of gnostic's `OpenAPIv2.proto`.
mod field {
    pub(super) const DOCUMENT_SWAGGER: u32 = 1;
    pub(super) const DOCUMENT_INFO: u32 = 2;
    pub(super) const DOCUMENT_PATHS: u32 = 8;
    pub(super) const INFO_TITLE: u32 = 1;
    pub(super) const INFO_VERSION: u32 = 2;
    pub(super) const PATHS_PATH: u32 = 2;
    pub(super) const NAMED_NAME: u32 = 1;
    pub(super) const NAMED_VALUE: u32 = 2;
    pub(super) const PATH_ITEM_PATCH: u32 = 8;
    pub(super) const OPERATION_PARAMETERS: u32 = 8;
    pub(super) const OPERATION_EXTENSION: u32 = 13;
    pub(super) const ITEM_PARAMETER: u32 = 1;
    pub(super) const PARAMETER_NON_BODY: u32 = 2;
    pub(super) const NON_BODY_QUERY: u32 = 3;
    pub(super) const QUERY_IN: u32 = 2;
    pub(super) const QUERY_NAME: u32 = 4;
    pub(super) const ANY_YAML: u32 = 2;
}

/// A length-delimited field: a string, or another message.
fn put(message: &mut Vec<u8>, field: u32, content: &[u8]) {
    varint(message, u64::from(field) << 3 | 2);
    varint(message, content.len() as u64);
    message.extend_from_slice(content);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    fields.iter().for_each(|(field, content)| put(&mut message, *field, content));
    message
}

fn protobuf() -> Vec<u8> {
    let query = message(&[(field::QUERY_IN, b"query"), (field::QUERY_NAME, b"dryRun")]);
    let non_body = message(&[(field::NON_BODY_QUERY, &query)]);
    let parameter = message(&[(field::PARAMETER_NON_BODY, &non_body)]);
    let item = message(&[(field::ITEM_PARAMETER, &parameter)]);
    let mut paths = Vec::new();
    for (resource, group, version, path) in object_paths() {
        let kind = format!("group: \"{group}\"\nkind: {}\nversion: {version}\n", resource.naming().kind);
        let any = message(&[(field::ANY_YAML, kind.as_bytes())]);
        let extension =
            message(&[(field::NAMED_NAME, b"x-kubernetes-group-version-kind"), (field::NAMED_VALUE, &any)]);
        let patch =
            message(&[(field::OPERATION_PARAMETERS, &item), (field::OPERATION_EXTENSION, &extension)]);
        let value = message(&[(field::PATH_ITEM_PATCH, &patch)]);
        let named = message(&[(field::NAMED_NAME, path.as_bytes()), (field::NAMED_VALUE, &value)]);
        put(&mut paths, field::PATHS_PATH, &named);
    }
    let info = message(&[(field::INFO_TITLE, b"Kubernetes"), (field::INFO_VERSION, VERSION.as_bytes())]);
    message(&[
        (field::DOCUMENT_SWAGGER, b"2.0"),
        (field::DOCUMENT_INFO, &info),
        (field::DOCUMENT_PATHS, &paths),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_seven_bits_a_byte() {
        let mut bytes = Vec::new();
        varint(&mut bytes, 300);
        assert_eq!(bytes, [0xac, 0x02]);
        assert_eq!(message(&[(1, b"2.0")]), [0x0a, 3, b'2', b'.', b'0']);
    }

    #[test]
    fn the_form_is_the_one_asked_for() {
        let old = document("application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
        assert_eq!(old.content_type, PROTOBUF);
        assert!(old.body.starts_with(&[0x0a, 3]));
        assert!(String::from_utf8_lossy(&old.body).contains("kind: Deployment"));
        assert_eq!(document("application/json").content_type, "application/json");
    }
}
