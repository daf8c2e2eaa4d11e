//! The rehearsal's Prometheus against a real one: the same series and the same queries
//! give the same answers, and so does the same world, scraped by both. Skipped where
//! there is no `prometheus` and no `promtool` in the PATH.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/prometheus.rs"]
mod prometheus;
#[path = "support/series.rs"]
mod series;

use std::path::Path;
use std::process::Command;

use cutover::config::shipped_queries;
use cutover::rehearsal::prometheus::promql::{self, Query, QueryError, Times, Value};
use cutover::rehearsal::prometheus::series::{Labels, Sample, Series};
use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
use prometheus::{Found, Real, ask, client, compare, found, is_there, same, until};
use serde_json::Value as Json;
use series::{Fixture, QUERIES};

#[tokio::test]
async fn the_same_series_and_queries_give_the_same_answers() {
    if !is_there("the_same_series_and_queries_give_the_same_answers") {
        return;
    }
    // Long enough ago that it is nothing that a server would still take in by itself.
    let begin = (jiff::Timestamp::now().as_millisecond() - 4 * 3_600_000) / 60_000 * 60_000;
    let fixture = Fixture::new(begin);
    let directory = tempfile::tempdir().unwrap();
    backfill(directory.path(), &fixture.open_metrics());
    let real = Real::start(directory, "global: {scrape_interval: 1m}\n").await;
    let shipped: Vec<String> = shipped_queries().map(|(_, text)| text).collect();
    assert!(shipped.len() >= 20, "{}", shipped.len());
    let all: Vec<&str> = QUERIES.iter().copied().chain(shipped.iter().map(String::as_str)).collect();
    for query in all {
        for after in [7_123, 290_500, 601_000, 1_199_000, 1_300_250] {
            let at = begin + after;
            let time = (at as f64 / 1000.0).to_string();
            let (status, answer) = real.ask("/api/v1/query", &[("query", query), ("time", &time)]).await;
            match Query::parse(query).and_then(|query| promql::instant(&fixture, &query, at)) {
                Ok(value) => {
                    assert_eq!(status, 200, "{query}: {answer}");
                    compare(query, &of_value(&value, at), &found(&answer), same);
                }
                Err(error) => refused_alike(query, &error, status, &answer),
            }
        }
        let times = Times { start: begin + 100_000, end: begin + 1_500_000, step: 61_000 };
        let seconds = |millis: i64| (millis as f64 / 1000.0).to_string();
        let (start, end) = (seconds(times.start), seconds(times.end));
        let parameters = [("query", query), ("start", &start), ("end", &end), ("step", "61")];
        let (status, answer) = real.ask("/api/v1/query_range", &parameters).await;
        match Query::parse(query).and_then(|query| promql::range(&fixture, &query, times)) {
            Ok(series) => {
                assert_eq!(status, 200, "{query}: {answer}");
                compare(query, &of_series(&series), &found(&answer), same);
            }
            Err(error) => refused_alike(query, &error, status, &answer),
        }
    }
}

fn refused_alike(query: &str, error: &QueryError, status: u16, answer: &Json) {
    let (expected, kind) = match error {
        QueryError::BadData(_) => (400, "bad_data"),
        QueryError::Execution(_) => (422, "execution"),
    };
    assert_eq!(
        (status, answer["errorType"].as_str()),
        (expected, Some(kind)),
        "{query}: ours: {error}; {answer}"
    );
}

fn metric(labels: &Labels) -> String {
    let object: serde_json::Map<String, Json> =
        labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Json::Object(object).to_string()
}

fn of_series(series: &[Series]) -> Found {
    let values = |samples: &[Sample]| samples.iter().map(|sample| (sample.at, sample.value)).collect();
    series.iter().map(|series| (metric(&series.labels), values(&series.samples))).collect()
}

fn of_value(value: &Value, at: i64) -> Found {
    match value {
        Value::Scalar(value) => [("scalar".to_owned(), vec![(at, *value)])].into(),
        Value::Vector(elements) => {
            elements.iter().map(|element| (metric(&element.labels), vec![(at, element.value)])).collect()
        }
        Value::Matrix(series) => of_series(series),
        Value::Text(text) => panic!("nobody asks for {text}"),
    }
}

/// Makes blocks of a text in the directory's `data`.
fn backfill(directory: &Path, text: &str) {
    let file = directory.join("series.txt");
    std::fs::write(&file, text).unwrap();
    let output = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(&file)
        .arg(directory.join("data"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// How near the values of two scrapers of one world have to be. Each scrapes every pod
/// once a second, at moments of its own: what one has seen last is up to a second older
/// or younger than what the other has. A counter may differ by what comes in that time;
/// a rate over a window of 20 s, by the share of the window at its two ends that only one
/// has seen, where the traffic was not steady.
const NEAR: f64 = 0.15;
/// Shares of errors have so much chance in them.
const SHARE: f64 = 0.02;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_world_is_measured_alike() {
    if !is_there("the_same_world_is_measured_alike") {
        return;
    }
    let http = client();
    let text = "title = 't'\ndescription = 'd'\n[running]\nerror_rate = 0.08\n[users]\nrequests_per_second = 300.0\n";
    let stage = Stage::raise(Scenario::parse("test", text).unwrap(), 1, 1, None).await.unwrap();
    let urls = stage.urls();
    let ours = urls["prometheus"].as_str().unwrap().to_owned();
    let directory = tempfile::tempdir().unwrap();
    // By a file: not every build of Prometheus has the discovery by HTTP.
    let targets = http.get(format!("{}/targets", urls["control"].as_str().unwrap())).send().await.unwrap();
    let file = directory.path().join("targets.json");
    std::fs::write(&file, targets.text().await.unwrap()).unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nscrape_configs:\n- job_name: pods\n  file_sd_configs: [{{files: ['{}']}}]\n",
        file.display()
    );
    let real = Real::start(directory, &config).await;
    let now = || (jiff::Timestamp::now().as_millisecond() as f64 / 1000.0).to_string();
    // Both have to have scraped all pods through a whole window, and the past is over.
    for url in [&ours, &real.url] {
        until("a window's worth of samples", async || {
            let query =
                "min(count_over_time(db_connections_max[24s])) >= 21 and count(db_connections_max) == 6";
            let (_, answer) = ask(&http, url, "/api/v1/query", &[("query", query), ("time", &now())]).await;
            (!found(&answer).is_empty()).then_some(())
        })
        .await;
    }
    let time = now();
    let rate = |found: &Found| found.values().flatten().map(|(_, value)| *value).sum::<f64>();
    let asked = async |query: &str| {
        let parameters = [("query", query), ("time", time.as_str())];
        let ((status, mine), (_, theirs)) = tokio::join!(
            ask(&http, &ours, "/api/v1/query", &parameters),
            real.ask("/api/v1/query", &parameters)
        );
        assert_eq!(status, 200, "{query}: {mine}");
        (found(&mine), found(&theirs))
    };
    let (traffic, _) = asked("sum(rate(http_requests_total[20s]))").await;
    let traffic = rate(&traffic);
    assert!(traffic > 100.0, "{traffic}");
    // A counter differs by what came within a second and a bit; what is small, by chance.
    let near = |mine: f64, theirs: f64| {
        let difference = (mine - theirs).abs();
        same(mine, theirs) || difference <= NEAR * theirs.abs() || difference <= SHARE
    };
    let counter = |mine: f64, theirs: f64| (mine - theirs).abs() <= 3.0 * traffic || same(mine, theirs);
    let (mut values, mut silent) = (0, 0);
    for (name, query) in shipped_queries() {
        let query = query.replace("[60s]", "[20s]");
        let (mine, theirs) = asked(&query).await;
        if query.contains("rate(") || query.contains("increase(") || query.contains("memory") {
            compare(&format!("{name}: {query}"), &mine, &theirs, near);
        } else if query.contains("connections") {
            // In use are 20 to 24, as it happens.
            compare(&format!("{name}: {query}"), &mine, &theirs, |mine, theirs| (mine - theirs).abs() <= 4.0);
        } else {
            compare(&format!("{name}: {query}"), &mine, &theirs, counter);
        }
        if mine.is_empty() { silent += 1 } else { values += 1 }
    }
    assert!(values >= 8 && silent >= 8, "{values} with values, {silent} of other presets without");
    // Every series of the application by its labels, and whether each pod is up.
    for query in
        ["count by (__name__, pod, color, instance, job, app, version, code, le) ({app=\"backend\"})", "up"]
    {
        let (mine, theirs) = asked(query).await;
        compare(query, &mine, &theirs, same);
    }
}
