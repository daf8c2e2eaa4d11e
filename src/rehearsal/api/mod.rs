//! The Kubernetes API of the world, over TLS on loopback.
//!
//! `server` takes connections, `request` reads what is asked and by whom, `list`,
//! `watch`, `write` and `delete` carry it out on the store. What objects are made of is
//! the business of `objects`.

mod access;
mod delete;
mod list;
pub mod path;
mod protobuf;
mod request;
mod selector;
mod server;
pub mod status;
#[cfg(test)]
mod tests;
mod tls;
mod watch;
pub mod who;
mod write;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::scenario::NAMESPACE;
use super::world::World;
use who::Who;

/// The name of the cluster and its context in kubeconfigs.
pub const CONTEXT: &str = "rehearsal";

/// A running API server; it ends when this is dropped.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    authority: String,
    _stop: DropGuard,
}

impl Api {
    /// Starts the server on a free port of loopback. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no port or no certificate is to be had.
    pub fn start(world: Arc<World>) -> io::Result<Self> {
        let identity = tls::identity()?;
        let listener = super::door::open()?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(world, listener, identity.acceptor, stop.clone()));
        Ok(Self { address, authority: identity.authority, _stop: stop.drop_guard() })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of the authority that vouches for the server, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A kubeconfig for a user, in JSON, which is YAML too. It names the authority's
    /// file where there is one and holds the certificate itself otherwise.
    #[must_use]
    pub fn kubeconfig(&self, who: &Who, authority: Option<&Path>) -> String {
        let mut cluster = json!({"server": self.url()});
        match authority {
            Some(path) => cluster["certificate-authority"] = json!(path),
            None => cluster["certificate-authority-data"] = json!(STANDARD.encode(&self.authority)),
        }
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": CONTEXT, "cluster": cluster}],
            "users": [{"name": who.user, "user": {"token": who.token()}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": who.user, "namespace": NAMESPACE}}],
            "current-context": CONTEXT,
        });
        format!("{config:#}\n")
    }
}
