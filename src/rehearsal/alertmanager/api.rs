//! Alertmanager's HTTP API, version 2, as far as a room and its like ask it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::silence::{Silence, Wanted};
use super::{Alertmanager, MOST};
use crate::config::LabelMatcher;
use crate::rehearsal::prometheus::series::Labels;
use crate::rehearsal::world::World;

type Asked = Query<Vec<(String, String)>>;

/// What a wrong request is answered: a bare text, in JSON.
struct Wrong(StatusCode, String);

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

fn wrong(why: impl Into<String>) -> Wrong {
    Wrong(StatusCode::BAD_REQUEST, why.into())
}

/// The API's paths.
pub fn router(alertmanager: Arc<Alertmanager>) -> Router {
    Router::new()
        .route("/api/v2/alerts", get(alerts))
        .route("/api/v2/silences", get(silences).post(add))
        .route("/api/v2/silence/{id}", get(silence).delete(expire))
        .route("/api/v2/status", get(status))
        .route("/-/healthy", get(async || "OK"))
        .route("/-/ready", get(async || "OK"))
        .with_state(alertmanager)
}

/// The conditions of the parameters named `filter`.
fn filters(asked: &[(String, String)]) -> Result<Vec<LabelMatcher>, Wrong> {
    let texts = asked.iter().filter(|(name, _)| name == "filter");
    texts
        .map(|(_, text)| {
            LabelMatcher::parse(text).map_err(|why| wrong(format!("bad matcher format: {text}: {why}")))
        })
        .collect()
}

fn pass(filters: &[LabelMatcher], labels: &Labels) -> bool {
    filters.iter().all(|filter| filter.holds(labels.get(&filter.label)))
}

async fn alerts(
    State(alertmanager): State<Arc<Alertmanager>>,
    Query(asked): Asked,
) -> Result<Json<Value>, Wrong> {
    let flag = |wanted: &str| match asked.iter().find(|(name, _)| name == wanted) {
        None => Ok(true),
        Some((_, value)) => {
            value.parse::<bool>().map_err(|_| wrong(format!("{wanted} must be true or false")))
        }
    };
    let (active, silenced) = (flag("active")?, flag("silenced")?);
    // Nothing is inhibited here, but a wrong value is one.
    flag("inhibited")?;
    let filters = filters(&asked)?;
    let now = alertmanager.prometheus.now();
    let known = alertmanager.alerts().into_iter().filter(|known| {
        let wanted = if known.is_silenced() { silenced } else { active };
        wanted && pass(&filters, &known.alert.labels)
    });
    Ok(Json(known.map(|known| known.json(now)).collect()))
}

async fn silences(
    State(alertmanager): State<Arc<Alertmanager>>,
    Query(asked): Asked,
) -> Result<Json<Value>, Wrong> {
    let filters = filters(&asked)?;
    let now = alertmanager.prometheus.now();
    // A silence is found by what it says of a label.
    let found = alertmanager.silences().into_iter().filter(|silence| {
        filters.iter().all(|filter| silence.matchers.iter().any(|matcher| matcher.text == filter.text))
    });
    Ok(Json(found.map(|silence| silence.json(now)).collect()))
}

async fn silence(
    State(alertmanager): State<Arc<Alertmanager>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let now = alertmanager.prometheus.now();
    let found = alertmanager.silences().into_iter().find(|silence| silence.id == id);
    found.map(|silence| Json(silence.json(now))).ok_or(StatusCode::NOT_FOUND)
}

/// Makes a silence, or changes the one of that id.
async fn add(
    State(alertmanager): State<Arc<Alertmanager>>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Wrong> {
    let wanted: Wanted = serde_json::from_slice(&body)
        .map_err(|error| wrong(format!("parsing silence body failed: {error}")))?;
    let now = alertmanager.prometheus.now();
    let id = wanted.id.clone().filter(|id| !id.is_empty());
    let mut kept = alertmanager.kept();
    let place = id.as_ref().map(|id| kept.iter().position(|silence| silence.id == *id));
    if place == Some(None) {
        return Err(Wrong(StatusCode::NOT_FOUND, "silence not found".to_owned()));
    }
    let id = id.unwrap_or_else(|| new_id(&alertmanager.prometheus.world));
    let silence = Silence::new(id.clone(), wanted, now).map_err(wrong)?;
    let full = kept.len() >= MOST;
    match place.flatten().and_then(|place| kept.get_mut(place)) {
        Some(known) => *known = silence,
        None if full => return Err(wrong(format!("there are {MOST} silences already"))),
        None => kept.push(silence),
    }
    Ok(Json(json!({"silenceID": id})))
}

/// Ends a silence; it stays known as one that has ended.
async fn expire(State(alertmanager): State<Arc<Alertmanager>>, Path(id): Path<String>) -> StatusCode {
    let now = alertmanager.prometheus.now();
    match alertmanager.kept().iter_mut().find(|silence| silence.id == id) {
        Some(silence) => {
            (silence.ends, silence.updated) = (silence.ends.min(now), now);
            StatusCode::OK
        }
        None => StatusCode::NOT_FOUND,
    }
}

async fn status(State(alertmanager): State<Arc<Alertmanager>>) -> Json<Value> {
    let began = alertmanager.prometheus.world.clock.now();
    let since = began.wall.saturating_sub(jiff::SignedDuration::try_from(began.uptime).unwrap_or_default());
    Json(json!({
        "cluster": {"status": "disabled", "peers": []}, "config": {"original": ""},
        "uptime": since.unwrap_or(began.wall).to_string(),
        "versionInfo": {"version": "0.25.0", "revision": "rehearsal", "branch": "rehearsal", "buildUser": "", "buildDate": "", "goVersion": ""},
    }))
}

fn new_id(world: &World) -> String {
    use rand::RngExt as _;
    let bits: u128 = world.chance(|dice| dice.random());
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;
    use crate::rehearsal::faults::Fault;
    use crate::rehearsal::prometheus::Prometheus;
    use crate::rehearsal::scenario::Scenario;

    fn wanted(ends: &str) -> Bytes {
        let body = json!({
            "matchers": [{"name": "alertname", "value": "Backend.*", "isRegex": true}],
            "startsAt": "2026-01-01T00:00:00Z", "endsAt": ends, "createdBy": "ops1", "comment": "known",
        });
        Bytes::from(body.to_string())
    }

    #[tokio::test]
    async fn a_silence_is_made_found_and_ended() {
        let world = World::new(Scenario::default(), 1);
        let alertmanager = Alertmanager::new(Prometheus::new(Arc::clone(&world)));
        let state = || State(Arc::clone(&alertmanager));
        let listed = async |filter: &str| {
            let asked = Query(vec![("filter".to_owned(), filter.to_owned())]);
            silences(state(), asked).await.map(|Json(found)| found).map_err(|wrong| wrong.0.as_u16())
        };
        let Ok(Json(made)) = add(state(), wanted("2126-01-01T00:00:00Z")).await else { panic!("it is made") };
        let id = made["silenceID"].as_str().unwrap().to_owned();
        let found = listed(r#"alertname=~"Backend.*""#).await.unwrap();
        assert_eq!((&found[0]["id"], &found[0]["status"]["state"]), (&json!(id), &json!("active")));
        assert_eq!(
            found[0]["matchers"][0],
            json!({"name": "alertname", "value": "Backend.*", "isRegex": true, "isEqual": true})
        );
        assert!(alertmanager.silences()[0].holds(&[("alertname", "BackendErrors")].into_iter().collect()));
        assert_eq!(listed(r#"alertname="Other""#).await.unwrap(), json!([]));
        assert_eq!(listed("nonsense").await, Err(400));
        assert_eq!(expire(state(), Path(id.clone())).await, StatusCode::OK);
        let Ok(Json(ended)) = silence(state(), Path(id)).await else { panic!("it is still known") };
        assert_eq!(ended["status"]["state"], "expired");
        assert_eq!(expire(state(), Path("none".into())).await, StatusCode::NOT_FOUND);
        assert!(add(state(), wanted("2026-01-01T00:00:00Z")).await.is_err(), "it is over already");
        assert!(add(state(), Bytes::from_static(b"{")).await.is_err());
        world.faults.inject(Fault::AlertSilenced);
        assert_eq!(listed(r#"alertname="BackendErrors""#).await.unwrap().as_array().unwrap().len(), 1);
    }
}
