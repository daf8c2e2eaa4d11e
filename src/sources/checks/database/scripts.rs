//! Reads Alembic's scripts, from a directory or from the release's repository.

use std::io::{self, Read as _};
use std::path::Path;

use super::super::Answer;
use super::repository::Repository;
use crate::config::Migrations;
use crate::sop::checklist::evidence::Found;
use crate::sop::checklist::evidence::Inputs;
use crate::sop::migrations::{Graph, Script, Unread, read};
use crate::sources::text::clean;

/// Most scripts.
const MOST: usize = 10_000;
/// Longest script, in bytes.
pub(super) const LONGEST: u64 = 1 << 20;
/// Most scripts that are named because they cannot be read.
const NAMED: usize = 5;

/// What was read of a directory, and what could not be.
pub(super) type Read = (Vec<Script>, Vec<Unread>);

/// The revisions of the release.
///
/// # Errors
/// Unknown where one of the scripts cannot be read, a fail where Alembic would refuse them.
pub(super) async fn graph(
    from: Option<&Migrations>,
    repository: &Result<Repository, String>,
    release: &Inputs,
) -> Result<Graph, Answer> {
    let unknown = |words: String| (Found::Unknown, words);
    let (read, place) = match from {
        None => {
            let words = "where the migrations are is not configured: name their directory in \
                         database.migrations or database.migrations_in_repository";
            return Err(unknown(words.to_owned()));
        }
        Some(Migrations::Directory(directory)) => {
            let path = directory.clone();
            let read = tokio::task::spawn_blocking(move || of_directory(&path)).await;
            let read = read.unwrap_or_else(|_| Err("it cannot be read".to_owned()));
            (read, clean(&directory.to_string_lossy()))
        }
        Some(Migrations::Repository(path)) => {
            let read = match repository {
                Ok(repository) => repository.scripts(path, release).await,
                Err(why) => Err(why.clone()),
            };
            (read, format!("{} in the repository", clean(path)))
        }
    };
    let (scripts, unread) = read.map_err(|why| unknown(format!("{place}: {why}")))?;
    if !unread.is_empty() {
        let names: Vec<String> =
            unread.iter().take(NAMED).map(|unread| format!("{}: {}", unread.file, unread.why)).collect();
        let more = unread.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        return Err(unknown(format!("not every migration can be read: {}{more}", names.join(", "))));
    }
    if scripts.is_empty() {
        return Err(unknown(format!("there are no migrations in {place}")));
    }
    Graph::new(scripts).map_err(|why| (Found::Fail, why))
}

/// Reads a directory. Blocks.
fn of_directory(directory: &Path) -> Result<Read, String> {
    let versions = directory.join("versions");
    let directory = if versions.is_dir() { versions.as_path() } else { directory };
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_script(&name) {
            files.push((clean(&name), text(&entry.path())));
        }
        if files.len() > MOST {
            return Err(format!("there are more than {MOST} scripts in it"));
        }
    }
    Ok(sorted(files))
}

/// What files, by their names, come to: in the order of the names.
pub(super) fn sorted(mut files: Vec<(String, Result<String, String>)>) -> Read {
    files.sort();
    let (mut scripts, mut unread) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let text = text.map_err(|why| Unread { file: name.clone(), why });
        match text.and_then(|text| read(&name, &text)) {
            Ok(script) => scripts.push(script),
            Err(why) => unread.push(why),
        }
    }
    (scripts, unread)
}

/// What Alembic itself takes for a script.
pub(super) fn is_script(name: &str) -> bool {
    name.ends_with(".py") && !name.starts_with("__init__") && !name.starts_with(".#")
}

fn text(path: &Path) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    // Opening a pipe could wait for ever: look before.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}
