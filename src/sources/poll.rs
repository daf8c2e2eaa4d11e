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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::Instant;

    use super::*;

    const EVERY: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_secs(15);
    const ROUNDS: usize = 8;

    /// A server that is away until its last round; notes when it was asked.
    struct Away {
        asked: Arc<Mutex<Vec<Instant>>>,
        stop: CancellationToken,
    }

    impl Polled for Away {
        async fn round(&mut self) -> (Vec<Observation>, LinkState) {
            let mut asked = self.asked.lock().unwrap();
            asked.push(Instant::now());
            if asked.len() < ROUNDS {
                return (Vec::new(), LinkState::Lost { why: "connection refused".into() });
            }
            self.stop.cancel();
            (Vec::new(), LinkState::Live)
        }
    }

    /// The times between the rounds, and how often the link's state was told.
    async fn gaps(longest_pause: Option<Duration>) -> (Vec<Duration>, usize) {
        let (sender, mut told) = mpsc::channel(ROUNDS);
        let (asked, stop) = (Arc::default(), CancellationToken::new());
        let away = Away { asked: Arc::clone(&asked), stop: stop.clone() };
        let pace = Pace { every: EVERY, longest_pause };
        poll(SourceId::Alerts, pace, async { Ok(away) }, &sender, &stop).await;
        let gaps = asked.lock().unwrap().windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut links = 0;
        while let Ok(Observation::Link(..)) = told.try_recv() {
            links += 1;
        }
        (gaps, links)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_asked_less_often() {
        let (gaps, links) = gaps(Some(LONGEST)).await;
        assert_eq!(gaps[0], EVERY);
        assert!(gaps.iter().all(|gap| (EVERY..=LONGEST + EVERY).contains(gap)), "{gaps:?}");
        assert!(gaps[4..].iter().all(|gap| *gap > EVERY), "{gaps:?}");
        assert_eq!(links, 2, "that it is lost is told once, and once that it is back");
    }

    #[tokio::test(start_paused = true)]
    async fn what_measures_is_asked_at_its_pace_whatever_it_gets() {
        let (gaps, _) = gaps(None).await;
        assert_eq!(gaps, [EVERY; ROUNDS - 1]);
    }
}
