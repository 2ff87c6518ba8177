//! TLS, for the one listener whose clients speak nothing else.
//!
//! The key and the certificate are the operator's, or those that `dev` makes.
//! Which versions and algorithms are spoken is the library's to know: none that
//! is broken. What is spoken inside is HTTP/1.1, and a client is told so.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_credential::time::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What is spoken inside (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// A certificate with its key, as a listener shows it.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

/// Why a certificate and a key cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The first text has no certificate.
    #[error("there is no certificate in it, between BEGIN CERTIFICATE and END CERTIFICATE in PEM")]
    NoCertificate,
    /// The second text has no private key.
    #[error("there is no private key in it, between BEGIN PRIVATE KEY and END PRIVATE KEY in PEM")]
    NoKey,
    /// They are there, and do not go together, or are of no use.
    #[error("the certificate and the key cannot be used together: {0}")]
    Unusable(rustls::Error),
}

/// Whether a client that trusts this certificate alone takes it for a server of
/// this name at a moment; a text that holds none is taken by nobody.
#[must_use]
pub fn is_trusted(certificate_pem: &str, name: &str, at: Timestamp) -> bool {
    let verified = verified(certificate_pem, name, at);
    verified.is_some_and(|verified| verified.is_ok())
}

/// Whether a certificate is over at a moment, or not good yet, whoever trusts it.
#[must_use]
pub fn is_over(certificate_pem: &str, at: Timestamp) -> bool {
    use rustls::CertificateError as E;
    let Some(Err(rustls::Error::InvalidCertificate(error))) =
        verified(certificate_pem, "localhost", at)
    else {
        return false;
    };
    matches!(
        error,
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. }
    )
}

/// What a client says that trusts this certificate alone.
fn verified(certificate_pem: &str, name: &str, at: Timestamp) -> Option<Result<(), rustls::Error>> {
    let certificates = certificates(certificate_pem)?;
    let certificate = certificates.first()?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).ok()?;
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = builder.build().ok()?;
    let name = ServerName::try_from(name).ok()?;
    let at_s = u64::try_from(at.milliseconds() / 1_000).ok()?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at_s));
    let verified = verifier.verify_server_cert(certificate, &[], &name, &[], at);
    Some(verified.map(|_| ()))
}

fn certificates(certificate_pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, pem::Error> =
        CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect();
    read.ok().filter(|certificates| !certificates.is_empty())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

// === impl Tls ===

impl Tls {
    /// A certificate, with those between it and an authority behind it, and its
    /// key, all in PEM (RFC 7468).
    ///
    /// # Errors
    /// If one of them is none, or they do not go together.
    pub fn new(certificate_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let certificates = certificates(certificate_pem).ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| TlsError::NoKey)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let open = builder.with_no_client_auth();
                open.with_single_cert(certificates, key)
            })
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Agrees with a client on what is spoken. Who does not get to the end of it
    /// in time is hung up on, as is who speaks anything but TLS.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        patience: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        let agreed = tokio::time::timeout(patience, self.acceptor.accept(stream));
        agreed
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}
