//! A record of what was asked, one JSON object a line, for those who check clients
//! against GitHub's description of its API.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

/// Largest record, in bytes: what comes after that is not written down.
const LARGEST: u64 = 16 * 1024 * 1024;
/// The record's name in a stage's directory.
pub const FILE: &str = "github-requests.jsonl";

/// Writes requests down while somebody wants that.
#[derive(Debug, Default)]
pub struct Recorder {
    on: AtomicBool,
    written: AtomicU64,
    file: Mutex<Option<tokio::fs::File>>,
}

impl Recorder {
    /// Begins a new record in a directory; where it is.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub async fn begin(&self, directory: &Path) -> io::Result<PathBuf> {
        let path = directory.join(FILE);
        let file = tokio::fs::File::create(&path).await?;
        *self.file.lock().await = Some(file);
        self.written.store(0, Ordering::Relaxed);
        self.on.store(true, Ordering::Relaxed);
        Ok(path)
    }

    /// Ends the record.
    pub async fn end(&self) {
        self.on.store(false, Ordering::Relaxed);
        *self.file.lock().await = None;
    }

    /// Whether requests are written down.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Writes a request down, with the status that it was answered.
    pub async fn write(&self, method: &str, path: &str, query: &str, body: &[u8], status: u16) {
        let body = if body.is_empty() {
            Value::Null
        } else {
            // What is no JSON stands there as text, which the check will not like.
            serde_json::from_slice(body).unwrap_or_else(|_| json!(String::from_utf8_lossy(body)))
        };
        let line = json!({"method": method, "path": path, "query": query, "body": body, "status": status});
        let line = format!("{line}\n");
        let length = line.len() as u64;
        if self.written.fetch_add(length, Ordering::Relaxed) + length > LARGEST {
            return;
        }
        let mut file = self.file.lock().await;
        let Some(file) = file.as_mut() else { return };
        let written = async {
            file.write_all(line.as_bytes()).await?;
            file.flush().await
        };
        if let Err(error) = written.await {
            tracing::error!("a request to the rehearsal's GitHub could not be recorded: {error}");
        }
    }
}
