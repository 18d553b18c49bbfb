//! TLS with a certificate and key from files, which are read again when they change.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// How often the files are checked for changes.
const TICK: Duration = Duration::from_secs(1);

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and the intermediate certificates (PEM).
    pub certificate: PathBuf,
    /// The private key (PEM).
    pub key: PathBuf,
}

/// The error for a certificate that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {what} in PEM form: {cause}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// The reason.
        cause: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not belong together, or their kind is not supported.
    #[error("cannot use the certificate {} with the key {}: {cause}", certificate.display(), key.display())]
    Unfit {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// The reason.
        cause: rustls::Error,
    },
}

impl TlsFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file that cannot be read or used, and the reason.
    pub(crate) fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let pem = |path: &PathBuf, what| {
            let path = path.clone();
            move |cause| TlsError::Pem { path, what, cause }
        };
        let read = |path: &PathBuf| std::fs::read(path).map_err(|cause| TlsError::Read { path: path.clone(), cause });
        let certificates = CertificateDer::pem_reader_iter(Cursor::new(read(&self.certificate)?))
            .collect::<Result<Vec<_>, _>>()
            .map_err(pem(&self.certificate, "certificate"))?;
        let key =
            PrivateKeyDer::from_pem_reader(Cursor::new(read(&self.key)?)).map_err(pem(&self.key, "private key"))?;
        let unfit = |cause| TlsError::Unfit { certificate: self.certificate.clone(), key: self.key.clone(), cause };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(unfit)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// When certificate and key were last modified. `None` if the file system does not report it.
    fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
    }

    /// Reads the files again whenever they change, and uses them for new connections. If that fails, the previous certificate stays in use.
    pub(crate) async fn renew(&self, tool: &'static str, config: &RustlsConfig) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.modified();
        loop {
            ticks.tick().await;
            let now = self.modified();
            if now == before {
                continue;
            }
            before = now;
            match self.read() {
                Ok(read) => {
                    config.reload_from_config(read);
                    info!("{tool}: read the certificate again");
                }
                Err(cause) => warn!("{tool}: {cause}; the previous certificate stays in use"),
            }
        }
    }
}
