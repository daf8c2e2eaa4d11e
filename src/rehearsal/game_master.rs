//! The game master's door: plain HTTP on loopback through which faults are injected and
//! cleared and the world is put back to its start, by people and by tests.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::cluster;
use super::faults::Fault;
use super::github;
use super::world::World;

/// What a wrong request is answered.
type Wrong = (StatusCode, String);

/// The door's paths.
pub(super) fn router(world: Arc<World>, directory: PathBuf) -> Router {
    Router::new()
        .route("/faults", get(faults).delete(clear_all))
        .route("/faults/{name}", put(inject).delete(clear))
        .route("/reset", post(reset))
        .route("/compact", post(compact))
        .route("/score", get(score))
        .with_state(Arc::clone(&world))
        .nest("/github", github::door(world, directory))
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
    world.github.reset(&world.scenario);
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
        let directory = tempfile::tempdir().unwrap();
        let served = router(Arc::clone(&world), directory.path().to_owned());
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
    }
}
