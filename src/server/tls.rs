//! TLS: certificate and key, which are reloaded from their files while the server runs.

use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// The PEM files of certificate and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate chain, the server's own certificate first.
    pub(crate) certificate: PathBuf,
    /// The private key of the first certificate.
    pub(crate) key: PathBuf,
}

/// Why certificate and key cannot be used. No message contains parts of the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file is missing or not PEM.
    #[error("{path} cannot be read as PEM: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: pem::Error,
    },
    /// Certificate and key do not match, or use an unsupported algorithm.
    #[error("The certificate {certificate} and its key do not work: {source}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
}

/// The certificate of a running server. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    config: watch::Sender<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads certificate and key.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let config = watch::Sender::new(read(&files)?);
        Ok(Self { files, config })
    }

    /// Reads both again, for new connections. If they are not usable, the old ones stay.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.files)?;
        self.config.send_replace(config);
        Ok(())
    }

    /// The acceptor for a new connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.config.borrow().clone().into()
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let file = |path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(file(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(file(&files.key))?;
    let pair = |source| TlsError::Pair { certificate: files.certificate.clone(), source };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(pair)?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
