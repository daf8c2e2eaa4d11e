//! What the operator may do, asked of the server itself (SelfSubjectAccessReview).

use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::explain::explain;
use super::watch::Common;
use crate::config::Kubernetes;
use crate::room::message::Observation;
use crate::sop::access::{Access, Permission, Right};

/// Time between two rounds of questions.
const INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Time to the next round when some questions were not answered.
const INTERVAL_UNKNOWN: Duration = Duration::from_secs(15);
/// The first round leaves the line to what is shown first.
const FIRST: Duration = Duration::from_millis(200);
/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Questions asked side by side; each needs a connection.
const AT_ONCE: usize = 6;

/// Asks at the start and every few minutes until nobody listens.
pub(super) async fn run(common: Common) {
    sleep(FIRST).await;
    loop {
        let rights = Permission::VIEWER.iter().chain(Permission::OPERATOR).copied();
        let access = review(&common.connection, &common.names, rights).await;
        let unknown = access.0.values().any(|right| matches!(right, Right::Unknown(_)));
        if common.sender.send(Observation::Access(access)).await.is_err() {
            return;
        }
        sleep(if unknown { INTERVAL_UNKNOWN } else { INTERVAL }).await;
    }
}

/// Asks for each of `rights`, for the very objects that the program would touch:
/// a Role may be limited to them by name. A question that is not answered is
/// [`Right::Unknown`].
pub async fn review(
    connection: &Connection,
    names: &Kubernetes,
    rights: impl IntoIterator<Item = Permission>,
) -> Access {
    let questions: Vec<(Permission, Option<String>)> = rights
        .into_iter()
        .flat_map(|permission| objects(permission, names).into_iter().map(move |object| (permission, object)))
        .collect();
    let answers: Vec<(Permission, Right)> = stream::iter(questions)
        .map(|(permission, object)| async move { (permission, ask(connection, permission, object).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut access = Access::default();
    for (permission, right) in answers {
        let known = access.0.entry(permission).or_insert(Right::Held);
        // Of several objects, the worst answer counts.
        if matches!(right, Right::Denied) || (*known == Right::Held && right != Right::Held) {
            *known = right;
        }
    }
    access
}

/// The objects that a right is needed on, by name; `None` where names do not count
/// (RBAC cannot limit `create` by name, nor what is found by labels).
fn objects(permission: Permission, names: &Kubernetes) -> Vec<Option<String>> {
    let shared = || vec![Some(shared_name(&names.service))];
    match (permission.verb, permission.resource) {
        ("create", _) => vec![None],
        (_, "services" | "endpoints") => vec![Some(names.service.clone())],
        (_, "deployments") => {
            names.colours.iter().map(|(_, colour)| Some(colour.deployment.clone())).collect()
        }
        (_, "leases" | "configmaps") => shared(),
        _ => vec![None],
    }
}

/// The name of the Lease and of the ConfigMap that operators share.
#[must_use]
pub fn shared_name(service: &str) -> String {
    format!("cutover-{service}")
}

async fn ask(connection: &Connection, permission: Permission, object: Option<String>) -> Right {
    let (resource, subresource) = match permission.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (permission.resource, None),
    };
    let question = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(connection.namespace.clone()),
                verb: Some(permission.verb.to_owned()),
                group: Some(permission.group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource,
                name: object,
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(connection.client.clone());
    match timeout(LIMIT, api.create(&PostParams::default(), &question)).await {
        Ok(Ok(review)) => match review.status {
            Some(status) if status.allowed => Right::Held,
            Some(_) => Right::Denied,
            None => Right::Unknown("the server gave no verdict".to_owned()),
        },
        Ok(Err(error)) => Right::Unknown(explain(&error)),
        Err(_) => Right::Unknown(format!("no answer within {} s", LIMIT.as_secs())),
    }
}
