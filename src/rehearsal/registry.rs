//! The image registry: which versions of the application can be pulled, by tag or digest.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::cluster::digits;
use super::scenario::{IMAGE, Scenario, VERSIONS};

/// Most versions that a rehearsal's registry takes.
const MOST: usize = 100;

/// The versions whose images there are.
#[derive(Debug)]
pub struct Registry(Mutex<BTreeSet<String>>);

impl Registry {
    /// What there is at the start of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let versions = VERSIONS.into_iter().chain([scenario.from.as_str(), scenario.to.as_str()]);
        Self(Mutex::new(versions.map(str::to_owned).collect()))
    }

    /// Takes the image of a version.
    pub fn push(&self, version: &str) {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if versions.len() < MOST {
            versions.insert(version.to_owned());
        }
    }

    /// The version that an image is, if it can be pulled. Where a tag and a digest are
    /// said, the digest counts.
    #[must_use]
    pub fn version_of(&self, image: &str) -> Option<String> {
        let (name, wanted) = match image.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (image, None),
        };
        let (bare, tag) = name.rsplit_once(':').unwrap_or((name, ""));
        if bare != IMAGE {
            return None;
        }
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |version: &&String| match wanted {
            Some(wanted) => digest(version) == wanted,
            None => *version == tag,
        };
        versions.iter().find(is_it).cloned()
    }
}

/// The digest of a version's image, as the kubelet reports it too.
#[must_use]
pub fn digest(version: &str) -> String {
    format!("sha256:{}", digits(&format!("{IMAGE}:{version}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_by_tag_and_by_digest() {
        let registry = Registry::new(&Scenario::default());
        let of = |image: String| registry.version_of(&image);
        assert_eq!(of(format!("{IMAGE}:v1.1.0")).as_deref(), Some("v1.1.0"));
        assert_eq!(of(format!("{IMAGE}@{}", digest("v1.1.0"))).as_deref(), Some("v1.1.0"));
        assert_eq!(of(format!("{IMAGE}:v1.0.0@{}", digest("v1.1.0"))).as_deref(), Some("v1.1.0"));
        assert_eq!(of(format!("{IMAGE}:v9.0.0")), None);
        assert_eq!(of("nginx:v1.1.0".into()), None);
        registry.push("v9.0.0");
        assert_eq!(of(format!("{IMAGE}@{}", digest("v9.0.0"))).as_deref(), Some("v9.0.0"));
    }
}
