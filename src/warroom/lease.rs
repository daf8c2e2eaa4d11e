//! The deploy lock's calls: one Lease per Service, every change a compare-and-swap.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::PostParams;

use super::observer::DURATION;
use super::{Place, labels, wall};
use crate::sop::MANAGER;
use crate::sources::kubernetes::{explain, marks, shared_name};
use crate::sources::text::clean;

/// Time limit of one call.
const CALL_LIMIT: Duration = Duration::from_secs(4);

/// What is seen of the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSeen {
    /// `None`: given up.
    pub holder: Option<String>,
    /// `spec.leaseTransitions`.
    pub fence: i64,
    pub renewed: Option<Timestamp>,
    pub duration: Option<Duration>,
    /// `metadata.resourceVersion`.
    pub version: String,
}

impl LeaseSeen {
    /// Reads the object; text in it is made safe for a terminal.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            holder: spec
                .holder_identity
                .map(|holder| clean(&holder))
                .filter(|holder| !holder.trim().is_empty()),
            fence: spec.lease_transitions.map_or(0, i64::from),
            renewed: spec.renew_time.map(|time| time.0),
            duration: seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
            version: lease.metadata.resource_version.clone().unwrap_or_default(),
        }
    }

    /// Whether nothing happened between two reads.
    #[must_use]
    pub fn is_same_state(&self, other: &Self) -> bool {
        self == other
    }
}

/// Why a call about the lock did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Somebody was faster: read again before deciding anything.
    #[error("the deploy lock was changed by somebody else meanwhile")]
    Contended,
    /// The server refused for lack of a right.
    #[error("{0}")]
    Forbidden(String),
    /// No answer, or one that tells nothing about the lock.
    #[error("the deploy lock: {0}")]
    Unreachable(String),
}

impl From<&kube::Error> for LockError {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 409 || status.code == 404 => Self::Contended,
            kube::Error::Api(status) if status.code == 403 => Self::Forbidden(explain(error)),
            other => Self::Unreachable(explain(other)),
        }
    }
}

/// The Lease and the calls on it.
#[derive(Clone, Debug)]
pub struct DeployLock {
    leases: Api<Lease>,
    services: Api<Service>,
    service: String,
    name: String,
    /// Identity of this session.
    me: String,
}

impl DeployLock {
    /// The lock of one Service.
    #[must_use]
    pub fn new(place: &Place) -> Self {
        Self {
            leases: Api::namespaced(place.client.clone(), &place.namespace),
            services: Api::namespaced(place.client.clone(), &place.namespace),
            service: place.service.clone(),
            name: shared_name(&place.service),
            me: place.me.identity(),
        }
    }

    /// The Lease's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn api(&self) -> &Api<Lease> {
        &self.leases
    }

    /// Reads the lock; `None` when nobody ever took it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self) -> Result<Option<Lease>, LockError> {
        within(self.leases.get_opt(&self.name)).await
    }

    /// Takes the lock that nobody holds: creates it. Where the Service carries a
    /// higher fence (the Lease was deleted by hand), the numbering goes on from
    /// there, so that fences never run backwards.
    ///
    /// # Errors
    /// [`LockError::Contended`] when it exists by now.
    pub async fn create(&self) -> Result<Lease, LockError> {
        let fence = self.fence_on_service().await?.map_or(0, |fence| fence.saturating_add(1));
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(labels()),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec(fence, None)),
        };
        within(self.leases.create(&post(), &lease)).await
    }

    /// Takes the lock over from what `lease` says, which must still be so.
    ///
    /// # Errors
    /// [`LockError::Contended`] when it changed meanwhile.
    pub async fn take(&self, lease: &Lease) -> Result<Lease, LockError> {
        let before = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let next = Lease { spec: Some(self.spec(before.saturating_add(1), None)), ..lease.clone() };
        within(self.leases.replace(&self.name, &post(), &next)).await
    }

    /// Says that this session still holds the lock.
    ///
    /// # Errors
    /// [`LockError::Contended`] when it changed meanwhile.
    pub async fn renew(&self, lease: &Lease) -> Result<Lease, LockError> {
        let fence = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let acquired = lease.spec.as_ref().and_then(|spec| spec.acquire_time.clone());
        let next = Lease { spec: Some(self.spec(fence, acquired)), ..lease.clone() };
        within(self.leases.replace(&self.name, &post(), &next)).await
    }

    /// Gives the lock up; its number stays.
    ///
    /// # Errors
    /// When that could not be written; the lock then expires by itself.
    pub async fn release(&self, lease: &Lease) -> Result<(), LockError> {
        let mut next = lease.clone();
        if let Some(spec) = &mut next.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(wall()));
        }
        within(self.leases.replace(&self.name, &post(), &next)).await.map(|_| ())
    }

    async fn fence_on_service(&self) -> Result<Option<i32>, LockError> {
        let service = within(self.services.get_opt(&self.service)).await?;
        let fence = service.and_then(|service| {
            service.metadata.annotations?.get(marks::FENCE)?.parse::<i32>().ok().filter(|fence| *fence >= 0)
        });
        Ok(fence)
    }

    fn spec(&self, fence: i32, acquired: Option<MicroTime>) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            lease_transitions: Some(fence),
            acquire_time: Some(acquired.unwrap_or_else(|| MicroTime(wall()))),
            renew_time: Some(MicroTime(wall())),
            ..LeaseSpec::default()
        }
    }
}

fn post() -> PostParams {
    PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() }
}

async fn within<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, LockError> {
    match tokio::time::timeout(CALL_LIMIT, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(LockError::from(&error)),
        Err(_) => Err(LockError::Unreachable(format!("no answer within {} s", CALL_LIMIT.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_read_whatever_it_lacks() {
        assert_eq!(
            LeaseSeen::of(&Lease::default()),
            LeaseSeen { holder: None, fence: 0, renewed: None, duration: None, version: String::new() }
        );
        let spec = LeaseSpec {
            holder_identity: Some("eve\u{1b}[2J@x/1".into()),
            lease_duration_seconds: Some(-5),
            lease_transitions: Some(7),
            ..LeaseSpec::default()
        };
        let seen = LeaseSeen::of(&Lease { spec: Some(spec), ..Lease::default() });
        assert_eq!((seen.holder.as_deref(), seen.fence, seen.duration), (Some("eve [2J@x/1"), 7, None));
    }
}
