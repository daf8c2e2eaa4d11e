//! The pods in the order in which they are looked at, counted once per change
//! and not once per frame: with thousands of pods both would be too dear.

use std::cmp::Reverse;

use crate::sop::cluster::{Cluster, EndpointCount, PodState};
use crate::sop::colour::PerColour;
use crate::sop::rollout::{is_trouble, stuck_because};

/// How a pod stands, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodStanding {
    /// It will not serve by itself: crashing, evicted, without its image.
    Failing,
    /// Not ready yet, and no reason to think that it will not be.
    Starting,
    Ready,
    /// It was told to end.
    Leaving,
}

impl PodStanding {
    /// How this pod stands.
    #[must_use]
    pub fn of(pod: &PodState) -> Self {
        if pod.terminating {
            Self::Leaving
        } else if pod.ready {
            Self::Ready
        } else if pod.reason.as_deref().is_some_and(is_trouble)
            || matches!(pod.phase.as_str(), "Failed" | "Unknown")
        {
            Self::Failing
        } else {
            Self::Starting
        }
    }

    /// The word on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Leaving => "leaving",
        }
    }
}

/// What follows from pods and endpoints together.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    /// Names: failing first, then starting, ready and leaving; the newest first among each.
    pub order: PerColour<Vec<String>>,
    pub failing: PerColour<usize>,
    /// What serves now; `None` until the endpoints were read.
    pub endpoints: Option<EndpointCount>,
    /// Why pods do not become ready, the most frequent reason.
    pub stuck: PerColour<Option<String>>,
}

impl Roster {
    /// Orders and counts what was seen.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let ranked = PerColour::from_fn(|colour| {
            let mut pods: Vec<(PodStanding, &PodState)> =
                cluster.pods_of(colour).map(|pod| (PodStanding::of(pod), pod)).collect();
            pods.sort_by_key(|(standing, pod)| (*standing, Reverse(pod.created), pod.name.as_str()));
            pods
        });
        let failing = PerColour::from_fn(|colour| {
            ranked[colour].iter().take_while(|(standing, _)| *standing == PodStanding::Failing).count()
        });
        Self {
            failing,
            order: ranked.map(|pods| pods.into_iter().map(|(_, pod)| pod.name.clone()).collect()),
            endpoints: cluster.endpoint_count(),
            stuck: PerColour::from_fn(|colour| stuck_because(cluster, colour)),
        }
    }

    /// Pods of both colours.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.blue.len() + self.order.green.len()
    }

    /// Whether no pod is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::colour::Colour;

    #[test]
    fn the_failing_come_first_then_the_newest() {
        let mut cluster = Cluster::default();
        let pods = [
            ("old", true, None, 10),
            ("new", true, None, 20),
            ("crashing", false, Some("CrashLoopBackOff"), 5),
            ("starting", false, Some("ContainerCreating"), 30),
        ];
        for (name, ready, reason, created) in pods {
            let pod = PodState {
                name: name.into(),
                colour: Some(Colour::Green),
                ready,
                reason: reason.map(str::to_owned),
                created: jiff::Timestamp::from_second(created).ok(),
                ..PodState::default()
            };
            cluster.pods.insert(name.into(), pod);
        }
        let roster = Roster::of(&cluster);
        assert_eq!(roster.order.green, ["crashing", "starting", "new", "old"]);
        assert_eq!((roster.failing.green, roster.len(), roster.endpoints), (1, 4, None));
    }
}
