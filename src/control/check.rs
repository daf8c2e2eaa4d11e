//! `cutover check`: the checklist without a screen. The same room judges; here it is
//! printed, and whether anything blocks is told by the exit status.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::Control;
use super::headless::{FAILED, USAGE, awaits_repository, until_seen};
use crate::cli::{Check, CheckOutput};
use crate::room::Room;
use crate::room::message::SourceId;
use crate::sop::checklist::standing::{Standing, State, count};
use crate::sop::checklist::{Checklist, Gate, Item, Verifier};

/// Something blocks.
const BLOCKS: u8 = 3;
/// How long record, on-call and pods may take.
const SEEN_WITHIN: Duration = Duration::from_secs(20);

/// Prints the checklist; the exit status.
pub async fn run(mut control: Control, options: &Check) -> u8 {
    let status = match look(&mut control).await {
        Err((status, words)) => {
            // Nobody may be there to read it.
            let _ = writeln!(io::stderr(), "cutover: {words}");
            status
        }
        Ok(()) => {
            control.look_at_checklist();
            let text = text(&control.room, options.output);
            let _ = writeln!(io::stdout(), "{text}");
            exit_status(&control.room)
        }
    };
    control.leave().await;
    status
}

async fn look(control: &mut Control) -> Result<(), (u8, String)> {
    let Some(checklist) = control.room.setting.checklist.clone() else {
        let words = "no checklist is kept in this environment: name one in [checklist] of the configuration";
        return Err((USAGE, words.to_owned()));
    };
    until_seen(control).await.map_err(|refusal| (FAILED, refusal.to_string()))?;
    control.look_at_checklist();
    let longest = checklist.items.iter().filter_map(|item| match &item.verifier {
        Verifier::Asked(question) => Some(question.limit),
        _ => None,
    });
    // They run a few at a time; what has no answer by then is shown as running.
    let limit = SEEN_WITHIN + 3 * longest.max().unwrap_or_default();
    control.wait_until(limit, |control| is_known(&control.room, &checklist)).await;
    Ok(())
}

/// Whether there is nothing to wait for.
fn is_known(room: &Room, checklist: &Checklist) -> bool {
    let asks_duty = checklist.items.iter().any(|item| item.verifier == Verifier::OnCall);
    let duty = !asks_duty || !room.setting.duty || room.world.links.contains_key(&SourceId::Duty);
    let shared = room.record.is_some() || room.record_trouble.is_some();
    shared && duty && !awaits_repository(room) && room.checklist.is_answered(checklist)
}

fn exit_status(room: &Room) -> u8 {
    match room.checklist.held() {
        Some(held) if held.is_empty() => 0,
        _ => BLOCKS,
    }
}

fn text(room: &Room, output: CheckOutput) -> String {
    let Some((checklist, standings)) = room.listed() else { return String::new() };
    let items: Vec<(&Item, &Standing)> = checklist.items.iter().zip(standings).collect();
    match output {
        CheckOutput::Json => as_json(room, checklist, standings, &items).to_string(),
        CheckOutput::Text => lines(room, checklist, standings, &items, |item, standing| {
            let words = item.words.say(checklist.language);
            format!("  {:<8} {words}: {}", standing.state.word(), said(standing))
        }),
        CheckOutput::Markdown => lines(room, checklist, standings, &items, |item, standing| {
            let mark = if standing.state.is_settled() { 'x' } else { ' ' };
            let state = match standing.state {
                State::Pass => String::new(),
                state => format!("**{}** ", state.word()),
            };
            let words = in_markdown(item.words.say(checklist.language));
            format!("- [{mark}] {words}: {state}{}", in_markdown(&said(standing)))
        }),
    }
}

/// Group by group, then what it comes to.
fn lines(
    room: &Room,
    checklist: &Checklist,
    standings: &[Standing],
    items: &[(&Item, &Standing)],
    line: impl Fn(&Item, &Standing) -> String,
) -> String {
    let mut lines = Vec::new();
    for group in &checklist.groups {
        let (settled, all) = count(checklist, standings, &group.id);
        lines.push(format!("### {} {settled}/{all}", group.words.say(checklist.language)));
        let of_group = items.iter().filter(|(item, _)| item.group == group.id);
        lines.extend(of_group.map(|(item, standing)| line(item, standing)));
        lines.push(String::new());
    }
    let (settled, all) = room.settled_items();
    let gates: Vec<String> = Gate::ALL
        .into_iter()
        .map(|gate| (gate, blocking(items, gate).len()))
        .filter(|(_, count)| *count > 0)
        .map(|(gate, count)| format!("{} by {count}", gate.word()))
        .collect();
    let blocked =
        if gates.is_empty() { "nothing blocks".to_owned() } else { format!("blocked: {}", gates.join(", ")) };
    lines.push(format!("{settled}/{all}, {blocked}"));
    lines.join("\n")
}

/// The items that hold an action up.
fn blocking<'i>(items: &[(&'i Item, &Standing)], gate: Gate) -> Vec<&'i str> {
    let open =
        items.iter().filter(|(item, standing)| !standing.state.is_settled() && item.blocks.contains(&gate));
    open.map(|(item, _)| item.id.as_str()).collect()
}

fn said(standing: &Standing) -> String {
    match &standing.by {
        Some(by) => format!("{by}: {}", standing.words),
        None => standing.words.clone(),
    }
}

/// Text from outside must not become a link, a mention or HTML.
fn in_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("@\u{2060}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => escaped.extend(['\\', char]),
            char => escaped.push(char),
        }
    }
    escaped
}

fn as_json(
    room: &Room,
    checklist: &Checklist,
    standings: &[Standing],
    items: &[(&Item, &Standing)],
) -> Value {
    let groups = checklist.groups.iter().map(|group| {
        let (settled, all) = count(checklist, standings, &group.id);
        let of_group = items.iter().filter(|(item, _)| item.group == group.id);
        let items: Vec<Value> = of_group
            .map(|(item, standing)| {
                json!({
                    "id": item.id,
                    "words": item.words.say(checklist.language),
                    "state": standing.state,
                    "seen": standing.words,
                    "from": standing.from,
                    "at": standing.at,
                    "by": standing.by,
                    "holds_seconds": standing.left.map(|left| left.as_secs()),
                    "blocks": item.blocks,
                    "overridable": item.overridable,
                })
            })
            .collect();
        json!({
            "id": group.id,
            "words": group.words.say(checklist.language),
            "settled": settled,
            "count": all,
            "items": items,
        })
    });
    let (settled, all) = room.settled_items();
    let blocked: serde_json::Map<String, Value> =
        Gate::ALL.into_iter().map(|gate| (gate.word().to_owned(), json!(blocking(items, gate)))).collect();
    json!({
        "environment": room.setting.environment,
        "service": room.setting.service,
        "checklist": checklist.name,
        "settled": settled,
        "count": all,
        "blocked": blocked,
        "groups": groups.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_text_in_markdown() {
        let hostile = "[x](http://h) <img> @team **b** `c`";
        let shown = in_markdown(hostile);
        assert_eq!(shown, "\\[x\\](http://h) &lt;img> @\u{2060}team \\*\\*b\\*\\* \\`c\\`");
    }
}
