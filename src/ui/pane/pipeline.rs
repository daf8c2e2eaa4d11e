//! The release on its way to the cluster (sop.md, production steps 1 to 5): its pull
//! request, the chain of evidence, and the run of its pipeline, a line a stage.

mod fitting;
mod request;
mod run;
mod stages;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::intent::{Extent, Pane};
use crate::sop::pull_request::PullRequestState;
use crate::sop::repository::Rate;
use crate::ui::scene::Scene;
use crate::ui::text::{age, fit, wrapped};
use crate::ui::theme::{Tone, run_tone};

use super::{draw_lines, frame};
use fitting::{Weighed, Weight, fitted};

/// Below this share of the hour's requests what is left is shown as a warning.
const SCARCE: u32 = 10;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (note, tone) = note(scene);
    let inner = frame(scene, Pane::Pipeline, (&note, tone), area, buffer);
    let lines = lines(scene, usize::from(inner.width));
    draw_lines(fitted(lines, usize::from(inner.height)), inner, buffer);
}

/// The pane in one line: the run once there is one, else the pull request.
pub(super) fn line(scene: &Scene<'_>) -> (String, Tone) {
    let room = scene.room;
    if let Some(why) = trouble(scene) {
        return (format!("STALE: {why}"), Tone::Bad);
    }
    if let Some(broken) = scene.chain().and_then(|chain| chain.broken()) {
        return (format!("{} chain broken at {}", scene.glyphs().bad, broken.words()), Tone::Bad);
    }
    let open =
        room.pull_request().filter(|request| !matches!(request.state, PullRequestState::Merged { .. }));
    match (open, room.run()) {
        (Some(request), _) => request::summary(scene, request),
        (None, Some(run)) => run::summary(scene, run),
        (None, None) if room.repository().is_none() => ("not read yet".to_owned(), Tone::Dim),
        (None, None) => match room.pull_request() {
            Some(request) => request::summary(scene, request),
            None => ("no pull request and no run found".to_owned(), Tone::Dim),
        },
    }
}

pub(super) fn extent(scene: &Scene<'_>, area: Rect) -> Extent {
    let most = scene.stages.as_ref().map_or(0, |stages| stages.rows.len()).saturating_sub(1);
    Extent { page: usize::from(area.height.saturating_sub(2)).max(1), most }
}

/// Why what is shown is old, when it is: GitHub is not reached, or was not read lately.
fn trouble(scene: &Scene<'_>) -> Option<String> {
    let room = scene.room;
    let (at, _) = room.repository.as_ref()?;
    let setting = room.setting.github.as_ref()?;
    let old = room.now.since(*at);
    match room.repository_trouble() {
        Some(why) => Some(why.to_owned()),
        None if old > setting.stale_after => {
            Some(format!("last read {} ago", age(old).unwrap_or_else(|| "some seconds".to_owned())))
        }
        None => None,
    }
}

fn note(scene: &Scene<'_>) -> (String, Tone) {
    let room = scene.room;
    if let Some(why) = trouble(scene) {
        let old = room.repository.as_ref().and_then(|(at, _)| age(room.now.since(*at)));
        let old = old.map(|old| format!(" {old}")).unwrap_or_default();
        return (format!("STALE{old} {} {why}", scene.glyphs().dot), Tone::Bad);
    }
    let (mut words, mut tone) = match room.shown_run() {
        Some(run) => (format!("run {} {}", run.number, run::state_word(&run.state)), run_tone(&run.state)),
        None => (String::new(), Tone::Plain),
    };
    // The border of a pane is bad when what it shows cannot be trusted, not when a run failed.
    tone = if tone == Tone::Bad { Tone::Warn } else { tone };
    if let Some(rate) = room.repository().and_then(|repository| repository.rate) {
        let scarce = rate.left < rate.limit / SCARCE;
        tone = if scarce { Tone::Warn } else { tone };
        let dot = if words.is_empty() { String::new() } else { format!(" {} ", scene.glyphs().dot) };
        words.push_str(&format!("{dot}{}", rate_words(rate)));
    }
    (words, tone)
}

/// Requests that are left of this hour's, in steps, so that the screen stays quiet: `4.8k left`.
fn rate_words(rate: Rate) -> String {
    let thousands = |count: u32| match count {
        0..1000 => format!("{}", count / 50 * 50),
        _ => format!("{}.{}k", count / 1000, count % 1000 / 100),
    };
    format!("{} left", thousands(rate.left))
}

/// Everything there is to say.
fn lines(scene: &Scene<'_>, width: usize) -> Vec<Weighed> {
    let room = scene.room;
    let said = |weight, words: &str, tone| -> Vec<Weighed> {
        let rows = wrapped(words, width).into_iter();
        rows.map(|row| (weight, Line::styled(row, scene.style(tone)))).collect()
    };
    let Some(repository) = room.repository() else {
        return match room.repository_trouble() {
            Some(why) => said(Weight::Must, &format!("GitHub cannot be read: {why}"), Tone::Bad),
            None => said(Weight::Must, "GitHub was not read yet", Tone::Dim),
        };
    };
    let mut lines = match &repository.pull_request {
        Some(request) => request::lines(scene, request, width),
        None => said(Weight::Release, "no pull request of this release was found", Tone::Dim),
    };
    lines.extend(repository.unread.iter().flat_map(|why| said(Weight::Must, why, Tone::Warn)));
    lines.extend(chain_line(scene, width));
    lines.extend(match room.shown_run() {
        Some(run) => run::lines(scene, repository, run, width),
        None => said(Weight::Head, "no run of this release was found", Tone::Dim),
    });
    lines
}

/// `chain ✓✓✓·····  3 of 7 links fit; deployment not yet: ...`.
fn chain_line(scene: &Scene<'_>, width: usize) -> Option<Weighed> {
    let chain = scene.chain()?;
    let marks: String = chain.links.iter().map(|link| scene.glyphs().fit(&link.fit)).collect();
    let broken = chain.broken().is_some();
    let (weight, tone) = if broken { (Weight::Must, Tone::Bad) } else { (Weight::Release, Tone::Plain) };
    let words = format!("chain {marks} {}", chain.words());
    Some((weight, Line::from(Span::styled(fit(&words, width, scene.look), scene.style(tone)))))
}
