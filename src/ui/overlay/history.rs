//! What was done, by whom, and what became of it: the shared record, newest first.

use ratatui::text::{Line, Span};

use crate::sop::command::Operator;
use crate::sop::record::{OperationRecord, OperationResult};
use crate::ui::scene::Scene;
use crate::ui::text::wrapped;
use crate::ui::theme::Tone;
use crate::ui::words;

pub(super) fn lines(scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let room = scene.room;
    let mut lines = Vec::new();
    if let Some(trouble) = &room.record_trouble {
        let words = format!("{} the shared record cannot be read: {trouble}", scene.glyphs().bad);
        lines.extend(
            wrapped(&words, usize::from(width)).into_iter().map(|l| Line::styled(l, scene.style(Tone::Bad))),
        );
    }
    match &room.record {
        None if room.record_trouble.is_none() => {
            lines.push(Line::styled("the shared record has not been read yet", scene.style(Tone::Dim)));
        }
        Some(record) if record.operations.is_empty() => {
            lines.push(Line::raw("nothing has been done from here yet"));
        }
        _ => {}
    }
    let operations = room.record.iter().flat_map(|record| record.operations.iter().rev());
    lines.extend(operations.flat_map(|operation| entry(scene, operation, usize::from(width))));
    lines
}

fn entry(scene: &Scene<'_>, operation: &OperationRecord, width: usize) -> Vec<Line<'static>> {
    let glyphs = scene.glyphs();
    let at = operation.at.to_zoned(scene.room.setting.zone.clone()).strftime("%d %b %H:%M:%S").to_string();
    let (mark, tone, outcome) = match &operation.outcome {
        None => (glyphs.unknown, Tone::Warn, "outcome not known: under way, or its program ended".to_owned()),
        Some(outcome) => {
            let (mark, tone, word) = match outcome.result {
                OperationResult::Verified => (glyphs.good, Tone::Plain, "done and verified"),
                OperationResult::AppliedNotVerified => (glyphs.unknown, Tone::Warn, "applied, not verified"),
                OperationResult::Failed => (glyphs.bad, Tone::Bad, "failed"),
                OperationResult::Blocked => (glyphs.bad, Tone::Dim, "blocked"),
            };
            let by = outcome.settled_by.as_ref();
            let by = by.map(|by| format!(" (found out by {})", Operator::shown(by))).unwrap_or_default();
            (mark, tone, format!("{word}: {}{by}", outcome.words))
        }
    };
    let head = vec![
        Span::styled(format!("{mark} "), scene.style(tone)),
        Span::raw(format!("{at}  {}  ", Operator::shown(&operation.by))),
        Span::styled(words::action(&operation.action, glyphs), scene.style(Tone::Strong)),
    ];
    let overrides = operation
        .overrides
        .iter()
        .map(|each| (Tone::Warn, format!("overrode {}: {}", each.interlock.words(), each.reason)));
    let details = std::iter::once((tone, outcome)).chain(overrides).flat_map(|(tone, words)| {
        let rows = wrapped(&words, width.saturating_sub(4));
        rows.into_iter().map(move |row| Line::styled(format!("    {row}"), scene.style(tone)))
    });
    std::iter::once(Line::from(head)).chain(details).collect()
}
