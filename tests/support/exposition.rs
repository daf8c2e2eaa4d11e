//! Expositions of real systems, served as they grow, and a Prometheus' targets for them.
#![allow(unreachable_pub, missing_debug_implementations, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use regex::Regex;
use serde_json::{Value as Json, json};

/// A file's counters are what is counted in so many seconds.
const COUNTED_IN: f64 = 100.0;
/// How long everything has been counting when it is first asked, in seconds: long enough
/// that no counter is near the 0 at which Prometheus would stop extrapolating.
const OLD: f64 = 1000.0;

/// What one target tells.
struct Exposition {
    /// What the discovery gives it.
    labels: BTreeMap<String, String>,
    /// Whether its own labels come before the discovery's.
    honours: bool,
    lines: Vec<Line>,
}

enum Line {
    /// A comment, or a gauge: told as it stands there.
    Still(String),
    /// A counter: its name and labels, and how many it counts in a second.
    Growing { series: String, rate: f64 },
}

/// Exporters on loopback.
pub struct Exporters {
    address: SocketAddr,
    targets: Vec<(BTreeMap<String, String>, bool)>,
}

impl Exporters {
    /// Serves what stands in `files` for as long as the runtime lives: a target for each
    /// line `# target {…}`.
    pub async fn serve(files: &[&str]) -> Self {
        let expositions: Vec<Exposition> = files.iter().flat_map(|file| read(file)).collect();
        let targets =
            expositions.iter().map(|exposition| (exposition.labels.clone(), exposition.honours)).collect();
        let state = Arc::new((Instant::now(), expositions));
        let router = Router::new().route("/{target}", get(tell)).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, targets }
    }

    pub fn count(&self) -> usize {
        self.targets.len()
    }

    /// A configuration of Prometheus that scrapes them each second.
    pub fn prometheus(&self) -> String {
        let jobs = self.targets.iter().enumerate().map(|(place, (labels, honours))| {
            json!({
                "job_name": format!("target-{place}"),
                "metrics_path": format!("/{place}"),
                "honor_labels": honours,
                "static_configs": [{"targets": [self.address.to_string()], "labels": labels}],
            })
        });
        // JSON is YAML.
        json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": jobs.collect::<Vec<Json>>(),
        })
        .to_string()
    }
}

async fn tell(
    State(state): State<Arc<(Instant, Vec<Exposition>)>>,
    Path(target): Path<usize>,
) -> impl IntoResponse {
    let (began, expositions) = &*state;
    let age = OLD + began.elapsed().as_secs_f64();
    let mut text = String::new();
    for line in &expositions[target].lines {
        match line {
            Line::Still(line) => writeln!(text, "{line}").unwrap(),
            Line::Growing { series, rate } => writeln!(text, "{series} {}", rate * age).unwrap(),
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

/// The targets of a file. Comments before the first are about the file.
fn read(file: &str) -> Vec<Exposition> {
    let target = Regex::new(r"^# target (honor_labels )?\{(.*)\}$").unwrap();
    let label = Regex::new(r#"(\w+)="([^"]*)""#).unwrap();
    let mut expositions: Vec<Exposition> = Vec::new();
    let mut grows = false;
    for line in file.lines().filter(|line| !line.is_empty()) {
        if let Some(found) = target.captures(line) {
            let labels = label.captures_iter(&found[2]).map(|label| (label[1].into(), label[2].into()));
            let honours = found.get(1).is_some();
            expositions.push(Exposition { labels: labels.collect(), honours, lines: Vec::new() });
            continue;
        }
        let Some(exposition) = expositions.last_mut() else {
            assert!(line.starts_with('#'), "before any target: {line}");
            continue;
        };
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            grows = ["counter", "histogram", "summary"].iter().any(|counted| kind.ends_with(counted));
        }
        exposition.lines.push(match line.rsplit_once(' ') {
            Some((series, count)) if grows && !line.starts_with('#') => Line::Growing {
                series: series.to_owned(),
                rate: count.parse::<f64>().unwrap_or_else(|error| panic!("{line}: {error}")) / COUNTED_IN,
            },
            _ => Line::Still(line.to_owned()),
        });
    }
    expositions
}
