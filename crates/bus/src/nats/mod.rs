//! The bus between processes and machines: a NATS server.
//!
//! [`forward`] sends what is published in this process to the server; [`connect_reader`] brings what others publish there
//! into this process. Both keep an event's node, run and sequence, so that readers on the other side
//! see the same thing as readers here.

mod confirm;
mod connect;
mod connection;
mod forward;
mod link;
mod outbox;
mod read;
mod sender;
mod stream;

use std::path::PathBuf;

use thiserror::Error;

pub use forward::forward;
pub use read::{Connected, connect_reader, read};
pub use stream::{StreamError, StreamOptions, StreamState, look_at_stream, read_stream};

/// Where the server is and how to talk to it.
#[derive(Clone)]
pub struct Options {
    /// `nats://host:port`, `tls://host:port`, or several of a cluster with commas between them.
    pub url: String,
    /// User and password.
    pub user: Option<(String, String)>,
    /// A token in place of user and password.
    pub token: Option<String>,
    /// A file with a user's JWT and seed, as NATS's own tools write it.
    pub credentials: Option<PathBuf>,
    /// Certificate authority (PEM) that the server's certificate must come from, beside the system's own.
    pub tls_ca: Option<PathBuf>,
    /// Certificate and key (PEM) to show to the server.
    pub tls_certificate: Option<(PathBuf, PathBuf)>,
    /// Which subjects events are published under.
    pub subjects: Subjects,
    /// Bytes of encoded events that are kept while the server is away.
    pub buffer_bytes: usize,
    /// A stream of JetStream on that server which keeps the events.
    pub stream: Option<String>,
    /// Name of the account of events that are sent there.
    pub account: String,
}

/// Which subjects events are published under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subjects {
    /// `peer-observer.<node>.netmsg`, so that many nodes share a server. Events without a node name go to `netmsg`.
    #[default]
    PerNode,
    /// `netmsg` and so on, whatever the node: for readers that know no others.
    Flat,
}

/// Bytes of events that are kept for a server that is away, if not configured otherwise: 64 MiB.
pub const DEFAULT_BUFFER_BYTES: usize = 64 << 20;

impl Options {
    /// A server without authentication, per-node subjects, the default buffer.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            token: None,
            credentials: None,
            tls_ca: None,
            tls_certificate: None,
            subjects: Subjects::PerNode,
            buffer_bytes: DEFAULT_BUFFER_BYTES,
            stream: None,
            account: "nats".to_owned(),
        }
    }

    /// The address without user and password, for messages.
    pub fn shown_url(&self) -> String {
        let hide = |url: &str| match url.split_once("://") {
            Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
            None => url.rsplit_once('@').map_or(url, |(_, host)| host).to_owned(),
        };
        self.url.split(',').map(|url| hide(url.trim())).collect::<Vec<_>>().join(",")
    }

    /// A text of the server, or of the client library, without the password.
    fn hide_password(&self, text: String) -> String {
        match &self.user {
            Some((_, password)) if !password.is_empty() => text.replace(password.as_str(), "***"),
            _ => text,
        }
    }
}

/// The server cannot be used.
#[derive(Debug, Error)]
pub enum NatsError {
    /// The address cannot be parsed.
    #[error("{url:?} is not the address of a NATS server ({reason}); write it like nats://127.0.0.1:4222")]
    Address {
        /// As given, without password.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A file for authentication cannot be used.
    #[error("cannot use the NATS credentials in {path}: {reason}", path = path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: std::io::Error,
    },
    /// The server refuses the login.
    #[error("the NATS server at {url} refuses us: {reason}; check user, password, token or credentials file")]
    Refused {
        /// As given, without password.
        url: String,
        /// The error of the client library.
        reason: String,
    },
    /// No TLS connection can be made.
    #[error("no TLS with the NATS server at {url}: {reason}; check the certificate files and the address")]
    Tls {
        /// As given, without password.
        url: String,
        /// The error of the client library.
        reason: String,
    },
    /// No server answers.
    #[error("cannot reach a NATS server at {url}: {reason}; is nats-server running there?")]
    Unreachable {
        /// As given, without password.
        url: String,
        /// The error of the client library.
        reason: String,
    },
    /// The server lets us in, but not read.
    #[error(
        "the NATS server at {url} does not let us subscribe; allow our user to subscribe to {needed} \
         (permissions in the configuration of the server)"
    )]
    Forbidden {
        /// As given, without password.
        url: String,
        /// The subjects.
        needed: String,
    },
    /// A stream cannot be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The connection is closed for good.
    #[error("the connection to the NATS server at {url} is closed")]
    Closed {
        /// As given, without password.
        url: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let table = [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("nats://me:secret@host:4222", "nats://host:4222"),
            ("me:secret@host", "host"),
            ("nats://a:s@h1,nats://a:s@h2", "nats://h1,nats://h2"),
        ];
        for (url, shown) in table {
            assert_eq!(Options::new(url).shown_url(), shown);
        }
    }
}
