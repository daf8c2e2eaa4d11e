//! The configuration as the program uses it: checked, with defaults filled in.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::Regex;

use super::checklist::ChecklistSource;
use super::secret::SecretSource;
pub use crate::room::logs::LogFilter;
use crate::sop::checklist::Checklist;
use crate::sop::colour::PerColour;
use crate::sop::hotfix::Hotfix;
pub use crate::sop::policy::Policy;
use crate::sop::repository::{GitHubSetting, ReleaseChoice};
use crate::sop::signal::Signal;
use crate::sop::stages::StagePatterns;

/// One environment, chosen and checked; what the rest of the program sees.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The table's name: `production`.
    pub name: String,
    /// Whether the screen must be unmistakable about it.
    pub production: bool,
    /// Whether every change is refused, whoever asks.
    pub read_only: bool,
    /// The team's time zone, with the words for the header (`Malabo`).
    pub time_zone: TeamZone,
    pub kubernetes: Kubernetes,
    pub application: Application,
    pub verify: Verify,
    pub policy: Policy,
    pub logs: Logs,
    /// `None`: nothing measures the traffic.
    pub metrics: Option<Metrics>,
    /// `None`: no alerts are read.
    pub alerts: Option<Alerts>,
    /// `None`: who is on call is not known.
    pub pagerduty: Option<PagerDuty>,
    /// `None`: pull request and pipeline are not read.
    pub github: Option<GitHub>,
    /// `None`: no database is asked, and no migrations are read.
    pub database: Option<Database>,
    /// Which checklist is kept; `None`: none.
    pub checklist_source: Option<ChecklistSource>,
    /// `None`: an ordinary release.
    pub hotfix: Option<Hotfix>,
    /// The checklist, once its file was read.
    pub checklist: Option<Checklist>,
}

/// A time zone and what the header calls it: the last part of its IANA name,
/// with spaces for underscores.
#[derive(Clone, Debug)]
pub struct TeamZone {
    pub zone: TimeZone,
    pub label: String,
}

/// What the cluster calls things.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    /// `None`: the path of `KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `None`: the kubeconfig's current context, pinned at start.
    pub context: Option<String>,
    pub namespace: String,
    pub service: String,
    /// The selector key whose value names the colour: `version`.
    pub selector_key: String,
    pub colours: PerColour<ColourNames>,
    /// The container whose image is the release.
    pub container: String,
    /// The port that the application listens on in its pods.
    pub port: u16,
    /// A bearer token in place of the kubeconfig's credentials.
    pub token: Option<SecretSource>,
}

/// What one colour is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColourNames {
    /// The value of the selector key.
    pub value: String,
    pub deployment: String,
}

/// The application as its users reach it.
#[derive(Clone, Debug)]
pub struct Application {
    /// The public URL, without a trailing slash.
    pub url: String,
    /// The path that probes ask for, below `url`: `/health`.
    pub probe_path: String,
    /// A path of the application's API, asked for beside it; `None`: none is.
    pub api_path: Option<String>,
    pub probe_interval: Duration,
    pub probe_timeout: Duration,
    /// Where an answer says which version gave it.
    pub version: VersionSource,
    /// Sent as `Authorization: Bearer` with probes and checks.
    pub token: Option<SecretSource>,
}

/// Where an answer says which version gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionSource {
    Header(String),
    /// RFC 6901.
    JsonPointer(String),
}

/// The checks that every pod of the idle colour must pass.
#[derive(Clone, Debug)]
pub struct Verify {
    pub checks: Vec<HttpCheck>,
    /// Time limit of one check.
    pub timeout: Duration,
}

/// One HTTP check (sop.md, "Test green").
#[derive(Clone, Debug)]
pub struct HttpCheck {
    /// Path and query: `/api/v1/fiscal-services?limit=1`.
    pub path: String,
    pub status: u16,
    pub expect: Vec<Expect>,
    /// Slowest acceptable answer.
    pub max_latency: Option<Duration>,
    /// Checked for this version only: a release's own checks. `None`: always.
    pub only_version: Option<String>,
    /// Whether the answer must carry the release's version ([`Application::version`]).
    pub version: bool,
}

/// One thing an answer must contain.
#[derive(Clone, Debug)]
pub struct Expect {
    pub part: AnswerPart,
    pub must: Must,
}

/// A part of an HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerPart {
    Header(String),
    /// RFC 6901.
    JsonPointer(String),
    Body,
}

/// What a part of an answer must be.
#[derive(Clone, Debug)]
pub enum Must {
    /// Its text, exactly. The text of a JSON value is its JSON form, of a string
    /// the string without quotes: `ok`, `1`, `true`.
    Equal(String),
    /// Its text, somewhere in it unless the pattern is anchored.
    Match(Regex),
}

/// How logs are read and kept.
#[derive(Clone, Debug)]
pub struct Logs {
    pub filter: LogFilter,
    /// Lines of each pod to begin with: 100.
    pub tail: u32,
    /// Most lines kept: 100,000.
    pub max_lines: usize,
    /// Most bytes of text kept: 16 MiB.
    pub max_bytes: usize,
    /// Most pods followed at once: 40.
    pub max_streams: usize,
}

/// How a server with an HTTP API is reached, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a trailing slash; paths are put behind it.
    pub url: String,
    /// A bearer token, or with `username` the password of basic authentication.
    pub token: Option<SecretSource>,
    pub username: Option<String>,
    /// Sent with every request; none of them a secret.
    pub headers: Vec<(String, String)>,
    /// Sent as `X-Scope-OrgID`: the tenant of Mimir, Cortex and Loki.
    pub org_id: Option<String>,
    /// PEM certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Time limit of one request.
    pub timeout: Duration,
}

impl Endpoint {
    /// A server that is asked as nobody in particular.
    #[must_use]
    pub fn anonymous(url: impl Into<String>, timeout: Duration) -> Self {
        Self {
            url: url.into(),
            token: None,
            username: None,
            headers: Vec::new(),
            org_id: None,
            ca_file: None,
            timeout,
        }
    }
}

/// Prometheus, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Of Prometheus, or of Grafana's proxy to it.
    pub endpoint: Endpoint,
    /// Time between two samples.
    pub interval: Duration,
    /// A page for people, shown and copied.
    pub dashboard: Option<String>,
    /// In the order in which they are shown.
    pub signals: Vec<WatchedSignal>,
}

/// A signal and the queries that bring its samples.
#[derive(Clone, Debug)]
pub struct WatchedSignal {
    pub signal: Signal,
    pub queries: Queries,
}

/// What is asked for one signal, in PromQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queries {
    pub value: Asked,
    /// Requests within the window.
    pub volume: Option<Asked>,
    /// Failed requests since each process began.
    pub bad: Option<Asked>,
    /// All requests since each process began.
    pub all: Option<Asked>,
    /// What can be reached at most.
    pub maximum: Option<Asked>,
}

/// The texts of one query, with all names put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of everything behind the Service; `None` where only one colour can be asked for.
    pub total: Option<String>,
    /// Of each colour; `None` where the text does not tell them apart.
    pub colours: Option<PerColour<String>>,
}

/// Where alerts are read, and which of them matter.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// `None`: the alerts of the Prometheus of [`Metrics`] are read instead.
    pub alertmanager: Option<Endpoint>,
    pub interval: Duration,
    /// All of them must hold.
    pub matchers: Vec<LabelMatcher>,
    /// All of them must hold for an alert to count as P0.
    pub p0: Vec<LabelMatcher>,
}

/// Where it is read who is on call, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagerDuty {
    pub endpoint: Endpoint,
    pub interval: Duration,
    /// The service whose open incidents are shown, by its id; `None`: of all services.
    pub service: Option<String>,
    /// The escalation policy whose people are on call, by its id; `None`: of all.
    pub escalation_policy: Option<String>,
}

/// GitHub, and what the procedure asks for there.
#[derive(Clone, Debug)]
pub struct GitHub {
    /// Of the REST API.
    pub endpoint: Endpoint,
    pub setting: GitHubSetting,
    /// Time between two looks at a pipeline that runs; the others follow from it.
    pub interval: Duration,
    /// What the pipeline's stages are called.
    pub stages: StagePatterns,
    /// Which release is followed; the command line says.
    pub release: ReleaseChoice,
}

/// The database and the release's migrations. Both are only read.
#[derive(Clone, Debug)]
pub struct Database {
    /// The environment's own; `None`: it is not asked.
    pub own: Option<DatabaseServer>,
    /// Staging's; `None`: it is not asked.
    pub staging: Option<DatabaseServer>,
    /// `None`: they are not read.
    pub migrations: Option<Migrations>,
    pub version_table: VersionTable,
    /// A transaction older than this would make a migration wait.
    pub long_transaction: Duration,
    /// Connections that one colour takes; `None`: as many as there are now.
    pub per_colour: Option<u32>,
}

/// Where the release's migration scripts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// A directory with Alembic's scripts, or one with `versions` in it.
    Directory(PathBuf),
    /// A directory of the repository of [`GitHub`].
    Repository(String),
}

/// How a database is reached, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseServer {
    /// Without a password.
    pub address: tokio_postgres::Config,
    pub password: Option<SecretSource>,
    /// With TLS the server's certificate is checked.
    pub tls: bool,
    /// PEM certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Time limit of connecting, and of each question.
    pub timeout: Duration,
}

/// Where Alembic writes down at which revision a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionTable {
    /// `None`: wherever the user's search path finds it.
    pub schema: Option<String>,
    pub name: String,
}

impl Default for VersionTable {
    fn default() -> Self {
        Self { schema: None, name: "alembic_version".to_owned() }
    }
}

/// A condition on a label, as Alertmanager writes it: `severity=~"P0|critical"`.
#[derive(Clone, Debug)]
pub struct LabelMatcher {
    /// The whole condition, as Alertmanager reads it.
    pub text: String,
    pub label: String,
    pub holds: Holds,
}

/// What a label's value must be. A label that is missing has the empty value.
#[derive(Clone, Debug)]
pub enum Holds {
    Equal(String),
    NotEqual(String),
    /// The whole value.
    Match(Regex),
    NoMatch(Regex),
}

impl LabelMatcher {
    /// Reads a condition.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        super::values::matcher(text).map_err(|reason| reason.why.to_string())
    }

    /// Whether it holds for a label's value; empty: there is no such label.
    #[must_use]
    pub fn holds(&self, value: &str) -> bool {
        match &self.holds {
            Holds::Equal(wanted) => value == wanted,
            Holds::NotEqual(wanted) => value != wanted,
            Holds::Match(pattern) => pattern.is_match(value),
            Holds::NoMatch(pattern) => !pattern.is_match(value),
        }
    }
}
