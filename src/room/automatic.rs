//! The rollback that nobody ordered: where it is configured, a reason to roll back
//! starts a countdown that everybody sees and anybody can stop. At its end the ordinary
//! executor rolls back. Only the session in command does so, and never for want of data.

use std::time::Duration;

use jiff::Timestamp;

use super::Room;
use super::message::{Effect, Notice, Urgency};
use crate::sop::command::{Command, Operator};
use crate::sop::moment::Moment;
use crate::sop::note::{self, Note, Noted, spoken};
use crate::sop::operation::{Action, ActionKind, Order};
use crate::sop::phase::Phase;
use crate::sop::trigger::Trigger;
use crate::sop::verdict::Recovery;

/// A countdown of somebody else that is over is shown for so long.
const SHOWN_AFTER_END: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);
/// Notes of our own that the record does not have yet.
const MOST_OWN_NOTES: usize = 60;

/// What this session does by itself.
#[derive(Debug, Default)]
pub struct Automatic {
    countdown: Option<Countdown>,
    /// The switch that was taken back already, or tried to.
    fired: Option<Timestamp>,
    /// The rollback whose recovery was told.
    recovered: Option<Timestamp>,
    /// Whether it was told that the countdown is over and there is no way back.
    stuck: bool,
}

#[derive(Debug)]
struct Countdown {
    began: Moment,
    /// The time of its note.
    announced: Timestamp,
    reasons: String,
}

/// A countdown as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCountdown {
    pub left: Duration,
    /// Who rolls back at its end; `None`: this session.
    pub by: Option<String>,
    pub reasons: String,
}

impl Room {
    /// The countdown that runs here, or that a colleague's program has announced.
    #[must_use]
    pub fn countdown(&self) -> Option<ShownCountdown> {
        if let Some(own) = &self.automatic.countdown {
            let left = self.setting.policy.countdown.saturating_sub(self.now.since(own.began));
            return Some(ShownCountdown { left, by: None, reasons: own.reasons.clone() });
        }
        self.released()?;
        let theirs = note::countdown(self.current_notes())?;
        let over = self.now.wall.duration_since(theirs.ends);
        let mine = theirs.by == self.setting.operator.identity();
        (!mine && over < SHOWN_AFTER_END).then(|| ShownCountdown {
            left: Duration::try_from(-over).unwrap_or_default(),
            by: Some(Operator::shown(theirs.by).to_owned()),
            reasons: theirs.reasons.to_owned(),
        })
    }

    /// What is to be done without anybody's order.
    pub(super) fn act_alone(&mut self) -> Vec<Effect> {
        let mut effects = self.tell_recovery();
        if self.automatic.countdown.is_some() {
            effects.extend(self.count_down());
        } else if let Some(reasons) = self.reasons_to_count_down() {
            effects.extend(self.begin_countdown(reasons));
        }
        effects
    }

    /// The reasons for which a countdown may begin now.
    fn reasons_to_count_down(&self) -> Option<String> {
        let policy = &self.setting.policy;
        let mine = matches!(self.command, Command::Mine { .. });
        if !policy.automatic_rollback || self.setting.read_only || !mine {
            return None;
        }
        let switched = self.released()?.at;
        if self.automatic.fired == Some(switched) || self.rolls_back_already() {
            return None;
        }
        let reasons = self.automatic_reasons();
        // With a newer version on the other colour there is nothing there to go back to.
        let watched = !reasons.is_empty() && matches!(self.phase(), Some(Phase::Watch | Phase::StandDown));
        watched.then_some(reasons)
    }

    fn rolls_back_already(&self) -> bool {
        self.operations.running().is_some_and(|running| running.action.kind() == ActionKind::Rollback)
    }

    /// In words; empty when there are none.
    fn automatic_reasons(&self) -> String {
        let reasons: Vec<&str> = self
            .open_triggers()
            .filter(|trigger| trigger.is_automatic())
            .map(|trigger: &Trigger| trigger.words.as_str())
            .collect();
        reasons.join("; ")
    }

    fn begin_countdown(&mut self, reasons: String) -> Vec<Effect> {
        let seconds = self.setting.policy.countdown.as_secs();
        let announced = self.now.wall;
        self.automatic.stuck = false;
        self.automatic.countdown = Some(Countdown { began: self.now, announced, reasons: reasons.clone() });
        vec![self.write_down(Noted::Countdown { seconds, reasons })]
    }

    fn count_down(&mut self) -> Vec<Effect> {
        let Some(countdown) = &self.automatic.countdown else { return Vec::new() };
        let over = self.now.since(countdown.began) >= self.setting.policy.countdown;
        let stopped = note::stopped(&self.notes, countdown.announced);
        let stopped =
            stopped.map(|note| format!("{} stopped the automatic rollback: {}", note.author(), note.words()));
        if let Some(words) = stopped {
            self.automatic.countdown = None;
            self.notice(Notice { urgency: Urgency::Warning, words });
            return Vec::new();
        }
        let off = if self.released().is_none() || self.rolls_back_already() {
            Some("the traffic is taken back already")
        } else if !matches!(self.command, Command::Mine { .. }) {
            Some("command was lost")
        } else if self.automatic_reasons().is_empty() {
            Some("what it was for went away")
        } else if !matches!(self.phase(), Some(Phase::Watch | Phase::StandDown)) {
            Some("another version is on its way to the other colour")
        } else {
            None
        };
        match off {
            Some(reason) => self.call_off(reason),
            None if over => self.fire(),
            None => Vec::new(),
        }
    }

    fn call_off(&mut self, reason: &str) -> Vec<Effect> {
        self.automatic.countdown = None;
        let words = format!("automatic rollback called off: {reason}");
        self.notice(Notice { urgency: Urgency::Alarm, words });
        vec![self.write_down(Noted::CalledOff { reason: reason.to_owned() })]
    }

    /// The countdown is over. Without a way back it stays at zero until there is one.
    fn fire(&mut self) -> Vec<Effect> {
        let Some(back) = self.cheapest_way_back() else { return Vec::new() };
        if let Some(lock) = back.interlocks.iter().find(|lock| !lock.is_clear()) {
            if !std::mem::replace(&mut self.automatic.stuck, true) {
                let words = format!("the automatic rollback has no way back now: {}", lock.why());
                self.notice(Notice { urgency: Urgency::Alarm, words });
            }
            return Vec::new();
        }
        let Some(countdown) = self.automatic.countdown.take() else { return Vec::new() };
        self.automatic.fired = self.released().map(|switched| switched.at);
        let (id, expectation) = (self.next_operation_id(), self.expectation());
        let mut order = Order::new(id, Action::Rollback { way: back.way }, expectation);
        order.reason = Some(format!("automatic: {}", countdown.reasons));
        order.evidence = Box::new(self.assessed.evidence.clone());
        order.automatic = Some(countdown.announced);
        vec![Effect::Execute(order)]
    }

    /// Once things are back to normal after a rollback: a line here, a note by the one
    /// in command.
    fn tell_recovery(&mut self) -> Vec<Effect> {
        let Some(Recovery::Stable(after)) = self.assessed.recovery else { return Vec::new() };
        let rolled_back = self.switched.as_ref().map(|switched| switched.at);
        if self.automatic.recovered == rolled_back {
            return Vec::new();
        }
        self.automatic.recovered = rolled_back;
        let noted = self.current_notes().any(|note| matches!(note.what, Noted::Stable { .. }));
        let words = format!("stable again after {}", spoken(after));
        self.notice(Notice { urgency: Urgency::Info, words });
        let mine = matches!(self.command, Command::Mine { .. });
        if noted || !mine || self.setting.read_only {
            return Vec::new();
        }
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        vec![self.write_down(Noted::Stable { millis })]
    }

    /// A note by this session: known here at once, and to everybody as soon as the
    /// record has it.
    pub(crate) fn write_down(&mut self, what: Noted) -> Effect {
        let note = Note { at: self.now.wall, by: self.setting.operator.identity(), what };
        self.own_notes.push(note.clone());
        let surplus = self.own_notes.len().saturating_sub(MOST_OWN_NOTES);
        self.own_notes.drain(..surplus);
        self.notes.push(note.clone());
        Effect::Note(note)
    }

    /// The record's notes, and those of our own that are still on their way there.
    pub(super) fn gather_notes(&mut self) {
        let recorded = self.record.as_ref().map_or(&[][..], |record| record.notes.as_slice());
        // Of each item of the checklist the record keeps only what was said last.
        let replaced = |own: &Note, note: &Note| {
            own.what.item().is_some() && own.what.item() == note.what.item() && note.at >= own.at
        };
        let known = |own: &Note| recorded.iter().any(|note| note == own || replaced(own, note));
        self.own_notes.retain(|own| !known(own));
        self.notes = recorded.iter().chain(&self.own_notes).cloned().collect();
    }
}
