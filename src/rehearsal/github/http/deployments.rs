//! Environments and deployments.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::Value;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::deployment::ENVIRONMENTS;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/environments", get(environments))
        .route("/environments/{name}", get(environment))
        .route("/deployments", get(list))
        .route("/deployments/{id}", get(read))
        .route("/deployments/{id}/statuses", get(statuses))
}

async fn environments(ask: Ask) -> Answer {
    ask.page_in("environments", &ENVIRONMENTS, |name| ask.show(|show| show.environment(name)))
}

async fn environment(ask: Ask, Path(name): Path<String>) -> Answered {
    let name = ENVIRONMENTS.into_iter().find(|known| *known == name).ok_or_else(Refused::not_found)?;
    Ok(Answer::ok(ask.show(|show| show.environment(name))))
}

async fn list(ask: Ask) -> Answer {
    let mut found: Vec<Value> = ask.show(|show| {
        let wanted = show.state.deployments.values().filter(|deployment| {
            ask.agrees("environment", deployment.environment)
                && ask.agrees("sha", &deployment.sha)
                && ask.agrees("ref", &deployment.branch)
                && ask.agrees("task", "deploy")
        });
        wanted.map(|deployment| show.deployment(deployment)).collect()
    });
    found.reverse();
    ask.page(&found, Value::clone)
}

async fn read(ask: Ask, Path(id): Path<u64>) -> Answered {
    ask.show(|show| {
        let deployment = show.state.deployments.get(&id).ok_or_else(Refused::not_found)?;
        Ok(Answer::ok(show.deployment(deployment)))
    })
}

/// What was said of a deployment, newest first.
async fn statuses(ask: Ask, Path(id): Path<u64>) -> Answered {
    let found: Vec<Value> = ask.show(|show| {
        let deployment = show.state.deployments.get(&id).ok_or_else(Refused::not_found)?;
        let newest_first = deployment.statuses.iter().rev();
        Ok(newest_first.map(|status| show.deployment_status(deployment, status)).collect())
    })?;
    Ok(ask.page(&found, Value::clone))
}
