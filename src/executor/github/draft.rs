//! What the pull request of a release may say: the change log's newest section, in the
//! form of a template. The operator has the last word.

use base64::Engine as _;
use serde::Deserialize;

use super::GitHub;
use crate::room::message::Draft;
use crate::sop::changelog::{self, Section};
use crate::sop::repository::GitHubSetting;
use crate::sources::github::address::part;
use crate::sources::github::{Client, Trouble};

const TEMPLATE: &str = include_str!("../../../assets/templates/pull-request.md");
const CHANGELOG: &str = "CHANGELOG.md";
/// Longest text of the changes, in bytes; GitHub takes 65,536 characters in all.
const LONGEST: usize = 48 * 1024;

/// A file as GitHub gives it (docs.github.com/rest/repos/contents).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Contents {
    encoding: String,
    content: String,
}

/// The draft, and why the change log is not in it where it is not.
pub(in crate::executor) async fn draft(github: &GitHub) -> (Draft, Option<String>) {
    let setting = github.setting();
    let read = match github.client().await {
        Ok(client) => changelog(client, setting).await,
        Err(why) => Err(why),
    };
    match read {
        Ok(text) => (written(setting, changelog::newest(&text)), None),
        Err(why) => (written(setting, None), Some(why)),
    }
}

async fn changelog(client: &Client, setting: &GitHubSetting) -> Result<String, String> {
    let branch = part(&setting.head_branch);
    let path = format!("/repos/{}/contents/{CHANGELOG}?ref={branch}", setting.repository);
    let value = client.get(&path).await.map_err(|trouble| match trouble {
        Trouble::Refused { status: Some(404), .. } => {
            format!("there is no {CHANGELOG} on {}", setting.head_branch)
        }
        other => format!("{CHANGELOG} could not be read: {}", other.words()),
    })?;
    let contents: Contents = serde_json::from_value(value).unwrap_or_default();
    let unusable = || format!("{CHANGELOG} came in a form that cannot be read");
    if contents.encoding != "base64" {
        return Err(unusable());
    }
    let encoded: String = contents.content.split_ascii_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| unusable())?;
    String::from_utf8(bytes).map_err(|_| unusable())
}

fn written(setting: &GitHubSetting, section: Option<Section<'_>>) -> Draft {
    let version = section.and_then(|section| section.version);
    let version = version.map(|version| match version.strip_prefix('v') {
        Some(_) => version.to_owned(),
        None => format!("v{version}"),
    });
    let changes = section.map_or("(what changes)", |section| cut(section.text));
    let title = version.as_ref().map_or_else(|| "Release".to_owned(), |version| format!("Release {version}"));
    let values = [
        ("version", version.as_deref().unwrap_or_default()),
        ("head", setting.head_branch.as_str()),
        ("base", setting.base_branch.as_str()),
        ("changes", changes),
    ];
    Draft { title, body: filled(TEMPLATE, &values) }
}

/// The beginning, to the last whole line that fits.
fn cut(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let beginning = text.get(..end).unwrap_or_default();
    beginning.rsplit_once('\n').map_or(beginning, |(whole, _)| whole)
}

/// A template with its values. What a value holds is not looked at again.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut pieces = template.split("{{");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let known = piece.split_once("}}").and_then(|(name, rest)| {
            let value = values.iter().find(|(known, _)| *known == name.trim())?;
            Some((value.1, rest))
        });
        match known {
            Some((value, rest)) => text.extend([value, rest]),
            None => text.extend(["{{", piece]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_looked_at_again() {
        let values = [("a", "{{b}}"), ("b", "x")];
        assert_eq!(filled("1 {{a}} 2 {{ b }} {{c}} {{", &values), "1 {{b}} 2 x {{c}} {{");
    }

    #[test]
    fn the_draft_says_what_the_change_log_says() {
        let setting = super::super::tests::github("http://127.0.0.1:1").setting().clone();
        let section = changelog::newest("## [1.1.0]\n- one `{{head}}`\n");
        let draft = written(&setting, section);
        assert_eq!(draft.title, "Release v1.1.0");
        assert!(draft.body.starts_with("Release v1.1.0: `develop` into `main`.\n"), "{}", draft.body);
        assert!(draft.body.contains("\n- one `{{head}}`\n"), "{}", draft.body);
        assert!(!draft.body.contains("{{changes}}") && !draft.body.contains("{{version}}"));
        let without = written(&setting, None);
        assert_eq!(without.title, "Release");
        assert!(without.body.contains("(what changes)"));
    }

    #[test]
    fn changes_are_cut_at_a_line() {
        let long = "a line of the changes\n".repeat(4000);
        let cut = cut(&long);
        assert!(cut.len() <= LONGEST && cut.ends_with("changes"));
    }
}
