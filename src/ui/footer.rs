//! The two lowest lines: what the operators should be told, and the keys that
//! apply now, each clear or with what blocks it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use crate::room::act::Standing;
use crate::room::intent::{Intent, Overlay};
use crate::room::message::{Notice, Urgency};
use crate::sop::interlock::{InterlockId, first_blocked};
use crate::sop::operation::ActionKind;
use crate::sop::phase::Phase;

use super::bindings::{BINDINGS, Binding, Does, is_typing};
use super::scene::Scene;
use super::text::{columns, fit, wrapped};
use super::theme::Tone;
use super::words;

/// Most notices shown together.
const MOST_NOTICES: usize = 3;
/// Columns below which the beginning of a reason is not worth showing.
const LEAST_REASON: usize = 14;
/// Most rows for notices.
const MOST_ROWS: usize = 3;

/// Rows that the notices take: one is always kept, so that nothing jumps.
pub(crate) fn notice_rows(scene: &Scene<'_>, width: u16) -> u16 {
    let rows = notice_lines(scene, usize::from(width)).len();
    u16::try_from(rows).unwrap_or(1).max(1)
}

pub(crate) fn draw_notices(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let lines = notice_lines(scene, usize::from(area.width));
    for (row, (tone, line)) in area.rows().zip(lines) {
        buffer.set_stringn(row.x, row.y, line, usize::from(row.width), scene.style(tone));
    }
}

fn notice_lines(scene: &Scene<'_>, width: usize) -> Vec<(Tone, String)> {
    let mut notices: Vec<&Notice> = scene.room.standing_notices().collect();
    notices.sort_by_key(|notice| std::cmp::Reverse(notice.urgency));
    let lines = notices.into_iter().take(MOST_NOTICES).flat_map(|notice| {
        let (tone, mark) = match notice.urgency {
            Urgency::Info => (Tone::Plain, scene.glyphs().dot),
            Urgency::Warning => (Tone::Warn, scene.glyphs().warn),
            Urgency::Alarm => (Tone::Loud, scene.glyphs().warn),
        };
        let words = format!(" {mark} {} ", notice.words);
        wrapped(&words, width).into_iter().map(move |line| (tone, line))
    });
    lines.take(MOST_ROWS).collect()
}

pub(crate) fn draw(scene: &Scene<'_>, area: Rect, size: Size, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let line = if is_typing(scene.room) {
        listed(scene, width, |binding| {
            matches!(&binding.does, Does::Intent(Intent::Accept | Intent::Close | Intent::NextField))
                && binding.scope.applies(scene.room, size)
        })
    } else if scene.room.view.overlay == Some(Overlay::Faults) {
        listed(scene, width, |binding| {
            matches!(&binding.does, Does::Intent(Intent::Close | Intent::ToggleFault))
                && binding.scope.applies(scene.room, size)
        })
    } else if scene.room.view.overlay.is_some_and(|overlay| overlay != Overlay::Interlocks) {
        listed(scene, width, |binding| {
            matches!(&binding.does, Does::Intent(Intent::Close) | Does::Move(_))
                && binding.scope.applies(scene.room, size)
        })
    } else {
        actions(scene, width)
    };
    buffer.set_line(area.x, area.y, &line, area.width);
}

/// Bindings in the order of the table, as many as fit.
fn listed(scene: &Scene<'_>, width: usize, wanted: impl Fn(&Binding) -> bool) -> Line<'static> {
    let mut spans = Vec::new();
    let mut left = width;
    for binding in BINDINGS.iter().filter(|binding| wanted(binding)) {
        let hint = hint(scene, binding, binding.words.to_owned(), Tone::Plain);
        let Some(rest) = left.checked_sub(Line::from(hint.clone()).width()) else { break };
        left = rest;
        spans.extend(hint);
    }
    Line::from(spans)
}

fn hint(scene: &Scene<'_>, binding: &Binding, words: String, tone: Tone) -> Vec<Span<'static>> {
    vec![
        Span::raw(" "),
        Span::styled(binding.key(), scene.style(Tone::Chosen)),
        Span::styled(format!(" {words} "), scene.style(tone)),
    ]
}

/// The actions that the phase calls for first; interlocks, palette and help last.
fn actions(scene: &Scene<'_>, width: usize) -> Line<'static> {
    let faults = scene.room.setting.rehearsal.is_some().then_some(Overlay::Faults);
    let fixed: Vec<Span<'static>> = [Overlay::Interlocks, Overlay::Palette, Overlay::Help]
        .into_iter()
        .chain(faults)
        .filter_map(binding_of_overlay)
        .flat_map(|(binding, word)| hint(scene, binding, word.to_owned(), Tone::Plain))
        .collect();
    let mut left = width.saturating_sub(Line::from(fixed.clone()).width());
    let release = release_calls_for(scene);
    // While the release is not the cluster's yet, nothing is to be done there.
    let on_cluster =
        in_order(scene.phase, scene.is_retired()).into_iter().filter(|_| !scene.is_in_pipeline());
    let kinds: Vec<ActionKind> = release.into_iter().chain(on_cluster).collect();
    let is_alone = kinds.len() == 1;
    let mut spans = Vec::new();
    for (place, kind) in kinds.into_iter().enumerate() {
        let (Some(binding), Some(standing)) = (Binding::of_action(kind), scene.standing(kind)) else {
            continue;
        };
        // The first one leaves a third to the others; what is left is shared out as it comes.
        let share = if place == 0 && !is_alone { left * 2 / 3 } else { left };
        let Some(hint) = action_hint(scene, binding, kind, standing, share) else { continue };
        left = left.saturating_sub(Line::from(hint.clone()).width());
        spans.extend(hint);
    }
    spans.extend(fixed);
    Line::from(spans)
}

fn action_hint(
    scene: &Scene<'_>,
    binding: &Binding,
    kind: ActionKind,
    standing: &Standing,
    share: usize,
) -> Option<Vec<Span<'static>>> {
    let word = match &standing.action {
        Some(action)
            if standing.blocked.is_none()
                && kind != ActionKind::Deploy
                && (kind != ActionKind::Rollback || scene.can_take_back()) =>
        {
            words::action(action, scene.glyphs())
        }
        _ => kind.word().to_owned(),
    };
    let room = share.checked_sub(columns(&binding.key()) + 3)?;
    let Some(why) = blocked_words(standing) else {
        let short = kind.word().to_owned();
        let word = [word, short].into_iter().find(|word| columns(word) <= room)?;
        return Some(hint(scene, binding, word, Tone::Strong));
    };
    // A reason that would be cut to a few letters says nothing: then the mark alone.
    let blocked = format!("{word} {}", scene.glyphs().bad);
    let for_why = room.checked_sub(columns(&blocked))?;
    let words = if for_why > columns(&why).min(LEAST_REASON) {
        format!("{blocked} {}", fit(&why, for_why - 1, scene.look))
    } else {
        blocked
    };
    Some(hint(scene, binding, words, Tone::Dim))
}

/// The first reason, in words that do not count seconds.
fn blocked_words(standing: &Standing) -> Option<String> {
    let why = standing.blocked.as_ref()?;
    Some(match first_blocked(&standing.interlocks, &[]) {
        Some(lock) if matches!(lock.id, InterlockId::Standby | InterlockId::Fresh) => {
            if lock.id == InterlockId::Fresh { "data stale".to_owned() } else { "standby".to_owned() }
        }
        _ => why.clone(),
    })
}

fn binding_of_overlay(overlay: Overlay) -> Option<(&'static Binding, &'static str)> {
    let word = match overlay {
        Overlay::Interlocks => "interlocks",
        Overlay::Palette => "palette",
        Overlay::Faults => "faults",
        _ => "help",
    };
    let opens =
        |binding: &&Binding| matches!(&binding.does, Does::Intent(Intent::Open(known)) if *known == overlay);
    BINDINGS.iter().find(opens).map(|binding| (binding, word))
}

/// The actions on GitHub that the release calls for now: the rest is in the palette.
fn release_calls_for(scene: &Scene<'_>) -> Vec<ActionKind> {
    let Some(repository) = scene.room.repository().filter(|_| scene.room.has_repository()) else {
        return Vec::new();
    };
    if repository.run.as_ref().is_some_and(|run| !run.waiting.is_empty()) {
        return vec![ActionKind::Approve, ActionKind::Reject];
    }
    scene.next_action().filter(|kind| kind.is_on_github()).into_iter().collect()
}

/// All actions on the cluster, those first that the phase calls for.
const fn in_order(phase: Option<Phase>, retired: bool) -> [ActionKind; 6] {
    use ActionKind::{Close, Deploy, Retire, Rollback, Switch, Verify};
    match phase {
        Some(Phase::Watch) => [Rollback, Retire, Close, Switch, Deploy, Verify],
        Some(Phase::StandDown) if retired => [Close, Rollback, Deploy, Switch, Verify, Retire],
        Some(Phase::StandDown) => [Retire, Rollback, Close, Switch, Deploy, Verify],
        Some(Phase::Verify) => [Verify, Switch, Deploy, Rollback, Retire, Close],
        Some(Phase::Switch) => [Switch, Verify, Deploy, Rollback, Retire, Close],
        _ => [Deploy, Verify, Switch, Rollback, Retire, Close],
    }
}
