//! Where everything goes: a pure function of the size and the room.

use ratatui::layout::{Rect, Size};

use crate::room::Room;
use crate::room::intent::{Extent, Overlay, Pane};

use super::banner::Banner;
use super::scene::Scene;
use super::theme::Look;
use super::{footer, overlay, pane};

/// The smallest screen on which anything is drawn.
pub const SMALLEST: Size = Size::new(60, 16);
/// The smallest screen on which all panes stand side by side.
pub const WIDE: Size = Size::new(120, 30);
/// The smallest screen on which all panes stand one above the other.
pub const TALL: Size = Size::new(80, 40);
/// The largest screen; what is beyond stays empty.
pub const MOST: Size = Size::new(300, 100);

const HEADER_ROWS: u16 = 3;
const FOOTER_ROWS: u16 = 1;

/// How the panes share the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    TooSmall,
    /// The focused pane alone.
    Zoomed,
    /// The focused pane, the others in a line each.
    Single,
    /// All panes, one above the other.
    Tall,
    /// Blue/green beside checklist and operation, errors beside the signals below.
    Wide,
}

impl Shape {
    /// The shape for a size.
    #[must_use]
    pub fn of(size: Size, room: &Room) -> Self {
        let holds = |least: Size| size.width >= least.width && size.height >= least.height;
        if !holds(SMALLEST) {
            return Self::TooSmall;
        }
        if room.view.zoomed {
            Self::Zoomed
        } else if holds(WIDE) {
            Self::Wide
        } else if holds(TALL) {
            Self::Tall
        } else {
            Self::Single
        }
    }

    /// Whether a pane is more than a line on this screen.
    #[must_use]
    pub fn shows(self, pane: Pane, room: &Room) -> bool {
        match self {
            Self::TooSmall => false,
            Self::Zoomed | Self::Single => room.view.focus == pane,
            Self::Tall | Self::Wide => true,
        }
    }
}

/// The areas of one frame.
pub(crate) struct Arrangement {
    pub(crate) header: Rect,
    /// Said between header and panes, when there is something to say.
    pub(crate) banner: Option<Banner>,
    pub(crate) banner_area: Rect,
    /// Everything between header, banner and notices: where overlays lie.
    pub(crate) body: Rect,
    pub(crate) panes: Vec<(Pane, Rect)>,
    /// Panes that are told in one line.
    pub(crate) lines: Vec<(Pane, Rect)>,
    pub(crate) notices: Rect,
    pub(crate) footer: Rect,
}

impl Arrangement {
    pub(crate) fn of(area: Rect, scene: &Scene<'_>) -> Self {
        let area = Rect { width: area.width.min(MOST.width), height: area.height.min(MOST.height), ..area };
        let notice_rows = footer::notice_rows(scene, area.width);
        let (header, rest) = split(area, HEADER_ROWS);
        let banner = Banner::of(scene, area.width, area.height);
        let (banner_area, rest) = split(rest, banner.as_ref().map_or(0, Banner::rows));
        let (rest, footer) = split(rest, rest.height.saturating_sub(FOOTER_ROWS));
        let (body, notices) = split(rest, rest.height.saturating_sub(notice_rows));
        let (panes, lines) = share(Shape::of(area.as_size(), scene.room), scene.room, body);
        Self { header, banner, banner_area, body, panes, lines, notices, footer }
    }
}

type Places = Vec<(Pane, Rect)>;

fn share(shape: Shape, room: &Room, body: Rect) -> (Places, Places) {
    let focus = room.view.focus;
    let measures = room.panes().any(|pane| pane == Pane::Signals);
    let lists = room.panes().any(|pane| pane == Pane::Checklist);
    match shape {
        Shape::TooSmall => (Vec::new(), Vec::new()),
        Shape::Zoomed => (vec![(focus, body)], Vec::new()),
        Shape::Single => {
            let others: Vec<Pane> = room.panes().filter(|pane| *pane != focus).collect();
            let rows = u16::try_from(others.len()).unwrap_or(0);
            let (pane, below) = split(body, body.height.saturating_sub(rows));
            let line = |(y, pane)| (pane, Rect { y, height: 1, ..below });
            (vec![(focus, pane)], (below.y..).zip(others).map(line).collect())
        }
        Shape::Tall => {
            let (pair, rest) = split(body, body.height * 2 / 5);
            let mut places = vec![(Pane::Pair, pair)];
            let (checklist, rest) = split(rest, if lists { rest.height / 3 } else { 0 });
            let (operation, rest) = split(rest, if measures { rest.height / 3 } else { rest.height * 2 / 5 });
            places.extend(lists.then_some((Pane::Checklist, checklist)));
            places.push((Pane::Operation, operation));
            places.extend(below(rest, measures, |area| split(area, area.height / 2)));
            (places, Vec::new())
        }
        Shape::Wide => {
            let (above, rest) = split(body, body.height * 57 / 100);
            let left = above.width * 3 / 5;
            let pair = Rect { width: left, ..above };
            let operation = Rect { x: above.x + left, width: above.width - left, ..above };
            let mut places = vec![(Pane::Pair, pair)];
            let (checklist, operation) = split(operation, if lists { operation.height * 3 / 5 } else { 0 });
            places.extend(lists.then_some((Pane::Checklist, checklist)));
            places.push((Pane::Operation, operation));
            places.extend(below(rest, measures, |area| beside(area, area.width * 11 / 20)));
            (places, Vec::new())
        }
    }
}

/// The errors, and the signals where there are any.
fn below(area: Rect, measures: bool, cut: impl FnOnce(Rect) -> (Rect, Rect)) -> Places {
    if !measures {
        return vec![(Pane::Errors, area)];
    }
    let (errors, signals) = cut(area);
    vec![(Pane::Errors, errors), (Pane::Signals, signals)]
}

/// An area cut right of its first `columns` columns.
fn beside(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

/// An area cut below its first `rows` rows.
fn split(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// How far a movement may go in what has the keys now.
#[must_use]
pub fn extent(room: &Room, size: Size) -> Extent {
    // What a movement may do does not depend on how things look.
    let scene = Scene::new(room, Look { colour: false, unicode: true });
    let arrangement = Arrangement::of(Rect::new(0, 0, size.width, size.height), &scene);
    match room.view.overlay {
        Some(Overlay::Palette) => overlay::palette_extent(room),
        Some(which) => overlay::extent(&scene, which, arrangement.body),
        None => {
            let area = arrangement.panes.iter().find(|(pane, _)| *pane == room.view.focus);
            area.map_or_else(Extent::default, |(pane, area)| pane::extent(&scene, *pane, *area))
        }
    }
}
