//! The log of a job of the pipeline, its end first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::intent::Extent;
use crate::room::message::JobLog;
use crate::room::release::OpenLog;
use crate::ui::scene::Scene;
use crate::ui::text::wrapped;
use crate::ui::theme::Tone;

use super::framed;

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) {
    let Some(log) = &scene.room.view.release.log else { return };
    let inner = framed(scene, &title(scene, log), body, body, buffer);
    let width = usize::from(inner.width);
    if let Some((words, tone)) = instead(log) {
        for (row, line) in inner.rows().zip(wrapped(&words, width)) {
            buffer.set_stringn(row.x, row.y, line, width, scene.style(tone));
        }
        return;
    }
    let offset = scene.room.view.overlay_offset.min(last_offset(log, inner));
    let hit = log.search.as_ref().and_then(|search| search.line());
    let lines = log.lines().iter().enumerate().skip(offset);
    let rows = lines.flat_map(|(at, line)| {
        let tone = if hit == Some(at) { Tone::Chosen } else { Tone::Plain };
        wrapped(line, width).into_iter().map(move |part| (part, tone))
    });
    for (row, (part, tone)) in inner.rows().zip(rows) {
        buffer.set_line(row.x, row.y, &marked(scene, log, part, tone), row.width);
    }
}

pub(super) fn extent(scene: &Scene<'_>, body: Rect) -> Extent {
    let Some(log) = &scene.room.view.release.log else { return Extent::default() };
    let inner = Rect { width: body.width.saturating_sub(4), height: body.height.saturating_sub(2), ..body };
    Extent { page: usize::from(inner.height).max(1), most: last_offset(log, inner) }
}

/// The first line of the last page: from it on everything has room.
fn last_offset(log: &OpenLog, inner: Rect) -> usize {
    let (width, mut left) = (usize::from(inner.width), usize::from(inner.height));
    let lines = log.lines();
    for (at, line) in lines.iter().enumerate().rev() {
        let Some(rest) = left.checked_sub(wrapped(line, width).len()) else {
            return (at + 1).min(lines.len().saturating_sub(1));
        };
        left = rest;
    }
    0
}

/// What there is to say where there are no lines.
fn instead(log: &OpenLog) -> Option<(String, Tone)> {
    match &log.read {
        None => Some(("reading ...".to_owned(), Tone::Dim)),
        Some(JobLog { lines: Err(why), .. }) => Some((format!("the log cannot be read: {why}"), Tone::Bad)),
        Some(JobLog { lines: Ok(lines), .. }) if lines.is_empty() => {
            Some(("the job has written nothing yet".to_owned(), Tone::Dim))
        }
        Some(_) => None,
    }
}

fn title(scene: &Scene<'_>, log: &OpenLog) -> String {
    let dot = scene.glyphs().dot;
    let mut title = format!("Log of {}", log.name);
    if let Some(read) = &log.read {
        let cut = if read.cut { "last " } else { "" };
        title.push_str(&format!(" {dot} {cut}{} lines", log.lines().len()));
    }
    if let Some(search) = &log.search {
        let at = if search.hits.is_empty() { 0 } else { search.at + 1 };
        title.push_str(&format!(" {dot} \"{}\" {at} of {}", search.text, search.hits.len()));
    }
    title
}

/// A row with what was searched for marked in it.
fn marked(scene: &Scene<'_>, log: &OpenLog, part: String, tone: Tone) -> Line<'static> {
    let style = scene.style(tone);
    let lower = part.to_lowercase();
    let found = log.search.as_ref().and_then(|search| Some((lower.find(&search.text)?, search.text.len())));
    // Where lower case is longer than what it came from, the places differ: then no mark.
    let split = found.filter(|(at, len)| {
        lower.len() == part.len() && part.is_char_boundary(*at) && part.is_char_boundary(at + len)
    });
    match split {
        Some((at, len)) => Line::from(vec![
            Span::styled(part[..at].to_owned(), style),
            Span::styled(part[at..at + len].to_owned(), scene.style(Tone::Hit)),
            Span::styled(part[at + len..].to_owned(), style),
        ]),
        None => Line::styled(part, style),
    }
}
