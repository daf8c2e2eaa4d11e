//! Everything known of one item of the checklist.

use ratatui::text::{Line, Span};

use crate::sop::checklist::standing::Standing;
use crate::sop::checklist::{Ask, Checklist, Clock, Item, MayWaive, Verifier};
use crate::ui::pane::{item_mark, item_tone};
use crate::ui::scene::Scene;
use crate::ui::text::{grown, wrapped};
use crate::ui::theme::Tone;
use crate::ui::words;

/// Column for what a value is.
const NAMES: usize = 11;

pub(super) fn lines(scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let chosen = scene.room.listed().and_then(|(checklist, standings)| {
        let place = scene.room.view.item_asked?;
        Some((checklist, checklist.items.get(place)?, standings.get(place)?))
    });
    let Some((checklist, item, standing)) = chosen else {
        return vec![Line::raw("no item is chosen")];
    };
    let room = usize::from(width).saturating_sub(NAMES + 1);
    let state = format!("{} {}", item_mark(scene, standing.state), standing.state.word());
    let head = [
        Line::styled(item.words.say(checklist.language).to_owned(), scene.style(Tone::Strong)),
        Line::styled(state, scene.style(item_tone(standing.state))),
    ];
    let rows = facts(scene, checklist, item, standing).into_iter().flat_map(|(what, value)| {
        wrapped(&value, room).into_iter().enumerate().map(move |(place, part)| {
            let what = if place == 0 { what } else { "" };
            Line::from(vec![
                Span::styled(format!("{what:<NAMES$} "), scene.style(Tone::Dim)),
                Span::raw(part),
            ])
        })
    });
    head.into_iter().chain(rows).collect()
}

fn facts(
    scene: &Scene<'_>,
    checklist: &Checklist,
    item: &Item,
    standing: &Standing,
) -> Vec<(&'static str, String)> {
    let room = scene.room;
    let mut facts = vec![("seen", standing.words.clone())];
    facts.extend(standing.from.clone().map(|from| ("from", from)));
    facts.extend(standing.by.clone().map(|by| ("by", by)));
    facts.extend(
        standing
            .at
            .map(|at| ("at", format!("{} ({})", words::clock_seconds(room, at), words::ago(room.now, at)))),
    );
    let holds = item.holds.map_or_else(|| "until the release ends".to_owned(), grown);
    let left = standing.left.map(|left| format!(", {} left", grown(left))).unwrap_or_default();
    facts.push(("holds", format!("{holds}{left}")));
    let depends: Vec<&str> = item.depends.iter().map(|input| input.word()).collect();
    if !depends.is_empty() {
        facts.push(("stale when", format!("another {}", depends.join(" or "))));
    }
    facts.push(("verified", verified(item)));
    let blocks: Vec<&str> = item.blocks.iter().map(|gate| gate.word()).collect();
    let reason = if item.overridable { "" } else { ", whatever the reason" };
    facts.push(("blocks", if blocks.is_empty() { "nothing".to_owned() } else { blocks.join(", ") + reason }));
    let waived = match item.may_waive {
        MayWaive::Anyone => "by anyone",
        MayWaive::InCommand => "by who is in command",
        MayWaive::Nobody => "by nobody",
    };
    facts.push(("waived", waived.to_owned()));
    facts.push(("item", format!("{} of the checklist {}", item.id, checklist.name)));
    facts
}

fn verified(item: &Item) -> String {
    let how = match &item.verifier {
        Verifier::Manual => "by hand".to_owned(),
        Verifier::Clock(clock) => match clock {
            Clock::Window => "by the clock: the deploy window is open".to_owned(),
            Clock::NotOn(days) => format!("by the clock: not on {days}"),
            Clock::NoFreeze => "by the clock: no freeze".to_owned(),
            Clock::TeamTime => "by the clock: the team is there for long enough".to_owned(),
        },
        Verifier::OnCall => "PagerDuty names who is on call".to_owned(),
        Verifier::Configuration => "the idle colour's pods lack no Secret or ConfigMap".to_owned(),
        Verifier::Repository(rule) => rule.words(),
        Verifier::Asked(question) => match &question.ask {
            // Arguments may hold what should not be seen.
            Ask::Http(http) => format!("GET {}", http.url.split('?').next().unwrap_or_default()),
            Ask::Command(command) => {
                format!("the program {}", command.argv.first().map_or("", String::as_str))
            }
            Ask::Query(query) => format!("{} {}", query.query.trim(), query.compare.words()),
            Ask::Database(rules) => {
                let rules: Vec<&str> = rules.iter().map(|rule| rule.words()).collect();
                format!("the database and the migrations: {}", rules.join(", "))
            }
            Ask::GitHub(wanted) => wanted.words(),
        },
    };
    let by_hand_else = item.may_confirm && !matches!(item.verifier, Verifier::Manual);
    if by_hand_else { format!("{how}; where that cannot be found out, by hand") } else { how }
}
