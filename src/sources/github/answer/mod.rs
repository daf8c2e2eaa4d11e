//! GitHub's answers, as far as they are needed. Nothing in them is taken for granted:
//! what is missing, null or of another type has its default, and words that nobody knows
//! are kept as they are.

mod found;
mod pull;
mod run;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

pub(super) use found::{Comparison, Deployment, DeploymentStatus, Issue, Label, ReleaseNotes, Rights};
pub(super) use pull::{CheckRuns, File, Pull, Review, Status, checks};
pub(super) use run::{Approval, Job, Jobs, Pending, Run, Runs};

use crate::sop::commit::{Commit, Sha};
use crate::sources::text::clean;

/// Something that may be of the type that it should be of.
#[derive(Deserialize)]
#[serde(untagged)]
enum Perhaps<T> {
    Fits(T),
    Other(IgnoredAny),
}

impl<T> Perhaps<T> {
    fn fitting(self) -> Option<T> {
        match self {
            Self::Fits(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

/// A value of the right type, else its default.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Perhaps::deserialize(deserializer).map(|value| value.fitting().unwrap_or_default())
}

/// The list of an answer. That it is one must be: an answer without it is somebody
/// else's, not an empty one.
fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let all = Vec::<Perhaps<T>>::deserialize(deserializer)?;
    Ok(all.into_iter().filter_map(Perhaps::fitting).collect())
}

/// An answer that is a list itself.
#[derive(Debug, Deserialize)]
#[serde(transparent, bound = "T: Deserialize<'de>")]
pub(super) struct List<T>(#[serde(deserialize_with = "list")] pub Vec<T>);

/// Somebody with an account; a deleted one is null.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    #[serde(deserialize_with = "lenient")]
    pub login: String,
}

/// The login of somebody, cleaned; `ghost` is what GitHub calls those who are gone.
fn login(user: Option<&User>) -> String {
    user.map(|user| clean(&user.login))
        .filter(|login| !login.is_empty())
        .unwrap_or_else(|| "ghost".to_owned())
}

impl User {
    pub(super) fn name(&self) -> Option<String> {
        let login = clean(&self.login);
        (!login.is_empty()).then_some(login)
    }
}

/// A commit's or a tree's name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    #[serde(deserialize_with = "lenient")]
    sha: String,
}

/// `GET /repos/{owner}/{repo}/git/commits/{sha}`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GitCommit {
    #[serde(deserialize_with = "lenient")]
    sha: String,
    #[serde(deserialize_with = "lenient")]
    tree: Named,
    #[serde(deserialize_with = "lenient")]
    message: String,
}

impl GitCommit {
    /// `None` where it does not say which one it is.
    pub(super) fn commit(&self) -> Option<Commit> {
        Some(Commit { sha: sha(&self.sha)?, tree: sha(&self.tree.sha), title: first_line(&self.message) })
    }
}

/// A name of a commit or tree; what is no hexadecimal number is none.
pub(super) fn sha(text: &str) -> Option<Sha> {
    let sound = text.len() >= 7 && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    sound.then(|| Sha(text.to_ascii_lowercase()))
}

fn first_line(text: &str) -> String {
    clean(text.lines().next().unwrap_or_default())
}

fn time(text: Option<&String>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// An address that people open: nothing but the web's.
fn address(text: &str) -> String {
    let text = clean(text);
    if text.starts_with("https://") || text.starts_with("http://") { text } else { String::new() }
}
