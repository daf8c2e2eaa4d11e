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
    evaluated(prometheus, move |source| {
        Ok(answer::matrix(&promql::range(source, &*source.query(&text)?, times)?))
    })
    .await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::faults::Fault;
    use crate::rehearsal::scenario::Scenario;
    use crate::rehearsal::world::World;
    use crate::rehearsal::{cluster, door};

    #[tokio::test(flavor = "multi_thread")]
    async fn questions_are_answered_and_refused_as_by_prometheus() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = World::new(Scenario::default(), 1);
        cluster::seed(&world);
        let prometheus = Prometheus::new(Arc::clone(&world));
        prometheus.scrape().await;
        let listener = door::open().unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = tokio_util::sync::CancellationToken::new();
        let closed_by = Some(Fault::MetricsLost.name());
        tokio::spawn(door::serve(
            listener,
            router(prometheus),
            world.faults.clone(),
            closed_by,
            stop.clone(),
        ));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async |path: &str| {
            let answer = client.get(format!("{url}{path}")).send().await.unwrap();
            let status = answer.status().as_u16();
            (status, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
        };
        let (status, answer) = get("/api/v1/query?query=sum(up)").await;
        assert_eq!((status, &answer["data"]["result"][0]["value"][1]), (200, &json!("6")));
        let form = [("query", "up"), ("start", "1"), ("end", "2"), ("step", "1s")];
        let posted = client.post(format!("{url}/api/v1/query_range")).form(&form).send().await.unwrap();
        let matrix: Value = serde_json::from_str(&posted.text().await.unwrap()).unwrap();
        assert_eq!(matrix["data"], json!({"resultType": "matrix", "result": []}));
        for (path, status, kind) in [
            ("/api/v1/query?query=sum(", 400, "bad_data"),
            ("/api/v1/query?query=up&time=soon", 400, "bad_data"),
            ("/api/v1/query_range?query=up&start=2&end=1&step=1", 400, "bad_data"),
            ("/api/v1/query?query=up*on()up", 422, "execution"),
            ("/api/v1/series", 400, "bad_data"),
        ] {
            let (found, answer) = get(path).await;
            assert_eq!(
                (found, &answer["status"], &answer["errorType"]),
                (status, &json!("error"), &json!(kind)),
                "{path}"
            );
        }
        assert_eq!(get("/api/v1/label/color/values").await.1["data"], json!(["blue", "green"]));
        assert_eq!(get("/api/v1/series?match[]=up").await.1["data"].as_array().unwrap().len(), 6);
        let names = get("/api/v1/labels").await.1["data"].clone();
        assert!(names.as_array().unwrap().contains(&json!("instance")), "{names}");
        assert_eq!(get("/api/v1/rules").await.1["data"]["groups"][0]["rules"][0]["state"], "inactive");
        assert_eq!(get("/api/v1/alerts").await.1["data"]["alerts"], json!([]));
        assert_eq!(get("/api/v1/status/buildinfo").await.1["data"]["version"], VERSION);
        world.faults.inject(Fault::MetricsLost);
        let mut lost = false;
        for _ in 0..200 {
            lost = client.get(format!("{url}/-/healthy")).send().await.is_err();
            if lost {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(lost, "nobody listens any more");
        stop.cancel();
    }
}
