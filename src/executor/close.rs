//! The end of a release: nothing is changed in the cluster but the record.

use super::fresh::Fresh;
use super::job::Job;
use crate::room::message::Conclusion;

/// Says what is closed. That it is closed is the operation's own end in the record.
pub(super) fn run(job: &Job, fresh: &Fresh) -> Conclusion {
    let cluster = &fresh.cluster;
    let version = |colour| cluster.version(colour).unwrap_or("no version").to_owned();
    let serving = cluster
        .active()
        .map_or_else(|| "nothing".to_owned(), |active| format!("{} {}", active.label(), version(active)));
    let kept: Vec<String> = job
        .order
        .overrides
        .iter()
        .map(|each| format!("; {}: {}", each.interlock.words(), each.reason))
        .collect();
    Conclusion::Verified { words: format!("the release is closed: {serving} serves{}", kept.concat()) }
}
