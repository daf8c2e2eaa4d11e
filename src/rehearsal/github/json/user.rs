//! People.

use serde_json::{Value, json};

use super::{Show, node};
use crate::rehearsal::github::people::{Person, Right};
use crate::rehearsal::github::state::{OWNER, State};

/// Addresses below a user's own.
const BELOW: [(&str, &str); 9] = [
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
];

/// An account in the short form that is everywhere.
fn account(state: &State, login: &str, id: u64, kind: &str) -> Value {
    let url = format!("{}/users/{login}", state.base);
    let mut account = json!({
        "login": login,
        "id": id,
        "node_id": node("U", id),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("https://github.com/{login}"),
        "type": kind,
        "site_admin": false,
    });
    for (name, path) in BELOW {
        account[name] = json!(format!("{url}{path}"));
    }
    account
}

impl Show<'_> {
    /// A person in short.
    #[must_use]
    pub fn user(&self, person: &Person) -> Value {
        let login = person.login.replace("[bot]", "%5Bbot%5D");
        let kind = if person.is_bot { "Bot" } else { "User" };
        let mut user = account(self.state, &login, person.id, kind);
        user["login"] = json!(person.login);
        user
    }

    /// The organization that owns the repository.
    #[must_use]
    pub fn owner(&self) -> Value {
        account(self.state, OWNER, 9_100_400, "Organization")
    }

    /// A person as `GET /user` shows the caller.
    #[must_use]
    pub fn me(&self, person: &Person) -> Value {
        let mut me = self.user(person);
        let more = json!({
            "name": person.name, "company": null, "blog": "", "location": null, "email": person.email(),
            "hireable": null, "bio": null, "twitter_username": null, "public_repos": 0, "public_gists": 0,
            "followers": 0, "following": 0, "created_at": "2021-03-01T08:00:00Z",
            "updated_at": "2025-10-01T08:00:00Z", "notification_email": person.email(),
        });
        json_patch::merge(&mut me, &more);
        // A merge patch takes away what is null in it; these are there and null.
        for absent in ["company", "location", "hireable", "bio", "twitter_username"] {
            me[absent] = Value::Null;
        }
        me
    }

    /// What a person is to the repository.
    #[must_use]
    pub fn association(person: &Person) -> &'static str {
        if person.may(Right::Write) { "MEMBER" } else { "NONE" }
    }
}
