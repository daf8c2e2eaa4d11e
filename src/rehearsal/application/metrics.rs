//! What the application counts of itself, in Prometheus' text form (exposition format
//! 0.0.4), under the names that the procedure's application uses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Conduct;
use crate::rehearsal::scenario::Users;

/// Upper ends of the latency's buckets, in seconds.
const BUCKETS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// Connections that its database takes.
const CONNECTIONS_MAX: u32 = 100;

/// One figure of an exposition.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub name: &'static str,
    /// Whether it says which application it is of.
    named: bool,
    /// The label that it has beside the common ones.
    own: Option<(&'static str, String)>,
    pub value: f64,
    /// Digits behind the point.
    digits: usize,
}

impl Figure {
    /// Its labels, apart from those that a scraper adds.
    pub fn labels<'f>(&'f self, version: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        let own = self.own.iter().map(|(name, value)| (*name, value.as_str()));
        self.named.then_some(("app", "backend")).into_iter().chain([("version", version)]).chain(own)
    }

    const fn plain(name: &'static str, value: f64) -> Self {
        Self { name, named: false, own: None, value, digits: 0 }
    }

    fn of_requests(name: &'static str, own: Option<(&'static str, String)>, value: f64) -> Self {
        Self { name, named: true, own, value, digits: 0 }
    }
}

/// Counters of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Answers by status.
    totals: BTreeMap<u16, u64>,
    /// Answers within each bucket, cumulative.
    buckets: [u64; BUCKETS.len()],
    seconds: f64,
    count: u64,
}

impl Metrics {
    /// Counts one answer.
    pub(super) fn count(&mut self, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        *self.totals.entry(status).or_default() += 1;
        self.count += 1;
        self.seconds += seconds;
        for (bucket, end) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= end);
        }
    }

    /// What a process would have counted after so many answers of users who see that:
    /// its shares are those that are expected, and nothing is left to chance.
    #[must_use]
    pub fn expected(count: u64, users: &Users) -> Self {
        let share = |share: f64| (count as f64 * share).floor() as u64;
        let errors = share(users.error_rate);
        let conduct = Conduct::of(users, &serde_json::Value::Null);
        let buckets = BUCKETS.map(|end| share(conduct.answered_within(Duration::from_secs_f64(end))));
        let totals = if count == 0 { BTreeMap::new() } else { [(200, count - errors), (500, errors)].into() };
        Self { totals, buckets, seconds: count as f64 * users.latency.as_secs_f64(), count }
    }

    /// All figures, in the order of the text.
    #[must_use]
    pub fn figures(&self, resident_mib: f64, limit_mib: Option<f64>) -> Vec<Figure> {
        let bytes = |mib: f64| (mib * 1024.0 * 1024.0).round();
        let mut figures: Vec<Figure> = self
            .totals
            .iter()
            .map(|(status, total)| {
                Figure::of_requests("http_requests_total", Some(("code", status.to_string())), *total as f64)
            })
            .collect();
        let ends = BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let counts = self.buckets.iter().copied().chain([self.count]);
        figures.extend(ends.zip(counts).map(|(end, count)| {
            Figure::of_requests("http_request_duration_seconds_bucket", Some(("le", end)), count as f64)
        }));
        let sum = Figure::of_requests("http_request_duration_seconds_sum", None, self.seconds);
        figures.push(Figure { digits: 6, ..sum });
        figures.push(Figure::of_requests("http_request_duration_seconds_count", None, self.count as f64));
        figures.push(Figure::plain("process_resident_memory_bytes", bytes(resident_mib)));
        figures.extend(limit_mib.map(|limit| Figure::plain("memory_limit_bytes", bytes(limit))));
        figures.push(Figure::plain("db_connections_in_use", (20 + self.count % 5) as f64));
        figures.push(Figure::plain("db_connections_max", f64::from(CONNECTIONS_MAX)));
        figures
    }

    /// The text that a scraper reads.
    pub(super) fn text(&self, version: &str, resident_mib: f64, limit_mib: Option<f64>) -> String {
        let mut text = String::new();
        for figure in self.figures(resident_mib, limit_mib) {
            let labels: Vec<String> =
                figure.labels(version).map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let Figure { name, value, digits, .. } = figure;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}{{{}}} {value:.digits$}", labels.join(","));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_text_is_what_a_scraper_reads() {
        let mut metrics = Metrics::default();
        metrics.count(200, Duration::from_millis(40));
        metrics.count(500, Duration::from_secs(3));
        let text = metrics.text("v1", 24.0, Some(128.0));
        for line in [
            "http_requests_total{app=\"backend\",version=\"v1\",code=\"500\"} 1",
            "http_request_duration_seconds_bucket{app=\"backend\",version=\"v1\",le=\"0.025\"} 0",
            "http_request_duration_seconds_bucket{app=\"backend\",version=\"v1\",le=\"0.05\"} 1",
            "http_request_duration_seconds_bucket{app=\"backend\",version=\"v1\",le=\"+Inf\"} 2",
            "memory_limit_bytes{version=\"v1\"} 134217728",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
    }
}
