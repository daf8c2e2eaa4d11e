use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, ReplicaSet};
use k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{annotation, cleaned, cleaned_map, colour_of, gitops, mark, time};
use crate::config::Kubernetes;
use crate::sop::cluster::{AutoscalerState, ConditionState, DeploymentState, ReplicaSetState};
use crate::sop::colour::Colour;
use crate::sources::kubernetes::marks;
use crate::sources::text::clean;

/// One colour's Deployment.
#[must_use]
pub fn deployment(object: &Deployment, names: &Kubernetes) -> DeploymentState {
    let meta = &object.metadata;
    let spec = object.spec.as_ref();
    let status = object.status.as_ref();
    let counted = |count: Option<i32>| count.unwrap_or(0);
    DeploymentState {
        name: meta.name.as_deref().map(clean).unwrap_or_default(),
        uid: meta.uid.as_deref().map(clean).unwrap_or_default(),
        resource_version: meta.resource_version.as_deref().map(clean).unwrap_or_default(),
        generation: meta.generation.unwrap_or(0),
        observed_generation: status.and_then(|s| s.observed_generation).unwrap_or(0),
        desired: spec.and_then(|s| s.replicas).unwrap_or(1),
        replicas: counted(status.and_then(|s| s.replicas)),
        updated: counted(status.and_then(|s| s.updated_replicas)),
        ready: counted(status.and_then(|s| s.ready_replicas)),
        available: counted(status.and_then(|s| s.available_replicas)),
        paused: spec.and_then(|s| s.paused).unwrap_or(false),
        image: spec.and_then(|s| image(&s.template, names)),
        revision: revision(meta),
        conditions: status
            .and_then(|s| s.conditions.as_deref())
            .unwrap_or_default()
            .iter()
            .map(condition)
            .collect(),
        match_labels: cleaned_map(spec.and_then(|s| s.selector.match_labels.as_ref())),
        gitops: gitops(meta),
        mark: mark(meta),
        desired_before: annotation(meta, marks::DESIRED_BEFORE).and_then(|count| count.parse().ok()),
    }
}

fn condition(condition: &DeploymentCondition) -> ConditionState {
    ConditionState {
        kind: clean(&condition.type_),
        status: clean(&condition.status),
        reason: condition.reason.as_deref().map(clean).unwrap_or_default(),
        message: condition.message.as_deref().map(clean).unwrap_or_default(),
    }
}

/// One ReplicaSet of a colour's Deployment.
#[must_use]
pub fn replica_set(object: &ReplicaSet, names: &Kubernetes) -> ReplicaSetState {
    let meta = &object.metadata;
    let spec = object.spec.as_ref();
    ReplicaSetState {
        name: meta.name.as_deref().map(clean).unwrap_or_default(),
        colour: colour_of(meta.labels.as_ref(), names),
        revision: revision(meta),
        hash: cleaned(meta.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"))),
        image: spec.and_then(|s| s.template.as_ref()).and_then(|template| image(template, names)),
        desired: spec.and_then(|s| s.replicas).unwrap_or(1),
        ready: object.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or(0),
        created: time(meta.creation_timestamp.as_ref()),
    }
}

/// The autoscaler, if it scales one of the two Deployments.
#[must_use]
pub fn autoscaler(object: &HorizontalPodAutoscaler, names: &Kubernetes) -> Option<AutoscalerState> {
    let spec = object.spec.as_ref()?;
    let target = &spec.scale_target_ref;
    let colour = Colour::ALL
        .into_iter()
        .find(|&colour| target.kind == "Deployment" && names.colours[colour].deployment == target.name)?;
    Some(AutoscalerState {
        name: object.metadata.name.as_deref().map(clean).unwrap_or_default(),
        colour,
        min: spec.min_replicas.unwrap_or(1),
        max: spec.max_replicas,
    })
}

fn image(template: &PodTemplateSpec, names: &Kubernetes) -> Option<String> {
    let container = template.spec.as_ref()?.containers.iter().find(|c| c.name == names.container)?;
    container.image.as_deref().map(clean)
}

fn revision(meta: &ObjectMeta) -> Option<u64> {
    annotation(meta, "deployment.kubernetes.io/revision")?.parse().ok()
}
