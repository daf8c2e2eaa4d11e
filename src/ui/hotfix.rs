//! The timeline of a hotfix as one line: each stage with the minute in which it was
//! reached against the minute in which it was due, and what is next in words.

use std::time::Duration;

use ratatui::text::Span;

use crate::sop::hotfix::{Progress, Stage, Timeline};

use super::scene::Scene;
use super::theme::Tone;

/// The line, where this is a hotfix. The words stand first: they are never cut off.
pub(super) fn spans(scene: &Scene<'_>, width: u16) -> Option<Vec<Span<'static>>> {
    let timeline = scene.room.timeline()?;
    let now = scene.room.now;
    let progress = timeline.progress(now);
    let mut spans = vec![Span::raw(" "), words(scene, &timeline, &progress)];
    let bar: Vec<Span<'static>> = progress.iter().map(|stage| part(scene, *stage)).collect();
    let long: usize = bar.iter().map(|span| span.width() + 2).sum();
    let used: usize = spans.iter().map(Span::width).sum();
    let fits = used + 2 + long <= usize::from(width);
    // Without room for all of it, what has been reached is the least news.
    let shown = bar.into_iter().zip(progress).filter(|(_, stage)| fits || stage.reached.is_none());
    for (span, _) in shown {
        spans.push(Span::raw("  "));
        spans.push(span);
    }
    Some(spans)
}

/// `HOTFIX T+38 min: review next, due at T+45`; what is late, in red.
fn words(scene: &Scene<'_>, timeline: &Timeline, progress: &[Progress; 6]) -> Span<'static> {
    let late = match timeline.next() {
        Some(next) => progress.iter().any(|stage| stage.stage == next && stage.late.is_some()),
        None => progress.iter().any(|stage| stage.stage == Stage::Verify && stage.late.is_some()),
    };
    let tone = if late { Tone::Bad } else { Tone::Strong };
    Span::styled(format!("HOTFIX {}", timeline.words(scene.room.now)), scene.style(tone))
}

/// `review 43/45`: reached in minute 43, due in minute 45; `deploy …/60` is to come.
fn part(scene: &Scene<'_>, progress: Progress) -> Span<'static> {
    let minutes = |time: Duration| time.as_secs() / 60;
    let (stage, due) = (progress.stage.word(), minutes(progress.stage.target()));
    let glyphs = scene.glyphs();
    let actual =
        progress.reached.map_or_else(|| glyphs.ellipsis.to_owned(), |time| minutes(time).to_string());
    let (mark, tone) = match (progress.late, progress.reached) {
        (Some(_), _) => (glyphs.bad, Tone::Bad),
        (None, Some(_)) => (glyphs.good, Tone::Plain),
        (None, None) => ("", Tone::Dim),
    };
    let late = progress.late.filter(|late| minutes(*late) > 0);
    let late = late.map(|late| format!(" +{}", minutes(late))).unwrap_or_default();
    let gap = if mark.is_empty() { "" } else { " " };
    Span::styled(format!("{stage} {actual}/{due}{late}{gap}{mark}"), scene.style(tone))
}
