//! `cutover watch`: the watch after the switch without a screen, for pipelines. The same
//! room judges, counts down and rolls back; here it is printed, and told by the exit
//! status.

use std::time::Duration;

use serde_json::json;

use super::headless::{FAILED, until_seen};
use super::printer::Printer;
use super::{Control, Use};
use crate::cli::{RollbackWhen, Watch};
use crate::clock::Clock;
use crate::config::Environment;
use crate::room::Room;
use crate::room::intent::Intent;
use crate::room::message::{Body, Message, Observation, SourceId};
use crate::sop::command::Operator;
use crate::sop::note::{Note, spoken};
use crate::sop::operation::ActionKind;
use crate::sop::signal::Sampled;
use crate::sop::trigger::Cause;
use crate::sop::verdict::{Judgement, Recovery, Verdict};

/// The watch's time is over and there is no pass: some samples more are waited for.
const LAST_SAMPLES: Duration = Duration::from_secs(60);
/// How long things may take to be normal again after a rollback.
const RECOVERS_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Time goes on at this pace when nothing arrives.
const TICK: Duration = Duration::from_secs(1);

/// It was rolled back.
const ROLLED_BACK: u8 = 5;
/// It warns.
const WARNS: u8 = 7;
/// There is no data, or it is stale.
const NO_DATA: u8 = 8;
/// It fails, and was not rolled back.
const FAILS: u8 = 9;

/// A room for the watch.
#[must_use]
pub fn start(mut environment: Environment, operator: Operator, clock: Clock, options: &Watch) -> Control {
    if let Some(minutes) = options.minutes {
        environment.policy.watch = Duration::from_secs(minutes * 60);
    }
    if let Some(when) = options.rollback {
        environment.policy.automatic_rollback = when == RollbackWhen::Automatic;
    }
    Control::start(environment, operator, clock, Use::Watch)
}

/// Watches to the end; the exit status.
pub async fn run(mut control: Control, options: &Watch) -> u8 {
    let mut watcher = Watcher::new(Printer { output: options.output });
    let status = match until_seen(&mut control).await {
        Ok(()) => watcher.watch(&mut control).await,
        Err(refusal) => {
            watcher.printer.refused(&refusal);
            refusal.exit_status()
        }
    };
    control.leave().await;
    status
}

/// How a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its time is over, or it was ended: the verdict counts.
    Over,
    RolledBack,
    /// There is nothing to watch; why.
    Nothing(&'static str),
}

/// What was printed last, so that only news is.
struct Watcher {
    printer: Printer,
    verdict: Option<Judgement>,
    signals: Vec<(String, Verdict)>,
    triggers: Vec<Cause>,
    notes: Vec<Note>,
    countdown: Option<u64>,
}

impl Watcher {
    const fn new(printer: Printer) -> Self {
        Self {
            printer,
            verdict: None,
            signals: Vec::new(),
            triggers: Vec::new(),
            notes: Vec::new(),
            countdown: None,
        }
    }

    async fn watch(&mut self, control: &mut Control) -> u8 {
        if control.room.setting.policy.automatic_rollback {
            // Only the one in command rolls back by itself.
            let effects = control.take(Body::Intent(Intent::TakeCommand));
            control.carry_out(effects);
        }
        loop {
            self.look(&control.room);
            if let Some(end) = end(&control.room) {
                return self.ended(&control.room, end);
            }
            let message = tokio::time::timeout(TICK, control.next()).await;
            let effects = match message {
                Ok(None) => return FAILED,
                Ok(Some(message)) => {
                    self.heard(&message);
                    control.take_one(message)
                }
                Err(_) => control.take(Body::Tick),
            };
            control.carry_out(effects);
        }
    }

    /// What is told as it comes.
    fn heard(&self, message: &Message) {
        match &message.body {
            Body::Outcome(outcome) => self.printer.outcome(outcome),
            Body::Observation(Observation::Notice(notice)) => self.printer.notice(notice),
            Body::Observation(Observation::Samples(samples)) => {
                samples.iter().for_each(|sampled| self.sample(sampled));
            }
            _ => {}
        }
    }

    fn sample(&self, sampled: &Sampled) {
        let Sampled { signal, colour, sample } = sampled;
        let of = colour.map(|colour| format!(" {}", colour.label())).unwrap_or_default();
        self.printer.line(
            || match sample.reading.number() {
                Some(value) => format!("  {signal}{of}: {value}"),
                None => format!("  {signal}{of}: {}", sample.reading.why()),
            },
            || {
                json!({"event": "sample", "at": sample.at, "signal": signal, "colour": colour,
                       "value": sample.reading.number(), "requests": sample.requests,
                       "week_ago": sample.week_ago})
            },
        );
    }

    /// What follows from it, where that is news.
    fn look(&mut self, room: &Room) {
        self.look_at_signals(room);
        let judgement = verdict(room);
        if self.verdict.as_ref().is_none_or(|known| known.verdict != judgement.verdict) {
            self.tell_verdict("verdict", &judgement, None);
            self.verdict = Some(judgement);
        }
        for trigger in &room.assessed.triggers {
            if !self.triggers.contains(&trigger.cause) {
                self.printer.line(
                    || format!("reason to roll back: {}", trigger.words),
                    || json!({"event": "trigger", "words": trigger.words, "since": trigger.since}),
                );
            }
        }
        self.triggers = room.assessed.triggers.iter().map(|trigger| trigger.cause.clone()).collect();
        for note in room.current_notes() {
            if !self.notes.contains(note) {
                self.printer.line(
                    || format!("{}: {}", note.author(), note.words()),
                    || json!({"event": "note", "note": note}),
                );
                self.notes.push(note.clone());
            }
        }
        let countdown = room.countdown().map(|countdown| countdown.left.as_secs());
        if countdown != self.countdown
            && let Some(left) = countdown.filter(|left| left % 5 == 0)
        {
            self.printer.line(
                || format!("automatic rollback in {left} s"),
                || json!({"event": "countdown", "seconds": left}),
            );
        }
        self.countdown = countdown;
    }

    fn look_at_signals(&mut self, room: &Room) {
        let tracks = room.metrics.tracks.iter().map(|track| track.signal.id.to_string());
        for (id, judged) in tracks.zip(&room.assessed.signals) {
            let now = (id.clone(), judged.verdict);
            if self.signals.contains(&now) {
                continue;
            }
            self.printer.line(
                || format!("{} {}", judged.verdict, judged.words),
                || json!({"event": "signal", "signal": id, "verdict": judged.verdict, "words": judged.words}),
            );
            self.signals.retain(|(known, _)| *known != id);
            self.signals.push(now);
        }
    }

    fn tell_verdict(&self, event: &str, judgement: &Judgement, status: Option<u8>) {
        let reason = judgement.reasons.first().map(|why| format!(": {why}")).unwrap_or_default();
        self.printer.line(
            || format!("{event}: {}{reason}", judgement.verdict),
            || {
                json!({"event": event, "verdict": judgement.verdict, "reasons": judgement.reasons,
                       "exit_status": status})
            },
        );
    }

    fn ended(&self, room: &Room, end: End) -> u8 {
        match end {
            End::Over => {
                let judgement = verdict(room);
                let status = exit_status(judgement.verdict);
                self.tell_verdict("ended", &judgement, Some(status));
                status
            }
            End::RolledBack => {
                let words = recovery_words(room);
                self.printer.line(
                    || format!("ended: rolled back, {words}"),
                    || json!({"event": "ended", "verdict": "rolled-back", "words": words, "exit_status": ROLLED_BACK}),
                );
                ROLLED_BACK
            }
            End::Nothing(why) => {
                self.printer.line(
                    || format!("ended: {why}"),
                    || json!({"event": "ended", "verdict": null, "words": why, "exit_status": FAILED}),
                );
                FAILED
            }
        }
    }
}

/// The exit status of a verdict.
const fn exit_status(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Warn => WARNS,
        Verdict::NoData | Verdict::Stale => NO_DATA,
        Verdict::Fail => FAILS,
    }
}

/// The verdict of the watch and of everything else that is seen; where nothing is
/// measured there is no pass to give, nor before the pipeline was asked.
fn verdict(room: &Room) -> Judgement {
    let no_data = |why: &str| Judgement { verdict: Verdict::NoData, reasons: vec![why.to_owned()] };
    let unmeasured = || no_data("no metrics configured: nothing was measured");
    let unasked = room.has_repository() && !room.world.links.contains_key(&SourceId::GitHub);
    let unasked = unasked.then(|| no_data("GitHub was not read yet: how the smoke tests stand is not known"));
    let watch = room.assessed.evidence.watch.clone().unwrap_or_else(unmeasured);
    let worse = |one: Judgement, other: Judgement| if other.verdict > one.verdict { other } else { one };
    [room.judgement()].into_iter().chain(unasked).fold(watch, worse)
}

fn recovery_words(room: &Room) -> String {
    match &room.assessed.recovery {
        Some(Recovery::Stable(after)) => {
            format!("stable again after {}", spoken(*after))
        }
        Some(Recovery::Waiting(signals)) => {
            format!("not back to normal: {}", signals.join(", "))
        }
        _ => "nothing is measured".to_owned(),
    }
}

/// Whether there is nothing more to wait for.
fn end(room: &Room) -> Option<End> {
    if room.operations.running().is_some_and(|running| running.action.kind() == ActionKind::Rollback) {
        return None;
    }
    let Some(switched) = &room.switched else {
        return Some(End::Nothing("no switch is known: there is nothing to watch"));
    };
    if switched.rollback {
        let waits = matches!(room.assessed.recovery, Some(Recovery::Waiting(_)));
        let since = room.now.since_wall(switched.at);
        return (!waits || since > RECOVERS_WITHIN).then_some(End::RolledBack);
    }
    let watch = room.situation().watch()?;
    if watch.ended.is_some() {
        return Some(End::Over);
    }
    if !watch.left().is_zero() || room.countdown().is_some() {
        return None;
    }
    let passes = verdict(room).verdict == Verdict::Pass;
    let overtime = watch.passed.saturating_sub(watch.length);
    // A watch that was begun late gets its samples all the same.
    let waited = overtime.min(room.now.uptime);
    (passes || waited >= LAST_SAMPLES).then_some(End::Over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_its_exit_status_and_only_a_pass_is_0() {
        let statuses = Verdict::ALL.map(exit_status);
        assert_eq!(statuses, [0, 7, 8, 8, 9]);
    }
}
