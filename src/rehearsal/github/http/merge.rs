//! Merging a pull request.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::merging::Merge;
use crate::rehearsal::github::people::Right;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new().route("/pulls/{number}/merge", get(is_merged).put(merge))
}

#[derive(Default, Deserialize)]
struct Wanted {
    sha: Option<String>,
    merge_method: Option<String>,
    commit_title: Option<String>,
    commit_message: Option<String>,
}

async fn is_merged(ask: Ask, Path(number): Path<u64>) -> Answered {
    let merged = ask.show(|show| show.state.pull(number).map(|(_, pull)| pull.merged.is_some()))?;
    if merged { Ok(Answer::empty(204)) } else { Err(Refused::not_found()) }
}

async fn merge(ask: Ask, Path(number): Path<u64>) -> Answered {
    ask.needs(Right::Write)?;
    let wanted: Wanted = ask.body()?;
    let merge = Merge {
        method: wanted.merge_method.unwrap_or_default(),
        sha: wanted.sha,
        title: wanted.commit_title,
        message: wanted.commit_message,
    };
    let sha = ask.github().change(|state, now| state.merge(number, &merge, ask.caller, now))?;
    Ok(Answer::ok(json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"})))
}
