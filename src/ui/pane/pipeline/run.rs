//! A run: how far it is, a line a job with its time against the usual one, what failed
//! with the last lines of its log, and what it waits for.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::text::{Line, Span};

use crate::room::intent::Pane;
use crate::sop::pipeline::{Job, PendingApproval, Run, RunState, Step};
use crate::sop::repository::Repository;
use crate::ui::scene::Scene;
use crate::ui::text::{age, columns, fit, padded, timer, wrapped};
use crate::ui::theme::{Tone, run_tone};

/// Columns of a time against its usual one: `01:02 / 0:58`.
const TIMES: usize = 17;
/// Columns of a state's word.
const STATES: usize = 10;
/// Narrower than this a row has no word for what passed or is to come: its mark says it.
const WORDS_FROM: usize = 56;
/// Last lines of a failed job's log that are shown.
const TAIL: usize = 5;
/// Columns of the progress bar.
const BAR: usize = 20;

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

/// All lines of a run, and the one that has to stay on the screen: the chosen job where
/// the pane has the keys, else what failed, waits or goes on.
pub(super) fn lines(
    scene: &Scene<'_>,
    repository: &Repository,
    run: &Run,
    width: usize,
) -> (Vec<Line<'static>>, usize) {
    let main = scene.room.chosen_row();
    let chosen = main.filter(|_| scene.room.view.focus == Pane::Pipeline);
    let mut lines = vec![head_line(scene, run, width), progress_line(scene, repository, run, width)];
    lines.extend(waiting_lines(scene, repository, run, width));
    let mut kept = 0;
    for (place, job) in run.jobs.iter().enumerate() {
        if main == Some(place) {
            kept = lines.len();
        }
        lines.push(job_line(scene, repository, job, width, chosen == Some(place)));
        if job.state.is_bad() {
            lines.extend(failure_lines(scene, repository, job, width));
        }
    }
    if run.jobs.is_empty() {
        lines.push(Line::styled("its jobs were not read yet", scene.style(Tone::Dim)));
    }
    (lines, kept)
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

/// `█████████░░░░░░░░░░░ 4 of 9  02:10 / 4 min 32 s`.
fn progress_line(scene: &Scene<'_>, repository: &Repository, run: &Run, width: usize) -> Line<'static> {
    let done = run.jobs.iter().filter(|job| job.state.is_over()).count();
    let usual = usual(repository, "");
    let elapsed = elapsed(scene, run.started.or(run.created), run.ended);
    let share = match (run.state.is_over(), elapsed, usual) {
        (true, ..) => 1.0,
        // A run that takes longer than usual is not done for that.
        (false, Some(elapsed), Some(usual)) if !usual.is_zero() => {
            (elapsed.as_secs_f64() / usual.as_secs_f64()).min(0.95)
        }
        #[expect(clippy::cast_precision_loss, reason = "a run has few jobs")]
        (false, ..) if !run.jobs.is_empty() => done as f64 / run.jobs.len() as f64,
        (false, ..) => 0.0,
    };
    let bar = BAR.min(width / 5);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a few columns"
    )]
    let full = ((share * bar as f64) as usize).min(bar);
    let glyphs = scene.glyphs();
    let tone = run_tone(&run.state);
    let words = format!(
        " {} {} {done} of {} jobs  {}",
        glyphs.run(&run.state),
        state_word(&run.state),
        run.jobs.len(),
        times(elapsed, usual)
    );
    let space = width.saturating_sub(bar);
    Line::from(vec![
        Span::styled(glyphs.bar_full.repeat(full), scene.style(tone)),
        Span::styled(glyphs.bar_empty.repeat(bar - full), scene.style(Tone::Dim)),
        Span::styled(fit(&words, space, scene.look), scene.style(tone)),
    ])
}

/// Time against the usual one.
fn times(elapsed: Option<Duration>, usual: Option<Duration>) -> String {
    let usual = usual.map(|usual| format!(" / {}", timer(usual))).unwrap_or_default();
    match elapsed {
        Some(elapsed) => format!("{}{usual}", timer(elapsed)),
        None => usual.trim_start().to_owned(),
    }
}

fn usual(repository: &Repository, name: &str) -> Option<Duration> {
    repository.usual.iter().find(|(known, _)| known == name).map(|(_, usual)| *usual)
}

fn elapsed(scene: &Scene<'_>, started: Option<Timestamp>, ended: Option<Timestamp>) -> Option<Duration> {
    let started = started?;
    match ended {
        Some(ended) => Duration::try_from(ended.duration_since(started)).ok(),
        None => Some(scene.room.now.since_wall(started)),
    }
}

/// `✓ build image        passed      48s / 45s`.
fn job_line(
    scene: &Scene<'_>,
    repository: &Repository,
    job: &Job,
    width: usize,
    chosen: bool,
) -> Line<'static> {
    let glyphs = scene.glyphs();
    let mark = if chosen { glyphs.chosen } else { " " };
    let begun = !matches!(job.state, RunState::Queued | RunState::Waiting | RunState::Skipped);
    let elapsed = elapsed(scene, job.started, job.ended).filter(|_| begun);
    let usual = usual(repository, &job.name);
    let slow = elapsed.zip(usual).is_some_and(|(elapsed, usual)| elapsed > usual * 2 && usual.as_secs() > 5);
    let time = times(elapsed, usual);
    let quiet = width < WORDS_FROM && matches!(job.state, RunState::Passed | RunState::Queued);
    let word = if quiet { String::new() } else { padded(state_word(&job.state), STATES, scene.look) };
    let tone = run_tone(&job.state);
    let room = width.saturating_sub(3 + columns(&word) + TIMES + 1);
    Line::from(vec![
        Span::styled(mark, scene.style(Tone::Chosen)),
        Span::styled(format!("{} ", glyphs.run(&job.state)), scene.style(tone)),
        Span::styled(
            padded(&job.name, room, scene.look),
            scene.style(if chosen { Tone::Strong } else { tone }),
        ),
        Span::styled(format!(" {word}"), scene.style(tone)),
        Span::styled(format!("{time:>TIMES$}"), scene.style(if slow { Tone::Warn } else { Tone::Dim })),
    ])
}

/// The step that failed and the last lines of the log.
fn failure_lines(scene: &Scene<'_>, repository: &Repository, job: &Job, width: usize) -> Vec<Line<'static>> {
    let step: Option<&Step> = job.steps.iter().find(|step| step.state.is_bad());
    let mut lines = Vec::new();
    if let Some(step) = step {
        let words = format!("   step {}: {} {}", step.number, step.name, state_word(&step.state));
        lines.push(Line::styled(fit(&words, width, scene.look), scene.style(Tone::Bad)));
    }
    let tail = repository.failures.iter().find(|(known, _)| *known == job.id);
    for line in tail.iter().flat_map(|(_, lines)| &lines[lines.len().saturating_sub(TAIL)..]) {
        lines.push(Line::styled(fit(&format!("   {line}"), width, scene.look), scene.style(Tone::Plain)));
    }
    lines
}

/// What it waits for: a runner, its concurrency group, somebody's approval, a timer.
fn waiting_lines(scene: &Scene<'_>, repository: &Repository, run: &Run, width: usize) -> Vec<Line<'static>> {
    let mut words = Vec::new();
    if run.state == RunState::Queued {
        words.push(queue_words(scene, repository, run));
    }
    words.extend(run.waiting.iter().map(|waiting| approval_words(scene, waiting)));
    words.extend(run.decisions.iter().map(|decision| {
        let (mark, verb) = if decision.approved {
            (scene.glyphs().good, "approved")
        } else {
            (scene.glyphs().bad, "rejected")
        };
        let comment =
            if decision.comment.is_empty() { String::new() } else { format!(": {}", decision.comment) };
        let tone = if decision.approved { Tone::Plain } else { Tone::Bad };
        (format!("{mark} {} {verb} by {}{comment}", decision.environments.join(", "), decision.by), tone)
    }));
    words
        .into_iter()
        .flat_map(|(words, tone)| {
            let rows = wrapped(&words, width.saturating_sub(1)).into_iter().take(3);
            rows.map(move |row| Line::styled(format!(" {row}"), scene.style(tone))).collect::<Vec<_>>()
        })
        .collect()
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
