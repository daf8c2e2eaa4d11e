//! The certificate of the world's API server: made anew for every world, known to nobody
//! else, good for loopback alone.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// A server's identity, and the authority that clients need to believe it.
pub(super) struct Identity {
    pub acceptor: TlsAcceptor,
    /// PEM
    pub authority: String,
}

/// Makes an identity.
///
/// # Errors
/// When the system has no randomness for keys.
pub(super) fn identity() -> io::Result<Identity> {
    let failed = |error: rcgen::Error| io::Error::other(format!("no certificate could be made: {error}"));
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "cutover rehearsal");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().map_err(failed)?).map_err(failed)?;

    let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
    let mut server = CertificateParams::new(names).map_err(failed)?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = server.signed_by(&key, &authority).map_err(failed)?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
        })
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), authority: authority.pem() })
}
