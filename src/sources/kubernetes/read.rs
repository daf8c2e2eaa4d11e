//! A fresh read of the pair, for the executor: before every write and to learn how
//! things stand afterwards.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use futures::TryFutureExt;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

use super::connection::{Connection, Slices};
use super::convert;
use super::explain::explain;
use super::slim::{EndpointSlice, Endpoints, Pod};
use crate::config::Kubernetes;
use crate::sop::cluster::{AutoscalerState, Cluster, EndpointState, PodState, ReplicaSetState, ServiceState};
use crate::sop::colour::{Colour, PerColour};

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How long a request may take without whose answer one can do as well.
const OPTIONAL_LIMIT: Duration = Duration::from_secs(2);
/// The label that ties EndpointSlices to their Service.
pub(super) const SLICES_OF: &str = "kubernetes.io/service-name";

/// What could not be read, and why, in the operator's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {what}: {why}")]
pub struct ReadError {
    /// `service backend`, `pods`.
    pub what: String,
    pub why: String,
}

/// Reads everything about the pair anew, past every cache: nothing in the answer is
/// older than the call.
///
/// All requests run side by side, in one round trip when any part of the program has
/// seen the Service before (the pods are found by its selector), in two otherwise.
/// Objects that do not exist are `None`. ReplicaSets and autoscalers that cannot be
/// read are left out, because no way back of the first option may wait for them.
///
/// # Errors
/// When the Service, a Deployment, the pods or the endpoints cannot be read, and
/// when one of these takes longer than 5 s.
pub async fn read_cluster(connection: &Connection, names: &Kubernetes) -> Result<Cluster, ReadError> {
    match connection.known_selector() {
        None => {
            let service = read_service(connection, names).await?;
            let scope = scope_of(service.as_ref().map(|service| &service.selector), names);
            let rest = read_rest(connection, names, &scope).await?;
            Ok(Cluster { service, ..rest })
        }
        Some(known) => {
            let scope = scope_of(Some(&known), names);
            let (service, rest) =
                tokio::try_join!(read_service(connection, names), read_rest(connection, names, &scope))?;
            let now = scope_of(service.as_ref().map(|service| &service.selector), names);
            let rest = if now == scope { rest } else { read_rest(connection, names, &now).await? };
            Ok(Cluster { service, ..rest })
        }
    }
}

/// The label selector that finds both colours' pods and ReplicaSets: the Service's
/// own selector, with the key that tells the colours apart opened for both values.
#[must_use]
pub fn scope_of(selector: Option<&BTreeMap<String, String>>, names: &Kubernetes) -> String {
    let colours = &names.colours;
    let mut scope = format!("{} in ({},{})", names.selector_key, colours.blue.value, colours.green.value);
    let others = selector.into_iter().flatten().filter(|(key, _)| **key != names.selector_key);
    for (key, value) in others {
        scope.push_str(&format!(",{key}={value}"));
    }
    scope
}

async fn read_service(
    connection: &Connection,
    names: &Kubernetes,
) -> Result<Option<ServiceState>, ReadError> {
    let object: Option<Service> = get(connection, "service", &names.service).await?;
    let state = object.map(|object| convert::service(&object, names));
    if let Some(state) = &state {
        connection.remember_selector(&state.selector);
    }
    Ok(state)
}

/// Everything but the Service.
async fn read_rest(connection: &Connection, names: &Kubernetes, scope: &str) -> Result<Cluster, ReadError> {
    let deployment = |colour: Colour| {
        get::<Deployment>(connection, "deployment", &names.colours[colour].deployment)
            .map_ok(|object| object.map(|object| convert::deployment(&object, names)))
    };
    let (blue, green, pods, endpoints, replica_sets, autoscalers) = tokio::try_join!(
        deployment(Colour::Blue),
        deployment(Colour::Green),
        read_pods(connection, names, scope),
        read_endpoints(connection, names),
        async { Ok(read_replica_sets(connection, names, scope).await) },
        async { Ok(read_autoscalers(connection, names).await) },
    )?;
    Ok(Cluster {
        service: None,
        deployments: PerColour { blue, green },
        replica_sets: replica_sets.into_iter().map(|set| (set.name.clone(), set)).collect(),
        pods: pods.into_iter().map(|pod| (pod.name.clone(), pod)).collect(),
        endpoints: Some(endpoints),
        autoscalers,
    })
}

async fn read_pods(
    connection: &Connection,
    names: &Kubernetes,
    scope: &str,
) -> Result<Vec<PodState>, ReadError> {
    let pods: Vec<Pod> = list(connection, "pods", &ListParams::default().labels(scope)).await?;
    Ok(pods.iter().map(|object| convert::pod(object, names)).collect())
}

async fn read_replica_sets(connection: &Connection, names: &Kubernetes, scope: &str) -> Vec<ReplicaSetState> {
    let params = ListParams::default().labels(scope);
    let sets: Vec<ReplicaSet> = optional(list(connection, "replica sets", &params)).await;
    sets.iter().map(|object| convert::replica_set(object, names)).collect()
}

async fn read_autoscalers(connection: &Connection, names: &Kubernetes) -> Vec<AutoscalerState> {
    let scalers: Vec<HorizontalPodAutoscaler> =
        optional(list(connection, "autoscalers", &ListParams::default())).await;
    scalers.iter().filter_map(|object| convert::autoscaler(object, names)).collect()
}

/// From EndpointSlices; from Endpoints where those cannot be had.
async fn read_endpoints(
    connection: &Connection,
    names: &Kubernetes,
) -> Result<Vec<EndpointState>, ReadError> {
    if connection.slices() != Slices::Missing {
        let params = ListParams::default().labels(&format!("{SLICES_OF}={}", names.service));
        let api: Api<EndpointSlice> = Api::namespaced(connection.client.clone(), &connection.namespace);
        match within(LIMIT, "endpoint slices", api.list(&params)).await? {
            Ok(slices) => {
                connection.remember_slices(Slices::Served);
                return Ok(convert::from_slices(&slices.items));
            }
            Err(error) if is_denied(&error) => connection.remember_slices(Slices::Missing),
            Err(error) => return Err(failed("endpoint slices", &error)),
        }
    }
    let object: Option<Endpoints> = get(connection, "endpoints", &names.service).await?;
    Ok(object.as_ref().map(convert::from_endpoints).unwrap_or_default())
}

async fn get<K>(connection: &Connection, kind: &str, name: &str) -> Result<Option<K>, ReadError>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let what = format!("{kind} {name}");
    let api: Api<K> = Api::namespaced(connection.client.clone(), &connection.namespace);
    within(LIMIT, &what, api.get_opt(name)).await?.map_err(|error| failed(&what, &error))
}

async fn list<K>(connection: &Connection, what: &str, params: &ListParams) -> Result<Vec<K>, ReadError>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let list = within(LIMIT, what, api.list(params)).await?.map_err(|error| failed(what, &error))?;
    Ok(list.items)
}

/// What it yields, or nothing when it fails or takes long.
async fn optional<T: Default>(read: impl Future<Output = Result<T, ReadError>>) -> T {
    match tokio::time::timeout(OPTIONAL_LIMIT, read).await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => {
            tracing::warn!(%error, "left out of the fresh read");
            T::default()
        }
        Err(_) => {
            tracing::warn!("left out of the fresh read: no answer in time");
            T::default()
        }
    }
}

async fn within<T>(
    limit: Duration,
    what: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<kube::Result<T>, ReadError> {
    tokio::time::timeout(limit, request).await.map_err(|_| ReadError {
        what: what.to_owned(),
        why: format!("no answer within {} s", limit.as_secs()),
    })
}

/// Whether the server has no such API (404) or does not let us read it (403).
fn is_denied(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 403 | 404))
}

fn failed(what: &str, error: &kube::Error) -> ReadError {
    ReadError { what: what.to_owned(), why: explain(error) }
}
