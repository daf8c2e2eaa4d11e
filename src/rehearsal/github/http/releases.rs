//! Releases.

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Answered};
use super::ask::Ask;
use crate::rehearsal::github::people::Right;
use crate::rehearsal::github::release::Wanted;
use crate::rehearsal::github::{Held, Refused};

pub(super) fn routes() -> Router<Held> {
    Router::new()
        .route("/releases", get(list).post(create))
        .route("/releases/latest", get(latest))
        .route("/releases/generate-notes", post(notes))
        .route("/releases/tags/{tag}", get(tagged))
        .route("/releases/{id}", get(read))
}

#[derive(Default, Deserialize)]
struct NewRelease {
    tag_name: Option<String>,
    target_commitish: Option<String>,
    name: Option<String>,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    generate_release_notes: bool,
    previous_tag_name: Option<String>,
}

impl NewRelease {
    fn tag(&self) -> Result<String, Refused> {
        let missing = || Refused::invalid("Release", "tag_name", "missing_field");
        self.tag_name.clone().filter(|tag| !tag.is_empty()).ok_or_else(missing)
    }
}

/// Drafts are shown to those who may write.
async fn list(ask: Ask) -> Answer {
    let mut found: Vec<Value> = ask.show(|show| {
        let seen =
            show.state.releases.values().filter(|release| !release.draft || ask.caller.may(Right::Write));
        seen.map(|release| show.release(release)).collect()
    });
    found.reverse();
    ask.page(&found, Value::clone)
}

async fn create(ask: Ask) -> Answered {
    ask.needs(Right::Write)?;
    let new: NewRelease = ask.body()?;
    let wanted = Wanted {
        tag: new.tag()?,
        target: new.target_commitish.unwrap_or_default(),
        name: new.name,
        body: new.body,
        draft: new.draft,
        prerelease: new.prerelease,
        generate_notes: new.generate_release_notes,
    };
    let id = ask.github().change(|state, now| state.release(wanted, ask.caller, now))?;
    one(&ask, id).map(Answer::created)
}

fn one(ask: &Ask, id: u64) -> Result<Value, Refused> {
    ask.show(|show| show.state.releases.get(&id).map(|release| show.release(release)))
        .ok_or_else(Refused::not_found)
}

async fn read(ask: Ask, Path(id): Path<u64>) -> Answered {
    one(&ask, id).map(Answer::ok)
}

async fn latest(ask: Ask) -> Answered {
    ask.show(|show| {
        let latest = show.state.latest_release().ok_or_else(Refused::not_found)?;
        Ok(Answer::ok(show.release(latest)))
    })
}

async fn tagged(ask: Ask, Path(tag): Path<String>) -> Answered {
    ask.show(|show| {
        let out = show.state.releases.values().find(|release| release.tag == tag && !release.draft);
        Ok(Answer::ok(show.release(out.ok_or_else(Refused::not_found)?)))
    })
}

async fn notes(ask: Ask) -> Answered {
    ask.needs(Right::Write)?;
    let wanted: NewRelease = ask.body()?;
    let tag = wanted.tag()?;
    let target = wanted.target_commitish.as_deref().unwrap_or("main");
    ask.show(|show| {
        let (name, body) = show.state.notes(&tag, target, wanted.previous_tag_name.as_deref())?;
        Ok(Answer::ok(json!({"name": name, "body": body})))
    })
}
