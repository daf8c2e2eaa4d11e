//! `[alerts]`: Alertmanager, and which alerts matter.

use std::time::Duration;

use toml::de::DeValue;

use super::reader::Table;
use super::types::{Alerts, Kubernetes, LabelMatcher};
use super::{Origin, endpoint, values};

const SECOND: Duration = Duration::from_secs(1);
/// Most conditions.
const MOST: usize = 20;
/// Alerts of other namespaces are other teams'; one without a namespace may be ours.
const MATCHERS: &str = r#"namespace=~"{{namespace}}|""#;
/// sop.md: a P0 alert is a reason to roll back.
const P0: &str = r#"severity=~"[Pp]0""#;

/// Reads the table; `None` where nothing could tell of alerts: neither an Alertmanager
/// nor, in its place, a Prometheus.
pub(super) fn read(
    table: &Table<'_>,
    origin: &Origin,
    kubernetes: Option<&Kubernetes>,
    prometheus: bool,
) -> Option<Alerts> {
    let alertmanager = endpoint::read(table, "alertmanager", origin);
    let interval = table.duration("interval", 5 * SECOND, SECOND..=60 * SECOND);
    let namespace = kubernetes.map_or("", |kubernetes| kubernetes.namespace.as_str());
    let service = kubernetes.map_or("", |kubernetes| kubernetes.service.as_str());
    let put = |text: &str| text.replace("{{namespace}}", namespace).replace("{{service}}", service);
    let ours = conditions(table, "matchers", MATCHERS, put);
    let p0 = conditions(table, "p0", P0, put);
    if table.find("p0").is_some_and(|found| found.value.as_array().is_some_and(|array| array.is_empty())) {
        table.blame("p0", "expected at least one condition: without one every alert would count as P0", None);
    }
    (alertmanager.is_some() || prometheus).then_some(Alerts { alertmanager, interval, matchers: ours, p0 })
}

fn conditions(
    table: &Table<'_>,
    key: &'static str,
    default: &str,
    put: impl Fn(&str) -> String,
) -> Vec<LabelMatcher> {
    let Some(found) = table.find(key) else {
        return values::matcher(&put(default)).into_iter().collect();
    };
    let DeValue::Array(array) = found.value else {
        table.note(found.mistake("expected an array of conditions such as [\"severity=\\\"P0\\\"\"]", None));
        return Vec::new();
    };
    if array.len() > MOST {
        table.note(found.mistake(format!("expected at most {MOST} conditions"), None));
    }
    let mut matchers = Vec::new();
    for (place, element) in array.iter().enumerate().take(MOST) {
        let text = element.get_ref().as_str().map(&put);
        match text.as_deref().map(values::matcher) {
            Some(Ok(matcher)) => matchers.push(matcher),
            other => {
                let why = match other {
                    Some(Err(reason)) => format!(": {}", reason.why),
                    _ => ", found no string".to_owned(),
                };
                let what = format!("expected a condition such as `severity=\"P0\"` or `team=~\"a|b\"`{why}");
                let key = format!("{}[{place}]", found.path);
                table.note(super::findings::Finding {
                    span: Some(element.span()),
                    key,
                    ..found.mistake(what, None)
                });
            }
        }
    }
    matchers
}
