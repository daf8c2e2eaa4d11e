//! Every key, from the bindings table, in two columns where there is room.

use ratatui::text::{Line, Span};

use crate::ui::bindings::{BINDINGS, Binding, Group};
use crate::ui::scene::Scene;
use crate::ui::text::{fit, padded};
use crate::ui::theme::Tone;

/// Least width for two columns.
const TWO_COLUMNS: u16 = 96;
const KEYS: usize = 12;

pub(super) fn lines(scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    if width < TWO_COLUMNS {
        return column(scene, &Group::ALL, usize::from(width)).into_iter().map(Line::from).collect();
    }
    let half = usize::from(width / 2);
    let left = column(scene, &[Group::Actions, Group::Release, Group::Panes, Group::Program], half - 1);
    let groups = [Group::Pipeline, Group::Checklist, Group::Errors, Group::Typing];
    let right = column(scene, &groups, half - 1);
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let mut lines = Vec::new();
    loop {
        match (left.next(), right.next()) {
            (None, None) => return lines,
            (before, after) => {
                let mut spans = before.unwrap_or_default();
                let used = Line::from(spans.clone()).width();
                spans.push(Span::raw(" ".repeat(half.saturating_sub(used))));
                spans.extend(after.unwrap_or_default());
                lines.push(Line::from(spans));
            }
        }
    }
}

type Row = Vec<Span<'static>>;

fn column(scene: &Scene<'_>, groups: &[Group], width: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for group in groups {
        let known = |binding: &&Binding| binding.group == *group && binding.is_for(scene.room);
        if !BINDINGS.iter().any(|binding| known(&binding)) {
            continue;
        }
        if !rows.is_empty() {
            rows.push(Vec::new());
        }
        rows.push(vec![Span::styled(group.title(), scene.style(Tone::Strong))]);
        rows.extend(BINDINGS.iter().filter(known).map(|binding| {
            let words = fit(binding.words, width.saturating_sub(KEYS + 1), scene.look);
            vec![Span::raw(padded(&binding.all_keys(), KEYS, scene.look)), Span::raw(" "), Span::raw(words)]
        }));
    }
    rows
}
