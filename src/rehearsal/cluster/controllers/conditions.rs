//! What a Deployment's conditions say (upstream's `progress.go` and `deployment_util.go`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::condition;
use crate::rehearsal::cluster::object::text;
use crate::rehearsal::world::seconds;

/// A condition as it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Saying<'a> {
    pub kind: &'static str,
    pub status: bool,
    pub reason: &'static str,
    pub message: &'a str,
}

/// Puts a condition among those of `status`; its time of transition stays while its
/// status does. With `renew` its time of update is now, whatever it said before.
pub(super) fn set(status: &mut Value, saying: Saying<'_>, renew: bool, now: Timestamp) {
    let now = seconds(now);
    let value = if saying.status { "True" } else { "False" };
    let conditions = status.as_object_mut().map(|map| map.entry("conditions").or_insert_with(|| json!([])));
    let Some(conditions) = conditions.and_then(Value::as_array_mut) else { return };
    let known = conditions.iter_mut().find(|condition| condition["type"] == saying.kind);
    let same = |known: &Value| known["status"] == value && known["reason"] == saying.reason;
    match known {
        Some(known) if same(known) => {
            known["message"] = json!(saying.message);
            if renew {
                known["lastUpdateTime"] = json!(now);
            }
        }
        Some(known) => {
            if known["status"] != value {
                known["lastTransitionTime"] = json!(now);
            }
            known["status"] = json!(value);
            known["reason"] = json!(saying.reason);
            known["message"] = json!(saying.message);
            known["lastUpdateTime"] = json!(now);
        }
        None => conditions.push(json!({
            "type": saying.kind, "status": value, "reason": saying.reason, "message": saying.message,
            "lastUpdateTime": now, "lastTransitionTime": now,
        })),
    }
}

/// Whether the rollout was complete at the last look.
pub(super) fn was_complete(deployment: &Value) -> bool {
    condition(deployment, "Progressing")
        .is_some_and(|progress| progress["reason"] == "NewReplicaSetAvailable")
}

/// Whether nothing has moved for longer than the deadline.
pub(super) fn is_past_deadline(deployment: &Value, deadline: i64, now: Timestamp) -> bool {
    let Some(progress) = condition(deployment, "Progressing") else { return false };
    if progress["reason"] == "ProgressDeadlineExceeded" {
        return true;
    }
    let since = text(progress, "/lastUpdateTime").parse::<Timestamp>();
    since.is_ok_and(|since| now.as_second() - since.as_second() > deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let saying = |status, reason| Saying { kind: "Available", status, reason, message: "m" };
        let mut status = json!({});
        set(&mut status, saying(true, "a"), false, at(1));
        set(&mut status, saying(true, "a"), false, at(2));
        assert_eq!(status["conditions"][0]["lastUpdateTime"], seconds(at(1)));
        set(&mut status, saying(true, "b"), false, at(3));
        assert_eq!(status["conditions"][0]["lastTransitionTime"], seconds(at(1)));
        assert_eq!(status["conditions"][0]["lastUpdateTime"], seconds(at(3)));
        set(&mut status, saying(false, "b"), false, at(4));
        assert_eq!(status["conditions"][0]["lastTransitionTime"], seconds(at(4)));
        let deployment = json!({"status": {"conditions": [{"type": "Progressing", "reason": "ReplicaSetUpdated", "lastUpdateTime": seconds(at(10))}]}});
        assert!(!is_past_deadline(&deployment, 5, at(15)) && is_past_deadline(&deployment, 5, at(16)));
    }
}
