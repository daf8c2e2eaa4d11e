//! Which objects a request is about: label and field selectors.

use serde_json::Value;

use super::status::Failure;
use crate::rehearsal::cluster::object::{label, text};

/// Both selectors of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors {
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
}

/// One condition on a label (API concepts, "Labels and Selectors").
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    must: Must,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Must {
    BeIn(Vec<String>),
    NotBeIn(Vec<String>),
    Exist,
    NotExist,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRequirement {
    pointer: String,
    value: String,
    equal: bool,
}

impl Selectors {
    /// Reads both selectors; an empty one selects everything.
    ///
    /// # Errors
    /// 400 where one cannot be read.
    pub(super) fn parse(labels: &str, fields: &str) -> Result<Self, Failure> {
        let labels = split(labels).into_iter().map(requirement).collect::<Result<_, _>>()?;
        let fields = split(fields).into_iter().map(field).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// Whether an object is selected.
    #[must_use]
    pub(super) fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.is_met(label(object, &requirement.key)))
            && self.fields.iter().all(|field| (text(object, &field.pointer) == field.value) == field.equal)
    }
}

impl Requirement {
    fn is_met(&self, value: Option<&str>) -> bool {
        match &self.must {
            Must::BeIn(values) => value.is_some_and(|value| values.iter().any(|each| each == value)),
            Must::NotBeIn(values) => value.is_none_or(|value| values.iter().all(|each| each != value)),
            Must::Exist => value.is_some(),
            Must::NotExist => value.is_none(),
        }
    }
}

/// Splits at commas that are not within parentheses.
fn split(selector: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let parts = selector.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn requirement(part: &str) -> Result<Requirement, Failure> {
    let wrong = || Failure::bad(format!("unable to parse requirement: {part}"));
    let made = |key: &str, must| {
        let key = key.trim();
        let is_key = !key.is_empty() && !key.contains(char::is_whitespace);
        if is_key { Ok(Requirement { key: key.to_owned(), must }) } else { Err(wrong()) }
    };
    if let Some((key, values)) = part.split_once(" notin ").or_else(|| part.split_once(" notin(")) {
        return made(key, Must::NotBeIn(values_of(values)));
    }
    if let Some((key, values)) = part.split_once(" in ").or_else(|| part.split_once(" in(")) {
        return made(key, Must::BeIn(values_of(values)));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return made(key, Must::NotBeIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return made(key, Must::BeIn(vec![value.trim().to_owned()]));
    }
    match part.strip_prefix('!') {
        Some(key) => made(key, Must::NotExist),
        None => made(part, Must::Exist),
    }
}

fn values_of(values: &str) -> Vec<String> {
    let bare = values.trim().trim_start_matches('(').trim_end_matches(')');
    bare.split(',').map(|value| value.trim().to_owned()).collect()
}

/// Fields that can be asked for; the real server knows few for most kinds, too.
const FIELDS: [&str; 12] = [
    "metadata.name",
    "metadata.namespace",
    "status.phase",
    "status.podIP",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "type",
];

fn field(part: &str) -> Result<FieldRequirement, Failure> {
    let (key, value, equal) = if let Some((key, value)) = part.split_once("!=") {
        (key, value, false)
    } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (key, value, true)
    } else {
        return Err(Failure::bad(format!("invalid selector: '{part}'; can't understand '{part}'")));
    };
    let key = key.trim();
    // Events are asked for under both names of what they are about.
    let key = key.replace("regarding.", "involvedObject.");
    if !FIELDS.contains(&key.as_str()) && key != "reason" && key != "involvedObject.fieldPath" {
        return Err(Failure::bad(format!("field label not supported: {key}")));
    }
    Ok(FieldRequirement {
        pointer: format!("/{}", key.replace('.', "/")),
        value: value.trim().to_owned(),
        equal,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_selected_in_every_form() {
        let pod = json!({"metadata": {"name": "p", "labels": {"app": "backend", "version": "blue"}}, "status": {"phase": "Running"}});
        let cases = [
            ("", "", true),
            ("app=backend,version=blue", "", true),
            ("app==backend", "", true),
            ("version!=blue", "", false),
            ("version in (blue, green),app", "", true),
            ("version notin (blue,green)", "", false),
            ("!gone,app", "", true),
            ("gone", "", false),
            ("", "metadata.name=p,status.phase!=Pending", true),
            ("", "metadata.name=q", false),
        ];
        for (labels, fields, matches) in cases {
            assert_eq!(Selectors::parse(labels, fields).unwrap().matches(&pod), matches, "{labels} {fields}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (labels, fields) in [("=x", ""), ("a b", ""), ("", "metadata.name"), ("", "spec.nonsense=1")] {
            assert_eq!(Selectors::parse(labels, fields).unwrap_err().code, 400, "{labels} {fields}");
        }
    }
}
