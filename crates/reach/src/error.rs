//! Why there is no stream.

use std::io;

use crate::{Endpoint, Network};

/// Why an address was not reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing listens there.
    #[error("the connection was refused")]
    Refused,
    /// There was no answer in the time that the system or the proxy waits.
    #[error("there was no answer in time")]
    TimedOut,
    /// The connection was reset.
    #[error("the connection was reset")]
    Reset,
    /// There is no way there: no route, no such onion service or I2P destination, no such name.
    #[error("there is no way there: {0}")]
    Unreachable(String),
    /// Nothing is configured that leads into this network.
    #[error("no proxy for {0} is configured")]
    NoProxy(Network),
    /// This machine has no route to the network of the address, such as none to IPv6.
    #[error("this machine has no route to it")]
    NoRoute,
    /// The proxy or the I2P router is not there, or does not do what it is asked for.
    #[error("the proxy at {proxy} failed: {what}")]
    Proxy {
        /// Where it is.
        proxy: Endpoint,
        /// What is wrong.
        what: String,
    },
    /// This machine cannot make a connection: no port or file descriptor is left, a firewall forbids it.
    #[error("this machine cannot connect: {0}")]
    Local(io::Error),
}

impl Error {
    /// Whether it says nothing of the address: what failed is on our side of it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Refused | Self::TimedOut | Self::Reset | Self::Unreachable(_) => false,
            Self::NoProxy(_) | Self::NoRoute | Self::Proxy { .. } | Self::Local(_) => true,
        }
    }
}

impl From<io::Error> for Error {
    /// What connecting to an address directly ends with.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::Reset,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable(error.to_string()),
            _ => Self::Local(error),
        }
    }
}
