//! What was scraped: kept within bounds, thinned out as it grows old.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use promql_parser::label::Matchers;

use super::series::{Labels, NAME, Sample, Series};

/// How long samples are kept as they came, in milliseconds.
const RAW: i64 = 15 * 60_000;
/// How long they are kept at all: an hour, and a window before it.
const KEPT: i64 = 75 * 60_000;
/// Of the older ones, one is kept in so many milliseconds.
pub(super) const THINNED: i64 = 5_000;
/// Most series: a few dozens for each pod.
const MOST_SERIES: usize = 6_000;
/// How often old samples are looked for, in milliseconds.
const EVERY: i64 = 60_000;

/// What can be asked for series: by their labels and a time.
pub trait Source {
    /// The series that match, each with its samples from `from` to `to` inclusive, in
    /// milliseconds; in the order of their labels.
    fn select(&self, matchers: &Selector, from: i64, to: i64) -> Vec<Series>;
}

/// Which series are meant.
#[derive(Clone, Debug)]
pub struct Selector {
    pub name: Option<String>,
    pub matchers: Matchers,
}

impl Selector {
    /// Whether a series is meant.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let matchers = &self.matchers;
        let all = |group: &[promql_parser::label::Matcher]| {
            group.iter().all(|matcher| matcher.is_match(labels.get(&matcher.name)))
        };
        self.name.as_ref().is_none_or(|name| labels.get(NAME) == name)
            && all(&matchers.matchers)
            && (matchers.or_matchers.is_empty() || matchers.or_matchers.iter().any(|group| all(group)))
    }
}

/// The samples of one world.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: BTreeMap<Labels, VecDeque<Sample>>,
    /// When old samples were last looked for.
    looked: i64,
}

impl Store {
    /// Takes in what one scrape of one target found at a time; `before` is what was found
    /// there last. What is not there any more ends.
    pub(super) fn take(
        &mut self,
        at: i64,
        found: &[(Labels, f64)],
        before: &BTreeSet<Labels>,
    ) -> BTreeSet<Labels> {
        let known: BTreeSet<Labels> = found.iter().map(|(labels, _)| labels.clone()).collect();
        for (labels, value) in found {
            self.push(labels, Sample { at, value: *value });
        }
        for labels in before.difference(&known) {
            self.push(labels, Sample::stale(at));
        }
        known
    }

    /// Adds a sample. One that is not newer than the newest is none, as in Prometheus.
    pub(super) fn push(&mut self, labels: &Labels, sample: Sample) {
        if let Some(samples) = self.series.get_mut(labels) {
            if samples.back().is_none_or(|newest| newest.at < sample.at) {
                samples.push_back(sample);
            }
        } else if self.series.len() < MOST_SERIES && !sample.is_stale() {
            self.series.insert(labels.clone(), VecDeque::from([sample]));
        }
        if sample.at - self.looked >= EVERY {
            self.looked = sample.at;
            self.thin_out(sample.at);
        }
    }

    /// Forgets what is too old and thins out what is old.
    fn thin_out(&mut self, now: i64) {
        for samples in self.series.values_mut() {
            let mut last = None;
            samples.retain(|sample| {
                let slot = sample.at / THINNED;
                let raw = now - sample.at <= RAW;
                // The end of a series must stay where it is.
                let kept = raw || sample.is_stale() || last != Some(slot);
                last = Some(slot);
                kept && now - sample.at <= KEPT
            });
        }
        self.series.retain(|_, samples| !samples.is_empty());
    }

    /// The labels of every series that has a sample in that time.
    pub(super) fn known(&self, from: i64, to: i64) -> impl Iterator<Item = &Labels> {
        let within = move |samples: &VecDeque<Sample>| {
            let begin = samples.partition_point(|sample| sample.at < from);
            samples.get(begin).is_some_and(|sample| sample.at <= to)
        };
        self.series.iter().filter(move |(_, samples)| within(samples)).map(|(labels, _)| labels)
    }
}

impl Source for Store {
    fn select(&self, matchers: &Selector, from: i64, to: i64) -> Vec<Series> {
        let selected = self.series.iter().filter(|(labels, _)| matchers.matches(labels));
        let cut = selected.map(|(labels, samples)| {
            let begin = samples.partition_point(|sample| sample.at < from);
            let end = samples.partition_point(|sample| sample.at <= to);
            Series {
                labels: labels.clone(),
                samples: samples.range(begin..end.max(begin)).copied().collect(),
            }
        });
        cut.filter(|series| !series.samples.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Selector {
        Selector { name: Some("a".into()), matchers: Matchers::empty() }
    }

    #[test]
    fn what_is_not_found_any_more_ends_where_it_was_missed() {
        let mut store = Store::default();
        let labels = |pod: &str| Labels::default().with(NAME, "a").with("pod", pod);
        let first = store.take(1_000, &[(labels("x"), 1.0), (labels("y"), 2.0)], &BTreeSet::new());
        let second = store.take(2_000, &[(labels("x"), 3.0)], &first);
        store.take(2_000, &[(labels("x"), 4.0)], &second);
        let found = store.select(&all(), 0, 9_000);
        let shape: Vec<(usize, bool)> = found
            .iter()
            .map(|series| (series.samples.len(), series.samples.last().unwrap().is_stale()))
            .collect();
        assert_eq!(shape, [(2, false), (2, true)]);
        assert_eq!(found[0].samples[1].value, 3.0, "the second of one time is none");
        assert_eq!(store.select(&all(), 1_500, 1_999).len(), 0);
        assert_eq!(store.known(0, 1_500).count(), 2);
    }

    #[test]
    fn memory_has_a_bound_and_the_old_is_thinned_out() {
        let mut store = Store::default();
        let labels = Labels::default().with(NAME, "a");
        let end = 3 * 3_600;
        for second in 0..=end {
            store.push(&labels, Sample { at: second * 1_000, value: second as f64 });
        }
        let kept = &store.select(&all(), 0, i64::MAX)[0].samples;
        assert!(kept.len() < 15 * 60 + 60 * 60 / 5 + 100, "{}", kept.len());
        assert!(kept[0].at >= (end - 77 * 60) * 1_000);
        assert!(kept.windows(2).all(|pair| pair[1].at - pair[0].at <= THINNED), "no hole in it");
        for n in 0..MOST_SERIES + 10 {
            store.push(
                &Labels::default().with(NAME, "b").with("n", &n.to_string()),
                Sample { at: end, value: 0.0 },
            );
        }
        assert_eq!(store.series.len(), MOST_SERIES);
    }
}
