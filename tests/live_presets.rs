//! The shipped presets on expositions of the systems that they are for, scraped by a real
//! Prometheus: each signal is what the numbers in `tests/expositions` come to, for both
//! colours together and for each, and nothing else's series are counted in. Skipped where
//! there is no `prometheus` in the PATH.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/exposition.rs"]
mod exposition;
#[path = "support/prometheus.rs"]
#[allow(dead_code)]
mod prometheus;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::config::{self, Environment};
use cutover::doctor::{self, Finding, Verdict};
use cutover::room::message::Observation;
use cutover::sop::colour::Colour;
use cutover::sop::signal::{Reading, Sample, Sampled};
use exposition::Exporters;
use prometheus::{Real, is_there, until};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const EXPOSITIONS: [&str; 6] = [
    include_str!("expositions/http.prom"),
    include_str!("expositions/opentelemetry.prom"),
    include_str!("expositions/ingress-nginx.prom"),
    include_str!("expositions/istio.prom"),
    include_str!("expositions/traefik.prom"),
    include_str!("expositions/kubelet.prom"),
];
/// Seconds over which each sample is taken.
const WINDOW: u32 = 15;
/// How long one round of questions may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// How far a rate may be off, as a part of it. Counters grow evenly, but a busy machine
/// answers some of a window's fifteen scrapes late: half a second of them is 3 %.
const RATE: f64 = 0.05;
/// How far a share or a percentile may be off, as a part of it: what of one target goes
/// into it was counted at one moment, and only between targets are there such delays.
/// Whatever is not to be counted in is large, and all of it fails after 5 s: with any of
/// it these would be off by half and more.
const SHARE: f64 = 0.03;

/// What is read of something's requests.
#[derive(Clone, Copy)]
struct Requests {
    per_second: f64,
    /// The share of them that fails.
    failed: f64,
    /// In milliseconds.
    p95: f64,
}

/// In 100 s: 2 pods with 1000 requests each; 20 of them fail, 900 take up to 0.1 s, 100 up
/// to 0.25 s: the 950th is half-way between.
const BLUE: Requests = Requests { per_second: 20.0, failed: 0.02, p95: 175.0 };
/// 1 pod with 2000; 200 fail, 1000 take up to 0.25 s, 1000 up to 0.5 s.
const GREEN: Requests = Requests { per_second: 20.0, failed: 0.10, p95: 475.0 };
/// 4000: 1800 up to 0.1 s, 1200 up to 0.25 s, 1000 up to 0.5 s: the 3800th.
const BOTH: Requests = Requests { per_second: 40.0, failed: 0.06, p95: 450.0 };
/// The same in Traefik's buckets: 1800 up to 0.1 s, 1200 up to 0.3 s, 1000 up to 1.2 s.
const IN_FOUR_BUCKETS: Requests = Requests { p95: 1020.0, ..BOTH };

/// A gauge of both colours together, and of each.
type Gauges = Option<[f64; 3]>;
/// The fullest pod of two blue ones (50 % and 55 %) and a green one.
const MEMORY: Gauges = Some([0.75, 0.55, 0.75]);
/// The fullest pool of the same pods: 3 and 4, and 5.
const CONNECTIONS: Gauges = Some([5.0, 4.0, 5.0]);

/// One application, and what is to be read of it.
struct Case {
    preset: &'static str,
    namespace: &'static str,
    /// Both colours together, blue, green; one alone where the preset cannot tell them apart.
    requests: &'static [Requests],
    connections: Gauges,
    maximum: Option<f64>,
    memory: Gauges,
}

const COLOURS: &[Requests] = &[BOTH, BLUE, GREEN];

#[rustfmt::skip]
const CASES: [Case; 11] = [
    Case { preset: "http", namespace: "fastapi", requests: COLOURS, connections: None, maximum: None, memory: MEMORY },
    // No request of blue failed so far: there is no such series. 3000: 900 up to 0.1 s,
    // 1100 up to 0.25 s, 1000 up to 0.5 s: the 2850th.
    Case { preset: "http", namespace: "golang", requests: &[
        Requests { per_second: 30.0, failed: 0.2 / 3.0, p95: 462.5 },
        Requests { per_second: 10.0, failed: 0.0, ..BLUE },
        GREEN,
    ], connections: Some([9.0, 6.0, 9.0]), maximum: Some(10.0), memory: MEMORY },
    // SQLAlchemy tells no maximum.
    Case { preset: "opentelemetry", namespace: "scraped", requests: COLOURS, connections: CONNECTIONS, maximum: None, memory: MEMORY },
    Case { preset: "opentelemetry", namespace: "pushed", requests: COLOURS, connections: CONNECTIONS, maximum: Some(10.0), memory: MEMORY },
    Case { preset: "ingress-nginx", namespace: "bypod", requests: &[BOTH], connections: CONNECTIONS, maximum: Some(10.0), memory: MEMORY },
    Case { preset: "ingress-nginx", namespace: "byservice", requests: &[BOTH], connections: None, maximum: None, memory: None },
    Case { preset: "ingress-nginx", namespace: "honoured", requests: &[BOTH], connections: None, maximum: None, memory: None },
    Case { preset: "istio", namespace: "sidecar", requests: COLOURS, connections: CONNECTIONS, maximum: Some(10.0), memory: MEMORY },
    Case { preset: "istio", namespace: "ambient", requests: COLOURS, connections: None, maximum: None, memory: None },
    // The pods tell their memory themselves: there is no kubelet.
    Case { preset: "traefik", namespace: "edge", requests: &[IN_FOUR_BUCKETS], connections: CONNECTIONS, maximum: Some(10.0), memory: MEMORY },
    Case { preset: "traefik", namespace: "route", requests: &[IN_FOUR_BUCKETS], connections: None, maximum: None, memory: None },
];

/// One for each preset: where `quiet` is, of which nothing failed, and `idle`, that nobody
/// asks.
const CALM: [(&str, &str); 5] = [
    ("http", "golang"),
    ("opentelemetry", "scraped"),
    ("ingress-nginx", "bypod"),
    ("istio", "sidecar"),
    ("traefik", "edge"),
];

/// The presets and where they ask.
struct Presets {
    url: String,
    home: tempfile::TempDir,
}

impl Presets {
    fn environment(&self, preset: &str, namespace: &str, service: &str) -> Environment {
        let text = format!(
            "[environments.test]
kubernetes = {{ namespace = '{namespace}', service = '{service}', kubeconfig = 'none' }}
application.url = 'http://localhost:1/'
[environments.test.metrics]
url = '{}'
preset = '{preset}'
interval = '1s'
window = '{WINDOW}s'
",
            self.url
        );
        let home: &Path = self.home.path();
        config::read_text(&text, home, "test").unwrap_or_else(|error| panic!("{error}"))
    }

    /// One round of all signals, as the room is told.
    async fn read(&self, preset: &str, namespace: &str, service: &str) -> Round {
        let metrics = self.environment(preset, namespace, service).metrics.unwrap();
        let (stop, (sender, mut observations)) = (CancellationToken::new(), mpsc::channel(64));
        let source =
            cutover::sources::prometheus::run(Arc::new(metrics), Clock::start(), sender, stop.clone());
        let source = tokio::spawn(source);
        let round = async {
            loop {
                if let Observation::Samples(samples) = observations.recv().await.expect("the source goes on")
                {
                    return samples;
                }
            }
        };
        let samples = tokio::time::timeout(LIMIT, round).await.expect("a round in time");
        stop.cancel();
        source.await.unwrap();
        Round { of: format!("{preset}, {service} in {namespace}"), samples }
    }

    /// What the doctor says of it, without what is not measured.
    async fn examine(&self, preset: &str, namespace: &str, service: &str) -> Vec<Finding> {
        let findings = doctor::examine(&self.environment(preset, namespace, service)).await;
        findings.into_iter().filter(|finding| finding.what.starts_with("signal ")).collect()
    }
}

/// The samples of one round.
struct Round {
    of: String,
    samples: Vec<Sampled>,
}

impl Round {
    fn sample(&self, signal: &str, colour: Option<Colour>) -> Option<&Sample> {
        let found = self.samples.iter().find(|one| one.signal.as_str() == signal && one.colour == colour);
        found.map(|sampled| &sampled.sample)
    }

    fn near(&self, signal: &str, colour: Option<Colour>, expected: f64, tolerance: f64) {
        let reading = self.sample(signal, colour).map(|sample| &sample.reading);
        let Some(Reading::Value(value)) = reading else {
            panic!("{}: {signal} of {colour:?} is {reading:?}, not {expected}", self.of)
        };
        let what = format!("{}: {signal} of {colour:?}", self.of);
        is_near(&what, *value, expected, tolerance);
    }

    fn no_data(&self, signal: &str, colour: Option<Colour>) {
        let reading = self.sample(signal, colour).map(|sample| &sample.reading);
        assert!(matches!(reading, Some(Reading::NoData(_))), "{}: {signal}: {reading:?}", self.of);
    }

    fn requests(&self, colour: Option<Colour>, expected: Requests) {
        self.near("requests", colour, expected.per_second, RATE);
        self.near("error-rate", colour, expected.failed, SHARE);
        self.near("p95", colour, expected.p95, SHARE);
    }

    /// What is asked beside the values of everything: the volume and the raw counters.
    fn counts(&self, expected: Requests) {
        for signal in ["error-rate", "p95"] {
            let volume = self.sample(signal, None).unwrap().requests.expect("a volume");
            let what = format!("{}: volume of {signal}", self.of);
            is_near(&what, volume, expected.per_second * f64::from(WINDOW), RATE);
        }
        let counted = self.sample("error-rate", None).unwrap().counted.expect("counters");
        assert!(counted.all > 1000.0, "{}: {counted:?}", self.of);
        is_near(&format!("{}: counters", self.of), counted.bad / counted.all, expected.failed, SHARE);
    }

    fn gauges(&self, signal: &str, expected: Gauges) {
        let scopes = [None, Some(Colour::Blue), Some(Colour::Green)];
        for (place, colour) in scopes.into_iter().enumerate() {
            match expected {
                // A working set is a whole number of bytes.
                Some(values) => self.near(signal, colour, values[place], 1e-6),
                None => self.no_data(signal, colour),
            }
        }
    }
}

fn is_near(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance * expected, "{what} is {value}, not {expected}");
}

async fn every_signal_is_what_was_counted(presets: &Presets) {
    for case in &CASES {
        let round = presets.read(case.preset, case.namespace, "backend").await;
        round.requests(None, case.requests[0]);
        round.counts(case.requests[0]);
        for (colour, expected) in Colour::ALL.into_iter().zip(&case.requests[1..]) {
            round.requests(Some(colour), *expected);
        }
        if case.requests.len() == 1 {
            assert!(round.sample("error-rate", Some(Colour::Blue)).is_none(), "{}", round.of);
        }
        round.gauges("connections", case.connections);
        round.gauges("memory", case.memory);
        let maximum = round.sample("connections", None).unwrap().maximum;
        assert_eq!(maximum, case.maximum, "{}: most connections", round.of);
    }
}

/// No failed request so far is a share of 0 and a counter of 0, not the absence of data.
async fn no_failure_so_far_is_none(presets: &Presets) {
    for (preset, namespace) in CALM {
        let round = presets.read(preset, namespace, "quiet").await;
        round.near("error-rate", None, 0.0, 0.0);
        let sample = round.sample("error-rate", None).unwrap();
        let counted = sample.counted.expect("counters");
        assert!(counted.bad == 0.0 && counted.all > 1000.0, "{}: {counted:?}", round.of);
        assert!(matches!(round.sample("p95", None).unwrap().reading, Reading::Value(_)), "{}", round.of);
    }
}

/// Whoever is not asked has no share of failures and no percentile: that is no good news.
async fn without_requests_there_is_no_data(presets: &Presets) {
    for (preset, namespace) in CALM {
        let idle = presets.read(preset, namespace, "idle").await;
        idle.no_data("error-rate", None);
        idle.no_data("p95", None);
        idle.near("requests", None, 0.0, 0.0);
        let nobody = presets.read(preset, namespace, "nobody").await;
        for signal in ["error-rate", "p95", "requests", "connections", "memory"] {
            nobody.no_data(signal, None);
        }
    }
}

async fn the_doctor_finds_what_is_there(presets: &Presets) {
    for case in &CASES {
        let findings = presets.examine(case.preset, case.namespace, "backend").await;
        let verdict = |what: &str| {
            let found = findings.iter().find(|finding| finding.what == what);
            found.unwrap_or_else(|| panic!("{}: no {what}: {findings:?}", case.namespace)).verdict
        };
        for what in ["signal error-rate", "signal p95", "signal p95, buckets", "signal requests"] {
            assert_eq!(verdict(what), Verdict::Ok, "{}: {what}: {findings:?}", case.namespace);
        }
        let there = |expected: Gauges| if expected.is_some() { Verdict::Ok } else { Verdict::Warn };
        assert_eq!(verdict("signal connections"), there(case.connections), "{}", case.namespace);
        assert_eq!(verdict("signal memory"), there(case.memory), "{}", case.namespace);
        assert!(findings.iter().all(|finding| finding.verdict != Verdict::Fail), "{findings:?}");
    }
}

/// FastAPI's histogram by handler alone: its last bucket ends at the alert, so that no
/// percentile is ever above it, however slow the answers are.
async fn the_doctor_finds_buckets_that_never_show_the_alert(presets: &Presets) {
    let findings = presets.examine("http", "fastapi", "coarse").await;
    let what = "signal p95, buckets";
    let found =
        findings.iter().find(|finding| finding.what == what).unwrap_or_else(|| panic!("{findings:?}"));
    assert_eq!(found.verdict, Verdict::Fail, "{found:?}");
    assert!(found.seen.contains("http_request_duration_seconds_bucket ends at 1,000 ms"), "{found:?}");
    assert!(found.advice.as_ref().is_some_and(|advice| advice.contains("a bucket beyond the alert")));
}

/// One Prometheus for all of it: it takes a window's time until there is a window.
#[tokio::test(flavor = "multi_thread")]
async fn the_presets_read_what_the_systems_tell() {
    if !is_there("the_presets_read_what_the_systems_tell") {
        return;
    }
    let exporters = Exporters::serve(&EXPOSITIONS).await;
    let real = Real::start(tempfile::tempdir().unwrap(), &exporters.prometheus()).await;
    // Each target was scraped, and scraped well, through the whole of a window.
    let whole = format!("count(sum_over_time(up[{WINDOW}s]) >= {WINDOW})");
    let all = exporters.count().to_string();
    until("a window of every target", async || {
        let (_, answer) = real.ask("/api/v1/query", &[("query", &whole)]).await;
        (answer["data"]["result"][0]["value"][1] == all.as_str()).then_some(())
    })
    .await;
    let presets = Presets { url: real.url.clone(), home: tempfile::tempdir().unwrap() };
    every_signal_is_what_was_counted(&presets).await;
    no_failure_so_far_is_none(&presets).await;
    without_requests_there_is_no_data(&presets).await;
    the_doctor_finds_what_is_there(&presets).await;
    the_doctor_finds_buckets_that_never_show_the_alert(&presets).await;
}
