//! A pod's row: its status is the most telling of what its containers say.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::since;
use crate::rehearsal::cluster::object::{is_terminating, number, text};

fn statuses(pod: &Value) -> &[Value] {
    pod.pointer("/status/containerStatuses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// `2/3`
pub(super) fn ready(pod: &Value) -> Value {
    let all = pod.pointer("/spec/containers").and_then(Value::as_array).map_or(0, Vec::len);
    let ready = statuses(pod)
        .iter()
        .filter(|status| status["ready"] == true && status["state"].get("running").is_some());
    json!(format!("{}/{all}", ready.count()))
}

/// `Running`, `CrashLoopBackOff`, `Terminating`.
pub(super) fn status(pod: &Value) -> Value {
    if is_terminating(pod) {
        return json!("Terminating");
    }
    let own = text(pod, "/status/reason");
    let phase = if own.is_empty() { text(pod, "/status/phase") } else { own };
    let told = statuses(pod).iter().rev().find_map(|status| {
        let waiting = text(status, "/state/waiting/reason");
        if !waiting.is_empty() {
            return Some(waiting.to_owned());
        }
        let ended = status.pointer("/state/terminated")?;
        let reason = text(ended, "/reason");
        Some(match (reason, number(ended, "/signal").filter(|signal| *signal != 0)) {
            ("", Some(signal)) => format!("Signal:{signal}"),
            ("", None) => format!("ExitCode:{}", number(ended, "/exitCode").unwrap_or_default()),
            (reason, _) => reason.to_owned(),
        })
    });
    json!(told.unwrap_or_else(|| phase.to_owned()))
}

/// `2 (5s ago)`
pub(super) fn restarts(pod: &Value, now: Timestamp) -> Value {
    let count: i64 = statuses(pod).iter().filter_map(|status| status["restartCount"].as_i64()).sum();
    let ended = |status: &Value| text(status, "/lastState/terminated/finishedAt").to_owned();
    let last = statuses(pod).iter().map(ended).filter(|at| !at.is_empty()).max();
    match last {
        Some(at) if count > 0 => json!(format!("{count} ({} ago)", since(&at, now))),
        _ => json!(count.to_string()),
    }
}

/// Conditions of its readiness gates; `<none>` where it has none.
pub(super) fn gates(pod: &Value) -> Value {
    let gates =
        pod.pointer("/spec/readinessGates").and_then(Value::as_array).filter(|gates| !gates.is_empty());
    let Some(gates) = gates else { return json!("<none>") };
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let met = gates.iter().filter(|gate| {
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == gate["conditionType"] && condition["status"] == "True")
    });
    json!(format!("{}/{}", met.count(), gates.len()))
}
