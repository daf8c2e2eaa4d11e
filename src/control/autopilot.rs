//! The autopilot of a rehearsal: plays the operator by the book, through the room's own
//! proposals and interlocks. Where nothing measures what the old colour still gets it
//! looks at the endpoints and says so, as an operator has to; it overrides nothing else.
//! Where the book has no answer it says that it is stuck.

mod repository;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::room::Room;
use crate::room::dialog::typed_image;
use crate::room::message::{Conclusion, Probe};
use crate::sop::interlock::{InterlockId, first_blocked};
use crate::sop::moment::Moment;
use crate::sop::note::Noted;
use crate::sop::operation::{Action, ActionKind, Override};
use crate::sop::phase::Phase;
use crate::sop::pull_request::CheckState;
use crate::sop::verdict::Verdict;

/// How often one thing is tried.
const TRIES: u32 = 3;
/// Pause before it is tried again.
const PAUSE: Duration = Duration::from_secs(5);
/// Without any progress for so long it is stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a verdict has to stand before it counts, for good or bad.
const STANDS: Duration = Duration::from_secs(3);
/// Probes that are looked at: the newest since the switch.
const PROBES: usize = 40;
/// Bad answers of those from which on the release is bad. With the two in a thousand
/// that a good one has, four in forty come about once in a million looks; with twelve in
/// a hundred, at two looks in three.
const BAD: usize = 4;
/// Slow answers from which on it is; a single one may be this machine's own.
const SLOW: usize = 2;
/// sop.md, "Quand rollback": error rate above 5 %, P95 above 1 s.
const ERROR_SHARE: f64 = 0.05;
const TOO_SLOW: Duration = Duration::from_secs(1);

/// How a rehearsal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Closed,
    RolledBack,
    Stuck(String),
}

impl Ending {
    /// The exit status.
    pub(super) const fn exit_status(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::RolledBack => 5,
            Self::Stuck(_) => 6,
        }
    }

    /// What happened, and why.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Closed | Self::RolledBack => self.word().to_owned(),
            Self::Stuck(why) => format!("stuck: {why}"),
        }
    }

    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::RolledBack => "rolled back",
            Self::Stuck(_) => "stuck",
        }
    }
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Wait,
    /// Open the dialog of an action, which finds the words for it.
    Ask(ActionKind),
    Perform(Action, Vec<Override>),
    Write(Noted),
    End(Ending),
}

/// What changes while something goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Progress {
    phase: Option<Phase>,
    /// Steps of the operation.
    steps: usize,
    /// Reviews and checks of the pull request, and steps of the run, that are over.
    on_github: [usize; 3],
}

/// The operator by the book.
#[derive(Debug)]
pub(super) struct Autopilot {
    /// The version that is to be released.
    to: String,
    tries: BTreeMap<ActionKind, u32>,
    last_try: Option<Moment>,
    /// What was last seen to change, and when.
    progress: Option<(Progress, Moment)>,
    /// Since when the switch has been held up by something.
    switch_held: Option<Moment>,
    /// Since when the verdict has been what it is.
    verdict: Option<(Verdict, Moment)>,
}

impl Autopilot {
    pub(super) const fn new(to: String) -> Self {
        Self { to, tries: BTreeMap::new(), last_try: None, progress: None, switch_held: None, verdict: None }
    }

    /// What to do in a room as it is now.
    pub(super) fn next(&mut self, room: &Room) -> Decision {
        let verdict = room.judgement().verdict;
        if self.verdict.is_none_or(|(known, _)| known != verdict) {
            self.verdict = Some((verdict, room.now));
        }
        let phase = room.phase();
        self.note_progress(room, phase);
        if room.operations.running().is_some() {
            return Decision::Wait;
        }
        if matches!(phase, Some(Phase::Deploy | Phase::Verify | Phase::Switch))
            && let Some(decision) = self.delivered(room)
        {
            return decision;
        }
        match phase {
            None => self.or_stuck(room, "the pair has not been seen"),
            Some(Phase::Closed) => Decision::End(Ending::Closed),
            Some(Phase::RolledBack) if self.has_stood(room, |verdict| verdict < Verdict::NoData) => {
                Decision::End(Ending::RolledBack)
            }
            Some(Phase::RolledBack) => self.or_stuck(room, "things are not well after the rollback"),
            Some(Phase::Watch | Phase::StandDown) if self.is_bad(room) => {
                self.perform(room, ActionKind::Rollback)
            }
            Some(Phase::Watch) => self.watch(room),
            Some(Phase::StandDown) => self.stand_down(room),
            Some(Phase::Prepare) if room.has_repository() => self.propose(room),
            Some(Phase::Prepare) => self.perform(room, ActionKind::Deploy),
            Some(Phase::Review) => self.review(room),
            Some(Phase::Pipeline) => self.pipeline(room),
            Some(Phase::Approval) => self.approve(room),
            Some(Phase::Migrate) => self.or_stuck(room, "the migrations do not come to an end"),
            Some(Phase::Deploy) => self.deploy(room),
            Some(Phase::Verify) => self.perform(room, ActionKind::Verify),
            Some(Phase::Switch) => self.switch(room),
        }
    }

    fn note_progress(&mut self, room: &Room, phase: Option<Phase>) {
        let steps = room.operations.latest().map_or(0, |operation| operation.steps.len());
        let progress = Progress { phase, steps, on_github: on_github(room) };
        if self.progress.is_none_or(|(known, _)| known != progress) {
            self.progress = Some((progress, room.now));
        }
    }

    fn or_stuck(&self, room: &Room, why: &str) -> Decision {
        let since = self.progress.map_or(room.now, |(_, since)| since);
        if room.now.since(since) < PATIENCE {
            return Decision::Wait;
        }
        Decision::End(Ending::Stuck(why.to_owned()))
    }

    fn has_stood(&self, room: &Room, is: impl Fn(Verdict) -> bool) -> bool {
        self.verdict.is_some_and(|(verdict, since)| is(verdict) && room.now.since(since) >= STANDS)
    }

    /// A switch that is held up stays so however often the pods are verified anew, which
    /// the shortened time makes necessary again and again.
    fn switch(&mut self, room: &Room) -> Decision {
        self.tries.remove(&ActionKind::Verify);
        let Some(blocked) = room.standing(ActionKind::Switch).blocked else {
            self.switch_held = None;
            return self.perform(room, ActionKind::Switch);
        };
        let since = *self.switch_held.get_or_insert(room.now);
        if room.now.since(since) < PATIENCE {
            return Decision::Wait;
        }
        Decision::End(Ending::Stuck(format!("switch is blocked: {blocked}")))
    }

    /// A watch needs nothing but patience, as long as there is something to see.
    fn watch(&mut self, room: &Room) -> Decision {
        if self.verdict.is_some_and(|(verdict, _)| verdict < Verdict::NoData) {
            self.progress = None;
        }
        self.or_stuck(room, "what is to be watched cannot be seen")
    }

    /// A rollout that has failed is not tried again: the book says to look at it.
    fn deploy(&mut self, room: &Room) -> Decision {
        let cluster = &room.world.cluster;
        let is_set = cluster.idle().and_then(|idle| cluster.version(idle)) == Some(self.to.as_str());
        let failed = room.operations.latest().and_then(|operation| match &operation.ended {
            Some((_, conclusion @ Conclusion::Failed { .. })) => Some(conclusion.words()),
            _ => None,
        });
        match (is_set, failed) {
            (true, Some(words)) => Decision::End(Ending::Stuck(words)),
            (true, None) => self.or_stuck(room, "the rollout is not getting on"),
            (false, _) => self.perform(room, ActionKind::Deploy),
        }
    }

    fn perform(&mut self, room: &Room, kind: ActionKind) -> Decision {
        let standing = room.standing(kind);
        let overrides = seen_for_itself(room, kind);
        let given: Vec<InterlockId> = overrides.iter().map(|each| each.interlock).collect();
        if let Some(lock) = first_blocked(&standing.interlocks, &given) {
            return self.or_stuck(room, &format!("{kind} is blocked: {}", lock.why()));
        }
        let Some(action) = standing.action else { return self.or_stuck(room, "there is nothing to do") };
        if self.last_try.is_some_and(|last| room.now.since(last) < PAUSE) && self.tries.contains_key(&kind) {
            return Decision::Wait;
        }
        let tries = self.tries.entry(kind).or_default();
        if *tries >= TRIES {
            let words = room.operations.latest().and_then(|operation| operation.ended.as_ref());
            let words = words.map(|(_, conclusion)| conclusion.words()).unwrap_or_default();
            return Decision::End(Ending::Stuck(format!("{kind} did not succeed: {words}")));
        }
        *tries += 1;
        self.last_try = Some(room.now);
        let action = match action {
            Action::Deploy { colour, image } => {
                Action::Deploy { colour, image: typed_image(&image, &self.to) }
            }
            other => other,
        };
        Decision::Perform(action, overrides)
    }

    /// Retire, then close. A watch in which nothing was measured has no pass to close by:
    /// it is ended with what was seen instead.
    fn stand_down(&mut self, room: &Room) -> Decision {
        let cluster = &room.world.cluster;
        let old = cluster.idle().and_then(|idle| cluster.deployments[idle].as_ref());
        if old.is_none_or(|old| old.desired > 0) {
            return self.perform(room, ActionKind::Retire);
        }
        let watch = room.situation().watch();
        let ended = watch.is_some_and(|watch| watch.ended.is_some());
        if !ended && !room.assessed.evidence.is_measured() {
            let reason = "its time is over, and the URL was answered well all the while".to_owned();
            return Decision::Write(Noted::Ended { reason });
        }
        self.perform(room, ActionKind::Close)
    }

    /// Whether the release has to be taken back.
    fn is_bad(&self, room: &Room) -> bool {
        if room.open_triggers().next().is_some() || self.has_stood(room, |verdict| verdict == Verdict::Fail) {
            return true;
        }
        // What is measured says more than a few answers.
        if room.assessed.evidence.is_measured() {
            return false;
        }
        let Some(switched) = &room.switched else { return false };
        let since = room.world.probes.iter().rev().take_while(|(at, _)| at.wall > switched.at).take(PROBES);
        let probes: Vec<&Probe> = since.map(|(_, probe)| probe).collect();
        let beyond =
            |count: usize, least: usize| count >= least && count as f64 > ERROR_SHARE * probes.len() as f64;
        let bad = probes.iter().filter(|probe| !matches!(probe.answer, Ok(..500))).count();
        let slow = probes.iter().filter(|probe| probe.latency > TOO_SLOW).count();
        beyond(bad, BAD) || beyond(slow, SLOW)
    }
}

/// What there is on GitHub of what goes on there.
fn on_github(room: &Room) -> [usize; 3] {
    let request = room.pull_request();
    let checks = request.map(|request| request.checks.all.iter());
    let checked = checks.map(|checks| checks.filter(|check| check.state != CheckState::Running).count());
    let jobs = room.run().into_iter().flat_map(|run| &run.jobs);
    let steps = jobs.flat_map(|job| &job.steps).filter(|step| step.state.is_over()).count();
    [request.map_or(0, |request| request.reviews.len()), checked.unwrap_or(0), steps]
}

/// What an operator would see where nothing measures it: whether the Service still sends
/// anything to the old colour.
fn seen_for_itself(room: &Room, kind: ActionKind) -> Vec<Override> {
    let unmeasured = room.assessed.evidence.idle_requests.is_none();
    let idle = room.world.cluster.idle();
    let count = room.world.roster().endpoints;
    match (kind, idle, count) {
        (ActionKind::Retire, Some(idle), Some(count)) if unmeasured && count.ready[idle] == 0 => {
            let reason = format!("the Service has no endpoint of {} any more", idle.label());
            vec![Override { interlock: InterlockId::TrafficLeft, reason }]
        }
        _ => Vec::new(),
    }
}
