//! What operators share, kept in the cluster itself: the record (a ConfigMap) and
//! the deploy lock (a Lease). Both are named `cutover-<service>`.

mod holding;
mod lease;
mod observer;
mod record;
mod watch;

use jiff::Timestamp;
use kube::Client;

pub use holding::{Acquired, Holding, Loss, TakeOver};
pub use lease::{DeployLock, LeaseSeen, LockError};
pub use observer::{DURATION, LeaseObserver, RENEW_EVERY};
pub use record::{RecordError, SharedRecord};
pub use watch::watch;

use crate::sop::command::Operator;

/// Where the war room of one service is, and who is in it.
#[derive(Clone)]
pub struct Place {
    pub client: Client,
    pub namespace: String,
    pub service: String,
    pub me: Operator,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("namespace", &self.namespace)
            .field("service", &self.service)
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

/// The label that tells whose objects these are.
fn labels() -> std::collections::BTreeMap<String, String> {
    [("app.kubernetes.io/managed-by".to_owned(), crate::sop::MANAGER.to_owned())].into()
}

/// The wall clock, for what others read; ages are never judged by it.
fn wall() -> Timestamp {
    Timestamp::now()
}
