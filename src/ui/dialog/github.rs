//! What the dialogs of the actions on GitHub show: exactly which pull request, head, run,
//! attempt, commit and environment is acted on, and what follows.

use ratatui::text::{Line, Span};

use crate::sop::commit::Sha;
use crate::sop::operation::{Action, ActionKind};
use crate::sop::pipeline::{Run, RunId};
use crate::sop::pull_request::{PullRequest, PullRequestState};
use crate::ui::scene::Scene;
use crate::ui::text::{fit, padded};
use crate::ui::theme::Tone;
use crate::ui::words;

use super::{Row, Weight};

/// Column for what a line is about.
const NAMES: usize = 12;
/// Most lines of a pull request's text that are shown.
const BODY: usize = 6;

/// What is asked for beside the word that confirms.
pub(super) const fn question(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Propose => "title: ",
        _ => "comment (may stay empty): ",
    }
}

/// What is done, in a line.
pub(super) fn from_to(scene: &Scene<'_>, action: &Action) -> String {
    let arrow = scene.glyphs().arrow;
    match action {
        Action::Propose { head, base, .. } => format!("{head} {arrow} {base}"),
        Action::Merge { number, .. } => match request(scene, *number) {
            Some(request) => format!("#{number} {arrow} {}, squashed to one commit", request.base_branch),
            None => format!("#{number}, squashed to one commit"),
        },
        Action::Approve { run, environment, .. } => {
            format!("{} {arrow} {environment}", run_name(scene, run))
        }
        Action::Reject { run, environment, .. } => {
            format!("{}: refused for {environment}", run_name(scene, run))
        }
        other => words::action(other, scene.glyphs()),
    }
}

/// What follows from it.
pub(super) const fn cost(action: &Action) -> Option<&'static str> {
    match action {
        Action::Propose { .. } => Some("nothing is merged or deployed by it"),
        Action::Merge { .. } => {
            Some("the workflow starts on the new commit. Refused by GitHub when the head has moved")
        }
        Action::DeleteBranch { .. } => Some("the merged commits stay"),
        Action::Approve { .. } => Some("the run goes on to this environment at once"),
        Action::Reject { .. } => Some("the run fails; a new one has to be started"),
        Action::Dispatch { .. } => Some("a new run begins; it waits for its approval as any other"),
        Action::Rerun { .. } => {
            Some("another attempt of the same commit, with the rights of who started it first")
        }
        Action::Cancel { .. } => Some("what the run did already stays done"),
        _ => None,
    }
}

/// Where it happens, and what exactly it is done to.
pub(super) fn rows(scene: &Scene<'_>, action: &Action, width: usize) -> Vec<Row> {
    let mut rows = vec![place(scene, width)];
    let mut add = |name: &str, words: String| rows.push(fact(scene, name, &words, width));
    match action {
        Action::Propose { body, .. } => {
            if body.is_empty() {
                add("text", "none yet: Ctrl-E writes it in $EDITOR".to_owned());
            }
            let more = body.lines().count().saturating_sub(BODY);
            for (at, line) in body.lines().take(BODY).enumerate() {
                add(if at == 0 { "text" } else { "" }, line.to_owned());
            }
            if more > 0 {
                add("", format!("{more} more lines"));
            }
        }
        Action::Merge { number, head } => {
            if let Some(request) = request(scene, *number) {
                add("title", request.title.clone());
                add("head", format!("{} of {}", full(head), request.head_branch));
            } else {
                add("head", full(head));
            }
        }
        Action::Approve { run, head, environment, .. } | Action::Reject { run, head, environment, .. } => {
            run_facts(scene, run, &mut add);
            add("commit", commit_words(scene, head));
            add("environment", environment.clone());
        }
        Action::Rerun { run, .. } | Action::Cancel { run, .. } => {
            run_facts(scene, run, &mut add);
            if let Some(known) = known(scene, run) {
                add("commit", commit_words(scene, &known.head));
            }
        }
        _ => {}
    }
    rows
}

/// `taxasge/backend on GitHub, as orch`.
fn place(scene: &Scene<'_>, width: usize) -> Row {
    let room = scene.room;
    let repository = room.setting.github.as_ref().map_or("", |setting| setting.repository.as_str());
    let user = room.repository().and_then(|repository| repository.user.as_deref());
    let words = match user {
        Some(user) => format!("{repository} on GitHub, as {user}"),
        None => format!("{repository} on GitHub; whose token this is was not read"),
    };
    (Weight::Must, Line::raw(fit(&words, width, scene.look)))
}

fn fact(scene: &Scene<'_>, name: &str, words: &str, width: usize) -> Row {
    let line = Line::from(vec![
        Span::styled(padded(name, NAMES, scene.look), scene.style(Tone::Dim)),
        Span::raw(fit(words, width.saturating_sub(NAMES), scene.look)),
    ]);
    (Weight::Must, line)
}

fn run_facts(scene: &Scene<'_>, id: &RunId, add: &mut impl FnMut(&str, String)) {
    let Some(run) = known(scene, id) else {
        return add("run", format!("id {}, attempt {}", id.id, id.attempt));
    };
    let dot = scene.glyphs().dot;
    add("run", format!("{}, attempt {} {dot} id {} {dot} {}", run.number, id.attempt, id.id, run.workflow));
    add("started", format!("{} to {} by {}", run.event, run.branch, run.actor));
}

fn run_name(scene: &Scene<'_>, id: &RunId) -> String {
    match known(scene, id) {
        Some(run) => format!("run {} attempt {}", run.number, id.attempt),
        None => format!("run id {} attempt {}", id.id, id.attempt),
    }
}

/// The whole name of a commit, and what is known of it.
fn commit_words(scene: &Scene<'_>, sha: &Sha) -> String {
    let title = scene.room.pull_request().and_then(|request| match &request.state {
        PullRequestState::Merged { commit, .. } if commit.sha == *sha => {
            Some(format!(" {} (#{})", request.title, request.number))
        }
        _ => None,
    });
    format!("{}{}", full(sha), title.unwrap_or_default())
}

/// Twelve digits: enough to compare, and there is room for the rest of the line.
fn full(sha: &Sha) -> String {
    sha.0.get(..12).unwrap_or(&sha.0).to_owned()
}

fn known<'a>(scene: &Scene<'a>, id: &RunId) -> Option<&'a Run> {
    let repository = scene.room.repository()?;
    repository.run.iter().chain(&repository.runs).find(|run| run.id == *id)
}

fn request<'a>(scene: &Scene<'a>, number: u64) -> Option<&'a PullRequest> {
    scene.room.pull_request().filter(|request| request.number == number)
}
