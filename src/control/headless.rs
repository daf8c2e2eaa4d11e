//! Actions as commands: the same room, the same executor, the same interlocks; the
//! command line is the dialog.

use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::time::Duration;

use super::Control;
use super::printer::Printer;
use super::release;
use crate::cli::{Command, Confirm, Output, Run, RunCommand};
use crate::room::Room;
use crate::room::dialog::typed_image;
use crate::room::intent::Intent;
use crate::room::message::{Body, Conclusion, Draft, LinkState, Observation};
use crate::sop::colour::Colour;
use crate::sop::operation::{Action, OperationId, Order, Override, RollbackWay};
use crate::sop::verdict::Verdict;

/// How long the pair may take to be seen before the command gives up.
const SEEN_WITHIN: Duration = Duration::from_secs(20);

/// How long the metrics may take where an action rests on them: some samples.
const MEASURED_WITHIN: Duration = Duration::from_secs(30);

/// Usage or configuration.
pub const USAGE: u8 = 2;
/// It failed; nothing was changed, or the words say what was.
pub const FAILED: u8 = 1;

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The command line does not say enough.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
}

impl Refusal {
    /// The exit status.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Failed(_) => FAILED,
        }
    }
}

/// Carries out one action, or shows what a command asks to see; the exit status.
pub async fn run(mut control: Control, command: &Command) -> u8 {
    let printer = Printer { output: output_of(command) };
    let done = match (release::only_looks(command), confirm_of(command)) {
        (true, _) => look(&mut control, command, &printer).await,
        (false, Some(confirm)) => {
            act(&mut control, command, confirm, &printer).await.map(|conclusion| conclusion.exit_status())
        }
        (false, None) => return USAGE,
    };
    let status = match done {
        Ok(status) => status,
        Err(refusal) => {
            printer.refused(&refusal);
            refusal.exit_status()
        }
    };
    control.leave().await;
    status
}

async fn look(control: &mut Control, command: &Command, printer: &Printer) -> Result<u8, Refusal> {
    release::until_read(control, false).await?;
    release::show(&control.room, command, printer)?;
    Ok(0)
}

fn output_of(command: &Command) -> Output {
    match command {
        Command::Run(Run { what: RunCommand::List(list) }) => list.output,
        Command::Run(Run { what: RunCommand::Show(show) }) => show.output,
        command => confirm_of(command).map_or(Output::Text, |confirm| confirm.output),
    }
}

async fn act(
    control: &mut Control,
    command: &Command,
    confirm: &Confirm,
    printer: &Printer,
) -> Result<Conclusion, Refusal> {
    named_target(command, confirm)?;
    let action = if release::is_on_github(command) {
        release::until_read(control, true).await?;
        let draft = if release::wants_draft(command) { control.draft().await } else { Draft::default() };
        let action = release::action(&control.room, command, draft)?
            .ok_or_else(|| Refusal::Usage("this command changes nothing".into()))?;
        if matches!(action, Action::Merge { .. } | Action::Approve { .. }) {
            until_listed(control).await;
        }
        action
    } else {
        until_seen(control).await?;
        let action = action(control, command)?;
        until_measured(control, &action).await;
        action
    };
    agree(control, command, confirm, &action)?;
    let id = control.room.next_operation_id();
    let order = Order {
        overrides: confirm
            .overrides
            .iter()
            .map(|(interlock, reason)| Override { interlock: *interlock, reason: reason.clone() })
            .collect(),
        take_command: confirm.take_command.clone(),
        reason: control.room.reason_for(&action),
        evidence: Box::new(control.room.assessed.evidence.clone()),
        ..Order::new(id, action, control.room.expectation())
    };
    let id = order.id.clone();
    let effects = control.take(Body::Intent(Intent::Perform(Box::new(order))));
    control.carry_out(effects);
    follow(control, &id, printer).await
}

const fn confirm_of(command: &Command) -> Option<&Confirm> {
    match command {
        Command::Deploy(deploy) => Some(&deploy.confirm),
        Command::Verify(verify) => Some(&verify.confirm),
        Command::Switch(switch) => Some(&switch.confirm),
        Command::Rollback(rollback) => Some(&rollback.confirm),
        Command::Retire(retire) => Some(&retire.confirm),
        Command::Close(close) => Some(&close.confirm),
        Command::Pr(pr) => Some(&pr.confirm),
        Command::Approve(decide) | Command::Reject(decide) => Some(&decide.confirm),
        Command::Run(run) => match &run.what {
            RunCommand::Rerun(rerun) => Some(&rerun.confirm),
            RunCommand::Cancel(cancel) => Some(&cancel.confirm),
            RunCommand::Dispatch(dispatch) => Some(&dispatch.confirm),
            RunCommand::List(_) | RunCommand::Show(_) => None,
        },
        Command::Status(_)
        | Command::Watch(_)
        | Command::Check(_)
        | Command::Doctor(_)
        | Command::Rehearse(_) => None,
    }
}

/// The target that the command line names: a colour, or the Service.
fn target(command: &Command) -> Option<String> {
    let colour = |colour: Option<Colour>| colour.map(|colour| colour.name().to_owned());
    match command {
        Command::Deploy(deploy) => colour(deploy.colour),
        Command::Verify(verify) => colour(verify.colour),
        Command::Switch(switch) => colour(switch.to),
        Command::Retire(retire) => colour(retire.colour),
        Command::Close(close) => close.service.clone(),
        Command::Rollback(rollback) if rollback.undo => rollback.service.clone(),
        Command::Rollback(rollback) => colour(rollback.to),
        command => release::target(command),
    }
}

/// Without a terminal nobody can be asked: `--yes` and the target have to stand there.
fn named_target(command: &Command, confirm: &Confirm) -> Result<(), Refusal> {
    let flag = match command {
        Command::Switch(_) => "--to COLOUR",
        Command::Close(_) => "--service NAME",
        Command::Rollback(rollback) if rollback.undo => "--service NAME",
        Command::Rollback(_) => "--to COLOUR",
        command if release::is_on_github(command) => release::flag(command),
        _ => "--colour COLOUR",
    };
    let asked = io::stdin().is_terminal() && io::stderr().is_terminal();
    match (confirm.yes, target(command)) {
        (true, Some(_)) => Ok(()),
        (true, None) => Err(Refusal::Usage(format!("--yes needs the target to be named: add {flag}"))),
        (false, _) if asked => Ok(()),
        (false, _) => Err(Refusal::Usage(format!(
            "there is no terminal to ask on: add --yes and {flag} to confirm on the command line"
        ))),
    }
}

/// Waits until the room knows enough to propose anything.
pub(super) async fn until_seen(control: &mut Control) -> Result<(), Refusal> {
    match control.wait_until(SEEN_WITHIN, |control| control.is_connected() && seen(control)).await {
        true => Ok(()),
        false => Err(Refusal::Failed(not_seen(control))),
    }
}

/// Gives the metrics and the checklist's verifiers a moment, where an action rests on
/// them. What is missing after that is the interlocks' business.
async fn until_measured(control: &mut Control, action: &Action) {
    control.look_at_checklist();
    control.wait_until(MEASURED_WITHIN, |control| is_measured(control, action)).await;
}

/// Waits until the checklist has its answers, for as long as the metrics may take.
async fn until_listed(control: &mut Control) {
    control.look_at_checklist();
    control.wait_until(MEASURED_WITHIN, |control| is_listed(&control.room)).await;
}

/// Whether nothing of the checklist is still being asked for.
fn is_listed(room: &Room) -> bool {
    room.setting.checklist.as_ref().is_none_or(|checklist| room.checklist.is_answered(checklist))
}

/// Whether nothing is known yet of the repository that the release comes from.
pub(super) fn awaits_repository(room: &Room) -> bool {
    room.has_repository() && room.repository().is_none() && room.repository_trouble().is_none()
}

fn is_measured(control: &Control, action: &Action) -> bool {
    let room = &control.room;
    let evidence = &room.assessed.evidence;
    if matches!(action, Action::Deploy { .. } | Action::Switch { .. }) && awaits_repository(room) {
        return false;
    }
    let passes = evidence.watch.as_ref().is_none_or(|watch| watch.verdict == Verdict::Pass);
    if action.changes_the_world() && !is_listed(room) {
        return false;
    }
    room.setting.signals.is_empty()
        || match action {
            Action::Switch { .. } => evidence.is_measured() && evidence.missing.is_empty(),
            Action::Retire { .. } | Action::Close => evidence.is_measured() && passes,
            _ => true,
        }
}

fn seen(control: &Control) -> bool {
    let cluster = &control.room.world.cluster;
    let listed = |source| control.room.world.links.contains_key(&source);
    cluster.service.is_some()
        && cluster.deployments.iter().all(|(_, deployment)| deployment.is_some())
        && listed(crate::room::message::SourceId::Pods)
}

/// What is missing, and why as far as it was told.
fn not_seen(control: &Control) -> String {
    let room = &control.room;
    let names = &room.setting.deployments;
    let cluster = &room.world.cluster;
    let missing: Vec<String> = [
        (cluster.service.is_none(), format!("Service {}", room.setting.service)),
        (cluster.deployments.blue.is_none(), format!("Deployment {}", names.blue)),
        (cluster.deployments.green.is_none(), format!("Deployment {}", names.green)),
    ]
    .into_iter()
    .filter_map(|(missing, what)| missing.then_some(what))
    .collect();
    let why = room.world.links.values().find_map(|link| match &link.state {
        LinkState::Lost { why } | LinkState::Unavailable { why } => Some(format!(": {why}")),
        LinkState::Live => None,
    });
    let what = if missing.is_empty() { "the pods".to_owned() } else { missing.join(", ") };
    format!(
        "{what} in namespace {} could not be seen within {} s{}; nothing was changed",
        room.setting.namespace,
        SEEN_WITHIN.as_secs(),
        why.unwrap_or_default()
    )
}

/// What the command would do now.
fn action(control: &Control, command: &Command) -> Result<Action, Refusal> {
    let room = &control.room;
    let cluster = &room.world.cluster;
    let idle = cluster.idle().ok_or_else(|| {
        let value = cluster.service.as_ref().and_then(|service| service.selector_value.clone());
        let value = value.map_or("has no such key".into(), |value| format!("says `{value}`"));
        Refusal::Failed(format!(
            "which colour has the traffic is not known: the selector key `{}` {value}; nothing was changed",
            room.setting.selector_key
        ))
    })?;
    Ok(match command {
        Command::Deploy(deploy) => {
            let colour = deploy.colour.unwrap_or(idle);
            Action::Deploy { colour, image: deployed_image(control, colour, deploy)? }
        }
        Command::Verify(verify) => Action::Verify { colour: verify.colour.unwrap_or(idle) },
        Command::Switch(switch) => Action::Switch { to: switch.to.unwrap_or(idle) },
        Command::Retire(retire) => Action::Retire { colour: retire.colour.unwrap_or(idle) },
        Command::Close(_) => Action::Close,
        Command::Rollback(rollback) => Action::Rollback { way: way(control, rollback, idle)? },
        _ => return Err(Refusal::Usage("this command changes nothing".into())),
    })
}

fn deployed_image(control: &Control, colour: Colour, deploy: &crate::cli::Deploy) -> Result<String, Refusal> {
    if let Some(image) = &deploy.image {
        return Ok(image.clone());
    }
    let deployment = control.room.world.cluster.deployments[colour].as_ref();
    match (&deploy.version, deployment.and_then(|deployment| deployment.image.as_ref())) {
        (Some(version), Some(present)) => Ok(typed_image(present, version)),
        _ => Err(Refusal::Failed(format!(
            "{} has no image that a version could be put into: use --image",
            control.room.setting.deployments[colour]
        ))),
    }
}

fn way(control: &Control, rollback: &crate::cli::Rollback, idle: Colour) -> Result<RollbackWay, Refusal> {
    let to = rollback.to.unwrap_or(idle);
    if rollback.undo {
        return Ok(RollbackWay::Undo { colour: idle.other() });
    }
    if let Some(image) = &rollback.image {
        return Ok(RollbackWay::Redeploy { to, image: image.clone() });
    }
    let cluster = &control.room.world.cluster;
    if cluster.ready_pods(to) > 0 || to != idle {
        return Ok(RollbackWay::SwitchBack { to });
    }
    let present = cluster.deployments[to].as_ref().and_then(|deployment| deployment.image.clone());
    present.map(|image| RollbackWay::Redeploy { to, image }).ok_or_else(|| {
        Refusal::Failed(format!("{} has no image to go back to: use --image or --undo", to.label()))
    })
}

/// Asks for the target's word where it was not named with `--yes`.
fn agree(control: &Control, command: &Command, confirm: &Confirm, action: &Action) -> Result<(), Refusal> {
    let room = &control.room;
    let word = action.confirmation(&room.setting.service);
    if confirm.yes {
        let named = target(command).unwrap_or_default();
        return if named == word {
            Ok(())
        } else {
            Err(Refusal::Usage(format!(
                "the target is `{word}`, but `{named}` was named; nothing was changed"
            )))
        };
    }
    let where_ = match (&room.setting.github, action.kind().is_on_github()) {
        (Some(github), true) => format!("{} of {}", release::words(room, action), github.repository),
        _ => format!(
            "{} {word} in {}/{} (Service {}; {})",
            action.kind(),
            room.setting.context,
            room.setting.namespace,
            room.setting.service,
            cluster_words(control)
        ),
    };
    let asked = write!(io::stderr(), "{where_}.\nType `{word}` to go on: ");
    let mut line = String::new();
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut line));
    match read {
        Ok(_) if line.trim() == word => Ok(()),
        _ => Err(Refusal::Usage("not confirmed; nothing was changed".into())),
    }
}

fn cluster_words(control: &Control) -> String {
    let cluster = &control.room.world.cluster;
    cluster.active().map_or("traffic unknown".into(), |active| {
        format!(
            "{} has the traffic, {}",
            active.label(),
            cluster.version(active).unwrap_or("version unknown")
        )
    })
}

/// Follows the order to its end.
async fn follow(control: &mut Control, id: &OperationId, printer: &Printer) -> Result<Conclusion, Refusal> {
    loop {
        let Some(message) = control.next().await else {
            return Err(Refusal::Failed("the program's own parts broke off; see `cutover status`".into()));
        };
        match &message.body {
            Body::Outcome(outcome) => printer.outcome(outcome),
            Body::Observation(Observation::Notice(notice)) => printer.notice(notice),
            _ => {}
        }
        let effects = control.room.update(message);
        control.carry_out(effects);
        let latest = control.room.operations.latest().filter(|operation| operation.id == *id);
        if let Some((_, conclusion)) = latest.and_then(|operation| operation.ended.clone()) {
            return Ok(conclusion);
        }
    }
}
