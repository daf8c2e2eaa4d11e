//! The repository, its branches, refs and files; the caller, and what is left to them.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::json;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::people::Right;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/", get(repository))
        .route("/branches", get(branches))
        .route("/branches/{branch}", get(branch))
        .route("/git/ref/{*name}", get(reference))
        .route("/git/refs/{*name}", get(reference).delete(delete_reference))
        .route("/git/blobs/{sha}", get(blob))
        .route("/tags", get(tags))
        .route("/contents", get(root))
        .route("/contents/{*path}", get(contents))
}

/// The caller.
pub(super) async fn me(ask: Ask) -> Answer {
    Answer::ok(ask.show(|show| show.me(ask.caller)))
}

/// What is left to the caller; asking does not count.
pub(super) async fn rate_limit(ask: Ask) -> Answer {
    let rate = ask.github().rates.count(ask.caller.login, 0, ask.world.clock.now().wall);
    let core = json!({
        "limit": rate.limit, "used": rate.used, "remaining": rate.remaining(), "reset": rate.reset.as_second(),
    });
    let search = json!({"limit": 30, "used": 0, "remaining": 30, "reset": rate.reset.as_second()});
    Answer::ok(json!({"resources": {"core": core, "search": search}, "rate": core}))
}

async fn repository(ask: Ask) -> Answer {
    Answer::ok(ask.show(|show| show.full_repository(ask.caller)))
}

async fn branches(ask: Ask) -> Answer {
    let all: Vec<(String, String)> = ask.show(|show| show.state.git.branches.clone()).into_iter().collect();
    ask.page(&all, |(name, sha)| ask.show(|show| show.short_branch(name, sha)))
}

async fn branch(ask: Ask, Path(name): Path<String>) -> Answered {
    ask.show(|show| {
        let sha = show.state.git.branches.get(&name);
        let commit = sha.and_then(|sha| show.state.git.get(sha));
        let none = || Refused::new(404, "Branch not found");
        Ok(Answer::ok(show.branch(&name, commit.ok_or_else(none)?)))
    })
}

async fn tags(ask: Ask) -> Answer {
    let mut all: Vec<(String, String)> = ask.show(|show| show.state.git.tags.clone()).into_iter().collect();
    all.reverse();
    ask.page(&all, |(name, sha)| {
        ask.show(|show| {
            json!({
                "name": name, "node_id": crate::rehearsal::github::json::node("REF", name),
                "commit": {"sha": sha, "url": show.state.url(&format!("commits/{sha}"))},
                "zipball_url": show.state.url(&format!("zipball/refs/tags/{name}")),
                "tarball_url": show.state.url(&format!("tarball/refs/tags/{name}")),
            })
        })
    })
}

async fn reference(ask: Ask, Path(name): Path<String>) -> Answered {
    ask.show(|show| {
        let git = &show.state.git;
        let sha = match name.split_once('/') {
            Some(("heads", branch)) => git.branches.get(branch),
            Some(("tags", tag)) => git.tags.get(tag),
            _ => None,
        };
        Ok(Answer::ok(show.reference(&name, sha.ok_or_else(Refused::not_found)?)))
    })
}

/// Deletes a branch or a tag. Pull requests whose head it was are closed.
async fn delete_reference(ask: Ask, Path(name): Path<String>) -> Answered {
    ask.needs(Right::Write)?;
    let gone = || Refused::new(422, "Reference does not exist");
    ask.github().change(|state, now| {
        match name.split_once('/') {
            Some(("heads", "main")) => {
                return Err(Refused::new(422, "Cannot delete the default branch"));
            }
            Some(("heads", branch)) => {
                state.git.branches.remove(branch).ok_or_else(gone)?;
                for thread in state.threads.values_mut().filter(|thread| thread.is_open()) {
                    if thread.pull.as_ref().is_some_and(|pull| pull.head == branch) {
                        (thread.closed, thread.updated) = (Some(now), now);
                    }
                }
            }
            Some(("tags", tag)) => drop(state.git.tags.remove(tag).ok_or_else(gone)?),
            _ => return Err(gone()),
        }
        Ok(Answer::empty(204))
    })
}

async fn blob(ask: Ask, Path(sha): Path<String>) -> Answered {
    ask.show(|show| {
        let text = show.state.git.blob(&sha).ok_or_else(Refused::not_found)?;
        Ok(Answer::ok(show.blob(&sha, text)))
    })
}

async fn root(ask: Ask) -> Answered {
    at(&ask, "")
}

async fn contents(ask: Ask, Path(path): Path<String>) -> Answered {
    at(&ask, &path)
}

fn at(ask: &Ask, path: &str) -> Answered {
    let name = ask.parameter("ref").unwrap_or("main");
    ask.show(|show| {
        let none = || Refused::new(404, format!("No commit found for the ref {name}"));
        let commit = show.state.git.resolve(name).ok_or_else(none)?;
        show.contents(commit, name, path).map(Answer::ok).ok_or_else(Refused::not_found)
    })
}
