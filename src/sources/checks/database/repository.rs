//! Reads Alembic's scripts of a release's commit from its repository on GitHub. A file's
//! content never changes under its id: each is asked for once.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::scripts::{LONGEST, Read, is_script, sorted};
use crate::config::GitHub;
use crate::sop::checklist::evidence::Inputs;
use crate::sources::github::Client;
use crate::sources::github::address::{in_path, part};
use crate::sources::text::clean;

/// GitHub lists no more files of a directory than these.
const LISTED: usize = 1000;
/// Files that are asked for at once.
const AT_ONCE: usize = 4;

/// The repository of `[github]`.
#[derive(Debug)]
pub(in crate::sources::checks) struct Repository {
    client: Arc<Client>,
    name: String,
    /// Looked at while the release's commit is not known.
    branch: String,
    /// What was read, by the ids of its contents.
    kept: Mutex<BTreeMap<String, String>>,
}

/// A file or directory of a listing (docs.github.com/rest/repos/contents).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    r#type: String,
    sha: String,
    size: u64,
}

/// A file's content (docs.github.com/rest/git/blobs).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Blob {
    encoding: String,
    content: String,
}

impl Repository {
    /// One of which nothing was asked yet.
    pub(in crate::sources::checks) fn new(client: Arc<Client>, config: &GitHub) -> Self {
        Self {
            client,
            name: config.setting.repository.clone(),
            branch: config.setting.head_branch.clone(),
            kept: Mutex::default(),
        }
    }

    /// The scripts in a directory as the release has it.
    ///
    /// # Errors
    /// In the operator's words, when they cannot all be read.
    pub(super) async fn scripts(&self, directory: &str, release: &Inputs) -> Result<Read, String> {
        let of = release.head.as_deref().unwrap_or(&self.branch);
        let directory = directory.trim_matches('/');
        let path = format!("/repos/{}/contents/{}?ref={}", self.name, in_path(directory), part(of));
        let listing = self.client.get(&path).await.map_err(|trouble| trouble.words().to_owned())?;
        let entries: Vec<Entry> = serde_json::from_value(listing)
            .map_err(|_| format!("{} is no directory in the repository", clean(directory)))?;
        if entries.len() >= LISTED {
            return Err(format!("GitHub lists no more than {LISTED} files of {}", clean(directory)));
        }
        let files = entries.into_iter().filter(|entry| entry.r#type == "file" && is_script(&entry.name));
        let texts = stream::iter(files.map(|entry| self.text(entry))).buffered(AT_ONCE);
        Ok(sorted(texts.try_collect().await?))
    }

    /// A file's name and its text, or why it is none.
    async fn text(&self, entry: Entry) -> Result<(String, Result<String, String>), String> {
        let name = clean(&entry.name);
        if entry.size > LONGEST {
            return Ok((name, Err(format!("it has more than {LONGEST} bytes"))));
        }
        if let Some(text) = self.kept.lock().await.get(&entry.sha) {
            return Ok((name, Ok(text.clone())));
        }
        let path = format!("/repos/{}/git/blobs/{}", self.name, part(&entry.sha));
        let blob = self.client.get(&path).await.map_err(|trouble| trouble.words().to_owned())?;
        let text = decoded(serde_json::from_value(blob).unwrap_or_default());
        if let Ok(text) = &text {
            self.kept.lock().await.insert(entry.sha, text.clone());
        }
        Ok((name, text))
    }
}

fn decoded(blob: Blob) -> Result<String, String> {
    let unusable = || "it came in a form that cannot be read".to_owned();
    if blob.encoding != "base64" {
        return Err(unusable());
    }
    let encoded: String = blob.content.split_ascii_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| unusable())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::extract::{Path, Query};
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    use super::*;

    const SCRIPT: &str = "revision = 'a'\ndown_revision = None\n";

    /// GitHub with one directory at two commits; how often a content was asked for.
    async fn github() -> (Repository, Arc<AtomicUsize>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let asked = Arc::new(AtomicUsize::new(0));
        let listing = |query: Query<BTreeMap<String, String>>| async move {
            let file = |name: &str, sha: &str| json!({"name": name, "type": "file", "sha": sha, "size": 40});
            let mut entries = vec![
                file("001_a.py", "s1"),
                file("__init__.py", "s9"),
                file("README", "s8"),
                json!({"name": "old.py", "type": "dir", "sha": "s7", "size": 0}),
            ];
            match query.0["ref"].as_str() {
                "develop" => Json(entries).into_response(),
                "c0ffee" => {
                    entries.push(file("002_b.py", "s2"));
                    Json(entries).into_response()
                }
                _ => (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response(),
            }
        };
        let counted = Arc::clone(&asked);
        let blob = move |Path(sha): Path<String>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                let text = if sha == "s1" { SCRIPT } else { "revision = 'b'\ndown_revision = LAST\n" };
                let content = base64::engine::general_purpose::STANDARD.encode(text);
                Json(json!({"encoding": "base64", "content": content}))
            }
        };
        let router = Router::new()
            .route("/repos/taxasge/backend/contents/alembic/versions", get(listing))
            .route("/repos/taxasge/backend/git/blobs/{sha}", get(blob));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let text = format!(
            "[environments.test]\nkubernetes = {{ namespace = 'a', service = 'b' }}\n\
             application.url = 'http://localhost/'\n\
             github = {{ url = 'http://{address}', repository = 'taxasge/backend', token_command = ['echo', 'none'] }}"
        );
        let environment = crate::config::read_text(&text, std::path::Path::new("."), "test").unwrap();
        let config = environment.github.unwrap();
        let client = Arc::new(Client::new(&config).await.unwrap());
        (Repository::new(client, &config), asked)
    }

    #[tokio::test]
    async fn scripts_come_from_the_releases_commit_and_each_content_once() {
        let (repository, asked) = github().await;
        let (scripts, unread) = repository.scripts("/alembic/versions/", &Inputs::default()).await.unwrap();
        assert_eq!((scripts.len(), scripts[0].revision.as_str(), unread.len()), (1, "a", 0));
        let release = Inputs { head: Some("c0ffee".into()), image: None, version: None };
        let (scripts, unread) = repository.scripts("alembic/versions", &release).await.unwrap();
        assert_eq!((scripts.len(), unread[0].file.as_str()), (1, "002_b.py"));
        assert_eq!(asked.load(Ordering::Relaxed), 2, "what was read before is known");
        let elsewhere = Inputs { head: Some("gone".into()), image: None, version: None };
        let why = repository.scripts("alembic/versions", &elsewhere).await.unwrap_err();
        assert!(why.contains("404"), "{why}");
    }
}
