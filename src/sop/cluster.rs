//! The blue/green pair as the procedure sees it: plain values, read from a
//! cluster by `sources` (watched) and by `executor` (read fresh before a write).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::colour::{Colour, PerColour};
use super::operation::OperationMark;

/// Everything that was last seen of one blue/green pair.
///
/// `None` and empty mean "not seen": nothing in here may be taken for good
/// because it is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    pub service: Option<ServiceState>,
    pub deployments: PerColour<Option<DeploymentState>>,
    /// ReplicaSets of both Deployments, by name.
    pub replica_sets: BTreeMap<String, ReplicaSetState>,
    /// Pods of both colours, by name.
    pub pods: BTreeMap<String, PodState>,
    /// What the Service sends its traffic to; `None` until it was read.
    pub endpoints: Option<Vec<EndpointState>>,
    pub autoscalers: Vec<AutoscalerState>,
}

/// The Service whose selector decides which colour has the traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceState {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub created: Option<Timestamp>,
    pub selector: BTreeMap<String, String>,
    /// The value of the configured selector key; `None` when the key is absent.
    pub selector_value: Option<String>,
    /// The colour that `selector_value` stands for in the configuration.
    pub active: Option<Colour>,
    /// Who last set the selector, from `managedFields`.
    pub owner: Option<FieldOwner>,
    /// A GitOps controller whose marks the object carries.
    pub gitops: Option<GitOps>,
    /// What this program last did to the object.
    pub mark: Option<OperationMark>,
}

/// A manager that owns a field, as `metadata.managedFields` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldOwner {
    pub manager: String,
    pub at: Option<Timestamp>,
}

/// A GitOps controller that would undo a change made beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitOps {
    /// `Argo CD`, `Flux`.
    pub controller: &'static str,
    /// The application or Kustomization that the marks name.
    pub application: String,
}

/// One colour's Deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentState {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub observed_generation: i64,
    /// `spec.replicas`; the API's default is 1.
    pub desired: i32,
    /// `status.replicas`: pods of all revisions.
    pub replicas: i32,
    pub updated: i32,
    pub ready: i32,
    pub available: i32,
    pub paused: bool,
    /// Image of the configured container; `None` when it has no such container.
    pub image: Option<String>,
    /// Annotation `deployment.kubernetes.io/revision`.
    pub revision: Option<u64>,
    pub conditions: Vec<ConditionState>,
    /// `spec.selector.matchLabels`.
    pub match_labels: BTreeMap<String, String>,
    pub gitops: Option<GitOps>,
    pub mark: Option<OperationMark>,
    /// Pods of this colour asked for before it was scaled to 0 (retire's note).
    pub desired_before: Option<i32>,
}

/// One entry of `status.conditions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionState {
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub reason: String,
    pub message: String,
}

/// One ReplicaSet of a colour's Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetState {
    pub name: String,
    pub colour: Option<Colour>,
    /// Annotation `deployment.kubernetes.io/revision`.
    pub revision: Option<u64>,
    /// Label `pod-template-hash`.
    pub hash: Option<String>,
    pub image: Option<String>,
    pub desired: i32,
    pub ready: i32,
    pub created: Option<Timestamp>,
}

/// One pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodState {
    pub name: String,
    /// From the pod's label and the configured values.
    pub colour: Option<Colour>,
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: String,
    pub ready: bool,
    /// The pod has a deletion timestamp.
    pub terminating: bool,
    pub restarts: i32,
    pub created: Option<Timestamp>,
    pub node: Option<String>,
    /// Why a container is not running (`CrashLoopBackOff`, `ImagePullBackOff`,
    /// `CreateContainerConfigError`) or why the pod as a whole is not (`Evicted`, `Unschedulable`).
    pub reason: Option<String>,
    /// The words that go with `reason`.
    pub message: Option<String>,
    /// Why the container's previous run ended (`OOMKilled`, `Error (exit 1)`).
    pub last_end: Option<String>,
    /// Image of the configured container, from the spec.
    pub image: Option<String>,
    /// Digest that the container runs, from the status.
    pub image_id: Option<String>,
    /// Label `pod-template-hash`.
    pub hash: Option<String>,
    pub address: Option<String>,
}

/// One address behind the Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointState {
    pub address: String,
    /// The pod that the address belongs to, when the server says.
    pub pod: Option<String>,
    pub ready: bool,
}

/// A HorizontalPodAutoscaler that scales one of the Deployments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoscalerState {
    pub name: String,
    pub colour: Colour,
    pub min: i32,
    pub max: i32,
}

/// How many addresses behind the Service belong to which colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointCount {
    pub ready: PerColour<usize>,
    pub not_ready: PerColour<usize>,
    /// Addresses of no known pod.
    pub unknown: usize,
}

impl Cluster {
    /// The colour that has the traffic, as the Service's selector says.
    #[must_use]
    pub fn active(&self) -> Option<Colour> {
        self.service.as_ref().and_then(|service| service.active)
    }

    /// The colour without the traffic.
    #[must_use]
    pub fn idle(&self) -> Option<Colour> {
        self.active().map(Colour::other)
    }

    /// The pods of one colour, by name.
    pub fn pods_of(&self, colour: Colour) -> impl Iterator<Item = &PodState> {
        self.pods.values().filter(move |pod| pod.colour == Some(colour))
    }

    /// Pods of one colour that are ready and stay (not terminating).
    #[must_use]
    pub fn ready_pods(&self, colour: Colour) -> usize {
        self.pods_of(colour).filter(|pod| pod.ready && !pod.terminating).count()
    }

    /// The version of one colour's Deployment: its image's tag.
    #[must_use]
    pub fn version(&self, colour: Colour) -> Option<&str> {
        image_version(self.deployments[colour].as_ref()?.image.as_deref()?)
    }

    /// Which colour the Service's endpoints belong to; `None` while unread.
    #[must_use]
    pub fn endpoint_count(&self) -> Option<EndpointCount> {
        let mut count = EndpointCount::default();
        for endpoint in self.endpoints.as_ref()? {
            let colour =
                endpoint.pod.as_ref().and_then(|name| self.pods.get(name)).and_then(|pod| pod.colour);
            match (colour, endpoint.ready) {
                (Some(colour), true) => count.ready[colour] += 1,
                (Some(colour), false) => count.not_ready[colour] += 1,
                (None, _) => count.unknown += 1,
            }
        }
        Some(count)
    }

    /// The ReplicaSet that carries the newest revision of one colour.
    #[must_use]
    pub fn newest_replica_set(&self, colour: Colour) -> Option<&ReplicaSetState> {
        let revision = self.deployments[colour].as_ref()?.revision;
        self.replica_sets
            .values()
            .filter(|set| set.colour == Some(colour))
            .filter(|set| revision.is_none() || set.revision == revision)
            .max_by_key(|set| set.revision)
    }
}

/// The version that an image reference stands for: its tag, else the first 12
/// digits of its digest. `None` for a bare name, which means "latest", whatever that is.
#[must_use]
pub fn image_version(image: &str) -> Option<&str> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let last = name.rsplit('/').next().unwrap_or(name);
    if let Some((_, tag)) = last.split_once(':') {
        return Some(tag);
    }
    let digest = digest?.split_once(':').map_or(digest?, |(_, hex)| hex);
    Some(digest.get(..12).unwrap_or(digest))
}

/// `image` with another tag; a digest is dropped, because it belongs to the old one.
#[must_use]
pub fn image_with_version(image: &str, version: &str) -> String {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let (path, last) = name.rsplit_once('/').map_or(("", name), |(path, last)| (path, last));
    let last = last.split_once(':').map_or(last, |(bare, _)| bare);
    if path.is_empty() { format!("{last}:{version}") } else { format!("{path}/{last}:{version}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_tag_or_the_digest() {
        let cases = [
            ("ghcr.io/taxasge/backend:v1.0.0", Some("v1.0.0")),
            ("localhost:5000/backend", None),
            ("localhost:5000/backend:v2", Some("v2")),
            ("backend:v2@sha256:0123456789abcdef", Some("v2")),
            ("backend@sha256:0123456789abcdef", Some("0123456789ab")),
            ("backend", None),
        ];
        for (image, version) in cases {
            assert_eq!(image_version(image), version, "{image}");
        }
        assert_eq!(image_with_version("ghcr.io/t/backend:v1@sha256:00", "v2"), "ghcr.io/t/backend:v2");
        assert_eq!(image_with_version("localhost:5000/backend", "v2"), "localhost:5000/backend:v2");
        assert_eq!(image_with_version("backend", "v2"), "backend:v2");
    }

    #[test]
    fn endpoints_are_counted_by_the_colour_of_their_pods() {
        let mut cluster = Cluster::default();
        assert_eq!(cluster.endpoint_count(), None);
        for (name, colour) in [("b1", Colour::Blue), ("g1", Colour::Green)] {
            let pod = PodState { name: name.into(), colour: Some(colour), ..PodState::default() };
            cluster.pods.insert(name.into(), pod);
        }
        let endpoint =
            |pod: &str, ready| EndpointState { address: "192.0.2.1".into(), pod: Some(pod.into()), ready };
        cluster.endpoints = Some(vec![endpoint("b1", true), endpoint("g1", false), endpoint("gone", true)]);
        let count = cluster.endpoint_count().unwrap();
        assert_eq!((count.ready.blue, count.ready.green), (1, 0));
        assert_eq!((count.not_ready.green, count.unknown), (1, 1));
    }
}
