//! Reads Alembic's scripts from a directory.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::super::Answer;
use crate::sop::checklist::evidence::Found;
use crate::sop::migrations::{Graph, Script, Unread, read};
use crate::sources::text::clean;

/// Most scripts.
const MOST: usize = 10_000;
/// Longest script, in bytes.
const LONGEST: u64 = 1 << 20;
/// Most scripts that are named because they cannot be read.
const NAMED: usize = 5;

/// The revisions of a directory.
///
/// # Errors
/// Unknown where one of the scripts cannot be read, a fail where Alembic would refuse them.
pub(super) async fn graph(directory: Option<&Path>) -> Result<Graph, Answer> {
    let unknown = |words: String| (Found::Unknown, words);
    let directory = directory.ok_or_else(|| {
        unknown(
            "where the migrations are is not configured: name their directory in database.migrations".into(),
        )
    })?;
    let path = directory.to_owned();
    let read = tokio::task::spawn_blocking(move || scripts(&path)).await;
    let (scripts, unread) = read
        .map_err(|_| unknown("the migrations cannot be read".to_owned()))?
        .map_err(|why| unknown(format!("{}: {why}", clean(&directory.to_string_lossy()))))?;
    if !unread.is_empty() {
        let names: Vec<String> =
            unread.iter().take(NAMED).map(|unread| format!("{}: {}", unread.file, unread.why)).collect();
        let more = unread.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        return Err(unknown(format!("not every migration can be read: {}{more}", names.join(", "))));
    }
    if scripts.is_empty() {
        return Err(unknown(format!("there are no migrations in {}", clean(&directory.to_string_lossy()))));
    }
    Graph::new(scripts).map_err(|why| (Found::Fail, why))
}

/// What was read of a directory, and what could not be. Blocks.
type Read = (Vec<Script>, Vec<Unread>);

fn scripts(directory: &Path) -> Result<Read, String> {
    let versions = directory.join("versions");
    let directory = if versions.is_dir() { versions.as_path() } else { directory };
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_script(&name) {
            files.push((clean(&name), entry.path()));
        }
        if files.len() > MOST {
            return Err(format!("there are more than {MOST} scripts in it"));
        }
    }
    files.sort();
    let (mut scripts, mut unread) = (Vec::new(), Vec::new());
    for (name, path) in files {
        let script =
            text(&path).map_err(|why| Unread { file: name.clone(), why }).and_then(|text| read(&name, &text));
        match script {
            Ok(script) => scripts.push(script),
            Err(why) => unread.push(why),
        }
    }
    Ok((scripts, unread))
}

/// What Alembic itself takes for a script.
fn is_script(name: &str) -> bool {
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
