//! The kinds of object that the cluster has, in one table: discovery, paths, tables of
//! columns and the store's keys all come from it.

use std::fmt;

/// One kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    Namespaces,
    Nodes,
    Pods,
    Services,
    Endpoints,
    ConfigMaps,
    Secrets,
    ServiceAccounts,
    Events,
    Deployments,
    ReplicaSets,
    EndpointSlices,
    Leases,
    Autoscalers,
    Roles,
    RoleBindings,
}

/// What the API calls a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// Empty for the core group.
    pub group: &'static str,
    /// The version in which objects are stored and, unless another is asked for, served.
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub short: &'static [&'static str],
    /// Whether it belongs to kubectl's `all`.
    pub in_all: bool,
    pub namespaced: bool,
    /// Without the slash: `status`, `scale`, `log`, `portforward`.
    pub subresources: &'static [&'static str],
}

impl Naming {
    const fn core(kind: &'static str, plural: &'static str, singular: &'static str) -> Self {
        Self {
            group: "",
            version: "v1",
            kind,
            plural,
            singular,
            short: &[],
            in_all: false,
            namespaced: true,
            subresources: &[],
        }
    }

    const fn of(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        singular: &'static str,
    ) -> Self {
        Self { group, version, ..Self::core(kind, plural, singular) }
    }

    const fn short(self, short: &'static [&'static str]) -> Self {
        Self { short, ..self }
    }

    const fn in_all(self) -> Self {
        Self { in_all: true, ..self }
    }

    const fn cluster_wide(self) -> Self {
        Self { namespaced: false, ..self }
    }

    const fn with(self, subresources: &'static [&'static str]) -> Self {
        Self { subresources, ..self }
    }

    /// `v1`, `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.into() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pods`, `deployments.apps`: how error messages name it.
    #[must_use]
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.into() } else { format!("{}.{}", self.plural, self.group) }
    }
}

impl Resource {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::Namespaces,
        Self::Nodes,
        Self::Pods,
        Self::Services,
        Self::Endpoints,
        Self::ConfigMaps,
        Self::Secrets,
        Self::ServiceAccounts,
        Self::Events,
        Self::Deployments,
        Self::ReplicaSets,
        Self::EndpointSlices,
        Self::Leases,
        Self::Autoscalers,
        Self::Roles,
        Self::RoleBindings,
    ];

    /// What the API calls it. Events are stored as core ones and served as
    /// `events.k8s.io/v1`, too; autoscalers are stored as `autoscaling/v2` and served as `v1`, too.
    #[must_use]
    pub const fn naming(self) -> Naming {
        match self {
            Self::Namespaces => Naming::core("Namespace", "namespaces", "namespace")
                .short(&["ns"])
                .cluster_wide()
                .with(&["status"]),
            Self::Nodes => {
                Naming::core("Node", "nodes", "node").short(&["no"]).cluster_wide().with(&["status"])
            }
            Self::Pods => Naming::core("Pod", "pods", "pod").short(&["po"]).in_all().with(&[
                "status",
                "log",
                "portforward",
            ]),
            Self::Services => {
                Naming::core("Service", "services", "service").short(&["svc"]).in_all().with(&["status"])
            }
            Self::Endpoints => Naming::core("Endpoints", "endpoints", "endpoints").short(&["ep"]),
            Self::ConfigMaps => Naming::core("ConfigMap", "configmaps", "configmap").short(&["cm"]),
            Self::Secrets => Naming::core("Secret", "secrets", "secret"),
            Self::ServiceAccounts => {
                Naming::core("ServiceAccount", "serviceaccounts", "serviceaccount").short(&["sa"])
            }
            Self::Events => Naming::core("Event", "events", "event").short(&["ev"]),
            Self::Deployments => Naming::of("apps", "v1", "Deployment", "deployments", "deployment")
                .short(&["deploy"])
                .in_all()
                .with(&["status", "scale"]),
            Self::ReplicaSets => Naming::of("apps", "v1", "ReplicaSet", "replicasets", "replicaset")
                .short(&["rs"])
                .in_all()
                .with(&["status", "scale"]),
            Self::EndpointSlices => {
                Naming::of("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "endpointslice")
            }
            Self::Leases => Naming::of("coordination.k8s.io", "v1", "Lease", "leases", "lease"),
            Self::Autoscalers => Naming::of(
                "autoscaling",
                "v2",
                "HorizontalPodAutoscaler",
                "horizontalpodautoscalers",
                "horizontalpodautoscaler",
            )
            .short(&["hpa"])
            .in_all()
            .with(&["status"]),
            Self::Roles => Naming::of("rbac.authorization.k8s.io", "v1", "Role", "roles", "role"),
            Self::RoleBindings => {
                Naming::of("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", "rolebinding")
            }
        }
    }

    /// The kind that a path names, in any version that it is served in.
    #[must_use]
    pub fn find(group: &str, plural: &str) -> Option<Self> {
        // Events are one kind with two names.
        let group = if (group, plural) == ("events.k8s.io", "events") { "" } else { group };
        Self::ALL.into_iter().find(|resource| {
            let naming = resource.naming();
            naming.group == group && naming.plural == plural
        })
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.naming().qualified())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_path() {
        for resource in Resource::ALL {
            let naming = resource.naming();
            assert_eq!(Resource::find(naming.group, naming.plural), Some(resource));
        }
        assert_eq!(Resource::find("events.k8s.io", "events"), Some(Resource::Events));
        assert_eq!(Resource::find("apps", "pods"), None);
        assert_eq!(Resource::find("events.k8s.io", "pods"), None);
    }
}
