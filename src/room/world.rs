//! The outside world as it was last seen, and how sure one may be of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;

use super::message::{Change, Heartbeat, LinkState, Probe, SourceId};
use super::roster::Roster;
use crate::sop::access::Access;
use crate::sop::cluster::{Cluster, EndpointState, PodState, ReplicaSetState};
use crate::sop::interlock::Freshness;
use crate::sop::moment::Moment;

/// Probes kept for the screen.
const MOST_PROBES: usize = 60;

/// Connections whose loss makes the pair's state old.
const ESSENTIAL: [SourceId; 4] =
    [SourceId::Service, SourceId::Deployments, SourceId::Pods, SourceId::Endpoints];

/// What was last seen, by whom, when.
#[derive(Debug, Default)]
pub struct World {
    pub cluster: Cluster,
    pub access: Access,
    pub links: BTreeMap<SourceId, Link>,
    pub heartbeat: Option<Heartbeat>,
    /// When the API server was last heard.
    pub heard: Option<Moment>,
    /// Newest last.
    pub probes: VecDeque<(Moment, Probe)>,
    /// Those of the API's path, where one is configured.
    pub api_probes: VecDeque<(Moment, Probe)>,
    /// Made when it is first looked at after a change.
    roster: OnceLock<Roster>,
}

/// One source's connection.
#[derive(Clone, Debug)]
pub struct Link {
    pub state: LinkState,
    /// Since when it is in this state.
    pub since: Moment,
}

impl World {
    /// How old the knowledge of the pair is: the age of the last sign of life, or
    /// the time since an essential connection was lost, whichever is more.
    #[must_use]
    pub fn freshness(&self, now: Moment) -> Freshness {
        let Some(heard) = self.heard else {
            return Freshness::Never;
        };
        if self.cluster.service.is_none() {
            return Freshness::Never;
        }
        let lost = ESSENTIAL
            .iter()
            .filter_map(|source| self.links.get(source))
            .filter(|link| !matches!(link.state, LinkState::Live))
            .map(|link| now.since(link.since));
        Freshness::Age(lost.chain([now.since(heard)]).max().unwrap_or_default())
    }

    /// The first connection that is lost, with why.
    #[must_use]
    pub fn lost(&self) -> Option<(SourceId, &str, Moment)> {
        self.links.iter().find_map(|(source, link)| match &link.state {
            LinkState::Lost { why } if !matches!(source, SourceId::Probe | SourceId::ApiProbe) => {
                Some((*source, why.as_str(), link.since))
            }
            _ => None,
        })
    }

    /// The pods in order, and what they and the endpoints add up to.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        self.roster.get_or_init(|| Roster::of(&self.cluster))
    }

    /// The addresses behind the Service.
    pub fn endpoints(&mut self, endpoints: Vec<EndpointState>) {
        self.cluster.endpoints = Some(endpoints);
        self.roster.take();
    }

    /// Notes how a connection stands; `since` is kept while the state's kind stays.
    pub fn link(&mut self, source: SourceId, state: LinkState, now: Moment) {
        let same_kind = |known: &Link| std::mem::discriminant(&known.state) == std::mem::discriminant(&state);
        match self.links.get_mut(&source) {
            Some(known) if same_kind(known) => known.state = state,
            _ => {
                self.links.insert(source, Link { state, since: now });
            }
        }
    }

    /// Takes in changed pods.
    pub fn pods(&mut self, change: Change<PodState>) {
        apply(&mut self.cluster.pods, change, |pod| pod.name.clone());
        self.roster.take();
    }

    /// Takes in changed ReplicaSets.
    pub fn replica_sets(&mut self, change: Change<ReplicaSetState>) {
        apply(&mut self.cluster.replica_sets, change, |set| set.name.clone());
    }
}

/// Keeps a probe's answer behind the earlier ones, the oldest of which goes.
pub(super) fn keep_probe(probes: &mut VecDeque<(Moment, Probe)>, probe: Probe, now: Moment) {
    if probes.len() == MOST_PROBES {
        probes.pop_front();
    }
    probes.push_back((now, probe));
}

fn apply<T>(known: &mut BTreeMap<String, T>, change: Change<T>, name: impl Fn(&T) -> String) {
    match change {
        Change::All(all) => *known = all.into_iter().map(|each| (name(&each), each)).collect(),
        Change::Some { changed, gone } => {
            for name in gone {
                known.remove(&name);
            }
            known.extend(changed.into_iter().map(|each| (name(&each), each)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sop::cluster::ServiceState;

    fn at(seconds: u64) -> Moment {
        Moment { uptime: Duration::from_secs(seconds), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    fn service() -> ServiceState {
        ServiceState {
            name: "backend".into(),
            uid: "u".into(),
            resource_version: "1".into(),
            created: None,
            selector: BTreeMap::new(),
            selector_value: None,
            active: None,
            owner: None,
            gitops: None,
            mark: None,
        }
    }

    #[test]
    fn one_lost_watch_makes_the_pair_old_although_the_heart_beats() {
        let mut world = World::default();
        assert_eq!(world.freshness(at(1)), Freshness::Never);
        world.cluster.service = Some(service());
        world.heard = Some(at(9));
        assert_eq!(world.freshness(at(10)), Freshness::Age(Duration::from_secs(1)));
        world.link(SourceId::Pods, LinkState::Lost { why: "refused".into() }, at(2));
        world.link(SourceId::Pods, LinkState::Lost { why: "time-out".into() }, at(8));
        assert_eq!(world.freshness(at(10)), Freshness::Age(Duration::from_secs(8)));
        world.link(SourceId::Pods, LinkState::Live, at(10));
        assert_eq!(world.freshness(at(10)), Freshness::Age(Duration::from_secs(1)));
    }

    #[test]
    fn a_full_list_forgets_what_is_gone() {
        let pod = |name: &str| PodState { name: name.into(), ..PodState::default() };
        let mut world = World::default();
        world.pods(Change::All(vec![pod("a"), pod("b")]));
        world.pods(Change::Some { changed: vec![pod("c")], gone: vec!["a".into()] });
        assert_eq!(world.cluster.pods.keys().collect::<Vec<_>>(), ["b", "c"]);
        world.pods(Change::All(vec![pod("d")]));
        assert_eq!(world.cluster.pods.keys().collect::<Vec<_>>(), ["d"]);
    }
}
