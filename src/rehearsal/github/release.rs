//! Releases, and the notes that GitHub writes for them.

use jiff::Timestamp;

use super::people::Person;
use super::refused::Refused;
use super::state::{OWNER, REPOSITORY, State};

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
    pub id: u64,
    pub tag: String,
    pub target: String,
    pub name: String,
    pub body: String,
    pub draft: bool,
    pub prerelease: bool,
    pub author: &'static Person,
    pub created: Timestamp,
}

/// What somebody wants to release.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub tag: String,
    /// Where the tag goes if there is none yet.
    pub target: String,
    pub name: Option<String>,
    pub body: Option<String>,
    pub draft: bool,
    pub prerelease: bool,
    /// Whether GitHub writes notes, which follow the body.
    pub generate_notes: bool,
}

impl State {
    /// Makes a release, and its tag unless it is a draft; its id.
    ///
    /// # Errors
    /// 422 where there is one of that tag, or the target is none.
    pub fn release(&mut self, wanted: Wanted, by: &'static Person, now: Timestamp) -> Result<u64, Refused> {
        self.room_for_more()?;
        if self.releases.values().any(|release| release.tag == wanted.tag && !release.draft) {
            return Err(Refused::invalid("Release", "tag_name", "already_exists"));
        }
        let target = if wanted.target.is_empty() { "main" } else { &wanted.target };
        let invalid = || Refused::invalid("Release", "target_commitish", "invalid");
        let sha = self.git.resolve(target).ok_or_else(invalid)?.sha.clone();
        let mut body = wanted.body.unwrap_or_default();
        if wanted.generate_notes {
            let (_, notes) = self.notes(&wanted.tag, target, None)?;
            body = if body.is_empty() { notes } else { format!("{body}\n\n{notes}") };
        }
        let release = Release {
            id: self.id(),
            name: wanted.name.unwrap_or_else(|| wanted.tag.clone()),
            target: target.to_owned(),
            tag: wanted.tag,
            body,
            draft: wanted.draft,
            prerelease: wanted.prerelease,
            author: by,
            created: now,
        };
        let id = release.id;
        if !release.draft {
            self.git.tags.entry(release.tag.clone()).or_insert(sha);
        }
        self.releases.insert(id, release);
        Ok(id)
    }

    /// The newest release that is out and final.
    #[must_use]
    pub fn latest_release(&self) -> Option<&Release> {
        self.releases
            .values()
            .filter(|release| !release.draft && !release.prerelease)
            .max_by_key(|r| r.created)
    }

    /// The name and the notes of a release: the pull requests since the one before it.
    ///
    /// # Errors
    /// 404 where a tag or the target is none.
    pub fn notes(
        &self,
        tag: &str,
        target: &str,
        previous: Option<&str>,
    ) -> Result<(String, String), Refused> {
        let name = if self.git.tags.contains_key(tag) { tag } else { target };
        let head = self.git.resolve(name).ok_or_else(Refused::not_found)?;
        let latest = self.latest_release().map(|release| release.tag.as_str());
        let previous = previous.or_else(|| latest.filter(|latest| *latest != tag));
        let base = previous.map(|tag| self.git.tags.get(tag).ok_or_else(Refused::not_found)).transpose()?;
        let commits = match base {
            Some(base) => self.git.between(base, &head.sha),
            None => self.git.history(&head.sha),
        };
        let merged = |sha: &str| {
            self.threads.values().find(|thread| {
                let merged = thread.pull.as_ref().and_then(|pull| pull.merged.as_ref());
                merged.is_some_and(|merged| merged.sha == sha)
            })
        };
        let web = format!("https://github.com/{OWNER}/{REPOSITORY}");
        let mut body = String::from("## What's Changed\n");
        for thread in commits.iter().filter_map(|commit| merged(&commit.sha)) {
            let (title, login, number) = (&thread.title, thread.author.login, thread.number);
            body.push_str(&format!("* {title} by @{login} in {web}/pull/{number}\n"));
        }
        let range =
            previous.map_or_else(|| format!("commits/{tag}"), |from| format!("compare/{from}...{tag}"));
        body.push_str(&format!("\n\n**Full Changelog**: {web}/{range}"));
        Ok((tag.to_owned(), body))
    }
}
