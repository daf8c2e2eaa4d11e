//! The watch after the switch: its times (sop.md, "Monitoring post-deployment" and
//! "Blue-green deployment"), and what was measured in it as far as actions rest on that.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::Origin;
use super::moment::Moment;
use super::note::{self, Note, Noted};
use super::policy::Policy;
use super::record::Switched;
use super::smoke::SmokeTests;
use super::verdict::{Judgement, Verdict};

/// The times of one watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch<'n> {
    /// Since the switch.
    pub passed: Duration,
    /// How long it takes, with what it was extended by.
    pub length: Duration,
    /// The note that ended it early.
    pub ended: Option<&'n Note>,
}

impl<'n> Watch<'n> {
    /// The watch over what the traffic was last moved to.
    #[must_use]
    pub fn of(switched: &Switched, notes: &'n [Note], policy: &Policy, now: Moment) -> Self {
        let mut watch = Self { passed: now.since_wall(switched.at), length: policy.watch, ended: None };
        for note in note::since(notes, Some(switched)) {
            match &note.what {
                Noted::Extended { seconds, .. } => {
                    watch.length = watch.length.saturating_add(Duration::from_secs(*seconds));
                    // Who extends a watch wants it to go on.
                    watch.ended = None;
                }
                Noted::Ended { .. } => watch.ended = Some(note),
                _ => {}
            }
        }
        watch
    }

    /// What is left by the timer.
    #[must_use]
    pub const fn left(&self) -> Duration {
        self.length.saturating_sub(self.passed)
    }

    /// Whether it is over: ended with a reason, or its time has passed and what was
    /// measured passes. Without metrics there is nothing but the time.
    #[must_use]
    pub fn is_over(&self, evidence: &Evidence) -> bool {
        self.ended.is_some() || (self.left().is_zero() && evidence.holds_nothing_against_it())
    }
}

/// What was measured, as interlocks judge by it: made where the samples are, and carried
/// by an order to where they are not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    pub at: Option<Timestamp>,
    /// The verdict of the watch so far; `None`: no metrics are configured.
    pub watch: Option<Judgement>,
    /// What the switch needs a value of and has none, with why.
    pub missing: Vec<String>,
    /// Requests per second that the idle colour still serves; `None`: nothing measures it.
    pub idle_requests: Option<f64>,
    /// Where the release comes from; `None`: no repository is configured.
    pub origin: Option<Origin>,
    /// What the smoke tests of the release's run say.
    pub smoke: SmokeTests,
}

/// Evidence older than this says nothing about now.
const HOLDS: Duration = Duration::from_secs(60);

impl Evidence {
    /// Whether anything is measured at all.
    #[must_use]
    pub const fn is_measured(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether it is too old for an action to rest on.
    #[must_use]
    pub fn is_old(&self, now: Moment) -> bool {
        self.at.is_some_and(|at| now.since_wall(at) > HOLDS)
    }

    fn holds_nothing_against_it(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.verdict == Verdict::Pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::colour::Colour;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn switched() -> Switched {
        Switched { to: Colour::Green, at: at(1_000), by: "ops1@b".into(), rollback: false }
    }

    fn now(seconds: i64) -> Moment {
        Moment { uptime: Duration::ZERO, wall: at(seconds) }
    }

    fn measured(verdict: Verdict) -> Evidence {
        Evidence { watch: Some(Judgement { verdict, reasons: Vec::new() }), ..Evidence::default() }
    }

    #[test]
    fn the_timer_alone_ends_no_watch_that_is_measured() {
        let policy = Policy::default();
        let watch = Watch::of(&switched(), &[], &policy, now(1_000 + 1_800));
        assert_eq!(watch.left(), Duration::ZERO);
        for verdict in Verdict::ALL {
            assert_eq!(watch.is_over(&measured(verdict)), verdict == Verdict::Pass, "{verdict}");
        }
        assert!(watch.is_over(&Evidence::default()), "without metrics there is only the time");
        let early = Watch::of(&switched(), &[], &policy, now(1_000 + 1_799));
        assert!(!early.is_over(&measured(Verdict::Pass)) && !early.is_over(&Evidence::default()));
    }

    #[test]
    fn a_watch_is_extended_and_ended_by_notes_of_its_own() {
        let policy = Policy::default();
        let note = |second, what| Note { at: at(second), by: "ops2@b/s".into(), what };
        let extended = note(1_100, Noted::Extended { seconds: 600, reason: "batch job".into() });
        let ended = note(1_200, Noted::Ended { reason: "quiet night".into() });
        let old = note(900, Noted::Ended { reason: "the release before".into() });
        let notes = [old.clone(), extended.clone(), ended.clone()];
        let watch = Watch::of(&switched(), &notes[..2], &policy, now(1_300));
        assert_eq!((watch.length, watch.ended), (Duration::from_secs(2_400), None));
        let watch = Watch::of(&switched(), &notes, &policy, now(1_300));
        assert_eq!(watch.ended, Some(&ended));
        assert!(watch.is_over(&measured(Verdict::Fail)));
        let again = [ended, extended];
        assert_eq!(Watch::of(&switched(), &again, &policy, now(1_300)).ended, None);
    }
}
