//! A real Prometheus, where there is one, and what it answers.
#![allow(unreachable_pub, missing_debug_implementations, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// How long one thing may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A real Prometheus on loopback, with a directory of its own; it ends with this.
pub struct Real {
    process: Child,
    pub url: String,
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

pub fn client() -> reqwest::Client {
    // A second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

/// Whether both programs are there; says so where they are not.
pub fn is_there(test: &str) -> bool {
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
    pub async fn start(directory: tempfile::TempDir, config: &str) -> Self {
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

    pub async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> (u16, Json) {
        ask(&self.http, &self.url, path, parameters).await
    }
}

pub async fn ask(http: &reqwest::Client, url: &str, path: &str, parameters: &[(&str, &str)]) -> (u16, Json) {
    let answer = http.post(format!("{url}{path}")).form(parameters).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
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
pub type Found = BTreeMap<String, Vec<(i64, f64)>>;

pub fn found(answer: &Json) -> Found {
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
pub fn compare(query: &str, ours: &Found, theirs: &Found, near: impl Fn(f64, f64) -> bool) {
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
pub fn same(ours: f64, theirs: f64) -> bool {
    ours == theirs
        || ours.is_nan() && theirs.is_nan()
        || (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0)
}
