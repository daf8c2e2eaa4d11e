//! Issues, comments and labels.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::people::Right;
use crate::rehearsal::github::thread::{Comment, LABELS, Thread};
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/issues", get(list).post(open))
        .route("/issues/{number}", get(read).patch(edit))
        .route("/issues/{number}/comments", get(comments).post(comment))
        .route("/issues/{number}/labels", get(labels_of).post(label))
        .route("/labels", get(labels))
}

#[derive(Default, Deserialize)]
struct NewIssue {
    title: Option<String>,
    body: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Edit {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    labels: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Labels {
    #[serde(default)]
    labels: Vec<String>,
}

#[derive(Default, Deserialize)]
struct NewComment {
    body: Option<String>,
}

/// Issues with all of the labels; pull requests are among them.
async fn list(ask: Ask) -> Answer {
    let state = ask.parameter("state").unwrap_or("open");
    let wanted: Vec<&str> = ask
        .parameter("labels")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let has = |thread: &Thread, label: &str| thread.labels.iter().any(|own| own.eq_ignore_ascii_case(label));
    let mut found: Vec<u64> = ask.show(|show| {
        let threads = show.state.threads.values().filter(|thread| {
            (state == "all" || (state == "open") == thread.is_open())
                && wanted.iter().all(|label| has(thread, label))
                && ask.parameter("creator").is_none_or(|login| login == thread.author.login)
        });
        threads.map(|thread| thread.number).collect()
    });
    if ask.parameter("direction") != Some("asc") {
        found.reverse();
    }
    ask.page(&found, |number| {
        ask.show(|show| show.state.threads.get(number).map_or(Value::Null, |thread| show.issue(thread)))
    })
}

async fn open(ask: Ask) -> Answered {
    let new: NewIssue = ask.body()?;
    let missing = || Refused::invalid("Issue", "title", "missing_field");
    let title = new.title.filter(|title| !title.trim().is_empty()).ok_or_else(missing)?;
    let number = ask.github().change(|state, now| {
        state.room_for_more()?;
        let number = state.next_number();
        let mut thread = state.thread(number, &title, &new.body.unwrap_or_default(), ask.caller, now);
        thread.labels = new.labels.into_iter().filter(|name| is_label(name)).collect();
        state.threads.insert(number, thread);
        Ok(number)
    })?;
    show(&ask, number).map(Answer::created)
}

fn is_label(name: &str) -> bool {
    LABELS.iter().any(|label| label.name == name)
}

fn show(ask: &Ask, number: u64) -> Result<Value, Refused> {
    ask.show(|show| show.state.threads.get(&number).map(|thread| show.issue(thread)))
        .ok_or_else(Refused::not_found)
}

async fn read(ask: Ask, Path(number): Path<u64>) -> Answered {
    show(&ask, number).map(Answer::ok)
}

async fn edit(ask: Ask, Path(number): Path<u64>) -> Answered {
    ask.needs(Right::Write)?;
    let edit: Edit = ask.body()?;
    ask.github().change(|state, now| {
        let thread = state.threads.get_mut(&number).ok_or_else(Refused::not_found)?;
        match edit.state.as_deref() {
            Some("closed") => thread.closed = thread.closed.or(Some(now)),
            Some("open") => thread.closed = None,
            Some(_) => return Err(Refused::invalid("Issue", "state", "invalid")),
            None => {}
        }
        thread.title = edit.title.unwrap_or(std::mem::take(&mut thread.title));
        thread.body = edit.body.unwrap_or(std::mem::take(&mut thread.body));
        if let Some(labels) = edit.labels {
            thread.labels = labels.into_iter().filter(|name| is_label(name)).collect();
        }
        thread.updated = now;
        Ok(())
    })?;
    show(&ask, number).map(Answer::ok)
}

async fn comments(ask: Ask, Path(number): Path<u64>) -> Answered {
    let found: Vec<Value> = ask.show(|show| {
        let thread = show.state.threads.get(&number).ok_or_else(Refused::not_found)?;
        Ok(thread.comments.iter().map(|comment| show.comment(thread, comment)).collect())
    })?;
    Ok(ask.page(&found, Value::clone))
}

async fn comment(ask: Ask, Path(number): Path<u64>) -> Answered {
    let new: NewComment = ask.body()?;
    let blank = || Refused::custom("IssueComment", "Body can't be blank");
    let body = new.body.filter(|body| !body.trim().is_empty()).ok_or_else(blank)?;
    let id = ask.github().change(|state, now| {
        state.room_for_more()?;
        let id = state.id();
        let thread = state.threads.get_mut(&number).ok_or_else(Refused::not_found)?;
        thread.comments.push(Comment { id, author: ask.caller, body, at: now });
        thread.updated = now;
        Ok(id)
    })?;
    ask.show(|show| {
        let thread = show.state.threads.get(&number).ok_or_else(Refused::not_found)?;
        let comment = thread.comments.iter().find(|comment| comment.id == id);
        let comment = comment.ok_or_else(Refused::not_found)?;
        Ok(Answer::created(show.comment(thread, comment)))
    })
}

async fn labels(ask: Ask) -> Answer {
    ask.page(&LABELS, |label| ask.show(|show| show.label(label)))
}

async fn labels_of(ask: Ask, Path(number): Path<u64>) -> Answered {
    labels_shown(&ask, number)
}

fn labels_shown(ask: &Ask, number: u64) -> Answered {
    let found = ask.show(|show| {
        let thread = show.state.threads.get(&number).ok_or_else(Refused::not_found)?;
        Ok(show.labels(thread))
    })?;
    Ok(ask.page(&found, Value::clone))
}

async fn label(ask: Ask, Path(number): Path<u64>) -> Answered {
    ask.needs(Right::Write)?;
    let new: Labels = ask.body()?;
    ask.github().change(|state, now| {
        let thread = state.threads.get_mut(&number).ok_or_else(Refused::not_found)?;
        thread.labels.extend(new.labels.into_iter().filter(|name| is_label(name)));
        thread.updated = now;
        Ok(())
    })?;
    labels_shown(&ask, number)
}
