//! What the application counts of itself, in Prometheus' text form (exposition format
//! 0.0.4), under the names that the procedure's application uses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Upper ends of the latency's buckets, in seconds.
const BUCKETS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// Connections that its database takes.
const CONNECTIONS_MAX: u32 = 100;

/// Counters of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metrics {
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

    /// The text that a scraper reads.
    pub(super) fn text(&self, version: &str, resident_mib: f64, limit_mib: Option<f64>) -> String {
        let mut text = String::new();
        let bytes = |mib: f64| mib * 1024.0 * 1024.0;
        // Writing to a String cannot fail.
        for (status, total) in &self.totals {
            let _ = writeln!(
                text,
                "http_requests_total{{app=\"backend\",version=\"{version}\",code=\"{status}\"}} {total}"
            );
        }
        let name = "http_request_duration_seconds";
        for (bucket, end) in self.buckets.iter().zip(BUCKETS) {
            let _ = writeln!(
                text,
                "{name}_bucket{{app=\"backend\",version=\"{version}\",le=\"{end}\"}} {bucket}"
            );
        }
        let _ = writeln!(
            text,
            "{name}_bucket{{app=\"backend\",version=\"{version}\",le=\"+Inf\"}} {}",
            self.count
        );
        let _ = writeln!(text, "{name}_sum{{app=\"backend\",version=\"{version}\"}} {:.6}", self.seconds);
        let _ = writeln!(text, "{name}_count{{app=\"backend\",version=\"{version}\"}} {}", self.count);
        let _ = writeln!(
            text,
            "process_resident_memory_bytes{{version=\"{version}\"}} {:.0}",
            bytes(resident_mib)
        );
        if let Some(limit) = limit_mib {
            let _ = writeln!(text, "memory_limit_bytes{{version=\"{version}\"}} {:.0}", bytes(limit));
        }
        let in_use = 20 + self.count % 5;
        let _ = writeln!(text, "db_connections_in_use{{version=\"{version}\"}} {in_use}");
        let _ = writeln!(text, "db_connections_max{{version=\"{version}\"}} {CONNECTIONS_MAX}");
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
