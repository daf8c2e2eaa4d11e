//! The file: found, locked, appended to, synced.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::entry::{Entry, What};
use super::replay::Replay;

/// How long another process may hold the lock; an append takes about a millisecond.
const LOCK_LIMIT: Duration = Duration::from_secs(3);
/// How often the lock is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(2);
/// How long an append may take as a whole, on a disk that hangs.
const APPEND_LIMIT: Duration = Duration::from_secs(5);
/// Longest tail that is measured to say how much of a torn line there is.
const LONGEST_TAIL: u64 = 64 * 1024;

/// Why the journal could not be written or read; what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("there is no place for the journal: set XDG_STATE_HOME or HOME")]
    NoHome,
    #[error("the journal {}: {} failed: {}", .path.display(), .doing, told(.error))]
    Io { path: PathBuf, doing: &'static str, error: io::Error },
    #[error("the journal {}: another process has held its lock for {} s", .path.display(), LOCK_LIMIT.as_secs())]
    Locked { path: PathBuf },
    #[error("the journal {}: the disk has not answered for {} s", .path.display(), APPEND_LIMIT.as_secs())]
    Hangs { path: PathBuf },
    #[error("the journal {}: the entry cannot be written as JSON: {error}", .path.display())]
    Entry { path: PathBuf, error: serde_json::Error },
}

/// The system's words and what to do.
fn told(error: &io::Error) -> String {
    let what_to_do = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ": make room, or set XDG_STATE_HOME",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ": make it writable, or set XDG_STATE_HOME"
        }
        io::ErrorKind::Unsupported => ": this file system has no locks; set XDG_STATE_HOME to a local disk",
        _ => "",
    };
    format!("{error}{what_to_do}")
}

/// Where the program keeps its state on this machine: `$XDG_STATE_HOME/cutover`,
/// by default `~/.local/state/cutover` (XDG Base Directory Specification).
///
/// # Errors
/// When neither variable is set to an absolute path.
pub fn state_directory() -> Result<PathBuf, JournalError> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("cutover"))
        .ok_or(JournalError::NoHome)
}

/// One journal. Every process appends to the same file; the lock keeps their lines apart.
#[derive(Clone, Debug)]
pub struct Journal {
    /// `None`: there is no place for it, so that every write is an error.
    path: Option<PathBuf>,
}

impl Journal {
    /// The journal of one service in one environment, below `directory`
    /// ([`state_directory`]). Nothing is opened yet: a directory that is not there or
    /// cannot be written must not keep the room shut.
    #[must_use]
    pub fn new(directory: Option<&Path>, namespace: &str, service: &str, environment: &str) -> Self {
        let name = [namespace, service, environment].map(file_name_part).join(".");
        Self { path: directory.map(|directory| directory.join(format!("{name}.jsonl"))) }
    }

    /// Where it is, if anywhere.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Appends one entry and waits until it is on the disk. A torn last line, left by
    /// a crash, is ended first and noted.
    ///
    /// # Errors
    /// When the entry is not known to be on the disk.
    pub async fn write(&self, entry: Entry) -> Result<(), JournalError> {
        let journal = self.clone();
        let append = tokio::task::spawn_blocking(move || journal.append(&entry));
        match tokio::time::timeout(APPEND_LIMIT, append).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(failed(self.place()?, "writing", io::Error::other(error))),
            Err(_) => Err(JournalError::Hangs { path: self.place()?.to_owned() }),
        }
    }

    /// Everything that was written so far.
    ///
    /// # Errors
    /// When the file is there but cannot be opened.
    pub fn replay(&self) -> Result<Replay, JournalError> {
        let path = self.place()?;
        match File::open(path) {
            Ok(file) => Ok(Replay::of(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Replay::empty()),
            Err(error) => Err(failed(path, "opening", error)),
        }
    }

    fn place(&self) -> Result<&Path, JournalError> {
        self.path.as_deref().ok_or(JournalError::NoHome)
    }

    /// [`Journal::write`] for a thread that may block.
    ///
    /// # Errors
    /// As there.
    pub fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let path = self.place()?;
        let mut lines = line(entry, path)?;
        let mut file = open(path)?;
        lock(path, &file)?;
        let before = file.seek(SeekFrom::End(0)).map_err(|error| failed(path, "measuring", error))?;
        let torn = torn_tail(&mut file, before).map_err(|error| failed(path, "reading", error))?;
        if torn > 0 {
            let repair = Entry { what: What::Repaired { torn_bytes: torn }, ..entry.clone() };
            let note = line(&repair, path)?;
            lines = [b"\n".as_slice(), &note, &lines].concat();
        }
        let written = file.write_all(&lines).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half a line would be repaired by the next writer; better not to leave it.
            let _ = file.set_len(before);
            return Err(failed(path, "writing", error));
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<File, JournalError> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let is_new = !path.exists();
    if is_new {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| failed(path, "making its directory", error))?;
    }
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(path, "opening", error))?;
    let metadata = file.metadata().map_err(|error| failed(path, "opening", error))?;
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        let private = std::fs::Permissions::from_mode(0o600);
        file.set_permissions(private).map_err(|error| failed(path, "making it private", error))?;
    }
    if is_new {
        // The new name itself must survive a crash as well.
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| failed(path, "syncing its directory", error))?;
    }
    Ok(file)
}

/// Waits for the lock, but not for ever: on a file system that has lost its
/// server a plain `lock` would never come back.
fn lock(path: &Path, file: &File) -> Result<(), JournalError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed(path, "locking", error)),
            Err(TryLockError::WouldBlock) if start.elapsed() > LOCK_LIMIT => {
                return Err(JournalError::Locked { path: path.to_owned() });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
        }
    }
}

fn failed(path: &Path, doing: &'static str, error: io::Error) -> JournalError {
    JournalError::Io { path: path.to_owned(), doing, error }
}

fn line(entry: &Entry, path: &Path) -> Result<Vec<u8>, JournalError> {
    let failed = |error| JournalError::Entry { path: path.to_owned(), error };
    let mut line = serde_json::to_vec(entry).map_err(failed)?;
    line.push(b'\n');
    Ok(line)
}

/// How many bytes follow the last line's end; 0 when the file ends as it should.
fn torn_tail(file: &mut File, length: u64) -> io::Result<u64> {
    let tail = length.min(LONGEST_TAIL);
    if tail == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(length - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes)?;
    let torn = bytes.iter().rev().take_while(|byte| **byte != b'\n').count();
    Ok(u64::try_from(torn).unwrap_or(tail))
}

/// `part` as it can stand in a file's name: what is not a letter, a digit, `-` or `_`
/// becomes `%` and its code, so that different names stay different.
fn file_name_part(part: &str) -> String {
    part.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::LockChange;

    fn entry(words: &str) -> Entry {
        Entry {
            at: jiff::Timestamp::UNIX_EPOCH,
            by: "ops1@bastion-1/s".into(),
            what: What::Command { change: LockChange::Taken, fence: Some(1), words: words.into() },
        }
    }

    fn journal(directory: &Path) -> Journal {
        Journal::new(Some(&directory.join("cutover")), "taxasge", "backend", "production")
    }

    fn words(journal: &Journal) -> Vec<String> {
        journal
            .replay()
            .unwrap()
            .filter_map(|entry| match entry.what {
                What::Command { words, .. } => Some(words),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_file_is_private_and_named_after_what_it_is_about() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path());
        journal.append(&entry("a")).unwrap();
        assert_eq!(journal.path().unwrap().file_name().unwrap(), "taxasge.backend.production.jsonl");
        assert_eq!(std::fs::metadata(journal.path().unwrap()).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(journal.path().unwrap(), std::fs::Permissions::from_mode(0o644)).unwrap();
        journal.append(&entry("b")).unwrap();
        assert_eq!(std::fs::metadata(journal.path().unwrap()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(words(&journal), ["a", "b"]);
        let odd = Journal::new(Some(Path::new("/x")), "a", "b", "../e.u");
        assert_eq!(odd.path().unwrap(), Path::new("/x/a.b.%2e%2e%2fe%2eu.jsonl"));
    }

    #[test]
    fn a_torn_last_line_is_ended_and_noted() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path());
        journal.append(&entry("before")).unwrap();
        let torn = br#"{"at":"2026-01-0"#;
        OpenOptions::new().append(true).open(journal.path().unwrap()).unwrap().write_all(torn).unwrap();
        journal.append(&entry("after")).unwrap();
        let mut replay = journal.replay().unwrap();
        let entries: Vec<Entry> = replay.by_ref().collect();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[1].what, What::Repaired { torn_bytes: torn.len() as u64 });
        assert_eq!(replay.garbage(), 1);
        assert_eq!(words(&journal), ["before", "after"]);
    }

    #[test]
    fn appends_of_several_threads_do_not_mix() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let journal = journal.clone();
                scope.spawn(move || {
                    for n in 0..25 {
                        journal.append(&entry(&format!("{thread}-{n}"))).unwrap();
                    }
                });
            }
        });
        let mut all = words(&journal);
        assert_eq!(all.len(), 100);
        for thread in 0..4 {
            let own: Vec<&String> = all.iter().filter(|w| w.starts_with(&format!("{thread}-"))).collect();
            assert!(own.iter().enumerate().all(|(n, w)| **w == format!("{thread}-{n}")), "in order");
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 100);
    }

    #[test]
    fn a_lock_that_is_never_given_back_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path());
        journal.append(&entry("a")).unwrap();
        let holder = File::open(journal.path().unwrap()).unwrap();
        holder.lock().unwrap();
        assert!(matches!(journal.append(&entry("b")), Err(JournalError::Locked { .. })));
        holder.unlock().unwrap();
        journal.append(&entry("c")).unwrap();
        assert_eq!(words(&journal), ["a", "c"]);
    }

    #[test]
    fn what_cannot_be_written_says_where_and_what_to_do() {
        let full = Journal { path: Some("/dev/full".into()) };
        let error = full.append(&entry("a")).unwrap_err().to_string();
        assert!(error.contains("/dev/full") && error.contains("XDG_STATE_HOME"), "{error}");
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cutover"), "a file").unwrap();
        let error = journal(directory.path()).append(&entry("a")).unwrap_err().to_string();
        let homeless = Journal::new(None, "a", "b", "c");
        assert!(matches!(homeless.append(&entry("a")), Err(JournalError::NoHome)));
        assert!(error.contains("making its directory failed"), "{error}");
    }
}
