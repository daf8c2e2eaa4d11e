//! Where everything goes: a pure function of the size and the room.

mod share;

use ratatui::layout::{Rect, Size};

use crate::room::Room;
use crate::room::intent::{Extent, Overlay, Pane};

use super::banner::Banner;
use super::scene::Scene;
use super::theme::Look;
use super::{footer, overlay, pane};
use share::split;

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
    /// Blue/green beside what is done, errors beside the signals below.
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
        let timeline = u16::from(scene.room.setting.hotfix.is_some());
        let (header, rest) = split(area, HEADER_ROWS + timeline);
        let banner = Banner::of(scene, area.width, area.height);
        let (banner_area, rest) = split(rest, banner.as_ref().map_or(0, Banner::rows));
        let (rest, footer) = split(rest, rest.height.saturating_sub(FOOTER_ROWS));
        let (body, notices) = split(rest, rest.height.saturating_sub(notice_rows));
        let (panes, lines) = share::share(Shape::of(area.as_size(), scene.room), scene.room, body);
        Self { header, banner, banner_area, body, panes, lines, notices, footer }
    }
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
