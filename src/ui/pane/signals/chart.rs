//! The chosen signal over the last hour, with axes, thresholds and the switch.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::history::SHOWN;
use crate::sop::signal::{History, Rule, Track};
use crate::ui::scene::Scene;
use crate::ui::theme::Tone;

/// Minutes on the time axis.
const MINUTES: f64 = 60.0;

/// Draws the chart. Its scale begins at 0 and holds the alert line where that is not far
/// beyond what was measured.
pub(super) fn draw(scene: &Scene<'_>, track: &Track, area: Rect, buffer: &mut Buffer) {
    let history = track.judged(scene.room.world.cluster.active());
    let now = scene.room.now.wall;
    let points = points(history, now);
    let (target, alert) = thresholds(track);
    let highest = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let shown = |line: Option<f64>| line.filter(|line| *line <= highest * 4.0 || highest <= 0.0);
    let (target, alert) = (shown(target), shown(alert));
    let top = [Some(highest), target, alert].into_iter().flatten().fold(0.0, f64::max) * 1.1;
    let top = if top > 0.0 { top } else { 1.0 };
    let level = |line: Option<f64>| line.map(|line| vec![(-MINUTES, line), (0.0, line)]).unwrap_or_default();
    let (target, alert) = (level(target), level(alert));
    let switch: Vec<(f64, f64)> = scene
        .room
        .switched
        .as_ref()
        .map(|switched| minutes(switched.at, now))
        .filter(|minutes| (-MINUTES..=0.0).contains(minutes))
        .map(|minutes| vec![(minutes, 0.0), (minutes, top)])
        .unwrap_or_default();
    let unicode = scene.look.unicode;
    let (fine, coarse) =
        if unicode { (Marker::Braille, Marker::Dot) } else { (Marker::Custom('*'), Marker::Custom('-')) };
    let line = |name: &'static str, data, tone, marker| {
        Dataset::default()
            .name(name)
            .data(data)
            .style(scene.style(tone))
            .marker(marker)
            .graph_type(GraphType::Line)
    };
    let upright = if unicode { Marker::Braille } else { Marker::Custom('|') };
    let lines = [
        line("warns", target.as_slice(), Tone::Warn, coarse),
        line("bad", alert.as_slice(), Tone::Bad, coarse),
        line("switch", switch.as_slice(), Tone::Chosen, upright),
        line("now", points.as_slice(), Tone::Strong, fine).graph_type(GraphType::Scatter),
    ];
    let unit = track.signal.unit;
    let label = |words: String| Span::styled(words, scene.style(Tone::Dim));
    let chart = Chart::new(lines.to_vec())
        .legend_position(None)
        .x_axis(
            Axis::default()
                .bounds([-MINUTES, 0.0])
                .labels(["-60 min", "-40", "-20", "now"].map(|words| label(words.to_owned())))
                .style(scene.style(Tone::Dim)),
        )
        .y_axis(
            Axis::default()
                .bounds([0.0, top])
                .labels([0.0, top / 2.0, top].map(|value| label(unit.show(value))))
                .style(scene.style(Tone::Dim)),
        );
    let title = Line::from(Span::styled(format!(" {}", track.signal.words), scene.style(Tone::Strong)));
    buffer.set_line(area.x, area.y, &title, area.width);
    chart.render(Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, buffer);
}

/// Minutes from now, which is 0, and the value; what is older than the axis is left out.
fn points(history: &History, now: Timestamp) -> Vec<(f64, f64)> {
    let recent = history.points().iter().filter(|point| now.duration_since(point.at) <= SHOWN);
    recent.map(|point| (minutes(point.at, now), point.value.max(0.0))).collect()
}

fn minutes(at: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(at).as_secs_f64() / -60.0
}

/// The values that warn and that are bad, where they are fixed.
fn thresholds(track: &Track) -> (Option<f64>, Option<f64>) {
    match track.signal.rule {
        Rule::Above { target, alert } => (Some(target), Some(alert)),
        Rule::Drop { most } => (None, track.before().map(|before| before * (1.0 - most))),
        Rule::Maximum { near, maximum, .. } => {
            let measured = track.total.newest().and_then(|(_, sample)| sample.maximum);
            (None, measured.or(maximum).map(|maximum| maximum * near))
        }
        Rule::Limit { alert, .. } => (None, Some(alert)),
    }
}
