//! A certificate for a test's listener, and a client that trusts it alone.

use std::net::SocketAddr;
use std::sync::Arc;

use countersign_server::tls::Tls;
use rcgen::CertifiedKey;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate for `localhost`.
pub(crate) struct Certificate {
    /// What the listener shows.
    pub(crate) tls: Tls,
    der: CertificateDer<'static>,
}

// === impl Certificate ===

impl Certificate {
    pub(crate) fn new() -> Self {
        let names = vec!["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names);
        let CertifiedKey { cert, signing_key } = made.expect("a certificate");
        Self {
            tls: Tls::new(&cert.pem(), &signing_key.serialize_pem()).expect("a good one"),
            der: cert.der().clone(),
        }
    }

    /// A client that offers these protocols.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a certificate");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("they are supported")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}
