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
use super::scenario::{NAMESPACE, PORT, SERVICE, Scenario};
use super::signals::Signals;
use super::world::World;
use super::{cluster, game_master, pagerduty, plot, signals};
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
        let router = game_master::router(Arc::clone(&world));
        let ended = stop.clone();
        tokio::spawn(async move {
            let served = axum::serve(master, router).with_graceful_shutdown(ended.cancelled_owned());
            if let Err(error) = served.await {
                tracing::error!("the game master's door broke off: {error}");
            }
        });
        let directory = match directory {
            // Its kubeconfigs name other files in it, wherever their reader stands.
            Some(path) => Directory::Given(std::path::absolute(path)?),
            None => Directory::Own(TempDir::with_prefix("cutover-rehearsal-")?),
        };
        let _stop = stop.drop_guard();
        let stage = Self { world, speed, api, application, control, signals, directory, _stop };
        stage.write_files().await?;
        Ok(stage)
    }

    /// The directory with the stage's files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        match &self.directory {
            Directory::Own(directory) => directory.path(),
            Directory::Given(path) => path,
        }
    }

    /// Keeps the directory when the stage is dropped.
    pub fn keep_directory(&mut self) {
        let given = Directory::Given(self.directory().to_owned());
        if let Directory::Own(directory) = std::mem::replace(&mut self.directory, given) {
            // Its path is known already.
            let _ = directory.keep();
        }
    }

    /// Where everything is, for other clients.
    #[must_use]
    pub fn urls(&self) -> Value {
        let mut urls = json!({
            "api": self.api.url(),
            "application": format!("http://{}", self.application),
            "control": format!("http://{}", self.control),
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
        format!(
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
        ) + &self.signals.as_ref().map(|signals| signals.config(ENVIRONMENT, self.speed)).unwrap_or_default()
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
        tokio::fs::write(directory.join("urls.json"), format!("{:#}\n", self.urls())).await?;
        tokio::fs::write(directory.join("config.toml"), self.config(&kubeconfig_name(&USERS[1]))).await
    }
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
        for name in
            ["ca.crt", "kubeconfig", "oncall.kubeconfig", "viewer.kubeconfig", "urls.json", "config.toml"]
        {
            assert!(stage.directory().join(name).is_file(), "{name}");
        }
        let environment = stage.environment().unwrap();
        assert_eq!(environment.policy.watch, Duration::from_secs(60), "30 minutes in one");
        assert_eq!(environment.policy.rollout_timeout, Policy::default().rollout_timeout);
        assert!(environment.application.url.starts_with("http://127.0.0.1:"));
        let directory = stage.directory().to_owned();
        drop(stage);
        assert!(!directory.exists());
    }
}
