//! The chain of evidence of a release: from what was reviewed to what gets the traffic,
//! link by link. What was seen at one end says something about the other end only as
//! long as every link in between fits.
//!
//! The first half is told by the repository and kept as an [`Origin`]; the second half is
//! told by the cluster. So an order can carry the first to where the second is read afresh.

mod image;
mod origin;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::cluster::{Cluster, DeploymentState, image_version};
use super::colour::Colour;

pub use image::version_in;
pub use origin::{Origin, Progress, carries, version_of};

/// The links, each named by what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkId {
    /// Head of the pull request → the commit that it became: by their trees.
    Merge,
    /// Commit → run and attempt: by the run's head.
    Run,
    /// Run → image: by the name that the release or its commit gives it.
    Image,
    /// Image → the Deployment of the new colour.
    Deployment,
    /// Deployment → its newest ReplicaSet.
    ReplicaSet,
    /// ReplicaSet → its pods, and the one digest that they run.
    Pods,
    /// Pods → what the Service selects.
    Service,
}

impl LinkId {
    /// All links, from the pull request to the traffic.
    pub const ALL: [Self; 7] =
        [Self::Merge, Self::Run, Self::Image, Self::Deployment, Self::ReplicaSet, Self::Pods, Self::Service];

    /// What the operator reads.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Run => "run",
            Self::Image => "image",
            Self::Deployment => "deployment",
            Self::ReplicaSet => "replica set",
            Self::Pods => "pods",
            Self::Service => "service",
        }
    }
}

/// Whether the two sides of a link belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum Fit {
    /// They do; how that was told.
    Fits(String),
    /// They do not; names both sides.
    DoesNotFit(String),
    /// It cannot be told; why.
    Unknown(String),
    /// The release has not come this far; what is missing.
    NotYet(String),
}

impl Fit {
    /// How it was told, what does not fit, or what is missing.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Fits(why) | Self::DoesNotFit(why) | Self::Unknown(why) | Self::NotYet(why) => why,
        }
    }

    /// The state in words.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Fits(_) => "fits",
            Self::DoesNotFit(_) => "does not fit",
            Self::Unknown(_) => "not known",
            Self::NotYet(_) => "not yet",
        }
    }

    /// Whether the two sides are known to belong together.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Fits(_))
    }
}

/// One link with its two sides, as people name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub id: LinkId,
    pub from: String,
    pub to: String,
    pub fit: Fit,
}

impl Link {
    /// `run: does not fit: run 1234 is of b2c3d4e, ...`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} {}: {}", self.id.words(), self.fit.word(), self.fit.why())
    }
}

/// All links of a release, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub links: Vec<Link>,
}

impl Chain {
    /// The chain that ends at `new`: the idle colour before the switch, the active one
    /// after it.
    #[must_use]
    pub fn of(origin: &Origin, cluster: &Cluster, new: Colour) -> Self {
        let mut links = origin.links.clone();
        let deployment = deployment_link(origin, cluster, new);
        let (mut set, mut pods) = (replica_set_link(cluster, new), pods_link(cluster, new));
        if matches!(deployment.fit, Fit::NotYet(_)) {
            // They belong together, but to what was there before.
            for link in [&mut set, &mut pods] {
                link.fit = Fit::NotYet("not of this release yet".to_owned());
            }
        }
        links.extend([deployment, set, pods, service_link(cluster, new)]);
        Self { links }
    }

    /// One of its links.
    #[must_use]
    pub fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.iter().find(|link| link.id == id)
    }

    /// The first link that does not fit.
    #[must_use]
    pub fn broken(&self) -> Option<&Link> {
        self.links.iter().find(|link| matches!(link.fit, Fit::DoesNotFit(_)))
    }

    /// The worst of the links up to and with `last`, the earliest of those equally bad;
    /// `None` when all of them fit.
    #[must_use]
    pub fn weakest(&self, last: LinkId) -> Option<&Link> {
        let rank = |fit: &Fit| match fit {
            Fit::DoesNotFit(_) => 0,
            Fit::NotYet(_) => 1,
            Fit::Unknown(_) => 2,
            Fit::Fits(_) => 3,
        };
        let reached = self.links.iter().filter(|link| link.id <= last && !link.fit.holds());
        reached.min_by_key(|link| rank(&link.fit))
    }

    /// How far it holds, in one line.
    #[must_use]
    pub fn words(&self) -> String {
        if let Some(broken) = self.broken() {
            return format!("broken at {}", broken.words());
        }
        let held = self.links.iter().take_while(|link| link.fit.holds()).count();
        match self.links.get(held) {
            None => format!("all {held} links fit"),
            Some(next) => format!("{held} of {} links fit; {}", self.links.len(), next.words()),
        }
    }
}

fn unseen(colour: Colour) -> Fit {
    Fit::Unknown(format!("the Deployment of {} has not been seen", colour.label()))
}

fn deployment(cluster: &Cluster, colour: Colour) -> Option<&DeploymentState> {
    cluster.deployments[colour].as_ref()
}

/// A Deployment's name, or how it is called while it was not seen.
fn deployment_name(cluster: &Cluster, colour: Colour) -> String {
    deployment(cluster, colour).map_or_else(|| format!("{} Deployment", colour.label()), |d| d.name.clone())
}

fn deployment_link(origin: &Origin, cluster: &Cluster, new: Colour) -> Link {
    let fit = match deployment(cluster, new) {
        None => unseen(new),
        Some(DeploymentState { image: None, name, .. }) => {
            Fit::Unknown(format!("{name} has no container of the configured name"))
        }
        Some(DeploymentState { image: Some(image), .. }) => {
            let deployed = deployed(cluster, new);
            let afterwards = deployed.zip(origin.began).is_some_and(|(deployed, began)| deployed > began);
            match image::named(origin, image) {
                // What was there before the release is not its image, and need not be.
                Fit::DoesNotFit(_) | Fit::Unknown(_)
                    if !afterwards && origin.progress != Progress::Unknown =>
                {
                    let version = image_version(image).unwrap_or(image);
                    Fit::NotYet(format!("{} still runs {version}, from before the run", new.label()))
                }
                known => known,
            }
        }
    };
    let (from, to) = (origin.image_words(), deployment_name(cluster, new));
    Link { id: LinkId::Deployment, from, to, fit }
}

/// When a colour was given its present template, as far as anybody can tell.
fn deployed(cluster: &Cluster, colour: Colour) -> Option<jiff::Timestamp> {
    let marked = deployment(cluster, colour).and_then(|d| d.mark.as_ref()).and_then(|mark| mark.at);
    let made = cluster.newest_replica_set(colour).and_then(|set| set.created);
    marked.max(made)
}

fn replica_set_link(cluster: &Cluster, new: Colour) -> Link {
    let set = cluster.newest_replica_set(new);
    let fit = match (deployment(cluster, new), set) {
        (None, _) => unseen(new),
        (Some(deployment), _) if deployment.generation > deployment.observed_generation => {
            Fit::NotYet(format!("the cluster has not taken up the newest {}", deployment.name))
        }
        (Some(deployment), None) => {
            Fit::Unknown(format!("no ReplicaSet of {}'s revision has been seen", deployment.name))
        }
        (Some(deployment), Some(set)) => match (&deployment.image, &set.image) {
            (Some(wanted), Some(has)) if wanted == has => {
                Fit::Fits(format!("revision {}", revision(set.revision)))
            }
            (Some(wanted), Some(has)) => {
                Fit::DoesNotFit(format!("{} asks for {wanted}, {} runs {has}", deployment.name, set.name))
            }
            _ => Fit::Unknown(format!("the image of {} is not known", set.name)),
        },
    };
    let to = set.map_or_else(|| "its ReplicaSet".to_owned(), |set| set.name.clone());
    Link { id: LinkId::ReplicaSet, from: deployment_name(cluster, new), to, fit }
}

fn revision(revision: Option<u64>) -> String {
    revision.map_or_else(|| "unknown".to_owned(), |revision| revision.to_string())
}

fn pods_link(cluster: &Cluster, new: Colour) -> Link {
    let set = cluster.newest_replica_set(new);
    let from = set.map_or_else(|| "its ReplicaSet".to_owned(), |set| set.name.clone());
    let pods: Vec<_> = cluster.pods_of(new).filter(|pod| !pod.terminating).collect();
    let older = pods.iter().find(|pod| set.is_some_and(|set| set.hash.is_some() && set.hash != pod.hash));
    let fit = match (set, older) {
        (None, _) => Fit::Unknown("their ReplicaSet has not been seen".to_owned()),
        (Some(set), _) if pods.is_empty() => Fit::NotYet(format!("{} has no pods", set.name)),
        (Some(set), Some(pod)) => Fit::NotYet(format!("{} is not of {}", pod.name, set.name)),
        (Some(set), None) => image::digests(set.image.as_deref(), &pods),
    };
    Link { id: LinkId::Pods, from, to: format!("{} pods", pods.len()), fit }
}

fn service_link(cluster: &Cluster, new: Colour) -> Link {
    let service = cluster.service.as_ref();
    let fit = match service {
        None => Fit::Unknown("the Service has not been seen".to_owned()),
        Some(service) => match (service.active, &service.selector_value) {
            (Some(active), _) if active == new => Fit::Fits(format!("it selects {}", new.label())),
            (Some(active), _) => Fit::NotYet(format!("it selects {}", active.label())),
            (None, Some(value)) => {
                Fit::DoesNotFit(format!("it selects `{value}`, the pods are {}", new.label()))
            }
            (None, None) => Fit::DoesNotFit(format!("it selects no colour, the pods are {}", new.label())),
        },
    };
    let to = service.map_or_else(|| "Service".to_owned(), |service| format!("Service {}", service.name));
    Link { id: LinkId::Service, from: format!("{} pods", new.label()), to, fit }
}
