//! Requests: each file answers those of one resource. `door` is what all of them pass.

mod answer;
mod ask;
mod checks;
mod commits;
mod deployments;
mod door;
mod faults;
mod issues;
mod merge;
mod pulls;
mod releases;
mod repository;
mod reviews;
mod runs;
mod workflows;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::json::Show;
use super::run::{Attempt, Job, Run};
use super::{Held, Refused};
use crate::rehearsal::world::World;

/// Where logs are, outside the API: the address that is handed out is key enough.
pub(super) const LOGS: &str = "/logs/";

/// All paths.
pub(super) fn router(world: Arc<World>) -> Router {
    let repository = Router::new()
        .merge(repository::routes())
        .merge(commits::routes())
        .merge(checks::routes())
        .merge(pulls::routes())
        .merge(reviews::routes())
        .merge(merge::routes())
        .merge(issues::routes())
        .merge(workflows::routes())
        .merge(runs::routes())
        .merge(deployments::routes())
        .merge(releases::routes());
    Router::new()
        .route("/user", get(repository::me))
        .route("/rate_limit", get(repository::rate_limit))
        .route("/logs/{job}", get(log))
        .nest("/repos/taxasge/backend", repository)
        .fallback(async || Refused::not_found())
        .layer(from_fn_with_state(Arc::clone(&world), door::pass))
        .with_state(world)
}

/// The text of a job's log.
async fn log(axum::extract::State(world): axum::extract::State<Held>, Path(id): Path<u64>) -> Response {
    let text = world.github.show(|show| {
        let (_, _, job) = find_job(&show, id)?;
        Ok::<_, Refused>(super::log::text(job))
    });
    match text {
        Ok(text) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// The job of that id, wherever it is.
fn find_job<'s>(show: &Show<'s>, id: u64) -> Result<(&'s Run, &'s Attempt, &'s Job), Refused> {
    let attempts = show.state.runs.values().flat_map(|run| run.attempts.iter().map(move |a| (run, a)));
    let mut jobs =
        attempts.flat_map(|(run, attempt)| attempt.jobs.iter().map(move |job| (run, attempt, job)));
    jobs.find(|(_, _, job)| job.id == id).ok_or_else(Refused::not_found)
}
