//! The real cluster that live tests run on, and the program run against it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The cluster, as its variables describe it.
pub struct Lab {
    pub kubectl: PathBuf,
    pub admin: PathBuf,
    pub oncall: PathBuf,
    pub viewer: PathBuf,
    script: PathBuf,
}

/// The cluster, put back to its start: traffic on blue, both colours on v1.0.0.
/// `None`, with the reason printed, where there is none.
pub fn lab(test: &str) -> Option<Lab> {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let found = (|| {
        Some(Lab {
            kubectl: var("CUTOVER_LAB_KUBECTL")?,
            admin: var("KUBECONFIG")?,
            oncall: var("CUTOVER_LAB_ONCALL_KUBECONFIG")?,
            viewer: var("CUTOVER_LAB_VIEWER_KUBECONFIG")?,
            script: var("CUTOVER_LAB_DIR")
                .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/lab"))
                .join("lab"),
        })
    })();
    match &found {
        None => println!("skipped: {test}: the variables of the lab (KUBECONFIG, CUTOVER_LAB_*) are not set"),
        Some(lab) => lab.reset(),
    }
    found
}

impl Lab {
    /// Puts the application back to its start.
    pub fn reset(&self) {
        self.lab(&["app"]);
    }

    /// Runs the lab's script: `pause apiserver`, `resume apiserver`, …
    pub fn lab(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.script).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "lab {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs kubectl as the cluster's administrator.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.kubectl)
            .args(["--kubeconfig", self.admin.to_str().unwrap(), "-n", "taxasge"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Reads an object as JSON.
    pub fn get(&self, what: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", what, "-o", "json"])).unwrap()
    }

    /// The colour that the Service selects.
    pub fn selected(&self) -> String {
        self.kubectl(&["get", "service/backend", "-o", "jsonpath={.spec.selector.version}"])
    }

    /// The URL of the application through the Service.
    pub fn url(&self) -> String {
        format!("http://{}", self.kubectl(&["get", "service/backend", "-o", "jsonpath={.spec.clusterIP}"]))
    }

    /// A user's steady requests through the Service until [`Traffic::end`].
    pub fn traffic(&self) -> Traffic {
        let child = Command::new(self.script.with_file_name("traffic"))
            .args([self.url().as_str(), "--seconds", "300"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Traffic { child }
    }
}

/// Users' requests.
pub struct Traffic {
    child: Child,
}

impl Traffic {
    /// Stops it and tells what the users saw.
    pub fn end(mut self) -> Value {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.child.wait().unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Someone who opens a new connection every few milliseconds and notes which version answers.
pub struct Visitor {
    stop: Arc<AtomicBool>,
    seen: JoinHandle<Vec<(Instant, String)>>,
}

impl Visitor {
    /// Begins to ask, for at most five minutes.
    pub fn begin(url: &str) -> Self {
        let address = url.trim_start_matches("http://").to_owned() + ":80";
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let seen = std::thread::spawn(move || {
            let (mut seen, begun) = (Vec::new(), Instant::now());
            while !stopped.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(300) {
                if let Some(version) = version_once(&address) {
                    seen.push((Instant::now(), version));
                }
                std::thread::sleep(Duration::from_millis(15));
            }
            seen
        });
        Self { stop, seen }
    }

    /// Stops; when each answer came and which version gave it.
    pub fn end(self) -> Vec<(Instant, String)> {
        self.stop.store(true, Ordering::SeqCst);
        self.seen.join().unwrap()
    }
}

/// The version that answers one request on a connection of its own.
fn version_once(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(3))).ok()?;
    let request = "GET /api/v1/fiscal-services?limit=1 HTTP/1.0\r\nHost: backend\r\n\r\n";
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let version = answer.lines().find_map(|line| line.strip_prefix("X-Version: "))?;
    Some(version.to_owned())
}

/// A bastion: a home of its own with a configuration and a state directory.
pub struct Bastion {
    home: TempDir,
    kubeconfig: PathBuf,
    state: PathBuf,
    user: String,
}

/// What a run of the program said and how it ended.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The JSON objects that it printed, one a line.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The seconds that a step took.
    pub fn seconds(&self, step: &str) -> Option<f64> {
        self.events()
            .iter()
            .rev()
            .find(|event| event["step"] == step && event["seconds"].is_number())
            .and_then(|event| event["seconds"].as_f64())
    }

    /// The words with which it ended.
    pub fn words(&self) -> String {
        let events = self.events();
        events.last().and_then(|last| last["words"].as_str()).unwrap_or_default().to_owned()
    }

    /// Asserts the exit status, showing everything when it is another.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

impl Bastion {
    /// A bastion whose operator uses `kubeconfig`; `extra` is added to the configuration's
    /// shared tables.
    pub fn new(lab: &Lab, user: &str, kubeconfig: &Path, extra: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let url = lab.url();
        let config = format!(
            r#"
[environments.lab]
production = true
[environments.lab.kubernetes]
namespace = "taxasge"
service = "backend"
port = 8000
[environments.lab.application]
url = "{url}"
version_json = "/version"
# Not the API path: two in a thousand of its answers are errors, on purpose.
probe_path = "/health"
[[environments.lab.verify.checks]]
path = "/health"
json = {{ "/status" = "ok" }}
version = true
{extra}
"#
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        let state = home.path().join("state");
        Self { home, kubeconfig: kubeconfig.to_owned(), state, user: user.to_owned() }
    }

    /// The same bastion's state directory as another one's.
    pub fn with_state_of(mut self, other: &Self) -> Self {
        self.state = other.state.clone();
        self
    }

    /// The directory that holds everything of this bastion.
    pub fn path(&self) -> &Path {
        self.home.path()
    }

    /// A command of the program, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in self.variables() {
            command.env(name, value);
        }
        command.current_dir(self.home.path());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Self::finish(self.command(arguments).spawn().unwrap())
    }

    /// Runs an action with JSON output.
    pub fn act(&self, arguments: &[&str]) -> Run {
        let mut all = arguments.to_vec();
        all.extend(["--yes", "--output", "json"]);
        self.run(&all)
    }

    /// Runs an action with JSON output; its events with the times at which they were told.
    pub fn act_timed(&self, arguments: &[&str]) -> (Run, Vec<(Instant, Value)>) {
        let mut child = self.start(arguments);
        let mut timed = Vec::new();
        let mut stdout = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            timed.extend(serde_json::from_str(&line).ok().map(|event| (Instant::now(), event)));
            stdout.push_str(&line);
            stdout.push('\n');
        }
        let run = Run { stdout, ..Self::finish(child) };
        (run, timed)
    }

    /// Starts an action with JSON output.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut all = arguments.to_vec();
        all.extend(["--yes", "--output", "json"]);
        self.command(&all).spawn().unwrap()
    }

    /// Waits for the end of what was started.
    pub fn finish(child: Child) -> Run {
        let output = child.wait_with_output().unwrap();
        Run {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The program for a terminal.
    pub fn in_terminal(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        command
    }

    /// The room of another build of the program, for a terminal.
    pub fn in_terminal_of(&self, program: &str) -> Command {
        let ours = self.in_terminal(&[]);
        let mut command = Command::new(program);
        command.current_dir(self.home.path());
        for (name, value) in ours.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    fn variables(&self) -> [(&'static str, String); 4] {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("KUBECONFIG", path(&self.kubeconfig)),
            ("XDG_STATE_HOME", path(&self.state)),
            ("HOME", path(self.home.path())),
            ("LOGNAME", self.user.clone()),
        ]
    }
}

/// Asks again and again until there is an answer.
///
/// Panics when there is none within `limit`.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s for {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}
