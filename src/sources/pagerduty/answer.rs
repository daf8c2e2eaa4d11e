//! What PagerDuty answers: `GET /oncalls` and `GET /incidents`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::sop::alert::{Incident, OnCall};
use crate::sources::text::clean;

const NOT_IT: &str = "its answer is not PagerDuty's: check the URL of [pagerduty]";

/// Those on call, the first level first; somebody on two schedules of a level is told once.
///
/// # Errors
/// When it is no such answer.
pub(super) fn on_call(answer: &Value) -> Result<Vec<OnCall>, String> {
    let all = answer.get("oncalls").and_then(Value::as_array).ok_or(NOT_IT)?;
    let read = |one: &Value| {
        Some(OnCall {
            name: name(one.get("user")?)?,
            level: u32::try_from(one.get("escalation_level")?.as_u64()?).ok()?,
            // Null: for good.
            until: one.get("end").and_then(time),
        })
    };
    let mut people: Vec<OnCall> = all.iter().filter_map(read).collect();
    people.sort_by(|a, b| (a.level, &a.name).cmp(&(b.level, &b.name)));
    let mut told = BTreeSet::new();
    people.retain(|person| told.insert((person.level, person.name.clone())));
    Ok(people)
}

/// Open incidents, the newest first.
///
/// # Errors
/// When it is no such answer.
pub(super) fn incidents(answer: &Value) -> Result<Vec<Incident>, String> {
    let all = answer.get("incidents").and_then(Value::as_array).ok_or(NOT_IT)?;
    let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).map(clean);
    let read = |one: &Value| {
        Some(Incident {
            id: text(one, "id")?,
            title: text(one, "title").or_else(|| text(one, "summary")).unwrap_or_default(),
            status: text(one, "status")?,
            urgency: text(one, "urgency").unwrap_or_default(),
            since: one.get("created_at").and_then(time).unwrap_or(Timestamp::UNIX_EPOCH),
            url: text(one, "html_url"),
        })
    };
    let mut open: Vec<Incident> = all.iter().filter_map(read).collect();
    open.retain(|incident| incident.status != "resolved");
    open.sort_by_key(|incident| std::cmp::Reverse(incident.since));
    Ok(open)
}

fn name(user: &Value) -> Option<String> {
    user.get("name").or_else(|| user.get("summary"))?.as_str().map(clean)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_stand_in_the_order_in_which_they_are_called() {
        let one = |level: u64, name: &str, end: Value| json!({"user": {"summary": name}, "escalation_level": level, "end": end});
        let answer = json!({"oncalls": [
            one(2, "Lead", Value::Null),
            one(1, "Esono\u{1b}[2J", json!("2026-11-27T08:00:00Z")),
            one(2, "Lead", Value::Null),
            {"escalation_level": 1},
        ]});
        let people = on_call(&answer).unwrap();
        let seen: Vec<_> = people.iter().map(|person| (person.level, person.name.as_str())).collect();
        assert_eq!(seen, [(1, "Esono [2J"), (2, "Lead")]);
        assert_eq!(people[0].until, "2026-11-27T08:00:00Z".parse().ok());
        assert_eq!(people[1].until, None);
        assert!(on_call(&json!({"error": "no"})).is_err());
    }

    #[test]
    fn resolved_incidents_are_not_open() {
        let one = |id: &str, status: &str, at: &str| json!({"id": id, "title": "API down", "status": status, "urgency": "high", "created_at": at});
        let answer = json!({"incidents": [
            one("P1", "acknowledged", "2026-11-26T20:00:00Z"),
            one("P2", "resolved", "2026-11-26T20:30:00Z"),
            one("P3", "triggered", "2026-11-26T21:00:00Z"),
            "nonsense",
        ]});
        let open = incidents(&answer).unwrap();
        assert_eq!(open.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["P3", "P1"]);
        assert!(incidents(&json!([])).is_err());
    }
}
