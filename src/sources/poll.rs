//! Polling: one server asked again and again.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use crate::room::message::{LinkState, Observation, SourceId};

/// The shortest time between two rounds.
const AT_LEAST: Duration = Duration::from_millis(100);

/// What is polled.
pub(super) trait Polled: Send {
    /// Asks once: what is to be told, and how the link stands after it.
    fn round(&mut self) -> impl Future<Output = (Vec<Observation>, LinkState)> + Send;
}

/// How often a server is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub every: Duration,
    /// The longest pause beside that while the server is away: many rooms that lost one
    /// server must not come back to it together. `None`: there is no such pause.
    pub longest_pause: Option<Duration>,
}

/// Opens a source and asks it for as long as anybody listens. What it brings is told
/// each time, how its link stands when that has changed.
pub(super) async fn poll<P: Polled>(
    source: SourceId,
    pace: Pace,
    opening: impl Future<Output = Result<P, String>>,
    sender: &mpsc::Sender<Observation>,
    stop: &CancellationToken,
) {
    let polling = async {
        match opening.await {
            Ok(polled) => ask_again(source, pace, polled, sender).await,
            Err(why) => {
                let _ = sender.send(Observation::Link(source, LinkState::Unavailable { why })).await;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = sender.closed() => {}
        () = polling => {}
    }
}

/// Until nobody listens any more.
async fn ask_again(
    source: SourceId,
    pace: Pace,
    mut polled: impl Polled,
    sender: &mpsc::Sender<Observation>,
) {
    let mut ticks = interval(pace.every.max(AT_LEAST));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut backoff = pace.longest_pause.map(|longest| Backoff::new((pace.every / 2, longest)));
    let mut before = None;
    loop {
        ticks.tick().await;
        let (observations, state) = polled.round().await;
        for observation in observations {
            if sender.send(observation).await.is_err() {
                return;
            }
        }
        if before.as_ref() != Some(&state) {
            if sender.send(Observation::Link(source, state.clone())).await.is_err() {
                return;
            }
            before = Some(state.clone());
        }
        match (&mut backoff, state) {
            (Some(backoff), LinkState::Live) => backoff.reset(),
            (Some(backoff), _) => tokio::time::sleep(backoff.pause()).await,
            (None, _) => {}
        }
    }
}
