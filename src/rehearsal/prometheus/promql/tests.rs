//! What is worked out by hand here is held against a real Prometheus by the live tests.

use super::*;
use crate::rehearsal::prometheus::series::{NAME, Sample};
use crate::rehearsal::prometheus::store::Selector;

fn instant(source: &impl Source, text: &str, at: i64) -> Result<Value, QueryError> {
    super::instant(source, &Query::parse(text)?, at)
}

fn range(source: &impl Source, text: &str, times: Times) -> Result<Vec<Series>, QueryError> {
    super::range(source, &Query::parse(text)?, times)
}

/// Series whose samples are ten seconds apart, from 0 on; `None`: a stale marker.
struct Fixture(Vec<Series>);

impl Source for Fixture {
    fn select(&self, matchers: &Selector, from: i64, to: i64) -> Vec<Series> {
        let matching = self.0.iter().filter(|series| matchers.matches(&series.labels));
        let cut = matching.map(|series| Series {
            labels: series.labels.clone(),
            samples: series
                .samples
                .iter()
                .filter(|sample| (from..=to).contains(&sample.at))
                .copied()
                .collect(),
        });
        cut.collect()
    }
}

fn labels(text: &str) -> Labels {
    let (name, rest) = text.split_once('{').unwrap_or((text, ""));
    let pairs = rest.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
    pairs.fold(Labels::default().with(NAME, name), |labels, (name, value)| labels.with(name, value))
}

fn fixture(series: &[(&str, &[Option<f64>])]) -> Fixture {
    let one = |(text, values): &(&str, &[Option<f64>])| {
        let sample = |(place, value): (usize, &Option<f64>)| {
            let at = i64::try_from(place).unwrap() * 10_000;
            value.map_or(Sample::stale(at), |value| Sample { at, value })
        };
        Series { labels: labels(text), samples: values.iter().enumerate().map(sample).collect() }
    };
    Fixture(series.iter().map(one).collect())
}

fn requests() -> Fixture {
    let counter = |by: f64| (0..=12).map(|n| Some(f64::from(n) * by)).collect::<Vec<_>>();
    let reset: Vec<_> = [0.0, 10.0, 20.0, 5.0, 15.0, 25.0, 35.0].map(Some).into();
    let gone: Vec<_> = [Some(1.0), Some(2.0), None].into();
    fixture(&[
        ("requests{pod=a,code=200}", &counter(10.0)),
        ("requests{pod=a,code=500}", &counter(1.0)),
        ("requests{pod=b,code=200}", &counter(20.0)),
        ("reset{}", &reset),
        ("gone{pod=a}", &gone),
        ("limit{pod=a}", &[Some(100.0)]),
        ("limit{pod=b}", &[Some(400.0)]),
        ("latency_bucket{le=0.1}", &[Some(50.0)]),
        ("latency_bucket{le=0.5}", &[Some(90.0)]),
        ("latency_bucket{le=+Inf}", &[Some(100.0)]),
    ])
}

/// The values at a time in seconds, in the order of their labels.
fn at(query: &str, seconds: i64) -> Vec<(String, f64)> {
    let spelled = |labels: &Labels| {
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    };
    let mut found = match instant(&requests(), query, seconds * 1000) {
        Ok(Value::Scalar(value)) => vec![("scalar".to_owned(), value)],
        Ok(Value::Vector(elements)) => {
            elements.iter().map(|element| (spelled(&element.labels), element.value)).collect()
        }
        other => panic!("{query}: {other:?}"),
    };
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[track_caller]
fn is(query: &str, seconds: i64, expected: &[(&str, f64)]) {
    let found = at(query, seconds);
    assert_eq!(found.len(), expected.len(), "{query}: {found:?}");
    for ((labels, value), (expected_labels, expected)) in found.iter().zip(expected) {
        assert_eq!(labels, expected_labels, "{query}");
        let same =
            (value - expected).abs() < 1e-9 || value == expected || value.is_nan() && expected.is_nan();
        assert!(same, "{query}: {value} is not {expected}");
    }
}

#[test]
fn series_are_selected_by_their_labels_and_their_age() {
    is(r#"requests{pod="a",code=~"5.."}"#, 120, &[("__name__=requests,code=500,pod=a", 12.0)]);
    is(r#"count(requests{pod!="b"})"#, 120, &[("", 2.0)]);
    is(r#"count(requests{missing=~"x|"})"#, 120, &[("", 3.0)]);
    is(r#"requests{pod="b"} offset 1m"#, 120, &[("__name__=requests,code=200,pod=b", 120.0)]);
    is(r#"requests{pod="b"} @ 30"#, 120, &[("__name__=requests,code=200,pod=b", 60.0)]);
    is("sum(requests)", 120 + 300, &[("", 120.0 + 12.0 + 240.0)]);
    is("sum(requests)", 120 + 301, &[]);
    is("gone", 15, &[("__name__=gone,pod=a", 2.0)]);
    is("gone", 20, &[]);
    is("count_over_time(gone[1m])", 20, &[("pod=a", 2.0)]);
}

#[test]
fn rates_reach_to_the_ends_of_their_window_as_in_prometheus() {
    is(r#"rate(requests{pod="b"}[60s])"#, 120, &[("code=200,pod=b", 2.0)]);
    is(r#"increase(requests{pod="b"}[60s])"#, 125, &[("code=200,pod=b", 120.0)]);
    // At the beginning of a series no further than to where it would have been 0.
    is(r#"increase(requests{pod="b"}[60s])"#, 30, &[("code=200,pod=b", 60.0)]);
    // Beyond its end by half the time between two samples.
    is(r#"increase(requests{pod="b"}[60s])"#, 150, &[("code=200,pod=b", 60.0 * 35.0 / 30.0)]);
    is("increase(reset[60s])", 60, &[("", 55.0)]);
    is("delta(reset[60s])", 60, &[("", 35.0)]);
    is("irate(reset[20s])", 30, &[("", 0.5)]);
    is("resets(reset[60s])", 60, &[("", 1.0)]);
    is("rate(limit[60s])", 30, &[]);
}

#[test]
fn windows_are_folded() {
    for (function, value) in
        [("avg", 15.714_285_714_285_714), ("max", 35.0), ("min", 0.0), ("sum", 110.0), ("count", 7.0)]
    {
        is(&format!("{function}_over_time(reset[1m])"), 60, &[("", value)]);
    }
    is("last_over_time(reset[1m])", 60, &[("__name__=reset", 35.0)]);
    is("deriv(requests{pod=\"b\"}[1m])", 60, &[("code=200,pod=b", 2.0)]);
}

#[test]
fn quantiles_of_histograms_lie_within_their_buckets() {
    is("histogram_quantile(0.5, latency_bucket)", 0, &[("", 0.1)]);
    is("histogram_quantile(0.7, latency_bucket)", 0, &[("", 0.3)]);
    is("histogram_quantile(0.95, latency_bucket)", 0, &[("", 0.5)]);
    is("histogram_quantile(2, latency_bucket)", 0, &[("", f64::INFINITY)]);
    is("histogram_quantile(0.9, rate(requests[1m]))", 120, &[]);
    is(r#"histogram_quantile(0.9, latency_bucket{le!="+Inf"})"#, 0, &[("", f64::NAN)]);
}

#[test]
fn elements_are_grouped() {
    is("sum by (pod) (requests)", 120, &[("pod=a", 132.0), ("pod=b", 240.0)]);
    is("avg without (code) (requests)", 120, &[("pod=a", 66.0), ("pod=b", 240.0)]);
    is("max(requests)", 120, &[("", 240.0)]);
    is("min(requests)", 120, &[("", 12.0)]);
    is("topk(1, requests)", 120, &[("__name__=requests,code=200,pod=b", 240.0)]);
    is("quantile(0.5, requests)", 120, &[("", 120.0)]);
    is("sum(requests{pod=\"c\"})", 120, &[]);
    is("stddev(limit)", 0, &[("", 150.0)]);
}

#[test]
fn vectors_are_matched_by_their_labels() {
    is("sum by (pod) (requests) / on (pod) limit", 120, &[("pod=a", 1.32), ("pod=b", 0.6)]);
    is(
        "requests / on (pod) group_left limit",
        120,
        &[("code=200,pod=a", 1.2), ("code=200,pod=b", 0.6), ("code=500,pod=a", 0.12)],
    );
    is("limit * ignoring (x) limit", 0, &[("pod=a", 10_000.0), ("pod=b", 160_000.0)]);
    is(
        "requests > 100",
        120,
        &[("__name__=requests,code=200,pod=a", 120.0), ("__name__=requests,code=200,pod=b", 240.0)],
    );
    is("100 < bool sum(requests)", 120, &[("", 1.0)]);
    is("sum(requests) > bool 1000", 120, &[("", 0.0)]);
    is("limit and on (pod) gone", 0, &[("__name__=limit,pod=a", 100.0)]);
    is("limit unless on (pod) gone", 0, &[("__name__=limit,pod=b", 400.0)]);
    is("gone or limit", 0, &[("__name__=gone,pod=a", 1.0), ("__name__=limit,pod=b", 400.0)]);
    is("sum(nothing) or 0 * sum(requests)", 120, &[("", 0.0)]);
    is("max(requests) or vector(1)", 120, &[("", 240.0)]);
}

#[test]
fn numbers_and_functions_of_them() {
    is("1 + 2 * 3 ^ 2", 0, &[("scalar", 19.0)]);
    is("vector(7) % 4", 0, &[("", 3.0)]);
    is("-limit", 0, &[("pod=a", -100.0), ("pod=b", -400.0)]);
    is("clamp(limit, 150, 300)", 0, &[("pod=a", 150.0), ("pod=b", 300.0)]);
    is("clamp(limit, 300, 150)", 0, &[]);
    is("scalar(limit)", 0, &[("scalar", f64::NAN)]);
    is("absent(nothing{a=\"b\",c=~\"d\"})", 0, &[("a=b", 1.0)]);
    is("absent(limit)", 0, &[]);
    is("time()", 7, &[("scalar", 7.0)]);
    is("timestamp(gone)", 15, &[("pod=a", 10.0)]);
    is("round(vector(2.5))", 0, &[("", 3.0)]);
    is(r#"label_replace(vector(1), "to", "x-$1", "from", "(.*)")"#, 0, &[("to=x-", 1.0)]);
}

#[test]
fn what_cannot_be_answered_says_why() {
    let why = |query: &str| instant(&requests(), query, 120_000).unwrap_err();
    assert!(matches!(why("sum("), QueryError::BadData(_)));
    assert!(matches!(why("{pod=~\".*\"}"), QueryError::BadData(_)));
    assert!(matches!(why("rate(requests)"), QueryError::BadData(_)));
    assert!(why("max_over_time(requests[5m:10s])").to_string().contains("subquery"));
    let several = why("requests / on (pod) requests");
    assert!(matches!(&several, QueryError::Execution(why) if why.contains("duplicate series")), "{several}");
    assert!(why("requests / on (pod) limit").to_string().contains("must be explicit"));
    assert!(
        why("label_replace(limit, \"pod\", \"\", \"pod\", \".*\")").to_string().contains("same labelset")
    );
    assert!(matches!(why(&format!("{}1", "-(".repeat(300))), QueryError::BadData(_)));
    assert!(matches!(why(&format!("1{}", "+1".repeat(2_000))), QueryError::BadData(_)));
    assert!(matches!(why(&"1".repeat(LONGEST + 1)), QueryError::BadData(_)));
}

#[test]
fn a_span_of_time_is_evaluated_at_each_of_its_steps() {
    let times = |start, end| Times { start, end, step: 15_000 };
    let found = range(&requests(), "sum(requests)", times(90_000, 120_000)).unwrap();
    let values: Vec<(i64, f64)> = found[0].samples.iter().map(|sample| (sample.at, sample.value)).collect();
    assert_eq!(values, [(90_000, 279.0), (105_000, 310.0), (120_000, 372.0)]);
    let scalar = range(&requests(), "2", times(0, 30_000)).unwrap();
    assert_eq!((scalar.len(), scalar[0].samples.len()), (1, 3));
    assert!(
        range(&requests(), "requests[1m]", times(0, 1)).unwrap_err().to_string().contains("range vector")
    );
    let long = range(&requests(), "requests", times(0, 15_000 * 11_001));
    assert!(long.unwrap_err().to_string().contains("11,000"));
}

#[test]
fn every_shipped_preset_can_be_evaluated() {
    for (name, text) in crate::config::shipped_queries() {
        instant(&requests(), &text, 120_000).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        range(&requests(), &text, Times { start: 0, end: 60_000, step: 15_000 }).unwrap();
    }
}
