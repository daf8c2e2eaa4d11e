//! What is measured and alerted, as it was last told.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::sop::alert::{Alert, AlertState, Duty};
use crate::sop::colour::Colour;
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
        let histories = self.tracks.iter().flat_map(|track| {
            let colours = Colour::ALL.into_iter().map(|colour| &track.colours[colour]);
            colours.chain([&track.total])
        });
        let arrivals = histories.filter_map(|history| history.newest().map(|(at, _)| *at));
        arrivals.max_by_key(|at| at.uptime)
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
    pub fn remember(&mut self, switched: Option<Timestamp>) {
        self.tracks.iter_mut().for_each(|track| track.remember(switched));
    }

    /// Takes in all alerts there are: those that fire first, the newest of them first.
    pub fn alerts(&mut self, mut alerts: Vec<Alert>, now: Moment) {
        alerts.sort_by_key(|alert| (alert.state, Reverse(alert.since)));
        alerts.truncate(MOST_ALERTS);
        self.alerts = Some((now, alerts));
    }

    /// All alerts, as far as they were ever read, those that matter most first: what began
    /// after the switch, P0, what fires, what is new.
    #[must_use]
    pub fn by_weight(&self, switched: Option<Timestamp>) -> Vec<&Alert> {
        let mut all: Vec<&Alert> = self.alerts.iter().flat_map(|(_, alerts)| alerts).collect();
        let is_older = |alert: &Alert| switched.is_none_or(|switched| alert.since < switched);
        all.sort_by_key(|alert| (is_older(alert), !alert.p0, alert.state, Reverse(alert.since)));
        all
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
        assert!(metrics.newest().is_some());
    }

    #[test]
    fn alerts_are_listed_by_what_they_mean_for_the_release() {
        let alert = |name: &str, p0, state, since| Alert {
            id: name.into(),
            name: name.into(),
            labels: std::collections::BTreeMap::new(),
            severity: String::new(),
            p0,
            state,
            since: Timestamp::from_second(since).unwrap(),
            summary: String::new(),
        };
        let mut metrics = Metrics::default();
        let all = vec![
            alert("old", false, AlertState::Firing, 10),
            alert("old P0", true, AlertState::Firing, 20),
            alert("silenced", false, AlertState::Silenced, 120),
            alert("pending", false, AlertState::Pending, 130),
            alert("new", false, AlertState::Firing, 100),
            alert("newer", false, AlertState::Firing, 110),
            alert("P0", true, AlertState::Firing, 105),
        ];
        metrics.alerts(all, now());
        let names = |switched: Option<i64>| {
            let switched = switched.map(|at| Timestamp::from_second(at).unwrap());
            metrics.by_weight(switched).into_iter().map(|alert| alert.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(Some(100)), ["P0", "newer", "new", "pending", "silenced", "old P0", "old"]);
        assert_eq!(names(None)[..3], ["P0", "old P0", "newer"], "without a switch nothing began after it");
    }
}
