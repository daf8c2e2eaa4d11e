//! A bastion: the program as one operator runs it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::world::World;

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
        self.events().last().and_then(|last| last["words"].as_str()).unwrap_or_default().to_owned()
    }

    /// Asserts that this interlock blocked it, before any change.
    #[track_caller]
    pub fn blocked_by(self, interlock: &str) -> Self {
        let run = self.expect(3);
        let words = run.words();
        assert!(words.contains(&format!("({interlock})")), "blocked by something else: {words}");
        run
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
    pub fn new(world: &World, user: &str, kubeconfig: &Path, extra: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let url = world.url();
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

    /// The bastion of the operator `ops1`.
    pub fn of_operator(world: &World) -> Self {
        Self::new(world, "ops1", &world.oncall, "")
    }

    /// The bastion of `ops1`, who has brought v1.1.0 to green and verified it.
    pub fn prepared(world: &World) -> Self {
        let bastion = Self::of_operator(world);
        bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
        bastion.act(&["verify", "--colour", "green"]).expect(0);
        bastion
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
        Self::listen(self.start(arguments))
    }

    /// Runs the program to its end; its events with the times at which they were told.
    pub fn told(&self, arguments: &[&str]) -> (Run, Vec<(Instant, Value)>) {
        Self::listen(self.command(arguments).spawn().unwrap())
    }

    /// Starts the program, to listen to it while it runs.
    pub fn begin(&self, arguments: &[&str]) -> Running {
        Running::new(self.command(arguments).stderr(Stdio::null()).spawn().unwrap())
    }

    fn listen(mut child: Child) -> (Run, Vec<(Instant, Value)>) {
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

/// The program while it runs; ended when this is dropped.
pub struct Running {
    child: Child,
    events: Receiver<Value>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let (sender, events) = std::sync::mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for event in lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { child, events }
    }

    /// Waits for an event.
    ///
    /// Panics when the program ends before, or there is none within `limit`.
    pub fn wait_for(&mut self, limit: Duration, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + limit;
        let mut heard = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) if is_it(&event) => return event,
                Ok(event) => heard.push(event),
                Err(error) => panic!("waited for an event: {error}: {heard:#?}"),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
