//! A record of what was asked and answered, one JSON object a line, for those who check
//! both against GitHub's description of its API.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

/// Largest record, in bytes: what comes after that is not written down.
const LARGEST: u64 = 64 * 1024 * 1024;
/// The last line of a record that is not whole.
const CUT: &str = "{\"cut\":true}\n";
/// The record's name in a stage's directory.
pub const FILE: &str = "github-requests.jsonl";

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub body: &'a [u8],
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub answer: &'a [u8],
}

impl Exchange<'_> {
    fn line(&self) -> String {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))))
            .collect();
        let line = json!({
            "method": self.method.as_str(),
            "path": self.uri.path(),
            "query": self.uri.query().unwrap_or_default(),
            "body": value(self.body),
            "status": self.status.as_u16(),
            "headers": headers,
            "answer": value(self.answer),
        });
        format!("{line}\n")
    }
}

/// What was sent. What is no JSON stands there as text, which the check will not like.
fn value(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| json!(String::from_utf8_lossy(body)))
}

/// Writes exchanges down while somebody wants that.
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

    /// Whether exchanges are written down.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Writes one down.
    pub(super) async fn write(&self, exchange: &Exchange<'_>) {
        let line = exchange.line();
        let length = line.len() as u64;
        let before = self.written.fetch_add(length, Ordering::Relaxed);
        let line = match before + length > LARGEST {
            false => line.as_str(),
            true if before <= LARGEST => CUT,
            true => return,
        };
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
