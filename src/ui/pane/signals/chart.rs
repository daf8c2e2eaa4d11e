//! The chosen signal over the last hour, with axes, thresholds and the switch.

use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::history::SHOWN;
use super::{packed, row};
use crate::sop::colour::Colour;
use crate::sop::signal::{History, Rule, Track, Unit};
use crate::ui::scene::Scene;
use crate::ui::text::fit;
use crate::ui::theme::Tone;
use crate::ui::words;

/// Minutes on the time axis.
const MINUTES: f64 = 60.0;
/// Minutes before now that are written on it.
const WRITTEN: [i64; 4] = [60, 40, 20, 0];
/// Values further apart than this have a gap between them.
const GAP: SignedDuration = SignedDuration::from_mins(2);
/// An alert line so many times beyond the rest would press that flat: it is told, not drawn.
const FAR: f64 = 20.0;
/// Room above the highest line.
const HEADROOM: f64 = 1.05;
/// Ends of the scale, of which the next higher is taken.
const ENDS: [f64; 11] = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];

type Points = Vec<(f64, f64)>;

/// Characters with which the lines are drawn: no two are told apart by colour alone.
struct Strokes {
    target: char,
    alert: char,
    switch: char,
    value: Marker,
}

const UNICODE: Strokes = Strokes { target: '╌', alert: '━', switch: '│', value: Marker::Braille };
const ASCII: Strokes = Strokes { target: '-', alert: '=', switch: '|', value: Marker::Custom('*') };

/// What is drawn, in the chart's coordinates: minutes before now, and the signal's unit.
struct Drawing {
    /// Of everything behind the Service, in pieces without a gap.
    total: Vec<Points>,
    /// Of each colour, where the source tells them apart.
    colours: Vec<(Colour, Vec<Points>)>,
    target: Option<f64>,
    alert: Option<f64>,
    /// Whether the alert line is too far beyond the rest to be drawn.
    alert_is_far: bool,
    switch: Option<f64>,
    top: f64,
}

impl Drawing {
    fn of(scene: &Scene<'_>, track: &Track) -> Self {
        let now = scene.room.now.wall;
        let total = pieces(&track.total, now);
        let colours: Vec<_> = Colour::ALL
            .into_iter()
            .map(|colour| (colour, pieces(&track.colours[colour], now)))
            .filter(|(_, pieces)| !pieces.is_empty())
            .collect();
        let all = total.iter().chain(colours.iter().flat_map(|(_, pieces)| pieces)).flatten();
        let highest = all.map(|(_, value)| *value).fold(0.0, f64::max);
        let (target, alert) = thresholds(track);
        let most = highest.max(target.unwrap_or(0.0));
        let alert_is_far = most > 0.0 && alert.is_some_and(|alert| alert > most * FAR);
        let drawn = alert.filter(|_| !alert_is_far).unwrap_or(0.0);
        let switched = scene.room.switched.as_ref().map(|switched| minutes(switched.at, now));
        Self {
            top: end_of_scale(track.signal.unit, most.max(drawn) * HEADROOM),
            switch: switched.filter(|minutes| (-MINUTES..=0.0).contains(minutes)),
            total,
            colours,
            target,
            alert,
            alert_is_far,
        }
    }

    const fn is_empty(&self) -> bool {
        self.total.is_empty() && self.colours.is_empty()
    }
}

/// Draws the chart. Its scale begins at 0 and holds the thresholds.
pub(super) fn draw(scene: &Scene<'_>, track: &Track, area: Rect, buffer: &mut Buffer) {
    let drawing = Drawing::of(scene, track);
    let strokes = if scene.look.unicode { UNICODE } else { ASCII };
    let mut below = area;
    for row in legend(scene, track, &drawing, &strokes, usize::from(area.width)) {
        buffer.set_line(below.x, below.y, &row, below.width);
        below = Rect { y: below.y + 1, height: below.height.saturating_sub(1), ..below };
    }
    let level = |line: Option<f64>| line.map(|line| vec![(-MINUTES, line), (0.0, line)]).unwrap_or_default();
    let target = level(drawing.target);
    let alert = level(drawing.alert.filter(|_| !drawing.alert_is_far));
    let switch = drawing.switch.map(|at| vec![(at, 0.0), (at, drawing.top)]).unwrap_or_default();
    let line = |points, tone, marker| {
        Dataset::default().data(points).style(scene.style(tone)).marker(marker).graph_type(GraphType::Line)
    };
    let mut lines = vec![
        line(target.as_slice(), Tone::Warn, Marker::Custom(strokes.target)),
        line(alert.as_slice(), Tone::Bad, Marker::Custom(strokes.alert)),
        line(switch.as_slice(), Tone::Chosen, Marker::Custom(strokes.switch)),
    ];
    lines.extend(drawing.total.iter().map(|points| line(points.as_slice(), Tone::Strong, strokes.value)));
    for (colour, pieces) in &drawing.colours {
        let marker = scene.glyphs().side(*colour).chars().next().map_or(Marker::Dot, Marker::Custom);
        lines.extend(pieces.iter().map(|points| line(points.as_slice(), Tone::Side(*colour), marker)));
    }
    chart(scene, track.signal.unit, drawing.top, lines).render(below, buffer);
    if !scene.look.unicode {
        plain_axes(below, buffer);
    }
}

/// The axes in ASCII: the widget has them in one form only.
fn plain_axes(area: Rect, buffer: &mut Buffer) {
    for position in area.positions() {
        let Some(cell) = buffer.cell_mut(position) else { continue };
        match cell.symbol() {
            "│" => cell.set_char('|'),
            "─" => cell.set_char('-'),
            "└" => cell.set_char('+'),
            _ => cell,
        };
    }
}

fn chart<'d>(scene: &Scene<'_>, unit: Unit, top: f64, lines: Vec<Dataset<'d>>) -> Chart<'d> {
    let dim = scene.style(Tone::Dim);
    let time = |minutes| {
        let ago = SignedDuration::from_mins(minutes);
        scene.room.now.wall.checked_sub(ago).map(|at| words::clock(scene.room, at)).unwrap_or_default()
    };
    let times = WRITTEN.map(|minutes| Span::styled(time(minutes), dim));
    let values = [0.0, top / 2.0, top].map(|value| Span::styled(unit.show(value), dim));
    Chart::new(lines)
        .legend_position(None)
        .x_axis(Axis::default().bounds([-MINUTES, 0.0]).labels(times).style(dim))
        .y_axis(Axis::default().bounds([0.0, top]).labels(values).style(dim))
}

/// What is drawn and how: `error rate 0.31 %  ╌ target 1 %  ━ alert 5 %  │ switch 22:10`.
fn legend(
    scene: &Scene<'_>,
    track: &Track,
    drawing: &Drawing,
    strokes: &Strokes,
    width: usize,
) -> Vec<Line<'static>> {
    let signal = &track.signal;
    let newest = track.judged(scene.room.world.cluster.active()).newest();
    let value = row::figure(track, newest.and_then(|(_, sample)| sample.reading.number()));
    let name = match drawing.is_empty() {
        true => format!("{}: no value in the last hour", signal.words),
        false => format!("{} {value}", signal.words),
    };
    let target = drawing.target.map(|value| format!("{} target {}", strokes.target, signal.unit.show(value)));
    let far = if drawing.alert_is_far { ", far above" } else { "" };
    let alert =
        drawing.alert.map(|value| format!("{} alert {}{far}", strokes.alert, signal.unit.show(value)));
    let switched = scene.room.switched.as_ref().filter(|_| drawing.switch.is_some());
    let switch = switched
        .map(|switched| format!("{} switch {}", strokes.switch, words::clock(scene.room, switched.at)));
    let side = |colour: Colour| format!("{} {}", scene.glyphs().side(colour), colour.label());
    let colours = drawing.colours.iter().map(|(colour, _)| side(*colour));
    let parts = [Some(name), target, alert, switch].into_iter().flatten().chain(colours);
    packed(parts, "  ", width.saturating_sub(1))
        .into_iter()
        .map(|row| {
            let words = fit(&format!(" {row}"), width, scene.look);
            Line::from(Span::styled(words, scene.style(Tone::Strong)))
        })
        .collect()
}

/// The values of the last hour, cut where there is a gap.
fn pieces(history: &History, now: Timestamp) -> Vec<Points> {
    let mut pieces: Vec<Points> = Vec::new();
    let mut before: Option<Timestamp> = None;
    for point in history.points().iter().filter(|point| now.duration_since(point.at) <= SHOWN) {
        let place = (minutes(point.at, now), point.value.max(0.0));
        match pieces.last_mut() {
            Some(piece) if before.is_some_and(|before| point.at.duration_since(before) <= GAP) => {
                piece.push(place);
            }
            _ => pieces.push(vec![place]),
        }
        before = Some(point.at);
    }
    pieces
}

fn minutes(at: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(at).as_secs_f64() / -60.0
}

/// What is aimed at and what is bad, where they are fixed.
fn thresholds(track: &Track) -> (Option<f64>, Option<f64>) {
    match track.signal.rule {
        Rule::Above { target, alert } => (Some(target), Some(alert)),
        Rule::Drop { most } => (None, track.before().map(|before| before * (1.0 - most))),
        Rule::Maximum { near, .. } => (None, row::maximum(track).map(|maximum| maximum * near)),
        Rule::Limit { alert, .. } => (None, Some(alert)),
    }
}

/// The next round value that is not below `value`.
fn end_of_scale(unit: Unit, value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let base: f64 = if unit == Unit::Bytes { 1024.0 } else { 1.0 };
    let scale = if base > 1.0 { base.powf(value.log(base).floor().max(0.0)) } else { 1.0 };
    let figure = value / scale;
    let tens = 10_f64.powf(figure.log10().floor());
    let end = ENDS.into_iter().find(|end| end * tens >= figure).unwrap_or(10.0);
    end * tens * scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::moment::Moment;
    use crate::sop::signal::{Point, Reading, Sample};

    #[test]
    fn a_scale_ends_at_a_round_value() {
        let cases = [
            (Unit::Share, 0.0525, 0.06),
            (Unit::Share, 0.84, 1.0),
            (Unit::Milliseconds, 1_050.0, 1_200.0),
            (Unit::PerSecond, 1_095.0, 1_200.0),
            (Unit::Count, 94.5, 100.0),
            (Unit::Bytes, 3.0 * 1_048_576.0, 3.0 * 1_048_576.0),
            (Unit::Count, 0.0, 1.0),
            (Unit::Count, f64::NAN, 1.0),
        ];
        for (unit, value, end) in cases {
            let found = end_of_scale(unit, value);
            assert!((found - end).abs() < end * 1e-9, "{value}: {found}, not {end}");
        }
    }

    #[test]
    fn a_line_is_cut_where_nothing_was_measured() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut history = History::default();
        let past: Vec<Point> =
            [0, 4_000, 4_100, 4_300, 4_330].map(|second| Point { at: at(second), value: 1.0 }).to_vec();
        history.load(&past);
        history.push(
            Sample::new(at(4_400), Reading::Value(-1.0)),
            Moment { uptime: std::time::Duration::ZERO, wall: at(4_400) },
        );
        let pieces = pieces(&history, at(4_400));
        let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 3], "an hour ago is left out, 200 s are a gap");
        assert_eq!(pieces[1].last(), Some(&(-0.0, 0.0)));
    }
}
