//! One sample, graded by its signal's rule.

use jiff::Timestamp;

use super::counters::unseen_errors;
use crate::sop::moment::Moment;
use crate::sop::signal::{History, Reading, Rule, Sample, Signal, Unit};

/// A share of errors from which on nothing works any more.
const ALL_FAIL: f64 = 0.95;
/// What is left of the requests when none are served any more.
const NONE_LEFT: f64 = 0.01;
/// A drop of less than this many requests a second is noise.
const FEW_REQUESTS: f64 = 0.5;
/// A change of less than this many connections is noise.
const FEW_CONNECTIONS: f64 = 5.0;

/// What a signal is judged against, besides its own samples.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub now: Moment,
    /// When the traffic last moved: what was measured before says nothing about now.
    pub switched: Option<Timestamp>,
    /// The value before the switch.
    pub before: Option<f64>,
}

/// What one sample says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    Good,
    Warn,
    Bad,
    /// Nothing works any more: no second sample is waited for.
    Outage,
    /// It says nothing.
    Nothing,
}

impl Grade {
    /// Whether it counts towards a fail.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Bad | Self::Outage)
    }
}

/// A grade with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graded {
    pub grade: Grade,
    /// `6.2 % > 5 %`; for what is good, the value.
    pub words: String,
    /// `, 1,240 requests`; empty where the volume does not matter.
    pub volume: String,
}

impl Graded {
    fn new(grade: Grade, words: impl Into<String>) -> Self {
        Self { grade, words: words.into(), volume: String::new() }
    }
}

/// Grades one sample of a signal, in the light of the others in its history.
#[must_use]
pub fn grade(signal: &Signal, sample: &Sample, history: &History, context: &Context) -> Graded {
    let (value, warnings) = match &sample.reading {
        Reading::Value(value) => (*value, None),
        Reading::Partial { value, warnings } => (*value, Some(warnings)),
        Reading::NoData(why) | Reading::Failed(why) => return Graded::new(Grade::Nothing, why),
    };
    if !value.is_finite() {
        return Graded::new(Grade::Nothing, format!("the query answered {value}"));
    }
    if value < 0.0 {
        return Graded::new(Grade::Nothing, format!("{} cannot be", signal.unit.show(value)));
    }
    let volume = match enough(signal, sample) {
        Ok(volume) => volume,
        Err(why) => return Graded::new(Grade::Nothing, why),
    };
    let mut graded = by_rule(signal, sample, value, history, context);
    graded.volume = volume;
    match warnings {
        Some(warnings) if graded.grade < Grade::Bad => {
            Graded { grade: Grade::Warn, words: format!("{}, partial: {warnings}", graded.words), ..graded }
        }
        _ => graded,
    }
}

/// Whether the value rests on enough requests; in words where that matters.
fn enough(signal: &Signal, sample: &Sample) -> Result<String, String> {
    let least = signal.minimum_volume;
    if least == 0 {
        return Ok(String::new());
    }
    let Some(requests) = sample.requests.filter(|requests| requests.is_finite() && *requests >= 0.0) else {
        return Err("of how many requests is not known".into());
    };
    let shown = Unit::Count.show(requests.round());
    if requests.round() < least as f64 {
        return Err(format!("{shown} requests are too few, {least} are needed"));
    }
    Ok(format!(", {shown} requests"))
}

fn by_rule(signal: &Signal, sample: &Sample, value: f64, history: &History, context: &Context) -> Graded {
    match signal.rule {
        Rule::Above { target, alert } => {
            let by_value = above(signal.unit, value, target, alert);
            let unseen = (signal.unit == Unit::Share)
                .then(|| unseen_errors(signal, sample, history, context.switched))
                .flatten()
                .filter(|unseen| unseen.share > value);
            let Some(unseen) = unseen else { return by_value };
            let by_counters = above(signal.unit, unseen.share, target, alert);
            let words = format!(
                "{} ({} errors that rate() does not see)",
                by_counters.words,
                Unit::Count.show(unseen.errors)
            );
            if by_counters.grade > by_value.grade { Graded { words, ..by_counters } } else { by_value }
        }
        Rule::Drop { most } => drop(signal.unit, value, most, sample.week_ago, context),
        Rule::Maximum { near, change, maximum } => {
            let maximum = sample.maximum.or(maximum).filter(|maximum| maximum.is_finite() && *maximum > 0.0);
            of_maximum(signal.unit, value, near, change, maximum, context)
        }
        Rule::Limit { alert, spike } => limit(signal, value, alert, spike, history, context),
    }
}

fn above(unit: Unit, value: f64, target: f64, alert: f64) -> Graded {
    let shown = unit.show(value);
    if unit == Unit::Share && value >= ALL_FAIL && value > alert {
        Graded::new(Grade::Outage, format!("{shown}: next to nothing works"))
    } else if value > alert {
        Graded::new(Grade::Bad, format!("{shown} > {}", unit.show(alert)))
    } else if value > target {
        Graded::new(Grade::Warn, format!("{shown} > {}", unit.show(target)))
    } else {
        Graded::new(Grade::Good, shown)
    }
}

/// The value against the two it should be like. Before a switch there is no "before the
/// switch": then a week ago alone can warn.
fn drop(unit: Unit, value: f64, most: f64, week_ago: Option<f64>, context: &Context) -> Graded {
    let usable = |other: Option<f64>| other.filter(|other| other.is_finite() && *other >= 0.0);
    let before = usable(context.before.filter(|_| context.switched.is_some()));
    let week_ago = usable(week_ago);
    let lost = |other: f64| if other - value < FEW_REQUESTS { 0.0 } else { (other - value) / other };
    let words = |other: f64, when: &str| {
        format!("{:.0} % fewer than the {} {when}", lost(other) * 100.0, unit.show(other))
    };
    let shown = unit.show(value);
    let fell = |other: Option<f64>| other.is_some_and(|other| lost(other) > most);
    match (before, week_ago) {
        (Some(before), Some(week)) if fell(Some(before)) && fell(Some(week)) => {
            let gone = value <= NONE_LEFT * before && value <= NONE_LEFT * week;
            let grade = if gone { Grade::Outage } else { Grade::Bad };
            let (before, week) = (words(before, "before the switch"), words(week, "a week ago"));
            Graded::new(grade, format!("{shown}, {before}, {week}"))
        }
        (Some(before), _) if fell(Some(before)) => {
            let other = if week_ago.is_some() { "not than a week ago" } else { "a week ago is not known" };
            Graded::new(Grade::Warn, format!("{shown}, {}; {other}", words(before, "before the switch")))
        }
        (_, Some(week)) if fell(Some(week)) => {
            Graded::new(Grade::Warn, format!("{shown}, {}", words(week, "a week ago")))
        }
        (None, None) if context.switched.is_some() => {
            Graded::new(Grade::Nothing, format!("{shown}, and nothing to compare it with"))
        }
        _ => Graded::new(Grade::Good, shown),
    }
}

fn of_maximum(
    unit: Unit,
    value: f64,
    near: f64,
    change: f64,
    maximum: Option<f64>,
    context: &Context,
) -> Graded {
    let shown = match maximum {
        Some(maximum) => format!("{} of {}", unit.show(value), unit.show(maximum)),
        None => unit.show(value),
    };
    if let Some(maximum) = maximum.filter(|maximum| value > near * maximum) {
        let used = Unit::Share.show(value / maximum);
        return Graded::new(Grade::Bad, format!("{shown} in use, {used} > {}", Unit::Share.show(near)));
    }
    if let Some(before) = context.before.filter(|before| before.is_finite()) {
        let moved = (value - before).abs();
        if moved > change * before && moved > FEW_CONNECTIONS {
            return Graded::new(Grade::Warn, format!("{shown}, {} before the switch", unit.show(before)));
        }
    }
    Graded::new(Grade::Good, shown)
}

fn limit(
    signal: &Signal,
    value: f64,
    alert: f64,
    spike: f64,
    history: &History,
    context: &Context,
) -> Graded {
    let unit = signal.unit;
    let shown = unit.show(value);
    if value > alert {
        return Graded::new(Grade::Bad, format!("{shown} > {}", unit.show(alert)));
    }
    let before = context.before.filter(|before| before.is_finite() && value - before > spike);
    if let Some(before) = before {
        return Graded::new(Grade::Warn, format!("{shown}, {} before the switch", unit.show(before)));
    }
    match super::counters::minutes_to_limit(history, context.switched, value) {
        Some(minutes) => {
            Graded::new(Grade::Warn, format!("{shown} and growing: full in about {minutes:.0} min"))
        }
        None => Graded::new(Grade::Good, shown),
    }
}
