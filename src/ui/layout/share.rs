//! How the panes that a room has share its screen.

use ratatui::layout::Rect;

use crate::room::Room;
use crate::room::intent::Pane;

use super::Shape;

/// Width from which on what is done stands in two columns beside the pair.
const TWO_COLUMNS_FROM: u16 = 160;
/// Rows below which a pane shows too little to be one: it becomes a line.
const LEAST_ROWS: u16 = 8;

/// Panes with their areas.
pub(super) type Places = Vec<(Pane, Rect)>;

/// The panes, and those that are told in a line each.
pub(super) fn share(shape: Shape, room: &Room, body: Rect) -> (Places, Places) {
    let focus = room.view.focus;
    let present: Vec<Pane> = room.panes().collect();
    match shape {
        Shape::TooSmall => (Vec::new(), Vec::new()),
        Shape::Zoomed => (vec![(focus, body)], Vec::new()),
        Shape::Single => single(&present, focus, body),
        Shape::Tall => tall(&present, focus, body),
        Shape::Wide => wide(&present, focus, body),
    }
}

/// What is done about the release, in the procedure's order: stands beside the pair.
fn beside_the_pair(present: &[Pane]) -> Vec<Pane> {
    let order = [Pane::Checklist, Pane::Pipeline, Pane::Operation];
    order.into_iter().filter(|pane| present.contains(pane)).collect()
}

/// What is observed: stands below.
fn below_the_pair(present: &[Pane]) -> Vec<Pane> {
    [Pane::Errors, Pane::Signals].into_iter().filter(|pane| present.contains(pane)).collect()
}

fn single(present: &[Pane], focus: Pane, body: Rect) -> (Places, Places) {
    let others: Vec<Pane> = present.iter().copied().filter(|pane| *pane != focus).collect();
    let rows = u16::try_from(others.len()).unwrap_or(0);
    let (pane, below) = split(body, body.height.saturating_sub(rows));
    (vec![(focus, pane)], in_lines(&others, below))
}

fn tall(present: &[Pane], focus: Pane, body: Rect) -> (Places, Places) {
    let below = below_the_pair(present);
    let beside = beside_the_pair(present);
    let (pair, rest) = split(body, if beside.len() > 1 { body.height / 3 } else { body.height * 2 / 5 });
    let share = match (beside.len(), below.len()) {
        (1, 1) => rest.height * 2 / 5,
        (1, _) => rest.height / 3,
        _ => rest.height * 3 / 5,
    };
    let (middle, rest) = split(rest, share);
    let (mut places, mut lines) = stacked(&beside, focus, middle);
    places.insert(0, (Pane::Pair, pair));
    let (more, more_lines) = stacked(&below, focus, rest);
    places.extend(more);
    lines.extend(more_lines);
    (places, lines)
}

fn wide(present: &[Pane], focus: Pane, body: Rect) -> (Places, Places) {
    let beside_pair = beside_the_pair(present);
    let columns = if beside_pair.len() > 1 && body.width >= TWO_COLUMNS_FROM { 2 } else { 1 };
    // Two above each other need more of the height.
    let percent = if beside_pair.len() > columns { 64 } else { 57 };
    let (above, rest) = split(body, body.height * percent / 100);
    let left = if columns == 2 { above.width * 2 / 5 } else { above.width * 3 / 5 };
    let (pair, right) = beside(above, left);
    let mut places = vec![(Pane::Pair, pair)];
    let mut lines = Vec::new();
    let mut right = right;
    let mut waiting = beside_pair.as_slice();
    for column in 0..columns {
        let remaining = columns - column;
        let (here, others) = waiting.split_at(waiting.len().div_ceil(remaining));
        let width = if remaining == 1 { right.width } else { right.width * 11 / 20 };
        let (area, further) = beside(right, width);
        let (more, more_lines) = stacked(here, focus, area);
        places.extend(more);
        lines.extend(more_lines);
        (right, waiting) = (further, others);
    }
    match below_the_pair(present).as_slice() {
        [left, right] => {
            let (first, second) = beside(rest, rest.width * 11 / 20);
            places.extend([(*left, first), (*right, second)]);
        }
        others => places.extend(others.iter().map(|pane| (*pane, rest))),
    }
    (places, lines)
}

/// Panes one above the other. Where they would be too low, the one with the keys, else
/// the first, has the room and the others are a line each.
fn stacked(panes: &[Pane], focus: Pane, area: Rect) -> (Places, Places) {
    let count = u16::try_from(panes.len()).unwrap_or(1).max(1);
    if count > 1 && area.height / count < LEAST_ROWS {
        let shown = if panes.contains(&focus) { Some(focus) } else { panes.first().copied() };
        return shown.map_or_else(|| (Vec::new(), Vec::new()), |shown| single(panes, shown, area));
    }
    let (mut places, mut rest) = (Vec::with_capacity(panes.len()), area);
    for (pane, left) in panes.iter().zip((1..=count).rev()) {
        // The first of them is the one that is further on, and has more to say.
        let rows =
            if left == 2 && *pane == Pane::Pipeline { rest.height * 3 / 5 } else { rest.height / left };
        let (here, below) = split(rest, rows);
        places.push((*pane, here));
        rest = below;
    }
    (places, Vec::new())
}

fn in_lines(panes: &[Pane], area: Rect) -> Places {
    let line = |(y, pane): (u16, &Pane)| (*pane, Rect { y, height: 1, ..area });
    (area.y..area.bottom()).zip(panes).map(line).collect()
}

/// An area cut right of its first `columns` columns.
fn beside(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

/// An area cut below its first `rows` rows.
pub(super) fn split(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row and column of the body belongs to exactly one pane or line.
    fn fills(places: &Places, lines: &Places, body: Rect) -> bool {
        let areas = || places.iter().chain(lines).map(|(_, area)| *area);
        let sum: u32 = areas().map(|area| u32::from(area.width) * u32::from(area.height)).sum();
        let apart = areas().enumerate().all(|(at, one)| areas().skip(at + 1).all(|two| !one.intersects(two)));
        sum == u32::from(body.width) * u32::from(body.height) && apart
    }

    /// All subsets of the panes that always have blue/green, the operation and the errors.
    fn subsets() -> Vec<Vec<Pane>> {
        let optional: Vec<Pane> = Pane::ALL
            .into_iter()
            .filter(|pane| !matches!(pane, Pane::Pair | Pane::Operation | Pane::Errors))
            .collect();
        (0..1_u32 << optional.len())
            .map(|chosen| {
                let left_out = |pane: &Pane| {
                    let place = optional.iter().position(|known| known == pane);
                    place.is_some_and(|place| chosen & (1 << place) == 0)
                };
                Pane::ALL.into_iter().filter(|pane| !left_out(pane)).collect()
            })
            .collect()
    }

    #[test]
    fn whatever_panes_there_are_each_has_its_place_and_nothing_is_left_over() {
        for present in subsets() {
            for focus in &present {
                for (width, height) in [(80, 19), (100, 45), (120, 35), (200, 45), (300, 95)] {
                    let body = Rect::new(0, 4, width, height);
                    for of in [single, tall, wide] {
                        let (places, lines) = of(&present, *focus, body);
                        assert!(fills(&places, &lines, body), "{present:?} at {width}x{height}: {places:?}");
                        let mut shown: Vec<Pane> =
                            places.iter().chain(&lines).map(|(pane, _)| *pane).collect();
                        shown.sort_unstable();
                        assert_eq!(shown, present, "at {width}x{height}");
                        let has_keys = places.iter().any(|(pane, _)| pane == focus);
                        assert!(has_keys, "{focus:?} has no room at {width}x{height}: {places:?}");
                    }
                }
            }
        }
    }
}
