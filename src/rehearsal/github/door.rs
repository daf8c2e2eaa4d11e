//! The game master's door to GitHub: colleagues act when they are told to, and what is
//! asked of GitHub can be written down.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{self, Person};
use super::{Held, Refused};
use crate::rehearsal::world::World;

/// What a wrong request is answered.
type Wrong = (StatusCode, String);

/// What the door's handlers know.
#[derive(Clone)]
struct Behind {
    world: Held,
    /// Where records go.
    directory: PathBuf,
}

/// The door's paths.
pub(in crate::rehearsal) fn door(world: Arc<World>, directory: PathBuf) -> Router {
    Router::new()
        .route("/review", post(review))
        .route("/push", post(push))
        .route("/advance", post(advance))
        .route("/record", put(record).delete(end_record))
        .with_state(Behind { world, directory })
}

#[derive(Deserialize)]
struct Review {
    user: String,
    /// `APPROVE`, `REQUEST_CHANGES` or `COMMENT`.
    state: String,
}

#[derive(Deserialize)]
struct Push {
    #[serde(default = "developer")]
    user: String,
    #[serde(default = "develop")]
    branch: String,
    #[serde(default = "message")]
    message: String,
    /// Path to text.
    #[serde(default)]
    files: std::collections::BTreeMap<String, String>,
}

fn developer() -> String {
    people::DEVELOPER.login.into()
}

fn develop() -> String {
    "develop".into()
}

fn message() -> String {
    "fix: One more thing".into()
}

fn known(login: &str) -> Result<&'static Person, Wrong> {
    people::person(login).ok_or_else(|| {
        let known: Vec<&str> = people::PEOPLE.iter().map(|person| person.login).collect();
        (StatusCode::NOT_FOUND, format!("there is no `{login}`; there are: {}\n", known.join(", ")))
    })
}

fn wrong(refused: Refused) -> Wrong {
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, format!("{}\n", refused.body()))
}

/// A colleague reviews the newest open pull request.
async fn review(State(behind): State<Behind>, Json(told): Json<Review>) -> Result<Json<Value>, Wrong> {
    let id = behind.world.github.review_by(known(&told.user)?, &told.state).map_err(wrong)?;
    Ok(Json(json!({"id": id})))
}

/// A colleague pushes one commit.
async fn push(State(behind): State<Behind>, Json(told): Json<Push>) -> Result<Json<Value>, Wrong> {
    let mut files: Vec<(String, String)> = told.files.into_iter().collect();
    if files.is_empty() {
        files.push(("app/settings.py".into(), format!("# {}\n", told.message)));
    }
    let by = known(&told.user)?;
    let sha = behind.world.github.push_by(by, &told.branch, &files, &told.message).map_err(wrong)?;
    Ok(Json(json!({"sha": sha})))
}

/// Ends what takes its time by itself: reviews, and steps that only wait.
async fn advance(State(behind): State<Behind>) -> StatusCode {
    behind.world.github.hurry();
    StatusCode::NO_CONTENT
}

/// Begins a record; where it is.
async fn record(State(behind): State<Behind>) -> Result<Json<Value>, Wrong> {
    let begun = behind.world.github.recorder.begin(&behind.directory).await;
    let path = begun.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))?;
    Ok(Json(json!({"file": path})))
}

async fn end_record(State(behind): State<Behind>) -> StatusCode {
    behind.world.github.recorder.end().await;
    StatusCode::NO_CONTENT
}
