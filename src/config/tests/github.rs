//! `[github]` and the tables beside it.

use super::mistakes::mistakes;
use super::*;
use crate::sop::pipeline::StageId;
use crate::sop::repository::DeployBy;

#[test]
fn the_repository_of_a_release_has_every_default_and_can_be_another() {
    assert!(parsed(SMALL, None).github.is_none());
    let small =
        format!("{SMALL}[github]\nrepository = 'taxasge/backend'\ntoken_command = ['gh', 'auth', 'token']\n");
    let github = parsed(&small, None).github.unwrap();
    assert_eq!(github.endpoint.url, "https://api.github.com");
    let setting = &github.setting;
    assert_eq!((setting.head_branch.as_str(), setting.base_branch.as_str()), ("develop", "main"));
    assert_eq!((setting.workflow.as_str(), setting.approvals), ("production.yml", 2));
    assert_eq!((setting.deploy_by, setting.stale_after), (DeployBy::Pipeline, Duration::from_secs(90)));

    let own = format!(
        "{small}url = 'https://ghe.example.com/api/v3/'\none_approval_of_each = ['orchestrator', 'developer']\n\
         approve_by = 'orchestrator'\nworkflow = '.github/workflows/ship.yaml'\ninterval = '1s'\n\
         [people]\norchestrator = ['@olga']\ndeveloper = ['dev1', 'dev2']\n\
         [pipeline.stages]\ndeploy = ['^ship']\n[deploy]\nby = 'room'\n\
         [environments.test.github]\nhead = 'main'\n"
    );
    let github = parsed(&own, None).github.unwrap();
    assert_eq!(github.endpoint.url, "https://ghe.example.com/api/v3");
    let setting = &github.setting;
    assert_eq!((setting.head_branch.as_str(), setting.workflow.as_str()), ("main", "ship.yaml"));
    assert!(setting.has_role("Olga", "orchestrator") && !setting.has_role("olga", "developer"));
    assert_eq!((setting.deploy_by, setting.stale_after), (DeployBy::Room, Duration::from_secs(18)));
    assert_eq!(github.stages.matching("Ship it"), [StageId::Deploy]);
    assert_eq!(github.stages.matching("Run smoke tests"), [StageId::Smoke]);
}

#[test]
fn each_mistake_has_its_place_and_says_what_may_be_meant() {
    const SOUND: &str = "[github]\nrepository = 'taxasge/backend'\ntoken_env = 'T'\n";
    // What follows the sound part, the key that is blamed, and parts of the words.
    let rows: [(&str, &str, &[&str]); 12] = [
        ("repo = 'x'", "github.repo", &["unknown key", "repository"]),
        ("basee = 'x'", "github.basee", &["unknown key", "did you mean `base`?"]),
        ("workflow = 'production'", "github.workflow", &["no file in .github/workflows"]),
        ("head = 'a..b'", "github.head", &["no branch can be called that"]),
        ("long_lived = ['a b']", "github.long_lived[0]", &["` ` is not allowed"]),
        ("approvals = -1", "github.approvals", &["a whole number from 0 to 20"]),
        ("interval = '100ms'", "github.interval", &["from 1s to 1m"]),
        ("url = 'api.github.com'", "github.url", &["begins with neither https:// nor http://"]),
        ("[people]\ndev = 'dev1'", "people.dev", &["an array of strings, found a string"]),
        ("[people]\ndev = ['dev/1']", "people.dev[0]", &["a login of GitHub"]),
        ("[pipeline.stages]\nsmok = []", "pipeline.stages.smok", &["did you mean `smoke`?"]),
        ("[deploy]\nby = 'rooms'", "deploy.by", &["one of pipeline, room", "did you mean `room`?"]),
    ];
    for (text, key, parts) in rows {
        let found = mistakes(&format!("{SOUND}{text}"));
        let mistake = found.iter().find(|mistake| mistake.key == key);
        let mistake = mistake.unwrap_or_else(|| panic!("{text}: {found:?}"));
        let words = mistake.to_string();
        for part in parts {
            assert!(words.contains(part), "{text}: `{part}` is not in {words}");
        }
        assert_eq!(found.len(), 1, "{text}: {found:?}");
    }
    let pattern = mistakes(&format!("{SOUND}[pipeline.stages]\nsmoke = ['(']"));
    assert!(pattern[0].to_string().contains("pipeline.stages.smoke[0]: expected a regular expression"));
}

#[test]
fn a_role_must_be_somebodys_and_a_repository_needs_a_token() {
    let roles = "[github]\nrepository = 'taxasge/backend'\ntoken_env = 'T'\nmerge_by = 'orchestratr'\n[people]\norchestrator = ['olga']";
    let found = mistakes(roles);
    assert_eq!(
        (found[0].key.as_str(), found[0].help.as_deref()),
        ("github.merge_by", Some("did you mean `orchestrator`?"))
    );
    let found = mistakes("[github]\nrepository = 'taxasge/backend'");
    assert!(found[0].what.contains("expected a token beside it"), "{found:?}");
    for wrong in ["backend", "https://github.com/t/b", "t/b/c", "/b", "t/..", "t/b c"] {
        let found = mistakes(&format!("[github]\nrepository = '{wrong}'\ntoken_env = 'T'"));
        assert_eq!(found[0].key, "github.repository", "{wrong}");
    }
}
