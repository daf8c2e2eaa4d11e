//! A run: which one it is, how far, what it waits for, and its stages.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::text::{Line, Span};

use crate::sop::pipeline::{Decision, Job, PendingApproval, Run, RunState};
use crate::sop::repository::Repository;
use crate::sop::stages::Stages;
use crate::ui::scene::Scene;
use crate::ui::text::{age, fit, timer, wrapped};
use crate::ui::theme::{Tone, run_tone};

use super::fitting::{Weighed, Weight};
use super::stages;

/// Columns of the progress bar.
const BAR: usize = 20;
/// Most rows of what a run waits for.
const MOST_ROWS: usize = 3;

/// The state in a word.
pub(super) fn state_word(state: &RunState) -> &str {
    match state {
        RunState::Queued => "queued",
        RunState::Waiting => "waiting",
        RunState::Running => "running",
        RunState::Passed => "passed",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
        RunState::Skipped => "skipped",
        RunState::TimedOut => "timed out",
        RunState::Neutral => "neutral",
        RunState::Other(word) => word,
    }
}

/// A run in one line.
pub(super) fn summary(scene: &Scene<'_>, run: &Run) -> (String, Tone) {
    let mark = scene.glyphs().run(&run.state);
    let words = match (run.waiting.first(), failed(run)) {
        (Some(waiting), _) => format!("{mark} run {} waits for {}", run.number, waiting.environment),
        (None, Some(job)) => format!("{mark} run {} failed at {}", run.number, job.name),
        (None, None) => match run.jobs.iter().find(|job| job.state == RunState::Running) {
            Some(job) => format!("{mark} run {} at {}", run.number, job.name),
            None => format!("{mark} run {} {}", run.number, state_word(&run.state)),
        },
    };
    (words, if run.waiting.is_empty() { run_tone(&run.state) } else { Tone::Warn })
}

fn failed(run: &Run) -> Option<&Job> {
    run.jobs.iter().find(|job| job.state.is_bad())
}

/// All lines of a run.
pub(super) fn lines(scene: &Scene<'_>, repository: &Repository, run: &Run, width: usize) -> Vec<Weighed> {
    let Some(stages) = &scene.stages else { return Vec::new() };
    let mut lines = vec![
        (Weight::Head, head_line(scene, run, width)),
        (Weight::Must, progress_line(scene, repository, run, stages, width)),
    ];
    lines.extend(waiting_lines(scene, repository, run, width));
    if run.jobs.is_empty() {
        let line = Line::styled("its jobs were not read yet", scene.style(Tone::Dim));
        lines.push((Weight::Must, line));
    } else {
        lines.extend(stages::lines(scene, repository, stages, width));
    }
    lines
}

/// `run 1234 attempt 2 · b2c3d4e · push to main by ops1`, and whose it is.
fn head_line(scene: &Scene<'_>, run: &Run, width: usize) -> Line<'static> {
    let dot = scene.glyphs().dot;
    let attempt = if run.id.attempt > 1 { format!(" attempt {}", run.id.attempt) } else { String::new() };
    let own = if scene.room.shows_another_run() { "NOT the release's run: " } else { "" };
    let words = format!(
        "{own}run {}{attempt} {dot} {} {dot} {} {dot} {} to {} by {}",
        run.number,
        run.head.short(),
        run.workflow,
        run.event,
        run.branch,
        run.actor
    );
    let tone = if own.is_empty() { Tone::Strong } else { Tone::Warn };
    Line::styled(fit(&words, width, scene.look), scene.style(tone))
}

/// `█████████░░░░░░░░░░░ ▶ running  02:10 / 04:32`.
fn progress_line(
    scene: &Scene<'_>,
    repository: &Repository,
    run: &Run,
    stages: &Stages,
    width: usize,
) -> Line<'static> {
    let elapsed = elapsed(scene, run.started.or(run.created), run.ended);
    let bar = BAR.min(width / 3);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a few columns"
    )]
    let full = ((stages.share * bar as f64) as usize).min(bar);
    let glyphs = scene.glyphs();
    let tone = run_tone(&run.state);
    let words = format!(
        " {} {}  {}",
        glyphs.run(&run.state),
        state_word(&run.state),
        stages::times(elapsed, usual(repository))
    );
    let space = width.saturating_sub(bar);
    Line::from(vec![
        Span::styled(glyphs.bar_full.repeat(full), scene.style(tone)),
        Span::styled(glyphs.bar_empty.repeat(bar - full), scene.style(Tone::Dim)),
        Span::styled(fit(&words, space, scene.look), scene.style(tone)),
    ])
}

/// How long the whole run usually takes.
fn usual(repository: &Repository) -> Option<Duration> {
    repository.usual.iter().find(|(known, _)| known.is_empty()).map(|(_, usual)| *usual)
}

fn elapsed(scene: &Scene<'_>, started: Option<Timestamp>, ended: Option<Timestamp>) -> Option<Duration> {
    let started = started?;
    match ended {
        Some(ended) => Duration::try_from(ended.duration_since(started)).ok(),
        None => Some(scene.room.now.since_wall(started)),
    }
}

/// What it waits for: a runner, its concurrency group, somebody's approval, a timer; and
/// what was decided.
fn waiting_lines(scene: &Scene<'_>, repository: &Repository, run: &Run, width: usize) -> Vec<Weighed> {
    let mut said = Vec::new();
    if run.state == RunState::Queued {
        said.push((Weight::Must, queue_words(scene, repository, run)));
    }
    said.extend(run.waiting.iter().map(|waiting| (Weight::Must, approval_words(scene, waiting))));
    said.extend(run.decisions.iter().map(|decision| decided(scene, decision)));
    let mut lines = Vec::new();
    for (weight, (words, tone)) in said {
        let rows = wrapped(&words, width.saturating_sub(1)).into_iter().take(MOST_ROWS);
        lines.extend(rows.map(|row| (weight, Line::styled(format!(" {row}"), scene.style(tone)))));
    }
    lines
}

/// `✓ production approved by orch: go`.
fn decided(scene: &Scene<'_>, decision: &Decision) -> (Weight, (String, Tone)) {
    let glyphs = scene.glyphs();
    let (mark, verb, weight, tone) = if decision.approved {
        (glyphs.good, "approved", Weight::Past, Tone::Plain)
    } else {
        (glyphs.bad, "rejected", Weight::Must, Tone::Bad)
    };
    let comment = if decision.comment.is_empty() { String::new() } else { format!(": {}", decision.comment) };
    let words = format!("{mark} {} {verb} by {}{comment}", decision.environments.join(", "), decision.by);
    (weight, (words, tone))
}

/// Whom a queued run waits behind, and since when.
fn queue_words(scene: &Scene<'_>, repository: &Repository, run: &Run) -> (String, Tone) {
    let before = repository
        .runs
        .iter()
        .find(|other| other.path == run.path && other.number < run.number && !other.state.is_over());
    let since = run.created.map(|created| since_words(scene, created)).unwrap_or_default();
    let words = match before {
        Some(before) => {
            format!("queued{since} behind run {} ({})", before.number, state_word(&before.state))
        }
        None => format!("queued{since} for a runner or its concurrency group"),
    };
    (words, Tone::Warn)
}

/// ` since 4 min`; nothing for the first seconds.
fn since_words(scene: &Scene<'_>, at: Timestamp) -> String {
    age(scene.room.now.since_wall(at)).map(|age| format!(" since {age}")).unwrap_or_default()
}

fn approval_words(scene: &Scene<'_>, waiting: &PendingApproval) -> (String, Tone) {
    let mark = scene.glyphs().warn;
    let since = waiting.wait_began.map(|began| since_words(scene, began)).unwrap_or_default();
    let mut words = format!("{mark} {} waits for approval{since}", waiting.environment);
    if let Some(left) = waiting
        .wait_began
        .and_then(|began| waiting.wait_timer.checked_sub(scene.room.now.since_wall(began)))
        .filter(|left| !left.is_zero())
    {
        words.push_str(&format!(", timer {}", timer(left)));
    }
    if !waiting.reviewers.is_empty() {
        words.push_str(&format!(" by {}", waiting.reviewers.join(", ")));
    }
    words.push_str(if waiting.may_approve { ": you may" } else { ": you may not" });
    (words, Tone::Warn)
}
