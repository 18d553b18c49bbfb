//! How a publisher gets a connection to a server: address, encryption, login.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ServerAddr, ServerInfo};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde::Serialize;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::connection::{Connection, Happened};
use super::{NatsError, Options};

/// How long a server may take for all that happens before events are sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a client says of itself.
#[derive(Serialize)]
struct Hello<'a> {
    verbose: bool,
    pedantic: bool,
    echo: bool,
    headers: bool,
    protocol: u8,
    lang: &'a str,
    version: &'a str,
    name: &'a str,
    tls_required: bool,
    #[serde(flatten)]
    login: Login,
}

/// How it shows who it is.
#[derive(Default, Serialize)]
struct Login {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

/// Connects to one of the servers. Returns the connection, and the bytes of a message that it takes at most.
///
/// # Errors
/// None of them can be used, and why the last one that was tried cannot.
pub(super) async fn connect(options: &Options) -> Result<(Connection, usize), NatsError> {
    let url = || options.shown_url();
    let addresses: Result<Vec<ServerAddr>, _> = options.url.split(',').map(|one| one.trim().parse()).collect();
    let mut addresses = addresses.map_err(|error| NatsError::Address { url: url(), reason: error.to_string() })?;
    fastrand::shuffle(&mut addresses);
    let unreachable = |reason: String| NatsError::Unreachable { url: url(), reason };
    let mut last = unreachable("it has no address".to_owned());
    for address in addresses {
        let found = match lookup_host((address.host(), address.port())).await {
            Ok(found) => found,
            Err(error) => {
                last = unreachable(error.to_string());
                continue;
            }
        };
        for found in found {
            let connecting = async {
                let stream =
                    TcpStream::connect(found).await.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
                let stream = stream.map_err(|error| unreachable(error.to_string()))?;
                log_in(Connection::over(Box::new(stream)), &address, options).await
            };
            last = match timeout(PATIENCE, connecting).await {
                Ok(Err(error @ (NatsError::Refused { .. } | NatsError::Credentials { .. }))) => return Err(error),
                Ok(Err(error)) => error,
                Ok(connected) => return connected,
                Err(_) => unreachable(format!("no answer within {} s", PATIENCE.as_secs())),
            };
        }
    }
    Err(last)
}

/// Does all that comes before the first event.
async fn log_in(
    mut connection: Connection,
    address: &ServerAddr,
    options: &Options,
) -> Result<(Connection, usize), NatsError> {
    let url = || options.shown_url();
    let broken = |error: io::Error| NatsError::Unreachable { url: url(), reason: error.to_string() };
    let unexpected = |happened: Happened| broken(io::Error::other(format!("unexpected: {happened:?}")));
    let info: ServerInfo = match connection.next().await.map_err(broken)? {
        Happened::Info(info) => serde_json::from_slice(&info).map_err(|error| broken(error.into()))?,
        other => return Err(unexpected(other)),
    };
    let tls_wanted = address.tls_required() || options.tls_ca.is_some() || options.tls_certificate.is_some();
    if tls_wanted || info.tls_required {
        let failed = |reason: String| NatsError::Tls { url: url(), reason };
        let config = tls_config(options).map_err(failed)?;
        let name = ServerName::try_from(address.host().to_owned()).map_err(|error| failed(error.to_string()))?;
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, connection.into_stream());
        connection = Connection::over(Box::new(connecting.await.map_err(|error| failed(error.to_string()))?));
    }
    let hello = Hello {
        verbose: false,
        pedantic: false,
        echo: true,
        headers: false,
        protocol: 1,
        lang: "rust",
        version: env!("CARGO_PKG_VERSION"),
        name: "peer-observer",
        tls_required: tls_wanted,
        login: login(address, options, &info.nonce)?,
    };
    let hello = serde_json::to_string(&hello).map_err(|error| broken(error.into()))?;
    connection.put(Bytes::from(format!("CONNECT {hello}\r\nPING\r\n")));
    loop {
        match connection.next().await.map_err(broken)? {
            Happened::Pong => return Ok((connection, info.max_payload)),
            Happened::Error(reason) if reason.to_ascii_lowercase().contains("auth") => {
                let reason = options.hide_password(reason);
                return Err(NatsError::Refused { url: url(), reason });
            }
            Happened::Error(reason) => return Err(broken(io::Error::other(reason))),
            Happened::Written | Happened::Info(_) => {}
            other @ Happened::Echo(_) => return Err(unexpected(other)),
        }
    }
}

fn login(address: &ServerAddr, options: &Options, nonce: &str) -> Result<Login, NatsError> {
    let mut login = Login { auth_token: options.token.clone(), ..Login::default() };
    let in_address =
        || address.username().map(|user| (user.to_owned(), address.password().unwrap_or_default().to_owned()));
    if let Some((user, password)) = options.user.clone().or_else(in_address) {
        (login.user, login.pass) = (Some(user), Some(password));
    }
    if let Some(path) = &options.credentials {
        let failed = |reason| NatsError::Credentials { path: path.clone(), reason };
        let (jwt, keys) = read_credentials(path).map_err(failed)?;
        let signature = keys.sign(nonce.as_bytes()).map_err(|error| failed(io::Error::other(error)))?;
        (login.jwt, login.sig) = (Some(jwt), Some(BASE64URL_NOPAD.encode(&signature)));
    }
    Ok(login)
}

/// The JWT and the keys of a file as NATS's own tools write it: each in a line between two lines of at least three hyphens.
fn read_credentials(path: &Path) -> io::Result<(String, KeyPair)> {
    let text = std::fs::read_to_string(path)?;
    let lacks = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("it has no {what}"));
    let mut lines = text.lines().map(str::trim);
    let mut next = || {
        lines.by_ref().find(|line| line.starts_with("---"))?;
        let value = lines.next()?;
        lines.next().filter(|line| line.starts_with("---")).map(|_| value)
    };
    let jwt = next().ok_or_else(|| lacks("JWT of a user"))?.to_owned();
    let seed = next().ok_or_else(|| lacks("seed of keys"))?;
    let keys = KeyPair::from_seed(seed).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok((jwt, keys))
}

fn tls_config(options: &Options) -> Result<ClientConfig, String> {
    let shown = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let certificates = |path: &Path| {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        read.map_err(|error| shown(path, &error))
    };
    let mut roots = RootCertStore::empty();
    match &options.tls_ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| shown(path, &error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    match &options.tls_certificate {
        None => Ok(config.with_no_client_auth()),
        Some((certificate, key)) => {
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| shown(key, &error))?;
            config.with_client_auth_cert(certificates(certificate)?, private).map_err(|error| error.to_string())
        }
    }
}
