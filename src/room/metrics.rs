//! What is measured and alerted, as it was last told.

use crate::sop::alert::{Alert, AlertState, Duty};
use crate::sop::moment::Moment;
use crate::sop::signal::{Past, Sampled, Signal, SignalId, Track};

/// Most alerts kept; the ones that fire come first.
const MOST_ALERTS: usize = 500;

/// The signals with their histories, the alerts and who is on duty.
#[derive(Debug, Default)]
pub struct Metrics {
    /// In the order of the configuration; empty: no metrics are configured.
    pub tracks: Vec<Track>,
    /// All that are not resolved, when they were read; `None`: never.
    pub alerts: Option<(Moment, Vec<Alert>)>,
    pub duty: Option<(Moment, Duty)>,
}

impl Metrics {
    /// Tracks of which nothing is known yet.
    #[must_use]
    pub fn new(signals: Vec<Signal>) -> Self {
        Self { tracks: signals.into_iter().map(Track::new).collect(), ..Self::default() }
    }

    /// The track of a signal, if it is watched.
    #[must_use]
    pub fn track(&self, id: &str) -> Option<&Track> {
        self.tracks.iter().find(|track| track.signal.id.as_str() == id)
    }

    /// When the newest sample of any signal arrived.
    #[must_use]
    pub fn newest(&self) -> Option<Moment> {
        let newest = |track: &Track| track.total.newest().map(|(at, _)| *at);
        self.tracks.iter().filter_map(newest).max_by_key(|at| at.uptime)
    }

    fn track_mut(&mut self, id: &SignalId) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.signal.id == *id)
    }

    /// Takes in samples; those of signals that are not watched are dropped.
    pub fn samples(&mut self, samples: Vec<Sampled>, now: Moment) {
        for Sampled { signal, colour, sample } in samples {
            if let Some(track) = self.track_mut(&signal) {
                track.history_mut(colour).push(sample, now);
            }
        }
    }

    /// Takes in what was measured before.
    pub fn past(&mut self, past: Vec<Past>) {
        for Past { signal, colour, points } in past {
            if let Some(track) = self.track_mut(&signal) {
                track.history_mut(colour).load(&points);
            }
        }
    }

    /// Keeps the values from before the switch at `switched`.
    pub fn remember(&mut self, switched: Option<jiff::Timestamp>) {
        self.tracks.iter_mut().for_each(|track| track.remember(switched));
    }

    /// Takes in all alerts there are: those that fire first, the newest of them first.
    pub fn alerts(&mut self, mut alerts: Vec<Alert>, now: Moment) {
        alerts.sort_by_key(|alert| (alert.state, std::cmp::Reverse(alert.since)));
        alerts.truncate(MOST_ALERTS);
        self.alerts = Some((now, alerts));
    }

    /// The alerts in a state, as far as they were ever read.
    pub fn in_state(&self, state: AlertState) -> impl Iterator<Item = &Alert> {
        let all = self.alerts.iter().flat_map(|(_, alerts)| alerts);
        all.filter(move |alert| alert.state == state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::colour::Colour;
    use crate::sop::signal::{Reading, Sample};

    fn now() -> Moment {
        Moment { uptime: std::time::Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn samples_find_their_signal_and_colour() {
        let mut metrics = Metrics::new(Signal::shipped());
        let sampled = |signal: &str, colour| Sampled {
            signal: signal.into(),
            colour,
            sample: Sample::new(now().wall, Reading::Value(1.0)),
        };
        let samples = vec![
            sampled(SignalId::P95, None),
            sampled(SignalId::REQUESTS, Some(Colour::Green)),
            sampled("unheard-of", None),
        ];
        metrics.samples(samples, now());
        assert!(metrics.track(SignalId::P95).unwrap().total.newest().is_some());
        let requests = metrics.track(SignalId::REQUESTS).unwrap();
        assert!(requests.total.newest().is_none());
        assert!(requests.judged(Some(Colour::Green)).newest().is_some());
        assert!(requests.judged(Some(Colour::Blue)).newest().is_none());
        assert_eq!(metrics.tracks.len(), 5);
    }
}
