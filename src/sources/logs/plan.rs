//! Which pods are followed when there are too many.

use std::cmp::Reverse;
use std::sync::Arc;

use super::LogPod;

/// The pods to follow and those that get no stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub follow: Vec<LogPod>,
    /// There are too many.
    pub left_out: Vec<Arc<str>>,
    /// No container was started yet: there is no log to read.
    pub waiting: Vec<Arc<str>>,
}

/// At most `most` of the pods that have a log: those that fail first, then the newest.
pub(super) fn plan(pods: &[LogPod], most: usize) -> Plan {
    let (mut follow, idle): (Vec<_>, Vec<_>) = pods.iter().cloned().partition(|pod| pod.started);
    follow.sort_by(|a, b| {
        (Reverse(a.failing), Reverse(a.created), &a.name).cmp(&(
            Reverse(b.failing),
            Reverse(b.created),
            &b.name,
        ))
    });
    let mut left_out: Vec<_> = follow.iter().skip(most).map(|pod| Arc::clone(&pod.name)).collect();
    left_out.sort();
    follow.truncate(most);
    let mut waiting: Vec<_> = idle.into_iter().map(|pod| pod.name).collect();
    waiting.sort();
    Plan { follow, left_out, waiting }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::sop::colour::Colour;

    fn pod(name: &str, created: i64, failing: bool) -> LogPod {
        LogPod {
            name: name.into(),
            colour: Colour::Blue,
            created: Timestamp::from_second(created).ok(),
            started: true,
            failing,
            restarts: 0,
        }
    }

    #[test]
    fn failing_pods_come_first_then_the_newest() {
        let pods = [pod("old", 1, false), pod("new", 9, false), pod("bad", 2, true), pod("mid", 5, false)];
        let plan = plan(&pods, 2);
        let names: Vec<_> = plan.follow.iter().map(|pod| &*pod.name).collect();
        assert_eq!(names, ["bad", "new"]);
        assert_eq!(plan.left_out, ["mid".into(), "old".into()]);
    }

    #[test]
    fn a_pod_that_never_started_takes_no_stream_from_one_that_did() {
        let idle = LogPod { started: false, ..pod("pending", 9, true) };
        let plan = plan(&[idle, pod("old", 1, false)], 1);
        assert_eq!(plan.follow, [pod("old", 1, false)]);
        assert_eq!((plan.waiting, plan.left_out), (vec!["pending".into()], vec![]));
    }

    #[test]
    fn few_pods_are_all_followed() {
        let plan = plan(&[pod("a", 1, false)], 40);
        assert_eq!((plan.follow.len(), plan.left_out.len()), (1, 0));
    }
}
