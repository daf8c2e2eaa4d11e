//! What follows from what is measured: worked out when something was measured and once
//! a second, not once a frame.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::Room;
use super::message::{LinkState, Probe, SourceId};
use crate::sop::alert::{Alert, AlertState};
use crate::sop::colour::Colour;
use crate::sop::moment::Moment;
use crate::sop::note::{self, Note};
use crate::sop::record::Switched;
use crate::sop::signal::{SignalId, Track};
use crate::sop::smoke::SmokeTests;
use crate::sop::trigger::{self, Facts, Trigger};
use crate::sop::verdict::{
    Context, Findings, Judged, Judgement, Recovery, Verdict, covered, judge, new_errors, recovery,
    watch_verdict,
};
use crate::sop::watch::Evidence;

/// Parts of the watch in most of which a signal has to be measured.
const PARTS: u32 = 30;
/// Alerts that were read longer ago say nothing about now.
const ALERTS_HOLD: Duration = Duration::from_secs(60);
/// A probe's answer older than this says nothing about now.
pub(super) const PROBE_HOLDS: Duration = Duration::from_secs(60);
/// Probes in a row that fail before the URL counts as unreachable.
const DEAD_PROBES: usize = 3;
/// Without anything new it is worked out this often, for ages and timers.
const AT_LEAST: Duration = Duration::from_secs(1);

/// Answers of one path, the newest last.
type Probes = VecDeque<(Moment, Probe)>;

/// What was worked out last.
#[derive(Debug, Default)]
pub struct Assessed {
    pub at: Option<Moment>,
    /// The verdict of each track, in their order.
    pub signals: Vec<Judged>,
    pub evidence: Evidence,
    /// Reasons to roll back that stand, answered or not; the oldest first.
    pub triggers: Vec<Trigger>,
    /// After a rollback: whether things are back to normal.
    pub recovery: Option<Recovery>,
}

impl Room {
    /// Works out what follows, if it is time to or `news` came in.
    pub(super) fn assess(&mut self, news: bool) {
        let due = self.assessed.at.is_none_or(|at| self.now.since(at) >= AT_LEAST);
        if !news && !due {
            return;
        }
        let signals: Vec<Judged> = self.metrics.tracks.iter().map(|track| self.judge(track)).collect();
        self.look_at_checklist();
        let evidence = self.evidence(&signals);
        let triggers = self.triggers(&signals, &evidence.smoke);
        let recovery = self.recovering().map(|rolled_back| {
            let tracks = self.metrics.tracks.iter().map(|track| &track.signal);
            recovery(tracks.zip(&signals), rolled_back)
        });
        self.assessed = Assessed { at: Some(self.now), signals, evidence, triggers, recovery };
    }

    /// The last move of the traffic, when it was one forward and still stands.
    #[must_use]
    pub fn released(&self) -> Option<&Switched> {
        let active = self.world.cluster.active();
        self.switched.as_ref().filter(|switched| !switched.rollback && Some(switched.to) == active)
    }

    /// When the traffic was taken back, when that was its last move.
    fn recovering(&self) -> Option<Timestamp> {
        self.switched.as_ref().filter(|switched| switched.rollback).map(|switched| switched.at)
    }

    /// The notes that belong to the last move of the traffic.
    pub fn current_notes(&self) -> impl Iterator<Item = &Note> {
        note::since(&self.notes, self.switched.as_ref())
    }

    fn judge(&self, track: &Track) -> Judged {
        let switched = self.switched.as_ref().map(|switched| switched.at);
        let context = Context { now: self.now, switched, before: track.before() };
        judge(&track.signal, track.judged(self.world.cluster.active()), &context)
    }

    fn evidence(&self, signals: &[Judged]) -> Evidence {
        let at = Some(self.now.wall);
        if self.metrics.tracks.is_empty() {
            return Evidence {
                at,
                origin: self.origin(),
                smoke: self.smoke_tests(),
                checklist: self.checklist.held(),
                ..Evidence::default()
            };
        }
        Evidence {
            at,
            watch: Some(self.watch_so_far(signals)),
            missing: self.missing(),
            idle_requests: self.world.cluster.idle().and_then(|idle| self.idle_requests(idle)),
            origin: self.origin(),
            smoke: self.smoke_tests(),
            checklist: self.checklist.held(),
        }
    }

    /// The verdict of the watch as far as it has come. It looks back one watch's length:
    /// nobody can tell what was before the room was opened and forgotten by the server.
    fn watch_so_far(&self, signals: &[Judged]) -> Judgement {
        let policy = &self.setting.policy;
        let now = self.now.wall;
        let length = policy.watch;
        let begin = now.checked_sub(length).unwrap_or(Timestamp::MIN);
        let from = self.switched.as_ref().map_or(begin, |switched| switched.at.max(begin));
        let active = self.world.cluster.active();
        let each = self.metrics.tracks.iter().zip(signals).map(|(track, judged)| {
            let history = track.judged(active);
            let covered = covered(&track.signal, history, from, now, length / PARTS);
            (&track.signal, judged, covered)
        });
        let mut others = Findings::default();
        self.judge_alerts(&mut others);
        self.judge_new_errors(&mut others);
        watch_verdict(each, others)
    }

    /// What the switch needs a value of and has none.
    fn missing(&self) -> Vec<String> {
        let needed = self.metrics.tracks.iter().filter(|track| track.signal.needed);
        let silent = needed.filter_map(|track| {
            let words = &track.signal.words;
            match track.judged(self.world.cluster.active()).newest() {
                None => Some(format!("{words}: not measured yet")),
                Some((at, _)) if self.now.since(*at) > track.signal.stale_after => {
                    Some(format!("{words}: not measured any more"))
                }
                Some((_, sample)) => match &sample.reading {
                    _ if sample.reading.number().is_some() => None,
                    crate::sop::signal::Reading::NoData(why) | crate::sop::signal::Reading::Failed(why) => {
                        Some(format!("{words}: {why}"))
                    }
                    _ => Some(format!("{words}: no number")),
                },
            }
        });
        let unasked = |what: &str, probes: &Probes| match probes.back() {
            Some((at, _)) if self.now.since(*at) <= PROBE_HOLDS => None,
            Some(_) => Some(format!("{what} has not been asked for a minute")),
            None => Some(format!("{what} has not been asked yet")),
        };
        let health = unasked("the URL", &self.world.probes);
        let api = self.setting.api_path.as_deref().and_then(|path| unasked(path, &self.world.api_probes));
        silent.chain(health).chain(api).collect()
    }

    /// Requests per second that a colour still serves, where that is measured and fresh.
    fn idle_requests(&self, idle: Colour) -> Option<f64> {
        let track = self.metrics.track(SignalId::REQUESTS)?;
        let (at, sample) = track.colours[idle].newest()?;
        let fresh = self.now.since(*at) <= track.signal.stale_after;
        sample.reading.number().filter(|rate| fresh && *rate >= 0.0)
    }

    /// Whether a probe's answer of that time still says something about now.
    #[must_use]
    pub fn probe_holds(&self, at: Moment) -> bool {
        self.now.since(at) <= PROBE_HOLDS
    }

    /// The alerts, where they were read lately enough to say something about now.
    #[must_use]
    pub fn fresh_alerts(&self) -> Option<&[Alert]> {
        let (at, alerts) = self.metrics.alerts.as_ref()?;
        (self.now.since(*at) <= ALERTS_HOLD).then_some(alerts.as_slice())
    }

    /// Alerts that began after the switch. A silenced one is not healthy for that.
    pub(super) fn judge_alerts(&self, found: &mut Findings) {
        if !self.setting.alerts {
            return;
        }
        let Some(alerts) = self.fresh_alerts() else {
            let (verdict, words) = match &self.metrics.alerts {
                None => (Verdict::NoData, "alerts: not read yet".to_owned()),
                Some((at, _)) => {
                    (Verdict::Stale, format!("alerts: last read {} s ago", self.now.since(*at).as_secs()))
                }
            };
            return found.add(verdict, words);
        };
        let from = self.switched.as_ref().map_or(Timestamp::MIN, |switched| switched.at);
        for alert in alerts.iter().filter(|alert| alert.since >= from) {
            let verdict =
                if alert.p0 && alert.state == AlertState::Firing { Verdict::Fail } else { Verdict::Warn };
            let p0 = if alert.p0 { "P0 " } else { "" };
            found.add(verdict, format!("{p0}alert {} {}", alert.name, alert.state.word()));
        }
    }

    /// Kinds of error in the logs that the old version did not have.
    pub(super) fn judge_new_errors(&self, found: &mut Findings) {
        let Some(switched) = self.released() else { return };
        let kinds = self.logs.new_errors(switched.at, switched.to);
        if let Some(words) = new_errors(&kinds, self.now.wall, self.setting.policy.watch) {
            found.add(Verdict::Warn, words);
        }
    }

    /// What the smoke tests of the followed run say.
    fn smoke_tests(&self) -> SmokeTests {
        let run = self.run().filter(|_| self.has_repository());
        run.map(|run| SmokeTests::of(run, &self.setting.stages, self.now.wall)).unwrap_or_default()
    }

    fn triggers(&self, signals: &[Judged], smoke: &SmokeTests) -> Vec<Trigger> {
        let Some(switched) = self.released() else { return Vec::new() };
        let tracks = self.metrics.tracks.iter().map(|track| &track.signal);
        let signals: Vec<_> = tracks.zip(signals).collect();
        let notes: Vec<&Note> = self.current_notes().collect();
        let dead = self.unreachable(switched.at);
        let facts = Facts {
            switched: switched.at,
            signals: &signals,
            alerts: self.fresh_alerts(),
            notes: &notes,
            smoke,
            now: self.now.wall,
            unreachable: dead.as_ref().map(|(since, how)| (*since, how.as_str())),
        };
        let earlier: Vec<Trigger> =
            self.assessed.triggers.iter().filter(|known| known.since >= switched.at).cloned().collect();
        trigger::standing(&earlier, &facts)
    }

    /// Since when no probe got an answer that works, when that were enough of them.
    fn unreachable(&self, switched: Timestamp) -> Option<(Timestamp, String)> {
        let world = &self.world;
        [&world.probes, &world.api_probes].into_iter().find_map(|probes| self.dead(probes, switched))
    }

    fn dead(&self, probes: &Probes, switched: Timestamp) -> Option<(Timestamp, String)> {
        let fails = |probe: &Probe| !matches!(probe.answer, Ok(..500));
        let dead: Vec<_> =
            probes.iter().rev().take_while(|(at, probe)| at.wall > switched && fails(probe)).collect();
        let ((newest, probe), (first, _)) = (dead.first()?, dead.last()?);
        let how = match &probe.answer {
            Ok(status) => format!("{status}"),
            Err(why) => why.clone(),
        };
        let lately = self.now.since(*newest) <= PROBE_HOLDS;
        (dead.len() >= DEAD_PROBES && lately).then(|| (first.wall, format!("{how}, {} times", dead.len())))
    }

    /// The reasons to roll back to which nobody has said that they are none.
    pub fn open_triggers(&self) -> impl Iterator<Item = &Trigger> {
        self.assessed.triggers.iter().filter(|trigger| !trigger.is_answered(self.current_notes()))
    }

    /// Why metrics or alerts cannot be read, while they cannot.
    #[must_use]
    pub fn metrics_trouble(&self) -> Option<&str> {
        [SourceId::Metrics, SourceId::Alerts].into_iter().find_map(|source| {
            match &self.world.links.get(&source)?.state {
                LinkState::Lost { why } | LinkState::Unavailable { why } => Some(why.as_str()),
                LinkState::Live => None,
            }
        })
    }
}
