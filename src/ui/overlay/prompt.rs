//! A question that takes one line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::room::intent::Writing;
use crate::room::view::PromptKind;
use crate::sop::command::{Command, Operator};
use crate::ui::scene::Scene;
use crate::ui::text::{columns, wrapped};
use crate::ui::theme::Tone;

use super::{centred, framed};

const WIDTH: u16 = 70;

/// Draws the open prompt, if there is one.
pub(crate) fn draw(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) {
    let Some(prompt) = &scene.room.view.prompt else { return };
    let width = usize::from(WIDTH.min(body.width)).saturating_sub(4);
    let (title, question) = match prompt.kind {
        PromptKind::Search | PromptKind::SearchJobLog => {
            ("Search", "text to find; empty ends the search".to_owned())
        }
        PromptKind::Pattern => (
            "Filter",
            "regular expression that lines must match; empty: errors. The logs are read anew".to_owned(),
        ),
        PromptKind::TakeCommand => ("Take command", take_words(&scene.room.command)),
        PromptKind::Write(writing) if writing.is_of_checklist() => check_words(scene, writing),
        PromptKind::Write(writing) => write_words(writing),
    };
    let mut lines: Vec<Line<'static>> = wrapped(&question, width).into_iter().map(Line::raw).collect();
    // The end of what is typed is what one looks at.
    let typed = format!("> {}_", prompt.text.as_str());
    let surplus = columns(&typed).saturating_sub(width);
    let shown: String = typed.chars().skip(surplus).collect();
    lines.push(Line::styled(shown, scene.style(Tone::Strong)));
    if let Some(trouble) = &prompt.trouble {
        let words = format!("{} {trouble}", scene.glyphs().bad);
        lines.extend(
            wrapped(&words, width).into_iter().map(|line| Line::styled(line, scene.style(Tone::Bad))),
        );
    }
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inner = framed(scene, title, centred(body, WIDTH, rows), body, buffer);
    for (row, line) in inner.rows().zip(lines) {
        buffer.set_line(row.x, row.y, &line, row.width);
    }
}

fn write_words(writing: Writing) -> (&'static str, String) {
    let (title, question) = match writing {
        Writing::Bug => {
            ("Critical bug", "what is wrong? It is a reason to roll back, and written into the record")
        }
        Writing::Stop => ("No rollback", "why not? It is written into the record"),
        Writing::Extend => {
            ("Extend the watch", "by how many minutes, and why? `15 the batch job still runs`")
        }
        Writing::End => {
            ("End the watch", "why is it over, whatever timer and signals say? It is written into the record")
        }
        Writing::Tick => ("Tick", "a note, or nothing"),
        Writing::Waive => ("Waive", "why is it let go?"),
        Writing::NotApply => ("Not applicable", "why does it not apply?"),
    };
    (title, question.to_owned())
}

/// What is asked of an item of the checklist, by its words.
fn check_words(scene: &Scene<'_>, writing: Writing) -> (&'static str, String) {
    let (title, question) = write_words(writing);
    let item = scene.room.setting.checklist.as_ref().and_then(|checklist| {
        let item = checklist.items.get(scene.room.view.item_asked?)?;
        Some(item.words.say(checklist.language).to_owned())
    });
    (title, format!("{}: {question} Everyone in the room sees it", item.unwrap_or_default()))
}

fn take_words(command: &Command) -> String {
    match command {
        Command::Other { holder, .. } => {
            format!(
                "{} is in command. Why do you take it? It is written into the record",
                Operator::shown(holder)
            )
        }
        _ => "why do you take command?".to_owned(),
    }
}
