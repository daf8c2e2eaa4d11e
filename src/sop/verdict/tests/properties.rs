//! What holds for whatever is measured in whatever order.

use proptest::prelude::*;

use super::*;
use crate::sop::signal::Rule;

fn signal() -> impl Strategy<Value = Signal> {
    proptest::sample::select(Signal::shipped())
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => Just(0.0),
        3 => 0.0..0.012_f64,
        2 => 0.0..1.2_f64,
        1 => 0.0..2_000.0_f64,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), any::<f64>()],
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        12 => number().prop_map(Reading::Value),
        1 => number().prop_map(|value| Reading::Partial { value, warnings: "partial".into() }),
        1 => Just(Reading::NoData("empty".into())),
        1 => Just(Reading::Failed("refused".into())),
    ]
}

prop_compose! {
    fn any_sample()(
        reading in reading(),
        requests in prop_oneof![3 => Just(Some(500.0)), 1 => proptest::option::of(number())],
        counted in proptest::option::of((number(), number())),
        maximum in proptest::option::of(number()),
        week_ago in proptest::option::of(number()),
    ) -> Sample {
        let counted = counted.map(|(bad, all)| Counted { bad, all });
        Sample { requests, counted, maximum, week_ago, ..Sample::new(at(0), reading) }
    }
}

/// Whether a sample is a whole, finite value within its target, by the plainest reading
/// of sop.md: deliberately not by the rules under test.
fn is_plainly_good(signal: &Signal, sample: &Sample) -> bool {
    let Reading::Value(value) = sample.reading else { return false };
    let within = match signal.rule {
        Rule::Above { target, .. } => value <= target,
        Rule::Limit { alert, .. } => value <= alert,
        Rule::Drop { .. } | Rule::Maximum { .. } => true,
    };
    let enough = signal.minimum_volume == 0
        || sample.requests.is_some_and(|requests| requests.round() >= signal.minimum_volume as f64);
    value.is_finite() && value >= 0.0 && within && enough
}

/// How bad: a pass, a fail, or anything between.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Warn | Verdict::NoData | Verdict::Stale => 1,
        Verdict::Fail => 2,
    }
}

/// The same sample, worse.
fn worse(rule: Rule, sample: &Sample, by: f64) -> Sample {
    let worse = |value: f64| match rule {
        Rule::Drop { .. } => value / (1.0 + by),
        _ => value * (1.0 + by) + by,
    };
    let reading = match &sample.reading {
        Reading::Value(value) => Reading::Value(worse(*value)),
        Reading::Partial { value, warnings } => {
            Reading::Partial { value: worse(*value), warnings: warnings.clone() }
        }
        other => other.clone(),
    };
    Sample { reading, ..sample.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn only_enough_valid_good_samples_pass(
        signal in signal(),
        samples in proptest::collection::vec(any_sample(), 0..12),
        before in proptest::option::of(number()),
        silence in 0_u64..200,
    ) {
        let (history, now) = told(samples.clone());
        let now = now.plus(Duration::from_secs(silence));
        let judged = judge(&signal, &history, &context(now, before));
        if judged.verdict == Verdict::Pass {
            let needed = usize::try_from(signal.consecutive).unwrap();
            prop_assert!(samples.len() >= needed);
            prop_assert!(silence < signal.stale_after.as_secs());
            for sample in samples.iter().rev().take(needed) {
                prop_assert!(is_plainly_good(&signal, sample), "{sample:?}: {}", judged.words);
            }
        }
    }

    #[test]
    fn a_fail_rests_on_numbers(
        signal in signal(),
        samples in proptest::collection::vec(any_sample(), 0..12),
        before in proptest::option::of(number()),
    ) {
        let (history, now) = told(samples.clone());
        let judged = judge(&signal, &history, &context(now, before));
        if judged.verdict == Verdict::Fail {
            let newest = samples.last().unwrap();
            prop_assert!(newest.reading.number().is_some_and(|value| value >= 0.0));
        }
    }

    #[test]
    fn no_time_makes_a_pass(
        signal in signal(),
        samples in proptest::collection::vec(any_sample(), 0..12),
        before in proptest::option::of(number()),
        later in 0_u64..10_000,
    ) {
        let (history, now) = told(samples);
        let first = judge(&signal, &history, &context(now, before));
        let then = judge(&signal, &history, &context(now.plus(Duration::from_secs(later)), before));
        prop_assert!(then.verdict != Verdict::Pass || first.verdict == Verdict::Pass);
    }

    #[test]
    fn worse_values_give_no_better_verdict(
        signal in signal(),
        samples in proptest::collection::vec(any_sample(), 1..12),
        before in proptest::option::of(number()),
        which in any::<proptest::sample::Index>(),
        by in 0.0..3.0_f64,
    ) {
        let sound = |value: f64| value.is_finite() && (0.0..1e12).contains(&value);
        let at = which.index(samples.len());
        // More connections than before, or fewer, are both a change: there is no worse.
        let has_worse = !matches!(signal.rule, Rule::Maximum { .. });
        if !has_worse || !samples[at].reading.number().is_none_or(sound) {
            return Ok(());
        }
        let mut changed = samples.clone();
        changed[at] = worse(signal.rule, &samples[at], by);
        let verdict = |samples| {
            let (history, now) = told(samples);
            judge(&signal, &history, &context(now, before)).verdict
        };
        let (first, then) = (verdict(samples), verdict(changed));
        prop_assert!(rank(then) >= rank(first), "{first:?} became {then:?}");
    }
}
