//! NATS subjects: where on a server the events of a node are found.

use crate::{Kind, Source};

/// First token of the subjects of named nodes.
pub const PREFIX: &str = "peer-observer";

/// Subject that finds all events of extractors with a node name. (`>` matches one or more tokens.)
pub const NAMED: &str = "peer-observer.>";

/// Subject that finds all events of extractors without a node name, and those on flat subjects. (`*` matches one token.)
pub const FLAT: &str = "*";

/// The tokens of flat subjects: ours, and those of the original's extractors.
pub const TOKENS: [&str; 14] = [
    "netmsg",
    "netconn",
    "addrman",
    "mempool",
    "validation",
    "utxocache",
    "rpc",
    "p2p-extractor",
    "log-extractor",
    "ipc",
    "connectivity",
    "alert",
    "chain",
    "status",
];

/// Last token of the subject of a kind of event.
pub fn token(kind: Kind) -> &'static str {
    match kind.source() {
        Some(Source::Ebpf) => match kind {
            Kind::Message => "netmsg",
            Kind::MempoolAdded | Kind::MempoolRemoved | Kind::MempoolReplaced | Kind::MempoolRejected => "mempool",
            Kind::BlockConnected | Kind::BlockHeader | Kind::BlockReconstructed => "validation",
            Kind::UtxocacheFlush | Kind::UtxocacheAdd | Kind::UtxocacheSpent | Kind::UtxocacheUncache => "utxocache",
            _ => "netconn",
        },
        Some(Source::Rpc) => "rpc",
        Some(Source::P2p) => "p2p-extractor",
        Some(Source::Log) => "log-extractor",
        Some(Source::Ipc) => "ipc",
        Some(Source::Connectivity) => "connectivity",
        Some(Source::Alerts) => "alert",
        Some(Source::Chain) => "chain",
        Some(Source::Observer) => "status",
        None => "unknown",
    }
}

/// The subject of an event of a kind: `netmsg` for an extractor without a node name,
/// `peer-observer.<node>.netmsg` for one with. What would end a subject in a node's name, which may come from anyone, is an underscore in it.
pub fn subject(node: &str, kind: Kind) -> String {
    let token = token(kind);
    if node.is_empty() {
        return token.to_owned();
    }
    let node = node.replace(|c: char| c.is_whitespace() || c.is_control(), "_");
    format!("{PREFIX}.{node}.{token}")
}

/// The node that a subject names, which may have dots in its name; none in the flat form.
pub fn node(subject: &str) -> Option<&str> {
    let (node, _) = subject.strip_prefix(PREFIX)?.strip_prefix('.')?.rsplit_once('.')?;
    Some(node)
}

/// How the names of streams begin that have the events of one node only: `NODE-alice`.
pub const NODE_STREAM: &str = "NODE-";

/// The header by which JetStream says which stream a message was taken over from.
pub const STREAM_SOURCE: &str = "Nats-Stream-Source";

/// The node that a message of this source ([`STREAM_SOURCE`]) is of, whatever it says itself; none if it may be of any.
pub fn node_of_source(source: &str) -> Option<&str> {
    let stream = source.split([' ', ':']).next()?;
    stream.strip_prefix(NODE_STREAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_those_that_people_use() {
        let table = [
            ("", Kind::Message, "netmsg"),
            ("", Kind::ClosedConnection, "netconn"),
            ("", Kind::MempoolRejected, "mempool"),
            ("", Kind::BlockConnected, "validation"),
            ("", Kind::UtxocacheFlush, "utxocache"),
            ("", Kind::PeerInfos, "rpc"),
            ("", Kind::PingDuration, "p2p-extractor"),
            ("", Kind::UpdateTip, "log-extractor"),
            ("", Kind::BlockTip, "ipc"),
            ("", Kind::Attempt, "connectivity"),
            ("alice", Kind::Alert, "peer-observer.alice.alert"),
            ("alice", Kind::ChainHeader, "peer-observer.alice.chain"),
            ("alice", Kind::Status, "peer-observer.alice.status"),
            ("alice", Kind::Message, "peer-observer.alice.netmsg"),
            ("alice.tokyo", Kind::Message, "peer-observer.alice.tokyo.netmsg"),
        ];
        for (name, kind, expected) in table {
            assert_eq!(subject(name, kind), expected);
            assert_eq!(node(expected), (!name.is_empty()).then_some(name), "{expected}");
        }
    }

    #[test]
    fn sources_of_one_node() {
        for (source, node) in
            [("NODE-alice:7xLD7QLx 12", Some("alice")), ("NODE-a-b 3", Some("a-b")), ("EVENTS:x 1", None)]
        {
            assert_eq!(node_of_source(source), node, "{source}");
        }
    }
}
