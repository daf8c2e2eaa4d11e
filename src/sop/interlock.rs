//! Interlocks: the conditions on each action. One list, used by the screen to
//! show what is clear and what is blocked, and by the executor's guard on a fresh
//! read before anything is changed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::conditions::{
    capacity, chain_to, command, deployment_gitops, fresh, idle, listed, permission, permission_to_go_back,
    pods_ready, rolled_out, selector, service_gitops, smoke, standby, verified, way_back, window, writable,
};
use self::stand_down::{measured, settled, stood_down, traffic_left, watch_over, watch_passes};
use super::access::Access;
use super::chain::LinkId;
use super::checklist::Gate;
use super::cluster::Cluster;
use super::colour::Colour;
use super::command::Command;
use super::moment::Moment;
use super::note::Note;
use super::operation::{Action, Expectation};
use super::pods::PodFacts;
use super::policy::Policy;
use super::record::{Record, Switched};
use super::repository::{GitHubSetting, Repository};
use super::verification::Verification;
use super::watch::{Evidence, Watch};
pub use id::InterlockId;

mod conditions;
mod github;
mod id;
mod stand_down;
#[cfg(test)]
mod tests;

/// Whether a condition is met. What cannot be told blocks as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "why")]
pub enum LockState {
    /// Met; what was seen.
    Clear(String),
    /// Not met; why, and what to do where that is known.
    Blocked(String),
    /// Not known; why.
    Unknown(String),
}

fn clear(words: impl Into<String>) -> LockState {
    LockState::Clear(words.into())
}

fn blocked(words: impl Into<String>) -> LockState {
    LockState::Blocked(words.into())
}

fn unknown(words: impl Into<String>) -> LockState {
    LockState::Unknown(words.into())
}

/// One condition on one action, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interlock {
    pub id: InterlockId,
    #[serde(flatten)]
    pub state: LockState,
}

impl Interlock {
    /// Whether the lever may be pulled as far as this condition goes.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        matches!(self.state, LockState::Clear(_))
    }

    /// Whether a typed reason overrides it as it stands now. A chain of evidence and the
    /// checks are overridden only where nobody can tell, never where they are known to be bad.
    #[must_use]
    pub const fn overridable(&self) -> bool {
        use InterlockId::{Chain, Checks};
        let settled = matches!((self.id, &self.state), (Chain | Checks, LockState::Blocked(_)));
        self.id.overridable() && !settled
    }

    /// What was seen, or why it blocks.
    #[must_use]
    pub fn why(&self) -> &str {
        match &self.state {
            LockState::Clear(why) | LockState::Blocked(why) | LockState::Unknown(why) => why,
        }
    }
}

/// How old the knowledge is that an action would rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing has been read yet.
    Never,
    /// Watched; time since the server was last heard.
    Age(Duration),
    /// Read just now, for this very action.
    ReadNow,
}

/// All that interlocks are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub cluster: &'a Cluster,
    pub freshness: Freshness,
    pub access: &'a Access,
    pub command: &'a Command,
    pub verification: Option<&'a Verification>,
    pub switched: Option<&'a Switched>,
    /// What operators share, as far as it was read.
    pub record: Option<&'a Record>,
    /// What operators wrote down, whether or not it is in the record already.
    pub notes: &'a [Note],
    /// What was measured.
    pub evidence: &'a Evidence,
    /// What was found by looking at every pod, where that was done already;
    /// `None`: they are looked at when needed.
    pub pods: Option<&'a PodFacts>,
    /// `None`: no repository is configured, or it does not matter here.
    pub github: Option<OnGitHub<'a>>,
    pub read_only: bool,
    pub policy: &'a Policy,
    pub now: Moment,
}

/// What actions on GitHub are judged by.
#[derive(Clone, Copy, Debug)]
pub struct OnGitHub<'a> {
    pub setting: &'a GitHubSetting,
    /// `None` while it was not read.
    pub repository: Option<&'a Repository>,
    pub freshness: Freshness,
}

impl<'a> Situation<'a> {
    /// The watch over what the traffic was last moved to.
    #[must_use]
    pub fn watch(&self) -> Option<Watch<'a>> {
        let switched = self.switched.filter(|switched| !switched.rollback)?;
        Some(Watch::of(switched, self.notes, self.policy, self.now))
    }

    fn ready_pods(&self, colour: Colour) -> usize {
        self.pods.map_or_else(|| self.cluster.ready_pods(colour), |facts| facts.ready[colour])
    }
}

/// The conditions on `action`, judged, in the order in which they are shown.
/// `expectation` is what the operator saw when it was confirmed, if it was.
#[must_use]
pub fn interlocks(action: &Action, expectation: Option<&Expectation>, s: &Situation<'_>) -> Vec<Interlock> {
    use InterlockId as Id;
    if action.kind().is_on_github() {
        let locks = github::conditions(action, s);
        return locks.into_iter().map(|(id, state)| Interlock { id, state }).collect();
    }
    let mut locks = Vec::with_capacity(11);
    let mut add = |id, state| locks.push(Interlock { id, state });
    if action.changes_the_world() {
        add(Id::Writable, writable(s));
    }
    match action {
        Action::Deploy { colour, .. } => {
            add(Id::Selector, selector(expectation, s));
            add(Id::Fresh, fresh(s));
            add(Id::Permission, permission(action, s));
            add(Id::Command, command(s));
            if let Some(state) = window(s) {
                add(Id::Window, state);
            }
            listed(Gate::Deploy, s).into_iter().for_each(|(id, state)| add(id, state));
            add(Id::Target, idle(*colour, s));
            add(Id::GitOps, deployment_gitops(*colour, s));
        }
        Action::Verify { colour } => {
            add(Id::Selector, selector(expectation, s));
            add(Id::Fresh, fresh(s));
            add(Id::Permission, permission(action, s));
            add(Id::Target, idle(*colour, s));
            add(Id::Rollout, rolled_out(*colour, s));
            add(Id::Pods, pods_ready(*colour, s));
        }
        Action::Switch { to } => {
            add(Id::Selector, selector(expectation, s));
            add(Id::Fresh, fresh(s));
            add(Id::Permission, permission(action, s));
            add(Id::Command, command(s));
            if let Some(state) = window(s) {
                add(Id::Window, state);
            }
            listed(Gate::Switch, s).into_iter().for_each(|(id, state)| add(id, state));
            add(Id::Target, idle(*to, s));
            add(Id::Rollout, rolled_out(*to, s));
            add(Id::Pods, pods_ready(*to, s));
            add(Id::Capacity, capacity(*to, s));
            add(Id::Verified, verified(*to, s));
            add(Id::GitOps, service_gitops(s));
            add(Id::Measured, measured(s));
            if let Some(state) = chain_to(LinkId::Pods, *to, s) {
                add(Id::Chain, state);
                add(Id::Smoke, smoke(s));
            }
        }
        Action::Retire { colour } => {
            add(Id::Selector, selector(expectation, s));
            add(Id::Fresh, fresh(s));
            add(Id::Permission, permission(action, s));
            add(Id::Command, command(s));
            listed(Gate::Retire, s).into_iter().for_each(|(id, state)| add(id, state));
            add(Id::Target, idle(*colour, s));
            add(Id::Standby, standby(*colour, s));
            add(Id::Watch, watch_passes(s));
            add(Id::TrafficLeft, traffic_left(*colour, s));
            add(Id::GitOps, deployment_gitops(*colour, s));
        }
        Action::Close => {
            add(Id::Selector, selector(expectation, s));
            add(Id::Fresh, fresh(s));
            add(Id::Command, command(s));
            listed(Gate::Close, s).into_iter().for_each(|(id, state)| add(id, state));
            add(Id::Watch, watch_over(s));
            add(Id::StoodDown, stood_down(s));
            add(Id::Settled, settled(s));
        }
        // The way back has a lane of its own: neither age, nor a foreign lock, nor
        // GitOps, nor a failed check may hold it up. The executor reads afresh.
        Action::Rollback { way } => {
            add(Id::Permission, permission_to_go_back(action, s));
            add(Id::WayBack, way_back(way, s));
        }
        // Its conditions are judged above.
        _ => {}
    }
    locks
}

/// The first condition that holds the lever, leaving out those overridden.
#[must_use]
pub fn first_blocked<'a>(locks: &'a [Interlock], overridden: &[InterlockId]) -> Option<&'a Interlock> {
    locks
        .iter()
        .filter(|lock| !lock.is_clear())
        .find(|lock| !lock.overridable() || !overridden.contains(&lock.id))
}
