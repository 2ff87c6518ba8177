//! TLS, where a listener speaks it itself.
//!
//! The key and the certificate are the operator's, or those that `dev` makes.
//! Which versions and algorithms are spoken is the library's to know: none that
//! is broken. What is spoken inside is HTTP/1.1, and a client is told so.
//!
//! A certificate is over before its server is: another can take its place while
//! the server runs, and only who connects from then on is shown it.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_credential::time::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, Error as RustlsError, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What is spoken inside (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// A certificate with its key, as listeners show it. Clones show the same one,
/// also when it is renewed.
#[derive(Clone)]
pub struct Tls {
    shown: Arc<Mutex<Arc<ServerConfig>>>,
}

/// The time in which clients take a certificate, both ends included; an end that
/// is missing is beyond what a certificate can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub from: Option<Timestamp>,
    /// Its last.
    pub until: Option<Timestamp>,
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
    Unusable(RustlsError),
}

/// Whether a client that trusts this certificate alone takes it for a server of
/// this name at a moment; a text that holds none is taken by nobody.
#[must_use]
pub fn is_trusted(certificate_pem: &str, name: &str, at: Timestamp) -> bool {
    let at_s = u64::try_from(at.milliseconds() / 1_000);
    at_s.is_ok_and(|at_s| matches!(verify(certificate_pem, name, at_s), Some(Ok(()))))
}

/// When the first certificate of a text is good; a text that holds none never is.
#[must_use]
pub fn validity(certificate_pem: &str) -> Option<Validity> {
    // Whoever verifies looks at the time before anything else, and says what it
    // would have had to be: so the two ends are found without a reader of dates.
    let told = |at_s| match verify(certificate_pem, "localhost", at_s)? {
        Err(RustlsError::InvalidCertificate(
            CertificateError::NotValidYetContext {
                not_before: end, ..
            }
            | CertificateError::ExpiredContext { not_after: end, .. },
        )) => {
            let end_ms = i64::try_from(end.as_secs()).ok()?.checked_mul(1_000)?;
            Some(Timestamp::from_milliseconds(end_ms))
        }
        Err(_) | Ok(()) => None,
    };
    certificates(certificate_pem)?;
    Some(Validity {
        from: told(0),
        until: told(u64::MAX),
    })
}

/// Whether a certificate is over at a moment, or not good yet, whoever trusts it.
#[must_use]
pub fn is_over(certificate_pem: &str, at: Timestamp) -> bool {
    validity(certificate_pem).is_some_and(|validity| {
        validity.from.is_some_and(|from| at < from)
            || validity.until.is_some_and(|until| at > until)
    })
}

/// What a client that trusts this certificate alone says of a server of this name
/// at a second of Unix time; `None` where there is nothing that it could trust.
fn verify(certificate_pem: &str, name: &str, at_s: u64) -> Option<Result<(), RustlsError>> {
    let certificates = certificates(certificate_pem)?;
    let certificate = certificates.first()?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).ok()?;
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = builder.build().ok()?;
    let name = ServerName::try_from(name).ok()?;
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

/// What a listener does with a certificate and its key.
fn config(certificate_pem: &str, key_pem: &str) -> Result<Arc<ServerConfig>, TlsError> {
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
    Ok(Arc::new(config))
}

// === impl Tls ===

impl Tls {
    /// A certificate, with those between it and an authority behind it, and its
    /// key, all in PEM (RFC 7468).
    ///
    /// # Errors
    /// If one of them is none, or they do not go together.
    pub fn new(certificate_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let config = config(certificate_pem, key_pem)?;
        Ok(Self {
            shown: Arc::new(Mutex::new(config)),
        })
    }

    /// Shows this certificate from now on, wherever the one before was shown. Open
    /// connections go on as they were agreed.
    ///
    /// # Errors
    /// Those of [`Tls::new`]; the one before is then shown still.
    pub fn renew(&self, certificate_pem: &str, key_pem: &str) -> Result<(), TlsError> {
        let renewed = config(certificate_pem, key_pem)?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// Agrees with a client on what is spoken. Who does not get to the end of it
    /// in time is hung up on, as is who speaks anything but TLS.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        patience: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = {
            let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            TlsAcceptor::from(Arc::clone(&shown))
        };
        let agreed = tokio::time::timeout(patience, acceptor.accept(stream));
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
