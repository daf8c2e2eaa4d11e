//! Between header and panes, when there is a reason to roll back: the evidence, what the
//! cheapest way back costs and its one key; a countdown in large figures; and after a
//! rollback, whether things are back to normal.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::automatic::ShownCountdown;
use crate::room::intent::{Intent, Writing};
use crate::sop::command::Command;
use crate::sop::note::{Noted, spoken};
use crate::sop::operation::ActionKind;
use crate::sop::phase::Phase;
use crate::sop::verdict::Recovery;

use super::bindings::{BINDINGS, Binding, Does};
use super::scene::Scene;
use super::text::{fit, wrapped};
use super::theme::Tone;

/// Rows of a large figure.
const FIGURE_ROWS: usize = 5;
/// Columns of one, with the gap behind it.
const FIGURE_COLUMNS: usize = 4;
/// Screens lower than this have no room for large figures.
const ROOM_FOR_FIGURES: u16 = 22;
/// Most rows that the evidence takes.
const MOST_EVIDENCE: usize = 2;

/// What the banner says.
pub(crate) struct Banner {
    tone: Tone,
    lines: Vec<String>,
    /// Seconds in large figures at its left.
    figure: Option<u64>,
}

impl Banner {
    /// What there is to say now; `None` most of the time.
    pub(crate) fn of(scene: &Scene<'_>, width: u16, height: u16) -> Option<Self> {
        let width = usize::from(width).saturating_sub(2);
        if let Some(countdown) = &scene.countdown {
            return Some(Self::countdown(scene, countdown, width, height >= ROOM_FOR_FIGURES));
        }
        let open: Vec<&str> = scene.room.open_triggers().map(|trigger| trigger.words.as_str()).collect();
        if !open.is_empty() {
            return Some(Self::raised(scene, &open, width));
        }
        Self::answered(scene, width).or_else(|| Self::recovering(scene, width))
    }

    /// Rows that it takes.
    pub(crate) fn rows(&self) -> u16 {
        let figure = if self.figure.is_some() { FIGURE_ROWS } else { 0 };
        u16::try_from(self.lines.len().max(figure)).unwrap_or(u16::MAX)
    }

    fn countdown(scene: &Scene<'_>, countdown: &ShownCountdown, width: usize, large: bool) -> Self {
        let seconds = countdown.left.as_secs_f64().ceil() as u64;
        let figure = large.then_some(seconds.min(999));
        let width = width.saturating_sub(figure.map_or(0, figure_columns));
        let by = countdown.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let head = match (seconds, &countdown.by) {
            (0, None) => "AUTOMATIC ROLLBACK waits for a way back".to_owned(),
            (0, Some(_)) => format!("AUTOMATIC ROLLBACK{by} is due"),
            _ => format!("AUTOMATIC ROLLBACK{by} in {seconds} s"),
        };
        let mut lines = vec![fit(&head, width, scene.look)];
        lines.extend(evidence(scene, &countdown.reasons, width));
        lines.push(fit(&scene.way_back_words().0, width, scene.look));
        let keys =
            format!("{} stops it, with a reason; {} rolls back now", key_of(Writing::Stop), rollback_key());
        lines.push(fit(&keys, width, scene.look));
        Self { tone: Tone::Loud, lines, figure }
    }

    fn raised(scene: &Scene<'_>, open: &[&str], width: usize) -> Self {
        let more = if open.len() > 1 { format!(" (+{})", open.len() - 1) } else { String::new() };
        let head = format!("ROLL BACK? {}{more}", open.first().copied().unwrap_or_default());
        let mut lines = evidence(scene, &head, width);
        lines.extend(nobody_counts_down(scene).map(|words| fit(&words, width, scene.look)));
        let keys = format!(
            "{} {}; {} no rollback, with a reason",
            rollback_key(),
            scene.way_back_words().0,
            key_of(Writing::Stop)
        );
        lines.push(fit(&keys, width, scene.look));
        Self { tone: Tone::Loud, lines, figure: None }
    }

    /// Reasons that still stand, though somebody said that they are none.
    fn answered(scene: &Scene<'_>, width: usize) -> Option<Self> {
        let trigger = scene.room.assessed.triggers.first()?;
        let stopped =
            scene.room.current_notes().filter(|note| matches!(note.what, Noted::Stopped { .. })).last();
        let by = stopped.map_or("somebody", |note| note.author());
        let why = stopped.map(crate::sop::note::Note::words).unwrap_or_default();
        let words = format!("{} {} ({by}: {why})", scene.glyphs().warn, trigger.words);
        Some(Self { tone: Tone::Warn, lines: vec![fit(&words, width, scene.look)], figure: None })
    }

    /// After a rollback.
    fn recovering(scene: &Scene<'_>, width: usize) -> Option<Self> {
        if scene.phase != Some(Phase::RolledBack) {
            return None;
        }
        let (words, tone) = match scene.room.assessed.recovery.as_ref()? {
            Recovery::Stable(after) => {
                let words = format!("{} stable again after {}", scene.glyphs().good, spoken(*after));
                (words, Tone::Strong)
            }
            Recovery::Waiting(signals) => {
                (format!("{} not back to normal: {}", scene.glyphs().unknown, signals.join(", ")), Tone::Warn)
            }
            Recovery::Unmeasured => return None,
        };
        Some(Self { tone, lines: vec![fit(&words, width, scene.look)], figure: None })
    }

    pub(crate) fn draw(&self, scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
        let style = scene.style(self.tone);
        let left = self.figure.map_or(0, figure_columns);
        for (place, row) in area.rows().enumerate() {
            buffer.set_style(row, style);
            let figures = self.figure.map_or_else(String::new, |seconds| figure_row(seconds, place));
            let text = self.lines.get(place).map_or("", String::as_str);
            let line = Line::from(vec![
                Span::styled(format!(" {figures:<left$}"), style),
                Span::styled(text.to_owned(), style),
            ]);
            buffer.set_line(row.x, row.y, &line, row.width);
        }
    }
}

fn evidence(scene: &Scene<'_>, words: &str, width: usize) -> Vec<String> {
    let mut lines = wrapped(words, width.max(1));
    if lines.len() > MOST_EVIDENCE {
        let rest = lines.split_off(MOST_EVIDENCE - 1).join(" ");
        lines.push(fit(&rest, width, scene.look));
    }
    lines
}

/// Where a countdown is configured but only whoever is in command runs it: that nobody is.
fn nobody_counts_down(scene: &Scene<'_>) -> Option<String> {
    let setting = &scene.room.setting;
    let alone = matches!(scene.room.command, Command::Nobody | Command::Other { expired: true, .. });
    let configured = setting.policy.automatic_rollback && !setting.read_only;
    (configured && alone).then(|| {
        let key = Binding::of_intent(&Intent::TakeCommand).map(Binding::key).unwrap_or_default();
        format!("No countdown runs: nobody is in command; {key} takes it")
    })
}

fn rollback_key() -> String {
    Binding::of_action(ActionKind::Rollback).map(Binding::key).unwrap_or_default()
}

/// The key that opens a note's prompt.
pub(crate) fn key_of(writing: Writing) -> String {
    let opens =
        |binding: &&Binding| matches!(&binding.does, Does::Intent(Intent::Write(known)) if *known == writing);
    BINDINGS.iter().find(opens).map(Binding::key).unwrap_or_default()
}

/// Columns of a number in large figures, with a gap.
fn figure_columns(seconds: u64) -> usize {
    seconds.to_string().len() * FIGURE_COLUMNS + 1
}

/// One row of a number in large figures. Reversed like the rest of the banner, they are
/// told by the marks that they are made of: `#`, on every terminal.
fn figure_row(seconds: u64, row: usize) -> String {
    seconds.to_string().bytes().map(|digit| format!("{} ", bits(digit, row))).collect()
}

/// A digit's row: three columns.
fn bits(digit: u8, row: usize) -> &'static str {
    const FIGURES: [[&str; FIGURE_ROWS]; 10] = [
        ["###", "# #", "# #", "# #", "###"],
        [" # ", "## ", " # ", " # ", "###"],
        ["###", "  #", "###", "#  ", "###"],
        ["###", "  #", "###", "  #", "###"],
        ["# #", "# #", "###", "  #", "  #"],
        ["###", "#  ", "###", "  #", "###"],
        ["###", "#  ", "###", "# #", "###"],
        ["###", "  #", "  #", "  #", "  #"],
        ["###", "# #", "###", "# #", "###"],
        ["###", "# #", "###", "  #", "###"],
    ];
    let figure = FIGURES.get(usize::from(digit.wrapping_sub(b'0')));
    figure.and_then(|rows| rows.get(row)).copied().unwrap_or("   ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_three_wide_and_told_apart() {
        let drawn = |digit: u8| (0..FIGURE_ROWS).map(|row| bits(digit, row)).collect::<Vec<_>>();
        for digit in b'0'..=b'9' {
            assert!(drawn(digit).iter().all(|row| row.len() == 3));
            assert!((b'0'..digit).all(|other| drawn(other) != drawn(digit)));
        }
        assert_eq!(figure_row(17, 0), " #  ### ");
        assert_eq!(bits(b'x', 0), "   ");
    }
}
