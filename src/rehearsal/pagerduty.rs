//! The world's PagerDuty: who is on call, and an incident for each P0 alert that fires and
//! that nobody has silenced. It answers like PagerDuty's REST API, version 2.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::alertmanager::Alertmanager;
use super::prometheus::Prometheus;
use super::prometheus::answer::rfc3339;

/// The token that it takes; nothing outside the rehearsal does.
pub const TOKEN: &str = "rehearsed-pagerduty-key";
/// The service whose incidents these are, by its id.
const SERVICE: &str = "PBACKEND";
/// Who is on call: the level, the name.
const PEOPLE: [(u32, &str); 3] = [(1, "Consuelo Nsue"), (2, "Tomás Esono"), (3, "The head of engineering")];
/// How often it hears of alerts.
const EVERY: Duration = Duration::from_secs(1);
/// Most incidents that are kept.
const MOST: usize = 100;

/// One world's PagerDuty.
#[derive(Debug)]
pub struct PagerDuty {
    prometheus: Arc<Prometheus>,
    alertmanager: Arc<Alertmanager>,
    incidents: Mutex<Vec<Incident>>,
}

/// One incident. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
struct Incident {
    number: usize,
    title: String,
    /// What it was opened for: an alert's fingerprint and when it fired.
    key: (String, i64),
    opened: i64,
    resolved: Option<i64>,
}

impl PagerDuty {
    /// Without an incident.
    #[must_use]
    pub fn new(prometheus: Arc<Prometheus>, alertmanager: Arc<Alertmanager>) -> Arc<Self> {
        Arc::new(Self { prometheus, alertmanager, incidents: Mutex::default() })
    }

    /// Hears of alerts until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => self.hear(),
            }
        }
    }

    /// Opens an incident for each alert that is new, resolves those whose alert is over.
    fn hear(&self) {
        let now = self.prometheus.now();
        let alerts = self.alertmanager.alerts();
        let key = |known: &super::alertmanager::Known| {
            (known.fingerprint.clone(), known.alert.fired.unwrap_or(known.alert.active))
        };
        let mut incidents = self.incidents.lock().unwrap_or_else(PoisonError::into_inner);
        for incident in incidents.iter_mut().filter(|incident| incident.resolved.is_none()) {
            if !alerts.iter().any(|known| key(known) == incident.key) {
                incident.resolved = Some(now);
            }
        }
        let told =
            alerts.iter().filter(|known| !known.is_silenced() && known.alert.labels.get("severity") == "P0");
        for known in told {
            let key = key(known);
            if incidents.len() < MOST && !incidents.iter().any(|incident| incident.key == key) {
                let labels = &known.alert.labels;
                let title = format!(
                    "[{}] {} {}",
                    labels.get("severity"),
                    labels.get("service"),
                    labels.get("alertname")
                );
                let number = incidents.len() + 1;
                incidents.push(Incident { number, title, key, opened: now, resolved: None });
            }
        }
    }
}

/// The API's paths.
pub fn router(pagerduty: Arc<PagerDuty>) -> Router {
    Router::new().route("/oncalls", get(on_call)).route("/incidents", get(incidents)).with_state(pagerduty)
}

type Asked = Query<Vec<(String, String)>>;

async fn on_call(headers: HeaderMap) -> Response {
    if !is_known(&headers) {
        return refused();
    }
    let person = |(level, name): (u32, &str)| {
        json!({
            "user": {"id": format!("PUSER{level}"), "type": "user_reference", "summary": name},
            "escalation_level": level, "start": Value::Null, "end": Value::Null,
            "escalation_policy": {"id": "PPOLICY", "type": "escalation_policy_reference", "summary": "backend"},
            "schedule": Value::Null,
        })
    };
    Json(json!({"oncalls": PEOPLE.map(person), "limit": 100, "offset": 0, "more": false, "total": Value::Null}))
        .into_response()
}

async fn incidents(
    State(pagerduty): State<Arc<PagerDuty>>,
    headers: HeaderMap,
    Query(asked): Asked,
) -> Response {
    if !is_known(&headers) {
        return refused();
    }
    let all = |wanted: &str| -> Vec<&str> {
        asked.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect()
    };
    let (statuses, services) = (all("statuses[]"), all("service_ids[]"));
    let incidents = pagerduty.incidents.lock().unwrap_or_else(PoisonError::into_inner);
    let found: Vec<Value> = incidents
        .iter()
        .rev()
        .map(json)
        .filter(|incident| {
            statuses.is_empty()
                || incident["status"].as_str().is_some_and(|status| statuses.contains(&status))
        })
        .filter(|_| services.is_empty() || services.contains(&SERVICE))
        .collect();
    Json(json!({"incidents": found, "limit": 100, "offset": 0, "more": false, "total": Value::Null}))
        .into_response()
}

fn json(incident: &Incident) -> Value {
    let status = if incident.resolved.is_some() { "resolved" } else { "triggered" };
    json!({
        "id": format!("QREHEARSAL{}", incident.number), "incident_number": incident.number,
        "title": incident.title, "status": status, "urgency": "high",
        "created_at": rfc3339(incident.opened), "resolved_at": incident.resolved.map(rfc3339),
        "service": {"id": SERVICE, "type": "service_reference", "summary": "backend"},
    })
}

fn is_known(headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    given == Some(&format!("Token token={TOKEN}"))
}

fn refused() -> Response {
    let why = json!({"error": {"message": "Unauthorized", "code": 2006}});
    (StatusCode::UNAUTHORIZED, Json(why)).into_response()
}
