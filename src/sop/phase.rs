//! Where a release stands: derived from what is observed and recorded, never from
//! what was pressed. When a pipeline moves the traffic, the phase follows.

use std::fmt;

use super::chain::Progress;
use super::cluster::Cluster;
use super::colour::Colour;
use super::interlock::{Interlock, InterlockId, Situation, interlocks};
use super::operation::Action;
use super::record::{Record, Switched};
use super::rollout::{Rollout, rollout};
use super::watch::Watch;

/// The phases, told by the cluster; those from review to migrate by the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Both colours run the same version: nothing to release yet.
    Prepare,
    /// The pull request of the release is open.
    Review,
    /// It is merged; its run tests, builds and pushes.
    Pipeline,
    /// The run waits for somebody's approval.
    Approval,
    /// The database is brought to the new version.
    Migrate,
    /// The idle colour is being brought to the new version.
    Deploy,
    /// The new version stands idle and has not been verified.
    Verify,
    /// All that is left is to move the traffic.
    Switch,
    /// The traffic has moved; the new colour is watched.
    Watch,
    /// The watch is over; the old colour still stands by.
    StandDown,
    /// The release was closed, or everything of it is long over.
    Closed,
    /// The traffic is back where it was.
    RolledBack,
}

impl Phase {
    /// The way forward, in order. `RolledBack` is not on it.
    const WAY: [Self; 11] = [
        Self::Prepare,
        Self::Review,
        Self::Pipeline,
        Self::Approval,
        Self::Migrate,
        Self::Deploy,
        Self::Verify,
        Self::Switch,
        Self::Watch,
        Self::StandDown,
        Self::Closed,
    ];

    /// The way of a release, in order: without a repository it has only the phases that
    /// the cluster tells.
    pub fn way(repository: bool) -> impl Iterator<Item = Self> {
        Self::WAY.into_iter().filter(move |phase| repository || !phase.is_in_repository())
    }

    /// Whether the repository tells it.
    #[must_use]
    pub const fn is_in_repository(self) -> bool {
        matches!(self, Self::Review | Self::Pipeline | Self::Approval | Self::Migrate)
    }

    /// Whether the traffic has moved to the new version, and not back.
    #[must_use]
    pub const fn is_after_switch(self) -> bool {
        matches!(self, Self::Watch | Self::StandDown | Self::Closed)
    }

    /// The word in the phase line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Review => "review",
            Self::Pipeline => "pipeline",
            Self::Approval => "approval",
            Self::Migrate => "migrate",
            Self::Deploy => "deploy",
            Self::Verify => "verify",
            Self::Switch => "switch",
            Self::Watch => "watch",
            Self::StandDown => "stand down",
            Self::Closed => "closed",
            Self::RolledBack => "rolled back",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Where the release stands; `None` while the pair has not been seen.
#[must_use]
pub fn phase(s: &Situation<'_>) -> Option<Phase> {
    let idle = s.cluster.idle()?;
    derived(s, || forward(s, idle, &interlocks(&Action::Switch { to: idle }, None, s)))
}

/// [`phase`] where the conditions on the switch to the idle colour were judged already.
#[must_use]
pub fn phase_given(s: &Situation<'_>, switch: &[Interlock]) -> Option<Phase> {
    let idle = s.cluster.idle()?;
    derived(s, || forward(s, idle, switch))
}

fn derived(s: &Situation<'_>, forward: impl FnOnce() -> Phase) -> Option<Phase> {
    let active = s.cluster.active()?;
    let idle = active.other();
    let old = s.cluster.deployments[idle].as_ref()?;
    s.cluster.deployments[active].as_ref()?;
    let ahead = in_repository(s, active);
    if let Some(switched) = s.switched.filter(|switched| switched.to == active) {
        let newer = newer_deploy(s, idle);
        if switched.rollback && !newer {
            // A pull request is always open somewhere: only a run of after it is another release.
            let begun = s.evidence.origin.as_ref().and_then(|origin| origin.began);
            let after = ahead.filter(|_| begun.is_some_and(|begun| begun > switched.at));
            return Some(after.unwrap_or(Phase::RolledBack));
        }
        if !switched.rollback && !newer {
            let reached = after_switch(s, switched, rollout(old) == Rollout::ScaledToZero);
            return Some(ahead.filter(|_| reached == Phase::Closed).unwrap_or(reached));
        }
    }
    Some(ahead.unwrap_or_else(forward))
}

/// Where a release stands that neither colour has yet, as its repository tells.
fn in_repository(s: &Situation<'_>, active: Colour) -> Option<Phase> {
    let origin = s.evidence.origin.as_ref()?;
    let has_it = |colour: Colour| {
        let image = s.cluster.deployments[colour].as_ref().and_then(|d| d.image.as_deref());
        image.and_then(|image| origin.names(image))
    };
    if has_it(active) == Some(true) || has_it(active.other()) == Some(true) {
        return None;
    }
    match origin.progress {
        Progress::Review => Some(Phase::Review),
        Progress::Pipeline => Some(Phase::Pipeline),
        Progress::Approval => Some(Phase::Approval),
        Progress::Migrate => Some(Phase::Migrate),
        // The run is on its way to the idle colour, which still has something else.
        Progress::Delivery if has_it(active.other()) == Some(false) => Some(Phase::Deploy),
        Progress::Unknown | Progress::Delivery => None,
    }
}

/// The phases behind the switch. An old colour without pods ends no watch: who looks
/// away then calls what nobody saw a success.
fn after_switch(s: &Situation<'_>, switched: &Switched, retired: bool) -> Phase {
    let watch = Watch::of(switched, s.notes, s.policy, s.now);
    let closed = s.record.is_some_and(|record| record.closed(switched).is_some());
    if closed || (retired && watch.is_over(s.evidence) && watch.passed >= s.policy.on_call) {
        Phase::Closed
    } else if watch.is_over(s.evidence) {
        Phase::StandDown
    } else {
        Phase::Watch
    }
}

/// Whether the idle colour's Deployment was given a new template since the switch:
/// by us, as our mark tells, or by anybody, as its newest ReplicaSet does.
fn newer_deploy(s: &Situation<'_>, idle: Colour) -> bool {
    let marked = s.cluster.deployments[idle].as_ref().and_then(|d| d.mark.as_ref()).and_then(|mark| mark.at);
    let made = s.cluster.newest_replica_set(idle).and_then(|set| set.created);
    let deployed = marked.max(made);
    match (deployed, s.switched) {
        (Some(deployed), Some(switched)) => deployed > switched.at && !is_retired(s.cluster, idle),
        _ => false,
    }
}

fn is_retired(cluster: &Cluster, colour: Colour) -> bool {
    cluster.deployments[colour].as_ref().is_some_and(|d| d.desired == 0)
}

fn forward(s: &Situation<'_>, idle: Colour, switch: &[Interlock]) -> Phase {
    let clear = |id| switch.iter().find(|lock| lock.id == id).is_some_and(Interlock::is_clear);
    let same = s.cluster.version(idle) == s.cluster.version(idle.other());
    if same && s.cluster.version(idle).is_some() {
        Phase::Prepare
    } else if !clear(InterlockId::Rollout) || !clear(InterlockId::Pods) {
        Phase::Deploy
    } else if !clear(InterlockId::Verified) {
        Phase::Verify
    } else {
        Phase::Switch
    }
}

/// When the traffic last moved, and by whom: the record where it fits what the
/// Service says, else the owner of its selector.
#[must_use]
pub fn switched(cluster: &Cluster, record: Option<&Record>) -> Option<Switched> {
    let service = cluster.service.as_ref()?;
    let active = service.active?;
    let recorded = record.and_then(Record::last_switch).filter(|switched| switched.to == active);
    let owner = service.owner.as_ref()?;
    let owned_at = owner.at?;
    if let Some(recorded) = recorded.clone()
        && owner.manager == super::MANAGER
    {
        return Some(recorded);
    }
    // A selector that is as old as the Service was made with it, not switched.
    if service.created.is_some_and(|created| owned_at.duration_since(created).as_secs() < 2) {
        return recorded;
    }
    Some(Switched { to: active, at: owned_at, by: owner.manager.clone(), rollback: false })
}
