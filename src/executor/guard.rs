//! The guard of ordinary changes. In this order: allowed at all? → a look at how
//! things stand → command → intent in the record and, on the disk, in the journal →
//! everything read afresh → every interlock clear? → the change, at once.

use futures::FutureExt;

use super::fresh::{self, Fresh};
use super::job::{Job, not_done};
use super::papers::RecordChange;
use super::patch::annotation;
use super::settle;
use crate::journal::{Before, LockChange, What};
use crate::room::message::{Conclusion, Outcome, Urgency};
use crate::sop::access::{self, Access};
use crate::sop::colour::Colour;
use crate::sop::command::{Command, Operator};
use crate::sop::interlock::{Freshness, Interlock, InterlockId, LockState, Situation, interlocks};
use crate::sop::operation::{Action, Order, RollbackWay};
use crate::sop::phase;
use crate::sop::record::{OperationRecord, Record};
use crate::sources::kubernetes::marks;
use crate::warroom::{Acquired, LockError, RecordError, TakeOver};

/// Lets a change through, with what it rests on, or says why not.
pub(super) async fn pass(job: &Job) -> Result<Fresh, Conclusion> {
    let (seen, access, record) = look(job).boxed().await?;
    if job.order.action.changes_the_world() {
        let from = take_command(job).boxed().await?;
        if let (Some(gone), Ok(record)) = (from, &record) {
            settle::before_change(&job.world, record, &gone).await;
        }
    }
    let record = intend(job, Some(&seen), record).boxed().await?;
    if job.stop.is_cancelled() {
        return Err(not_done("not begun, nothing was changed: a rollback was ordered"));
    }
    // From here to the change itself, nothing but this read may take time.
    let fresh = fresh::read(&job.world, deployment_of(&job.order.action))
        .await
        .map_err(|error| not_done(format!("nothing was changed: {error}")))?;
    let command = job.world.holding.command();
    let mut blocked = judge(job, &fresh, &access, &command, &record);
    blocked.extend(outrun(job, &fresh));
    if blocked.is_empty() { Ok(fresh) } else { Err(Conclusion::Blocked { interlocks: blocked }) }
}

/// One interlock that blocks, as a conclusion.
pub(super) fn blocked_by(id: InterlockId, why: impl Into<String>) -> Conclusion {
    Conclusion::Blocked { interlocks: vec![Interlock { id, state: LockState::Blocked(why.into()) }] }
}

/// The colour whose Deployment an action changes.
pub(super) const fn deployment_of(action: &Action) -> Option<Colour> {
    match action {
        Action::Deploy { colour, .. }
        | Action::Retire { colour }
        | Action::Rollback { way: RollbackWay::Undo { colour } } => Some(*colour),
        Action::Rollback { way: RollbackWay::Redeploy { to, .. } } => Some(*to),
        _ => None,
    }
}

/// A first look, so that what is refused is refused without taking command or
/// writing anything that others see.
async fn look(job: &Job) -> Result<(Fresh, Access, Result<Record, RecordError>), Conclusion> {
    let (world, action) = (&job.world, &job.order.action);
    let (seen, access, record, lock) = tokio::join!(
        fresh::read(world, None),
        world.access(access::needed(action)).boxed(),
        world.papers.record.read().boxed(),
        world.holding.look().boxed(),
    );
    let seen = seen.map_err(|error| not_done(format!("nothing was changed: {error}")))?;
    let command = look_at_command(job, lock).boxed().await;
    let known = record.clone().unwrap_or_default();
    let blocked = judge(job, &seen, &access, &command, &known);
    match &record {
        Err(error) if blocked.iter().all(|lock| lock.id != InterlockId::Permission) => match error {
            RecordError::Unreadable { .. } => {
                let words = format!("{error}; it is kept under another key and a new one begun");
                world.reporter.notice(Urgency::Warning, words).await;
            }
            _ => return Err(not_done(format!("nothing was changed: {error}"))),
        },
        _ => {}
    }
    if blocked.is_empty() {
        Ok((seen, access, record))
    } else {
        Err(Conclusion::Blocked { interlocks: blocked })
    }
}

/// Who is in command, as far as this order goes: one that takes it finds nobody.
pub(super) async fn look_at_command(job: &Job, looked: Result<Command, LockError>) -> Command {
    let mut command = command_or_unknown(job, looked).await;
    if command.is_foreign() && job.world.holding.age_is_unknown() && job.order.take_command.is_none() {
        command = wait_for_a_sign_of_life(job, command).await;
    }
    if job.order.take_command.is_some() && command.is_foreign() {
        command = Command::Nobody;
    }
    command
}

async fn command_or_unknown(job: &Job, looked: Result<Command, LockError>) -> Command {
    match looked {
        Ok(command) => command,
        Err(error) => {
            job.world.reporter.notice(Urgency::Warning, error.to_string()).await;
            Command::Unknown
        }
    }
}

/// A lock that was never seen to change may be of somebody long gone: wait for one
/// renewal or its end.
async fn wait_for_a_sign_of_life(job: &Job, command: Command) -> Command {
    let (Command::Other { holder, .. }, Some(left)) = (&command, job.world.holding.expires_in()) else {
        return command;
    };
    let since = job.now();
    let holder = Operator::shown(holder);
    let words = format!(
        "{holder} holds the deploy lock: waiting up to {} s to see whether it is renewed",
        left.as_secs() + 1
    );
    job.running("command", words).await;
    let looked = job.world.holding.learn_age().await;
    let command = command_or_unknown(job, looked).await;
    let words = match &command {
        Command::Other { expired: false, .. } => format!("{holder} is alive and in command"),
        Command::Other { .. } => format!("{holder} is gone: the lock has expired"),
        _ => "the lock is free".to_owned(),
    };
    job.done("command", words, since).await;
    command
}

/// The interlocks that block and were not overridden.
fn judge(job: &Job, seen: &Fresh, access: &Access, command: &Command, record: &Record) -> Vec<Interlock> {
    let world = &job.world;
    let switched = phase::switched(&seen.cluster, Some(record));
    let situation = Situation {
        cluster: &seen.cluster,
        freshness: Freshness::ReadNow,
        access,
        command,
        verification: record.verification.as_ref(),
        switched: switched.as_ref(),
        record: Some(record),
        notes: &record.notes,
        evidence: &job.order.evidence,
        pods: None,
        github: None,
        read_only: world.read_only,
        policy: &world.environment.policy,
        now: job.now(),
    };
    blocking(&job.order, &situation)
}

/// The conditions on an order that block in a situation and were not overridden with a
/// reason.
pub(super) fn blocking(order: &Order, situation: &Situation<'_>) -> Vec<Interlock> {
    let overridden = |lock: &Interlock| {
        lock.overridable() && order.overrides.iter().any(|given| given.interlock == lock.id)
    };
    let mut locks = interlocks(&order.action, Some(&order.expectation), situation);
    locks.retain(|lock| !lock.is_clear() && !overridden(lock));
    locks
}

/// Whether somebody who was in command later than this session has changed the
/// Service: then this session's command is only imagined.
fn outrun(job: &Job, fresh: &Fresh) -> Option<Interlock> {
    let own = job.fence()?;
    let theirs: i64 = annotation(&fresh.service.metadata, marks::FENCE)?.parse().ok()?;
    let why = format!("somebody in command after you (number {theirs}, yours is {own}) changed the Service");
    (theirs > own).then_some(Interlock { id: InterlockId::Command, state: LockState::Blocked(why) })
}

/// Puts this session in command, or says who is. Whose expired lock it took, if any.
pub(super) async fn take_command(job: &Job) -> Result<Option<String>, Conclusion> {
    let take_over = if job.order.take_command.is_some() { TakeOver::Now } else { TakeOver::WhenFree };
    match job.world.holding.acquire(take_over).await {
        Ok(Acquired::Held { fence, already, from }) => {
            job.set_fence(fence);
            // Who was relieved with a reason may well be alive.
            let gone = from.clone().filter(|_| job.order.take_command.is_none());
            if !already {
                told_of_command(job, fence, from, job.order.take_command.as_deref()).await;
            }
            Ok(gone)
        }
        Ok(Acquired::Foreign(Command::Other { holder, .. })) => {
            let holder = Operator::shown(&holder);
            Err(blocked_by(
                InterlockId::Command,
                format!("{holder} is in command: ask, or take over with a typed reason"),
            ))
        }
        Ok(Acquired::Foreign(_)) => Err(blocked_by(InterlockId::Command, "somebody else is in command")),
        Err(LockError::Forbidden(why)) => Err(blocked_by(InterlockId::Permission, why)),
        Err(error) => Err(not_done(format!("nothing was changed: {error}"))),
    }
}

/// Tells everybody who is in command now.
pub(super) async fn told_of_command(job: &Job, fence: i64, from: Option<String>, reason: Option<&str>) {
    let from = from.map(|from| format!(" from {}", Operator::shown(&from))).unwrap_or_default();
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let words = format!("{} took command{from}{reason}", job.world.operator);
    let change = LockChange::Taken;
    job.world.papers.owe_journal(What::Command { change, fence: Some(fence), words: words.clone() });
    job.world.reporter.outcome(Outcome::Command { words, urgency: Urgency::Info }).await;
}

/// The intent, where colleagues and a later start of the program find it. Neither
/// may be missing: who cannot write down what is about to happen does not do it.
pub(super) async fn intend(
    job: &Job,
    seen: Option<&Fresh>,
    known: Result<Record, RecordError>,
) -> Result<Record, Conclusion> {
    let papers = &job.world.papers;
    let (operation, before) = intent(job, seen);
    let changes = job.order.action.changes_the_world();
    // Even a write that failed may have arrived.
    job.put_in_record();
    let record = match papers.record_now(&RecordChange::Intend(operation)).await {
        Ok(record) => record,
        Err(RecordError::Forbidden(why)) if changes => return Err(blocked_by(InterlockId::Permission, why)),
        Err(error) if changes => return Err(not_done(format!("nothing was changed: {error}"))),
        // The checks change nothing; what they find is still worth knowing.
        Err(error) => {
            job.world.reporter.notice(Urgency::Warning, error.to_string()).await;
            known.unwrap_or_default()
        }
    };
    let written = papers.journal_now(What::Intent { order: Box::new(job.order.clone()), before }).await;
    if let Err(error) = written {
        return Err(not_done(format!("nothing was changed: {error}")));
    }
    if !job.order.overrides.is_empty() {
        papers.owe_journal(What::Override { id: job.id().clone(), overrides: job.order.overrides.clone() });
    }
    Ok(record)
}

/// An operation's intent, for the record and for the journal.
pub(super) fn intent(job: &Job, seen: Option<&Fresh>) -> (OperationRecord, Before) {
    let order = &job.order;
    let cluster = seen.map(|seen| &seen.cluster);
    let active = cluster.and_then(|cluster| cluster.active()).or(order.expectation.active);
    let deployment = deployment_of(&order.action).and_then(|colour| cluster?.deployments[colour].as_ref());
    let desired = deployment.map(|deployment| deployment.desired);
    let before = Before {
        server: Some(job.world.connection.server.clone()),
        active,
        service_uid: seen.and_then(|seen| seen.service.metadata.uid.clone()),
        desired,
        image: deployment.and_then(|deployment| deployment.image.clone()),
        fence: job.fence(),
    };
    let operation = OperationRecord {
        id: order.id.clone(),
        action: order.action.in_short(),
        by: job.world.operator.identity(),
        at: job.now().wall,
        fence: job.fence(),
        active_before: active,
        desired_before: desired,
        overrides: order.overrides.clone(),
        reason: order.reason.clone(),
        outcome: None,
    };
    (operation, before)
}
