//! What an image's name and digest tell of where it comes from.

use super::{Fit, Origin};
use crate::sop::cluster::{PodState, image_version};

/// Shortest beginning of a commit's name that counts as one.
const LEAST_SHA: usize = 7;

/// The version that a title names: `Release v1.1.0` is about `v1.1.0`.
#[must_use]
pub fn version_in(title: &str) -> Option<&str> {
    let words = title.split_whitespace();
    words
        .map(|word| word.trim_matches(|char: char| !char.is_ascii_alphanumeric()))
        .find(|word| is_version(word))
}

/// Whether it is written like a version: numbers with dots between them, perhaps a `v`
/// before and a suffix behind.
fn is_version(word: &str) -> bool {
    let numbers = bare(word);
    let core = numbers.split(['-', '+']).next().unwrap_or(numbers);
    let mut parts = core.split('.');
    core.contains('.') && parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn bare(version: &str) -> &str {
    version.strip_prefix(['v', 'V']).unwrap_or(version)
}

/// The tag of an image reference, without a digest.
fn tag(image: &str) -> Option<&str> {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map(|(_, tag)| tag)
}

/// Whether an image is the one that the release's run makes, by its name: its tag is the
/// release's version, or has the commit's name in it.
pub(super) fn named(origin: &Origin, image: &str) -> Fit {
    let Some(tag) = tag(image) else {
        let known = image_version(image).unwrap_or("no tag");
        return Fit::Unknown(format!("{known} says neither version nor commit"));
    };
    if let Some(version) = &origin.version
        && bare(version) == bare(tag)
    {
        return Fit::Fits(format!("{tag}, by its tag"));
    }
    let words = || tag.split(|char: char| !char.is_ascii_alphanumeric());
    let is_sha = |word: &&str| word.len() >= LEAST_SHA && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(commit) = &origin.commit {
        if words().filter(is_sha).any(|word| commit.0.starts_with(&word.to_ascii_lowercase())) {
            return Fit::Fits(format!("{tag}, by its commit"));
        }
        if is_sha(&tag) && tag.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            return Fit::DoesNotFit(format!("{tag} is deployed, the release is of {}", commit.short()));
        }
    }
    match &origin.version {
        Some(version) if is_version(tag) => {
            Fit::DoesNotFit(format!("{tag} is deployed, the release is {version}"))
        }
        Some(version) => Fit::Unknown(format!("the tag {tag} says neither {version} nor the commit")),
        None => Fit::Unknown(format!("which version the release has is not known; {tag} is deployed")),
    }
}

/// Whether all pods run one and the same image, by digest: a tag may have been pushed anew
/// between two pulls.
pub(super) fn digests(image: Option<&str>, pods: &[&PodState]) -> Fit {
    let digest = |reference: &str| reference.rsplit_once('@').map(|(_, digest)| digest.to_owned());
    let wanted = image.and_then(digest);
    let mut seen: Option<(&str, String)> = wanted.map(|wanted| ("the ReplicaSet", wanted));
    let mut unread = None;
    for pod in pods {
        // A name without its repository is the node's own, not the registry's.
        let Some(digest) = pod.image_id.as_deref().and_then(digest) else {
            unread.get_or_insert(&pod.name);
            continue;
        };
        match &seen {
            Some((who, known)) if *known != digest => {
                return Fit::DoesNotFit(format!(
                    "{} runs {}, {who} {}",
                    pod.name,
                    short(&digest),
                    short(known)
                ));
            }
            Some(_) => {}
            None => seen = Some((&pod.name, digest)),
        }
    }
    match (seen, unread) {
        (Some((_, digest)), None) => Fit::Fits(format!("all on {}", short(&digest))),
        // Without any digest the template's hash is what there is: it is the same for all.
        (None, Some(_)) => Fit::Fits("all of its template; no registry digest is known".to_owned()),
        (Some(_), Some(pod)) => Fit::Unknown(format!("the digest that {pod} runs is not known")),
        (None, None) => Fit::NotYet("there are no pods".to_owned()),
    }
}

fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
