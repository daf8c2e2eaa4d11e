//! Reviews, and who is asked for one.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Answered};
use super::ask::Ask;
use super::pulls;
use crate::rehearsal::github::people::{Person, Right, person};
use crate::rehearsal::github::thread::Verdict;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/pulls/{number}/reviews", get(list).post(review))
        .route("/pulls/{number}/reviews/{id}", get(read))
        .route("/pulls/{number}/requested_reviewers", get(requested).post(request).delete(withdraw))
}

#[derive(Default, Deserialize)]
struct NewReview {
    event: Option<String>,
    #[serde(default)]
    body: String,
    commit_id: Option<String>,
}

#[derive(Default, Deserialize)]
struct Reviewers {
    #[serde(default)]
    reviewers: Vec<String>,
}

async fn list(ask: Ask, Path(number): Path<u64>) -> Answered {
    let found: Vec<Value> = ask.show(|show| {
        let (_, pull) = show.state.pull(number)?;
        Ok(pull.reviews.iter().map(|review| show.review(number, review)).collect())
    })?;
    Ok(ask.page(&found, Value::clone))
}

async fn read(ask: Ask, Path((number, id)): Path<(u64, u64)>) -> Answered {
    one(&ask, number, id)
}

fn one(ask: &Ask, number: u64, id: u64) -> Answered {
    ask.show(|show| {
        let (_, pull) = show.state.pull(number)?;
        let review = pull.reviews.iter().find(|review| review.id == id).ok_or_else(Refused::not_found)?;
        Ok(Answer::ok(show.review(number, review)))
    })
}

async fn review(ask: Ask, Path(number): Path<u64>) -> Answered {
    let new: NewReview = ask.body()?;
    let event = new.event.as_deref().unwrap_or_default();
    let verdict =
        Verdict::of_event(event).ok_or_else(|| Refused::invalid("PullRequestReview", "event", "invalid"))?;
    // Whoever may only look may still say something.
    if verdict != Verdict::Commented {
        ask.needs(Right::Write)?;
    }
    let id = ask.github().change(|state, now| {
        let head = &state.pull(number)?.1.head_sha;
        if new.commit_id.as_ref().is_some_and(|sha| sha != head) {
            return Err(Refused::invalid("PullRequestReview", "commit_id", "invalid"));
        }
        state.review(number, verdict, &new.body, ask.caller, now)
    })?;
    one(&ask, number, id)
}

async fn requested(ask: Ask, Path(number): Path<u64>) -> Answered {
    ask.show(|show| {
        let (_, pull) = show.state.pull(number)?;
        let users: Vec<Value> = pull.requested.iter().map(|person| show.user(person)).collect();
        Ok(Answer::ok(json!({"users": users, "teams": []})))
    })
}

async fn request(ask: Ask, Path(number): Path<u64>) -> Answered {
    change(&ask, number, |requested, person| {
        if !requested.contains(&person) {
            requested.push(person);
        }
    })?;
    pulls::listed(&ask, number).map(Answer::created)
}

async fn withdraw(ask: Ask, Path(number): Path<u64>) -> Answered {
    change(&ask, number, |requested, person| requested.retain(|other| *other != person))?;
    pulls::listed(&ask, number).map(Answer::ok)
}

fn change(
    ask: &Ask,
    number: u64,
    mut change: impl FnMut(&mut Vec<&'static Person>, &'static Person),
) -> Result<(), Refused> {
    ask.needs(Right::Write)?;
    let named: Reviewers = ask.body()?;
    let none = "Reviews may only be requested from collaborators. One or more of the users you specified is not a \
                collaborator of the taxasge/backend repository.";
    let people: Option<Vec<&'static Person>> = named.reviewers.iter().map(|login| person(login)).collect();
    let people = people.ok_or_else(|| Refused::new(422, none))?;
    ask.github().change(|state, _| {
        state.change_pull(number, |thread, pull| {
            if people.contains(&thread.author) {
                return Err(Refused::new(422, "Review cannot be requested from pull request author."));
            }
            people.iter().for_each(|person| change(&mut pull.requested, person));
            Ok(())
        })?
    })
}
