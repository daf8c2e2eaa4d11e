//! The commands on the release's repository: `pr`, `run`, `approve`, `reject`. What
//! changes something is an order like any other; the rest is printed.

use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::Control;
use super::headless::Refusal;
use super::printer::Printer;
use crate::cli::{Command, Decide, Pr, Rerun, RunCommand};
use crate::room::Room;
use crate::room::message::{Draft, LinkState, SourceId};
use crate::sop::operation::{Action, ActionKind};
use crate::sop::pipeline::Run;
use crate::sop::pull_request::{Mergeability, PullRequest, PullRequestState};

/// How long GitHub may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// Longest text of a pull request, in bytes: GitHub takes 65,536 characters.
const LONGEST_BODY: u64 = 64 * 1024;

/// Whether a command is about the repository.
#[must_use]
pub const fn is_on_github(command: &Command) -> bool {
    matches!(command, Command::Pr(_) | Command::Run(_) | Command::Approve(_) | Command::Reject(_))
}

/// Whether a command changes nothing.
pub(super) const fn only_looks(command: &Command) -> bool {
    match command {
        Command::Pr(pr) => pr.only_looks(),
        Command::Run(run) => matches!(run.what, RunCommand::List(_) | RunCommand::Show(_)),
        _ => false,
    }
}

/// What an action is about to do, for who is asked to confirm it.
pub(super) fn words(room: &Room, action: &Action) -> String {
    match action {
        Action::Propose { head, base, title, .. } => {
            format!("open a pull request {head} -> {base} `{title}`")
        }
        Action::Merge { number, head } => {
            let title = room.pull_request().map_or("", |request| request.title.as_str());
            format!("squash #{number} `{title}` at {head}")
        }
        Action::DeleteBranch { branch } => format!("delete the branch {branch}"),
        Action::Approve { run, head, environment, .. } => {
            format!("approve attempt {} of run {} at {head} for {environment}", run.attempt, run.id)
        }
        Action::Reject { run, head, environment, .. } => {
            format!("reject attempt {} of run {} at {head} for {environment}", run.attempt, run.id)
        }
        Action::Dispatch { workflow, reference } => format!("start {workflow} on {reference}"),
        Action::Rerun { number, failed_only: true, .. } => format!("re-run the failed jobs of run #{number}"),
        Action::Rerun { number, .. } => format!("re-run run #{number}"),
        Action::Cancel { number, .. } => format!("cancel run #{number}"),
        other => other.kind().to_string(),
    }
}

/// Waits until the repository was read, and for an order until there is somebody to give
/// it to.
pub(super) async fn until_read(control: &mut Control, to_act: bool) -> Result<(), Refusal> {
    if control.room.setting.github.is_none() {
        return Err(Refusal::Usage("no repository is configured: add [github] to the configuration".into()));
    }
    let is_read =
        |control: &Control| control.room.repository.is_some() && (!to_act || control.is_connected());
    match control.wait_until(READ_WITHIN, is_read).await {
        true => Ok(()),
        false => Err(Refusal::Failed(not_read(&control.room))),
    }
}

fn not_read(room: &Room) -> String {
    let (what, source) = match room.repository {
        None => ("GitHub", SourceId::GitHub),
        Some(_) => ("the cluster, which holds the deploy lock,", SourceId::Service),
    };
    let why = room.world.links.get(&source).and_then(|link| match &link.state {
        LinkState::Lost { why } | LinkState::Unavailable { why } => Some(format!(": {why}")),
        LinkState::Live => None,
    });
    let why = why.unwrap_or_default();
    format!("{what} could not be read within {} s{why}; nothing was changed", READ_WITHIN.as_secs())
}

/// What a command would do now; `None` when it only looks.
pub(super) fn action(room: &Room, command: &Command, draft: Draft) -> Result<Option<Action>, Refusal> {
    let action = match command {
        Command::Pr(pr) if pr.only_looks() => return Ok(None),
        Command::Pr(pr) if pr.create => propose(room, pr, draft)?,
        Command::Pr(pr) if pr.merge => proposed(room, ActionKind::Merge)?,
        Command::Pr(pr) => match &pr.branch {
            Some(branch) => Action::DeleteBranch { branch: branch.clone() },
            None => proposed(room, ActionKind::DeleteBranch)?,
        },
        Command::Approve(decide) => decision(room, decide, ActionKind::Approve)?,
        Command::Reject(decide) => decision(room, decide, ActionKind::Reject)?,
        Command::Run(run) => match &run.what {
            RunCommand::List(_) | RunCommand::Show(_) => return Ok(None),
            RunCommand::Rerun(rerun) => again(room, rerun)?,
            RunCommand::Cancel(cancel) => {
                let run = numbered(room, cancel.number)?;
                Action::Cancel { run: run.id.clone(), number: run.number }
            }
            RunCommand::Dispatch(dispatch) => {
                let Action::Dispatch { workflow, reference } = proposed(room, ActionKind::Dispatch)? else {
                    return Err(Refusal::Failed("no workflow is configured".into()));
                };
                Action::Dispatch {
                    workflow: dispatch.workflow.clone().unwrap_or(workflow),
                    reference: dispatch.reference.clone().unwrap_or(reference),
                }
            }
        },
        _ => return Err(Refusal::Usage("this command is not about the repository".into())),
    };
    Ok(Some(action))
}

fn proposed(room: &Room, kind: ActionKind) -> Result<Action, Refusal> {
    let standing = room.standing(kind);
    standing.action.ok_or_else(|| Refusal::Failed(standing.blocked.unwrap_or_else(|| "nothing to do".into())))
}

/// Whether a command wants words for a pull request that it does not bring.
pub(super) const fn wants_draft(command: &Command) -> bool {
    matches!(command, Command::Pr(pr) if pr.create && (pr.title.is_none() || pr.body_file.is_none()))
}

fn propose(room: &Room, pr: &Pr, draft: Draft) -> Result<Action, Refusal> {
    let Action::Propose { head, base, .. } = proposed(room, ActionKind::Propose)? else {
        return Err(Refusal::Failed("no repository is configured".into()));
    };
    let body = match &pr.body_file {
        Some(path) => read_text(path)?,
        None => draft.body,
    };
    let title = pr.title.clone().unwrap_or(draft.title);
    if title.trim().is_empty() {
        return Err(Refusal::Usage("the pull request has no title: add --title".into()));
    }
    Ok(Action::Propose { head, base, title, body })
}

/// A text of bounded length, from a file or the standard input.
fn read_text(path: &std::path::Path) -> Result<String, Refusal> {
    let refused = |why: String| Refusal::Usage(format!("--body-file {}: {why}", path.display()));
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LONGEST_BODY + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST_BODY + 1).read_to_string(&mut text))
    };
    read.map_err(|error| refused(error.to_string()))?;
    if text.len() as u64 > LONGEST_BODY {
        return Err(refused(format!("it is longer than {} KiB", LONGEST_BODY >> 10)));
    }
    Ok(text)
}

/// The decision on exactly the run and environment that the flags name.
fn decision(room: &Room, decide: &Decide, kind: ActionKind) -> Result<Action, Refusal> {
    let run = room.run().ok_or_else(|| Refusal::Failed("no run is known; nothing was changed".into()))?;
    if let Some(number) = decide.number.filter(|number| *number != run.number) {
        return Err(Refusal::Failed(format!(
            "run {number} was named, #{} is followed; nothing was changed",
            run.number
        )));
    }
    if let Some(head) = decide.head.as_ref().filter(|head| !begins(&run.head.0, head)) {
        return Err(Refusal::Failed(format!(
            "commit {head} was named, #{} is of {}; nothing was changed",
            run.number, run.head
        )));
    }
    let setting = room.setting.github.as_ref();
    let environment =
        decide.environment.clone().or_else(|| setting.map(|setting| setting.environment.clone()));
    let environment = environment.unwrap_or_default();
    let waiting = run.waiting.iter().find(|waiting| waiting.environment == environment);
    // One that does not wait is refused by its interlock, in its words.
    let environment_id = waiting.map_or(0, |waiting| waiting.environment_id);
    let (run, head) = (run.id.clone(), run.head.clone());
    let comment = decide.comment.clone().unwrap_or_default();
    Ok(if kind == ActionKind::Approve {
        Action::Approve { run, head, environment, environment_id, comment }
    } else if comment.trim().is_empty() {
        return Err(Refusal::Usage("who rejects says why: add --comment".into()));
    } else {
        Action::Reject { run, head, environment, environment_id, comment }
    })
}

/// Whether a name of a commit begins so; a few digits could be those of any.
fn begins(sha: &str, beginning: &str) -> bool {
    const LEAST: usize = 7;
    beginning.len() >= LEAST && sha.starts_with(&beginning.to_ascii_lowercase())
}

fn again(room: &Room, rerun: &Rerun) -> Result<Action, Refusal> {
    let run = numbered(room, rerun.number)?;
    Ok(Action::Rerun { run: run.id.clone(), number: run.number, failed_only: rerun.failed })
}

/// The run of that number, else the one that is followed.
fn numbered(room: &Room, number: Option<u64>) -> Result<&Run, Refusal> {
    let Some(number) = number else {
        return room.run().ok_or_else(|| Refusal::Failed("no run is known; nothing was changed".into()));
    };
    let repository = room.repository().into_iter();
    let mut runs = repository.flat_map(|repository| repository.run.iter().chain(&repository.runs));
    runs.find(|run| run.number == number)
        .ok_or_else(|| Refusal::Failed(format!("no run #{number} was read; nothing was changed")))
}

/// The word by which the command line names its target, for `--yes`.
pub(super) fn target(command: &Command) -> Option<String> {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    match command {
        Command::Pr(pr) if pr.create => pr.base.clone(),
        Command::Pr(pr) if pr.merge => number(pr.number),
        Command::Pr(pr) => pr.branch.clone(),
        Command::Approve(decide) | Command::Reject(decide) => decide.environment.clone(),
        Command::Run(run) => match &run.what {
            RunCommand::Rerun(rerun) => number(rerun.number),
            RunCommand::Cancel(cancel) => number(cancel.number),
            RunCommand::Dispatch(dispatch) => dispatch.reference.clone(),
            RunCommand::List(_) | RunCommand::Show(_) => None,
        },
        _ => None,
    }
}

/// The flag that names it.
pub(super) const fn flag(command: &Command) -> &'static str {
    match command {
        Command::Pr(pr) if pr.create => "--base BRANCH",
        Command::Pr(pr) if pr.delete_branch => "--branch BRANCH",
        Command::Approve(_) | Command::Reject(_) => "--environment NAME",
        Command::Run(run) if matches!(run.what, RunCommand::Dispatch(_)) => "--ref BRANCH",
        _ => "--number N",
    }
}

/// Prints what a command asks to see.
pub(super) fn show(room: &Room, command: &Command, printer: &Printer) -> Result<(), Refusal> {
    match command {
        Command::Pr(_) => {
            let request = room.pull_request();
            let request =
                request.ok_or_else(|| Refusal::Failed("the release has no pull request yet".into()))?;
            printer.line(|| request_text(request), || request_json(request));
        }
        Command::Run(run) if matches!(run.what, RunCommand::List(_)) => {
            for run in room.repository().iter().flat_map(|repository| &repository.runs) {
                printer.line(|| run_line(run), || run_json(run));
            }
        }
        _ => {
            let run = room.run().ok_or_else(|| Refusal::Failed("no run of the release is known".into()))?;
            printer.line(|| run_text(run), || run_json(run));
        }
    }
    Ok(())
}

fn request_text(request: &PullRequest) -> String {
    let mergeable = match &request.mergeability {
        Mergeability::Computing => "being worked out",
        Mergeability::Clean => "yes",
        Mergeability::Conflicts => "conflicts",
        Mergeability::Held(word) => word,
    };
    format!(
        "#{} {} ({})\n  {} at {} -> {}, by {}\n  mergeable: {mergeable}; {} reviews, {} checks, {} files{}\n  {}",
        request.number,
        request.title,
        request_state(&request.state),
        request.head_branch,
        request.head.sha,
        request.base_branch,
        request.author,
        request.reviews.len(),
        request.checks.all.len(),
        request.files.len(),
        if request.more_files { " and more" } else { "" },
        request.url,
    )
}

const fn request_state(state: &PullRequestState) -> &'static str {
    match state {
        PullRequestState::Draft => "draft",
        PullRequestState::Open => "open",
        PullRequestState::Closed => "closed",
        PullRequestState::Merged { .. } => "merged",
    }
}

fn request_json(request: &PullRequest) -> Value {
    let merged = match &request.state {
        PullRequestState::Merged { commit, .. } => Some(commit.sha.0.as_str()),
        _ => None,
    };
    json!({
        "event": "pull-request",
        "number": request.number,
        "title": request.title,
        "author": request.author,
        "state": request_state(&request.state),
        "head_branch": request.head_branch,
        "head": request.head.sha,
        "base_branch": request.base_branch,
        "merged_as": merged,
        "url": request.url,
    })
}

fn run_line(run: &Run) -> String {
    let state = run.state.word();
    format!("#{:<6} {state:<10} {} {} by {} ({})", run.number, run.head, run.branch, run.actor, run.workflow)
}

fn run_text(run: &Run) -> String {
    let mut lines = vec![run_line(run)];
    lines.extend(run.jobs.iter().map(|job| format!("  {:<30} {}", job.name, job.state.word())));
    lines.extend(run.waiting.iter().map(|waiting| {
        let may = if waiting.may_approve { "you may approve" } else { "you may not approve" };
        format!("  waits for {}; {may} ({})", waiting.environment, waiting.reviewers.join(", "))
    }));
    lines.extend(run.decisions.iter().map(|decision| {
        let what = if decision.approved { "approved" } else { "rejected" };
        format!("  {} {what} {}: {}", decision.by, decision.environments.join(", "), decision.comment)
    }));
    lines.push(format!("  {}", run.url));
    lines.join("\n")
}

fn run_json(run: &Run) -> Value {
    let jobs: Vec<Value> =
        run.jobs.iter().map(|job| json!({"name": job.name, "state": job.state.word()})).collect();
    let waiting: Vec<Value> = run
        .waiting
        .iter()
        .map(|waiting| {
            json!({
                "environment": waiting.environment,
                "may_approve": waiting.may_approve,
                "reviewers": waiting.reviewers,
            })
        })
        .collect();
    json!({
        "event": "run",
        "id": run.id.id,
        "attempt": run.id.attempt,
        "number": run.number,
        "workflow": run.workflow,
        "head": run.head,
        "branch": run.branch,
        "actor": run.actor,
        "state": run.state.word(),
        "jobs": jobs,
        "waiting": waiting,
        "url": run.url,
    })
}
