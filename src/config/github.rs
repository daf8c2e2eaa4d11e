//! `[github]`, `[people]`, `[pipeline]` and `[deploy]`: where a release comes from, who
//! reviews and approves it, what the pipeline's stages are called, and who deploys.

use std::collections::BTreeMap;
use std::time::Duration;

use super::application::secret;
use super::nearest::nearest;
use super::reader::Table;
use super::source::printable;
use super::types::{Endpoint, GitHub};
use super::{Origin, endpoint, values};
use crate::sop::pipeline::StageId;
use crate::sop::repository::{DeployBy, GitHubSetting, INTERVAL, ReleaseChoice, STALE_INTERVALS};
use crate::sop::stages::StagePatterns;

const SECOND: Duration = Duration::from_secs(1);
const URL: &str = "https://api.github.com";

/// What stands beside `[github]` in tables of their own.
pub(super) struct Beside {
    pub people: BTreeMap<String, Vec<String>>,
    pub stages: StagePatterns,
    pub deploy_by: DeployBy,
}

/// Reads `[github]`; `None` without a repository: nothing is read then.
pub(super) fn read(table: &Table<'_>, origin: &Origin, beside: Beside) -> Option<GitHub> {
    let repository = table.text("repository", &values::REPOSITORY);
    let url = table.text("url", &values::URL).unwrap_or_else(|| URL.to_owned());
    let endpoint = Endpoint {
        url,
        token: secret(table, origin),
        username: None,
        headers: endpoint::headers(table),
        org_id: None,
        ca_file: table.text("ca_file", &values::PATH).map(|path| origin.resolve(&path)),
        // GitHub gives requests up after 10 s.
        timeout: table.duration("timeout", 12 * SECOND, SECOND / 10..=60 * SECOND),
    };
    let branch = |key, usual: String| table.text(key, &values::BRANCH).unwrap_or(usual);
    let usual = GitHubSetting::of(repository.clone().unwrap_or_default());
    let interval = table.duration("interval", INTERVAL, SECOND..=60 * SECOND);
    let stale_after = table.duration("stale_after", STALE_INTERVALS * interval, SECOND..=3600 * SECOND);
    let role =
        |key| table.text(key, &values::TEXT).inspect(|role| known_role(table, key, role, &beside.people));
    let setting = GitHubSetting {
        head_branch: branch("head", usual.head_branch),
        base_branch: branch("base", usual.base_branch),
        workflow: table.text("workflow", &values::WORKFLOW).unwrap_or(usual.workflow),
        environment: table.text("environment", &values::TEXT).unwrap_or(usual.environment),
        repository: usual.repository,
        long_lived: table.strings("long_lived", &values::BRANCH).unwrap_or_default(),
        approvals: table.number("approvals", 2_u32, 0..=20) as usize,
        each_role: table.strings("one_approval_of_each", &values::TEXT).unwrap_or_default(),
        merge_role: role("merge_by"),
        approve_role: role("approve_by"),
        people: beside.people.clone(),
        deploy_by: beside.deploy_by,
        hotfix: usual.hotfix,
        stale_after,
    };
    for role in &setting.each_role {
        known_role(table, "one_approval_of_each", role, &beside.people);
    }
    repository?;
    if endpoint.token.is_none() && !table.is_partial() {
        let what = "expected a token beside it: name it with token_env, token_file or token_command";
        let help = "for example token_command = [\"gh\", \"auth\", \"token\"]";
        table.blame("repository", what, Some(help.to_owned()));
    }
    Some(GitHub { endpoint, setting, interval, stages: beside.stages, release: ReleaseChoice::Found })
}

/// A role has to be somebody's, or nobody could ever act in it.
fn known_role(table: &Table<'_>, key: &'static str, role: &str, people: &BTreeMap<String, Vec<String>>) {
    if people.contains_key(role) || table.is_partial() {
        return;
    }
    let names: Vec<&str> = people.keys().map(String::as_str).collect();
    let help = match (nearest(role, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => format!("name who has it: [people], then {} = [\"login\"]", printable(role)),
        (None, false) => format!("roles there: {}", names.join(", ")),
    };
    table.blame(key, format!("expected a role of [people]: `{}` is none", printable(role)), Some(help));
}

/// Reads `[people]`: logins by role. An environment's own table stands for itself.
pub(super) fn people(tables: &[&Table<'_>]) -> BTreeMap<String, Vec<String>> {
    let mut people = BTreeMap::new();
    for table in tables {
        let entries = table.entries("people");
        if people.is_empty() {
            people = entries
                .into_iter()
                .filter_map(|(role, found)| Some((role.to_owned(), table.list(&found, &values::LOGIN)?)))
                .collect();
        }
    }
    people
}

/// Reads `[pipeline]`: under `stages` the patterns of names, by stage.
pub(super) fn stages(table: &Table<'_>) -> StagePatterns {
    let mut patterns = StagePatterns::default();
    table.within("stages", |table| {
        for stage in StageId::ALL {
            if let Some(given) = table.strings(stage.name(), &values::STAGE_PATTERN) {
                patterns.set(stage, given);
            }
        }
    });
    patterns
}

/// Reads `[deploy]`.
pub(super) fn deploy_by(table: &Table<'_>) -> DeployBy {
    table.text("by", &values::DEPLOY_BY).unwrap_or_default()
}
