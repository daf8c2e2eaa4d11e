//! The timeline of a hotfix (sop.md, "Hotfix process"): what should be done by when after
//! the bug was detected, and how far it is.

use std::time::Duration;

use jiff::Timestamp;

use super::moment::Moment;

const MINUTE: Duration = Duration::from_secs(60);

/// From detection to a verified fix it takes less than that.
pub const WITHIN: Duration = Duration::from_secs(90 * 60);

/// That a release is a hotfix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hotfix {
    /// When the bug was detected: T+0.
    pub detected: Timestamp,
}

/// The stages, each reached when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Detection,
    Investigation,
    Fix,
    Review,
    Deploy,
    Verify,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Detection, Self::Investigation, Self::Fix, Self::Review, Self::Deploy, Self::Verify];

    /// By when it should be reached, after the detection.
    #[must_use]
    pub const fn target(self) -> Duration {
        let minutes = match self {
            Self::Detection => 0,
            Self::Investigation => 15,
            Self::Fix => 30,
            Self::Review => 45,
            Self::Deploy => 60,
            Self::Verify => 75,
        };
        Duration::from_secs(minutes * MINUTE.as_secs())
    }

    /// The word on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Investigation => "investigation",
            Self::Fix => "fix",
            Self::Review => "review",
            Self::Deploy => "deploy",
            Self::Verify => "verify",
        }
    }
}

/// When each stage was reached; a stage that was passed over counts as reached with the
/// next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub detected: Timestamp,
    /// In any order; of each stage the first counts.
    pub reached: Vec<(Stage, Timestamp)>,
}

/// How one stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    /// Time after the detection at which it was reached; `None`: not yet.
    pub reached: Option<Duration>,
    /// How much later than its target it was reached, or is by now.
    pub late: Option<Duration>,
}

impl Timeline {
    /// How every stage stands.
    #[must_use]
    pub fn progress(&self, now: Moment) -> [Progress; 6] {
        let passed = now.since_wall(self.detected);
        Stage::ALL.map(|stage| {
            let reached = self.reached_after(stage);
            let late = reached.unwrap_or(passed).checked_sub(stage.target());
            Progress { stage, reached, late: late.filter(|late| !late.is_zero()) }
        })
    }

    fn reached_after(&self, stage: Stage) -> Option<Duration> {
        if stage == Stage::Detection {
            return Some(Duration::ZERO);
        }
        let times = self.reached.iter().filter(|(known, _)| *known >= stage).map(|(_, at)| *at);
        let after = times.min()?.duration_since(self.detected);
        Some(Duration::try_from(after).unwrap_or_default())
    }

    /// The stage that is next.
    #[must_use]
    pub fn next(&self) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| self.reached_after(*stage).is_none())
    }

    /// Where it is, in one line: `T+38 min: review next, due at T+45`, `T+52 min: review is
    /// 7 min late`, `verified at T+71 min, within 90`.
    #[must_use]
    pub fn words(&self, now: Moment) -> String {
        let minutes = |time: Duration| time.as_secs() / 60;
        let passed = now.since_wall(self.detected);
        let Some(next) = self.next() else {
            let took = self.reached_after(Stage::Verify).unwrap_or(passed);
            let most = minutes(WITHIN);
            return match took.checked_sub(WITHIN) {
                None => format!("verified at T+{} min, within {most}", minutes(took)),
                Some(over) => {
                    format!("verified at T+{} min, {} min over {most}", minutes(took), minutes(over))
                }
            };
        };
        match passed.checked_sub(next.target()).filter(|late| *late >= MINUTE) {
            None => {
                let (word, target) = (next.word(), minutes(next.target()));
                format!("T+{} min: {word} next, due at T+{target}", minutes(passed))
            }
            Some(late) => {
                format!("T+{} min: {} is {} min late", minutes(passed), next.word(), minutes(late))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + minute * 60).unwrap()
    }

    fn now(minute: i64) -> Moment {
        Moment { uptime: Duration::ZERO, wall: at(minute) }
    }

    fn timeline(reached: &[(Stage, i64)]) -> Timeline {
        let reached = reached.iter().map(|(stage, minute)| (*stage, at(*minute))).collect();
        Timeline { detected: at(0), reached }
    }

    #[test]
    fn the_stages_are_due_when_the_procedure_says() {
        let due = Stage::ALL.map(|stage| stage.target().as_secs() / 60);
        assert_eq!(due, [0, 15, 30, 45, 60, 75]);
        assert!(Stage::Verify.target() < WITHIN);
    }

    #[test]
    fn what_is_next_and_how_late_it_is_is_said_in_words() {
        use Stage::{Deploy, Fix, Investigation, Review, Verify};
        type Case = (&'static [(Stage, i64)], i64, &'static str);
        let cases: [Case; 7] = [
            (&[], 3, "T+3 min: investigation next, due at T+15"),
            (&[], 22, "T+22 min: investigation is 7 min late"),
            (&[(Investigation, 12), (Fix, 29)], 38, "T+38 min: review next, due at T+45"),
            // A stage that was passed over was reached with the next one.
            (&[(Review, 44)], 52, "T+52 min: deploy next, due at T+60"),
            (&[(Deploy, 70)], 75, "T+75 min: verify next, due at T+75"),
            (&[(Deploy, 58), (Verify, 71)], 200, "verified at T+71 min, within 90"),
            (&[(Verify, 104)], 200, "verified at T+104 min, 14 min over 90"),
        ];
        for (reached, minute, words) in cases {
            assert_eq!(timeline(reached).words(now(minute)), words);
        }
    }

    #[test]
    fn actual_stands_against_target_stage_by_stage() {
        let timeline = timeline(&[(Stage::Fix, 40), (Stage::Review, 43)]);
        let late: Vec<_> = timeline
            .progress(now(65))
            .into_iter()
            .map(|progress| {
                let minutes = |time: Option<Duration>| time.map(|time| time.as_secs() / 60);
                (progress.stage.word(), minutes(progress.reached), minutes(progress.late))
            })
            .collect();
        let expected = [
            ("detection", Some(0), None),
            ("investigation", Some(40), Some(25)),
            ("fix", Some(40), Some(10)),
            ("review", Some(43), None),
            ("deploy", None, Some(5)),
            ("verify", None, None),
        ];
        assert_eq!(late, expected);
    }
}
