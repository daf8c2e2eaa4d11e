//! The objects of the pair: whether they are what the configuration says.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use tokio::time::timeout;

use super::Finding;
use crate::config::Kubernetes;
use crate::sop::cluster::{Cluster, DeploymentState, ServiceState};
use crate::sop::colour::Colour;
use crate::sop::rollout::rollout;
use crate::sources::kubernetes::{Connection, explain};
use crate::sources::text::clean;

/// How long the question for the namespace may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Whether the namespace exists. Few roles allow that question; an object found in it
/// answers it as well.
pub(super) async fn namespace(connection: &Connection, cluster: &Cluster) -> Finding {
    let what = "namespace";
    let name = clean(&connection.namespace);
    if cluster.service.is_some() || cluster.deployments.iter().any(|(_, deployment)| deployment.is_some()) {
        return Finding::ok(what, name);
    }
    let api: Api<Namespace> = Api::all(connection.client.clone());
    match timeout(LIMIT, api.get_opt(&connection.namespace)).await {
        Ok(Ok(Some(_))) => Finding::ok(what, name),
        Ok(Ok(None)) => Finding::fail(what, format!("there is no namespace {name}"))
            .advise("check kubernetes.namespace and the context"),
        Ok(Err(error)) => Finding::unknown(what, format!("{name}: {}", explain(&error))),
        Err(_) => Finding::unknown(what, format!("{name}: no answer within {} s", LIMIT.as_secs())),
    }
}

/// Service, Deployments, endpoints and what may interfere with them.
pub(super) fn examine(cluster: &Cluster, names: &Kubernetes) -> Vec<Finding> {
    let mut findings = vec![service(cluster.service.as_ref(), names)];
    for (colour, state) in cluster.deployments.iter() {
        findings.push(deployment(colour, state.as_ref(), names));
    }
    findings.push(endpoints(cluster));
    findings.extend(gitops(cluster));
    findings.extend(cluster.autoscalers.iter().map(|scaler| {
        let seen =
            format!("{} keeps {} at {} to {} pods", scaler.name, scaler.colour, scaler.min, scaler.max);
        Finding::warn("autoscaler", seen).advise("it may scale back what `retire` scaled to 0")
    }));
    findings
}

fn service(state: Option<&ServiceState>, names: &Kubernetes) -> Finding {
    let what = "service";
    let name = clean(&names.service);
    let Some(state) = state else {
        return Finding::fail(what, format!("there is no Service {name}")).advise("check kubernetes.service");
    };
    let key = clean(&names.selector_key);
    match (&state.selector_value, state.active) {
        (Some(value), Some(colour)) => {
            Finding::ok(what, format!("{name}: {key}={value}, {colour} has the traffic"))
        }
        (Some(value), None) => {
            Finding::fail(what, format!("{name}: {key}={value} is neither colour's value"))
                .advise("check the colours' values in the configuration")
        }
        (None, _) => Finding::fail(what, format!("{name}: its selector has no key {key}"))
            .advise("check kubernetes.selector_key"),
    }
}

fn deployment(colour: Colour, state: Option<&DeploymentState>, names: &Kubernetes) -> Finding {
    let what = format!("deployment {colour}");
    let own = &names.colours[colour];
    let name = clean(&own.deployment);
    let Some(state) = state else {
        return Finding::fail(what, format!("there is no Deployment {name}"))
            .advise("check the colours' deployments in the configuration");
    };
    let Some(image) = &state.image else {
        return Finding::fail(what, format!("{name} has no container {}", clean(&names.container)))
            .advise("check kubernetes.container");
    };
    let value = state.match_labels.get(&names.selector_key);
    if value.is_some_and(|value| *value != own.value) {
        return Finding::fail(
            what,
            format!("{name} runs pods of another colour's value ({})", value.map_or("", String::as_str)),
        )
        .advise("are the two Deployments mixed up in the configuration?");
    }
    Finding::ok(
        what,
        format!("{name}: {image}, {} of {} ready, {}", state.ready, state.desired, rollout(state)),
    )
}

fn endpoints(cluster: &Cluster) -> Finding {
    let what = "endpoints";
    let (Some(count), Some(active)) = (cluster.endpoint_count(), cluster.active()) else {
        return Finding::unknown(what, "not told apart without the Service's colour");
    };
    let seen = format!(
        "{} ready of {active}, {} of {}, {} unknown",
        count.ready[active],
        count.ready[active.other()],
        active.other(),
        count.unknown
    );
    if count.ready[active] == 0 {
        return Finding::fail(what, seen).advise("the active colour serves nobody: look at its pods");
    }
    if count.ready[active.other()] > 0 || count.unknown > 0 {
        return Finding::warn(what, seen)
            .advise("a switch may just have happened, or other pods carry the same labels");
    }
    Finding::ok(what, seen)
}

fn gitops(cluster: &Cluster) -> Vec<Finding> {
    let service = cluster.service.as_ref().and_then(|state| Some(("service", state.gitops.as_ref()?)));
    let deployments = cluster
        .deployments
        .iter()
        .filter_map(|(colour, state)| Some((colour.name(), state.as_ref()?.gitops.as_ref()?)));
    service
        .into_iter()
        .chain(deployments)
        .map(|(what, gitops)| {
            let seen = format!("{what} belongs to {} application {}", gitops.controller, gitops.application);
            Finding::warn("gitops", seen).advise("it may undo a switch: agree with its owners first")
        })
        .collect()
}
