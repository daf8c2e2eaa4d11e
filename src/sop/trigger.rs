//! Reasons to roll back (sop.md, "Quand rollback"): error rate above 5 %, a P0 alert, a
//! critical bug, P95 above 1 s; and "Rollback Automatique": smoke tests that fail. Each
//! with its evidence.

use jiff::Timestamp;

use super::alert::{Alert, AlertState};
use super::note::{Note, Noted};
use super::signal::{Signal, SignalId};
use super::smoke::SmokeTests;
use super::verdict::{Judged, Verdict};

/// GitHub tells times in whole seconds: what ended then may have ended this much later.
const TOLD_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

/// What raised a trigger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A signal that fails.
    Signal(SignalId),
    /// A P0 alert, by its id.
    Alert(String),
    /// A bug that an operator reported.
    Bug,
    /// The pipeline's smoke tests failed after the traffic had moved.
    Smoke,
    /// The public URL does not answer this machine.
    Unreachable,
}

/// One reason to roll back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub cause: Cause,
    /// The evidence: `error rate 6.2 % > 5 % for 3 of 3 samples, 1,240 requests`.
    pub words: String,
    pub since: Timestamp,
}

impl Trigger {
    /// Whether it may roll back by itself where that is configured. What only this
    /// machine sees may be this machine's own trouble.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.cause != Cause::Unreachable
    }

    /// Whether somebody said that it is no reason to roll back.
    #[must_use]
    pub fn is_answered<'n>(&self, notes: impl IntoIterator<Item = &'n Note>) -> bool {
        notes.into_iter().any(|note| matches!(note.what, Noted::Stopped { .. }) && note.is_after(self.since))
    }
}

/// What triggers are found by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// When the traffic went to the new version.
    pub switched: Timestamp,
    pub signals: &'a [(&'a Signal, &'a Judged)],
    /// `None`: not read, or too long ago to say anything.
    pub alerts: Option<&'a [Alert]>,
    /// Those since the switch.
    pub notes: &'a [&'a Note],
    pub smoke: &'a SmokeTests,
    pub now: Timestamp,
    /// Since when the URL has not answered, and how.
    pub unreachable: Option<(Timestamp, &'a str)>,
}

/// The reasons to roll back that stand: what is found now, and what was raised earlier
/// and was not taken back by evidence. No data takes nothing back, and raises nothing.
#[must_use]
pub fn standing(before: &[Trigger], facts: &Facts<'_>) -> Vec<Trigger> {
    let mut standing = found(facts);
    for earlier in before {
        match standing.iter_mut().find(|trigger| trigger.cause == earlier.cause) {
            Some(again) => again.since = earlier.since,
            None if !is_over(earlier, facts) => standing.push(earlier.clone()),
            None => {}
        }
    }
    standing.sort_by(|a, b| (a.since, &a.cause).cmp(&(b.since, &b.cause)));
    standing
}

fn found(facts: &Facts<'_>) -> Vec<Trigger> {
    let signals = facts.signals.iter().filter_map(|(signal, judged)| {
        let fails = signal.trigger && judged.verdict == Verdict::Fail;
        fails.then(|| Trigger {
            cause: Cause::Signal(signal.id.clone()),
            words: judged.words.clone(),
            since: judged.since.unwrap_or(facts.switched),
        })
    });
    let alerts = facts.alerts.unwrap_or_default().iter().filter(|alert| is_reason(alert, facts));
    let alerts = alerts.map(|alert| Trigger {
        cause: Cause::Alert(alert.id.clone()),
        words: alert_words(alert),
        since: alert.since,
    });
    // The last report stands for all of them.
    let bug = facts.notes.iter().rev().find_map(|note| match &note.what {
        Noted::Bug { words } => Some(Trigger {
            cause: Cause::Bug,
            words: format!("critical bug ({}): {words}", note.author()),
            since: note.at,
        }),
        _ => None,
    });
    let unreachable = facts.unreachable.map(|(since, how)| Trigger {
        cause: Cause::Unreachable,
        words: format!("the URL does not answer this machine: {how}"),
        since,
    });
    signals.chain(alerts).chain(bug).chain(smoke(facts)).chain(unreachable).collect()
}

/// Smoke tests that ended after the switch: the traffic is on what they failed on.
fn smoke(facts: &Facts<'_>) -> Option<Trigger> {
    let SmokeTests::Failed { words, at } = facts.smoke else { return None };
    let ended = at.unwrap_or(facts.now);
    let latest = ended.saturating_add(TOLD_WITHIN).unwrap_or(Timestamp::MAX);
    let since = ended.max(facts.switched);
    (latest > facts.switched).then(|| Trigger { cause: Cause::Smoke, words: words.clone(), since })
}

fn is_reason(alert: &Alert, facts: &Facts<'_>) -> bool {
    alert.p0 && alert.state == AlertState::Firing && alert.since >= facts.switched
}

fn alert_words(alert: &Alert) -> String {
    let summary = if alert.summary.is_empty() { String::new() } else { format!(": {}", alert.summary) };
    format!("P0 alert {}{summary}", alert.name)
}

/// Whether evidence took a trigger back.
fn is_over(trigger: &Trigger, facts: &Facts<'_>) -> bool {
    match &trigger.cause {
        Cause::Signal(id) => facts.signals.iter().any(|(signal, judged)| {
            signal.id == *id && judged.verdict < Verdict::NoData && judged.calm_in_a_row >= signal.consecutive
        }),
        Cause::Alert(_) => facts.alerts.is_some(),
        // A re-run that has not come to them takes nothing back.
        Cause::Smoke => *facts.smoke == SmokeTests::Passed,
        // A newer report has the cause of the older one.
        Cause::Bug => true,
        Cause::Unreachable => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn judged(verdict: Verdict, calm: u32) -> Judged {
        Judged {
            verdict,
            words: format!("error rate: {verdict}"),
            value: None,
            bad_in_a_row: 0,
            calm_in_a_row: calm,
            good_in_a_row: 0,
            since: Some(at(110)),
        }
    }

    fn alert(state: AlertState, p0: bool, since: i64) -> Alert {
        Alert {
            id: "f1".into(),
            name: "BackendDown".into(),
            labels: Default::default(),
            severity: "critical".into(),
            p0,
            state,
            since: at(since),
            summary: "all pods gone".into(),
        }
    }

    fn causes(triggers: &[Trigger]) -> Vec<&Cause> {
        triggers.iter().map(|trigger| &trigger.cause).collect()
    }

    const NONE: Facts<'_> = Facts {
        switched: Timestamp::UNIX_EPOCH,
        signals: &[],
        alerts: None,
        notes: &[],
        smoke: &SmokeTests::Unknown,
        now: Timestamp::UNIX_EPOCH,
        unreachable: None,
    };

    #[test]
    fn no_data_raises_nothing_and_takes_nothing_back() {
        let signal = Signal::error_rate();
        let with = |before: &[Trigger], verdict, calm| {
            let judged = judged(verdict, calm);
            standing(before, &Facts { signals: &[(&signal, &judged)], ..NONE })
        };
        for verdict in [Verdict::Pass, Verdict::Warn, Verdict::NoData, Verdict::Stale] {
            assert_eq!(with(&[], verdict, 0), [], "{verdict}");
        }
        let raised = with(&[], Verdict::Fail, 0);
        assert_eq!(causes(&raised), [&Cause::Signal("error-rate".into())]);
        for (verdict, calm, stands) in [
            (Verdict::NoData, 0, true),
            (Verdict::Stale, 5, true),
            (Verdict::Warn, 2, true),
            (Verdict::Warn, 3, false),
            (Verdict::Pass, 3, false),
        ] {
            assert_eq!(!with(&raised, verdict, calm).is_empty(), stands, "{verdict} {calm}");
        }
    }

    #[test]
    fn only_the_signals_of_the_procedure_raise_one() {
        let (memory, fails) = (Signal::memory(), judged(Verdict::Fail, 0));
        assert_eq!(standing(&[], &Facts { signals: &[(&memory, &fails)], ..NONE }), []);
    }

    #[test]
    fn a_p0_alert_counts_when_it_began_after_the_switch_and_fires() {
        let raised = |alert: Alert| {
            let alerts = [alert];
            standing(&[], &Facts { switched: at(100), alerts: Some(&alerts), ..NONE }).len()
        };
        assert_eq!(raised(alert(AlertState::Firing, true, 120)), 1);
        assert_eq!(raised(alert(AlertState::Firing, true, 90)), 0);
        assert_eq!(raised(alert(AlertState::Firing, false, 120)), 0);
        assert_eq!(raised(alert(AlertState::Pending, true, 120)), 0);
        assert_eq!(raised(alert(AlertState::Silenced, true, 120)), 0);
        let before = standing(&[], &Facts { alerts: Some(&[alert(AlertState::Firing, true, 120)]), ..NONE });
        assert_eq!(standing(&before, &NONE).len(), 1, "alerts that cannot be read have not ended");
        assert_eq!(standing(&before, &Facts { alerts: Some(&[]), ..NONE }), []);
    }

    #[test]
    fn a_reported_bug_stands_until_somebody_answers_it() {
        let bug = Note {
            at: at(130),
            by: "ops2@b/s".into(),
            what: Noted::Bug { words: "payments are lost".into() },
        };
        let raised = standing(&[], &Facts { notes: &[&bug], ..NONE });
        assert_eq!(raised[0].words, "critical bug (ops2@b): payments are lost");
        assert_eq!(standing(&raised, &Facts { notes: &[&bug], ..NONE }), raised);
        let stopped = |second| Note {
            at: at(second),
            by: "ops3@b/s".into(),
            what: Noted::Stopped { reason: "a test account".into() },
        };
        assert!(!raised[0].is_answered([&bug]));
        assert!(raised[0].is_answered([&bug, &stopped(140)]));
        assert!(raised[0].is_answered([&bug, &stopped(120)]), "clocks are a little apart");
        assert!(!raised[0].is_answered([&bug, &stopped(100)]));
    }

    #[test]
    fn smoke_tests_that_fail_after_the_switch_raise_one_until_they_pass() {
        let failed = |second: Option<i64>| SmokeTests::Failed {
            words: "run #7: smoke tests failed".into(),
            at: second.map(at),
        };
        let with = |before: &[Trigger], smoke: &SmokeTests| {
            standing(before, &Facts { switched: at(100), now: at(200), smoke, ..NONE })
        };
        assert_eq!(with(&[], &failed(Some(90))), [], "they failed before: they held the switch");
        let same_second = standing(
            &[],
            &Facts {
                switched: at(100) + jiff::SignedDuration::from_millis(400),
                now: at(200),
                smoke: &failed(Some(100)),
                ..NONE
            },
        );
        assert_eq!(causes(&same_second), [&Cause::Smoke], "GitHub tells whole seconds");
        assert_eq!(same_second[0].since, at(100) + jiff::SignedDuration::from_millis(400));
        assert_eq!(with(&[], &failed(Some(99))), [], "a second before is before");
        let raised = with(&[], &failed(Some(110)));
        assert_eq!((causes(&raised), raised[0].since), (vec![&Cause::Smoke], at(110)));
        assert!(raised[0].is_automatic());
        assert_eq!(with(&[], &failed(None))[0].since, at(200));
        assert_eq!(with(&raised, &SmokeTests::Unknown), raised, "a re-run is no pass yet");
        assert_eq!(with(&raised, &SmokeTests::Passed), []);
    }

    #[test]
    fn what_only_this_machine_sees_is_not_acted_on_by_itself() {
        let raised = standing(&[], &Facts { unreachable: Some((at(5), "time-out")), ..NONE });
        assert!(!raised[0].is_automatic());
    }
}
