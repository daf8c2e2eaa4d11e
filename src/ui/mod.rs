//! The screen: draws a [`Room`] and turns keys into intents. It never changes the
//! room and reads no clock; what it shows follows from what it is given.

mod banner;
pub mod bindings;
mod dialog;
mod footer;
mod header;
mod hotfix;
pub mod keymap;
pub mod layout;
mod overlay;
mod pane;
mod scene;
mod screen;
mod text;
mod theme;
mod words;

pub use theme::Look;

use ratatui::Frame;

use crate::room::Room;
use layout::{Arrangement, Shape};
use scene::Scene;

/// Draws the whole screen.
pub fn draw(frame: &mut Frame<'_>, room: &Room, look: &Look) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let shape = Shape::of(area.as_size(), room);
    if shape == Shape::TooSmall {
        screen::too_small(area, buffer);
        return screen::harmless(buffer, look);
    }
    let scene = Scene::new(room, *look);
    let arrangement = Arrangement::of(area, &scene);
    header::draw(&scene, arrangement.header, buffer);
    if let Some(banner) = &arrangement.banner {
        banner.draw(&scene, arrangement.banner_area, buffer);
    }
    for (pane, area) in &arrangement.panes {
        pane::draw(&scene, *pane, *area, buffer);
    }
    for (pane, area) in &arrangement.lines {
        pane::draw_line(&scene, *pane, *area, buffer);
    }
    overlay::draw(&scene, arrangement.body, buffer);
    dialog::draw(&scene, arrangement.body, buffer);
    overlay::draw_prompt(&scene, arrangement.body, buffer);
    footer::draw_notices(&scene, arrangement.notices, buffer);
    footer::draw(&scene, arrangement.footer, area.as_size(), buffer);
    screen::harmless(buffer, look);
}
