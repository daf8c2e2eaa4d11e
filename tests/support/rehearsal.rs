//! The rehearsal: a world inside the program, served by another process of it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::users::Traffic;
use super::world::{Ground, Outage, World};

/// `cutover rehearse --serve`, until this is dropped.
pub struct Rehearsal {
    process: Child,
    urls: Value,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    _directory: TempDir,
}

impl Rehearsal {
    /// A world of one's own, and the kubeconfigs of its administrator, operator and viewer.
    pub fn start() -> (Self, [PathBuf; 3]) {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new(super::program())
            .args(["rehearse", "--serve", "--dir"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let urls = super::until("the rehearsal to be served", Duration::from_secs(20), || {
            let ended = process.try_wait().unwrap();
            assert!(ended.is_none(), "the rehearsal ended: {ended:?}");
            serde_json::from_slice(&std::fs::read(directory.path().join("urls.json")).ok()?).ok()
        });
        let files = ["kubeconfig", "oncall.kubeconfig", "viewer.kubeconfig"];
        let kubeconfigs = files.map(|file| directory.path().join(file));
        // Without a provider of TLS the client panics; a second installation is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        (Self { process, urls, http, runtime, _directory: directory }, kubeconfigs)
    }

    /// Asks the world's own control for something.
    fn control(&self, method: reqwest::Method, path: &str, body: &Value) {
        let url = format!("{}{path}", self.urls["control"].as_str().unwrap());
        let request = self.http.request(method, url).json(body);
        let answer = self.runtime.block_on(request.send()).unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    fn inject(&self, fault: &str, figures: &Value) {
        self.control(reqwest::Method::PUT, &format!("/faults/{fault}"), figures);
    }

    fn clear(&self, fault: &str) {
        self.control(reqwest::Method::DELETE, &format!("/faults/{fault}"), &json!({}));
    }
}

const fn fault(outage: Outage) -> &'static str {
    match outage {
        Outage::Frozen => "api-frozen",
        Outage::Lost => "api-lost",
    }
}

impl Ground for Rehearsal {
    fn reset(&self) {
        self.control(reqwest::Method::POST, "/reset", &json!({}));
    }

    fn lose(&self, outage: Outage) {
        self.inject(fault(outage), &json!({}));
    }

    fn bring_back(&self, outage: Outage) {
        self.clear(fault(outage));
    }

    fn url(&self, _: &World) -> String {
        self.urls["application"].as_str().unwrap().to_owned()
    }

    fn traffic(&self, url: &str) -> Traffic {
        Traffic::begin(url)
    }

    fn flood(&self, _: &World) {
        self.inject("log-flood", &json!({"lines_per_second": 10_000}));
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}
