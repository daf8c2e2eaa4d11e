//! What the lab's Prometheus knows, and what it is made to know of a week ago.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::runtime::Handle;

use super::lab::{Stopped, variable};
use super::until;

/// Seconds between two samples of what is written.
const STEP: u64 = 15;
const WEEK: u64 = 7 * 24 * 3600;

/// The lab's Prometheus.
pub struct Prometheus<'w> {
    url: String,
    client: reqwest::Client,
    runtime: &'w Handle,
}

impl<'w> Prometheus<'w> {
    pub fn of_the_lab(runtime: &'w Handle) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url: variable("CUTOVER_LAB_PROMETHEUS_URL"), client, runtime }
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        self.runtime.block_on(async {
            let request = self.client.get(format!("{}{path}", self.url)).query(query);
            request.send().await.ok()?.json().await.ok()
        })
    }

    /// The value of an expression that has one, now.
    pub fn number(&self, expression: &str) -> Option<f64> {
        let answer = self.get("/api/v1/query", &[("query", expression)])?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Waits until there is a minute to compare with: whoever has just come has none.
    pub fn wait_for_a_past(&self) {
        let seen = "count_over_time((sum(rate(http_requests_total[1m])) > 1)[75s:15s])";
        until("a minute of requests in Prometheus", Duration::from_secs(150), || {
            self.number(seen).filter(|count| *count >= 5.0)
        });
    }

    /// Writes so many requests a second into the hour around this time a week ago, as
    /// people fill a Prometheus from elsewhere, and lets it look.
    pub fn backfill_a_week_ago(&self, rate: f64) {
        let flags = self.get("/api/v1/status/flags", &[]).unwrap();
        let data = PathBuf::from(flags["data"]["storage.tsdb.path"].as_str().unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("week-ago.openmetrics");
        std::fs::write(&file, open_metrics(now - WEEK, rate)).unwrap();
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&file, &data])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Blocks that were laid beside its own are found at the start.
        drop(Stopped::killed("prometheus"));
        until("Prometheus to know of a week ago", Duration::from_secs(30), || {
            self.number("sum(rate(http_requests_total[1m] offset 1w))")
        });
    }
}

/// One pod's counter of an hour ago until in an hour, seen from `around`.
fn open_metrics(around: u64, rate: f64) -> String {
    let mut text = String::from("# TYPE http_requests counter\n");
    for at in (around - 3600..around + 3600).step_by(usize::try_from(STEP).unwrap()) {
        let count = rate * f64::from(u32::try_from(at + 3600 - around).unwrap());
        let labels = r#"pod="backend-blue-5c8d7f9b6d-x2x2x",color="blue",code="200""#;
        writeln!(text, "http_requests_total{{{labels}}} {count:.0} {at}").unwrap();
    }
    text.push_str("# EOF\n");
    text
}
