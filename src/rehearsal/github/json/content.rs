//! Files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Show, node};
use crate::rehearsal::github::git::{Commit, blob_id};

impl Show<'_> {
    /// What is at a path: a file, or the entries of a directory.
    #[must_use]
    pub fn contents(&self, commit: &Commit, name: &str, path: &str) -> Option<Value> {
        let path = path.trim_matches('/');
        if let Some(text) = commit.files.get(path) {
            let mut file = self.entry("file", name, path, text);
            file["encoding"] = json!("base64");
            file["content"] = json!(encoded(text));
            return Some(file);
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut entries: Vec<Value> = Vec::new();
        for (file, text) in commit.files.iter() {
            let Some(below) = file.strip_prefix(&prefix) else { continue };
            match below.split_once('/') {
                None => entries.push(self.entry("file", name, file, text)),
                Some((directory, _)) => {
                    let path = format!("{prefix}{directory}");
                    if entries.last().is_none_or(|entry| entry["path"] != path.as_str()) {
                        entries.push(self.entry("dir", name, &path, ""));
                    }
                }
            }
        }
        (!entries.is_empty()).then(|| json!(entries))
    }

    /// A file's content under its own id.
    #[must_use]
    pub fn blob(&self, sha: &str, text: &str) -> Value {
        json!({
            "sha": sha, "node_id": node("B", sha), "size": text.len(), "encoding": "base64",
            "url": self.state.url(&format!("git/blobs/{sha}")), "content": encoded(text),
        })
    }

    fn entry(&self, kind: &str, name: &str, path: &str, text: &str) -> Value {
        let is_file = kind == "file";
        let sha = blob_id(if is_file { text } else { path });
        let url = self.state.url(&format!("contents/{path}?ref={name}"));
        let (git, web) = match is_file {
            true => (format!("git/blobs/{sha}"), format!("blob/{name}/{path}")),
            false => (format!("git/trees/{sha}"), format!("tree/{name}/{path}")),
        };
        let (git, web) = (self.state.url(&git), self.state.html(&web));
        let download =
            is_file.then(|| format!("https://raw.githubusercontent.com/taxasge/backend/{name}/{path}"));
        json!({
            "type": kind,
            "size": text.len(),
            "name": path.rsplit('/').next(),
            "path": path,
            "sha": sha,
            "url": url,
            "git_url": git,
            "html_url": web,
            "download_url": download,
            "_links": {"self": url, "git": git, "html": web},
        })
    }
}

/// Text as GitHub encodes it: in lines.
fn encoded(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(60).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    lines.join("\n") + "\n"
}
