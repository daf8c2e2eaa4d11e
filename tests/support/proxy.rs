//! A proxy between the program and the API server that holds a call, or loses its
//! answer after the server has committed it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kube::config::Kubeconfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

/// What is done to the calls that are caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request goes no further until [`Proxy::release`]; the connection stays.
    Hold,
    /// The request reaches the server, its answer is thrown away, the connection ends.
    LoseAnswer,
}

/// A running proxy. It speaks plain HTTP on loopback and TLS to the server.
pub struct Proxy {
    runtime: Option<Runtime>,
    kubeconfig: PathBuf,
    state: Arc<State>,
}

struct State {
    /// `PATCH /api/v1/namespaces/taxasge/services/backend`
    catch: String,
    fault: Fault,
    armed: AtomicBool,
    caught: AtomicUsize,
    released: Notify,
    server: String,
    tls: TlsConnector,
}

impl Proxy {
    /// A proxy for the cluster of `kubeconfig` that catches requests whose line begins
    /// with `catch`, once [`Proxy::arm`]ed. Its own kubeconfig is written into `directory`.
    pub fn start(kubeconfig: &Path, directory: &Path, catch: &str, fault: Fault) -> Self {
        let config = Kubeconfig::read_from(kubeconfig).unwrap();
        let cluster = config.clusters[0].cluster.as_ref().unwrap();
        let (server, authority) =
            (cluster.server.as_ref().unwrap(), cluster.certificate_authority.as_ref().unwrap());
        let token = config.auth_infos[0].auth_info.as_ref().unwrap().token.as_ref().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let state = Arc::new(State {
            catch: catch.to_owned(),
            fault,
            armed: AtomicBool::new(false),
            caught: AtomicUsize::new(0),
            released: Notify::new(),
            server: server.trim_start_matches("https://").to_owned(),
            tls: TlsConnector::from(Arc::new(config)),
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let own = directory.join("proxy.kubeconfig");
        let cluster = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "proxy", "user": {"token": token.expose_secret()}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy", "namespace": "taxasge"}}],
        });
        std::fs::write(&own, Value::to_string(&cluster)).unwrap();
        let served = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&served)));
            }
        });
        Self { runtime: Some(runtime), kubeconfig: own, state }
    }

    /// The kubeconfig that leads through the proxy.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The next such call is caught.
    pub fn arm(&self) {
        self.state.armed.store(true, Ordering::SeqCst);
    }

    /// Calls that were caught so far.
    pub fn caught(&self) -> usize {
        self.state.caught.load(Ordering::SeqCst)
    }

    /// Lets the held call go on.
    pub fn release(&self) {
        self.state.released.notify_waiters();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

async fn serve(client: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let upstream = TcpStream::connect(&state.server).await?;
    let name = state.server.split(':').next().unwrap_or_default().to_owned();
    let name = ServerName::try_from(name).map_err(std::io::Error::other)?;
    let upstream = state.tls.connect(name, upstream).await?;
    let (from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, to_server) = tokio::io::split(upstream);
    let lost = Arc::new(AtomicBool::new(false));
    let requests = requests(from_client, to_server, Arc::clone(&state), Arc::clone(&lost));
    let answers = async {
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let count = from_server.read(&mut buffer).await?;
            // The server has answered, so it has committed: now the answer is lost.
            if count == 0 || lost.load(Ordering::SeqCst) {
                return std::io::Result::Ok(());
            }
            to_client.write_all(&buffer[..count]).await?;
        }
    };
    tokio::select! {
        result = requests => result,
        result = answers => result,
    }
}

async fn requests(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    state: Arc<State>,
    lost: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&buffer[..count.min(400)]).into_owned();
        let line = line.lines().next().unwrap_or_default();
        let is_it = line.starts_with(&state.catch) && !line.contains("dryRun");
        // Only the first one: what the program does about it must get through.
        let caught = is_it && state.armed.swap(false, Ordering::SeqCst);
        if caught {
            let released = state.released.notified();
            state.caught.fetch_add(1, Ordering::SeqCst);
            match state.fault {
                Fault::Hold => released.await,
                Fault::LoseAnswer => lost.store(true, Ordering::SeqCst),
            }
        }
        server.write_all(&buffer[..count]).await?;
        server.flush().await?;
    }
}
