//! What a change rests on: everything read anew, just before it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::Api;

use super::world::World;
use crate::sop::cluster::Cluster;
use crate::sop::colour::Colour;
use crate::sources::kubernetes::{ReadError, convert, explain, read_cluster};

/// Time limit of reading one object.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(5);

/// The pair as it was just read, with the very objects that a change is built on.
#[derive(Debug)]
pub(super) struct Fresh {
    pub cluster: Cluster,
    pub service: Service,
    /// The Deployment of the colour that was asked for.
    pub deployment: Option<Deployment>,
}

/// Reads the pair, and the Deployment of `colour` whole, all at the same time.
///
/// Boxed: many requests at once make a large future, which would otherwise be part of
/// the stack frame of everybody up to the task.
pub(super) fn read(world: &World, colour: Option<Colour>) -> BoxFuture<'_, Result<Fresh, ReadError>> {
    read_all(world, colour).boxed()
}

async fn read_all(world: &World, colour: Option<Colour>) -> Result<Fresh, ReadError> {
    let names = &world.environment.kubernetes;
    let (mut cluster, service, deployment) =
        tokio::try_join!(read_cluster(&world.connection, names).boxed(), service(world).boxed(), async {
            match colour {
                Some(colour) => self::deployment(world, colour).await.map(Some),
                None => Ok(None),
            }
        },)?;
    // What is judged must be what the change is built on.
    cluster.service = Some(convert::service(&service, names));
    if let (Some(colour), Some(deployment)) = (colour, &deployment) {
        cluster.deployments[colour] = Some(convert::deployment(deployment, names));
    }
    Ok(Fresh { cluster, service, deployment })
}

/// Reads the Service.
pub(super) async fn service(world: &World) -> Result<Service, ReadError> {
    get(&world.services(), "service", &world.environment.kubernetes.service).await
}

/// Reads one colour's Deployment.
pub(super) async fn deployment(world: &World, colour: Colour) -> Result<Deployment, ReadError> {
    get(&world.deployments(), "deployment", &world.environment.kubernetes.colours[colour].deployment).await
}

async fn get<K>(api: &Api<K>, kind: &str, name: &str) -> Result<K, ReadError>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let failed = |why: String| ReadError { what: format!("{kind} {name}"), why };
    match tokio::time::timeout(READ_LIMIT, api.get(name)).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(error)) => Err(failed(explain(&error))),
        Err(_) => Err(failed(format!("no answer within {} s", READ_LIMIT.as_secs()))),
    }
}
