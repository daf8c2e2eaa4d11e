//! Every mutation once, rehearsed by the server (`dryRun=All`): authorisation,
//! admission webhooks and validation take part, nothing is stored.

use std::fmt::Debug;
use std::time::Duration;

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchOperation, ReplaceOperation, TestOperation};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{NamespaceResourceScope, ObjectMeta};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::timeout;

use super::Finding;
use super::reach::shared_name;
use crate::config::{Environment, Kubernetes};
use crate::sop::MANAGER;
use crate::sop::cluster::Cluster;
use crate::sop::colour::Colour;
use crate::sources::kubernetes::{Connection, explain};

/// How long one rehearsal may take; admission webhooks may be slow.
const LIMIT: Duration = Duration::from_secs(12);

/// How a rehearsal went.
enum Rehearsed {
    Accepted,
    /// There is nothing to try it on.
    NothingThere,
    Refused(kube::Error),
    TimedOut,
}

/// One line for each mutation.
pub(super) async fn examine(
    connection: &Connection,
    environment: &Environment,
    cluster: Option<&Cluster>,
) -> Vec<Finding> {
    let names = &environment.kubernetes;
    let shared = shared_name(names);
    let (switch, blue, green, lease, record) = tokio::join!(
        switch(connection, names, cluster),
        deploy(connection, names, cluster, Colour::Blue),
        deploy(connection, names, cluster, Colour::Green),
        share(connection, lease(&shared), &shared),
        share(connection, config_map(&shared), &shared),
    );
    let finding = |what: &str, rehearsed| finding(what, rehearsed, environment.read_only);
    let [create_lease, update_lease] = lease;
    let [create_record, update_record] = record;
    let mut findings = vec![
        finding("try patch service", switch),
        finding("try patch deployment blue", blue),
        finding("try patch deployment green", green),
        finding("try create lease", create_lease),
        finding("try create record", create_record),
    ];
    // They are made by the first operation; until then the right is all one can ask for.
    let updates = [("try update lease", update_lease), ("try update record", update_record)];
    let there = updates.into_iter().filter(|(_, rehearsed)| !matches!(rehearsed, Rehearsed::NothingThere));
    findings.extend(there.map(|(what, rehearsed)| finding(what, rehearsed)));
    findings
}

fn finding(what: &str, rehearsed: Rehearsed, read_only: bool) -> Finding {
    let error = match rehearsed {
        Rehearsed::Accepted => return Finding::ok(what, "accepted (dry run)"),
        Rehearsed::NothingThere => return Finding::unknown(what, "there is nothing to try it on"),
        Rehearsed::TimedOut => {
            return Finding::unknown(what, format!("no answer within {} s", LIMIT.as_secs()));
        }
        Rehearsed::Refused(error) => error,
    };
    let why = explain(&error);
    match &error {
        // An admission webhook that does not say it is free of side effects.
        kube::Error::Api(status) if status.code == 400 && status.message.contains("dry run") => {
            Finding::unknown(what, why).advise("the webhook named there does not take part in dry runs")
        }
        kube::Error::Api(_) if read_only => {
            Finding::warn(what, format!("{why}; this environment is read-only"))
        }
        kube::Error::Api(_) => Finding::fail(what, why),
        _ => Finding::unknown(what, why),
    }
}

/// The switch's patch, with the value that is there already.
async fn switch(connection: &Connection, names: &Kubernetes, cluster: Option<&Cluster>) -> Rehearsed {
    let service = cluster.and_then(|cluster| cluster.service.as_ref());
    let Some(value) = service.and_then(|service| service.selector_value.clone()) else {
        return Rehearsed::NothingThere;
    };
    let path = PointerBuf::from_tokens(["spec", "selector", names.selector_key.as_str()]);
    let value = json!(value);
    let operations = vec![
        PatchOperation::Test(TestOperation { path: path.clone(), value: value.clone() }),
        PatchOperation::Replace(ReplaceOperation { path, value }),
    ];
    let api: Api<Service> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let patch = Patch::<()>::Json(json_patch::Patch(operations));
    rehearsed(api.patch(&names.service, &patch_parameters(), &patch)).await
}

/// The image that is there already.
async fn deploy(
    connection: &Connection,
    names: &Kubernetes,
    cluster: Option<&Cluster>,
    colour: Colour,
) -> Rehearsed {
    let image = cluster.and_then(|cluster| cluster.deployments[colour].as_ref()?.image.clone());
    let Some(image) = image else { return Rehearsed::NothingThere };
    let container = json!({"name": names.container, "image": image});
    let body = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    let api: Api<Deployment> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let patch = Patch::Strategic(body);
    rehearsed(api.patch(&names.colours[colour].deployment, &patch_parameters(), &patch)).await
}

fn lease(name: &str) -> Lease {
    Lease { metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }, spec: None }
}

fn config_map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

/// Creating an object that operators share, and writing it back unchanged.
async fn share<K>(connection: &Connection, object: K, name: &str) -> [Rehearsed; 2]
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let create = match rehearsed(api.create(&post_parameters(), &object)).await {
        // The right is there: the server got as far as looking for the name.
        Rehearsed::Refused(kube::Error::Api(status)) if status.code == 409 => Rehearsed::Accepted,
        other => other,
    };
    let update = match timeout(LIMIT, api.get_opt(name)).await {
        Ok(Ok(Some(known))) => rehearsed(api.replace(name, &post_parameters(), &known)).await,
        Ok(Ok(None)) => Rehearsed::NothingThere,
        Ok(Err(error)) => Rehearsed::Refused(error),
        Err(_) => Rehearsed::TimedOut,
    };
    [create, update]
}

async fn rehearsed<T>(request: impl Future<Output = kube::Result<T>>) -> Rehearsed {
    match timeout(LIMIT, request).await {
        Ok(Ok(_)) => Rehearsed::Accepted,
        Ok(Err(error)) => Rehearsed::Refused(error),
        Err(_) => Rehearsed::TimedOut,
    }
}

fn patch_parameters() -> PatchParams {
    PatchParams { dry_run: true, field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

fn post_parameters() -> PostParams {
    PostParams { dry_run: true, field_manager: Some(MANAGER.to_owned()) }
}
