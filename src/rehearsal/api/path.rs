//! What a request's path leads to.

use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::objects::versions;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Objects(Target),
    /// A question that is asked by creating an object: the plural of its kind.
    Review(String),
    /// Documents about the API itself.
    Discovery,
    OpenApi,
    Version,
    Health,
}

/// Objects of one kind, or one of them, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub resource: Resource,
    /// The group version of the path, in which the objects are served.
    pub group: String,
    pub version: String,
    /// `None`: all namespaces, or a kind that is in none.
    pub namespace: Option<String>,
    /// Empty: all of them.
    pub name: String,
    /// Empty: the object itself.
    pub subresource: String,
}

impl Target {
    /// `v1`, `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// Reads a path; `None` where it leads nowhere.
#[must_use]
pub fn route(path: &str) -> Option<Route> {
    let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
    match steps.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => Some(Route::Health),
        ["version"] => Some(Route::Version),
        ["openapi", ..] => Some(Route::OpenApi),
        ["api" | "apis"] | ["api", _] | ["apis", _] | ["apis", _, _] => Some(Route::Discovery),
        ["api", version, rest @ ..] => target("", version, rest),
        ["apis", "authorization.k8s.io", "v1", plural] => Some(Route::Review((*plural).to_owned())),
        ["apis", group, version, rest @ ..] => target(group, version, rest),
        _ => None,
    }
}

fn target(group: &str, version: &str, rest: &[&str]) -> Option<Route> {
    let (namespace, rest) = match rest {
        // `namespaces/x` is the object, `namespaces/x/pods` what is in it.
        ["namespaces", namespace, rest @ ..]
            if !rest.is_empty() && !matches!(rest, ["status" | "finalize"]) =>
        {
            (Some((*namespace).to_owned()), rest)
        }
        rest => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, "", ""),
        [plural, name] => (plural, *name, ""),
        [plural, name, subresource] => (plural, *name, *subresource),
        _ => return None,
    };
    let resource = Resource::find(group, plural)?;
    if !versions::of(resource).contains(&(group, version)) {
        return None;
    }
    let naming = resource.naming();
    if !subresource.is_empty() && !naming.subresources.contains(&subresource) {
        return None;
    }
    if naming.namespaced && namespace.is_none() && !name.is_empty() {
        return None;
    }
    Some(Route::Objects(Target {
        resource,
        group: group.to_owned(),
        version: version.to_owned(),
        namespace,
        name: name.to_owned(),
        subresource: subresource.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(path: &str) -> Option<(Resource, Option<String>, String, String)> {
        match route(path)? {
            Route::Objects(target) => {
                Some((target.resource, target.namespace, target.name, target.subresource))
            }
            _ => None,
        }
    }

    #[test]
    fn paths_lead_to_objects_and_their_parts() {
        let some = |text: &str| Some(text.to_owned());
        let owned = |text: &str| text.to_owned();
        assert_eq!(objects("/api/v1/pods"), Some((Resource::Pods, None, owned(""), owned(""))));
        assert_eq!(
            objects("/api/v1/namespaces/taxasge/pods/p/log"),
            Some((Resource::Pods, some("taxasge"), owned("p"), owned("log")))
        );
        assert_eq!(
            objects("/api/v1/namespaces/taxasge"),
            Some((Resource::Namespaces, None, owned("taxasge"), owned("")))
        );
        assert_eq!(
            objects("/apis/apps/v1/namespaces/t/deployments/d/scale"),
            Some((Resource::Deployments, some("t"), owned("d"), owned("scale")))
        );
        for nowhere in
            ["/api/v1/pods/p", "/apis/apps/v2/deployments", "/api/v1/namespaces/t/pods/p/exec", "/x", "/"]
        {
            assert_eq!(route(nowhere), None, "{nowhere}");
        }
        assert_eq!(
            route("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
            Some(Route::Review("selfsubjectaccessreviews".into()))
        );
        assert_eq!(route("/apis/apps/v1"), Some(Route::Discovery));
    }
}
