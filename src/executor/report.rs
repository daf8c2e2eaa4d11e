//! What the executor tells the room as it goes along.

use std::borrow::Cow;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::clock::Clock;
use crate::room::message::{Body, Message, Notice, Outcome, Step, StepState, Urgency};
use crate::sop::operation::OperationId;

/// How long a full channel may hold the executor up. A room that is busy for longer
/// misses a step, never the world its rollback.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sends outcomes to the room.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    room: Sender<Message>,
    clock: Clock,
}

impl Reporter {
    pub(super) const fn new(room: Sender<Message>, clock: Clock) -> Self {
        Self { room, clock }
    }

    /// Tells one outcome; a room that is gone or stuck is not waited for.
    pub(super) async fn outcome(&self, outcome: Outcome) {
        if self.room.send_timeout(self.message(outcome), PATIENCE).await.is_err() {
            tracing::warn!("the room did not take an outcome");
        }
    }

    /// [`Reporter::outcome`] for places that must not wait at all.
    pub(super) fn at_once(&self, outcome: Outcome) {
        if self.room.try_send(self.message(outcome)).is_err() {
            tracing::warn!("the room did not take an outcome");
        }
    }

    pub(super) async fn notice(&self, urgency: Urgency, words: impl Into<String>) {
        self.outcome(Outcome::Told(Notice { urgency, words: words.into() })).await;
    }

    pub(super) async fn step(
        &self,
        id: &OperationId,
        name: impl Into<Cow<'static, str>>,
        state: StepState,
        words: impl Into<String>,
        took: Option<Duration>,
    ) {
        let step = Step { name: name.into(), state, words: words.into(), took };
        self.outcome(Outcome::Step { id: id.clone(), step }).await;
    }

    fn message(&self, outcome: Outcome) -> Message {
        Message { at: self.clock.now(), body: Body::Outcome(outcome) }
    }
}
