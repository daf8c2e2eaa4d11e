//! A connection to PostgreSQL that can only read, and that waits for nothing long.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::trouble::{of_asking, of_connecting};
use crate::config::DatabaseServer;
use crate::sources::http::spoken;
use crate::sources::text::clean;

/// Longest file of certificates.
const LONGEST_CA: u64 = 4 << 20;
/// How long the server may take to hear that we go.
const GOODBYE: Duration = Duration::from_millis(500);

/// A session within one read-only transaction. A pooler in between may give each
/// transaction another connection: what is set therefore holds for this one alone, and
/// never for whoever has the connection next.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    driver: AbortOnDropHandle<()>,
    limit: Duration,
    pub(super) version: Option<String>,
}

/// A row of texts.
pub(super) type Row = Vec<Option<String>>;

impl Session {
    /// Connects and begins.
    ///
    /// # Errors
    /// In the operator's words: nobody there, the wrong password, no such database, TLS.
    pub(super) async fn open(server: &DatabaseServer, table: &'static str) -> Result<Self, String> {
        let mut address = server.address.clone();
        address.application_name("cutover").connect_timeout(server.timeout);
        address.ssl_mode(if server.tls { SslMode::Require } else { SslMode::Disable });
        if let Some(source) = &server.password {
            let password = source.read().await.map_err(|error| clean(&error.to_string()))?;
            address.password(password.expose_secret());
        }
        let connecting = async {
            let trouble = |error: tokio_postgres::Error| of_connecting(&error, server);
            if server.tls {
                let tls = MakeRustlsConnect::new(trusting(server.ca_file.as_deref(), table).await?);
                let (client, connection) = address.connect(tls).await.map_err(trouble)?;
                Ok((client, driven(connection)))
            } else {
                let (client, connection) = address.connect(NoTls).await.map_err(trouble)?;
                Ok((client, driven(connection)))
            }
        };
        let connected: Result<Result<_, String>, _> = tokio::time::timeout(server.timeout, connecting).await;
        let (client, driver) =
            connected.map_err(|_| format!("no answer within {}", spoken(server.timeout)))??;
        let session = Self { client, driver, limit: server.timeout, version: None };
        session.begin().await?;
        let version = session.rows("SHOW server_version").await?;
        // `15.14 (Debian 15.14-0+deb12u1)`: the packager's name says nothing here.
        let first = version.into_iter().next().and_then(|row| row.into_iter().next().flatten());
        let version = first.and_then(|text| text.split_whitespace().next().map(str::to_owned));
        Ok(Self { version, ..session })
    }

    /// Begins anew after an error: until then the transaction answers nothing more.
    ///
    /// # Errors
    /// In the operator's words.
    pub(super) async fn again(&self) -> Result<(), String> {
        self.rows("ROLLBACK").await?;
        self.begin().await
    }

    async fn begin(&self) -> Result<(), String> {
        let limit = self.limit.as_millis();
        // A lock that somebody holds is an answer of its own, sooner than a time-out.
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = '60s'",
            limit / 2
        );
        self.rows(&begin).await.map(drop)
    }

    /// Asks; the values come as texts.
    ///
    /// # Errors
    /// In the operator's words. Then [`Session::again`] has to come first.
    pub(super) async fn rows(&self, query: &str) -> Result<Vec<Row>, String> {
        // The server keeps the limit, too, unless it is gone.
        let asked = tokio::time::timeout(self.limit * 2, self.client.simple_query(query)).await;
        let messages = asked.map_err(|_| format!("no answer within {}", spoken(self.limit * 2)))?;
        let messages = messages.map_err(|error| of_asking(&error))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(clean)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Tells the server that we go.
    pub(super) async fn close(self) {
        drop(self.client);
        // Whether it heard it changes nothing.
        let _ = tokio::time::timeout(GOODBYE, self.driver).await;
    }
}

/// The task that carries a connection's messages; it ends with the client or when dropped.
fn driven<F>(connection: F) -> AbortOnDropHandle<()>
where
    F: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("a connection to the database ended: {}", clean(&error.to_string()));
        }
    }))
}

/// The system's certificates, and those of a file.
async fn trusting(ca_file: Option<&Path>, table: &'static str) -> Result<ClientConfig, String> {
    let path = ca_file.map(Path::to_owned);
    let read = tokio::task::spawn_blocking(move || roots(path.as_deref())).await;
    let roots = read
        .map_err(|_| "the certificates cannot be read".to_owned())?
        .map_err(|why| format!("{table}.ca_file: {why}"))?;
    Ok(ClientConfig::builder().with_root_certificates(Arc::new(roots)).with_no_client_auth())
}

/// Reads certificates. Blocks.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let Some(path) = ca_file else { return Ok(roots) };
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > LONGEST_CA {
        return Err("it is not a file of certificates".to_owned());
    }
    let pem = std::fs::read(path).map_err(unreadable)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.ok().filter(|certificates| !certificates.is_empty());
    let certificates = certificates.ok_or("there is no certificate in PEM in it")?;
    for certificate in certificates {
        roots.add(certificate).map_err(|error| format!("a certificate in it cannot be used: {error}"))?;
    }
    Ok(roots)
}
