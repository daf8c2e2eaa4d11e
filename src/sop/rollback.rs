//! The ways back and what each costs right now (sop.md, "Rollback procedure").

use std::fmt;
use std::time::Duration;

use super::cluster::Cluster;
use super::colour::Colour;
use super::interlock::{Interlock, Situation, interlocks};
use super::operation::{Action, RollbackWay};
use super::record::{Measured, Record};

/// One way back, judged and priced.
#[derive(Clone, Debug, PartialEq)]
pub struct WayBack {
    pub way: RollbackWay,
    pub interlocks: Vec<Interlock>,
    pub price: Price,
}

impl WayBack {
    /// Whether nothing blocks it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.interlocks.iter().all(Interlock::is_clear)
    }
}

/// What a way back consists of and how long it usually takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// `one patch`, `scale up 3 pods, then switch`.
    pub steps: String,
    /// From what was measured; `None` when nothing was.
    pub about: Option<Duration>,
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.about {
            Some(about) => write!(f, "{}, about {} s", self.steps, about.as_secs_f64().ceil().max(1.0)),
            None => write!(f, "{}, time unknown (never measured)", self.steps),
        }
    }
}

/// All ways back from the active colour, the cheapest first: switch back, bring
/// the other colour up and switch, undo in place.
///
/// `image` is the version to redeploy; `None` takes what the other colour has.
#[must_use]
pub fn ways_back(situation: &Situation<'_>, record: Option<&Record>, image: Option<&str>) -> Vec<WayBack> {
    let Some(active) = situation.cluster.active() else {
        return Vec::new();
    };
    let to = active.other();
    let mut ways = vec![RollbackWay::SwitchBack { to }];
    let other_image = situation.cluster.deployments[to].as_ref().and_then(|d| d.image.clone());
    if let Some(image) = image.map(str::to_owned).or(other_image) {
        ways.push(RollbackWay::Redeploy { to, image });
    }
    ways.push(RollbackWay::Undo { colour: active });
    ways.into_iter()
        .map(|way| WayBack {
            interlocks: interlocks(&Action::Rollback { way: way.clone() }, None, situation),
            price: price(&way, situation.cluster, record),
            way,
        })
        .collect()
}

/// What one way back consists of, and its usual time where it was measured.
#[must_use]
pub fn price(way: &RollbackWay, cluster: &Cluster, record: Option<&Record>) -> Price {
    let usual = |of| record.and_then(|record| record.usual(of));
    let switch = usual(Measured::Switch);
    match way {
        RollbackWay::SwitchBack { .. } => Price { steps: "one patch".into(), about: switch },
        RollbackWay::Undo { .. } => {
            Price { steps: "roll the previous template out in place".into(), about: usual(Measured::Rollout) }
        }
        RollbackWay::Redeploy { to, image } => {
            let deployment = cluster.deployments[*to].as_ref();
            let same = deployment.and_then(|d| d.image.as_deref()) == Some(image.as_str());
            let empty = deployment.is_some_and(|d| d.desired == 0);
            let pods = pods_to_bring_up(cluster, *to);
            let (steps, rollout) = match (same, empty) {
                (true, true) => (format!("scale up {pods} pods, then switch"), usual(Measured::ScaleUp)),
                (true, false) => ("wait until ready, then switch".to_owned(), None),
                (false, _) => (format!("roll {pods} pods out, then switch"), usual(Measured::Rollout)),
            };
            Price { steps, about: rollout.zip(switch).map(|(rollout, switch)| rollout + switch) }
        }
    }
}

/// How many pods a colour is brought up to: what it had before it was retired or
/// what the other side has, whichever is more.
#[must_use]
pub fn pods_to_bring_up(cluster: &Cluster, colour: Colour) -> i32 {
    let own = cluster.deployments[colour].as_ref();
    let before = own.map_or(0, |d| if d.desired > 0 { d.desired } else { d.desired_before.unwrap_or(0) });
    let other = cluster.deployments[colour.other()].as_ref().map_or(0, |d| d.desired);
    before.max(other)
}

/// The revision that `kubectl rollout undo` would choose: the highest below the newest.
#[must_use]
pub fn previous_revision(cluster: &Cluster, colour: Colour) -> Option<u64> {
    let mut revisions: Vec<u64> = cluster
        .replica_sets
        .values()
        .filter(|set| set.colour == Some(colour))
        .filter_map(|set| set.revision)
        .collect();
    revisions.sort_unstable();
    revisions.dedup();
    revisions.iter().rev().nth(1).copied()
}
