//! One connection to one cluster, pinned at start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::config::{AuthInfo, Config, ExecInteractiveMode, Kubeconfig, KubeconfigError};

use super::explain::explain;
use super::proxy::ProxyVariables;
use crate::config::Kubernetes;
use crate::config::secret::SecretSource;
use crate::sources::text::clean;

/// How long reading the kubeconfig and running a credential plugin may take.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// How long the TCP connection to the API server may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A connection to the cluster that the room was opened on. Cheap to clone; later
/// edits of the kubeconfig do not redirect it.
#[derive(Clone)]
pub struct Connection {
    pub client: Client,
    /// The kubeconfig's context, by name.
    pub context: String,
    /// The API server's URL.
    pub server: String,
    pub namespace: String,
    /// The kubeconfig's user, by name; the server may call it something else.
    pub user: String,
    memory: Arc<Memory>,
}

/// What one part of the program has learnt of the cluster that spares the others a
/// round trip.
#[derive(Default)]
struct Memory {
    /// The Service's selector, when it was last seen.
    selector: Mutex<Option<BTreeMap<String, String>>>,
    /// A [`Slices`].
    slices: AtomicU8,
}

/// Whether the server has EndpointSlices (`discovery.k8s.io/v1`, since Kubernetes 1.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slices {
    NotAsked,
    Served,
    Missing,
}

/// Why there is no connection, in the operator's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot use the kubeconfig: {0}")]
    Kubeconfig(String),
    #[error("the kubeconfig has no current context: set `context` in the configuration ({})", listed(.known))]
    NoContext { known: Vec<String> },
    #[error("the kubeconfig has no context `{wanted}`{}; {}", meant(.nearest.as_deref()), listed(.known))]
    UnknownContext { wanted: String, nearest: Option<String>, known: Vec<String> },
    #[error("{0}")]
    Credentials(String),
    #[error("reading the credentials took longer than {} s: does the credential plugin wait for an answer?", OPEN_LIMIT.as_secs())]
    TimedOut,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("context", &self.context)
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads the kubeconfig once and makes a client of it. Nothing is asked of the
    /// server yet.
    ///
    /// A credential plugin of the kubeconfig is run without a terminal: it can
    /// neither ask nor write over the screen. It runs on a thread of its own, which
    /// is left behind if it hangs.
    ///
    /// # Errors
    /// When the kubeconfig, the context or the credentials cannot be used.
    pub async fn open(names: &Kubernetes) -> Result<Self, ConnectError> {
        let token = token_credentials(names.token.as_ref()).await?;
        let names = names.clone();
        let runtime = tokio::runtime::Handle::current();
        let (done, answer) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("kubeconfig".into())
            .spawn(move || {
                let _entered = runtime.enter();
                // Nobody waits any more once the time limit has passed.
                let _ = done.send(build(&names, token));
            })
            .map_err(|error| ConnectError::Kubeconfig(format!("no thread to read it on: {error}")))?;
        match tokio::time::timeout(OPEN_LIMIT, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ConnectError::Kubeconfig("reading it was broken off".into())),
            Err(_) => Err(ConnectError::TimedOut),
        }
    }

    /// The Service's selector as it was last seen by any reader of this connection.
    pub(super) fn known_selector(&self) -> Option<BTreeMap<String, String>> {
        self.memory.selector.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the Service's selector for the next reader.
    pub(super) fn remember_selector(&self, selector: &BTreeMap<String, String>) {
        let mut known = self.memory.selector.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() != Some(selector) {
            *known = Some(selector.clone());
        }
    }

    pub(super) fn slices(&self) -> Slices {
        match self.memory.slices.load(Ordering::Relaxed) {
            1 => Slices::Served,
            2 => Slices::Missing,
            _ => Slices::NotAsked,
        }
    }

    pub(super) fn remember_slices(&self, slices: Slices) {
        let value = match slices {
            Slices::NotAsked => 0,
            Slices::Served => 1,
            Slices::Missing => 2,
        };
        self.memory.slices.store(value, Ordering::Relaxed);
    }
}

/// Everything that may block: files, plugins, the TLS stack's set-up.
fn build(names: &Kubernetes, token: Option<AuthInfo>) -> Result<Connection, ConnectError> {
    let mut kubeconfig = read_kubeconfig(names.kubeconfig.as_deref())?;
    let context = choose_context(&kubeconfig, names.context.as_deref())?;
    let user = prepare_users(&mut kubeconfig, &context, token);
    let proxy_in_kubeconfig = cluster_proxy(&kubeconfig, &context).is_some();
    kubeconfig.current_context = Some(context.clone());

    let mut config = Config::try_from(kubeconfig).map_err(|error| kubeconfig_error(&error))?;
    config.default_namespace.clone_from(&names.namespace);
    config.auth_info.token.iter().for_each(crate::redaction::remember);
    config.connect_timeout = Some(CONNECT_LIMIT);
    config.read_timeout = None;
    // A lost answer to a change must be looked into, never replayed.
    config.default_retry = false;
    if !proxy_in_kubeconfig {
        config.proxy_url = proxy_from_environment(&config)?;
    }
    let server = clean(&config.cluster_url.to_string()).trim_end_matches('/').to_owned();
    let client = Client::try_from(config).map_err(|error| ConnectError::Credentials(explain(&error)))?;
    Ok(Connection {
        client,
        context: clean(&context),
        server,
        namespace: names.namespace.clone(),
        user: clean(&user),
        memory: Arc::default(),
    })
}

fn read_kubeconfig(path: Option<&Path>) -> Result<Kubeconfig, ConnectError> {
    match path {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    }
    .map_err(|error| kubeconfig_error(&error))
}

/// kube's parse error shows the lines around the mistake, which may hold a token:
/// only the place is told.
fn kubeconfig_error(error: &KubeconfigError) -> ConnectError {
    ConnectError::Kubeconfig(match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => format!("it is not valid YAML (line {}, column {})", place.line(), place.column()),
            None => "it is not valid YAML".to_owned(),
        },
        KubeconfigError::ParseNoProxy(_) => {
            "NO_PROXY holds an entry that cannot be read: empty entries and stray commas must go".to_owned()
        }
        other => clean(&other.to_string()),
    })
}

/// The context to use: the configured one, else the kubeconfig's current one.
fn choose_context(kubeconfig: &Kubeconfig, wanted: Option<&str>) -> Result<String, ConnectError> {
    let known = || kubeconfig.contexts.iter().map(|named| clean(&named.name)).collect::<Vec<_>>();
    let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
    let Some(wanted) = wanted.or(current) else {
        return Err(ConnectError::NoContext { known: known() });
    };
    if kubeconfig.contexts.iter().any(|named| named.name == wanted && named.context.is_some()) {
        return Ok(wanted.to_owned());
    }
    let known = known();
    Err(ConnectError::UnknownContext { wanted: clean(wanted), nearest: nearest(wanted, &known), known })
}

/// The name that `wanted` was probably meant to be.
fn nearest(wanted: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.clone())
}

/// Keeps every plugin from the terminal, puts the configured token in place of the
/// context's credentials, and returns the context's user by name.
fn prepare_users(kubeconfig: &mut Kubeconfig, context: &str, token: Option<AuthInfo>) -> String {
    for named in &mut kubeconfig.auth_infos {
        if let Some(exec) = named.auth_info.as_mut().and_then(|info| info.exec.as_mut()) {
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
        }
    }
    let chosen = kubeconfig.contexts.iter_mut().find(|named| named.name == context);
    let Some(chosen) = chosen.and_then(|named| named.context.as_mut()) else {
        return String::new();
    };
    let Some(token) = token else {
        return chosen.user.clone().unwrap_or_default();
    };
    const USER: &str = "cutover: configured token";
    chosen.user = Some(USER.to_owned());
    let named =
        kube::config::NamedAuthInfo { name: USER.to_owned(), auth_info: Some(token), ..Default::default() };
    kubeconfig.auth_infos.retain(|info| info.name != USER);
    kubeconfig.auth_infos.push(named);
    "configured token".to_owned()
}

/// Credentials of nothing but a bearer token. A file is read anew by kube at least
/// once a minute, because tokens in files are short-lived.
async fn token_credentials(source: Option<&SecretSource>) -> Result<Option<AuthInfo>, ConnectError> {
    let Some(source) = source else { return Ok(None) };
    let token = source.read().await.map_err(|error| ConnectError::Credentials(error.to_string()))?;
    Ok(Some(match source {
        SecretSource::File(path) => {
            AuthInfo { token_file: Some(path.to_string_lossy().into_owned()), ..AuthInfo::default() }
        }
        SecretSource::Env(_) | SecretSource::Command(_) => {
            AuthInfo { token: Some(token), ..AuthInfo::default() }
        }
    }))
}

fn cluster_proxy<'k>(kubeconfig: &'k Kubeconfig, context: &str) -> Option<&'k str> {
    let context = kubeconfig.contexts.iter().find(|named| named.name == context)?.context.as_ref()?;
    let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?.cluster.as_ref()?;
    cluster.proxy_url.as_deref().filter(|url| !url.trim().is_empty())
}

/// The proxy that the environment names for this server.
fn proxy_from_environment<U: std::str::FromStr>(config: &Config) -> Result<Option<U>, ConnectError> {
    let url = &config.cluster_url;
    let scheme = url.scheme_str().unwrap_or("https");
    let port = url.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
    let variables = ProxyVariables::from_environment();
    let Some(proxy) = variables.proxy_for(scheme, url.host().unwrap_or_default(), port) else {
        return Ok(None);
    };
    let with_scheme = if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
    with_scheme
        .parse()
        .map(Some)
        .map_err(|_| ConnectError::Kubeconfig("the proxy that the environment names is not a URL".into()))
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(": did you mean `{name}`?"))
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "it has no contexts".to_owned() } else { format!("it has: {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: staging
clusters:
- {name: a, cluster: {server: "https://a.example.com:6443"}}
- {name: b, cluster: {server: "https://b.example.com", proxy-url: "http://proxy:3128"}}
contexts:
- {name: staging, context: {cluster: a, user: plugin}}
- {name: production, context: {cluster: b, user: token}}
users:
- name: plugin
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Always}}
- name: token
  user: {token: old}
"#;

    fn kubeconfig() -> Kubeconfig {
        Kubeconfig::from_yaml(KUBECONFIG).unwrap()
    }

    #[test]
    fn the_context_is_the_configured_one_else_the_current_one() {
        assert_eq!(choose_context(&kubeconfig(), None).unwrap(), "staging");
        assert_eq!(choose_context(&kubeconfig(), Some("production")).unwrap(), "production");
        assert_eq!(
            choose_context(&kubeconfig(), Some("prodution")).unwrap_err().to_string(),
            "the kubeconfig has no context `prodution`: did you mean `production`?; it has: staging, production"
        );
        let mut none = kubeconfig();
        none.current_context = None;
        assert!(matches!(choose_context(&none, None), Err(ConnectError::NoContext { .. })));
    }

    #[test]
    fn no_plugin_may_use_the_terminal() {
        let mut kubeconfig = kubeconfig();
        assert_eq!(prepare_users(&mut kubeconfig, "production", None), "token");
        let exec = kubeconfig.auth_infos[0].auth_info.as_ref().unwrap().exec.as_ref().unwrap();
        assert_eq!(exec.interactive_mode, Some(ExecInteractiveMode::Never));
    }

    #[tokio::test]
    async fn a_configured_token_takes_the_place_of_the_credentials() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "t").unwrap();
        let token = token_credentials(Some(&SecretSource::File(path.clone()))).await.unwrap();
        let mut kubeconfig = kubeconfig();
        prepare_users(&mut kubeconfig, "staging", token);
        let user = kubeconfig.contexts[0].context.as_ref().unwrap().user.clone().unwrap();
        let info = kubeconfig.auth_infos.iter().find(|info| info.name == user).unwrap();
        let info = info.auth_info.as_ref().unwrap();
        assert_eq!(info.token_file.as_deref(), path.to_str());
        assert!(info.exec.is_none());

        let missing = SecretSource::File(directory.path().join("missing"));
        assert!(matches!(token_credentials(Some(&missing)).await, Err(ConnectError::Credentials(_))));
    }

    #[test]
    fn the_kubeconfigs_own_proxy_stands() {
        assert_eq!(cluster_proxy(&kubeconfig(), "production"), Some("http://proxy:3128"));
        assert_eq!(cluster_proxy(&kubeconfig(), "staging"), None);
    }

    #[test]
    fn a_broken_kubeconfig_is_told_without_its_contents() {
        let error = Kubeconfig::from_yaml("users:\n- name: x\n  user: {token: [s3cr3t}\n").unwrap_err();
        let words = kubeconfig_error(&error).to_string();
        assert!(words.contains("not valid YAML"), "{words}");
        assert!(!words.contains("s3cr3t"), "{words}");
    }
}
