//! What the operator may do, as the API server says (SelfSubjectAccessReview).

use std::collections::BTreeMap;

use super::operation::{Action, RollbackWay};

/// One right that the program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission {
    pub verb: &'static str,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// `pods/portforward`: with its subresource.
    pub resource: &'static str,
}

impl Permission {
    const fn new(verb: &'static str, group: &'static str, resource: &'static str) -> Self {
        Self { verb, group, resource }
    }

    pub const PATCH_SERVICES: Self = Self::new("patch", "", "services");
    pub const PATCH_DEPLOYMENTS: Self = Self::new("patch", "apps", "deployments");
    pub const PORT_FORWARD: Self = Self::new("create", "", "pods/portforward");
    /// A port-forward over a websocket is a GET. Servers judge it as `get`; newer ones
    /// ask for `create` as well (feature `AuthorizePodWebsocketUpgradeCreatePermission`).
    pub const PORT_FORWARD_BY_GET: Self = Self::new("get", "", "pods/portforward");
    pub const LIST_REPLICA_SETS: Self = Self::new("list", "apps", "replicasets");

    /// Every right that an operator needs.
    pub const OPERATOR: &'static [Self] = &[
        Self::PATCH_SERVICES,
        Self::PATCH_DEPLOYMENTS,
        Self::PORT_FORWARD,
        Self::PORT_FORWARD_BY_GET,
        Self::new("create", "coordination.k8s.io", "leases"),
        Self::new("update", "coordination.k8s.io", "leases"),
        Self::new("create", "", "configmaps"),
        Self::new("update", "", "configmaps"),
    ];

    /// Every right that looking on needs.
    pub const VIEWER: &'static [Self] = &[
        Self::new("get", "", "services"),
        Self::new("list", "", "services"),
        Self::new("watch", "", "services"),
        Self::new("get", "apps", "deployments"),
        Self::new("list", "apps", "deployments"),
        Self::new("watch", "apps", "deployments"),
        Self::LIST_REPLICA_SETS,
        Self::new("watch", "apps", "replicasets"),
        Self::new("list", "", "pods"),
        Self::new("watch", "", "pods"),
        Self::new("get", "", "pods/log"),
        Self::new("get", "", "endpoints"),
        Self::new("list", "", "endpoints"),
        Self::new("watch", "", "endpoints"),
        Self::new("list", "discovery.k8s.io", "endpointslices"),
        Self::new("watch", "discovery.k8s.io", "endpointslices"),
        Self::new("list", "autoscaling", "horizontalpodautoscalers"),
        Self::new("watch", "autoscaling", "horizontalpodautoscalers"),
        Self::new("get", "coordination.k8s.io", "leases"),
        Self::new("list", "coordination.k8s.io", "leases"),
        Self::new("watch", "coordination.k8s.io", "leases"),
        Self::new("get", "", "configmaps"),
        Self::new("list", "", "configmaps"),
        Self::new("watch", "", "configmaps"),
    ];
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() {
            write!(f, "{} {}", self.verb, self.resource)
        } else {
            write!(f, "{} {}.{}", self.verb, self.resource, self.group)
        }
    }
}

/// The server's answer about one right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    Held,
    Denied,
    /// The question could not be asked; why.
    Unknown(String),
}

/// What is known of the operator's rights. A right that is not in here is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access(pub BTreeMap<Permission, Right>);

impl Access {
    /// The answer for one right, if there is one.
    #[must_use]
    pub fn right(&self, permission: Permission) -> Option<&Right> {
        self.0.get(&permission)
    }
}

/// The rights without which `action` is refused by the server.
#[must_use]
pub fn needed(action: &Action) -> &'static [Permission] {
    match action {
        Action::Deploy { .. } | Action::Retire { .. } => &[Permission::PATCH_DEPLOYMENTS],
        // GitHub judges what is done on GitHub.
        Action::Close
        | Action::Propose { .. }
        | Action::Merge { .. }
        | Action::DeleteBranch { .. }
        | Action::Approve { .. }
        | Action::Reject { .. }
        | Action::Dispatch { .. }
        | Action::Rerun { .. }
        | Action::Cancel { .. } => &[],
        Action::Verify { .. } => &[Permission::PORT_FORWARD, Permission::PORT_FORWARD_BY_GET],
        Action::Switch { .. } | Action::Rollback { way: RollbackWay::SwitchBack { .. } } => {
            &[Permission::PATCH_SERVICES]
        }
        Action::Rollback { way: RollbackWay::Undo { .. } } => {
            &[Permission::PATCH_DEPLOYMENTS, Permission::LIST_REPLICA_SETS]
        }
        Action::Rollback { way: RollbackWay::Redeploy { .. } } => {
            &[Permission::PATCH_DEPLOYMENTS, Permission::PATCH_SERVICES]
        }
    }
}
