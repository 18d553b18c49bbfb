//! The NATS server: where it is and how to talk to it.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use bus::nats;
use clap::{Args, ValueEnum};
use node::Secret;
use serde::{Deserialize, Serialize};

use crate::values::{Bytes, NatsUrl, secret, secret_of};

/// Section `[bus]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "NATS")]
#[serde(default, deny_unknown_fields)]
pub struct NatsOptions {
    /// NATS server: nats://HOST:PORT, or tls://HOST:PORT; several of a cluster with commas
    #[arg(long, env = "PEER_OBSERVER_NATS", value_name = "URL", hide_env_values = true)]
    pub nats: Option<NatsUrl>,
    /// User name on the NATS server
    #[arg(long, env = "PEER_OBSERVER_NATS_USER", value_name = "NAME")]
    pub nats_user: Option<String>,
    /// Password on the NATS server (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_NATS_PASSWORD", value_parser = secret, value_name = "PASSWORD", hide_env_values = true)]
    pub nats_password: Option<Secret>,
    /// The same secret in a file; a name without a slash is that of a credential of systemd
    #[arg(long, env = "PEER_OBSERVER_NATS_PASSWORD_FILE", value_name = "FILE")]
    pub nats_password_file: Option<PathBuf>,
    /// Token for the NATS server (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_NATS_TOKEN", value_parser = secret, value_name = "TOKEN", hide_env_values = true)]
    pub nats_token: Option<Secret>,
    /// The same secret in a file; a name without a slash is that of a credential of systemd
    #[arg(long, env = "PEER_OBSERVER_NATS_TOKEN_FILE", value_name = "FILE")]
    pub nats_token_file: Option<PathBuf>,
    /// Credentials file (.creds) for the NATS server
    #[arg(long, env = "PEER_OBSERVER_NATS_CREDENTIALS", value_name = "FILE")]
    pub nats_credentials: Option<PathBuf>,
    /// Certificate authority of the NATS server (PEM)
    #[arg(long, env = "PEER_OBSERVER_NATS_TLS_CA", value_name = "FILE")]
    pub nats_tls_ca: Option<PathBuf>,
    /// Our certificate for the NATS server (PEM)
    #[arg(long, env = "PEER_OBSERVER_NATS_TLS_CERT", value_name = "FILE")]
    pub nats_tls_cert: Option<PathBuf>,
    /// Key of our certificate (PEM)
    #[arg(long, env = "PEER_OBSERVER_NATS_TLS_KEY", value_name = "FILE")]
    pub nats_tls_key: Option<PathBuf>,
    /// Subjects to publish under
    #[arg(long, env = "PEER_OBSERVER_SUBJECTS", value_enum, value_name = "KIND")]
    pub subjects: Subjects,
    /// Memory for events that wait while the server is away
    #[arg(id = "buffer", long = "nats-buffer", env = "PEER_OBSERVER_NATS_BUFFER", value_name = "SIZE")]
    pub buffer: Bytes,
    /// Stream of JetStream that keeps events for `archive`; made if it is not there [default: none is used]
    #[arg(id = "stream", long = "nats-stream", env = "PEER_OBSERVER_NATS_STREAM", value_name = "NAME")]
    pub stream: Option<String>,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            nats: None,
            nats_user: None,
            nats_password: None,
            nats_password_file: None,
            nats_token: None,
            nats_token_file: None,
            nats_credentials: None,
            nats_tls_ca: None,
            nats_tls_cert: None,
            nats_tls_key: None,
            subjects: Subjects::PerNode,
            buffer: Bytes(nats::DEFAULT_BUFFER_BYTES),
            stream: None,
        }
    }
}

/// Subjects that events are published under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subjects {
    /// peer-observer.NODE.netmsg and so on
    PerNode,
    /// netmsg and so on, as other readers expect
    Flat,
}

impl NatsOptions {
    /// How to reach the server; none if none is given.
    ///
    /// # Errors
    /// Options that go together are not given together, or a file cannot be read.
    pub fn check(&self) -> Result<Option<nats::Options>> {
        if let Some(stream) = &self.stream {
            ensure!(
                is_name_in_jetstream(stream),
                "stream = {stream:?}: a stream's name has no spaces, and none of . * > / \\"
            );
            ensure!(
                self.nats.is_some(),
                "stream = {stream:?} is on a NATS server: give its address, too (nats, --nats)"
            );
        }
        let Some(url) = &self.nats else {
            return Ok(None);
        };
        url.servers()?;
        let password = secret_of("nats_password", self.nats_password.as_ref(), self.nats_password_file.as_ref())?;
        let token = secret_of("nats_token", self.nats_token.as_ref(), self.nats_token_file.as_ref())?;
        let user = match (&self.nats_user, password) {
            (Some(user), Some(password)) => Some((user.clone(), password.expose().to_owned())),
            (None, None) => None,
            _ => bail!("nats_user and nats_password go together: give both or neither"),
        };
        let tls_certificate = match (&self.nats_tls_cert, &self.nats_tls_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => bail!("nats_tls_cert and nats_tls_key go together: give both or neither"),
        };
        let files = [&self.nats_credentials, &self.nats_tls_ca, &self.nats_tls_cert, &self.nats_tls_key];
        for path in files.into_iter().flatten() {
            File::open(path).with_context(|| format!("cannot read the file {} for NATS", path.display()))?;
        }
        Ok(Some(nats::Options {
            url: url.0.clone(),
            user,
            token: token.map(|token| token.expose().to_owned()),
            credentials: self.nats_credentials.clone(),
            tls_ca: self.nats_tls_ca.clone(),
            tls_certificate,
            subjects: match self.subjects {
                Subjects::PerNode => nats::Subjects::PerNode,
                Subjects::Flat => nats::Subjects::Flat,
            },
            buffer_bytes: self.buffer.0,
            stream: self.stream.clone(),
            ..nats::Options::new("")
        }))
    }
}

/// Whether a stream or a consumer can have this name.
pub fn is_name_in_jetstream(name: &str) -> bool {
    let is_forbidden = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
    !name.is_empty() && name.len() <= 200 && !name.contains(is_forbidden)
}

/// Files that are needed to log in at a server, and again whenever the connection is lost.
pub fn files(nats: &nats::Options) -> Vec<PathBuf> {
    let (certificate, key) = nats.tls_certificate.clone().unzip();
    [nats.credentials.clone(), nats.tls_ca.clone(), certificate, key].into_iter().flatten().collect()
}
