//! The repository and its branches.

use serde_json::{Value, json};

use super::{Show, node, time};
use crate::rehearsal::github::git::Commit;
use crate::rehearsal::github::people::{Person, Right};
use crate::rehearsal::github::state::{OWNER, REPOSITORY, REPOSITORY_ID};

/// Addresses below the repository's own.
const BELOW: [(&str, &str); 36] = [
    ("archive_url", "{archive_format}{/ref}"),
    ("assignees_url", "assignees{/user}"),
    ("blobs_url", "git/blobs{/sha}"),
    ("branches_url", "branches{/branch}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("comments_url", "comments{/number}"),
    ("commits_url", "commits{/sha}"),
    ("compare_url", "compare/{base}...{head}"),
    ("contents_url", "contents/{+path}"),
    ("contributors_url", "contributors"),
    ("deployments_url", "deployments"),
    ("downloads_url", "downloads"),
    ("events_url", "events"),
    ("forks_url", "forks"),
    ("git_commits_url", "git/commits{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("hooks_url", "hooks"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("issue_events_url", "issues/events{/number}"),
    ("issues_url", "issues{/number}"),
    ("keys_url", "keys{/key_id}"),
    ("labels_url", "labels{/name}"),
    ("languages_url", "languages"),
    ("merges_url", "merges"),
    ("milestones_url", "milestones{/number}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("pulls_url", "pulls{/number}"),
    ("releases_url", "releases{/id}"),
    ("stargazers_url", "stargazers"),
    ("statuses_url", "statuses/{sha}"),
    ("subscribers_url", "subscribers"),
    ("subscription_url", "subscription"),
    ("tags_url", "tags"),
    ("teams_url", "teams"),
    ("trees_url", "git/trees{/sha}"),
];

impl Show<'_> {
    /// The repository in short.
    #[must_use]
    pub fn minimal_repository(&self) -> Value {
        let mut repository = json!({
            "id": REPOSITORY_ID,
            "node_id": node("R", REPOSITORY_ID),
            "name": REPOSITORY,
            "full_name": format!("{OWNER}/{REPOSITORY}"),
            "owner": self.owner(),
            "private": true,
            "html_url": self.state.html(""),
            "description": "The API of TaxasGE",
            "fork": false,
            "url": self.state.url(""),
        });
        for (name, path) in BELOW {
            repository[name] = json!(self.state.url(path));
        }
        repository
    }

    /// The repository as it stands in others.
    #[must_use]
    pub fn repository(&self) -> Value {
        let mut repository = self.minimal_repository();
        let first = self.state.git.resolve("main").map(|commit| time(commit.at));
        let open = self.state.threads.values().filter(|thread| thread.is_open()).count();
        let git = format!("github.com/{OWNER}/{REPOSITORY}.git");
        let more = json!({
            "git_url": format!("git://{git}"), "ssh_url": format!("git@github.com:{OWNER}/{REPOSITORY}.git"),
            "clone_url": format!("https://{git}"), "svn_url": self.state.html(""), "size": 2048,
            "stargazers_count": 0, "watchers_count": 0, "forks_count": 0, "forks": 0, "watchers": 0,
            "language": "Python", "has_issues": true, "has_projects": false, "has_downloads": true,
            "has_wiki": false, "has_pages": false, "has_discussions": false, "archived": false,
            "disabled": false, "open_issues_count": open, "open_issues": open, "default_branch": "main",
            "visibility": "private", "is_template": false, "allow_forking": false, "topics": [],
        });
        json_patch::merge(&mut repository, &more);
        for absent in ["mirror_url", "homepage", "license"] {
            repository[absent] = Value::Null;
        }
        for at in ["created_at", "updated_at", "pushed_at"] {
            repository[at] = first.clone().unwrap_or_default();
        }
        repository
    }

    /// The repository by itself, for one person.
    #[must_use]
    pub fn full_repository(&self, person: &Person) -> Value {
        let mut repository = self.repository();
        let more = json!({
            "subscribers_count": 4, "network_count": 0, "organization": self.owner(),
            "allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": true,
            "delete_branch_on_merge": false,
            "permissions": {
                "admin": person.may(Right::Admin), "maintain": person.may(Right::Admin),
                "push": person.may(Right::Write), "triage": person.may(Right::Write), "pull": true,
            },
        });
        json_patch::merge(&mut repository, &more);
        repository
    }

    /// A branch in a list.
    #[must_use]
    pub fn short_branch(&self, name: &str, sha: &str) -> Value {
        json!({
            "name": name,
            "commit": {"sha": sha, "url": self.state.url(&format!("commits/{sha}"))},
            "protected": name == "main",
        })
    }

    /// A branch by itself.
    #[must_use]
    pub fn branch(&self, name: &str, commit: &Commit) -> Value {
        let protected = name == "main";
        let url = self.state.url(&format!("branches/{name}"));
        json!({
            "name": name,
            "commit": self.commit(commit),
            "_links": {"self": url, "html": self.state.html(&format!("tree/{name}"))},
            "protected": protected,
            "protection": {
                "enabled": protected,
                "required_status_checks": {
                    "enforcement_level": if protected { "non_admins" } else { "off" }, "contexts": [], "checks": [],
                },
            },
            "protection_url": format!("{url}/protection"),
        })
    }

    /// A ref.
    #[must_use]
    pub fn reference(&self, name: &str, sha: &str) -> Value {
        json!({
            "ref": format!("refs/{name}"),
            "node_id": node("REF", name),
            "url": self.state.url(&format!("git/refs/{name}")),
            "object": {"type": "commit", "sha": sha, "url": self.state.url(&format!("git/commits/{sha}"))},
        })
    }
}
