//! The lab: a real cluster, as its variables describe it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::users::Traffic;
use super::world::{Ground, Outage, World};

/// There is one lab, and a test has it for itself.
static ALONE: Mutex<()> = Mutex::new(());

/// The lab, for as long as this is held.
pub struct Lab {
    script: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Lab {
    /// The lab and the kubeconfigs of its administrator, operator and viewer.
    pub fn find() -> Option<(Self, [PathBuf; 3])> {
        let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let kubeconfigs = [
            var("KUBECONFIG")?,
            var("CUTOVER_LAB_ONCALL_KUBECONFIG")?,
            var("CUTOVER_LAB_VIEWER_KUBECONFIG")?,
        ];
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Some((Self { script: script(), _alone: alone }, kubeconfigs))
    }

    /// Runs the lab's script: `pause apiserver`, `resume apiserver`, …
    fn run(&self, arguments: &[&str]) {
        run(&self.script, arguments);
    }
}

/// The lab's script.
fn script() -> PathBuf {
    let directory = std::env::var_os("CUTOVER_LAB_DIR").map(PathBuf::from);
    directory.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/lab")).join("lab")
}

fn run(script: &Path, arguments: &[&str]) {
    let output = Command::new(script).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "lab {arguments:?}: {error}");
}

/// A variable that the lab sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("the lab sets {name}"))
}

/// A part of the lab that does not run for as long as this lives: on every way out, so
/// that a test that fails leaves a lab to the next one.
#[must_use]
pub struct Stopped {
    part: &'static str,
    again: &'static str,
}

impl Stopped {
    /// It is gone: connections are refused.
    pub fn killed(part: &'static str) -> Self {
        run(&script(), &["kill", part]);
        Self { part, again: "start" }
    }

    /// It takes connections and answers nothing.
    pub fn paused(part: &'static str) -> Self {
        run(&script(), &["pause", part]);
        Self { part, again: "resume" }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        run(&script(), &[self.again, self.part]);
    }
}

impl Ground for Lab {
    fn reset(&self) {
        self.run(&["app"]);
    }

    fn lose(&self, outage: Outage) {
        match outage {
            Outage::Frozen => self.run(&["pause", "apiserver"]),
            Outage::Lost => self.run(&["kill", "apiserver"]),
        }
    }

    fn bring_back(&self, outage: Outage) {
        match outage {
            Outage::Frozen => self.run(&["resume", "apiserver"]),
            Outage::Lost => self.run(&["start", "apiserver"]),
        }
    }

    fn url(&self, world: &World) -> String {
        format!("http://{}", world.get("service/backend")["spec"]["clusterIP"].as_str().unwrap())
    }

    fn traffic(&self, url: &str) -> Traffic {
        let mut script = Command::new(self.script.with_file_name("traffic"));
        Traffic::of_script(script.args([url, "--seconds", "300"]).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn flood(&self, world: &World) {
        let shell = "n=0; while :; do /bin/busybox yes \"$(/bin/busybox date -Iseconds) ERROR backend.api path=/x TimeoutError: flood\" | /bin/busybox head -n 3400; /bin/busybox sleep 1; done";
        let patch = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "backend", "command": ["/bin/sh", "-c", shell]}]}}}});
        world.scale("backend-green", 0);
        world.patch("deployment/backend-green", &patch);
        world.scale("backend-green", 3);
        super::until("the flood's pods to run", Duration::from_secs(90), || {
            let pods = world.pods("app=backend,version=green,!crowd");
            (pods.len() == 3 && pods.iter().all(|pod| pod["status"]["phase"] == "Running")).then_some(())
        });
    }
}
