//! What is measured (sop.md, "Monitoring post-deployment"): a line a signal with its
//! figure, its thresholds, the last hour and its verdict; then the watch, the alerts, the
//! URL and who is on call. The whole screen has a chart of the chosen signal, too.

mod chart;
mod history;
mod others;
mod row;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::intent::{Extent, Pane};
use crate::sop::alert::AlertState;
use crate::sop::verdict::Verdict;
use crate::ui::scene::Scene;
use crate::ui::text::{age, columns, wrapped};
use crate::ui::theme::{Tone, verdict_tone};

use super::{draw_lines, frame};

/// Rows from which on a chart is drawn below the list, where the pane is the whole screen
/// and where it is not.
const CHART_FROM: u16 = 24;
const CHART_FROM_ZOOMED: u16 = 14;
/// Rows that a chart is given at least: what it draws, its title and its axis.
const CHART: u16 = 8;

/// How much is told of what there is.
#[derive(Clone, Copy, Debug)]
struct Telling {
    /// Whose values before the switch and of each colour are told.
    details: Details,
    /// Rows of the reason for a verdict.
    reason_rows: usize,
    alerts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Details {
    OfAll,
    OfChosen,
    /// Only what a signal is judged by.
    Needed,
}

/// The most first: the first that fits is drawn.
const TELLINGS: [Telling; 7] = [
    Telling { details: Details::OfAll, reason_rows: 2, alerts: 50 },
    Telling { details: Details::OfChosen, reason_rows: 2, alerts: 6 },
    Telling { details: Details::Needed, reason_rows: 2, alerts: 6 },
    Telling { details: Details::Needed, reason_rows: 1, alerts: 3 },
    Telling { details: Details::Needed, reason_rows: 1, alerts: 1 },
    // The watch and the header still say the worst reason.
    Telling { details: Details::Needed, reason_rows: 0, alerts: 1 },
    Telling { details: Details::Needed, reason_rows: 0, alerts: 0 },
];

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (note, tone) = note(scene);
    let inner = frame(scene, Pane::Signals, (&note, tone), area, buffer);
    let chosen = chosen(scene);
    let from = if scene.room.view.zoomed { CHART_FROM_ZOOMED } else { CHART_FROM };
    let charted = chosen.filter(|_| inner.height >= from);
    let track = charted.and_then(|place| scene.room.metrics.tracks.get(place));
    let rows = if track.is_some() { inner.height - CHART } else { inner.height };
    let lines = fitting(scene, usize::from(inner.width), usize::from(rows), chosen);
    let above = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(rows);
    draw_lines(lines, Rect { height: above, ..inner }, buffer);
    if let Some(track) = track {
        let below = Rect { y: inner.y + above, height: inner.height - above, ..inner };
        chart::draw(scene, track, below, buffer);
    }
}

/// The pane in one line: the worst signal, else that all pass.
pub(super) fn line(scene: &Scene<'_>) -> (String, Tone) {
    if let Some(trouble) = scene.room.metrics_trouble() {
        return (format!("STALE: {trouble}"), Tone::Bad);
    }
    let judged = &scene.room.assessed.signals;
    let firing = scene.room.metrics.in_state(AlertState::Firing).count();
    match judged.iter().max_by_key(|judged| judged.verdict) {
        Some(worst) if worst.verdict != Verdict::Pass => (
            format!("{} {}", scene.glyphs().verdict(worst.verdict), worst.words),
            verdict_tone(worst.verdict),
        ),
        _ if firing > 0 => {
            let alerts = if firing == 1 { "alert" } else { "alerts" };
            (format!("{firing} {alerts} firing"), Tone::Warn)
        }
        Some(_) => (format!("{} all {} pass", scene.glyphs().good, judged.len()), Tone::Plain),
        None => ("no metrics configured".to_owned(), Tone::Dim),
    }
}

pub(super) fn extent(scene: &Scene<'_>, area: Rect) -> Extent {
    let most = scene.room.metrics.tracks.len().saturating_sub(1);
    Extent { page: usize::from(area.height.saturating_sub(2)).max(1), most }
}

/// The chosen signal, where the pane has the keys.
fn chosen(scene: &Scene<'_>) -> Option<usize> {
    let last = scene.room.metrics.tracks.len().checked_sub(1)?;
    (scene.room.view.focus == Pane::Signals).then(|| scene.room.view.signal.min(last))
}

/// The verdict: of the watch after a switch, of all signals before it.
fn note(scene: &Scene<'_>) -> (String, Tone) {
    let room = scene.room;
    if let Some(trouble) = room.metrics_trouble() {
        let age = room.metrics.newest().and_then(|at| age(room.now.since(at)));
        let age = age.map(|age| format!(" {age}")).unwrap_or_default();
        return (format!("STALE{age} {} {trouble}", scene.glyphs().dot), Tone::Bad);
    }
    let signals = room.assessed.signals.iter().map(|judged| judged.verdict).max();
    match others::watch(room).map(|judgement| judgement.verdict).or(signals) {
        Some(verdict) => (format!("verdict {verdict}"), verdict_tone(verdict)),
        None => (String::new(), Tone::Plain),
    }
}

/// As much as so many rows hold.
fn fitting(scene: &Scene<'_>, width: usize, rows: usize, chosen: Option<usize>) -> Vec<Line<'static>> {
    let columns = row::Columns::new(scene, width);
    // Rows are counted without the last hour, which is the dear part of them.
    let blank = columns.without_history();
    let fits = |telling: &Telling| lines(scene, &blank, chosen, *telling).len() <= rows;
    let [.., last] = TELLINGS;
    lines(scene, &columns, chosen, TELLINGS.into_iter().find(fits).unwrap_or(last))
}

fn lines(
    scene: &Scene<'_>,
    columns: &row::Columns,
    chosen: Option<usize>,
    telling: Telling,
) -> Vec<Line<'static>> {
    let (room, width) = (scene.room, columns.width);
    let mut lines = Vec::new();
    for (place, (track, judged)) in room.metrics.tracks.iter().zip(&room.assessed.signals).enumerate() {
        let is_chosen = chosen == Some(place);
        lines.push(columns.signal(scene, track, judged, is_chosen));
        if judged.verdict != Verdict::Pass {
            let reason =
                wrapped(&judged.words, width.saturating_sub(4)).into_iter().take(telling.reason_rows);
            lines.extend(reason.map(|row| {
                Line::from(Span::styled(format!("    {row}"), scene.style(verdict_tone(judged.verdict))))
            }));
        }
        let detailed = match telling.details {
            Details::OfAll => true,
            Details::OfChosen => is_chosen,
            Details::Needed => false,
        };
        lines.extend(columns.before(scene, track, detailed));
        if detailed {
            lines.extend(columns.colours(scene, track));
        }
    }
    if room.metrics.tracks.is_empty() {
        let words = "no metrics configured: name your Prometheus in [metrics] of the configuration";
        lines.extend(
            wrapped(words, width.saturating_sub(1))
                .into_iter()
                .map(|row| Line::from(Span::styled(format!(" {row}"), scene.style(Tone::Dim)))),
        );
    }
    lines.extend(others::lines(scene, width, telling.alerts));
    lines
}

/// Parts one after the other, in as many rows of at most `width` columns as they need.
fn packed(parts: impl IntoIterator<Item = String>, between: &str, width: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for part in parts {
        match rows.last_mut() {
            Some(row) if columns(row) + columns(between) + columns(&part) <= width => {
                row.push_str(between);
                row.push_str(&part);
            }
            _ => rows.push(part),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_a_row_as_long_as_they_fit() {
        let pack = |width| packed(["one".to_owned(), "two".to_owned(), "three".to_owned()], " · ", width);
        assert_eq!(pack(17), ["one · two · three"]);
        assert_eq!(pack(16), ["one · two", "three"]);
        assert_eq!(pack(1), ["one", "two", "three"], "what is too long is cut where it is drawn");
    }
}
