//! All that the executor works with.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::PatchParams;

use super::github::GitHub;
use super::lanes::Lanes;
use super::papers::Papers;
use super::report::Reporter;
use super::rights::Rights;
use crate::clock::Clock;
use crate::config::Environment;
use crate::sop::MANAGER;
use crate::sop::access::{Access, Permission};
use crate::sop::colour::Colour;
use crate::sop::command::Operator;
use crate::sources::kubernetes::Connection;
use crate::warroom::Holding;

/// One per executor, shared by its operations.
#[derive(Debug)]
pub(super) struct World {
    pub environment: Arc<Environment>,
    pub connection: Connection,
    pub operator: Operator,
    pub clock: Clock,
    pub read_only: bool,
    pub reporter: Reporter,
    pub papers: Papers,
    pub holding: Holding,
    pub lanes: Lanes,
    pub rights: Rights,
    /// `None`: no repository is configured.
    pub github: Option<GitHub>,
    /// Held by who is about to change the Service: an ordinary order, or the settling
    /// of an old one. A rollback does not wait for it.
    pub turn: tokio::sync::Mutex<()>,
}

impl World {
    pub(super) fn services(&self) -> Api<Service> {
        Api::namespaced(self.connection.client.clone(), &self.connection.namespace)
    }

    pub(super) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.connection.client.clone(), &self.connection.namespace)
    }

    pub(super) fn replica_sets(&self) -> Api<ReplicaSet> {
        Api::namespaced(self.connection.client.clone(), &self.connection.namespace)
    }

    pub(super) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.connection.client.clone(), &self.connection.namespace)
    }

    /// What the operator may do, as far as `needed` goes.
    pub(super) async fn access(&self, needed: &[Permission]) -> Access {
        self.rights.of(&self.connection, &self.environment.kubernetes, needed, self.clock).await
    }

    /// The Service's name.
    pub(super) fn service_name(&self) -> &str {
        &self.environment.kubernetes.service
    }

    /// The name of one colour's Deployment.
    pub(super) fn deployment_name(&self, colour: Colour) -> &str {
        &self.environment.kubernetes.colours[colour].deployment
    }

    /// The selector's value for one colour.
    pub(super) fn selector_value(&self, colour: Colour) -> &str {
        &self.environment.kubernetes.colours[colour].value
    }
}

/// Under which name the server notes who changed which field.
pub(super) fn as_cutover() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() }
}
