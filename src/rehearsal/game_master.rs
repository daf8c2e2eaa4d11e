//! The game master's door: plain HTTP on loopback through which faults are injected and
//! cleared and the world is put back to its start, by people and by tests.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::cluster;
use super::faults::Fault;
use super::prometheus::exposition;
use super::prometheus::target::{Target, targets};
use super::world::World;

/// What a wrong request is answered.
type Wrong = (StatusCode, String);

/// The door's paths.
pub(super) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/faults", get(faults).delete(clear_all))
        .route("/faults/{name}", put(inject).delete(clear))
        .route("/reset", post(reset))
        .route("/compact", post(compact))
        .route("/score", get(score))
        .route("/targets", get(scrape_targets))
        .route("/metrics/{pod}", get(metrics))
        .with_state(world)
}

async fn faults(State(world): State<Arc<World>>) -> Json<Value> {
    let active: Vec<Fault> = world.faults.active().all().collect();
    Json(json!({"active": active, "known": Fault::ALL}))
}

/// Begins a fault, with the figures of the body in place of its ordinary ones.
async fn inject(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    body: axum::body::Bytes,
) -> Result<Json<Fault>, Wrong> {
    let ordinary = known(&name)?;
    let mut fault = json!(ordinary);
    if !body.is_empty() {
        let figures: Value = serde_json::from_slice(&body)
            .map_err(|error| (StatusCode::BAD_REQUEST, format!("the figures are no JSON: {error}\n")))?;
        json_patch::merge(&mut fault, &figures);
    }
    fault["name"] = json!(name);
    let fault: Fault = serde_json::from_value(fault).map_err(|error| {
        (StatusCode::BAD_REQUEST, format!("the figures of `{name}` are wrong: {error}\n"))
    })?;
    world.faults.inject(fault);
    Ok(Json(fault))
}

async fn clear(State(world): State<Arc<World>>, Path(name): Path<String>) -> Result<StatusCode, Wrong> {
    known(&name)?;
    world.faults.clear(&name);
    Ok(StatusCode::NO_CONTENT)
}

fn known(name: &str) -> Result<Fault, Wrong> {
    let names = || Fault::ALL.iter().map(Fault::name).collect::<Vec<_>>().join(", ");
    Fault::named(name).ok_or_else(|| {
        (StatusCode::NOT_FOUND, format!("there is no fault `{name}`; there are: {}\n", names()))
    })
}

async fn clear_all(State(world): State<Arc<World>>) -> StatusCode {
    world.faults.clear_all();
    StatusCode::NO_CONTENT
}

async fn reset(State(world): State<Arc<World>>) -> StatusCode {
    world.faults.clear_all();
    cluster::seed(&world);
    StatusCode::NO_CONTENT
}

async fn compact(State(world): State<Arc<World>>) -> StatusCode {
    world.store.compact();
    StatusCode::NO_CONTENT
}

async fn score(State(world): State<Arc<World>>) -> Json<Value> {
    let counts = world.application.tally.counts();
    Json(json!({"requests": counts.requests, "errors": counts.errors, "lost": counts.lost}))
}

/// The pods, for the HTTP service discovery of another Prometheus: the lab's labels, and
/// the path of this door at which each is scraped.
async fn scrape_targets(State(world): State<Arc<World>>, headers: HeaderMap) -> Json<Value> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let target = |target: Target| {
        let labels = target.labels.iter().map(|(name, value)| (name.to_owned(), json!(value)));
        let path = ("__metrics_path__".to_owned(), json!(format!("/metrics/{}", target.pod)));
        json!({"targets": [host], "labels": Value::Object(labels.chain([path]).collect())})
    };
    Json(targets(&world).into_iter().map(target).collect())
}

/// What one pod tells a scraper.
async fn metrics(State(world): State<Arc<World>>, Path(pod): Path<String>) -> Result<Response, StatusCode> {
    let text = exposition(&world, &pod).await.ok_or(StatusCode::BAD_GATEWAY)?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::scenario::Scenario;

    #[tokio::test]
    async fn faults_are_injected_with_figures_and_cleared() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = World::new(Scenario::default(), 1);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = router(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, served).await });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let put = async |name: &str, body: &'static str| {
            client.put(format!("{url}/faults/{name}")).body(body).send().await.unwrap().status().as_u16()
        };
        assert_eq!(put("errors", r#"{"rate": 0.5}"#).await, 200);
        assert_eq!(put("api-frozen", "").await, 200);
        assert_eq!(world.faults.active().get("errors"), Some(Fault::Errors { rate: 0.5 }));
        assert_eq!(
            (put("errors", "{").await, put("errors", r#"{"rate": "x"}"#).await, put("no", "").await),
            (400, 400, 404)
        );
        client.delete(format!("{url}/faults/errors")).send().await.unwrap();
        let active: Vec<Fault> = world.faults.active().all().collect();
        assert_eq!(active, [Fault::ApiFrozen]);
        client.post(format!("{url}/reset")).send().await.unwrap();
        assert_eq!(world.faults.active().all().count(), 0);
        assert!(world.store.version() > 0, "the world is there");
        let text =
            async |path: &str| client.get(format!("{url}{path}")).send().await.unwrap().text().await.unwrap();
        let targets: Value = serde_json::from_str(&text("/targets").await).unwrap();
        assert_eq!(targets.as_array().unwrap().len(), 6, "{targets}");
        assert_eq!(targets[0]["labels"]["color"], "blue");
        let path = targets[0]["labels"]["__metrics_path__"].as_str().unwrap();
        assert!(text(path).await.contains("db_connections_max{version=\"v1.0.0\"} 100"));
    }
}
