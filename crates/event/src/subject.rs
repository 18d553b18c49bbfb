//! NATS subjects: where on a server the events of a node are found.

use crate::{Kind, Source};

/// First token of the subjects of named nodes.
pub const PREFIX: &str = "peer-observer";

/// Subject that finds all events of extractors with a node name. (`>` matches one or more tokens.)
pub const NAMED: &str = "peer-observer.>";

/// Subject that finds all events of extractors without a node name, and those on flat subjects. (`*` matches one token.)
pub const FLAT: &str = "*";

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
/// `peer-observer.<node>.netmsg` for one with.
pub fn subject(node: &str, kind: Kind) -> String {
    let token = token(kind);
    match node {
        "" => token.to_owned(),
        node => format!("{PREFIX}.{node}.{token}"),
    }
}

/// The node that a subject names; none in the flat form.
pub fn node(subject: &str) -> Option<&str> {
    let (node, _) = subject.strip_prefix(PREFIX)?.strip_prefix('.')?.split_once('.')?;
    Some(node)
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
        ];
        for (name, kind, expected) in table {
            assert_eq!(subject(name, kind), expected);
            assert_eq!(node(expected), (!name.is_empty()).then_some(name), "{expected}");
        }
    }
}
