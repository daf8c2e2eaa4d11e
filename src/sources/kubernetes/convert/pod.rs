use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{cleaned, colour_of, time};
use crate::config::Kubernetes;
use crate::sop::cluster::PodState;
use crate::sources::kubernetes::slim::{ContainerStatus, Pod, PodCondition, PodStatus, Terminated};
use crate::sources::text::clean;

/// One pod.
#[must_use]
pub fn pod(object: &Pod, names: &Kubernetes) -> PodState {
    let meta: &ObjectMeta = &object.metadata;
    let status = &object.status;
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let own = containers.iter().find(|container| container.name == names.container);
    let (reason, message) = why_not_running(status, own, containers).unwrap_or_default();
    PodState {
        name: meta.name.as_deref().map(clean).unwrap_or_default(),
        colour: colour_of(meta.labels.as_ref(), names),
        phase: status.phase.as_deref().map_or_else(|| "Unknown".to_owned(), clean),
        ready: condition(status, "Ready").is_some_and(|condition| condition.status == "True"),
        terminating: meta.deletion_timestamp.is_some(),
        restarts: containers.iter().map(|container| container.restart_count).fold(0, i32::saturating_add),
        created: time(meta.creation_timestamp.as_ref()),
        node: cleaned(object.spec.node_name.as_ref()),
        reason,
        message,
        last_end: own.and_then(|container| container.last_state.as_ref()?.terminated.as_ref()).map(end_words),
        image: object
            .spec
            .containers
            .iter()
            .flatten()
            .find(|container| container.name == names.container)
            .and_then(|container| cleaned(container.image.as_ref())),
        image_id: own.and_then(|container| cleaned(container.image_id.as_ref())),
        hash: cleaned(meta.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"))),
        address: cleaned(status.pod_ip.as_ref()),
    }
}

type Why = (Option<String>, Option<String>);

/// Why the pod does not run as it should: the pod's own reason (`Evicted`), the
/// configured container's, an init container's or another container's, the
/// scheduler's. The order is that of "what would have to be put right".
fn why_not_running(
    status: &PodStatus,
    own: Option<&ContainerStatus>,
    all: &[ContainerStatus],
) -> Option<Why> {
    if let Some(reason) = cleaned(status.reason.as_ref()) {
        return Some((Some(reason), cleaned(status.message.as_ref())));
    }
    let init = status.init_container_statuses.as_deref().unwrap_or_default();
    let start = init.iter().filter_map(init_trouble).next();
    start
        .or_else(|| own.and_then(container_trouble))
        .or_else(|| all.iter().find_map(container_trouble))
        .or_else(|| unschedulable(status))
}

fn container_trouble(container: &ContainerStatus) -> Option<Why> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        return Some((cleaned(waiting.reason.as_ref()), cleaned(waiting.message.as_ref())));
    }
    let ended = state.terminated.as_ref()?;
    Some((Some(end_words(ended)), cleaned(ended.message.as_ref())))
}

/// An init container that waits or has failed; one that ended well is no trouble,
/// and `PodInitializing` of the later ones says nothing of its own.
fn init_trouble(container: &ContainerStatus) -> Option<Why> {
    let state = container.state.as_ref()?;
    let ordinary = |reason: Option<&str>| matches!(reason, None | Some("PodInitializing"));
    if let Some(waiting) = &state.waiting {
        return (!ordinary(waiting.reason.as_deref()))
            .then(|| (cleaned(waiting.reason.as_ref()), cleaned(waiting.message.as_ref())));
    }
    let ended = state.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    Some((Some(format!("Init:{}", end_words(ended))), cleaned(ended.message.as_ref())))
}

fn unschedulable(status: &PodStatus) -> Option<Why> {
    let scheduled = condition(status, "PodScheduled").filter(|condition| condition.status == "False")?;
    let reason = cleaned(scheduled.reason.as_ref()).unwrap_or_else(|| "Unschedulable".to_owned());
    Some((Some(reason), cleaned(scheduled.message.as_ref())))
}

fn condition<'s>(status: &'s PodStatus, kind: &str) -> Option<&'s PodCondition> {
    status.conditions.iter().flatten().find(|condition| condition.kind == kind)
}

/// `OOMKilled`, `Completed`, `Error (exit 1)`, `Error (signal 9)`.
fn end_words(ended: &Terminated) -> String {
    let reason = cleaned(ended.reason.as_ref()).unwrap_or_else(|| "ended".to_owned());
    match (ended.signal.filter(|&signal| signal != 0), reason.as_str()) {
        (_, "OOMKilled" | "Completed") => reason,
        (Some(signal), _) => format!("{reason} (signal {signal})"),
        (None, _) => format!("{reason} (exit {})", ended.exit_code),
    }
}
