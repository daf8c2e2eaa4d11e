//! The score sheet of a rehearsal: what it cost the users, and how quick the operators
//! were.

use serde::Serialize;

use crate::rehearsal::application::users::Counts;
use crate::room::Room;
use crate::room::message::Conclusion;
use crate::sop::moment::Moment;
use crate::sop::operation::ActionKind;
use crate::sop::phase::Phase;
use crate::sop::verdict::Verdict;

/// What a rehearsal came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Score {
    pub requests: u64,
    /// Answers that were the application's own errors.
    pub errors: u64,
    /// Requests without any answer.
    pub lost: u64,
    /// Seconds from the release's first fault to the first verdict that says so.
    pub detected_after_seconds: Option<f64>,
    /// Seconds from the release's first bad answer to the reason to roll back.
    pub raised_after_seconds: Option<f64>,
    /// Seconds from that verdict (else from the order) until the traffic was seen to be back.
    pub rolled_back_after_seconds: Option<f64>,
    pub interlocks_overridden: usize,
}

impl Score {
    /// With what the users have seen.
    #[must_use]
    pub(super) fn with(mut self, counts: &Counts) -> Self {
        (self.requests, self.errors, self.lost) = (counts.requests, counts.errors, counts.lost);
        self
    }

    /// The sheet, a line each.
    #[must_use]
    pub(super) fn lines(&self) -> Vec<String> {
        let seconds =
            |value: Option<f64>| value.map_or("not measured".to_owned(), |value| format!("{value:.1} s"));
        vec![
            format!("requests                {}", self.requests),
            format!("answered with an error  {}", self.errors),
            format!("lost                    {}", self.lost),
            format!("time to detect          {}", seconds(self.detected_after_seconds)),
            format!("time to the reason      {}", seconds(self.raised_after_seconds)),
            format!("time to roll back       {}", seconds(self.rolled_back_after_seconds)),
            format!("interlocks overridden   {}", self.interlocks_overridden),
        ]
    }
}

/// Watches a room for what belongs on the sheet.
#[derive(Clone, Debug, Default)]
pub(super) struct Scorer {
    /// The release's first fault.
    fault: Option<Moment>,
    /// The first verdict that said so.
    detected: Option<Moment>,
    /// The first reason to roll back after the fault.
    raised: Option<Moment>,
    score: Score,
}

/// Whether a bad verdict now is about the release: its traffic is on it, and no move of
/// the traffic, which makes its own gap, is still under way.
fn tells_of_the_release(room: &Room) -> bool {
    let watched = matches!(room.phase(), Some(Phase::Watch | Phase::StandDown));
    let taking_back =
        room.operations.latest().is_some_and(|operation| operation.action.kind() == ActionKind::Rollback);
    let active = room.world.cluster.active();
    let serves =
        active.zip(room.world.roster().endpoints).is_some_and(|(active, count)| count.ready[active] > 0);
    watched && !taking_back && (room.operations.running().is_none() || serves)
}

impl Scorer {
    /// A fault of the release has begun.
    pub(super) fn fault(&mut self, at: Moment) {
        self.fault.get_or_insert(at);
    }

    /// Looks at the room after something has happened in it.
    pub(super) fn look(&mut self, room: &Room) {
        if self.detected.is_none()
            && let Some(fault) = self.fault
            && tells_of_the_release(room)
            && room.judgement().verdict == Verdict::Fail
        {
            self.detected = Some(room.now);
            self.score.detected_after_seconds = Some(room.now.since(fault).as_secs_f64());
        }
        if self.raised.is_none() && self.fault.is_some() && room.open_triggers().next().is_some() {
            self.raised = Some(room.now);
        }
        let record = room.record.iter().flat_map(|record| &record.operations);
        self.score.interlocks_overridden = record.map(|operation| operation.overrides.len()).sum();
        if let Some(operation) = room.operations.latest()
            && operation.action.kind() == ActionKind::Rollback
            && let Some((ended, Conclusion::Verified { .. })) = &operation.ended
        {
            let from = self.detected.unwrap_or(operation.began);
            self.score.rolled_back_after_seconds.get_or_insert(ended.since(from).as_secs_f64());
        }
    }

    /// The sheet so far.
    #[must_use]
    pub(super) fn score(&self, counts: &Counts) -> Score {
        let raised = self.raised.zip(counts.first_bad).map(|(raised, bad)| raised.since_wall(bad));
        let raised_after_seconds = raised.map(|time| time.as_secs_f64());
        Score { raised_after_seconds, ..self.score.clone() }.with(counts)
    }
}
