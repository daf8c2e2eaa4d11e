//! A line a stage: its state, its time against the usual one, and what failed of it with
//! the last lines of its log.

use std::time::Duration;

use ratatui::text::{Line, Span};

use crate::room::intent::Pane;
use crate::sop::pipeline::RunState;
use crate::sop::repository::Repository;
use crate::sop::stages::{Row, Stages};
use crate::ui::scene::Scene;
use crate::ui::text::{columns, fit, padded, timer, wrapped};
use crate::ui::theme::{Tone, run_tone};

use super::fitting::{Weighed, Weight, stage};
use super::run::state_word;

/// Columns of a time against its usual one: `01:02 / 00:58`.
const TIMES: usize = 15;
/// Columns of a state's word.
const STATES: usize = 10;
/// Narrower than this a row has no word for what passed or is to come: its mark says it.
const WORDS_FROM: usize = 56;
/// Last lines of a failed job's log that are shown.
const TAIL: usize = 5;

pub(super) fn lines(
    scene: &Scene<'_>,
    repository: &Repository,
    stages: &Stages,
    width: usize,
) -> Vec<Weighed> {
    let main = scene.room.chosen_row(stages);
    let focused = scene.room.view.focus == Pane::Pipeline;
    let mut lines: Vec<Weighed> = Vec::new();
    for words in &stages.ambiguous {
        let rows = wrapped(&format!("{} {words}", scene.glyphs().warn), width).into_iter();
        lines.extend(rows.map(|row| (Weight::Must, Line::styled(row, scene.style(Tone::Warn)))));
    }
    for (place, row) in stages.rows.iter().enumerate() {
        let distance = main.map_or(0, |main| main.abs_diff(place));
        let chosen = focused && main == Some(place);
        let open = row
            .state
            .as_ref()
            .is_some_and(|state| state.is_bad() || matches!(state, RunState::Running | RunState::Waiting));
        let weight = if open { Weight::Must } else { stage(distance) };
        lines.push((weight, stage_line(scene, row, width, chosen)));
        lines.extend(failure_lines(scene, repository, row, width));
    }
    lines
}

/// `✓ build image        passed      00:48 / 00:45`.
fn stage_line(scene: &Scene<'_>, row: &Row, width: usize, chosen: bool) -> Line<'static> {
    let glyphs = scene.glyphs();
    let mark = if chosen { glyphs.chosen } else { " " };
    let (state_mark, word, tone) = match &row.state {
        None => (glyphs.pending, "to come", Tone::Dim),
        Some(state) => (glyphs.run(state), state_word(state), run_tone(state)),
    };
    let quiet = matches!(row.state, None | Some(RunState::Passed | RunState::Queued));
    let word = if width < WORDS_FROM && quiet { String::new() } else { padded(word, STATES, scene.look) };
    let time = times(row.elapsed, row.usual);
    let room = width.saturating_sub(4 + columns(&word) + TIMES);
    let time_tone = if row.is_slow() { Tone::Warn } else { Tone::Dim };
    let name_tone = if chosen { Tone::Strong } else { tone };
    Line::from(vec![
        Span::styled(mark, scene.style(Tone::Chosen)),
        Span::styled(format!("{state_mark} "), scene.style(tone)),
        Span::styled(padded(row.what.words(), room, scene.look), scene.style(name_tone)),
        Span::styled(format!(" {word}"), scene.style(tone)),
        Span::styled(format!("{time:>TIMES$}"), scene.style(time_tone)),
    ])
}

/// Time against the usual one.
pub(super) fn times(elapsed: Option<Duration>, usual: Option<Duration>) -> String {
    let usual = usual.map(|usual| format!("/ {}", timer(usual)));
    let parts = [elapsed.map(timer), usual];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What failed of a stage, and the last lines of its log.
fn failure_lines(scene: &Scene<'_>, repository: &Repository, row: &Row, width: usize) -> Vec<Weighed> {
    let mut lines = Vec::new();
    for (job, what) in &row.failed {
        let words = fit(&format!("   failed: {what}"), width, scene.look);
        lines.push((Weight::Must, Line::styled(words, scene.style(Tone::Bad))));
        let tail = repository.failures.iter().find(|(known, _)| known == job);
        for line in tail.iter().flat_map(|(_, lines)| &lines[lines.len().saturating_sub(TAIL)..]) {
            lines.push((Weight::Log, Line::raw(fit(&format!("   {line}"), width, scene.look))));
        }
    }
    lines
}
