//! One signal in a row: `error rate  0.31 %  < 1 %  > 5 %  ▁▁▁▂│▁▁▁  ✓ PASS`.

use ratatui::text::{Line, Span};

use super::history;
use super::packed;
use crate::sop::colour::Colour;
use crate::sop::signal::{Rule, Signal, Track, Unit};
use crate::sop::verdict::{Judged, Verdict};
use crate::ui::scene::Scene;
use crate::ui::text::{columns, fit, padded};
use crate::ui::theme::{Tone, verdict_tone};

/// Widest name that is shown whole.
const NAME: usize = 20;
/// Columns of a figure at least, so that a digit more moves nothing: `1,000 ms`.
const FIGURE: usize = 9;
/// Width from which on thresholds are written out.
const LONG_FROM: usize = 80;
/// Columns of what was before the switch and a week ago, and the widths from which on
/// they have some.
const WAS: usize = 14;
const WAS_FROM: usize = 66;
const WEEK: usize = 16;
const WEEK_FROM: usize = 100;

/// How wide each column is: the same in all rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub(super) width: usize,
    name: usize,
    figure: usize,
    thresholds: usize,
    was: usize,
    week: usize,
    spark: usize,
    verdict: usize,
}

impl Columns {
    /// Columns that hold what there is; the last hour has what they leave.
    pub(super) fn new(scene: &Scene<'_>, width: usize) -> Self {
        let tracks = || scene.room.metrics.tracks.iter();
        let widest =
            |of: &dyn Fn(&Track) -> String| tracks().map(|track| columns(&of(track))).max().unwrap_or(0);
        let judged = || scene.room.assessed.signals.iter();
        let figures = tracks().zip(judged()).map(|(track, judged)| columns(&figure(track, judged.value)));
        let has_week = width >= WEEK_FROM && tracks().any(|track| week_ago(track).is_some());
        let has_was = width >= WAS_FROM && tracks().any(|track| track.before().is_some());
        let mut sized = Self {
            width,
            name: widest(&|track| track.signal.words.clone()).min(NAME),
            figure: figures.max().unwrap_or(0).max(FIGURE),
            thresholds: widest(&|track| thresholds(&track.signal, maximum(track), width >= LONG_FROM)),
            was: if has_was { WAS } else { 0 },
            week: if has_week { WEEK } else { 0 },
            spark: 0,
            verdict: judged().map(|judged| columns(&verdict(scene, judged.verdict))).max().unwrap_or(0),
        };
        // The verdict is never cut off: rather the name is.
        let too_wide = sized.fixed().saturating_sub(width);
        sized.name = sized.name.saturating_sub(too_wide);
        sized.spark = width.saturating_sub(sized.fixed());
        sized
    }

    /// The same columns with nothing in that of the last hour.
    pub(super) const fn without_history(self) -> Self {
        Self { spark: 0, ..self }
    }

    /// All but the last hour, with the gaps between them.
    const fn fixed(&self) -> usize {
        1 + self.name + 1 + self.figure + 2 + self.thresholds + 1 + self.was + self.week + 1 + self.verdict
    }

    pub(super) fn signal(
        &self,
        scene: &Scene<'_>,
        track: &Track,
        judged: &Judged,
        chosen: bool,
    ) -> Line<'static> {
        let signal = &track.signal;
        let dim = scene.style(Tone::Dim);
        let pad = |words: &str, width| padded(words, width, scene.look);
        let known = !matches!(judged.verdict, Verdict::NoData | Verdict::Stale);
        let figure = format!(" {:>width$}  ", figure(track, judged.value), width = self.figure);
        let long = self.width >= LONG_FROM;
        let was = track.before().map(|value| format!("was {}", signal.unit.show(value))).unwrap_or_default();
        let week =
            week_ago(track).map(|value| format!("week {}", signal.unit.show(value))).unwrap_or_default();
        let history = track.judged(scene.room.world.cluster.active());
        let verdict = verdict(scene, judged.verdict);
        let gap = 1 + self.verdict.saturating_sub(columns(&verdict));
        Line::from(vec![
            Span::styled(if chosen { scene.glyphs().chosen } else { " " }, scene.style(Tone::Chosen)),
            Span::styled(pad(&signal.words, self.name), scene.style(Tone::Strong)),
            Span::styled(figure, scene.style(if known { Tone::Plain } else { Tone::Dim })),
            Span::styled(pad(&thresholds(signal, maximum(track), long), self.thresholds + 1), dim),
            Span::styled(pad(&was, self.was), dim),
            Span::styled(pad(&week, self.week), dim),
            Span::raw(history::spark(scene, history, self.spark)),
            Span::raw(" ".repeat(gap)),
            Span::styled(verdict, scene.style(verdict_tone(judged.verdict))),
        ])
    }

    /// What was before, where no column has it: of what is compared with it always, of
    /// the others when `wanted`.
    pub(super) fn before(&self, scene: &Scene<'_>, track: &Track, wanted: bool) -> Vec<Line<'static>> {
        if !wanted && !matches!(track.signal.rule, Rule::Drop { .. }) {
            return Vec::new();
        }
        let show = |value: f64| track.signal.unit.show(value);
        let was = track.before().filter(|_| self.was == 0);
        let week = week_ago(track).filter(|_| self.week == 0);
        let parts = [
            was.map(|value| format!("was {}", show(value))),
            week.map(|value| format!("a week ago {}", show(value))),
        ];
        let between = format!(" {} ", scene.glyphs().dot);
        let rows = packed(parts.into_iter().flatten(), &between, self.width.saturating_sub(4));
        rows.into_iter()
            .map(|row| Line::from(Span::styled(format!("    {row}"), scene.style(Tone::Dim))))
            .collect()
    }

    /// A row for each colour, where the source tells them apart.
    pub(super) fn colours(&self, scene: &Scene<'_>, track: &Track) -> Vec<Line<'static>> {
        let row = |colour: Colour| {
            let history = &track.colours[colour];
            let (at, sample) = history.newest()?;
            let old = scene.room.now.since(*at) > track.signal.stale_after;
            let value = sample.reading.number().filter(|_| !old);
            let value = value.map_or_else(|| "?".to_owned(), |value| track.signal.unit.show(value));
            let name = format!("  {} {}", scene.glyphs().side(colour), colour.label());
            let name = padded(&name, 1 + self.name, scene.look);
            let figure = format!(" {value:>width$}  ", width = self.figure);
            let between = " ".repeat(self.thresholds + 1 + self.was + self.week);
            Some(Line::from(vec![
                Span::styled(name, scene.style(Tone::Side(colour))),
                Span::raw(fit(&figure, self.figure + 3, scene.look)),
                Span::raw(between),
                Span::raw(history::spark(scene, history, self.spark)),
            ]))
        };
        Colour::ALL.into_iter().filter_map(row).collect()
    }
}

fn verdict(scene: &Scene<'_>, verdict: Verdict) -> String {
    format!("{} {}", scene.glyphs().verdict(verdict), verdict.word())
}

/// The value, and what can be reached at most where that is known: `40/100`.
pub(super) fn figure(track: &Track, value: Option<f64>) -> String {
    let unit = track.signal.unit;
    let Some(value) = value else { return "?".to_owned() };
    match maximum(track).filter(|_| unit == Unit::Count) {
        Some(maximum) => format!("{}/{}", unit.show(value), unit.show(maximum)),
        None => unit.show(value),
    }
}

/// What can be reached at most, where the rule asks for it and it is known.
pub(super) fn maximum(track: &Track) -> Option<f64> {
    let Rule::Maximum { maximum, .. } = track.signal.rule else { return None };
    let measured = track.total.newest().and_then(|(_, sample)| sample.maximum);
    measured.or(maximum).filter(|maximum| maximum.is_finite() && *maximum > 0.0)
}

fn week_ago(track: &Track) -> Option<f64> {
    let (_, sample) = track.total.newest()?;
    sample.week_ago.filter(|value| value.is_finite())
}

/// What is aimed at and what is bad: `< 1 %  > 5 %`, in short `<1 >5 %`.
fn thresholds(signal: &Signal, maximum: Option<f64>, long: bool) -> String {
    let unit = signal.unit;
    let share = |value: f64| Unit::Share.show(value);
    match (signal.rule, maximum) {
        (Rule::Above { target, alert }, _) if long => {
            format!("< {}  > {}", unit.show(target), unit.show(alert))
        }
        (Rule::Above { target, alert }, _) => short(unit, target, alert),
        (Rule::Drop { most }, _) if long => format!("drop > {}", share(most)),
        (Rule::Drop { most }, _) => format!("drop >{}", share(most)),
        (Rule::Maximum { near, .. }, Some(maximum)) if long => format!("> {}", unit.show(near * maximum)),
        (Rule::Maximum { near, .. }, Some(maximum)) => format!(">{}", unit.show(near * maximum)),
        (Rule::Maximum { near, .. }, None) if long => format!("> {} of the maximum", share(near)),
        (Rule::Maximum { near, .. }, None) => format!(">{} max", share(near)),
        (Rule::Limit { alert, .. }, _) if long => format!("> {}", unit.show(alert)),
        (Rule::Limit { alert, .. }, _) => format!(">{}", unit.show(alert)),
    }
}

/// Two values with their unit written once.
fn short(unit: Unit, target: f64, alert: f64) -> String {
    if unit == Unit::Milliseconds && alert >= 1_000.0 {
        return format!("<{} >{} s", target / 1_000.0, alert / 1_000.0);
    }
    let (low, high) = (unit.show(target), unit.show(alert));
    match (low.rsplit_once(' '), high.rsplit_once(' ')) {
        (Some((figure, one)), Some((_, other))) if one == other => format!("<{figure} >{high}"),
        _ => format!("<{low} >{high}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_there_in_full_and_in_short() {
        let said = |signal: &Signal, maximum| [true, false].map(|long| thresholds(signal, maximum, long));
        assert_eq!(said(&Signal::error_rate(), None), ["< 1 %  > 5 %", "<1 >5 %"]);
        assert_eq!(said(&Signal::p95(), None), ["< 500 ms  > 1,000 ms", "<0.5 >1 s"]);
        assert_eq!(said(&Signal::requests(), None), ["drop > 30 %", "drop >30 %"]);
        assert_eq!(said(&Signal::connections(None), Some(100.0)), ["> 90", ">90"]);
        assert_eq!(said(&Signal::connections(None), None), ["> 90 % of the maximum", ">90 % max"]);
        assert_eq!(said(&Signal::memory(), None), ["> 80 %", ">80 %"]);
        assert_eq!(short(Unit::Milliseconds, 200.0, 400.0), "<200 >400 ms");
        assert_eq!(short(Unit::Bytes, 1024.0, 1_048_576.0), "<1 KiB >1 MiB");
        assert_eq!(short(Unit::Count, 5.0, 9.0), "<5 >9");
    }
}
