//! The dialog before an action: from → to, where, what a way back costs, the
//! conditions as they are now, and the word to type. On a small screen what is
//! clear is told in one line; what blocks and what has to be typed always stays.

mod github;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::room::dialog::{Dialog, Field, Readiness};
use crate::room::text::TextLine;
use crate::sop::colour::Colour;
use crate::sop::interlock::Interlock;
use crate::sop::operation::{Action, ActionKind, RollbackWay};
use crate::sop::record::Measured;
use crate::sop::rollback::{Price, pods_to_bring_up, price};

use super::header::side;
use super::overlay::{centred, framed};
use super::scene::Scene;
use super::text::{columns, fit, wrapped};
use super::theme::Tone;
use super::words;

const WIDTH: u16 = 78;
/// Column for the conditions' names.
const NAMES: usize = 18;

/// What goes first when there is not room for everything: the last of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Never left out.
    Must,
    Place,
    Cost,
    /// A condition that is clear: told in a summary when left out.
    Clear,
    Air,
}

type Row = (Weight, Line<'static>);

/// Draws the open dialog, if there is one.
pub(crate) fn draw(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) {
    let Some(dialog) = &scene.room.view.dialog else { return };
    let Some(action) = dialog.action() else { return };
    let width = usize::from(centred(body, WIDTH, 1).width).saturating_sub(4);
    let locks = dialog.interlocks(scene.room);
    let rows = rows(scene, dialog, &action, &locks, width);
    let lines = fitted(scene, rows, usize::from(body.height.saturating_sub(2)));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inner = framed(scene, &title(scene, &action), centred(body, WIDTH, height), body, buffer);
    for (row, line) in inner.rows().zip(lines) {
        buffer.set_line(row.x, row.y, &line, row.width);
    }
}

fn title(scene: &Scene<'_>, action: &Action) -> String {
    let what = match action.kind() {
        ActionKind::Deploy => "Deploy to the idle colour",
        ActionKind::Verify => "Verify the idle colour",
        ActionKind::Switch => "Switch the traffic",
        ActionKind::Rollback => "Roll back",
        ActionKind::Retire => "Retire the old colour",
        ActionKind::Close => "Close the release",
        ActionKind::Propose => "Open the pull request",
        ActionKind::Merge => "Merge the pull request",
        ActionKind::DeleteBranch => "Delete the branch",
        ActionKind::Approve => "Approve the run",
        ActionKind::Reject => "Reject the run",
        ActionKind::Dispatch => "Start the workflow",
        ActionKind::Rerun => "Run again",
        ActionKind::Cancel => "Cancel the run",
    };
    if scene.room.setting.production { format!("{what} in PRODUCTION") } else { what.to_owned() }
}

/// All there is to say, in order, each line with its weight.
fn rows(scene: &Scene<'_>, dialog: &Dialog, action: &Action, locks: &[Interlock], width: usize) -> Vec<Row> {
    let mut rows = vec![(Weight::Must, from_to(scene, action))];
    if dialog.kind.is_on_github() {
        rows.extend(github::rows(scene, action, width));
    } else {
        rows.extend(places(scene, width));
    }
    rows.push((Weight::Air, Line::default()));
    if dialog.choices.len() > 1 {
        rows.extend(choices(scene, dialog, width));
    }
    if dialog.kind == ActionKind::Deploy {
        rows.push(field(
            scene,
            dialog,
            Field::Version,
            "version or image to deploy: ",
            &dialog.version,
            width,
        ));
    }
    if dialog.takes_words() {
        rows.push(field(scene, dialog, Field::Words, github::question(dialog.kind), &dialog.words, width));
    }
    if let Some(to) =
        action.traffic_to().filter(|_| dialog.kind == ActionKind::Rollback && !scene.can_take_back())
    {
        let words = format!(
            "{} {} has not had the traffic since the last switch: this is no way back, and nothing was verified",
            scene.glyphs().warn,
            to.label()
        );
        let style = scene.style(Tone::Warn);
        rows.extend(wrapped(&words, width).into_iter().map(|line| (Weight::Must, Line::styled(line, style))));
    }
    if dialog.kind == ActionKind::Rollback {
        rows.extend(schema(scene, width));
    }
    let cost = cost(scene, action);
    rows.extend(cost.into_iter().flat_map(|words| plain(&words, width)).map(|line| (Weight::Cost, line)));
    rows.push((Weight::Air, Line::default()));
    for lock in locks.iter().filter(|lock| !lock.is_clear()) {
        rows.extend(condition(scene, lock, Weight::Must, width));
        if let Some((id, line)) = dialog.reasons.iter().find(|(id, _)| *id == lock.id) {
            rows.push(field(scene, dialog, Field::Reason(*id), "  reason to override it: ", line, width));
        }
    }
    for lock in locks.iter().filter(|lock| lock.is_clear()) {
        rows.extend(condition(scene, lock, Weight::Clear, width));
    }
    rows.push((Weight::Air, Line::default()));
    let word = action.confirmation(&scene.room.setting.service);
    let question = format!("type {word} to confirm: ");
    rows.push(field(scene, dialog, Field::Typed, &question, &dialog.typed, width));
    rows.push((Weight::Must, buttons(scene, dialog, width)));
    rows
}

/// As many rows as fit, the lightest left out first.
fn fitted(scene: &Scene<'_>, mut rows: Vec<Row>, room: usize) -> Vec<Line<'static>> {
    let mut left_out = 0;
    for weight in [Weight::Air, Weight::Clear, Weight::Cost, Weight::Place] {
        while rows.len() + usize::from(left_out > 0) > room {
            let Some(at) = rows.iter().rposition(|(known, _)| *known == weight) else { break };
            rows.remove(at);
            left_out += usize::from(weight == Weight::Clear);
        }
    }
    if left_out > 0 && rows.len() < room {
        let words = format!("{} {left_out} more conditions are clear", scene.glyphs().good);
        let at = rows.len().saturating_sub(2);
        rows.insert(at, (Weight::Must, Line::raw(words)));
    }
    // What is typed and the buttons come last, and stay even when the rest does not fit.
    let surplus = rows.len().saturating_sub(room);
    let keep_from = rows.len().saturating_sub(2).saturating_sub(surplus);
    let end = rows.len().saturating_sub(2);
    rows.drain(keep_from..end.max(keep_from));
    rows.into_iter().map(|(_, line)| line).collect()
}

fn from_to(scene: &Scene<'_>, action: &Action) -> Line<'static> {
    let room = scene.room;
    let cluster = &room.world.cluster;
    let version = |colour: Colour| cluster.version(colour).unwrap_or("no version").to_owned();
    let named = |colour: Colour| vec![side(scene, colour), Span::raw(format!(" {}", version(colour)))];
    let arrow = Span::styled(format!("  {}  ", scene.glyphs().arrow), scene.style(Tone::Strong));
    let mut spans = vec![Span::styled(format!("{}  ", room.setting.service), scene.style(Tone::Strong))];
    match action {
        Action::Switch { to } | Action::Rollback { way: RollbackWay::SwitchBack { to } } => {
            spans.push(Span::raw("traffic: "));
            spans.extend(named(to.other()));
            spans.push(arrow);
            spans.extend(named(*to));
        }
        Action::Rollback { way: RollbackWay::Redeploy { to, image } } => {
            spans.push(Span::raw("traffic: "));
            spans.extend(named(to.other()));
            spans.push(arrow);
            spans.push(side(scene, *to));
            spans.push(Span::raw(format!(" {}", words::version(image))));
        }
        Action::Rollback { way: RollbackWay::Undo { colour } } => {
            spans.extend(named(*colour));
            spans.push(arrow);
            spans.push(Span::raw("its previous revision, in place"));
        }
        Action::Deploy { colour, image } => {
            spans.extend(named(*colour));
            spans.push(arrow);
            spans.push(Span::raw(words::version(image).to_owned()));
        }
        Action::Verify { colour } => {
            spans.extend(named(*colour));
            spans.push(Span::raw(": the checks, against every pod"));
        }
        Action::Close => {
            let (from, to) = room.release().unwrap_or_default();
            spans.push(Span::raw(from.unwrap_or("?").to_owned()));
            spans.push(arrow);
            spans.push(Span::raw(format!("{}: closed", to.unwrap_or("?"))));
        }
        Action::Propose { .. }
        | Action::Merge { .. }
        | Action::DeleteBranch { .. }
        | Action::Approve { .. }
        | Action::Reject { .. }
        | Action::Dispatch { .. }
        | Action::Rerun { .. }
        | Action::Cancel { .. } => {
            let words = github::from_to(scene, action);
            spans.push(Span::styled(words, scene.style(Tone::Strong)));
        }
        Action::Retire { colour } => {
            let desired = cluster.deployments[*colour].as_ref().map_or(0, |d| d.desired);
            spans.extend(named(*colour));
            spans.push(Span::raw(format!(": {desired} pods")));
            spans.push(arrow);
            spans.push(Span::raw("0 pods"));
        }
    }
    Line::from(spans)
}

/// Where it would happen.
fn places(scene: &Scene<'_>, width: usize) -> Vec<Row> {
    let setting = &scene.room.setting;
    let dot = scene.glyphs().dot;
    let place = format!(
        "{} {dot} Service {} {dot} selector {}",
        words::place(scene.room),
        setting.service,
        setting.selector_key
    );
    let server = format!("at {}", setting.server);
    vec![
        (Weight::Must, Line::raw(fit(&place, width, scene.look))),
        (Weight::Place, Line::styled(fit(&server, width, scene.look), scene.style(Tone::Dim))),
    ]
}

/// What may be chosen: the ways back, each with its price or why it is not possible; the
/// environments that wait; what is run again.
fn choices(scene: &Scene<'_>, dialog: &Dialog, width: usize) -> Vec<Row> {
    let ways = scene.room.ways_back();
    let marker = if dialog.field == Field::Choice { scene.glyphs().chosen } else { " " };
    let rows = dialog.choices.iter().enumerate().map(|(place, choice)| {
        let chosen = place == dialog.chosen;
        let (name, price, blocked) = match choice {
            Action::Rollback { way } => {
                let known = ways.iter().find(|known| known.way == *way);
                let blocked = known.and_then(|known| known.interlocks.iter().find(|lock| !lock.is_clear()));
                let price = known.map_or_else(|| "price unknown".to_owned(), |known| known.price.to_string());
                (way_words(way), Some(price), blocked)
            }
            other => (words::action(other, scene.glyphs()), None, None),
        };
        let head = format!("{marker} {} {name}", if chosen { "(x)" } else { "( )" });
        let words = match (blocked, price) {
            (Some(lock), _) => format!("{head} {} {}", scene.glyphs().bad, lock.why()),
            (None, Some(price)) => format!("{head}: {price}"),
            (None, None) => head,
        };
        let tone = match (chosen, blocked.is_some()) {
            (true, _) => Tone::Strong,
            (false, true) => Tone::Dim,
            (false, false) => Tone::Plain,
        };
        (Weight::Must, Line::styled(fit(&words, width, scene.look), scene.style(tone)))
    });
    rows.collect()
}

/// What a way back costs once it is done, and what else should be known before.
fn cost(scene: &Scene<'_>, action: &Action) -> Option<String> {
    let room = scene.room;
    let (cluster, record) = (&room.world.cluster, room.record.as_ref());
    match action {
        Action::Switch { to } => {
            let back = price(&RollbackWay::SwitchBack { to: to.other() }, cluster, record);
            Some(format!("a way back then costs: {back}, while {} stands by", to.other().label()))
        }
        Action::Retire { colour } => {
            let usual = |of| record.and_then(|record| record.usual(of));
            let about = usual(Measured::ScaleUp).zip(usual(Measured::Switch)).map(|(up, switch)| up + switch);
            let pods = pods_to_bring_up(cluster, *colour);
            let back = Price { steps: format!("scale up {pods} pods, then switch"), about };
            Some(format!(
                "a way back then costs: {back}. Connections kept alive on {} live until its pods go",
                colour.label()
            ))
        }
        Action::Deploy { colour, .. } => Some(format!("the traffic stays on {}", colour.other().label())),
        Action::Verify { .. } => Some("nothing is changed".to_owned()),
        Action::Close => Some("nothing is changed but the record that all operators share".to_owned()),
        Action::Rollback { .. } => room.reason_for(action).map(|reason| format!("why: {reason}")),
        on_github => github::cost(on_github).map(str::to_owned),
    }
}

/// Whether what the traffic would go back to works with the schema as it is now.
fn schema(scene: &Scene<'_>, width: usize) -> Vec<Row> {
    let Some(known) = scene.room.previous_version() else { return Vec::new() };
    let (mark, tone) = match known.is_doubtful() {
        true => (scene.glyphs().warn, Tone::Warn),
        false => (scene.glyphs().good, Tone::Plain),
    };
    let style = scene.style(tone);
    let words = format!("{mark} {}", known.words());
    wrapped(&words, width).into_iter().map(|line| (Weight::Must, Line::styled(line, style))).collect()
}

/// The ways back in short.
fn way_words(way: &RollbackWay) -> String {
    match way {
        RollbackWay::SwitchBack { .. } => "switch back".to_owned(),
        RollbackWay::Undo { .. } => "undo in place".to_owned(),
        RollbackWay::Redeploy { image, .. } => format!("redeploy {}", words::version(image)),
    }
}

fn condition(scene: &Scene<'_>, lock: &Interlock, weight: Weight, width: usize) -> Vec<Row> {
    let (mark, tone) =
        if lock.is_clear() { (scene.glyphs().good, Tone::Plain) } else { (scene.glyphs().bad, Tone::Warn) };
    let name = lock.id.words();
    let text = words::lock(lock);
    let space = width.saturating_sub(NAMES + 3);
    let text =
        if weight == Weight::Clear { vec![fit(text, space, scene.look)] } else { wrapped(text, space) };
    text.into_iter()
        .enumerate()
        .map(|(place, part)| {
            let head = if place == 0 { format!("{mark} {name:<NAMES$} ") } else { " ".repeat(NAMES + 3) };
            // The beginning of a reason must stay, its continuation may go.
            let weight = if place == 0 { weight } else { Weight::Place };
            (weight, Line::styled(format!("{head}{part}"), scene.style(tone)))
        })
        .collect()
}

fn field(
    scene: &Scene<'_>,
    dialog: &Dialog,
    which: Field,
    question: &str,
    text: &TextLine,
    width: usize,
) -> Row {
    let here = dialog.field == which;
    let mark = if here { scene.glyphs().chosen } else { " " };
    let cursor = if here { "_" } else { "" };
    let space = width.saturating_sub(columns(question) + 3);
    // The end of what is typed is what one looks at.
    let surplus = columns(text.as_str()).saturating_sub(space);
    let shown: String = text.as_str().chars().skip(surplus).collect();
    let tone = if here { Tone::Strong } else { Tone::Plain };
    let line = Line::from(vec![
        Span::styled(format!("{mark} {question}"), scene.style(tone)),
        Span::styled(format!("{shown}{cursor}"), scene.style(Tone::Strong)),
    ]);
    (Weight::Must, line)
}

/// The buttons: the one in brackets is what Enter does.
fn buttons(scene: &Scene<'_>, dialog: &Dialog, width: usize) -> Line<'static> {
    let readiness = dialog.readiness(scene.room);
    let word = dialog.kind.word();
    let (cancel, go, why, tone) = match &readiness {
        Readiness::Armed => ("  Cancel  ", format!("[ {word} ]"), format!("Enter: {word} now"), Tone::Loud),
        other => {
            let why = match other {
                Readiness::Version => "the version is still to be typed".to_owned(),
                Readiness::Reason(id) => format!("a reason for \"{}\" is still to be typed", id.words()),
                Readiness::Blocked(_) => "blocked".to_owned(),
                Readiness::Word | Readiness::Armed => "the word is still to be typed".to_owned(),
            };
            let cancel = if dialog.is_untouched() { "[ Cancel ]" } else { "  Cancel  " };
            (cancel, format!("  {word}  "), why, Tone::Dim)
        }
    };
    let space = width.saturating_sub(columns(cancel) + columns(&go) + 6);
    Line::from(vec![
        Span::raw("  "),
        Span::styled(
            cancel,
            scene.style(if readiness == Readiness::Armed { Tone::Plain } else { Tone::Strong }),
        ),
        Span::raw("  "),
        Span::styled(go, scene.style(tone)),
        Span::raw("  "),
        Span::styled(fit(&why, space, scene.look), scene.style(Tone::Dim)),
    ])
}

fn plain(words: &str, width: usize) -> Vec<Line<'static>> {
    wrapped(words, width).into_iter().map(Line::raw).collect()
}
