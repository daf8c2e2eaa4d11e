//! Pull requests: list, open, read, edit.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::people::Right;
use crate::rehearsal::github::state::OWNER;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/pulls", get(list).post(open))
        .route("/pulls/{number}", get(read).patch(edit))
        .route("/pulls/{number}/files", get(files))
        .route("/pulls/{number}/commits", get(commits))
}

#[derive(Default, Deserialize)]
struct NewPull {
    title: Option<String>,
    head: Option<String>,
    base: Option<String>,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

#[derive(Default, Deserialize)]
struct Edit {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    base: Option<String>,
}

async fn list(ask: Ask) -> Answer {
    let head = ask.parameter("head").map(|head| head.strip_prefix(&format!("{OWNER}:")).unwrap_or(head));
    let state = ask.parameter("state").unwrap_or("open");
    let mut found: Vec<u64> = ask.show(|show| {
        let pulls = show.state.threads.values().filter_map(|thread| Some((thread, thread.pull.as_ref()?)));
        let wanted = pulls.filter(|(thread, pull)| {
            head.is_none_or(|head| head == pull.head)
                && ask.agrees("base", &pull.base)
                && (state == "all" || (state == "open") == thread.is_open())
        });
        wanted.map(|(thread, _)| thread.number).collect()
    });
    if ask.parameter("direction") != Some("asc") {
        found.reverse();
    }
    ask.page(&found, |number| {
        ask.show(|show| {
            show.state.pull(*number).map_or(Value::Null, |(thread, pull)| show.pull_in_list(thread, pull))
        })
    })
}

async fn open(ask: Ask) -> Answered {
    ask.needs(Right::Write)?;
    let new: NewPull = ask.body()?;
    let missing = |field| move || Refused::invalid("PullRequest", field, "missing_field");
    let title = new.title.filter(|title| !title.trim().is_empty()).ok_or_else(missing("title"))?;
    let head = new.head.ok_or_else(missing("head"))?;
    let head = head.strip_prefix(&format!("{OWNER}:")).unwrap_or(&head);
    let base = new.base.ok_or_else(missing("base"))?;
    let body = new.body.unwrap_or_default();
    let number = ask
        .github()
        .change(|state, now| state.open_pull((head, &base), (&title, &body), new.draft, ask.caller, now))?;
    show(&ask, number).map(Answer::created)
}

async fn read(ask: Ask, Path(number): Path<u64>) -> Answered {
    show(&ask, number).map(Answer::ok)
}

fn show(ask: &Ask, number: u64) -> Result<Value, Refused> {
    ask.show(|show| show.state.pull(number).map(|(thread, pull)| show.pull(thread, pull)))
}

/// A pull request as a list has it.
pub(super) fn listed(ask: &Ask, number: u64) -> Result<Value, Refused> {
    ask.show(|show| show.state.pull(number).map(|(thread, pull)| show.pull_in_list(thread, pull)))
}

async fn edit(ask: Ask, Path(number): Path<u64>) -> Answered {
    ask.needs(Right::Write)?;
    let edit: Edit = ask.body()?;
    ask.github().change(|state, now| {
        let base = match edit.base {
            Some(base) => {
                let invalid = || Refused::invalid("PullRequest", "base", "invalid");
                let sha = state.git.branches.get(&base).cloned().ok_or_else(invalid)?;
                Some((base, sha))
            }
            None => None,
        };
        state.change_pull(number, |thread, pull| {
            thread.title = edit.title.unwrap_or(std::mem::take(&mut thread.title));
            thread.body = edit.body.unwrap_or(std::mem::take(&mut thread.body));
            if let Some((base, sha)) = base {
                (pull.base, pull.base_sha) = (base, sha);
            }
            match edit.state.as_deref() {
                Some("closed") => thread.closed = thread.closed.or(Some(now)),
                Some("open") if pull.merged.is_some() => {
                    return Err(Refused::custom(
                        "PullRequest",
                        "state cannot be changed. The pull request was merged.",
                    ));
                }
                Some("open") => thread.closed = None,
                Some(_) => return Err(Refused::invalid("PullRequest", "state", "invalid")),
                None => {}
            }
            thread.updated = now;
            Ok(())
        })?
    })?;
    show(&ask, number).map(Answer::ok)
}

async fn files(ask: Ask, Path(number): Path<u64>) -> Answered {
    let found = ask.show(|show| {
        let (_, pull) = show.state.pull(number)?;
        Ok(show.files(&show.pull_changes(pull), &pull.head_sha))
    })?;
    Ok(ask.page(&found, Value::clone))
}

async fn commits(ask: Ask, Path(number): Path<u64>) -> Answered {
    let found: Vec<Value> = ask.show(|show| {
        let (_, pull) = show.state.pull(number)?;
        Ok(show.pull_commits(pull).into_iter().map(|commit| show.commit(commit)).collect())
    })?;
    Ok(ask.page(&found, Value::clone))
}
