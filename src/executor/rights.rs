//! What the operator may do, asked just before it is needed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Kubernetes;
use crate::sop::access::{Access, Permission, Right};
use crate::sop::moment::Moment;
use crate::sources::kubernetes::{Connection, review};

/// How long an answer holds; after that it is asked for again.
const HOLDS: Duration = Duration::from_secs(30);

/// Asks for rights and remembers the answers for a while.
#[derive(Debug, Default)]
pub(super) struct Rights {
    known: Mutex<BTreeMap<Permission, (Moment, Right)>>,
}

impl Rights {
    /// The rights in `needed`; those of which no fresh answer is known are asked for.
    pub(super) async fn of(
        &self,
        connection: &Connection,
        names: &Kubernetes,
        needed: &[Permission],
        clock: Clock,
    ) -> Access {
        let now = clock.now();
        let fresh = |permission: &Permission| {
            let known = self.lock();
            known
                .get(permission)
                .filter(|(asked, _)| now.since(*asked) < HOLDS)
                .map(|(_, right)| right.clone())
        };
        let mut access = Access::default();
        let mut unknown = Vec::new();
        for permission in needed {
            match fresh(permission) {
                Some(right) => drop(access.0.insert(*permission, right)),
                None => unknown.push(*permission),
            }
        }
        if !unknown.is_empty() {
            for (permission, right) in review(connection, names, unknown).await.0 {
                if !matches!(right, Right::Unknown(_)) {
                    self.lock().insert(permission, (now, right.clone()));
                }
                access.0.insert(permission, right);
            }
        }
        access
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Permission, (Moment, Right)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
