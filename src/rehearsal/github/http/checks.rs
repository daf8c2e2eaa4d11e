//! Check runs and statuses of a commit.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::Value;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use super::find_job;
use crate::rehearsal::github::Held;

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/commits/{name}/check-runs", get(check_runs))
        .route("/commits/{name}/status", get(status))
        .route("/commits/{name}/statuses", get(statuses))
        .route("/check-runs/{id}", get(check_run))
}

/// The check runs of a commit: those of each run's newest attempt, or all of them.
async fn check_runs(ask: Ask, Path(name): Path<String>) -> Answered {
    let all = ask.parameter("filter") == Some("all");
    let found: Vec<Value> = ask.show(|show| {
        let sha = &show.state.commit(&name)?.sha;
        let runs = show.state.runs.values().rev().filter(|run| run.sha == *sha);
        let jobs = runs.flat_map(|run| {
            let skipped = if all { 0 } else { run.attempts.len().saturating_sub(1) };
            let attempts = run.attempts.iter().skip(skipped);
            attempts.flat_map(|attempt| &attempt.jobs).map(move |job| (run, job))
        });
        let wanted = jobs.filter(|(_, job)| {
            ask.agrees("check_name", job.name) && ask.agrees("status", job.progress.name())
        });
        Ok(wanted.map(|(run, job)| show.check_run(run, job)).collect())
    })?;
    Ok(ask.page_in("check_runs", &found, Value::clone))
}

async fn check_run(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.show(|show| find_job(&show, id).map(|(run, _, job)| Answer::ok(show.check_run(run, job))))
}

async fn status(ask: Ask, Path(name): Path<String>) -> Answered {
    ask.show(|show| Ok(Answer::ok(show.combined_status(show.state.commit(&name)?))))
}

async fn statuses(ask: Ask, Path(name): Path<String>) -> Answered {
    let found = ask.show(|show| Ok(show.statuses(show.state.commit(&name)?)))?;
    Ok(ask.page(&found, Value::clone))
}
