//! The HTTP server of a tool, from its bound address to its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::auth::Auth;
use crate::guard::{Guard, guard};
use crate::names::Names;
use crate::tls::{TlsError, TlsFiles};

/// How long open connections may take to end. Clients that keep theirs open are not waited for.
const SHUTDOWN_TIME: Duration = Duration::from_secs(1);

/// Who gets what is served, and whether connections are encrypted. By default, everyone who can connect, and they are not.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The names that it answers to, besides its addresses and `localhost`. `*` stands for every name, and lets the pages of every site
    /// read what it serves.
    pub names: Vec<String>,
    /// The secret that clients authenticate with. `None` if they need not.
    pub auth: Option<Auth>,
    /// The certificate. `None` if it serves plain HTTP.
    pub tls: Option<TlsFiles>,
}

impl Access {
    /// The files that are read while it serves.
    pub fn files(&self) -> Vec<PathBuf> {
        self.tls.iter().flat_map(|tls| [tls.certificate.clone(), tls.key.clone()]).collect()
    }
}

/// The error of a server that cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The listener cannot be used.
    #[error("cannot use the listener: {0}")]
    Listener(#[from] io::Error),
}

/// A server before it runs: its address is bound, and its certificate is read.
pub struct Server {
    tool: &'static str,
    listener: TcpListener,
    address: SocketAddr,
    access: Access,
    tls: Option<RustlsConfig>,
}

impl Server {
    /// Reads the certificate. The listener is already bound. `tool` is whose server it is, as its options and log entries name it.
    ///
    /// # Errors
    /// [`Error::Tls`] names the file that cannot be read or used, and the reason.
    pub fn new(tool: &'static str, listener: TcpListener, access: Access) -> Result<Self, Error> {
        let address = listener.local_addr()?;
        let tls = access.tls.as_ref().map(TlsFiles::read).transpose()?.map(RustlsConfig::from_config);
        Ok(Self { tool, listener, address, access, tls })
    }

    /// Warns if other machines can connect and nobody has to log in. `seen` is what everyone then sees, and how to prevent it.
    pub fn warn_if_open(&self, seen: &str) {
        let Self { tool, address, .. } = self;
        if !address.ip().is_loopback() && self.access.auth.is_none() {
            warn!("{tool}: everyone who can connect to {address} sees {seen}");
        }
    }

    /// Where it is: `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Begins to serve, in tasks of its own. A certificate is read again when its files change.
    pub fn start(self, router: Router) -> Running {
        let Self { tool, listener, access, tls, .. } = self;
        let checks = Guard::new(tool, Names::new(access.names), access.auth, tls.is_some());
        let service = router.layer(from_fn_with_state(Arc::new(checks), guard)).into_make_service();
        let renewal = access.tls.zip(tls.clone()).map(|(files, config)| {
            bus::task::spawn(format!("certificate of {tool}"), async move { files.renew(tool, &config).await })
        });
        let handle = Handle::new();
        let stop = handle.clone();
        let serving = bus::task::spawn(format!("{tool} server"), async move {
            match tls {
                Some(config) => axum_server::from_tcp_rustls(listener, config)?.handle(handle).serve(service).await,
                None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await,
            }
        });
        Running { stop, serving, renewal }
    }
}

/// A server that runs.
pub struct Running {
    stop: Handle<SocketAddr>,
    serving: JoinHandle<io::Result<()>>,
    renewal: Option<JoinHandle<()>>,
}

impl Running {
    /// Ends it.
    ///
    /// # Errors
    /// The server had failed before.
    pub async fn end(self) -> io::Result<()> {
        self.stop.graceful_shutdown(Some(SHUTDOWN_TIME));
        if let Some(renewal) = self.renewal {
            renewal.abort();
        }
        match tokio::time::timeout(2 * SHUTDOWN_TIME, self.serving).await {
            Ok(Ok(result)) => result,
            _ => Ok(()),
        }
    }
}
