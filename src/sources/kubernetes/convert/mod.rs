//! Kubernetes objects → the words of `sop::cluster`. Pure; every text that may
//! reach the screen is made safe for a terminal on the way.

mod endpoints;
mod pod;
mod service;
mod workload;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

pub use endpoints::{from_endpoints, from_slices, merged};
pub use pod::pod;
pub use service::{owner_of_selector, service};
pub use workload::{autoscaler, deployment, replica_set};

use super::marks;
use crate::config::Kubernetes;
use crate::sop::cluster::GitOps;
use crate::sop::colour::Colour;
use crate::sop::operation::{OperationId, OperationMark};
use crate::sources::text::clean;

type Labels = BTreeMap<String, String>;

/// The colour that a value of the selector key stands for.
#[must_use]
pub fn colour_of_value(value: &str, names: &Kubernetes) -> Option<Colour> {
    Colour::ALL.into_iter().find(|&colour| names.colours[colour].value == value)
}

/// The colour of an object, from its label with the selector key.
fn colour_of(labels: Option<&Labels>, names: &Kubernetes) -> Option<Colour> {
    colour_of_value(labels?.get(&names.selector_key)?, names)
}

fn cleaned(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| clean(text))
}

fn cleaned_map(map: Option<&Labels>) -> Labels {
    map.into_iter().flatten().map(|(key, value)| (clean(key), clean(value))).collect()
}

fn time(time: Option<&Time>) -> Option<jiff::Timestamp> {
    time.map(|time| time.0)
}

fn annotation<'m>(meta: &'m ObjectMeta, key: &str) -> Option<&'m String> {
    meta.annotations.as_ref()?.get(key)
}

/// What this program last did to the object.
fn mark(meta: &ObjectMeta) -> Option<OperationMark> {
    Some(OperationMark {
        id: OperationId(cleaned(annotation(meta, marks::OPERATION))?),
        fence: annotation(meta, marks::FENCE).and_then(|fence| fence.parse().ok()),
        at: annotation(meta, marks::AT).and_then(|at| at.parse().ok()),
        by: cleaned(annotation(meta, marks::BY)),
    })
}

/// The GitOps controller whose marks an object carries.
///
/// Argo CD marks what it tracks with a label or an annotation (its documentation,
/// "Resource Tracking"); its old default, `app.kubernetes.io/instance`, is set by
/// Helm and people too, so it counts only where Argo CD wrote a field as well. Flux
/// labels what its Kustomizations and HelmReleases own.
fn gitops(meta: &ObjectMeta) -> Option<GitOps> {
    const ARGO: &str = "Argo CD";
    const FLUX: &str = "Flux";
    let label = |key: &str| meta.labels.as_ref().and_then(|labels| labels.get(key));
    let found = |controller, name: &str| Some(GitOps { controller, application: clean(name) });
    if let Some(name) = label("argocd.argoproj.io/instance") {
        return found(ARGO, name);
    }
    if let Some(id) = annotation(meta, "argocd.argoproj.io/tracking-id") {
        // `application:group/kind:namespace/name`
        return found(ARGO, id.split(':').next().unwrap_or(id));
    }
    let by_argo = |entry: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
        entry.manager.as_deref().is_some_and(|manager| manager.starts_with("argocd"))
    };
    if let Some(name) = label("app.kubernetes.io/instance")
        && meta.managed_fields.iter().flatten().any(by_argo)
    {
        return found(ARGO, name);
    }
    let flux = label("kustomize.toolkit.fluxcd.io/name").or_else(|| label("helm.toolkit.fluxcd.io/name"))?;
    found(FLUX, flux)
}

#[cfg(test)]
mod tests;
