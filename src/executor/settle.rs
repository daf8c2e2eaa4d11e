//! What was left open: by a crash of this program, or by a colleague whose program
//! died. The objects' marks tell what took effect; what is found is told, journaled
//! and written into the record.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::Patch;

use super::finding::{Finding, OpenOperation, decide, is_elsewhere, merged, told};
use super::fresh::{self, Fresh};
use super::github::Ended;
use super::papers::RecordChange;
use super::patch;
use super::world::{World, as_cutover};
use crate::journal::{OpenIntent, What, open_intents};
use crate::room::message::{Outcome, Urgency};
use crate::sop::command::Command;
use crate::sop::operation::{Action, OperationId};
use crate::sop::record::{OperationResult, OutcomeRecord, Record};

/// From this age on, nobody is inside the call any more who does not hold the lock:
/// the call's own limit, and the time in which its truth is looked for.
const CALL_AGE: Duration = Duration::from_secs(45);
/// The checks hold no lock; this long they may take.
const VERIFY_AGE: Duration = Duration::from_secs(15 * 60);
/// Time limit of the write that makes a request void.
const VOID_LIMIT: Duration = Duration::from_secs(5);

/// Settles what can be settled now. Call it at the start, and whenever the record
/// shows an open operation of a session that is gone.
pub(super) async fn run(world: &World) {
    let (known, ended) = own_journal(world).await;
    let record = match world.papers.record.read().await {
        Ok(record) => record,
        Err(error) => {
            world.reporter.notice(Urgency::Warning, error.to_string()).await;
            Record::default()
        }
    };
    pass_on(world, &record, &ended);
    take_over_ends(world, &known, &record);
    let open: Vec<OpenOperation> = merged(known, &record)
        .into_iter()
        .filter(|open| !world.lanes.is_running(&open.id) && !ended.contains_key(&open.id))
        .collect();
    for operation in open {
        if is_abandoned(world, &operation).await {
            // Not beside a change of our own: each would make the other lose its swap.
            let _turn = world.turn.lock().await;
            settle_one(world, operation).boxed().await;
        }
    }
}

/// Settles what a session has left open that is known to be gone, before a change of
/// our own makes it impossible to tell. The caller has the turn.
pub(super) async fn before_change(world: &World, record: &Record, gone: &str) {
    for operation in record.open().filter(|operation| operation.by == gone) {
        settle_one(world, OpenOperation::of_record(operation)).boxed().await;
    }
}

/// Ends that a colleague has written into the record belong into this machine's
/// journal too.
fn take_over_ends(world: &World, known: &[OpenIntent], record: &Record) {
    for intent in known {
        let recorded = record.operations.iter().find(|known| known.id == intent.order.id);
        if let Some(outcome) = recorded.and_then(|known| known.outcome.clone()) {
            world.papers.owe_journal(What::Settled { id: intent.order.id.clone(), outcome });
        }
    }
}

/// What this machine's journal holds: intents without an end, and ends.
async fn own_journal(world: &World) -> (Vec<OpenIntent>, BTreeMap<OperationId, OutcomeRecord>) {
    let journal = world.papers.journal.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut replay = journal.replay()?;
        let entries: Vec<_> = replay.by_ref().filter(|entry| is_about_the_end(&entry.what)).collect();
        Ok::<_, crate::journal::JournalError>((entries, replay.garbage()))
    });
    let (entries, garbage) = match read.await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => {
            world.reporter.notice(Urgency::Warning, error.to_string()).await;
            return Default::default();
        }
        Err(error) => {
            tracing::error!("reading the journal: {error}");
            return Default::default();
        }
    };
    if garbage > 0 {
        let path = world.papers.journal.path().map(|path| path.display().to_string()).unwrap_or_default();
        let words =
            format!("the journal {path} has {garbage} lines that cannot be read; they are passed over");
        world.reporter.notice(Urgency::Warning, words).await;
    }
    let ended = entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Outcome { id, outcome } | What::Settled { id, outcome } => {
                Some((id.clone(), outcome.clone()))
            }
            _ => None,
        })
        .collect();
    (open_intents(entries), ended)
}

const fn is_about_the_end(what: &What) -> bool {
    matches!(what, What::Intent { .. } | What::Outcome { .. } | What::Settled { .. })
}

/// Ends that the journal knows and the record does not: the program ended before it
/// could write them there.
fn pass_on(world: &World, record: &Record, ended: &BTreeMap<OperationId, OutcomeRecord>) {
    for operation in record.open() {
        if let Some(outcome) = ended.get(&operation.id) {
            world.papers.owe_record(RecordChange::Settle(operation.id.clone(), outcome.clone()));
        }
    }
}

async fn settle_one(world: &World, operation: OpenOperation) {
    if has_ended(world, &operation).await {
        return;
    }
    if operation.action.kind().is_on_github() {
        return settle_on_github(world, operation).boxed().await;
    }
    let fresh = match fresh::read(world, None).await {
        Ok(fresh) => fresh,
        Err(error) => {
            world.reporter.notice(Urgency::Warning, format!("an open operation waits: {error}")).await;
            return;
        }
    };
    let same_service =
        operation.service_uid.as_ref().map(|uid| Some(uid) == fresh.service.metadata.uid.as_ref());
    if is_elsewhere(&operation, &world.connection.server, same_service) {
        return;
    }
    let remade = same_service == Some(false);
    let finding = if remade {
        let words =
            "whether it took effect can no longer be told: the Service was made anew since".to_owned();
        Finding::Ended(OperationResult::Failed, words)
    } else {
        decide(&operation, &fresh.cluster)
    };
    let (result, words) = match finding {
        Finding::Ended(result, words) => (result, words),
        Finding::NotApplied(words) => match make_void(world, &operation, &fresh).await {
            Ok(()) => (OperationResult::Failed, words),
            Err(why) => {
                let words =
                    format!("{}: {words}, but its request may still be on the way ({why})", told(&operation));
                world.reporter.notice(Urgency::Warning, words).await;
                return;
            }
        },
    };
    write_down(world, operation, result, words).await;
}

async fn settle_on_github(world: &World, operation: OpenOperation) {
    match super::github::settle(world, &operation).await {
        Ok(Ended { result, words }) => write_down(world, operation, result, words).await,
        Err(why) => {
            let words = format!("{} is still open: {why}", told(&operation));
            world.reporter.notice(Urgency::Warning, words).await;
        }
    }
}

/// Whether nobody is at it any more: its session does not hold the lock, or has let
/// it expire, and it is older than a call may take.
async fn is_abandoned(world: &World, operation: &OpenOperation) -> bool {
    let needed = if matches!(operation.action, Action::Verify { .. }) { VERIFY_AGE } else { CALL_AGE };
    let holds = |command: &Command| matches!(command, Command::Other { holder, expired: false, .. } if *holder == operation.by);
    match world.holding.look().await {
        Ok(command) if holds(&command) => {
            // Dead or alive? One renewal, or its absence, tells.
            matches!(world.holding.learn_age().await, Ok(command) if !holds(&command))
        }
        Ok(Command::Other { holder, .. }) if holder == operation.by => true,
        Ok(_) => {
            let age = world.clock.now().since_wall(operation.at);
            let left = needed.saturating_sub(age);
            // A call may still be under way: see it out. Checks are left alone.
            if !left.is_zero() && needed == CALL_AGE {
                tokio::time::sleep(left).await;
            }
            left.is_zero() || needed == CALL_AGE
        }
        Err(error) => {
            tracing::warn!("whether an open operation is abandoned is not known: {error}");
            false
        }
    }
}

/// Whether somebody has written its end meanwhile. That end goes into the journal too.
async fn has_ended(world: &World, operation: &OpenOperation) -> bool {
    let Ok(record) = world.papers.record.read().await else { return false };
    let known = record.operations.into_iter().find(|known| known.id == operation.id);
    let Some(outcome) = known.and_then(|known| known.outcome) else { return false };
    if operation.in_journal && !world.read_only {
        world.papers.owe_journal(What::Settled { id: operation.id.clone(), outcome });
    }
    true
}

/// Makes sure that the operation's request cannot arrive any more, by a write of our
/// own to the object whose version it tests. An object that changed since does not
/// need it, but which version the request rests on nobody knows any more.
async fn make_void(world: &World, operation: &OpenOperation, fresh: &Fresh) -> Result<(), String> {
    if world.read_only {
        return Err("read-only: it is not made void".to_owned());
    }
    if operation.action.traffic_to().is_some() {
        void(&world.services(), world.service_name(), &fresh.service.metadata, &operation.id).await?;
    }
    if let Some(colour) = super::guard::deployment_of(&operation.action) {
        let deployment = fresh::deployment(world, colour).await.map_err(|error| error.to_string())?;
        void(&world.deployments(), world.deployment_name(colour), &deployment.metadata, &operation.id)
            .await?;
    }
    Ok(())
}

async fn void<K>(api: &Api<K>, name: &str, meta: &ObjectMeta, id: &OperationId) -> Result<(), String>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let body = Patch::<()>::Json(patch::void(meta, id));
    match tokio::time::timeout(VOID_LIMIT, api.patch(name, &as_cutover(), &body)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(crate::sources::kubernetes::explain(&error)),
        Err(_) => Err(format!("no answer within {} s", VOID_LIMIT.as_secs())),
    }
}

async fn write_down(world: &World, operation: OpenOperation, result: OperationResult, words: String) {
    let settled_by = Some(world.operator.to_string());
    let outcome = OutcomeRecord { result, at: world.clock.now().wall, words: words.clone(), settled_by };
    if !world.read_only {
        if operation.in_record {
            world.papers.owe_record(RecordChange::Settle(operation.id.clone(), outcome.clone()));
        }
        world.papers.owe_journal(What::Settled { id: operation.id.clone(), outcome });
    }
    let words = format!("{} was left open: {words}", told(&operation));
    world.reporter.outcome(Outcome::Settled { id: operation.id, words }).await;
}
