//! Quantiles of classic histograms, as `bucketQuantile` of Prometheus works them out.

use std::collections::BTreeMap;

use super::Element;
use super::aggregate::beyond_quantiles;
use crate::rehearsal::prometheus::series::Labels;

const LE: &str = "le";

/// A bucket: its upper end, and how many observations are at most that.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    end: f64,
    count: f64,
}

/// The quantile of each histogram. A series without a readable `le` belongs to none.
pub(super) fn quantiles(quantile: f64, elements: Vec<Element>) -> Vec<Element> {
    let mut histograms: BTreeMap<Labels, Vec<Bucket>> = BTreeMap::new();
    for Element { labels, value } in elements {
        let Some(end) = end(labels.get(LE)) else { continue };
        let rest = labels.without(&[LE.to_owned()]).unnamed();
        histograms.entry(rest).or_default().push(Bucket { end, count: value });
    }
    let quantiles = histograms
        .into_iter()
        .map(|(labels, buckets)| Element { labels, value: of_buckets(quantile, buckets) });
    quantiles.collect()
}

fn end(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

fn of_buckets(quantile: f64, mut buckets: Vec<Bucket>) -> f64 {
    if let Some(value) = beyond_quantiles(quantile) {
        return value;
    }
    buckets.sort_by(|a, b| a.end.total_cmp(&b.end));
    if buckets.last().is_none_or(|last| last.end != f64::INFINITY) {
        return f64::NAN;
    }
    // Buckets of the same end are one, and counts never fall.
    buckets.dedup_by(|next, kept| {
        let same = next.end == kept.end;
        if same {
            kept.count += next.count;
        }
        same
    });
    let mut most = f64::NEG_INFINITY;
    for bucket in &mut buckets {
        most = most.max(bucket.count);
        bucket.count = most;
    }
    let [finite @ .., last] = buckets.as_slice() else { return f64::NAN };
    let Some(longest) = finite.last() else { return f64::NAN };
    if last.count == 0.0 || last.count.is_nan() {
        return f64::NAN;
    }
    let rank = quantile * last.count;
    let place = finite.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = finite.get(place) else { return longest.end };
    let below = place.checked_sub(1).and_then(|below| finite.get(below));
    match below {
        None if bucket.end <= 0.0 => bucket.end,
        None => bucket.end * (rank / bucket.count),
        Some(below) => {
            let share = (rank - below.count) / (bucket.count - below.count);
            below.end + (bucket.end - below.end) * share
        }
    }
}
