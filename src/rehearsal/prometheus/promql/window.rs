//! Functions of the values of one series within a window.

use crate::rehearsal::prometheus::series::Sample;

/// What a function sees of one series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'s> {
    /// At least one, the oldest first.
    pub(super) samples: &'s [Sample],
    /// Milliseconds.
    pub(super) begin: i64,
    pub(super) end: i64,
}

/// A function of a window; without a value the series falls away.
#[derive(Clone, Copy, Debug)]
pub(super) struct OverTime {
    pub(super) of: fn(&Window<'_>) -> Option<f64>,
    /// Whether what comes of it is still the same series.
    pub(super) keeps_name: bool,
}

/// The function of that name.
pub(super) fn function(name: &str) -> Option<OverTime> {
    let of: fn(&Window<'_>) -> Option<f64> = match name {
        "rate" => |window| extrapolated(window, true).map(|increase| increase / window.seconds()),
        "increase" => |window| extrapolated(window, true),
        "delta" => |window| extrapolated(window, false),
        "irate" => |window| last_two(window, true, true),
        "idelta" => |window| last_two(window, false, false),
        "changes" => |window| Some(count(window, |before, after| !same(before, after))),
        "resets" => |window| Some(count(window, |before, after| after < before)),
        "avg_over_time" => |window| Some(window.values().sum::<f64>() / window.samples.len() as f64),
        "sum_over_time" => |window| Some(window.values().sum()),
        "count_over_time" => |window| Some(window.samples.len() as f64),
        "min_over_time" => |window| {
            window.values().reduce(|least, value| if value < least || least.is_nan() { value } else { least })
        },
        "max_over_time" => |window| {
            window.values().reduce(|most, value| if value > most || most.is_nan() { value } else { most })
        },
        "last_over_time" => |window| window.values().last(),
        "present_over_time" => |_| Some(1.0),
        "stdvar_over_time" => |window| Some(variance(window)),
        "stddev_over_time" => |window| Some(variance(window).sqrt()),
        "deriv" => slope,
        _ => return None,
    };
    Some(OverTime { of, keeps_name: name == "last_over_time" })
}

impl Window<'_> {
    fn seconds(&self) -> f64 {
        (self.end - self.begin) as f64 / 1000.0
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.samples.iter().map(|sample| sample.value)
    }
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn count(window: &Window<'_>, what: impl Fn(f64, f64) -> bool) -> f64 {
    window.samples.windows(2).filter(|pair| what(pair[0].value, pair[1].value)).count() as f64
}

/// The increase within the whole window, as `extrapolatedRate` of Prometheus works it
/// out: between the first and the last sample, with resets of counters made good, and
/// extended to the window's ends as far as samples can be expected there, a counter
/// never to below 0.
fn extrapolated(window: &Window<'_>, counter: bool) -> Option<f64> {
    let [first, .., last] = window.samples else { return None };
    let mut increase = last.value - first.value;
    if counter {
        let resets = window.samples.windows(2).filter(|pair| pair[1].value < pair[0].value);
        increase += resets.map(|pair| pair[0].value).sum::<f64>();
    }
    let seconds = |millis: i64| millis as f64 / 1000.0;
    let mut to_begin = seconds(first.at - window.begin);
    let to_end = seconds(window.end - last.at);
    let sampled = seconds(last.at - first.at);
    let between = sampled / (window.samples.len() - 1) as f64;
    if counter && increase > 0.0 && first.value >= 0.0 {
        to_begin = to_begin.min(sampled * (first.value / increase));
    }
    let expected = between * 1.1;
    let reach = |gap: f64| if gap < expected { gap } else { between / 2.0 };
    Some(increase * ((sampled + reach(to_begin) + reach(to_end)) / sampled))
}

/// The difference of the last two samples, for a rate by the time between them.
fn last_two(window: &Window<'_>, counter: bool, rate: bool) -> Option<f64> {
    let [.., before, last] = window.samples else { return None };
    let difference =
        if counter && last.value < before.value { last.value } else { last.value - before.value };
    let seconds = (last.at - before.at) as f64 / 1000.0;
    match rate {
        true if seconds == 0.0 => None,
        true => Some(difference / seconds),
        false => Some(difference),
    }
}

fn variance(window: &Window<'_>) -> f64 {
    let count = window.samples.len() as f64;
    let mean = window.values().sum::<f64>() / count;
    window.values().map(|value| (value - mean).powi(2)).sum::<f64>() / count
}

/// The slope of the line through the samples, by least squares.
fn slope(window: &Window<'_>) -> Option<f64> {
    let [first, _, ..] = window.samples else { return None };
    let count = window.samples.len() as f64;
    let points =
        || window.samples.iter().map(|sample| ((sample.at - first.at) as f64 / 1000.0, sample.value));
    let (x, y) = points().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (xy, xx) =
        points().fold((0.0, 0.0), |(xy, xx), point| (xy + point.0 * point.1, xx + point.0 * point.0));
    Some((xy - x * y / count) / (xx - x * x / count))
}
