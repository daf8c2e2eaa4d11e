//! A rehearsal's stage: the world, set in motion, with its doors open on loopback and a
//! directory of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::api::Api;
use super::api::who::{USERS, Who};
use super::application::{front, users};
use super::github::people::{PEOPLE, PLAYER};
use super::scenario::{NAMESPACE, PORT, SERVICE, Scenario, TIME_ZONE};
use super::signals::Signals;
use super::world::World;
use super::{cluster, door, game_master, github, pagerduty, plot, signals};
use crate::config::{self, ConfigError, Environment};

/// The name of the environment.
const ENVIRONMENT: &str = "rehearsal";

/// A world in motion; it ends, and its directory goes, when this is dropped.
#[derive(Debug)]
pub struct Stage {
    pub world: Arc<World>,
    speed: u32,
    api: Api,
    application: SocketAddr,
    control: SocketAddr,
    /// `None`: nothing is measured in this scenario.
    signals: Option<Signals>,
    github: String,
    directory: Directory,
    _stop: DropGuard,
}

/// Where a stage writes its files.
#[derive(Debug)]
enum Directory {
    /// Goes with the stage.
    Own(TempDir),
    /// Somebody else's: nothing in it is taken away.
    Given(PathBuf),
}

impl Directory {
    fn path(&self) -> &Path {
        match self {
            Self::Own(directory) => directory.path(),
            Self::Given(path) => path,
        }
    }
}

/// Why a stage could not be raised.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error("the rehearsal could not be started: {0}")]
    Io(#[from] io::Error),
    #[error("the rehearsal's own configuration is wrong, which is a fault of this program:\n{0}")]
    Config(#[from] ConfigError),
}

impl Stage {
    /// Makes a world and sets it in motion. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no port, certificate or directory is to be had.
    pub async fn raise(
        scenario: Scenario,
        seed: u64,
        speed: u32,
        directory: Option<&Path>,
    ) -> Result<Self, StageError> {
        let world = World::new(scenario, seed);
        cluster::seed(&world);
        let stop = CancellationToken::new();
        let api = Api::start(Arc::clone(&world))?;
        let loopback = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (front, master) = (loopback().await?, loopback().await?);
        let (application, control) = (front.local_addr()?, master.local_addr()?);
        tokio::spawn(cluster::run(Arc::clone(&world), stop.clone()));
        tokio::spawn(front::serve(Arc::clone(&world), front, stop.clone()));
        tokio::spawn(users::run(Arc::clone(&world), stop.clone()));
        tokio::spawn(plot::run(Arc::clone(&world), speed, stop.clone()));
        let signals = match world.scenario.measured {
            true => Some(Signals::start(&world, &stop)?),
            false => None,
        };
        let listener = door::open()?;
        let github = format!("http://{}", listener.local_addr()?);
        world.github.is_at(&github);
        let router = github::router(Arc::clone(&world));
        let faults = world.faults.clone();
        tokio::spawn(door::serve(listener, router, faults, Some("github-lost"), stop.clone()));
        tokio::spawn(github::drive(Arc::clone(&world), stop.clone()));
        let directory = match directory {
            // Its kubeconfigs name other files in it, wherever their reader stands.
            Some(path) => Directory::Given(std::path::absolute(path)?),
            None => Directory::Own(TempDir::with_prefix("cutover-rehearsal-")?),
        };
        let router = game_master::router(Arc::clone(&world), directory.path().to_owned());
        let ended = stop.clone();
        tokio::spawn(async move {
            let served = axum::serve(master, router).with_graceful_shutdown(ended.cancelled_owned());
            if let Err(error) = served.await {
                tracing::error!("the game master's door broke off: {error}");
            }
        });
        let _stop = stop.drop_guard();
        let stage = Self { world, speed, api, application, control, signals, github, directory, _stop };
        stage.write_files().await?;
        Ok(stage)
    }

    /// The directory with the stage's files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Keeps the directory when the stage is dropped.
    pub fn keep_directory(&mut self) {
        let given = Directory::Given(self.directory().to_owned());
        if let Directory::Own(directory) = std::mem::replace(&mut self.directory, given) {
            // Its path is known already.
            let _ = directory.keep();
        }
    }

    /// Has stages of the pipeline run these commands, in place of what the world would do.
    pub fn run_in_pipeline(&self, commands: github::workflow::Commands) {
        self.world.github.set_commands(commands);
    }

    /// Where everything is, for other clients.
    #[must_use]
    pub fn urls(&self) -> Value {
        let mut urls = json!({
            "api": self.api.url(),
            "application": format!("http://{}", self.application),
            "control": format!("http://{}", self.control),
            "github": self.github,
            "namespace": NAMESPACE,
            "service": SERVICE,
            "scenario": self.world.scenario.name,
        });
        for (name, url) in self.signals.iter().flat_map(Signals::urls) {
            urls[name] = json!(url);
        }
        urls
    }

    /// The environment that leads to this world, its policy shortened by the speed.
    ///
    /// # Errors
    /// When its configuration is wrong, which would be a fault of this program.
    pub fn environment(&self) -> Result<Environment, ConfigError> {
        let mut environment =
            config::read_text(&self.config(&kubeconfig_name(&USERS[1])), self.directory(), ENVIRONMENT)?;
        environment.policy = environment.policy.at_speed(self.speed);
        Ok(environment)
    }

    /// The configuration for one user's kubeconfig. Users of the application show what
    /// `/health` does not: the probes ask what they ask.
    fn config(&self, kubeconfig: &str) -> String {
        let application = self.application;
        let signals = self.signals.as_ref().map(|signals| signals.config(ENVIRONMENT, self.speed));
        let cluster = format!(
            r#"# A rehearsal: nothing here is real.
[environments.{ENVIRONMENT}.kubernetes]
kubeconfig = "{kubeconfig}"
namespace = "{NAMESPACE}"
service = "{SERVICE}"
port = {PORT}

[environments.{ENVIRONMENT}.application]
url = "http://{application}"
probe_path = "/api/v1/fiscal-services?limit=1"
probe_interval = "250ms"
probe_timeout = "5s"

[[environments.{ENVIRONMENT}.verify.checks]]
path = "/health"
version = true
json = {{ "/status" = "ok" }}
"#
        );
        let repository = github::config(&self.world.scenario.github, &self.github);
        let checklist = self.world.scenario.checklist.as_deref().map(checklist).unwrap_or_default();
        cluster + &checklist + &signals.unwrap_or_default() + &repository
    }

    async fn write_files(&self) -> io::Result<()> {
        let directory = self.directory();
        tokio::fs::create_dir_all(directory).await?;
        let authority = directory.join("ca.crt");
        tokio::fs::write(&authority, self.api.authority()).await?;
        for who in &USERS {
            let path = directory.join(kubeconfig_name(who));
            tokio::fs::write(path, self.api.kubeconfig(who, Some(&authority))).await?;
        }
        if self.signals.is_some() {
            // It opens nothing outside this world.
            tokio::fs::write(directory.join(signals::TOKEN_FILE), pagerduty::TOKEN).await?;
        }
        for person in &PEOPLE {
            let path = directory.join(format!("{}.github.token", person.login));
            tokio::fs::write(path, format!("{}\n", person.token())).await?;
        }
        tokio::fs::write(directory.join(github::TOKEN_FILE), format!("{}\n", PLAYER.token())).await?;
        tokio::fs::write(directory.join("urls.json"), format!("{:#}\n", self.urls())).await?;
        tokio::fs::write(directory.join("config.toml"), self.config(&kubeconfig_name(&USERS[1]))).await
    }
}

/// What the configuration says where a checklist is kept: the procedure's deploy window.
fn checklist(name: &str) -> String {
    format!(
        r#"
[environments.{ENVIRONMENT}]
time_zone = "{TIME_ZONE}"
checklist.name = "{name}"
policy.window = {{ days = "tue-thu", from = "22:00", to = "23:00", team_until = "00:30" }}
"#
    )
}

/// What a user's kubeconfig is called: the first user's has no prefix.
fn kubeconfig_name(who: &Who) -> String {
    if who.is_master() { "kubeconfig".into() } else { format!("{}.kubeconfig", who.user) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sop::policy::Policy;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stage_has_its_files_its_environment_and_its_speed() {
        let stage = Stage::raise(Scenario::default(), 1, 30, None).await.unwrap();
        for name in [
            "ca.crt",
            "kubeconfig",
            "oncall.kubeconfig",
            "viewer.kubeconfig",
            "github.token",
            "orchestrator.github.token",
            "urls.json",
            "config.toml",
        ] {
            assert!(stage.directory().join(name).is_file(), "{name}");
        }
        let environment = stage.environment().unwrap();
        assert_eq!(environment.policy.watch, Duration::from_secs(60), "30 minutes in one");
        assert_eq!(environment.policy.rollout_timeout, Policy::default().rollout_timeout);
        assert!(environment.application.url.starts_with("http://127.0.0.1:"));
        let metrics = environment.metrics.unwrap();
        assert_eq!(metrics.interval, Duration::from_secs(1), "a shorter watch is sampled more often");
        assert_eq!(metrics.signals[0].signal.stale_after, Duration::from_secs(10));
        assert!(environment.alerts.unwrap().alertmanager.is_some() && environment.pagerduty.is_some());
        let directory = stage.directory().to_owned();
        drop(stage);
        assert!(!directory.exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn at_speed_1_it_is_measured_as_shipped_and_it_need_not_be_measured() {
        let stage = Stage::raise(Scenario::default(), 1, 1, None).await.unwrap();
        let metrics = stage.environment().unwrap().metrics.unwrap();
        for (watched, shipped) in metrics.signals.iter().zip(crate::sop::signal::Signal::shipped()) {
            assert_eq!(watched.signal, shipped);
        }
        let unmeasured = Scenario { measured: false, ..Scenario::default() };
        let stage = Stage::raise(unmeasured, 1, 1, None).await.unwrap();
        let environment = stage.environment().unwrap();
        assert!(environment.metrics.is_none() && environment.alerts.is_none());
        assert!(environment.github.is_none(), "this scenario is about the cluster only");
        assert!(stage.urls().get("prometheus").is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn where_a_release_begins_at_its_pull_request_the_room_reads_the_repository() {
        use crate::sop::repository::DeployBy;
        for (scenario, deploy_by) in [("release", DeployBy::Room), ("pipeline", DeployBy::Pipeline)] {
            let stage = Stage::raise(Scenario::find(scenario).unwrap(), 1, 60, None).await.unwrap();
            let github = stage.environment().unwrap().github.unwrap();
            assert_eq!(stage.urls()["github"], github.endpoint.url.as_str());
            assert_eq!(
                (github.setting.repository.as_str(), github.setting.deploy_by),
                ("taxasge/backend", deploy_by)
            );
            let roles: Vec<&str> = github.setting.people.keys().map(String::as_str).collect();
            assert_eq!(github.setting.each_role, roles, "one approval of each");
        }
    }
}
