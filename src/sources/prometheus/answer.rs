//! What Prometheus answers, read with care: any JSON may come.
//!
//! The form is that of Prometheus' HTTP API: `status`, `data.resultType`, `data.result`
//! and `warnings`. Values are pairs of a time and a string, `NaN` and `+Inf` among them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::sop::signal::{Point, Reading};
use crate::sources::text::clean;

/// Most series that are looked at: a query for one value that gives more is wrong anyway.
const MOST_SERIES: usize = 1_000;
/// Most values of one series that are taken over.
const MOST_POINTS: usize = 11_000;

/// The answer to a question about one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instant {
    pub series: Vec<Series>,
    /// How many there were, if more than were kept.
    pub count: usize,
    /// What the server says may be missing or wrong; empty: nothing.
    pub warnings: String,
}

/// One series' value at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    /// The server's time.
    pub at: Option<Timestamp>,
    /// May be NaN or infinite; `None`: no number, but for instance a native histogram.
    pub value: Option<f64>,
}

impl Instant {
    /// The reading, where one value is expected.
    #[must_use]
    pub fn reading(&self) -> Reading {
        match (self.count, self.series.first()) {
            (0, _) | (_, None) => Reading::NoData("the query found no series".to_owned()),
            (1, Some(Series { value: None, .. })) => {
                Reading::NoData("the query answered no number: a native histogram?".to_owned())
            }
            (1, Some(Series { value: Some(value), .. })) => match Reading::of(*value) {
                Reading::Value(value) if !self.warnings.is_empty() => {
                    Reading::Partial { value, warnings: self.warnings.clone() }
                }
                reading => reading,
            },
            (count, _) => {
                Reading::NoData(format!("the query found {count} series where one is expected: sum them up"))
            }
        }
    }

    /// The one finite value of a question asked beside the signal's own.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.reading().number()
    }

    /// The server's time, where it tells.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.series.first()?.at
    }
}

/// Reads an answer of `/api/v1/query`.
///
/// # Errors
/// When it is none.
pub(super) fn instant(answer: &Value) -> Result<Instant, String> {
    let data = data(answer)?;
    let (kind, result) = result(data)?;
    let (series, count) = match kind {
        "vector" => {
            let all = result.as_array().ok_or("its vector is no list")?;
            (all.iter().take(MOST_SERIES).map(series).collect(), all.len())
        }
        "scalar" => (vec![pair(result, BTreeMap::new())], 1),
        other => {
            return Err(format!("it answers with a {}, not with a value: check the query", clean(other)));
        }
    };
    Ok(Instant { series, count, warnings: warnings(answer) })
}

/// Reads an answer of `/api/v1/query_range` for one series; empty when there is none.
///
/// # Errors
/// When it is no such answer, or has several series.
pub(super) fn range(answer: &Value) -> Result<Vec<Point>, String> {
    let (kind, result) = result(data(answer)?)?;
    if kind != "matrix" {
        return Err(format!("it answers with a {}, not with values over time", clean(kind)));
    }
    let all = result.as_array().ok_or("its matrix is no list")?;
    let one = match all.as_slice() {
        [] => return Ok(Vec::new()),
        [one] => one,
        several => return Err(format!("the query found {} series where one is expected", several.len())),
    };
    let values = one.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let points = values.iter().take(MOST_POINTS).filter_map(|value| {
        let Series { at, value, .. } = pair(value, BTreeMap::new());
        Some(Point { at: at?, value: value.filter(|value| value.is_finite())? })
    });
    Ok(points.collect())
}

fn data(answer: &Value) -> Result<&Value, String> {
    match answer.get("status").and_then(Value::as_str) {
        Some("success") => answer.get("data").ok_or_else(|| "its answer has no data".to_owned()),
        Some(_) => {
            let why = answer.get("error").and_then(Value::as_str).unwrap_or("it gives no reason");
            Err(clean(why))
        }
        None => Err("its answer is not Prometheus': check the URL".to_owned()),
    }
}

fn result(data: &Value) -> Result<(&str, &Value), String> {
    let kind = data.get("resultType").and_then(Value::as_str).ok_or("its answer does not say what it is")?;
    let result = data.get("result").ok_or("its answer has no result")?;
    Ok((kind, result))
}

fn series(one: &Value) -> Series {
    let labels = one.get("metric").and_then(Value::as_object).into_iter().flatten();
    let labels = labels.filter_map(|(name, value)| Some((clean(name), clean(value.as_str()?)))).collect();
    match one.get("value") {
        Some(value) => pair(value, labels),
        None => Series { labels, at: None, value: None },
    }
}

/// A time and a value: `[1435781451.781, "1"]`.
fn pair(pair: &Value, labels: BTreeMap<String, String>) -> Series {
    let at = pair.get(0).and_then(Value::as_f64).and_then(time);
    let value = match pair.get(1) {
        Some(Value::String(text)) => text.parse().ok(),
        // Not what the API says, but what some proxies make of it.
        Some(Value::Number(number)) => number.as_f64(),
        _ => None,
    };
    Series { labels, at, value }
}

/// Seconds since 1970 with a fraction, to the millisecond.
fn time(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1000.0).round();
    // Beyond this no time is one, and the conversion would not be exact.
    if !millis.is_finite() || millis.abs() > 1e15 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number, and small enough")]
    Timestamp::from_millisecond(millis as i64).ok()
}

/// Warnings mean that the answer may be of a part only; `infos` do not.
fn warnings(answer: &Value) -> String {
    let all = answer.get("warnings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<String> = all.iter().take(3).filter_map(|text| Some(clean(text.as_str()?))).collect();
    if texts.is_empty() && !all.is_empty() { "not told".to_owned() } else { texts.join("; ") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn vector(values: &[&str]) -> Value {
        let result: Vec<Value> = values
            .iter()
            .map(|value| json!({"metric": {"a": "b"}, "value": [1_435_781_451.781, value]}))
            .collect();
        json!({"status": "success", "data": {"resultType": "vector", "result": result}})
    }

    #[test]
    fn one_finite_value_is_one_and_nothing_else_is() {
        let reading = |answer: &Value| instant(answer).unwrap().reading();
        assert_eq!(reading(&vector(&["0.25"])), Reading::Value(0.25));
        for values in [&["NaN"][..], &["+Inf"], &["-Inf"], &["x"], &[], &["1", "2"]] {
            assert!(matches!(reading(&vector(values)), Reading::NoData(_)), "{values:?}");
        }
        let scalar = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "3"]}});
        assert_eq!(reading(&scalar), Reading::Value(3.0));
        assert_eq!(instant(&scalar).unwrap().at(), Timestamp::from_second(1).ok());
    }

    #[test]
    fn warnings_make_a_value_partial_and_infos_do_not() {
        let mut answer = vector(&["1"]);
        answer["infos"] = json!(["PromQL info: metric might not be a counter"]);
        assert_eq!(instant(&answer).unwrap().reading(), Reading::Value(1.0));
        answer["warnings"] = json!(["one store is\u{1b}[2J down"]);
        let warnings = "one store is [2J down".to_owned();
        assert_eq!(instant(&answer).unwrap().reading(), Reading::Partial { value: 1.0, warnings });
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let why = |answer: Value| instant(&answer).unwrap_err();
        assert_eq!(why(json!({"status": "error", "error": "boom"})), "boom");
        assert!(why(json!({"login": "please"})).contains("not Prometheus'"));
        assert!(
            why(json!({"status": "success", "data": {"resultType": "matrix", "result": []}}))
                .contains("matrix")
        );
        assert!(why(json!({"status": "success", "data": []})).contains("does not say"));
    }

    #[test]
    fn values_over_time_are_finite_and_in_their_place() {
        let answer = json!({"status": "success", "data": {"resultType": "matrix", "result": [
            {"metric": {}, "values": [[1, "1"], [2, "NaN"], [1e300, "2"], ["x", "3"], [4, "4"]]}]}});
        let points = range(&answer).unwrap();
        let values: Vec<_> = points.iter().map(|point| (point.at.as_second(), point.value)).collect();
        assert_eq!(values, [(1, 1.0), (4, 4.0)]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let word = prop_oneof![
            Just("status"),
            Just("success"),
            Just("data"),
            Just("resultType"),
            Just("vector"),
            Just("matrix"),
            Just("scalar"),
            Just("result"),
            Just("value"),
            Just("values"),
            Just("metric"),
            Just("warnings"),
            Just("NaN"),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            word.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange(inner in any_json(), kind in "vector|matrix|scalar|string") {
            let _ = instant(&inner);
            let _ = range(&inner);
            let answer = json!({"status": "success", "data": {"resultType": kind, "result": inner}});
            if let Ok(instant) = instant(&answer)
                && let Some(number) = instant.reading().number()
            {
                prop_assert!(number.is_finite() && instant.count == 1);
            }
            if let Ok(points) = range(&answer) {
                prop_assert!(points.iter().all(|point| point.value.is_finite()));
            }
        }
    }
}
