//! Who a token is, and what it may do: for the look before anything is needed.

use serde_json::Value;

use super::address::part;
use super::client::{Client, Trouble};
use crate::sop::repository::{GitHubSetting, Rate};
use crate::sources::text::clean;

/// What was found out. What GitHub does not tell is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Login of the token's user; an app has none.
    pub user: Option<String>,
    /// Whether it may push, and so merge and approve.
    pub may_push: Option<bool>,
    /// The workflow's name, or why it is not to be used.
    pub workflow: Result<String, String>,
    /// Who has to approve for the environment, or why that is not known.
    pub reviewers: Result<Vec<String>, String>,
    pub rate: Option<Rate>,
}

/// Finds out; changes nothing.
///
/// # Errors
/// When the repository itself cannot be read.
pub async fn access(client: &Client, setting: &GitHubSetting) -> Result<Access, Trouble> {
    let repository = format!("/repos/{}", setting.repository);
    let (workflow, environment) = (
        format!("{repository}/actions/workflows/{}", part(&setting.workflow)),
        format!("{repository}/environments/{}", part(&setting.environment)),
    );
    let (found, user, workflow, environment) = tokio::join!(
        client.get(&repository),
        client.get("/user"),
        client.get(&workflow),
        client.get(&environment),
    );
    let found = found?;
    let words = |trouble: Trouble| trouble.words().to_owned();
    Ok(Access {
        user: user.ok().and_then(|user| text(&user, "login")),
        may_push: found.pointer("/permissions/push").and_then(Value::as_bool),
        workflow: workflow.map_err(words).and_then(|found| named(&found)),
        reviewers: environment.map_err(words).map(|found| reviewers(&found)),
        rate: client.rate(),
    })
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(clean).filter(|text| !text.is_empty())
}

fn named(workflow: &Value) -> Result<String, String> {
    let name = text(workflow, "name").unwrap_or_default();
    match text(workflow, "state").as_deref() {
        Some("active") => Ok(name),
        Some(state) => Err(format!("{name} is {}", state.replace('_', " "))),
        None => Err("GitHub's answer does not say how it stands".to_owned()),
    }
}

fn reviewers(environment: &Value) -> Vec<String> {
    let rules = environment.get("protection_rules").and_then(Value::as_array).into_iter().flatten();
    let lists = rules.filter_map(|rule| rule.get("reviewers")?.as_array());
    let each = lists.flatten().filter_map(|reviewer| reviewer.get("reviewer"));
    each.filter_map(|who| text(who, "login").or_else(|| text(who, "slug"))).collect()
}
