//! `[metrics]`: Prometheus, and the signals that are watched there.

use std::time::Duration;

use toml::de::DeValue;

use super::presets::{self, Preset, PresetQueries};
use super::reader::{Found, Table};
use super::template::{self, expand};
use super::types::{Kubernetes, Metrics, Queries, WatchedSignal};
use super::{Origin, endpoint, values};
use crate::sop::signal::{Rule, Signal, SignalId, Unit};

const SECOND: Duration = Duration::from_secs(1);
/// Most signals: each is asked for every few seconds.
const MOST: usize = 24;

/// Reads the table; `None` without a URL, or where something is wrong.
pub(super) fn read(table: &Table<'_>, origin: &Origin, kubernetes: Option<&Kubernetes>) -> Option<Metrics> {
    let endpoint = endpoint::read(table, "url", origin);
    let interval = table.duration("interval", 5 * SECOND, SECOND..=60 * SECOND);
    let window = table.duration("window", 60 * SECOND, 5 * SECOND..=3600 * SECOND);
    let dashboard = table.text("dashboard", &values::LINK);
    let preset = preset(table);
    let common = Common { preset, kubernetes, interval, window };
    let named = table.each("signals", |table| signal(table, &common));
    let signals = in_order(table, &common, named.unwrap_or_default());
    Some(Metrics { endpoint: endpoint?, interval, dashboard, signals })
}

/// What all signals have in common.
struct Common<'k> {
    preset: Preset,
    /// `None` where the names could not be read: a mistake that is told already.
    kubernetes: Option<&'k Kubernetes>,
    interval: Duration,
    window: Duration,
}

fn preset(table: &Table<'_>) -> Preset {
    let default = presets::names().next().unwrap_or_default();
    let name = table.text("preset", &values::PRESET).unwrap_or_else(|| default.to_owned());
    presets::preset(&name).unwrap_or_default()
}

/// One entry of `signals`: which signal, and what becomes of it.
struct Entry {
    id: String,
    /// `None`: it is not wanted, or something is wrong with it.
    watched: Option<WatchedSignal>,
}

/// The procedure's five in its order, each as the file changes it, then the file's own.
fn in_order(table: &Table<'_>, common: &Common<'_>, entries: Vec<Option<Entry>>) -> Vec<WatchedSignal> {
    let mut entries: Vec<Entry> = entries.into_iter().flatten().collect();
    for (place, entry) in entries.iter().enumerate() {
        if entries[..place].iter().any(|before| before.id == entry.id) {
            table.blame(
                "signals",
                format!("expected each signal once: `{}` stands there twice", entry.id),
                None,
            );
        }
    }
    let mut signals = Vec::new();
    for shipped in Signal::shipped() {
        match entries.iter().position(|entry| entry.id == shipped.id.as_str()) {
            Some(place) => signals.extend(entries.remove(place).watched),
            None => signals.extend(as_shipped(shipped, common)),
        }
    }
    signals.extend(entries.into_iter().filter_map(|entry| entry.watched));
    if signals.len() > MOST {
        table.blame("signals", format!("expected at most {MOST} signals"), None);
        signals.truncate(MOST);
    }
    signals
}

fn as_shipped(signal: Signal, common: &Common<'_>) -> Option<WatchedSignal> {
    let texts = common.preset.get(signal.id.as_str())?;
    let queries = queries(texts, common.kubernetes?, common.window);
    Some(WatchedSignal { signal: timed(signal, common), queries })
}

fn timed(signal: Signal, common: &Common<'_>) -> Signal {
    let stale_after = signal.stale_after.max(4 * common.interval);
    Signal { every: common.interval, window: common.window, stale_after, ..signal }
}

fn queries(texts: &PresetQueries, kubernetes: &Kubernetes, window: Duration) -> Queries {
    let asked = |text: &Option<String>| text.as_ref().map(|text| expand(text, kubernetes, window));
    Queries {
        value: expand(&texts.query, kubernetes, window),
        volume: asked(&texts.volume_query),
        bad: asked(&texts.bad_query),
        all: asked(&texts.all_query),
        maximum: asked(&texts.maximum_query),
    }
}

fn signal(table: &Table<'_>, common: &Common<'_>) -> Option<Entry> {
    let id = table.required("id", &values::LABEL);
    let shipped =
        id.as_ref().and_then(|id| Signal::shipped().into_iter().find(|known| known.id.as_str() == id));
    let enabled = table.flag("enabled", true);
    let (own, unit) = (shipped.is_none(), unit(table, shipped.as_ref()));
    let before = shipped.unwrap_or_else(|| new(id.as_deref().unwrap_or_default(), unit));
    let rule = rule(table, &before, unit, own);
    let stale_after = timed(before.clone(), common).stale_after;
    let signal = Signal {
        words: table.text("name", &values::TEXT).unwrap_or_else(|| before.words.clone()),
        unit,
        rule,
        minimum_volume: table.number("minimum_volume", before.minimum_volume, 0..=1_000_000_000),
        consecutive: table.number("consecutive", before.consecutive, 1..=60),
        stale_after: table.duration("stale_after", stale_after, 2 * common.interval..=3600 * SECOND),
        trigger: table.flag("trigger", before.trigger),
        needed: table.flag("needed", before.needed),
        every: common.interval,
        window: common.window,
        id: before.id,
    };
    let texts = texts(table, id.as_deref(), common);
    if signal.minimum_volume > 0 && texts.as_ref().is_some_and(|texts| texts.volume_query.is_none()) {
        let what = "expected volume_query beside it: the number of requests within the window";
        table.blame("minimum_volume", what, None);
    }
    let queries = texts.zip(common.kubernetes).map(|(texts, names)| queries(&texts, names, common.window));
    let watched = queries.filter(|_| enabled).map(|queries| WatchedSignal { signal, queries });
    Some(Entry { id: id?, watched })
}

/// A signal of the team's own, before its table is read.
fn new(id: &str, unit: Unit) -> Signal {
    Signal {
        id: SignalId::from(id),
        words: id.replace('-', " "),
        unit,
        rule: Rule::Above { target: 0.0, alert: 0.0 },
        minimum_volume: 0,
        trigger: false,
        needed: false,
        ..Signal::memory()
    }
}

fn unit(table: &Table<'_>, shipped: Option<&Signal>) -> Unit {
    let default = shipped.map_or(Unit::Count, |signal| signal.unit);
    table.text("unit", &values::UNIT).unwrap_or(default)
}

/// The texts of a signal: the file's, else the preset's.
fn texts(table: &Table<'_>, id: Option<&str>, common: &Common<'_>) -> Option<PresetQueries> {
    let preset = id.and_then(|id| common.preset.get(id)).cloned();
    let query = |key| table.find(key).and_then(|found| query(table, &found));
    let value = match preset {
        Some(_) => query("query"),
        None => {
            // Asked for even where something else is wrong: its keys are known then.
            table.required("query", &values::QUERY);
            query("query")
        }
    };
    let (volume, bad, all, maximum) =
        (query("volume_query"), query("bad_query"), query("all_query"), query("maximum_query"));
    let preset = preset.unwrap_or_default();
    // A query of one's own is another population: the preset's counts do not belong to it.
    let kept = |text: Option<String>| if value.is_some() { None } else { text };
    let texts = PresetQueries {
        volume_query: volume.or_else(|| kept(preset.volume_query.clone())),
        bad_query: bad.or_else(|| kept(preset.bad_query.clone())),
        all_query: all.or_else(|| kept(preset.all_query.clone())),
        maximum_query: maximum.or_else(|| kept(preset.maximum_query.clone())),
        query: value.unwrap_or(preset.query),
    };
    Some(texts).filter(|texts| !texts.query.is_empty())
}

fn query(table: &Table<'_>, found: &Found<'_>) -> Option<String> {
    let text = table.parse(found, &values::QUERY)?;
    if let Some((name, near)) = template::unknown(&text) {
        let known = format!("known: {}", template::all());
        let help =
            near.map_or_else(|| known.clone(), |near| format!("did you mean `{{{{{near}}}}}`? {known}"));
        let what = format!("there is no placeholder `{{{{{}}}}}`", super::source::printable(name));
        table.note(found.mistake(what, Some(help)));
        return None;
    }
    Some(text)
}

/// The thresholds of each rule.
const ABOVE: [&str; 2] = ["target", "alert"];
const DROP: [&str; 1] = ["drop"];
const MAXIMUM: [&str; 3] = ["near", "change", "maximum"];
const LIMIT: [&str; 2] = ["alert", "spike"];
const THRESHOLDS: [&str; 7] = ["target", "alert", "drop", "near", "change", "maximum", "spike"];

/// The rule and its thresholds: what the file says, else what it was before.
fn rule(table: &Table<'_>, before: &Signal, unit: Unit, own: bool) -> Rule {
    let kind = table.text("rule", &values::RULE).unwrap_or(match before.rule {
        Rule::Above { .. } => "above",
        Rule::Drop { .. } => "drop",
        Rule::Maximum { .. } => "maximum",
        Rule::Limit { .. } => "limit",
    });
    let amount = |key, default: Option<f64>| amount(table, key, unit).or(default);
    let share = |key, default: f64| amount_of(table, key, Unit::Share).unwrap_or(default);
    let (rule, allowed): (Rule, &[&str]) = match (kind, before.rule) {
        ("drop", before) => {
            let most = if let Rule::Drop { most } = before { most } else { 0.30 };
            (Rule::Drop { most: share("drop", most) }, &DROP)
        }
        ("maximum", before) => {
            let (near, change, maximum) = match before {
                Rule::Maximum { near, change, maximum } => (near, change, maximum),
                _ => (0.90, 0.50, None),
            };
            let maximum = amount("maximum", maximum);
            (Rule::Maximum { near: share("near", near), change: share("change", change), maximum }, &MAXIMUM)
        }
        ("limit", before) => {
            let (alert, spike) = match before {
                Rule::Limit { alert, spike } => (Some(alert), spike),
                _ => (None, 0.15),
            };
            (
                Rule::Limit {
                    alert: needed(table, "alert", amount("alert", alert), unit),
                    spike: share("spike", spike),
                },
                &LIMIT,
            )
        }
        (_, Rule::Above { target, alert }) if !own => {
            let (target, alert) = (amount("target", Some(target)), amount("alert", Some(alert)));
            (above(table, target.unwrap_or_default(), alert.unwrap_or_default()), &ABOVE)
        }
        _ => {
            let (target, alert) = (amount("target", None), amount("alert", None));
            let (target, alert) =
                (needed(table, "target", target, unit), needed(table, "alert", alert, unit));
            (above(table, target, alert), &ABOVE)
        }
    };
    for key in THRESHOLDS.into_iter().filter(|key| !allowed.contains(key)) {
        if table.find(key).is_some() {
            table.blame(
                key,
                format!("the rule \"{kind}\" has no such threshold"),
                Some(format!("it has: {}", allowed.join(", "))),
            );
        }
    }
    rule
}

fn above(table: &Table<'_>, target: f64, alert: f64) -> Rule {
    if alert < target {
        table.blame("alert", "expected at least the target: what is bad must be worse than what warns", None);
    }
    Rule::Above { target, alert }
}

fn needed(table: &Table<'_>, key: &'static str, amount: Option<f64>, unit: Unit) -> f64 {
    if amount.is_none() && table.find(key).is_none() {
        table.blame(
            key,
            format!("missing: expected {}", expected(unit)),
            Some(format!("write `{key} = …` in this table")),
        );
    }
    amount.unwrap_or_default()
}

fn amount(table: &Table<'_>, key: &'static str, unit: Unit) -> Option<f64> {
    amount_of(table, key, unit)
}

/// A threshold in a unit: `"5%"`, `"500ms"`, `"512MiB"`, or a bare number of what is counted.
fn amount_of(table: &Table<'_>, key: &'static str, unit: Unit) -> Option<f64> {
    let found = table.find(key)?;
    let amount = match (unit, found.value) {
        (Unit::Share, DeValue::String(text)) => values::share(text),
        (Unit::Milliseconds, DeValue::String(_)) => {
            return table.parse(&found, &values::DURATION).map(|time| time.as_secs_f64() * 1000.0);
        }
        (Unit::Bytes, DeValue::String(_)) => {
            #[expect(clippy::cast_precision_loss, reason = "a size of memory, to a byte or not")]
            return table.parse(&found, &values::BYTES).map(|bytes| bytes as f64);
        }
        (Unit::Count | Unit::PerSecond, DeValue::Integer(digits)) => digits.as_str().parse().ok(),
        (Unit::Count | Unit::PerSecond, DeValue::Float(digits)) => digits.as_str().parse().ok(),
        _ => None,
    };
    let amount = amount.filter(|amount: &f64| amount.is_finite() && *amount >= 0.0);
    if amount.is_none() {
        table.note(found.mistake(format!("expected {}", expected(unit)), None));
    }
    amount
}

const fn expected(unit: Unit) -> &'static str {
    match unit {
        Unit::Share => "a share such as \"5%\"",
        Unit::Milliseconds => "a duration such as \"500ms\"",
        Unit::Bytes => "a size such as \"512MiB\"",
        Unit::Count | Unit::PerSecond => "a number of 0 or more",
    }
}
