//! Every action with every condition on it, clear or blocked and why.

use ratatui::text::{Line, Span};

use crate::sop::interlock::{Interlock, LockState};
use crate::sop::operation::ActionKind;
use crate::ui::bindings::Binding;
use crate::ui::scene::Scene;
use crate::ui::text::{padded, wrapped};
use crate::ui::theme::Tone;
use crate::ui::words;

/// Column for the conditions' names.
const NAMES: usize = 18;

pub(super) fn lines(scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for kind in ActionKind::ALL {
        let Some(standing) = scene.standing(kind) else { continue };
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let key = Binding::of_action(kind).map(Binding::key).unwrap_or_default();
        let action = standing.action.as_ref();
        let target = match (action, kind) {
            (Some(action), kind) if kind != ActionKind::Deploy => words::action(action, scene.glyphs()),
            _ => kind.word().to_owned(),
        };
        let (state, tone) = match &standing.blocked {
            None => ("clear".to_owned(), Tone::Strong),
            Some(_) => {
                let blocked = standing.interlocks.iter().filter(|lock| !lock.is_clear()).count();
                (
                    if blocked == 0 { "blocked".to_owned() } else { format!("blocked by {blocked}") },
                    Tone::Warn,
                )
            }
        };
        lines.push(Line::from(vec![
            Span::styled(key, scene.style(Tone::Chosen)),
            Span::styled(format!(" {target}  "), scene.style(Tone::Strong)),
            Span::styled(state, scene.style(tone)),
        ]));
        if standing.interlocks.is_empty()
            && let Some(why) = &standing.blocked
        {
            lines.push(Line::raw(format!("  {} {why}", scene.glyphs().bad)));
        }
        lines.extend(standing.interlocks.iter().flat_map(|lock| condition(scene, lock, usize::from(width))));
    }
    lines
}

/// One condition in as many rows as its words need.
pub(crate) fn condition(scene: &Scene<'_>, lock: &Interlock, width: usize) -> Vec<Line<'static>> {
    let glyphs = scene.glyphs();
    let (mark, tone) = match lock.state {
        LockState::Clear(_) => (glyphs.good, Tone::Plain),
        LockState::Blocked(_) => (glyphs.bad, Tone::Warn),
        LockState::Unknown(_) => (glyphs.unknown, Tone::Warn),
    };
    let override_words =
        if !lock.is_clear() && lock.overridable() { " (a typed reason overrides)" } else { "" };
    let words = format!("{}{override_words}", words::lock(lock));
    let name = padded(lock.id.words(), NAMES, scene.look);
    let parts = wrapped(&words, width.saturating_sub(NAMES + 5));
    parts
        .into_iter()
        .enumerate()
        .map(|(place, part)| {
            let head = if place == 0 { format!("  {mark} {name} ") } else { " ".repeat(NAMES + 5) };
            Line::from(vec![Span::styled(head, scene.style(tone)), Span::styled(part, scene.style(tone))])
        })
        .collect()
}
