//! Some events, by a name: kinds of events, and choices that are common.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::filter::{FilterError, Kinds};
use crate::selection::ADDR_RELAY;
use crate::{Kind, Record};

/// Some events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Select {
    /// Those of a kind, a source, or a subject: `rpc`, `netmsg`, `update_tip`.
    Kinds(Kinds),
    /// The P2P messages getaddr, addr and addrv2.
    AddrRelay,
    /// Connections that come and go, and the version messages of both sides.
    ConnectionsWithHandshakes,
}

/// No events have this name.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{0}, addr-relay or connections-with-handshakes")]
pub struct SelectionError(#[from] FilterError);

impl Select {
    /// Whether an event is one of them.
    pub fn matches(self, record: &Record) -> bool {
        let envelope = record.envelope();
        let message = || envelope.message_type.as_deref().filter(|_| envelope.kind == Kind::Message);
        match self {
            Self::Kinds(kinds) => kinds.contain(envelope.kind),
            Self::AddrRelay => message().is_some_and(|message| ADDR_RELAY.contains(&message)),
            Self::ConnectionsWithHandshakes => {
                Kinds::Subject("netconn").contain(envelope.kind) || message() == Some("version")
            }
        }
    }
}

impl FromStr for Select {
    type Err = SelectionError;

    fn from_str(name: &str) -> Result<Self, SelectionError> {
        Ok(match name {
            "addr-relay" => Self::AddrRelay,
            "connections-with-handshakes" => Self::ConnectionsWithHandshakes,
            kinds => Self::Kinds(kinds.parse()?),
        })
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Kinds(kinds) => kinds.name(),
            Self::AddrRelay => "addr-relay",
            Self::ConnectionsWithHandshakes => "connections-with-handshakes",
        })
    }
}
