//! Releases.

use serde_json::{Value, json};

use super::{Show, maybe, node, time};
use crate::rehearsal::github::release::Release;

impl Show<'_> {
    /// A release.
    #[must_use]
    pub fn release(&self, release: &Release) -> Value {
        let (id, tag) = (release.id, &release.tag);
        let url = self.state.url(&format!("releases/{id}"));
        json!({
            "url": url,
            "html_url": self.state.html(&format!("releases/tag/{tag}")),
            "assets_url": format!("{url}/assets"),
            "upload_url": format!("{url}/assets{{?name,label}}"),
            "tarball_url": self.state.url(&format!("tarball/{tag}")),
            "zipball_url": self.state.url(&format!("zipball/{tag}")),
            "id": id,
            "node_id": node("RE", id),
            "tag_name": tag,
            "target_commitish": release.target,
            "name": release.name,
            "body": release.body,
            "draft": release.draft,
            "prerelease": release.prerelease,
            "created_at": time(release.created),
            "published_at": maybe((!release.draft).then_some(release.created)),
            "author": self.user(release.author),
            "assets": [],
        })
    }
}
