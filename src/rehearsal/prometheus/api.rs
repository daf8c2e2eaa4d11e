//! Prometheus' HTTP API, as far as a room and its like ask it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::form::Parameters;
use super::promql::{self, QueryError};
use super::series::{Labels, NAME};
use super::store::Selector;
use super::{Prometheus, answer, trouble};

/// The release whose answers these are like.
const VERSION: &str = "2.42.0";
/// Where no time is said, series of so long are looked for, in milliseconds.
const RECENT: i64 = 3_600_000;

/// What is read of a request: its form, or what stands in its address.
type Asked = Form<Vec<(String, String)>>;
type Answer = Result<Response, QueryError>;

/// The API's paths.
pub fn router(prometheus: Arc<Prometheus>) -> Router {
    Router::new()
        .route("/api/v1/query", get(query).post(query))
        .route("/api/v1/query_range", get(query_range).post(query_range))
        .route("/api/v1/series", get(series).post(series))
        .route("/api/v1/labels", get(labels).post(labels))
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/rules", get(rules))
        .route("/api/v1/status/buildinfo", get(build))
        .route("/-/healthy", get(async || "Prometheus Server is Healthy.\n"))
        .route("/-/ready", get(async || "Prometheus Server is Ready.\n"))
        .layer(from_fn_with_state(Arc::clone(&prometheus), trouble::hinder))
        .with_state(prometheus)
}

async fn query(State(prometheus): State<Arc<Prometheus>>, Form(asked): Asked) -> Answer {
    let asked = Parameters(asked);
    let at = asked.time("time", prometheus.now())?;
    let text = asked.get("query").unwrap_or_default().to_owned();
    evaluated(prometheus, move |source| {
        let value = promql::instant(source, &*source.query(&text)?, at)?;
        Ok(answer::instant(&value, at))
    })
    .await
}

async fn query_range(State(prometheus): State<Arc<Prometheus>>, Form(asked): Asked) -> Answer {
    let asked = Parameters(asked);
    let times = asked.times()?;
    let text = asked.get("query").unwrap_or_default().to_owned();
    evaluated(prometheus, move |source| Ok(answer::matrix(&promql::range(source, &*source.query(&text)?, times)?))).await
}

/// Evaluates where it keeps nobody else waiting.
async fn evaluated(
    prometheus: Arc<Prometheus>,
    evaluate: impl FnOnce(&Prometheus) -> Result<Value, QueryError> + Send + 'static,
) -> Answer {
    let faults = prometheus.world.faults.active();
    let evaluated = tokio::task::spawn_blocking(move || evaluate(&prometheus)).await;
    let data = evaluated.map_err(|_| QueryError::Execution("the evaluation broke off".into()))??;
    Ok(Json(trouble::worsen(answer::success(&data), &faults)).into_response())
}

/// The labels of the series that are asked for.
fn found(prometheus: &Prometheus, asked: &Parameters) -> Result<BTreeSet<Labels>, QueryError> {
    let now = prometheus.now();
    let (from, to) = (asked.time("start", now - RECENT)?, asked.time("end", now)?);
    let selectors = asked.all("match[]").map(|text| prometheus.query(text)?.selector());
    let selectors = selectors.collect::<Result<Vec<Selector>, _>>()?;
    let known = prometheus.known(from, to).into_iter();
    Ok(known
        .filter(|labels| selectors.is_empty() || selectors.iter().any(|selector| selector.matches(labels)))
        .collect())
}

async fn series(State(prometheus): State<Arc<Prometheus>>, Form(asked): Asked) -> Answer {
    let asked = Parameters(asked);
    if asked.get("match[]").is_none() {
        return Err(QueryError::BadData("no match[] parameter provided".into()));
    }
    let all: Vec<Value> = found(&prometheus, &asked)?.iter().map(answer::metric).collect();
    Ok(Json(answer::success(&json!(all))).into_response())
}

async fn labels(State(prometheus): State<Arc<Prometheus>>, Form(asked): Asked) -> Answer {
    let found = found(&prometheus, &Parameters(asked))?;
    let names: BTreeSet<&str> = found.iter().flat_map(Labels::iter).map(|(name, _)| name).collect();
    Ok(Json(answer::success(&json!(names))).into_response())
}

async fn label_values(
    State(prometheus): State<Arc<Prometheus>>,
    Path(name): Path<String>,
    Form(asked): Asked,
) -> Answer {
    if name != NAME && !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
        return Err(QueryError::BadData(format!("invalid label name: {name:?}")));
    }
    let found = found(&prometheus, &Parameters(asked))?;
    let values: BTreeSet<&str> =
        found.iter().map(|labels| labels.get(&name)).filter(|value| !value.is_empty()).collect();
    Ok(Json(answer::success(&json!(values))).into_response())
}

async fn alerts(State(prometheus): State<Arc<Prometheus>>) -> Json<Value> {
    Json(answer::success(&answer::alerts(&prometheus.alerting())))
}

async fn rules(State(prometheus): State<Arc<Prometheus>>) -> Json<Value> {
    Json(answer::success(&answer::rules(&prometheus.alerting())))
}

async fn build() -> Json<Value> {
    Json(answer::success(&json!({
        "version": VERSION, "revision": "rehearsal", "branch": "rehearsal", "buildUser": "", "buildDate": "", "goVersion": "",
    })))
}
