//! The guard of actions on GitHub. In this order: a look at how things stand → command →
//! intent in the record and, on the disk, in the journal → everything that the dialog
//! showed read afresh → every condition clear? → the call, at once. The cluster is asked
//! for command and record only.

use futures::FutureExt;

use super::GitHub;
use crate::executor::guard::{blocking, intend, look_at_command, take_command};
use crate::executor::job::{Job, not_done};
use crate::executor::settle;
use crate::room::message::Conclusion;
use crate::sop::access::Access;
use crate::sop::cluster::Cluster;
use crate::sop::command::Command;
use crate::sop::interlock::{Freshness, Interlock, OnGitHub, Situation};
use crate::sop::record::Record;
use crate::sop::repository::Repository;
use crate::sources::github::read_for;

/// Lets an action through, with what it rests on, or says why not.
pub(super) async fn pass(job: &Job, github: &GitHub) -> Result<Repository, Conclusion> {
    let world = &job.world;
    let (seen, record, lock) = tokio::join!(
        read(job, github).boxed(),
        world.papers.record.read().boxed(),
        world.holding.look().boxed(),
    );
    let seen = seen?;
    let command = look_at_command(job, lock).boxed().await;
    let blocked = judge(job, github, &seen, &command, &record.clone().unwrap_or_default());
    if !blocked.is_empty() {
        return Err(Conclusion::Blocked { interlocks: blocked });
    }
    let from = take_command(job).boxed().await?;
    if let (Some(gone), Ok(record)) = (from, &record) {
        settle::before_change(world, record, &gone).boxed().await;
    }
    let record = intend(job, None, record).boxed().await?;
    if job.stop.is_cancelled() {
        return Err(not_done("not begun, nothing was changed: a rollback was ordered"));
    }
    let fresh = read(job, github).boxed().await?;
    let blocked = judge(job, github, &fresh, &world.holding.command(), &record);
    if blocked.is_empty() { Ok(fresh) } else { Err(Conclusion::Blocked { interlocks: blocked }) }
}

async fn read(job: &Job, github: &GitHub) -> Result<Repository, Conclusion> {
    let client = github.client().await.map_err(|why| not_done(format!("nothing was changed: {why}")))?;
    let read = read_for(client, github.setting(), &job.order.action).await;
    read.map_err(|trouble| not_done(format!("nothing was changed: {}", trouble.words())))
}

/// The conditions that block and were not overridden.
fn judge(
    job: &Job,
    github: &GitHub,
    repository: &Repository,
    command: &Command,
    record: &Record,
) -> Vec<Interlock> {
    let world = &job.world;
    let (cluster, access) = (Cluster::default(), Access::default());
    let situation = Situation {
        cluster: &cluster,
        freshness: Freshness::Never,
        access: &access,
        command,
        verification: None,
        switched: None,
        record: Some(record),
        notes: &record.notes,
        evidence: &job.order.evidence,
        pods: None,
        github: Some(OnGitHub {
            setting: github.setting(),
            repository: Some(repository),
            freshness: Freshness::ReadNow,
        }),
        read_only: world.read_only,
        policy: &world.environment.policy,
        now: job.now(),
    };
    blocking(&job.order, &situation)
}
