//! One run: its attempts, jobs and logs, what it waits for, and what is done with it.

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Answered};
use super::ask::Ask;
use super::{LOGS, find_job};
use crate::rehearsal::github::json::Show;
use crate::rehearsal::github::people::Right;
use crate::rehearsal::github::run::{Attempt, Run};
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/actions/runs/{id}", get(read))
        .route("/actions/runs/{id}/attempts/{number}", get(attempt))
        .route("/actions/runs/{id}/attempts/{number}/jobs", get(jobs_of))
        .route("/actions/runs/{id}/jobs", get(jobs))
        .route("/actions/jobs/{id}", get(job))
        .route("/actions/jobs/{id}/logs", get(logs))
        .route("/actions/runs/{id}/pending_deployments", get(pending).post(decide))
        .route("/actions/runs/{id}/approvals", get(approvals))
        .route("/actions/runs/{id}/cancel", post(cancel))
        .route("/actions/runs/{id}/rerun", post(rerun))
        .route("/actions/runs/{id}/rerun-failed-jobs", post(rerun_failed))
}

#[derive(Default, Deserialize)]
struct Decision {
    #[serde(default)]
    environment_ids: Vec<u64>,
    #[serde(default)]
    state: String,
    comment: Option<String>,
}

/// A run and one of its attempts; the newest where none is said.
fn find<'s>(show: &Show<'s>, id: u64, number: Option<u32>) -> Result<(&'s Run, &'s Attempt), Refused> {
    let run = show.state.run(id)?;
    let attempt = match number {
        Some(number) => run.attempts.iter().find(|attempt| attempt.number == number),
        None => run.latest(),
    };
    Ok((run, attempt.ok_or_else(Refused::not_found)?))
}

async fn read(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.show(|show| find(&show, id, None).map(|(run, attempt)| Answer::ok(show.run(run, attempt))))
}

async fn attempt(ask: Ask, Path((id, number)): Path<(u64, u32)>) -> Answered {
    ask.show(|show| find(&show, id, Some(number)).map(|(run, attempt)| Answer::ok(show.run(run, attempt))))
}

async fn jobs_of(ask: Ask, Path((id, number)): Path<(u64, u32)>) -> Answered {
    let found: Vec<Value> = ask.show(|show| {
        let (run, attempt) = find(&show, id, Some(number))?;
        Ok(attempt.jobs.iter().map(|job| show.job(run, attempt, job)).collect())
    })?;
    Ok(ask.page_in("jobs", &found, Value::clone))
}

/// The jobs of the newest attempt, or of all.
async fn jobs(ask: Ask, Path(id): Path<u64>) -> Answered {
    let all = ask.parameter("filter") == Some("all");
    let found: Vec<Value> = ask.show(|show| {
        let (run, latest) = find(&show, id, None)?;
        let attempts = run.attempts.iter().filter(|attempt| all || attempt.number == latest.number);
        Ok(attempts
            .flat_map(|attempt| attempt.jobs.iter().map(move |job| show.job(run, attempt, job)))
            .collect())
    })?;
    Ok(ask.page_in("jobs", &found, Value::clone))
}

async fn job(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.show(|show| find_job(&show, id).map(|(run, attempt, job)| Answer::ok(show.job(run, attempt, job))))
}

/// Where a job's log is. There is none while the job has not begun.
async fn logs(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.show(|show| {
        let (_, _, job) = find_job(&show, id)?;
        let has_begun = job.steps.iter().any(|step| step.started.is_some());
        let location = format!("{}{LOGS}{id}", show.state.base);
        if has_begun { Ok(Answer::found(location)) } else { Err(Refused::not_found()) }
    })
}

async fn pending(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.show(|show| {
        let run = show.state.run(id)?;
        let waiting: Vec<Value> = run.waiting().filter_map(|job| show.pending(job, ask.caller)).collect();
        Ok(Answer::ok(json!(waiting)))
    })
}

async fn decide(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.needs(Right::Write)?;
    let decision: Decision = ask.body()?;
    let approve = match decision.state.as_str() {
        "approved" => true,
        "rejected" => false,
        _ => return Err(Refused::new(422, "Invalid request.\n\nstate must be approved or rejected.")),
    };
    let Some(comment) = decision.comment else {
        return Err(Refused::new(422, "Invalid request.\n\n\"comment\" wasn't supplied."));
    };
    let decided = ask.github().change(|state, now| {
        state.decide(id, &decision.environment_ids, approve, &comment, ask.caller, now)
    })?;
    ask.show(|show| {
        let deployments = decided.iter().filter_map(|id| show.state.deployments.get(id));
        let shown: Vec<Value> = deployments.map(|deployment| show.deployment(deployment)).collect();
        Ok(Answer::ok(json!(shown)))
    })
}

async fn approvals(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.show(|show| {
        let run = show.state.run(id)?;
        let given: Vec<Value> = run.approvals.iter().map(|approval| show.approval(approval)).collect();
        Ok(Answer::ok(json!(given)))
    })
}

async fn cancel(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.needs(Right::Write)?;
    ask.github().change(|state, now| state.cancel(id, now))?;
    Ok(Answer::new(202, json!({})))
}

async fn rerun(ask: Ask, Path(id): Path<u64>) -> Answered {
    again(&ask, id, false)
}

async fn rerun_failed(ask: Ask, Path(id): Path<u64>) -> Answered {
    again(&ask, id, true)
}

fn again(ask: &Ask, id: u64, only_failed: bool) -> Answered {
    ask.needs(Right::Write)?;
    ask.github().change(|state, now| state.rerun(id, only_failed, ask.caller, now))?;
    Ok(Answer::new(201, json!({})))
}
