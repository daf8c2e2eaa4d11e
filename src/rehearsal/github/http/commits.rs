//! Commits and comparisons.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::Value;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/commits", get(commits))
        .route("/commits/{name}", get(commit))
        .route("/commits/{name}/pulls", get(pulls))
        .route("/git/commits/{sha}", get(git_commit))
        .route("/compare/{range}", get(compare))
}

async fn commits(ask: Ask) -> Answered {
    let name = ask.parameter("sha").unwrap_or("main").to_owned();
    let shas: Vec<String> = ask.show(|show| {
        let head = show.state.git.resolve(&name).ok_or_else(Refused::not_found)?;
        Ok(show.state.git.history(&head.sha).into_iter().map(|commit| commit.sha.clone()).collect())
    })?;
    Ok(ask.page(&shas, |sha| {
        ask.show(|show| show.state.git.get(sha).map_or(Value::Null, |commit| show.commit(commit)))
    }))
}

async fn commit(ask: Ask, Path(name): Path<String>) -> Answered {
    ask.show(|show| Ok(Answer::ok(show.whole_commit(show.state.commit(&name)?))))
}

/// The pull requests by which a commit came, or which have it.
async fn pulls(ask: Ask, Path(name): Path<String>) -> Answered {
    let found: Vec<Value> = ask.show(|show| {
        let sha = &show.state.commit(&name)?.sha;
        let pulls = show.state.threads.values().filter_map(|thread| Some((thread, thread.pull.as_ref()?)));
        let has = |pull: &crate::rehearsal::github::thread::Pull| {
            pull.head_sha == *sha || pull.merged.as_ref().is_some_and(|merged| merged.sha == *sha)
        };
        Ok(pulls
            .filter(|(_, pull)| has(pull))
            .map(|(thread, pull)| show.pull_in_list(thread, pull))
            .collect())
    })?;
    Ok(ask.page(&found, Value::clone))
}

async fn git_commit(ask: Ask, Path(sha): Path<String>) -> Answered {
    ask.show(|show| {
        let commit = show.state.git.get(&sha).ok_or_else(Refused::not_found)?;
        Ok(Answer::ok(show.git_commit(commit)))
    })
}

async fn compare(ask: Ask, Path(range): Path<String>) -> Answered {
    let (base, head) = range.split_once("...").ok_or_else(Refused::not_found)?;
    ask.show(|show| {
        let at = |name: &str| show.state.git.resolve(name).ok_or_else(Refused::not_found);
        Ok(Answer::ok(show.comparison(&range, at(base)?, at(head)?)))
    })
}
