//! The way back, in a lane of its own. It needs a fresh read, ready pods on the
//! target, the right, and nothing more: no age, lock, record or disk stops it. Command,
//! record and journal are attempted beside it, waited for shortly, and written when
//! they can be.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use kube::api::{ListParams, Patch};

use super::deploy::{bring_up, change_deployment};
use super::fresh::{self, Fresh, READ_LIMIT};
use super::guard::{deployment_of, intent, told_of_command};
use super::job::{Followed, Job, not_done};
use super::papers::RecordChange;
use super::patch::{self, Undo};
use super::rollout::{self, Aim};
use super::switch::{self, Moved};
use crate::journal::What;
use crate::room::message::{Conclusion, StepState, Urgency};
use crate::sop::access;
use crate::sop::colour::Colour;
use crate::sop::command::Command;
use crate::sop::interlock::{Freshness, Situation, interlocks};
use crate::sop::note;
use crate::sop::operation::{Action, RollbackWay};
use crate::sop::record::Measured;
use crate::sources::kubernetes::{convert, explain};
use crate::warroom::{Acquired, TakeOver};

/// How long the paperwork may hold the way back up, once everything else is ready.
const PAPERS_LIMIT: Duration = Duration::from_millis(700);
/// How long a look for somebody's stop may hold an automatic rollback up.
const RECORD_LIMIT: Duration = Duration::from_secs(2);
/// How often a switch back that lost against somebody else's change is tried on a new
/// read. Each such loss is certain: nothing was applied.
const MOST_TRIES: usize = 4;
/// The reason under which command is taken.
const REASON: &str = "rollback";

/// Takes the release back.
pub(super) async fn run(job: &Arc<Job>, way: &RollbackWay) -> Conclusion {
    if let Some(announced) = job.order.automatic
        && let Err(conclusion) = nobody_stopped(job, announced).await
    {
        return conclusion;
    }
    let colour = deployment_of(&job.order.action);
    let papers = tokio::spawn(paperwork(Arc::clone(job)));
    let needed = access::needed(&job.order.action);
    let (fresh, access) = tokio::join!(fresh::read(&job.world, colour), job.world.access(needed).boxed());
    let fresh = match fresh {
        Ok(fresh) => fresh,
        Err(error) => return not_done(format!("nothing was changed: {error}")),
    };
    if let Err(conclusion) = judge(job, &fresh, &access) {
        return conclusion;
    }
    // The lock's number is worth a moment; a cluster that does not give it is not.
    if tokio::time::timeout(PAPERS_LIMIT, papers).await.is_err() {
        let words = "the journal, the record or the lock takes its time: it is written later";
        job.world.reporter.notice(Urgency::Warning, words).await;
    }
    match way {
        RollbackWay::SwitchBack { to } => switch_back(job, fresh, &access, *to).boxed().await,
        RollbackWay::Undo { colour } => undo(job, &fresh, *colour).boxed().await,
        RollbackWay::Redeploy { to, image } => redeploy(job, &fresh, &access, *to, image).boxed().await,
    }
}

/// A rollback that nobody ordered: this session must be in command, and nobody may have
/// stopped it meanwhile. A record that cannot be read stops nothing.
async fn nobody_stopped(job: &Job, announced: Timestamp) -> Result<(), Conclusion> {
    if !matches!(job.world.holding.command(), Command::Mine { .. }) {
        return Err(not_done("no automatic rollback: this session is not in command"));
    }
    let read = tokio::time::timeout(RECORD_LIMIT, job.world.papers.record.read()).await;
    let stopped = match &read {
        Ok(Ok(record)) => note::stopped(&record.notes, announced),
        _ => None,
    };
    match stopped {
        Some(note) => {
            Err(not_done(format!("no automatic rollback: {} stopped it ({})", note.author(), note.words())))
        }
        None => Ok(()),
    }
}

/// Intent and command, attempted at the same time.
async fn paperwork(job: Arc<Job>) {
    let papers = &job.world.papers;
    let (operation, before) = intent(&job, None);
    papers.owe_journal(What::Intent { order: Box::new(job.order.clone()), before });
    if !job.order.overrides.is_empty() {
        papers.owe_journal(What::Override { id: job.id().clone(), overrides: job.order.overrides.clone() });
    }
    job.put_in_record();
    papers.owe_record(RecordChange::Intend(operation));
    let command = async {
        match job.world.holding.acquire(TakeOver::Now).await {
            Ok(Acquired::Held { fence, already, from }) => {
                job.set_fence(fence);
                if !already {
                    told_of_command(&job, fence, from, Some(REASON)).await;
                }
            }
            Ok(Acquired::Foreign(_)) => {}
            Err(error) => {
                let words = format!("command could not be taken ({error}); the rollback goes on without it");
                job.world.reporter.notice(Urgency::Warning, words).await;
            }
        }
    };
    tokio::join!(command, papers.all_written(PAPERS_LIMIT));
}

/// The interlocks of the way back: the right, and something to go back to.
fn judge(job: &Job, fresh: &Fresh, access: &access::Access) -> Result<(), Conclusion> {
    let world = &job.world;
    let situation = Situation {
        cluster: &fresh.cluster,
        freshness: Freshness::ReadNow,
        access,
        command: &Command::Unknown,
        verification: None,
        switched: None,
        record: None,
        notes: &[],
        evidence: &job.order.evidence,
        pods: None,
        github: None,
        read_only: world.read_only,
        policy: &world.environment.policy,
        now: job.now(),
    };
    let mut locks = interlocks(&job.order.action, None, &situation);
    locks.retain(|lock| !lock.is_clear());
    if locks.is_empty() { Ok(()) } else { Err(Conclusion::Blocked { interlocks: locks }) }
}

/// Option 1. A loss against somebody else's change is answered by a new read: as
/// long as the way back is still the one that was confirmed, it is taken.
async fn switch_back(job: &Job, mut fresh: Fresh, access: &access::Access, to: Colour) -> Conclusion {
    for _ in 1..MOST_TRIES {
        match switch::move_traffic(job, &fresh, to).boxed().await {
            Moved::Yes(at) => return switch::follow_switch(job, &fresh.cluster, to, at).await,
            Moved::No(conclusion) => return *conclusion,
            Moved::Lost(conclusion) => {
                fresh = match fresh::read(&job.world, None).await {
                    Ok(fresh) => fresh,
                    Err(_) => return *conclusion,
                };
                if judge(job, &fresh, access).is_err() {
                    return *conclusion;
                }
                let words = "the Service was changed at the same moment: once more, on a new read";
                job.world.reporter.step(job.id(), "patch", StepState::Running, words, None).await;
            }
        }
    }
    switch::run(job, &fresh, to).await
}

/// Option 2: the previous template, in place.
async fn undo(job: &Job, fresh: &Fresh, colour: Colour) -> Conclusion {
    let Some(deployment) = &fresh.deployment else {
        return not_done("nothing was changed: the Deployment was not read");
    };
    let listed =
        tokio::time::timeout(READ_LIMIT, job.world.replica_sets().list(&ListParams::default())).await;
    let sets = match listed {
        Ok(Ok(list)) => list.items,
        Ok(Err(error)) => return not_done(format!("nothing was changed: replica sets: {}", explain(&error))),
        Err(_) => return not_done("nothing was changed: the replica sets could not be read in time"),
    };
    let name = job.world.deployment_name(colour);
    let (body, revision) = match patch::undo(deployment, &sets, &job.mark()) {
        Undo::Back { patch, revision } => (patch, revision),
        Undo::Nothing { revision } => {
            return Conclusion::Verified {
                words: format!("{name} is that of revision {revision} already: nothing to do"),
            };
        }
        Undo::Paused => return not_done(format!("nothing was changed: {name} is paused: resume it first")),
        Undo::NoRevision => return not_done(format!("nothing was changed: {name} has no earlier revision")),
    };
    let begun = job.now();
    let done = format!("{name} asked to go back to revision {revision}");
    let changed = match change_deployment(job, deployment, colour, Patch::Json(body), &done).await {
        Ok(changed) => changed,
        Err(conclusion) => return conclusion,
    };
    let state = convert::deployment(&changed, &job.world.environment.kubernetes);
    let aim = Aim { colour, generation: state.generation, uid: state.uid, image: state.image };
    match rollout::follow(job, &aim).await {
        Followed::Reached(words) => {
            job.measured(Measured::Rollout, job.now().since(begun));
            let words = format!("{} is back on revision {revision}, in place: {words}", colour.label());
            Conclusion::Verified { words }
        }
        Followed::NotReached(why) => Conclusion::AppliedNotVerified {
            words: format!("{name} was set back to revision {revision}, but: {why}"),
        },
        Followed::Overtaken => Conclusion::AppliedNotVerified {
            words: format!("{name} was set back to revision {revision}; not followed"),
        },
    }
}

/// Option 3: the other colour is brought up on `image`, then gets the traffic.
async fn redeploy(job: &Job, fresh: &Fresh, access: &access::Access, to: Colour, image: &str) -> Conclusion {
    match bring_up(job, fresh, to, image).boxed().await {
        Ok(Followed::Reached(_)) => {}
        Ok(Followed::NotReached(why)) => {
            return not_done(format!("{} did not come up, the traffic was not moved: {why}", to.label()));
        }
        Ok(Followed::Overtaken) => return not_done("broken off before the traffic was moved"),
        Err(conclusion) => return conclusion,
    }
    let again = match fresh::read(&job.world, None).await {
        Ok(again) => again,
        Err(error) => {
            return not_done(format!(
                "{} is up on {image}, but the traffic was not moved: {error}",
                to.label()
            ));
        }
    };
    let action = Action::Rollback { way: RollbackWay::SwitchBack { to } };
    if again.cluster.ready_pods(to) == 0 || again.cluster.active() != Some(to.other()) {
        let kind = action.kind();
        return not_done(format!(
            "{} is up on {image}, but the {kind} has nothing to switch back: look again",
            to.label()
        ));
    }
    switch_back(job, again, access, to).boxed().await
}
