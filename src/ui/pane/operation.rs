//! What is being done to the world, step by step, and what the procedure has next.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use crate::room::intent::{Extent, Pane, Writing};
use crate::room::message::{Conclusion, Step, StepState};
use crate::room::operations::Operation;
use crate::sop::colour::Colour;
use crate::sop::command::Operator;
use crate::sop::interlock::Interlock;
use crate::sop::operation::ActionKind;
use crate::sop::phase::Phase;
use crate::sop::rollout::rollout;
use crate::ui::banner::key_of;
use crate::ui::bindings::Binding;
use crate::ui::scene::Scene;
use crate::ui::text::{timer, took, wrapped};
use crate::ui::theme::Tone;
use crate::ui::words;

use super::{draw_lines, frame};

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (note, tone) = note(scene);
    let inner = frame(scene, Pane::Operation, (&note, tone), area, buffer);
    let lines = lines(scene, inner.as_size());
    let most = lines.len().saturating_sub(usize::from(inner.height));
    draw_lines(lines.into_iter().skip(scene.room.view.operation_offset.min(most)), inner, buffer);
}

/// The pane in one line.
pub(super) fn line(scene: &Scene<'_>) -> (String, Tone) {
    let Some(operation) = scene.room.operations.latest() else {
        return (advice(scene), Tone::Plain);
    };
    let action = words::action(&operation.action, scene.glyphs());
    match &operation.ended {
        Some((_, conclusion)) => {
            let (mark, word, tone) = conclusion_words(scene, conclusion);
            (format!("{mark} {action} {word}: {}", conclusion.words()), tone)
        }
        None => {
            let step = operation.steps.last().map(|step| format!(": {} {}", step.name, step.words));
            (format!("{} {action}{}", scene.glyphs().now, step.unwrap_or_default()), Tone::Strong)
        }
    }
}

pub(super) fn extent(scene: &Scene<'_>, area: Rect) -> Extent {
    let inner = Size { width: area.width.saturating_sub(2), height: area.height.saturating_sub(2) };
    let rows = usize::from(inner.height);
    let lines = lines(scene, inner).len();
    Extent { page: rows, most: lines.saturating_sub(rows) }
}

fn note(scene: &Scene<'_>) -> (String, Tone) {
    match scene.room.operations.latest() {
        None => (String::new(), Tone::Plain),
        Some(operation) => match &operation.ended {
            None => (format!("running {}", timer(scene.room.now.since(operation.began))), Tone::Strong),
            Some((_, conclusion)) => {
                let (_, word, tone) = conclusion_words(scene, conclusion);
                (word.to_owned(), if tone == Tone::Bad { Tone::Warn } else { tone })
            }
        },
    }
}

/// What was done and what comes next. Where there is no room for both, the steps of what
/// is done and verified give way.
fn lines(scene: &Scene<'_>, size: Size) -> Vec<Line<'static>> {
    let width = usize::from(size.width);
    let whole = lines_with(scene, width, true);
    let latest = scene.room.operations.latest().and_then(|operation| operation.ended.as_ref());
    let is_well = matches!(latest, Some((_, Conclusion::Verified { .. })));
    if is_well && whole.len() > usize::from(size.height) { lines_with(scene, width, false) } else { whole }
}

fn lines_with(scene: &Scene<'_>, width: usize, steps: bool) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(operation) = scene.room.operations.latest() {
        operation_lines(scene, operation, steps, width, &mut lines);
        lines.push(Line::default());
    }
    lines.extend(left_open(scene, width));
    lines.extend(styled(&advice(scene), width, scene, Tone::Strong));
    if let Some(kind) = scene.next_action() {
        lines.extend(interlock_lines(scene, kind, width));
    }
    lines
}

fn operation_lines(
    scene: &Scene<'_>,
    operation: &Operation,
    steps: bool,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let began = words::clock_seconds(scene.room, operation.began.wall);
    lines.push(Line::from(vec![
        Span::styled(words::action(&operation.action, scene.glyphs()), scene.style(Tone::Strong)),
        Span::styled(format!("  {began}"), scene.style(Tone::Dim)),
    ]));
    for step in operation.steps.iter().filter(|_| steps) {
        lines.extend(step_lines(scene, step, width));
    }
    if let Some((at, conclusion)) = &operation.ended {
        let (mark, word, tone) = conclusion_words(scene, conclusion);
        let whole = took(at.since(operation.began));
        lines.extend(styled(
            &format!("{mark} {word} after {whole}: {}", conclusion.words()),
            width,
            scene,
            tone,
        ));
    }
}

fn step_lines(scene: &Scene<'_>, step: &Step, width: usize) -> Vec<Line<'static>> {
    let tone = match step.state {
        StepState::Running => Tone::Strong,
        StepState::Done => Tone::Plain,
        StepState::Failed => Tone::Bad,
        StepState::Unknown => Tone::Warn,
    };
    let time = step.took.map(|time| format!(" ({})", took(time))).unwrap_or_default();
    let separator = if step.words.is_empty() { "" } else { ": " };
    let words = format!("{} {}{separator}{}{time}", scene.glyphs().step(step.state), step.name, step.words);
    styled(&words, width, scene, tone)
}

fn conclusion_words(scene: &Scene<'_>, conclusion: &Conclusion) -> (&'static str, &'static str, Tone) {
    let glyphs = scene.glyphs();
    match conclusion {
        Conclusion::Verified { .. } => (glyphs.good, "done and verified", Tone::Strong),
        Conclusion::AppliedNotVerified { .. } => (glyphs.unknown, "applied, NOT verified", Tone::Warn),
        Conclusion::Failed { .. } => (glyphs.bad, "failed", Tone::Bad),
        Conclusion::Blocked { .. } => (glyphs.bad, "blocked", Tone::Warn),
    }
}

/// Operations of others, or of an earlier run, whose outcome nobody has written down.
fn left_open(scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let room = scene.room;
    let own = room.operations.latest().map(|operation| &operation.id);
    let open =
        room.record.iter().flat_map(|record| record.open()).filter(|operation| Some(&operation.id) != own);
    open.flat_map(|operation| {
        let words = format!(
            "{} {} by {} at {}: outcome not known",
            scene.glyphs().unknown,
            words::action(&operation.action, scene.glyphs()),
            Operator::shown(&operation.by),
            words::clock(room, operation.at),
        );
        styled(&words, width, scene, Tone::Warn)
    })
    .collect()
}

/// The next step of the procedure and the key for it.
fn advice(scene: &Scene<'_>) -> String {
    let room = scene.room;
    let (Some(phase), Some(active)) = (scene.phase, room.world.cluster.active()) else {
        return "Waiting until both colours are seen".to_owned();
    };
    let idle = active.other();
    let key = |kind| Binding::of_action(kind).map(Binding::key).unwrap_or_default();
    if let Some(words) = in_pipeline(scene, phase, idle) {
        return words;
    }
    match phase {
        Phase::Prepare if room.has_repository() => {
            format!("Next: {} opens the release's pull request", key(ActionKind::Propose))
        }
        Phase::Review => format!("Next: {} merges the pull request", key(ActionKind::Merge)),
        Phase::Pipeline => "The pipeline of the release is under way; it stops for approval".to_owned(),
        Phase::Approval => format!(
            "Next: {} approves the waiting run, {} rejects it",
            key(ActionKind::Approve),
            key(ActionKind::Reject)
        ),
        Phase::Migrate => "The pipeline migrates the database".to_owned(),
        Phase::Prepare => {
            format!(
                "Both colours run one version: {} deploys another to {}",
                key(ActionKind::Deploy),
                idle.label()
            )
        }
        Phase::Deploy => deploying(scene, idle, &key(ActionKind::Deploy)),
        Phase::Verify => format!("Next: {} verifies every pod of {}", key(ActionKind::Verify), idle.label()),
        Phase::Switch => format!("Next: {} moves the traffic to {}", key(ActionKind::Switch), idle.label()),
        Phase::Watch => watching(scene, active, &key(ActionKind::Rollback)),
        Phase::StandDown if scene.is_retired() => {
            format!("Next: {} closes the release", key(ActionKind::Close))
        }
        Phase::StandDown => format!("Next: {} retires {}", key(ActionKind::Retire), idle.label()),
        Phase::Closed if room.has_repository() => format!(
            "The release is closed; {} opens the pull request of the next one",
            key(ActionKind::Propose)
        ),
        Phase::RolledBack if room.has_repository() => format!(
            "Rolled back: {} has the traffic; {} opens the pull request of a better version",
            active.label(),
            key(ActionKind::Propose)
        ),
        Phase::Closed => {
            format!(
                "The release is closed; {} begins the next one on {}",
                key(ActionKind::Deploy),
                idle.label()
            )
        }
        Phase::RolledBack => format!(
            "Rolled back: {} has the traffic; {} deploys a better version to {}",
            active.label(),
            key(ActionKind::Deploy),
            idle.label()
        ),
    }
}

/// What the pipeline is at, or why it goes no further, while the release is in its hands.
fn in_pipeline(scene: &Scene<'_>, phase: Phase, idle: Colour) -> Option<String> {
    let delivers = scene.is_in_pipeline() && !phase.is_in_repository();
    if let Some(run) = scene.failed_run().filter(|_| delivers || phase == Phase::Pipeline) {
        let key = Binding::of_action(ActionKind::Rerun).map(Binding::key).unwrap_or_default();
        let traffic =
            if delivers { format!("; the traffic stays on {}", idle.other().label()) } else { String::new() };
        return Some(format!(
            "Run {} {}{traffic}; {key} runs what failed again",
            run.number,
            run.state.word()
        ));
    }
    if !delivers {
        return None;
    }
    let what = match phase {
        Phase::Deploy => format!("deploys to {}", idle.label()),
        Phase::Verify => format!("tests {}", idle.label()),
        _ => format!("moves the traffic to {}", idle.label()),
    };
    Some(format!("The pipeline {what} by itself: nothing to do but to look on"))
}

/// Until when is watched; past that, why it is not over.
fn watching(scene: &Scene<'_>, active: Colour, rollback: &str) -> String {
    let room = scene.room;
    let (extend, end) = (key_of(Writing::Extend), key_of(Writing::End));
    let watch = room.situation().watch();
    if watch.as_ref().is_some_and(|watch| watch.left().is_zero()) {
        return format!(
            "The watch's time is over, but it does not pass: {rollback} takes it back, {extend} extends, \
             {end} ends it with a reason"
        );
    }
    let until = room.switched.as_ref().zip(watch);
    let until = until.and_then(|(switched, watch)| switched.at.checked_add(watch.length).ok());
    let until = until.map_or_else(|| "?".to_owned(), |until| words::clock(room, until));
    format!("Watch {} until {until}; {rollback} takes it back, {extend} extends, {end} ends", active.label())
}

fn deploying(scene: &Scene<'_>, idle: Colour, key: &str) -> String {
    let cluster = &scene.room.world.cluster;
    let status =
        cluster.deployments[idle].as_ref().map_or_else(|| "not seen".to_owned(), |d| rollout(d).to_string());
    let version = cluster.version(idle).unwrap_or("its version");
    format!("{} is not up on {version}: {status}; {key} deploys", idle.label())
}

/// What stands in the way of an action, and how much does not.
fn interlock_lines(scene: &Scene<'_>, kind: ActionKind, width: usize) -> Vec<Line<'static>> {
    let Some(standing) = scene.standing(kind) else { return Vec::new() };
    let clear = standing.interlocks.iter().filter(|lock| lock.is_clear()).count();
    let mut lines: Vec<Line<'static>> = standing
        .interlocks
        .iter()
        .filter(|lock| !lock.is_clear())
        .flat_map(|lock: &Interlock| {
            let words = format!("{} {}: {}", scene.glyphs().bad, lock.id.words(), words::lock(lock));
            styled(&words, width, scene, Tone::Warn)
        })
        .collect();
    if clear > 0 {
        let words =
            format!("{} {clear} of {} conditions clear", scene.glyphs().good, standing.interlocks.len());
        lines.push(Line::raw(words));
    }
    lines
}

fn styled(words: &str, width: usize, scene: &Scene<'_>, tone: Tone) -> Vec<Line<'static>> {
    let mut lines = wrapped(words, width).into_iter();
    let first = lines.next().unwrap_or_default();
    let rest: String = lines.collect::<Vec<_>>().join(" ");
    let mut styled = vec![Line::styled(first, scene.style(tone))];
    if !rest.is_empty() {
        let indented = wrapped(&rest, width.saturating_sub(2));
        styled.extend(indented.into_iter().map(|line| Line::styled(format!("  {line}"), scene.style(tone))));
    }
    styled
}
