//! Two lanes: one operation at a time, except that a rollback overtakes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::sop::operation::{Action, ActionKind, OperationId};

/// How long a rollback waits for the call of the operation that it overtakes.
const OVERTAKE_LIMIT: Duration = Duration::from_secs(12);

/// Who is under way in which lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    ordinary: Option<Running>,
    rollback: Option<Running>,
}

#[derive(Clone, Debug)]
struct Running {
    id: OperationId,
    kind: ActionKind,
    stop: CancellationToken,
    ended: CancellationToken,
}

/// A place in a lane; free again when dropped.
#[derive(Debug)]
pub(super) struct Lane {
    lanes: Lanes,
    id: OperationId,
    /// Cancelled when a rollback overtakes: stop following, or do not begin.
    pub stop: CancellationToken,
    _ended: DropGuard,
}

/// The lane is taken by this operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub id: OperationId,
    pub kind: ActionKind,
}

impl Lanes {
    /// Takes the lane that `action` runs in.
    pub(super) fn enter(&self, id: &OperationId, action: &Action) -> Result<Lane, Taken> {
        let mut inner = self.lock();
        let is_rollback = action.kind() == ActionKind::Rollback;
        let ordinary = inner.ordinary.as_ref().filter(|_| !is_rollback);
        if let Some(running) = inner.rollback.as_ref().or(ordinary) {
            return Err(Taken { id: running.id.clone(), kind: running.kind });
        }
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let running =
            Running { id: id.clone(), kind: action.kind(), stop: stop.clone(), ended: ended.clone() };
        *(if is_rollback { &mut inner.rollback } else { &mut inner.ordinary }) = Some(running);
        Ok(Lane { lanes: self.clone(), id: id.clone(), stop, _ended: ended.drop_guard() })
    }

    /// Tells the ordinary operation to stop following and waits until it has ended,
    /// for as long as a call may take: a call is never broken off. What was overtaken.
    pub(super) async fn overtake(&self) -> Option<ActionKind> {
        let running = self.lock().ordinary.clone()?;
        running.stop.cancel();
        let _ = tokio::time::timeout(OVERTAKE_LIMIT, running.ended.cancelled()).await;
        Some(running.kind)
    }

    /// Whether this very operation is under way here.
    pub(super) fn is_running(&self, id: &OperationId) -> bool {
        let inner = self.lock();
        [&inner.ordinary, &inner.rollback].into_iter().flatten().any(|running| running.id == *id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut guard = self.lanes.lock();
        let inner = &mut *guard;
        for slot in [&mut inner.ordinary, &mut inner.rollback] {
            slot.take_if(|running| running.id == self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::colour::Colour;
    use crate::sop::operation::RollbackWay;

    fn id(text: &str) -> OperationId {
        OperationId(text.into())
    }

    const SWITCH: Action = Action::Switch { to: Colour::Green };
    const BACK: Action = Action::Rollback { way: RollbackWay::SwitchBack { to: Colour::Blue } };

    #[tokio::test]
    async fn one_at_a_time_but_for_a_rollback() {
        let lanes = Lanes::default();
        let first = lanes.enter(&id("1"), &SWITCH).unwrap();
        assert_eq!(
            lanes.enter(&id("2"), &SWITCH).unwrap_err(),
            Taken { id: id("1"), kind: ActionKind::Switch }
        );
        let rollback = lanes.enter(&id("3"), &BACK).unwrap();
        assert!(lanes.enter(&id("4"), &BACK).is_err());
        assert!(!first.stop.is_cancelled());
        let follower = tokio::spawn(async move {
            first.stop.cancelled().await;
            drop(first);
        });
        assert_eq!(lanes.overtake().await, Some(ActionKind::Switch));
        follower.await.unwrap();
        assert_eq!(lanes.overtake().await, None);
        assert!(lanes.enter(&id("5"), &SWITCH).is_err(), "a rollback is under way");
        drop(rollback);
        assert!(lanes.enter(&id("6"), &SWITCH).is_ok());
    }
}
