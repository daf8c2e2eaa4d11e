//! The rehearsal's Prometheus against a real one: the same series and the same queries
//! give the same answers, and so does the same world, scraped by both. Skipped where
//! there is no `prometheus` and no `promtool` in the PATH.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cutover::config::shipped_queries;
use cutover::rehearsal::prometheus::promql::{self, Query, QueryError, Times, Value};
use cutover::rehearsal::prometheus::series::{Labels, NAME, Sample, Series};
use cutover::rehearsal::prometheus::{Selector, Source};
use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
use serde_json::Value as Json;

/// How long one thing may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A real Prometheus on loopback, with a directory of its own; it ends with this.
struct Real {
    process: Child,
    url: String,
    http: reqwest::Client,
    _directory: tempfile::TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

fn client() -> reqwest::Client {
    // A second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

/// Whether both programs are there; says so where they are not.
fn is_there(test: &str) -> bool {
    let runs = |program: &str| {
        let output =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        output.is_ok_and(|status| status.success())
    };
    let there = runs("prometheus") && runs("promtool");
    if !there {
        println!("skipped: {test}: there is no prometheus and promtool in the PATH");
    }
    there
}

impl Real {
    /// Starts it with a configuration and, in `data`, the blocks that it begins with.
    async fn start(directory: tempfile::TempDir, config: &str) -> Self {
        let file = directory.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        // The port is given back before it is used again: another may take it, then this fails.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let real = Self { process, url: format!("http://{address}"), http: client(), _directory: directory };
        let ready = async || {
            let answer = real.http.get(format!("{}/-/ready", real.url)).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        };
        until("Prometheus to be ready", ready).await;
        real
    }

    async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> (u16, Json) {
        ask(&self.http, &self.url, path, parameters).await
    }
}

async fn ask(http: &reqwest::Client, url: &str, path: &str, parameters: &[(&str, &str)]) -> (u16, Json) {
    let answer = http.post(format!("{url}{path}")).form(parameters).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s for {what}", LIMIT.as_secs());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The values of an answer by their labels, with their times in milliseconds.
type Found = BTreeMap<String, Vec<(i64, f64)>>;

fn found(answer: &Json) -> Found {
    let result = &answer["data"]["result"];
    if answer["data"]["resultType"] == "scalar" {
        return [("scalar".to_owned(), vec![pair(result)])].into();
    }
    let series = result.as_array().unwrap_or_else(|| panic!("{answer}"));
    let one = |series: &Json| {
        let values = match series.get("values") {
            Some(values) => values.as_array().unwrap().iter().map(pair).collect(),
            None => vec![pair(&series["value"])],
        };
        (series["metric"].to_string(), values)
    };
    series.iter().map(one).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a time of our days in milliseconds")]
fn pair(pair: &Json) -> (i64, f64) {
    let value = pair[1].as_str().unwrap();
    ((pair[0].as_f64().unwrap() * 1000.0).round() as i64, value.parse().unwrap())
}

/// Whether two answers have the same labels and times, and values that are near enough.
fn compare(query: &str, ours: &Found, theirs: &Found, near: impl Fn(f64, f64) -> bool) {
    let times = |found: &Found| -> Vec<(String, Vec<i64>)> {
        found
            .iter()
            .map(|(labels, values)| (labels.clone(), values.iter().map(|(at, _)| *at).collect()))
            .collect()
    };
    assert_eq!(times(ours), times(theirs), "{query}\nours: {ours:?}\ntheirs: {theirs:?}");
    for (ours, theirs) in ours.values().flatten().zip(theirs.values().flatten()) {
        assert!(near(ours.1, theirs.1), "{query} at {}: {} is not {}", ours.0, ours.1, theirs.1);
    }
}

/// The same but for the order in which numbers were added up.
fn same(ours: f64, theirs: f64) -> bool {
    ours == theirs
        || ours.is_nan() && theirs.is_nan()
        || (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0)
}

/// Series that both are given: counters with resets and gaps, gauges, a histogram.
struct Fixture(Vec<Series>);

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
    fn new(begin: i64) -> Self {
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
    fn open_metrics(&self) -> String {
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
const QUERIES: &[&str] = &[
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
