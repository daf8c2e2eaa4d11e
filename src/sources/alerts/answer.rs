//! What Alertmanager (`/api/v2/alerts`) and Prometheus (`/api/v1/alerts`) answer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::config::Alerts;
use crate::sop::alert::{Alert, AlertState};
use crate::sources::text::clean;

/// Most alerts that are looked at.
const MOST: usize = 2_000;

/// Reads Alertmanager's answer; what does not match the configuration is left out.
///
/// # Errors
/// When it is no such answer.
pub(super) fn alertmanager(answer: &Value, config: &Alerts) -> Result<Vec<Alert>, String> {
    let all = answer.as_array().ok_or("its answer is not Alertmanager's: check the URL of [alerts]")?;
    let read = |one: &Value| {
        let status = one.get("status")?;
        // Suppressed is silenced or inhibited; what is unprocessed is on its way to active.
        let state = match status.get("state").and_then(Value::as_str) {
            Some("suppressed") => AlertState::Silenced,
            _ => AlertState::Firing,
        };
        let labels = labels(one.get("labels"));
        let id = one.get("fingerprint").and_then(Value::as_str).map_or_else(|| id(&labels), clean);
        alert(id, labels, state, one.get("startsAt"), one.get("annotations"), config)
    };
    Ok(all.iter().take(MOST).filter_map(read).collect())
}

/// Reads Prometheus' answer; what does not match the configuration is left out.
///
/// # Errors
/// When it is no such answer.
pub(super) fn prometheus(answer: &Value, config: &Alerts) -> Result<Vec<Alert>, String> {
    let all = answer
        .pointer("/data/alerts")
        .and_then(Value::as_array)
        .ok_or("its answer is not Prometheus': check the URL of [metrics]")?;
    let read = |one: &Value| {
        let state = match one.get("state").and_then(Value::as_str)? {
            "firing" => AlertState::Firing,
            "pending" => AlertState::Pending,
            _ => return None,
        };
        let labels = labels(one.get("labels"));
        alert(id(&labels), labels, state, one.get("activeAt"), one.get("annotations"), config)
    };
    Ok(all.iter().take(MOST).filter_map(read).collect())
}

/// An alert without a time began long ago as far as anybody knows: it is shown, and is
/// no reason to roll back what happened since.
fn alert(
    id: String,
    labels: BTreeMap<String, String>,
    state: AlertState,
    since: Option<&Value>,
    annotations: Option<&Value>,
    config: &Alerts,
) -> Option<Alert> {
    let value = |name: &str| labels.get(name).map_or("", String::as_str);
    let hold = |matchers: &[crate::config::LabelMatcher]| {
        matchers.iter().all(|matcher| matcher.holds(value(&matcher.label)))
    };
    if !hold(&config.matchers) {
        return None;
    }
    let since = since.and_then(Value::as_str).and_then(|text| text.parse().ok());
    let note = |name: &str| annotations?.get(name)?.as_str().map(clean);
    Some(Alert {
        id,
        name: value("alertname").to_owned(),
        severity: value("severity").to_owned(),
        p0: hold(&config.p0),
        state,
        since: since.unwrap_or(Timestamp::UNIX_EPOCH),
        summary: note("summary").or_else(|| note("description")).unwrap_or_default(),
        labels,
    })
}

fn labels(labels: Option<&Value>) -> BTreeMap<String, String> {
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(name, value)| Some((clean(name), clean(value.as_str()?)))).collect()
}

/// What tells an alert from others where no fingerprint does: its labels.
fn id(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::config::{Holds, LabelMatcher};

    fn config() -> Alerts {
        let matcher = |label: &str, value: &str| LabelMatcher {
            text: format!("{label}=\"{value}\""),
            label: label.into(),
            holds: Holds::Equal(value.into()),
        };
        Alerts {
            alertmanager: None,
            interval: Duration::from_secs(5),
            matchers: vec![matcher("namespace", "shop")],
            p0: vec![matcher("severity", "P0")],
        }
    }

    #[test]
    fn alertmanagers_states_and_conditions() {
        let alert = |state: &str, namespace: &str, severity: &str| {
            json!({"fingerprint": format!("{state}-{severity}"), "startsAt": "2026-11-26T21:00:00Z",
                "status": {"state": state}, "annotations": {"summary": "pods\u{1b}[2J gone"},
                "labels": {"alertname": "Down", "namespace": namespace, "severity": severity}})
        };
        let answer = json!([
            alert("active", "shop", "P0"),
            alert("suppressed", "shop", "P1"),
            alert("active", "other", "P0"),
            "nonsense",
            {"status": {}, "labels": {"namespace": "shop"}},
        ]);
        let alerts = alertmanager(&answer, &config()).unwrap();
        let seen: Vec<_> = alerts.iter().map(|alert| (alert.name.as_str(), alert.p0, alert.state)).collect();
        assert_eq!(
            seen,
            [
                ("Down", true, AlertState::Firing),
                ("Down", false, AlertState::Silenced),
                ("", false, AlertState::Firing)
            ]
        );
        assert_eq!(alerts[0].summary, "pods [2J gone");
        assert_eq!(alerts[2].since, Timestamp::UNIX_EPOCH, "without a time it is of long ago");
        assert!(alertmanager(&json!({"status": "success"}), &config()).is_err());
    }

    #[test]
    fn prometheus_tells_what_is_pending() {
        let alert = |state: &str| {
            json!({"state": state, "activeAt": "2026-11-26T21:00:00.5Z", "annotations": {},
                "labels": {"alertname": "Slow", "namespace": "shop", "severity": "P0"}})
        };
        let answer = json!({"data": {"alerts": [alert("pending"), alert("firing"), alert("inactive")]}});
        let alerts = prometheus(&answer, &config()).unwrap();
        assert_eq!(
            alerts.iter().map(|alert| alert.state).collect::<Vec<_>>(),
            [AlertState::Pending, AlertState::Firing]
        );
        assert_eq!(alerts[0].id, "alertname=Slow,namespace=shop,severity=P0");
        assert!(prometheus(&json!([]), &config()).is_err());
    }
}
