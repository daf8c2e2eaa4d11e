//! The pair, watched for the room: one reader for each kind of object, all at once.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use kube::api::ResourceExt;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::access;
use super::connection::{Connection, Slices};
use super::convert;
use super::gather::{Changes, Gather, Named, Whole, deliver};
use super::heartbeat;
use super::read::{SLICES_OF, scope_of};
use super::reader::{Ended, Reader, WhenDenied};
use super::slim::{EndpointSlice, Endpoints, Pod};
use crate::clock::Clock;
use crate::config::Kubernetes;
use crate::room::message::{LinkState, Observation, SourceId};
use crate::sop::cluster::{
    AutoscalerState, DeploymentState, EndpointState, PodState, ReplicaSetState, ServiceState,
};
use crate::sop::colour::{Colour, PerColour};
use crate::sources::text::clean;

/// Events that a reader may be ahead of what was passed on.
const AHEAD: usize = 256;

/// What all tasks of the watch have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub connection: Connection,
    pub names: Arc<Kubernetes>,
    pub clock: Clock,
    pub sender: mpsc::Sender<Observation>,
    /// Each change makes every reader read anew.
    pub restart: watch::Sender<u64>,
    /// The label selector of pods and ReplicaSets, once the Service was seen.
    pub scope: watch::Sender<Option<String>>,
    /// The Service's resource version, as the watch knows it.
    pub version: watch::Sender<Option<String>>,
}

/// Watches the pair, asks for rights, and listens for the server's heartbeat, until
/// `stop` is cancelled or the receiver of `sender` is gone. A lost server never ends
/// it: the last state stands, a `Link` says that it is old.
pub async fn run(
    connection: Connection,
    names: Arc<Kubernetes>,
    clock: Clock,
    sender: mpsc::Sender<Observation>,
    stop: CancellationToken,
) {
    let scope = connection.known_selector().map(|selector| scope_of(Some(&selector), &names));
    let common = Common {
        connection,
        names,
        clock,
        sender: sender.clone(),
        restart: watch::Sender::new(0),
        scope: watch::Sender::new(scope),
        version: watch::Sender::new(None),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(services(common.clone()));
    let links = Arc::new(Mutex::new(PerColour::default()));
    for colour in Colour::ALL {
        tasks.spawn(deployments(common.clone(), colour, Arc::clone(&links)));
    }
    tasks.spawn(pods(common.clone()));
    tasks.spawn(replica_sets(common.clone()));
    tasks.spawn(endpoints(common.clone()));
    tasks.spawn(autoscalers(common.clone()));
    tasks.spawn(heartbeat::run(common.clone()));
    tasks.spawn(access::run(common));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sender.closed() => return,
            ended = tasks.join_next() => match ended {
                None => return,
                Some(Ok(())) => {}
                // Whoever runs this hears of the fault and starts it again.
                Some(Err(error)) => match error.try_into_panic() {
                    Ok(fault) => std::panic::resume_unwind(fault),
                    Err(_) => return,
                },
            },
        }
    }
}

impl Named for ServiceState {
    fn name(&self) -> &str {
        &self.name
    }
}
impl Named for DeploymentState {
    fn name(&self) -> &str {
        &self.name
    }
}
impl Named for ReplicaSetState {
    fn name(&self) -> &str {
        &self.name
    }
}
impl Named for PodState {
    fn name(&self) -> &str {
        &self.name
    }
}
impl Named for AutoscalerState {
    fn name(&self) -> &str {
        &self.name
    }
}

/// The addresses that one EndpointSlice, or one Endpoints object, holds.
struct Addresses {
    object: String,
    endpoints: Vec<EndpointState>,
}

impl Named for Addresses {
    fn name(&self) -> &str {
        &self.object
    }
}

impl Common {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.connection.client.clone(), &self.connection.namespace)
    }

    fn reader<K, T, C>(&self, convert: C) -> Reader<K, C>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        C: Fn(&K) -> Option<T>,
    {
        Reader {
            api: self.api(),
            labels: None,
            fields: None,
            convert,
            when_denied: WhenDenied::SayAndWait,
            restart: self.restart.subscribe(),
        }
    }

    /// Reads and passes on, side by side, until one of both ends.
    async fn follow<K, T, C>(&self, reader: Reader<K, C>, gather: impl Gather<T>) -> Ended
    where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
        C: Fn(&K) -> Option<T>,
    {
        let (events, received) = mpsc::channel(AHEAD);
        let read = async move { reader.read(&events).await };
        let (ended, ()) = tokio::join!(read, deliver(received, gather, &self.sender));
        ended
    }
}

fn named(name: &str) -> Option<String> {
    Some(format!("metadata.name={name}"))
}

fn link(source: SourceId) -> impl Fn(LinkState) -> Option<Observation> {
    move |state| Some(Observation::Link(source, state))
}

async fn services(common: Common) {
    let names = Arc::clone(&common.names);
    let reader = Reader {
        fields: named(&names.service),
        ..common.reader(|object: &Service| Some(convert::service(object, &names)))
    };
    let observation = |known: &BTreeMap<String, ServiceState>| {
        let service = known.values().next();
        if let Some(service) = service {
            common.connection.remember_selector(&service.selector);
        }
        let scope = scope_of(service.map(|service| &service.selector), &common.names);
        common.scope.send_if_modified(|known| {
            let differs = known.as_ref() != Some(&scope);
            *known = Some(scope);
            differs
        });
        common.version.send_replace(service.map(|service| service.resource_version.clone()));
        Observation::Service(service.cloned())
    };
    common.follow(reader, Whole::new(observation, link(SourceId::Service))).await;
}

async fn deployments(common: Common, colour: Colour, links: Arc<Mutex<PerColour<Option<LinkState>>>>) {
    let names = Arc::clone(&common.names);
    let reader = Reader {
        fields: named(&names.colours[colour].deployment),
        ..common.reader(|object: &Deployment| Some(convert::deployment(object, &names)))
    };
    let observation = |known: &BTreeMap<String, DeploymentState>| {
        Observation::Deployment(colour, known.values().next().cloned().map(Box::new))
    };
    let link = |state| {
        let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
        links[colour] = Some(state);
        worse(&links).map(|state| Observation::Link(SourceId::Deployments, state))
    };
    common.follow(reader, Whole::new(observation, link)).await;
}

/// How two connections stand that are shown as one: live when both are.
fn worse(links: &PerColour<Option<LinkState>>) -> Option<LinkState> {
    let bad = |link: &Option<LinkState>| link.clone().filter(|state| *state != LinkState::Live);
    bad(&links.blue).or_else(|| bad(&links.green)).or_else(|| links.blue.clone().and(links.green.clone()))
}

async fn pods(common: Common) {
    let mut scope = common.scope.subscribe();
    while let Some(labels) = known(&mut scope).await {
        let reader = Reader {
            labels: Some(labels),
            ..common.reader(|object: &Pod| Some(convert::pod(object, &common.names)))
        };
        let followed = common.follow(reader, Changes::new(Observation::Pods, link(SourceId::Pods)));
        if !until_changed(&mut scope, followed).await {
            return;
        }
    }
}

async fn replica_sets(common: Common) {
    let mut scope = common.scope.subscribe();
    while let Some(labels) = known(&mut scope).await {
        let reader = Reader {
            labels: Some(labels),
            ..common.reader(|object: &ReplicaSet| Some(convert::replica_set(object, &common.names)))
        };
        let gather = Changes::new(Observation::ReplicaSets, link(SourceId::ReplicaSets));
        if !until_changed(&mut scope, common.follow(reader, gather)).await {
            return;
        }
    }
}

/// The label selector to read with, once there is one; `None` when there never will be.
async fn known(scope: &mut watch::Receiver<Option<String>>) -> Option<String> {
    scope.wait_for(Option::is_some).await.ok()?.clone()
}

/// Follows until the label selector is another one (true) or nobody listens (false).
async fn until_changed(
    scope: &mut watch::Receiver<Option<String>>,
    followed: impl Future<Output = Ended>,
) -> bool {
    tokio::select! {
        _ = followed => false,
        changed = scope.changed() => changed.is_ok(),
    }
}

async fn endpoints(common: Common) {
    let observation = |known: &BTreeMap<String, Addresses>| {
        Observation::Endpoints(convert::merged(
            known.values().flat_map(|each| each.endpoints.iter().cloned()),
        ))
    };
    if common.connection.slices() != Slices::Missing {
        let reader = Reader {
            labels: Some(format!("{SLICES_OF}={}", common.names.service)),
            when_denied: WhenDenied::GiveUp,
            ..common.reader(|object: &EndpointSlice| {
                Some(Addresses {
                    object: clean(&object.name_any()),
                    endpoints: convert::from_slices([object]),
                })
            })
        };
        if common.follow(reader, Whole::new(observation, link(SourceId::Endpoints))).await
            == Ended::NobodyListens
        {
            return;
        }
        common.connection.remember_slices(Slices::Missing);
    }
    let reader = Reader {
        fields: named(&common.names.service),
        ..common.reader(|object: &Endpoints| {
            Some(Addresses { object: clean(&object.name_any()), endpoints: convert::from_endpoints(object) })
        })
    };
    common.follow(reader, Whole::new(observation, link(SourceId::Endpoints))).await;
}

async fn autoscalers(common: Common) {
    let names = Arc::clone(&common.names);
    let reader = common.reader(|object: &HorizontalPodAutoscaler| convert::autoscaler(object, &names));
    let observation = |known: &BTreeMap<String, AutoscalerState>| {
        Observation::Autoscalers(known.values().cloned().collect())
    };
    common.follow(reader, Whole::new(observation, link(SourceId::Autoscalers))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_connections_are_live_only_together() {
        let lost = || LinkState::Lost { why: "x".into() };
        let links = |blue, green| worse(&PerColour { blue, green });
        assert_eq!(links(Some(LinkState::Live), None), None);
        assert_eq!(links(Some(LinkState::Live), Some(LinkState::Live)), Some(LinkState::Live));
        assert_eq!(links(Some(LinkState::Live), Some(lost())), Some(lost()));
        assert_eq!(links(Some(lost()), None), Some(lost()));
    }
}
