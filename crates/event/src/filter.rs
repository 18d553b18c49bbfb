//! Filters of events: the same form on the command line, in subscriptions and in queries.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use smol_str::SmolStr;
use thiserror::Error;

use crate::kind::{Kind, Source};
use crate::names;
use crate::record::{Direction, Record};
use crate::similar::instead;
use crate::subject;

/// Which events pass. An empty list lets everything pass; of a list, one entry must match; of several lists, all must.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Names of nodes.
    pub nodes: Vec<String>,
    /// Kinds of events.
    pub kinds: Vec<Kinds>,
    /// Types of P2P messages; events that are no P2P messages don't pass.
    pub messages: Vec<SmolStr>,
    /// The node's ids of peers; events that concern no peer don't pass.
    pub peers: Vec<u64>,
    /// Addresses of peers; events without an address don't pass.
    pub addrs: Vec<AddrPattern>,
    /// Direction of P2P messages; events that are no P2P messages don't pass.
    pub direction: Option<Direction>,
    /// Earliest time, nanoseconds since the UNIX epoch.
    pub since_ns: Option<u64>,
    /// Latest time, nanoseconds since the UNIX epoch.
    pub until_ns: Option<u64>,
}

/// A filter that cannot be understood.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum FilterError {
    /// No kind or group of kinds has this name.
    #[error("there is no kind of event {0:?}; {instead}", instead = instead(.0, Kinds::names()))]
    UnknownKind(String),
    /// Neither an address nor a network.
    #[error(
        "{0:?} is no address: write an IP address, a network like 10.0.0.0/8, an address with port, or a .onion or .b32.i2p name"
    )]
    BadAddress(String),
    /// Neither of the two directions.
    #[error("{0:?} is no direction: it is \"inbound\" (to the node) or \"outbound\" (from the node)")]
    BadDirection(String),
}

impl Filter {
    /// Whether an event passes.
    pub fn matches(&self, record: &Record) -> bool {
        let envelope = record.envelope();
        let any = |empty: bool, matches: bool| empty || matches;
        any(self.nodes.is_empty(), self.nodes.iter().any(|node| **node == *envelope.node))
            && any(self.kinds.is_empty(), self.kinds.iter().any(|kinds| kinds.contain(envelope.kind)))
            && any(self.messages.is_empty(), envelope.message_type.as_ref().is_some_and(|m| self.messages.contains(m)))
            && any(self.peers.is_empty(), envelope.peer.is_some_and(|peer| self.peers.contains(&peer)))
            && any(self.direction.is_none(), self.direction == envelope.direction)
            && self.since_ns.is_none_or(|since| envelope.time_ns >= since)
            && self.until_ns.is_none_or(|until| envelope.time_ns <= until)
            && any(self.addrs.is_empty(), record.addr().is_some_and(|addr| self.addrs.iter().any(|a| a.matches(addr))))
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One kind of event, or a group of kinds by a common name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// One kind.
    One(Kind),
    /// All of a source: `rpc`, `log`, ...
    Source(Source),
    /// All that share a NATS subject: `netconn`, `mempool`, ...
    Subject(&'static str),
}

/// Subjects that are groups of their own, not the same as a source or a kind.
const SUBJECTS: [&str; 4] = ["netmsg", "netconn", "mempool", "validation"];

impl Kinds {
    /// Whether a kind belongs to it.
    pub fn contain(self, kind: Kind) -> bool {
        match self {
            Self::One(one) => one == kind,
            Self::Source(source) => kind.source() == Some(source),
            Self::Subject(token) => subject::token(kind) == token,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::One(kind) => kind.name(),
            Self::Source(source) => source.name(),
            Self::Subject(token) => token,
        }
    }

    /// All names that are understood.
    pub fn names() -> Vec<&'static str> {
        let sources = Source::ALL.iter().map(|source| source.name());
        sources.chain(SUBJECTS).chain(Kind::ALL.iter().map(|kind| kind.name())).collect()
    }
}

impl FromStr for Kinds {
    type Err = FilterError;

    fn from_str(name: &str) -> Result<Self, FilterError> {
        let source = Source::ALL.into_iter().find(|source| source.name() == name).map(Self::Source);
        let subject = || SUBJECTS.into_iter().find(|token| *token == name).map(Self::Subject);
        source
            .or_else(subject)
            .or_else(|| Kind::from_name(name).map(Self::One))
            .ok_or_else(|| FilterError::UnknownKind(name.to_owned()))
    }
}

impl FromStr for Direction {
    type Err = FilterError;

    fn from_str(name: &str) -> Result<Self, FilterError> {
        match name {
            "inbound" | "in" => Ok(Self::Inbound),
            "outbound" | "out" => Ok(Self::Outbound),
            _ => Err(FilterError::BadDirection(name.to_owned())),
        }
    }
}

/// A pattern for the addresses of peers.
#[derive(Clone, Debug, PartialEq)]
pub enum AddrPattern {
    /// All addresses of a network, or one address, with any port.
    Net(IpNet),
    /// One address and port.
    Socket(SocketAddr),
    /// A name (onion, I2P, or how the operator added the peer), with or without port.
    Name(String),
}

impl AddrPattern {
    /// Whether an address, as the node writes it, matches.
    pub fn matches(&self, addr: &str) -> bool {
        match self {
            Self::Net(net) => ip_of(addr).is_some_and(|ip| net.contains(&ip)),
            Self::Socket(socket) => addr.parse() == Ok(*socket),
            Self::Name(name) => {
                addr == name || addr.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(':'))
            }
        }
    }
}

impl fmt::Display for AddrPattern {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Net(net) => net.fmt(f),
            Self::Socket(socket) => socket.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for AddrPattern {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        if let Ok(net) = text.parse() {
            return Ok(Self::Net(net));
        }
        if let Ok(socket) = text.parse() {
            return Ok(Self::Socket(socket));
        }
        if let Some(ip) = ip_of(text) {
            return Ok(Self::Net(ip.into()));
        }
        let is_name = text.contains('.') && !text.contains('/') && text.chars().any(|c| c.is_ascii_alphabetic());
        if is_name { Ok(Self::Name(text.to_owned())) } else { Err(FilterError::BadAddress(text.to_owned())) }
    }
}

/// The IP address in `1.2.3.4`, `1.2.3.4:8333`, `::1`, `[::1]` or `[::1]:8333`.
pub fn ip_of(addr: &str) -> Option<IpAddr> {
    if let Ok(socket) = addr.parse::<SocketAddr>() {
        return Some(socket.ip().to_canonical());
    }
    let bare = addr.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(addr);
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// The IP address that a peer itself has, by its address and its network as the node names it (`onion`; see [`names::NETWORKS`]). None of
/// a peer that is connected through Tor or I2P: an inbound one has the address of the proxy on the node's side, as 127.0.0.1 or that of a
/// container, which shows neither whose peer it is nor which network group it belongs to.
pub fn ip_of_peer(addr: &str, network: &str) -> Option<IpAddr> {
    if names::is_ip(network) { ip_of(addr) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_match_by_ip_network_port_and_name() {
        let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
        let table = [
            ("1.2.3.4", "1.2.3.4:8333", true),
            ("1.2.3.4", "1.2.3.40:8333", false),
            ("1.2.3.4:8333", "1.2.3.4:8333", true),
            ("1.2.3.4:8333", "1.2.3.4:8334", false),
            ("1.2.0.0/16", "1.2.3.4:8333", true),
            ("1.2.0.0/16", "1.3.3.4", false),
            ("2001:db8::/32", "[2001:db8::1]:8333", true),
            ("[2001:db8::1]", "[2001:db8::1]:8333", true),
            ("1.2.3.4", "[::ffff:1.2.3.4]:8333", true),
            (onion, &format!("{onion}:8333"), true),
            (&format!("{onion}:8333"), &format!("{onion}:8333"), true),
            (onion, "x.onion:8333", false),
            ("node.example", "node.example", true),
        ];
        for (pattern, addr, expected) in table {
            let parsed: AddrPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(addr), expected, "{pattern} {addr}");
        }
        for bad in ["", "1.2.3", "1.2.3.4/33", "somebody", "1.2.3.4:99999"] {
            assert!(bad.parse::<AddrPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_of_kinds_contain_their_kinds() {
        let table = [
            ("rpc", Kind::PeerInfos, true),
            ("rpc", Kind::Message, false),
            ("netconn", Kind::ClosedConnection, true),
            ("mempool", Kind::MempoolInfo, false),
            ("mempool", Kind::MempoolAdded, true),
            ("message", Kind::Message, true),
            ("ebpf", Kind::Unknown, false),
        ];
        for (name, kind, expected) in table {
            assert_eq!(name.parse::<Kinds>().unwrap().contain(kind), expected, "{name} {kind:?}");
        }
        let refused = |name: &str| name.parse::<Kinds>().unwrap_err().to_string();
        assert!(refused("misbehavin").contains("misbehaving"), "{}", refused("misbehavin"));
        assert!(refused("qqqqqq").contains("peer_infos"), "{}", refused("qqqqqq"));
        let mut names = Kinds::names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kinds::names().len(), "no name is used twice");
    }
}
