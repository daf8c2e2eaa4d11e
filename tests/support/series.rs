//! Series and queries that two servers are given.
#![allow(unreachable_pub, missing_debug_implementations, clippy::unwrap_used)]

use std::fmt::Write as _;

use cutover::rehearsal::prometheus::series::{Labels, NAME, Sample, Series};
use cutover::rehearsal::prometheus::{Selector, Source};

/// Series that both are given: counters with resets and gaps, gauges, a histogram.
pub struct Fixture(Vec<Series>);

impl Source for Fixture {
    fn select(&self, matchers: &Selector, from: i64, to: i64) -> Vec<Series> {
        let matching = self.0.iter().filter(|series| matchers.matches(&series.labels));
        let cut = matching.map(|Series { labels, samples }| Series {
            labels: labels.clone(),
            samples: samples.iter().filter(|sample| (from..=to).contains(&sample.at)).copied().collect(),
        });
        cut.filter(|series| !series.samples.is_empty()).collect()
    }
}

impl Fixture {
    /// Series of twenty minutes from `begin` on, with samples that are not quite regular.
    pub fn new(begin: i64) -> Self {
        let mut all = Vec::new();
        let mut add =
            |name: &str, labels: &[(&str, &str)], every: i64, value: &dyn Fn(i64) -> Option<f64>| {
                let labels = labels
                    .iter()
                    .fold(Labels::default().with(NAME, name), |all, (name, value)| all.with(name, value));
                let sample = |n: i64| Some(Sample { at: begin + n * every + n * 37 % 400, value: value(n)? });
                all.push(Series { labels, samples: (0..1_200_000 / every).filter_map(sample).collect() });
            };
        let rising = |by: i64| move |n: i64| Some((n * by + n % 7) as f64);
        for (pod, by) in
            [("backend-blue-abc-x1", 50), ("backend-blue-abc-x2", 70), ("backend-green-def-y1", 3)]
        {
            let common = [("pod", pod), ("app", "backend")];
            let with = |label: (&'static str, &'static str)| [common[0], common[1], label];
            add("http_requests_total", &with(("code", "200")), 5_000, &rising(by));
            add("http_requests_total", &with(("code", "500")), 5_000, &rising(by / 20));
            let buckets = [("0.05", 2), ("0.1", 7), ("0.5", 9), ("1", 9), ("+Inf", 10)];
            for (le, share) in buckets {
                add("http_request_duration_seconds_bucket", &with(("le", le)), 5_000, &move |n| {
                    Some((n * by * share / 10) as f64)
                });
            }
            add("db_connections_in_use", &common, 5_000, &|n| Some((20 + n % 9) as f64));
            add("db_connections_max", &common, 5_000, &|_| Some(100.0));
        }
        // Restarted twice, silent for a while, and negative at times.
        add("restarted_total", &[("pod", "a")], 5_000, &|n| Some((n % 90 * 11) as f64));
        add("sparse", &[("pod", "a")], 45_000, &|n| (n % 4 != 2).then_some(n as f64 * 1.5 - 9.0));
        add("sparse", &[("pod", "b")], 45_000, &|n| Some(f64::from(u8::from(n % 2 == 0))));
        add("late", &[("pod", "a"), ("zone", "x")], 5_000, &|n| (n > 120).then_some(n as f64));
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        Self(all)
    }

    /// As OpenMetrics text, from which blocks are made.
    pub fn open_metrics(&self) -> String {
        let mut text = String::new();
        for Series { labels, samples } in &self.0 {
            let own: Vec<String> = labels
                .iter()
                .filter(|(name, _)| *name != NAME)
                .map(|(name, value)| format!("{name}=\"{value}\""))
                .collect();
            for Sample { at, value } in samples {
                let at = *at as f64 / 1000.0;
                writeln!(text, "{}{{{}}} {value} {at:.3}", labels.get(NAME), own.join(",")).unwrap();
            }
        }
        text + "# EOF\n"
    }
}

/// What both are asked, beside the shipped presets.
pub const QUERIES: &[&str] = &[
    "http_requests_total",
    r#"http_requests_total{pod=~"backend-blue-.+",code!="500"}"#,
    r#"{__name__=~"db_.*",pod!~".*green.*"}"#,
    "http_requests_total offset 3m",
    "late offset -2m",
    "rate(http_requests_total[1m])",
    "rate(http_requests_total[12s])",
    "increase(http_requests_total[5m])",
    "increase(restarted_total[5m])",
    "rate(restarted_total[30s] offset 1m)",
    "irate(restarted_total[1m])",
    "idelta(restarted_total[1m])",
    "delta(sparse[4m])",
    "rate(sparse[4m])",
    "increase(late[2m])",
    "resets(restarted_total[10m])",
    "changes(sparse[10m])",
    "deriv(sparse[10m])",
    "avg_over_time(sparse[10m])",
    "min_over_time(sparse[10m])",
    "max_over_time(restarted_total[3m])",
    "sum_over_time(sparse[10m])",
    "count_over_time(late[3m])",
    "last_over_time(sparse[10m])",
    "present_over_time(late[1m])",
    "stddev_over_time(sparse[10m])",
    "stdvar_over_time(sparse[10m])",
    "sum(http_requests_total)",
    "sum by (code) (rate(http_requests_total[1m]))",
    "avg without (code) (http_requests_total)",
    "max by (pod, code) (http_requests_total)",
    "min(db_connections_in_use)",
    "count by (app) (http_requests_total)",
    "group by (app) (http_requests_total)",
    "stddev(http_requests_total)",
    "topk(2, http_requests_total)",
    "bottomk by (code) (1, http_requests_total)",
    "quantile(0.7, http_requests_total)",
    "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))",
    "histogram_quantile(0.5, rate(http_request_duration_seconds_bucket[1m]))",
    "histogram_quantile(0.2, http_request_duration_seconds_bucket)",
    "histogram_quantile(1.5, http_request_duration_seconds_bucket)",
    r#"histogram_quantile(0.5, http_request_duration_seconds_bucket{le!="+Inf"})"#,
    "db_connections_in_use / db_connections_max",
    "sum by (pod) (http_requests_total) / on (pod) db_connections_max",
    "http_requests_total / on (pod) group_left db_connections_max",
    "db_connections_max * on (pod) group_right (app) http_requests_total",
    "http_requests_total > 1000",
    "1000 < http_requests_total",
    "http_requests_total > bool 1000",
    "db_connections_in_use == on (pod) db_connections_in_use",
    "http_requests_total and on (pod) late",
    "sparse or restarted_total",
    "sparse unless restarted_total",
    "sparse or on (pod) late",
    "sum(nothing) or 0 * sum(rate(http_requests_total[1m]))",
    "sum(nothing) / sum(http_requests_total)",
    "0 * db_connections_max / 0",
    "-sparse",
    "sparse % 4",
    "2 ^ 3 ^ 2 - 10 / 4",
    "1 == bool 2",
    "vector(3) + time()",
    "scalar(sum(sparse)) * 2",
    "scalar(sparse)",
    "absent(nothing{a=\"b\",c=~\"d\"})",
    "absent(sparse)",
    "absent_over_time(nothing{a=\"b\"}[5m])",
    "timestamp(sparse)",
    "timestamp(vector(1))",
    "abs(sparse)",
    "ceil(sparse / 2)",
    "floor(sparse / 2)",
    "round(sparse / 3)",
    "round(sparse / 3, 0.5)",
    "sqrt(sparse)",
    "ln(sparse)",
    "exp(sparse / 10)",
    "sgn(sparse)",
    "clamp(sparse, 0, 2)",
    "clamp(sparse, 2, 0)",
    "clamp_min(sparse, 1)",
    "clamp_max(sparse, 1)",
    r#"label_replace(sparse, "host", "$1-x", "pod", "(.)")"#,
    r#"label_replace(sparse, "pod", "", "pod", "nothing")"#,
    // Refused by both, with the same status.
    "sum(",
    "{pod=~\".*\"}",
    "rate(sparse)",
    "sparse[5m] + 1",
    "http_requests_total / on (pod) http_requests_total",
    "http_requests_total / on (pod) db_connections_max",
    r#"label_replace(sparse, "pod", "", "pod", ".*")"#,
    r#"label_replace(sparse, "pod", "", "pod", "(")"#,
];
