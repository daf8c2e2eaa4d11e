//! One operation under way.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::papers::RecordChange;
use super::patch::Mark;
use super::world::World;
use crate::journal::What;
use crate::room::message::{Conclusion, StepState};
use crate::sop::moment::Moment;
use crate::sop::operation::{OperationId, Order};
use crate::sop::record::Measured;

/// One operation, with what it may use.
#[derive(Debug)]
pub(super) struct Job {
    pub world: Arc<World>,
    pub order: Order,
    /// Cancelled when a rollback overtakes.
    pub stop: CancellationToken,
    /// When the order arrived.
    pub confirmed: Moment,
    /// The deploy lock's number, once it is held.
    fence: Mutex<Option<i64>>,
    /// Whether the intent was put before others, so that its end must follow.
    in_record: AtomicBool,
    left_open: AtomicBool,
}

impl Job {
    pub(super) fn new(world: Arc<World>, order: Order, stop: CancellationToken) -> Self {
        let confirmed = world.clock.now();
        Self {
            world,
            order,
            stop,
            confirmed,
            fence: Mutex::new(None),
            in_record: AtomicBool::new(false),
            left_open: AtomicBool::new(false),
        }
    }

    pub(super) const fn id(&self) -> &OperationId {
        &self.order.id
    }

    pub(super) fn now(&self) -> Moment {
        self.world.clock.now()
    }

    pub(super) fn fence(&self) -> Option<i64> {
        *self.fence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_fence(&self, fence: i64) {
        *self.fence.lock().unwrap_or_else(PoisonError::into_inner) = Some(fence);
    }

    pub(super) fn put_in_record(&self) {
        self.in_record.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_in_record(&self) -> bool {
        self.in_record.load(Ordering::SeqCst)
    }

    /// What this operation leaves on the objects that it changes.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            id: self.id().clone(),
            fence: self.fence(),
            at: self.now().wall,
            by: self.world.operator.to_string(),
        }
    }

    pub(super) async fn running(&self, step: &'static str, words: impl Into<String>) {
        self.world.reporter.step(self.id(), step, StepState::Running, words, None).await;
    }

    pub(super) async fn done(&self, step: &'static str, words: impl Into<String>, since: Moment) {
        self.ended(step, StepState::Done, words, since).await;
    }

    pub(super) async fn failed(&self, step: &'static str, words: impl Into<String>, since: Moment) {
        self.ended(step, StepState::Failed, words, since).await;
    }

    pub(super) async fn ended(
        &self,
        step: impl Into<Cow<'static, str>>,
        state: StepState,
        words: impl Into<String>,
        since: Moment,
    ) {
        let took = Some(self.now().since(since));
        self.world.reporter.step(self.id(), step, state, words, took).await;
    }

    /// Waits, unless a rollback overtakes.
    pub(super) async fn pause(&self, length: Duration) -> Result<(), Overtaken> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Overtaken),
            () = tokio::time::sleep(length) => Ok(()),
        }
    }

    /// The truth was not found out: the operation stays open, to be settled later.
    pub(super) fn leave_open(&self) {
        self.left_open.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_left_open(&self) -> bool {
        self.left_open.load(Ordering::SeqCst)
    }

    /// Has the journal note what is being sent. Written beside the call, not before
    /// it: nothing may stand between the fresh read and the change, and the intent
    /// is on the disk already.
    pub(super) fn sending(&self, request: String, body: &impl serde::Serialize) {
        let body = serde_json::to_value(body).unwrap_or_default();
        self.world.papers.owe_journal(What::Call { id: self.id().clone(), request, body });
    }

    pub(super) fn answered(&self, words: impl Into<String>) {
        self.world.papers.owe_journal(What::Answer { id: self.id().clone(), words: words.into() });
    }

    pub(super) fn measured(&self, of: Measured, took: Duration) {
        self.world.papers.owe_record(RecordChange::Measure(of, took, self.now().wall));
    }
}

/// A rollback was ordered meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overtaken;

/// How following the effect of a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// The world is seen to be as ordered; what was seen.
    Reached(String),
    /// It is not; why.
    NotReached(String),
    /// A rollback overtook.
    Overtaken,
}

pub(super) fn not_done(words: impl Into<String>) -> Conclusion {
    Conclusion::Failed { words: words.into() }
}

/// Seconds for people: `0.4 s`.
pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
