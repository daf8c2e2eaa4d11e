//! Workflows: list, start; the runs of one or of all.

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::people::Right;
use crate::rehearsal::github::run::{Conclusion, Run};
use crate::rehearsal::github::workflow::Workflow;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/actions/workflows", get(list))
        .route("/actions/workflows/{name}", get(read))
        .route("/actions/workflows/{name}/runs", get(runs_of))
        .route("/actions/workflows/{name}/dispatches", post(dispatch))
        .route("/actions/runs", get(runs))
}

#[derive(Default, Deserialize)]
struct Dispatch {
    #[serde(default, rename = "ref")]
    name: String,
}

fn named(name: &str) -> Result<Workflow, Refused> {
    Workflow::named(name).ok_or_else(Refused::not_found)
}

async fn list(ask: Ask) -> Answer {
    ask.page_in("workflows", &Workflow::ALL, |workflow| ask.show(|show| show.workflow(*workflow)))
}

async fn read(ask: Ask, Path(name): Path<String>) -> Answered {
    let workflow = named(&name)?;
    Ok(Answer::ok(ask.show(|show| show.workflow(workflow))))
}

async fn runs_of(ask: Ask, Path(name): Path<String>) -> Answered {
    let workflow = named(&name)?;
    Ok(filtered(&ask, Some(workflow)))
}

async fn runs(ask: Ask) -> Answer {
    filtered(&ask, None)
}

/// The runs that agree with the query, newest first.
fn filtered(ask: &Ask, workflow: Option<Workflow>) -> Answer {
    let status = ask.parameter("status");
    let is_so = |run: &Run| {
        let progress = run.progress();
        let conclusion = progress.conclusion().map(Conclusion::name);
        status.is_none_or(|status| status == progress.name() || Some(status) == conclusion)
    };
    let mut found: Vec<u64> = ask.show(|show| {
        let wanted = show.state.runs.values().filter(|run| {
            workflow.is_none_or(|workflow| workflow == run.workflow)
                && ask.agrees("head_sha", &run.sha)
                && ask.agrees("branch", &run.branch)
                && ask.agrees("event", run.event)
                && ask.agrees("actor", run.actor.login)
                && is_so(run)
        });
        wanted.map(|run| run.id).collect()
    });
    found.reverse();
    ask.page_in("workflow_runs", &found, |id| {
        ask.show(|show| {
            let run = show.state.runs.get(id).and_then(|run| Some((run, run.latest()?)));
            run.map_or(Value::Null, |(run, attempt)| show.run(run, attempt))
        })
    })
}

async fn dispatch(ask: Ask, Path(name): Path<String>) -> Answered {
    ask.needs(Right::Write)?;
    let workflow = named(&name)?;
    let wanted: Dispatch = ask.body()?;
    ask.github().change(|state, now| {
        state.room_for_more()?;
        let branch = wanted.name.strip_prefix("refs/heads/").unwrap_or(&wanted.name);
        let sha = state.git.branches.get(branch).or_else(|| state.git.tags.get(branch)).cloned();
        let none = || Refused::new(422, format!("No ref found for: {branch}"));
        state.start(workflow, "workflow_dispatch", branch, &sha.ok_or_else(none)?, ask.caller, now);
        Ok(Answer::empty(204))
    })
}
