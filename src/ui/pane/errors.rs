//! The application's errors: as lines in the order of time, or grouped by shape
//! with those that are new since the switch first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::room::intent::{Extent, Pane};
use crate::room::logs::{Group, Level, LineRef, LogFilter, Mode};
use crate::sop::colour::Colour;
use crate::sop::signal::counted;
use crate::ui::scene::Scene;
use crate::ui::text::{columns, fit, middle, wrapped};
use crate::ui::theme::Tone;
use crate::ui::words;

use super::{draw_lines, frame};

/// Most rows that one wrapped line takes.
const MOST_WRAPPED: usize = 20;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let note = looking(scene);
    let tone = if scene.room.logs.view().is_following() { Tone::Plain } else { Tone::Warn };
    let inner = frame(scene, Pane::Errors, (&note, tone), area, buffer);
    let (lines, tone) = (status(scene), Tone::Dim);
    let [status_row, body] = [
        Rect { height: inner.height.min(1), ..inner },
        Rect { y: inner.y + inner.height.min(1), height: inner.height.saturating_sub(1), ..inner },
    ];
    draw_lines(
        [Line::styled(fit(&lines, usize::from(inner.width), scene.look), scene.style(tone))],
        status_row,
        buffer,
    );
    match scene.room.logs.view().mode {
        Mode::Lines => draw_log(scene, body, buffer),
        Mode::Groups => draw_groups(scene, body, buffer),
    }
}

/// The pane in one line.
pub(super) fn line(scene: &Scene<'_>) -> (String, Tone) {
    let logs = &scene.room.logs;
    let new = logs.switched_at.map_or(0, |at| logs.groups().new_since(at));
    if new > 0 {
        return (
            format!("{} {new} new since the switch; {}", scene.glyphs().warn, status(scene)),
            Tone::Warn,
        );
    }
    (status(scene), Tone::Plain)
}

/// Rows of lines or groups in a pane of that area.
pub(super) fn extent(area: Rect) -> Extent {
    Extent { page: usize::from(area.height.saturating_sub(3)), most: usize::MAX }
}

/// What is captured, and how the view stands.
fn looking(scene: &Scene<'_>) -> String {
    let logs = &scene.room.logs;
    let view = logs.view();
    let mut words = vec![match logs.filter() {
        LogFilter::Level(Level::Fatal) => Level::Fatal.label().to_owned(),
        LogFilter::Level(level) => format!("{} and worse", level.label()),
        LogFilter::Pattern(pattern) => format!("/{pattern}/"),
    }];
    let criteria = view.criteria();
    words.push(
        criteria
            .colour
            .map_or_else(|| "both colours".to_owned(), |colour| format!("{} only", colour.label())),
    );
    if let Some(pod) = &criteria.pod {
        words.push(middle(pod, 20, scene.look));
    }
    if criteria.shape.is_some() {
        words.push("one group".to_owned());
    }
    if let Some(search) = view.search() {
        let at = search.position().map_or_else(String::new, |at| format!("{at} of "));
        let more = if search.is_complete() { "" } else { "+" };
        words.push(format!("found {at}{}{more}", search.len()));
    }
    words.push(match (view.mode, view.is_following()) {
        (Mode::Groups, _) => "groups".to_owned(),
        (Mode::Lines, true) => "following".to_owned(),
        (Mode::Lines, false) => "PAUSED".to_owned(),
    });
    words.join(&format!(" {} ", scene.glyphs().dot))
}

/// What was read, what was dropped, what is not being read.
fn status(scene: &Scene<'_>) -> String {
    let logs = &scene.room.logs;
    let streams = logs.streams();
    let mut words = vec![format!("{} of {} lines match", counted(logs.captured()), counted(logs.read()))];
    let dropped = logs.store().dropped();
    if dropped > 0 {
        words.push(format!("{} oldest dropped", counted(dropped)));
    }
    if streams.total == 0 {
        words.push("no pod's log is read yet".to_owned());
    } else if streams.connected < streams.total {
        words.push(format!("logs of {} of {} pods", streams.connected, streams.total));
    }
    if !streams.waiting.is_empty() {
        words.push(format!("{} not started", counted(streams.waiting.len() as u64)));
    }
    if !streams.left_out.is_empty() {
        words.push(format!("{} left out: too many", streams.left_out.len()));
    }
    if let Some((pod, why)) = streams.troubles.first_key_value() {
        words.push(format!("{} {}: {why}", scene.glyphs().bad, middle(pod, 20, scene.look)));
    }
    words.join(&format!(" {} ", scene.glyphs().dot))
}

fn draw_log(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let logs = &scene.room.logs;
    let height = usize::from(area.height);
    let lines = logs.visible(height);
    if lines.is_empty() {
        return draw_lines([Line::styled(empty_words(scene), scene.style(Tone::Dim))], area, buffer);
    }
    let width = usize::from(area.width);
    if !logs.view().wrap {
        return draw_lines(lines.iter().map(|line| one_row(scene, line, width)), area, buffer);
    }
    // Wrapped lines are laid out from the newest upwards until the pane is full.
    let mut rows: Vec<Line<'_>> = Vec::with_capacity(height);
    for line in lines.iter().rev() {
        let mut wrapped = wrapped_rows(scene, line, width);
        wrapped.reverse();
        rows.extend(wrapped);
        if rows.len() >= height {
            break;
        }
    }
    rows.truncate(height);
    rows.reverse();
    draw_lines(rows, area, buffer);
}

fn empty_words(scene: &Scene<'_>) -> &'static str {
    let logs = &scene.room.logs;
    if logs.view().is_scanning() {
        "looking through what was read"
    } else if logs.captured() > 0 {
        "no captured line passes the filters"
    } else if logs.streams().connected == 0 {
        "no log is being read yet"
    } else {
        "no such lines so far"
    }
}

/// Time, colour, pod and level of a line.
fn prefix(scene: &Scene<'_>, line: &LineRef<'_>, width: usize) -> Vec<Span<'static>> {
    let room = scene.room;
    let at = line.at.to_zoned(room.setting.zone.clone());
    let time = at.strftime(if width < 100 { "%H:%M:%S" } else { "%H:%M:%S%.3f" }).to_string();
    let pod = ending(&line.origin.pod, if width < 100 { 1 } else { 2 });
    let pod = middle(pod, 20, scene.look);
    let level = if line.gap { " " } else { letter(line.level) };
    let run = if line.previous { " (previous run)" } else { "" };
    vec![
        Span::styled(time, scene.style(Tone::Dim)),
        Span::raw(" "),
        side(scene, line.origin.colour),
        Span::raw(format!(" {pod}{run} ")),
        Span::styled(format!("{level} "), scene.style(level_tone(line.level))),
    ]
}

/// The last parts of a pod's name, which tell it from its siblings.
fn ending(pod: &str, parts: usize) -> &str {
    pod.rmatch_indices('-').nth(parts.saturating_sub(1)).map_or(pod, |(at, _)| &pod[at + 1..])
}

/// A level's letter. The line itself has the word.
fn letter(level: Option<Level>) -> &'static str {
    level.and_then(|level| level.label().get(..1)).unwrap_or("-")
}

fn side(scene: &Scene<'_>, colour: Colour) -> Span<'static> {
    let letter = match colour {
        Colour::Blue => "B",
        Colour::Green => "G",
    };
    Span::styled(format!("{}{letter}", scene.glyphs().side(colour)), scene.style(Tone::Side(colour)))
}

const fn level_tone(level: Option<Level>) -> Tone {
    match level {
        Some(Level::Fatal | Level::Error) => Tone::Bad,
        Some(Level::Warn) => Tone::Warn,
        _ => Tone::Dim,
    }
}

fn one_row<'l>(scene: &Scene<'_>, line: &'l LineRef<'_>, width: usize) -> Line<'l> {
    let mut spans = prefix(scene, line, width);
    if line.gap {
        spans.push(Span::styled(gap_words(line), scene.style(Tone::Warn)));
        return Line::from(spans);
    }
    let from = beyond(line.said(), usize::from(scene.room.logs.view().sideways));
    spans.extend(with_hits(scene, from));
    Line::from(spans)
}

fn wrapped_rows(scene: &Scene<'_>, line: &LineRef<'_>, width: usize) -> Vec<Line<'static>> {
    let first = prefix(scene, line, width);
    let taken: usize = first.iter().map(|span| columns(&span.content)).sum();
    if line.gap {
        let mut spans = first;
        spans.push(Span::styled(gap_words(line), scene.style(Tone::Warn)));
        return vec![Line::from(spans)];
    }
    let indent = taken.min(width / 2);
    let mut parts = wrapped(line.said(), width.saturating_sub(indent).max(1)).into_iter();
    let mut spans = first;
    let mut rows = Vec::new();
    if let Some(part) = parts.next() {
        spans.extend(with_hits(scene, &part).into_iter().map(owned));
    }
    rows.push(Line::from(spans));
    for part in parts.take(MOST_WRAPPED) {
        let mut spans = vec![Span::raw(" ".repeat(indent))];
        spans.extend(with_hits(scene, &part).into_iter().map(owned));
        rows.push(Line::from(spans));
    }
    rows
}

fn owned(span: Span<'_>) -> Span<'static> {
    Span::styled(span.content.into_owned(), span.style)
}

/// The mark of a place where lines may be missing.
fn gap_words(line: &LineRef<'_>) -> String {
    format!("~~~ {} ~~~", &*line.text)
}

/// `text` from a column on.
fn beyond(text: &str, columns_left_out: usize) -> &str {
    let mut used = 0;
    for (at, char) in text.char_indices() {
        if used >= columns_left_out {
            return &text[at..];
        }
        used += unicode_width::UnicodeWidthChar::width(char).unwrap_or(0);
    }
    ""
}

/// The text with what was searched for marked.
fn with_hits<'l>(scene: &Scene<'_>, text: &'l str) -> Vec<Span<'l>> {
    let Some(search) = scene.room.logs.view().search() else {
        return vec![Span::raw(text)];
    };
    let mut spans = Vec::new();
    let mut done = 0;
    for found in search.pattern.find_iter(text).filter(|found| !found.is_empty()) {
        spans.push(Span::raw(&text[done..found.start()]));
        spans.push(Span::styled(found.as_str(), scene.style(Tone::Hit)));
        done = found.end();
    }
    spans.push(Span::raw(&text[done..]));
    spans
}

fn draw_groups(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let logs = &scene.room.logs;
    let ranked = logs.ranked_groups();
    if ranked.is_empty() {
        return draw_lines([Line::styled(empty_words(scene), scene.style(Tone::Dim))], area, buffer);
    }
    let is_new = |group: &Group| logs.switched_at.is_some_and(|at| group.is_new_since(at));
    let chosen = logs.view().group().and_then(|id| ranked.iter().position(|group| group.id == id));
    let height = usize::from(area.height);
    let first = (chosen.unwrap_or(0) + 3).saturating_sub(height);
    let mut lines = Vec::with_capacity(height);
    let mut heading = None;
    for (place, group) in ranked.iter().enumerate().skip(first).take(height) {
        let new = is_new(group);
        if heading != Some(new) && logs.switched_at.is_some() {
            heading = Some(new);
            let (words, tone) = if new {
                ("new since the switch", Tone::Warn)
            } else {
                ("known before the switch", Tone::Dim)
            };
            lines.push(Line::styled(words, scene.style(tone)));
        }
        lines.push(group_row(scene, group, new, Some(place) == chosen, usize::from(area.width)));
    }
    draw_lines(lines, area, buffer);
}

fn group_row(scene: &Scene<'_>, group: &Group, new: bool, chosen: bool, width: usize) -> Line<'static> {
    let glyphs = scene.glyphs();
    let room = scene.room;
    let mark = if chosen { glyphs.chosen } else { " " };
    let sides: String = Colour::ALL
        .into_iter()
        .map(|colour| if group.colours[colour] > 0 { glyphs.side(colour) } else { " " })
        .collect();
    let news = if new { glyphs.warn } else { " " };
    let count = format!("{}{}", counted(group.count), glyphs.times);
    let head = format!("{mark}{news} {sides} {count:>7} ");
    let times = format!("  {} - {}", words::clock(room, group.first), words::clock(room, group.last));
    let level = format!("{} ", letter(group.level));
    let space = width.saturating_sub(columns(&head) + columns(&level) + columns(&times));
    let style = if chosen { scene.style(Tone::Strong) } else { Style::new() };
    Line::from(vec![
        Span::styled(head, scene.style(if new { Tone::Warn } else { Tone::Plain })),
        Span::styled(level, scene.style(level_tone(group.level))),
        Span::styled(crate::ui::text::padded(&group.shape, space, scene.look), style),
        Span::styled(times, scene.style(Tone::Dim)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(counted), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn sideways_counts_columns() {
        assert_eq!(beyond("abcdef", 0), "abcdef");
        assert_eq!(beyond("abcdef", 2), "cdef");
        assert_eq!(beyond("日本語", 2), "本語");
        assert_eq!(beyond("abc", 9), "");
    }
}
