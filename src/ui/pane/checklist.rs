//! The checklist (sop.md, "Pre-deployment checklist"): its groups with what is settled in
//! each, every item's state by word and mark, and why it stands so. Where there is little
//! room and it has not the keys: the groups, and what is open first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::intent::{Extent, Pane};
use crate::sop::checklist::standing::{Standing, State, count};
use crate::sop::checklist::{Checklist, Item};
use crate::ui::bindings::{BINDINGS, Scope};
use crate::ui::scene::Scene;
use crate::ui::text::{columns, fit, padded};
use crate::ui::theme::Tone;
use crate::ui::words;

use super::{draw_lines, frame};

/// Columns of a state's word.
const STATE: usize = 7;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (note, tone) = note(scene);
    let inner = frame(scene, Pane::Checklist, (&note, tone), area, buffer);
    let Some((checklist, standings)) = scene.room.listed() else {
        let words = "not looked at yet";
        return draw_lines([Line::styled(words, scene.style(Tone::Dim))], inner, buffer);
    };
    let width = usize::from(inner.width);
    let rows = usize::from(inner.height);
    let focused = scene.room.view.focus == Pane::Checklist;
    let (lines, chosen) = whole(scene, checklist, standings, width);
    if !focused && lines.len() > rows {
        return draw_lines(overview(scene, checklist, standings, width, rows), inner, buffer);
    }
    let for_keys = usize::from(focused && rows > 4);
    let rows = rows - for_keys;
    // The chosen item in view, with its group's heading where it is the first one.
    let offset = (chosen + 2).saturating_sub(rows).min(lines.len().saturating_sub(rows));
    draw_lines(lines.into_iter().skip(offset).take(rows), inner, buffer);
    if for_keys == 1 {
        let bottom = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
        draw_lines([keys(scene, width)], bottom, buffer);
    }
}

/// The pane in one line: how many are settled, and the first that is not.
pub(super) fn line(scene: &Scene<'_>) -> (String, Tone) {
    let Some((checklist, standings)) = scene.room.listed() else {
        return ("not looked at yet".to_owned(), Tone::Dim);
    };
    let (settled, all) = scene.room.settled_items();
    match first_open(checklist, standings) {
        None => (format!("{} {settled}/{all}", scene.glyphs().good), Tone::Plain),
        Some((item, standing)) => {
            let words = item.words.say(checklist.language);
            (
                format!("{settled}/{all} {} {}: {words}", scene.glyphs().dot, standing.state.word()),
                tone(standing.state),
            )
        }
    }
}

pub(super) fn extent(scene: &Scene<'_>, area: Rect) -> Extent {
    let most = scene.room.shown_items().len().saturating_sub(1);
    Extent { page: usize::from(area.height.saturating_sub(4)).max(1), most }
}

fn note(scene: &Scene<'_>) -> (String, Tone) {
    let (settled, all) = scene.room.settled_items();
    let filter = if scene.room.view.open_only { "only what is open  " } else { "" };
    let tone = if settled == all { Tone::Plain } else { Tone::Warn };
    (format!("{filter}{settled}/{all}"), tone)
}

/// What fails comes before what is merely open.
fn first_open<'a>(checklist: &'a Checklist, standings: &'a [Standing]) -> Option<(&'a Item, &'a Standing)> {
    let open = || checklist.items.iter().zip(standings).filter(|(_, standing)| !standing.state.is_settled());
    open().find(|(_, standing)| standing.state == State::Fail).or_else(|| open().next())
}

/// Every group and item that is shown, and the row of the chosen one.
fn whole(
    scene: &Scene<'_>,
    checklist: &Checklist,
    standings: &[Standing],
    width: usize,
) -> (Vec<Line<'static>>, usize) {
    let chosen = (scene.room.view.focus == Pane::Checklist).then(|| scene.room.chosen_item()).flatten();
    let (mut lines, mut row) = (Vec::new(), 0);
    let mut group = None;
    for place in scene.room.shown_items() {
        let (item, standing) = (&checklist.items[place], &standings[place]);
        if group != Some(&item.group) {
            group = Some(&item.group);
            lines.push(heading(scene, checklist, standings, &item.group, width));
        }
        if chosen == Some(place) {
            row = lines.len();
        }
        lines.push(item_line(scene, checklist, (item, standing), chosen == Some(place), width));
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing is open", scene.style(Tone::Dim)));
    }
    (lines, row)
}

fn heading(
    scene: &Scene<'_>,
    checklist: &Checklist,
    standings: &[Standing],
    group: &str,
    width: usize,
) -> Line<'static> {
    let words = checklist.groups.iter().find(|known| known.id == group);
    let words = words.map_or(group, |group| group.words.say(checklist.language));
    let (settled, all) = count(checklist, standings, group);
    let number = format!("{settled}/{all}");
    let name = padded(words, width.saturating_sub(columns(&number) + 1).min(30), scene.look);
    let tone = if settled == all { Tone::Plain } else { Tone::Warn };
    Line::from(vec![
        Span::styled(name, scene.style(Tone::Strong)),
        Span::raw(" "),
        Span::styled(number, scene.style(tone)),
    ])
}

fn item_line(
    scene: &Scene<'_>,
    checklist: &Checklist,
    (item, standing): (&Item, &Standing),
    chosen: bool,
    width: usize,
) -> Line<'static> {
    let pointer = if chosen { scene.glyphs().chosen } else { " " };
    let head = format!(
        "{pointer}{} {} ",
        mark(scene, standing.state),
        padded(standing.state.word(), STATE, scene.look)
    );
    let words = item.words.say(checklist.language);
    let mut rest = width.saturating_sub(columns(&head));
    let shown = fit(words, rest, scene.look);
    rest = rest.saturating_sub(columns(&shown));
    let mut spans = vec![
        Span::styled(head, scene.style(tone(standing.state))),
        Span::styled(shown, scene.style(if chosen { Tone::Chosen } else { Tone::Plain })),
    ];
    // A few letters of a reason would say nothing; "manual" says it all.
    if rest > 12 && standing.state != State::Manual {
        let why = format!(" {} {}", scene.glyphs().dot, seen(scene, standing));
        spans.push(Span::styled(fit(&why, rest, scene.look), scene.style(Tone::Dim)));
    }
    Line::from(spans)
}

/// Who said it or what was seen, and when.
fn seen(scene: &Scene<'_>, standing: &Standing) -> String {
    let at = standing.at.filter(|_| standing.by.is_some()).map(|at| words::clock(scene.room, at));
    match (&standing.by, at) {
        (Some(by), Some(at)) => format!("{by} {at}: {}", standing.words),
        _ => standing.words.clone(),
    }
}

/// The groups, then what is open, as far as there is room.
fn overview(
    scene: &Scene<'_>,
    checklist: &Checklist,
    standings: &[Standing],
    width: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> =
        checklist.groups.iter().map(|group| heading(scene, checklist, standings, &group.id, width)).collect();
    let open = checklist.items.iter().zip(standings).filter(|(_, standing)| !standing.state.is_settled());
    let mut open: Vec<_> = open.collect();
    // What somebody has to look into comes before what only waits to be said.
    open.sort_by_key(|(_, standing)| match standing.state {
        State::Fail => 0,
        State::Manual => 2,
        _ => 1,
    });
    let open = open.into_iter().map(|of| item_line(scene, checklist, of, false, width));
    lines.extend(open.take(rows.saturating_sub(lines.len())));
    lines
}

/// The keys of this pane, as the table has them.
fn keys(scene: &Scene<'_>, width: usize) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut left = width;
    for binding in BINDINGS.iter().filter(|binding| binding.scope == Scope::Checklist) {
        let words = binding.words.split([':', ',']).next().unwrap_or(binding.words).to_owned();
        let needed = columns(&binding.key()) + columns(&words) + 3;
        if needed > left {
            break;
        }
        left -= needed;
        spans.push(Span::styled(binding.key(), scene.style(Tone::Chosen)));
        spans.push(Span::styled(format!(" {words}  "), scene.style(Tone::Dim)));
    }
    Line::from(spans)
}

pub(crate) const fn mark(scene: &Scene<'_>, state: State) -> &'static str {
    let glyphs = scene.look.glyphs();
    match state {
        State::Pass => glyphs.good,
        State::Fail => glyphs.bad,
        State::Unknown => glyphs.unknown,
        State::Running => glyphs.now,
        State::Manual => glyphs.hollow,
        State::Stale => glyphs.warn,
        State::Waived | State::NotApplicable => glyphs.pending,
    }
}

pub(crate) const fn tone(state: State) -> Tone {
    match state {
        State::Pass | State::Running => Tone::Plain,
        State::Fail => Tone::Bad,
        State::Unknown | State::Manual | State::Stale => Tone::Warn,
        State::Waived | State::NotApplicable => Tone::Dim,
    }
}
