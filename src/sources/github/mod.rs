//! Reads pull request and pipeline from GitHub's REST API.

mod cache;
mod client;
mod limits;
mod links;
mod refusal;

pub use client::{Client, Trouble};

/// What an action on GitHub is judged by, read now.
///
/// # Errors
/// When something of it has no answer.
pub async fn read_for(
    _: &Client,
    _: &crate::sop::repository::GitHubSetting,
    _: &crate::sop::operation::Action,
) -> Result<crate::sop::repository::Repository, Trouble> {
    Err(Trouble::Lost("not read".into()))
}
