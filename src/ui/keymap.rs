//! From keys to intents, by the bindings table.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Size;

use crate::room::Room;
use crate::room::intent::{Edit, Intent, Overlay};

use super::bindings::{Binding, Does, is_typing};
use super::layout::{Shape, extent};

/// What a key means now, on a screen of `size`; `None` when it means nothing.
#[must_use]
pub fn intent(room: &Room, event: KeyEvent, size: Size) -> Option<Intent> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    if Shape::of(size, room) == Shape::TooSmall && !is_leaving(event) {
        // Nobody can see what a key would do.
        return None;
    }
    if let Some(binding) = Binding::of(event, room, size) {
        return Some(match &binding.does {
            Does::Intent(Intent::Accept) if is_palette(room) => return chosen(room),
            Does::Intent(intent) => intent.clone(),
            Does::Move(motion) => Intent::Move(*motion, extent(room, size)),
        });
    }
    typed(room, event)
}

/// What pasted text means now: it goes where text is typed, and nowhere else.
#[must_use]
pub fn paste(room: &Room, text: &str) -> Option<Intent> {
    is_typing(room).then(|| Intent::Edit(Edit::Paste(text.to_owned())))
}

fn is_leaving(event: KeyEvent) -> bool {
    match event.code {
        KeyCode::Char('q') => true,
        KeyCode::Char('c' | 'z' | 'l') => event.modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

fn is_palette(room: &Room) -> bool {
    room.view.overlay == Some(Overlay::Palette) && room.view.prompt.is_none() && room.view.dialog.is_none()
}

/// The palette's chosen entry; with none, the palette stays.
fn chosen(room: &Room) -> Option<Intent> {
    let palette = &room.view.palette;
    let binding = *Binding::matching(palette.text.as_str(), room).get(palette.chosen)?;
    match &binding.does {
        Does::Intent(intent) => Some(Intent::Chosen(Box::new(intent.clone()))),
        Does::Move(_) => None,
    }
}

/// A character for whatever takes text.
fn typed(room: &Room, event: KeyEvent) -> Option<Intent> {
    let plain = (event.modifiers - KeyModifiers::SHIFT).is_empty();
    match event.code {
        KeyCode::Char(char) if plain && is_typing(room) => Some(Intent::Edit(Edit::Insert(char))),
        _ => None,
    }
}
