//! The rules as tables, with the edge cases that others got wrong; their laws in
//! `properties`.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::sop::moment::Moment;
use crate::sop::signal::{Counted, History, Point, Reading, Sample, Signal};

mod properties;

/// Seconds between samples here.
const EVERY: i64 = 5;
/// When the traffic moved.
const SWITCHED: i64 = 1_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn moment(seconds: i64) -> Moment {
    Moment { uptime: Duration::from_secs(u64::try_from(seconds).unwrap()), wall: at(seconds) }
}

/// Samples one after the other since the switch, and the moment after the last one.
fn told(samples: impl IntoIterator<Item = Sample>) -> (History, Moment) {
    let mut history = History::default();
    let mut now = SWITCHED;
    for mut sample in samples {
        now += EVERY;
        sample.at = at(now);
        history.push(sample, moment(now));
    }
    (history, moment(now + 1))
}

fn context(now: Moment, before: Option<f64>) -> Context {
    Context { now, switched: Some(at(SWITCHED)), before }
}

fn sample(reading: Reading) -> Sample {
    Sample { requests: Some(1_240.0), ..Sample::new(at(0), reading) }
}

fn values(values: &[f64]) -> Vec<Sample> {
    values.iter().map(|value| sample(Reading::of(*value))).collect()
}

fn judged(signal: &Signal, samples: Vec<Sample>, before: Option<f64>) -> Judged {
    let (history, now) = told(samples);
    judge(signal, &history, &context(now, before))
}

#[test]
fn an_error_rate_needs_three_samples_for_anything() {
    use Verdict::{Fail, NoData, Pass, Warn};
    let cases: &[(&[f64], Verdict, &str)] = &[
        (&[], NoData, "error rate: not measured yet"),
        (&[0.001], NoData, "error rate 0.1 %, 1 of 3 good samples so far"),
        (&[0.001, 0.001], NoData, "error rate 0.1 %, 2 of 3 good samples so far"),
        (&[0.001, 0.001, 0.0031], Pass, "error rate 0.31 %, 1,240 requests"),
        (&[0.0, 0.0, 0.02], Warn, "error rate 2 % > 1 %, 1,240 requests"),
        (&[0.0, 0.0, 0.062], Warn, "error rate 6.2 % > 5 %, 1 of 3 samples so far, 1,240 requests"),
        (&[0.0, 0.07, 0.062], Warn, "error rate 6.2 % > 5 %, 2 of 3 samples so far, 1,240 requests"),
        (&[0.09, 0.07, 0.062], Fail, "error rate 6.2 % > 5 % for 3 of 3 samples, 1,240 requests"),
        (&[0.09, 0.07, 0.09, 0.062], Fail, "error rate 6.2 % > 5 % for 3 of 3 samples, 1,240 requests"),
        (&[0.09, 0.07, 0.06, 0.0], Warn, "error rate 0 %, 1 of 3 good samples so far"),
        (&[0.09, 0.07, 0.06, 0.0, 0.0, 0.0], Pass, "error rate 0 %, 1,240 requests"),
        (&[0.0, 0.0, 0.0, 1.0], Fail, "error rate 100 %: next to nothing works, 1,240 requests"),
        (&[0.01, 0.01, 0.01], Pass, "error rate 1 %, 1,240 requests"),
        (&[0.05, 0.05, 0.05], Warn, "error rate 5 % > 1 %, 1,240 requests"),
    ];
    for (given, verdict, words) in cases {
        let judged = judged(&Signal::error_rate(), values(given), None);
        assert_eq!((judged.verdict, judged.words.as_str()), (*verdict, *words), "{given:?}");
    }
}

#[test]
fn what_is_no_number_is_no_data() {
    let nothing = [
        Reading::of(f64::NAN),
        Reading::of(f64::INFINITY),
        Reading::of(f64::NEG_INFINITY),
        Reading::Value(f64::NAN),
        Reading::Partial { value: f64::INFINITY, warnings: "w".into() },
        Reading::Value(-0.5),
        Reading::NoData("the query answered with no series".into()),
        Reading::NoData("2 series where one is expected".into()),
        Reading::Failed("503 Service Unavailable".into()),
    ];
    for reading in nothing {
        let mut samples = values(&[0.0; 10]);
        samples.push(sample(reading.clone()));
        let judged = judged(&Signal::error_rate(), samples, None);
        assert_eq!(judged.verdict, Verdict::NoData, "{reading:?}");
        assert_eq!(judged.good_in_a_row, 0);
    }
}

#[test]
fn what_said_nothing_hides_no_fail_and_helps_no_pass() {
    let gap = || sample(Reading::Failed("time-out".into()));
    let mix = |numbers: [f64; 3]| numbers.into_iter().flat_map(|n| [gap(), sample(Reading::of(n))]).collect();
    assert_eq!(judged(&Signal::error_rate(), mix([0.12, 0.12, 0.12]), None).verdict, Verdict::Fail);
    assert_eq!(judged(&Signal::error_rate(), mix([0.0, 0.0, 0.0]), None).verdict, Verdict::NoData);
}

#[test]
fn warnings_make_a_value_partial_and_that_is_no_pass() {
    let partial = |value| sample(Reading::Partial { value, warnings: "one store did not answer".into() });
    let good = judged(&Signal::error_rate(), vec![partial(0.0); 5], None);
    assert_eq!(good.verdict, Verdict::Warn);
    assert!(good.words.contains("partial: one store did not answer"), "{}", good.words);
    assert_eq!(judged(&Signal::error_rate(), vec![partial(0.2); 5], None).verdict, Verdict::Fail);
}

#[test]
fn a_few_requests_say_nothing() {
    let few = |requests| Sample { requests, ..sample(Reading::of(1.0)) };
    for (requests, words) in [
        (Some(7.0), "error rate: 7 requests are too few, 20 are needed"),
        (None, "error rate: of how many requests is not known"),
        (Some(f64::NAN), "error rate: of how many requests is not known"),
    ] {
        let judged = judged(&Signal::error_rate(), vec![few(requests); 5], None);
        assert_eq!((judged.verdict, judged.words.as_str()), (Verdict::NoData, words));
    }
    assert_eq!(judged(&Signal::error_rate(), vec![few(Some(20.0)); 1], None).verdict, Verdict::Fail);
}

#[test]
fn a_counter_born_at_one_is_seen() {
    let counted = |bad, all| Sample { counted: Some(Counted { bad, all }), ..sample(Reading::of(0.0)) };
    let errors = vec![counted(0.0, 10_000.0), counted(40.0, 10_400.0), counted(80.0, 10_800.0)];
    let judged = judged(&Signal::error_rate(), [errors, vec![counted(120.0, 11_200.0)]].concat(), None);
    assert_eq!(judged.verdict, Verdict::Fail);
    let words = "error rate 10 % > 5 % (120 errors that rate() does not see) for 3 of 3 samples";
    assert!(judged.words.starts_with(words), "{}", judged.words);
}

#[test]
fn a_target_that_comes_back_is_no_error() {
    let counted = |bad, all| Sample { counted: Some(Counted { bad, all }), ..sample(Reading::of(0.0)) };
    // One of two pods is not scraped for a moment: the sums fall, and rise again.
    let samples: Vec<Sample> = [(500.0, 50_000.0), (250.0, 25_000.0), (250.0, 25_100.0), (500.0, 50_300.0)]
        .map(|(bad, all)| counted(bad, all))
        .to_vec();
    assert_eq!(judged(&Signal::error_rate(), samples, None).verdict, Verdict::Pass);
}

#[test]
fn errors_before_the_switch_are_not_the_new_versions() {
    let signal = Signal::error_rate();
    let mut history = History::default();
    for n in 1..=6 {
        history.push(Sample { at: at(SWITCHED - 60 + n), ..sample(Reading::of(0.5)) }, moment(SWITCHED));
    }
    let judged = judge(&signal, &history, &context(moment(SWITCHED + 1), None));
    assert_eq!(judged.verdict, Verdict::NoData);
    assert_eq!(judged.words, "error rate: not measured since the switch yet");
}

#[test]
fn a_signal_that_is_not_heard_of_any_more_is_stale() {
    for value in [0.0, 0.5] {
        let (history, now) = told(values(&[value; 5]));
        let later = now.plus(Duration::from_secs(150));
        let judged = judge(&Signal::error_rate(), &history, &context(later, None));
        assert_eq!(judged.verdict, Verdict::Stale);
        assert_eq!(judged.words, "error rate: last measured 2 min ago");
    }
}

#[test]
fn an_old_value_that_arrives_now_is_stale() {
    let mut history = History::default();
    history.push(Sample { at: at(SWITCHED + 5), ..sample(Reading::of(0.0)) }, moment(SWITCHED + 300));
    let judged = judge(&Signal::error_rate(), &history, &context(moment(SWITCHED + 301), None));
    assert_eq!(judged.verdict, Verdict::Stale, "Prometheus repeats a value for five minutes");
}

#[test]
fn latency_warns_above_half_a_second_and_fails_above_one() {
    for (value, verdict) in [
        (412.0, Verdict::Pass),
        (500.0, Verdict::Pass),
        (501.0, Verdict::Warn),
        (1_000.0, Verdict::Warn),
        (1_040.0, Verdict::Fail),
        (1e9, Verdict::Fail),
    ] {
        assert_eq!(judged(&Signal::p95(), values(&[value; 3]), None).verdict, verdict, "{value}");
    }
    let one = judged(&Signal::p95(), values(&[1e9]), None);
    assert_eq!(one.verdict, Verdict::Warn, "a single slow sample is no outage");
}

#[test]
fn fewer_requests_must_be_fewer_than_both() {
    use Verdict::{Fail, NoData, Pass, Warn};
    let cases = [
        (950.0, Some(1_000.0), Some(1_000.0), Pass),
        (700.0, Some(1_000.0), Some(1_000.0), Pass),
        (690.0, Some(1_000.0), Some(1_000.0), Fail),
        (690.0, Some(1_000.0), Some(700.0), Warn),
        (690.0, Some(700.0), Some(1_000.0), Warn),
        (690.0, Some(1_000.0), None, Warn),
        (690.0, None, Some(1_000.0), Warn),
        (690.0, None, Some(f64::NAN), NoData),
        (690.0, None, None, NoData),
        (2_000.0, Some(1_000.0), Some(1_000.0), Pass),
        (0.0, Some(0.2), Some(0.2), Pass),
    ];
    for (value, before, week_ago, verdict) in cases {
        let samples = vec![Sample { week_ago, ..sample(Reading::of(value)) }; 3];
        let judged = judged(&Signal::requests(), samples, before);
        assert_eq!(judged.verdict, verdict, "{value} {before:?} {week_ago:?}: {}", judged.words);
    }
    let none = Sample { week_ago: Some(900.0), ..sample(Reading::of(0.0)) };
    let gone = judged(&Signal::requests(), vec![none], Some(1_000.0));
    assert_eq!(gone.verdict, Verdict::Fail, "no requests at all is an outage: {}", gone.words);
}

#[test]
fn connections_are_stable_and_below_their_maximum() {
    use Verdict::{Fail, Pass, Warn};
    let cases = [
        (40.0, Some(100.0), Some(38.0), Pass),
        (91.0, Some(100.0), Some(90.0), Fail),
        (80.0, Some(100.0), Some(40.0), Warn),
        (4.0, Some(100.0), Some(1.0), Pass),
        (40.0, None, Some(39.0), Pass),
        (100.0, Some(0.0), Some(100.0), Pass),
    ];
    for (value, maximum, before, verdict) in cases {
        let samples = vec![Sample { maximum, ..sample(Reading::of(value)) }; 3];
        let judged = judged(&Signal::connections(None), samples, before);
        assert_eq!(judged.verdict, verdict, "{value} {maximum:?} {before:?}: {}", judged.words);
    }
}

#[test]
fn memory_fails_above_its_alert_and_warns_of_a_spike_and_of_a_leak() {
    use Verdict::{Fail, Pass, Warn};
    let signal = Signal::memory();
    assert_eq!(judged(&signal, values(&[0.5; 3]), Some(0.45)).verdict, Pass);
    assert_eq!(judged(&signal, values(&[0.81; 3]), Some(0.45)).verdict, Fail);
    assert_eq!(judged(&signal, values(&[0.7; 3]), Some(0.45)).verdict, Warn);
    let leak: Vec<f64> = (0..30).map(|n| 0.5 + f64::from(n) * 0.004).collect();
    let judged = judged(&signal, values(&leak), Some(0.5));
    assert_eq!(judged.verdict, Warn);
    assert!(judged.words.contains("full in about 8 min"), "{}", judged.words);
}

#[test]
fn a_watch_needs_values_through_most_of_it() {
    let signal = Signal::error_rate();
    let minute = Duration::from_secs(60);
    let now = at(SWITCHED + 1_800);
    let load = |values: &dyn Fn(i64) -> Option<f64>| {
        let mut history = History::default();
        let points: Vec<Point> = (0..360)
            .filter_map(|n| values(n).map(|value| Point { at: at(SWITCHED + n * EVERY), value }))
            .collect();
        history.load(&points);
        covered(&signal, &history, at(SWITCHED), now, minute)
    };
    assert_eq!(load(&|_| Some(0.0)), Covered { parts: 30, of: 30 });
    assert_eq!(load(&|_| None), Covered { parts: 0, of: 30 });
    assert!(load(&|n| (n > 60).then_some(0.0)).is_enough(), "five minutes are missing");
    assert!(!load(&|n| (n > 120).then_some(0.0)).is_enough(), "ten minutes are missing");
    assert!(!load(&|n| Some(if n < 120 { 0.2 } else { 0.0 })).is_enough(), "bad for ten minutes");
    let passes = judged(&signal, values(&[0.0; 3]), None);
    let verdict = |covered| watch_verdict([(&signal, &passes, covered)], Findings::default()).verdict;
    assert_eq!(verdict(Covered { parts: 24, of: 30 }), Verdict::Pass);
    assert_eq!(verdict(Covered { parts: 23, of: 30 }), Verdict::NoData);
    assert_eq!(watch_verdict([], Findings::default()).verdict, Verdict::NoData, "nothing is no pass");
}

#[test]
fn stable_again_is_when_the_last_signal_was() {
    let (errors, p95) = (Signal::error_rate(), Signal::p95());
    let rolled_back = at(SWITCHED);
    let bad_then_good = judged(&errors, values(&[0.1, 0.1, 0.0, 0.0, 0.0]), None);
    let good = judged(&p95, values(&[100.0; 5]), None);
    let both = [(&errors, &bad_then_good), (&p95, &good)];
    assert_eq!(recovery(both, rolled_back), Recovery::Stable(Duration::from_secs(15)));
    let still_bad = judged(&errors, values(&[0.1; 5]), None);
    let waiting = Recovery::Waiting(vec!["error rate (FAIL)".into()]);
    assert_eq!(recovery([(&errors, &still_bad), (&p95, &good)], rolled_back), waiting);
    assert_eq!(recovery([], rolled_back), Recovery::Unmeasured);
}
