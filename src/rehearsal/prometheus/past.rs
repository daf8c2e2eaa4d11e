//! What was before the rehearsal began: nothing of it is stored, all of it is a function
//! of time. The version that ran had the traffic that it has at the start, with the ups
//! and downs of a day, so that a week ago can be compared with.

use std::f64::consts::TAU;

use super::series::{Labels, NAME, Sample, Series};
use super::store::{Selector, Source, THINNED};
use super::target::Target;
use crate::rehearsal::application::Conduct;
use crate::rehearsal::application::metrics::Metrics;
use crate::rehearsal::scenario::Users;

/// How far the past goes back, in milliseconds: a week, and the hour before it.
const REACHES: i64 = (7 * 24 + 2) * 3_600_000;
/// The ups and downs of the traffic: how much of it, and how long each takes, in seconds.
/// The second one is no part of a week, which makes a week ago a little different.
const WAVES: [(f64, f64); 2] = [(0.03, 780.0), (0.04, 280_000.0)];

/// The past of one world.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// When it ends and the world begins, in milliseconds.
    end: i64,
    version: String,
    users: Users,
    pods: Vec<Pod>,
}

/// A pod that ran.
#[derive(Clone, Debug)]
struct Pod {
    labels: Labels,
    limit_mib: Option<f64>,
    /// Requests a second that it served.
    rate: f64,
}

impl Past {
    /// The past of the targets that are there at the start, at `end`.
    #[must_use]
    pub(super) fn new(end: i64, version: &str, users: Users, targets: &[Target]) -> Self {
        let serving = targets.iter().filter(|target| target.has_traffic).count().max(1);
        let pod = |target: &Target| Pod {
            labels: target.labels.clone(),
            limit_mib: target.limit_mib,
            rate: if target.has_traffic { users.requests_per_second / serving as f64 } else { 0.0 },
        };
        Self { end, version: version.to_owned(), users, pods: targets.iter().map(pod).collect() }
    }

    /// The labels of every series that there was; none of them where no time is asked for
    /// that is past.
    #[must_use]
    pub(super) fn known(&self, from: i64, to: i64) -> Vec<Labels> {
        if from >= self.end || to < self.end - REACHES {
            return Vec::new();
        }
        self.pods.iter().flat_map(|pod| self.labels(pod)).collect()
    }

    fn labels(&self, pod: &Pod) -> Vec<Labels> {
        let figures = self.metrics(pod, self.end).figures(0.0, pod.limit_mib);
        let labels = figures.iter().map(|figure| {
            let own = figure.labels(&self.version);
            own.fold(pod.labels.clone().with(NAME, figure.name), |labels, (name, value)| {
                labels.with(name, value)
            })
        });
        labels.collect()
    }

    /// What a pod had counted at a time.
    fn metrics(&self, pod: &Pod, at: i64) -> Metrics {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count, and not negative"
        )]
        let count = (pod.rate * self.seconds(at)).max(0.0) as u64;
        Metrics::expected(count, &self.users)
    }

    /// Time since the past began, stretched by the ups and downs of the traffic.
    fn seconds(&self, at: i64) -> f64 {
        let since = |at: i64| at as f64 / 1000.0;
        let waves = |at: f64| -> f64 {
            WAVES.iter().map(|(share, period)| -share * period / TAU * (TAU * at / period).cos()).sum()
        };
        let (begin, at) = (since(self.end - REACHES), since(at));
        // Where nothing was yet counters begin a little above 0: so every status is there.
        1000.0 + at - begin + waves(at) - waves(begin)
    }
}

impl Source for Past {
    fn select(&self, matchers: &Selector, from: i64, to: i64) -> Vec<Series> {
        let (from, to) = (from.max(self.end - REACHES), to.min(self.end - 1));
        let first = from.div_euclid(THINNED) + i64::from(from.rem_euclid(THINNED) != 0);
        let mut all = Vec::new();
        if first * THINNED > to {
            return all;
        }
        for pod in &self.pods {
            let labels = self.labels(pod);
            let wanted: Vec<(usize, Labels)> =
                labels.into_iter().enumerate().filter(|(_, labels)| matchers.matches(labels)).collect();
            let mut series: Vec<Series> = wanted
                .iter()
                .map(|(_, labels)| Series { labels: labels.clone(), samples: Vec::new() })
                .collect();
            if series.is_empty() {
                continue;
            }
            for at in (first..).map(|slot| slot * THINNED).take_while(|at| *at <= to) {
                let metrics = self.metrics(pod, at);
                let figures = metrics.figures(Conduct::AT_START_MIB, pod.limit_mib);
                for ((place, _), series) in wanted.iter().zip(&mut series) {
                    series
                        .samples
                        .extend(figures.get(*place).map(|figure| Sample { at, value: figure.value }));
                }
            }
            all.extend(series.into_iter().filter(|series| !series.samples.is_empty()));
        }
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        all
    }
}

#[cfg(test)]
mod tests {
    use promql_parser::label::Matchers;

    use super::*;

    const END: i64 = 1_795_000_000_000;

    fn past() -> Past {
        let target = |pod: &str, has_traffic| Target {
            pod: pod.to_owned(),
            labels: Labels::default().with("pod", pod),
            limit_mib: Some(128.0),
            has_traffic,
        };
        let targets = [target("a", true), target("b", true), target("c", false)];
        Past::new(END, "v1.0.0", crate::rehearsal::scenario::Scenario::default().users, &targets)
    }

    fn named(name: &str) -> Selector {
        Selector { name: Some(name.to_owned()), matchers: Matchers::empty() }
    }

    #[test]
    fn counters_rise_as_the_users_come_and_a_week_ago_is_much_the_same() {
        let rate = |to: i64| {
            let series = past().select(&named("http_requests_total"), to - 600_000, to);
            assert_eq!(series.len(), 4, "two codes of the two pods that have the traffic");
            let total: f64 = series
                .iter()
                .map(|series| series.samples.last().unwrap().value - series.samples[0].value)
                .sum();
            assert!(series.iter().all(|series| series.samples.windows(2).all(|w| w[0].value <= w[1].value)));
            total / 595.0
        };
        let (now, before) = (rate(END - 1), rate(END - 7 * 86_400_000));
        assert!((900.0..1100.0).contains(&now) && (900.0..1100.0).contains(&before), "{now} {before}");
        assert!((now - before).abs() > 0.1, "but not the same");
    }

    #[test]
    fn nothing_is_known_of_what_is_not_past() {
        assert!(past().select(&named("db_connections_max"), END, END + 60_000).is_empty());
        assert_eq!(past().select(&named("db_connections_max"), END - 5_000, END + 60_000).len(), 3);
        assert!(past().select(&named("db_connections_max"), 0, END - REACHES - 1).is_empty());
        assert!(past().known(END, END).is_empty() && !past().known(0, END).is_empty());
    }
}
