//! Which detectors see nothing in archives from which some events were left out.

use event::Kind;
use event::filter::Kinds;
use event::pb::observer::Selection;
use event::selection::may_have;

/// What a family of detectors reads: it is blind without all of it.
enum Reads {
    Messages(&'static [&'static str]),
    Source(&'static str),
}

use Reads::{Messages, Source};

/// Families by what they read. Those of changes read whatever they are asked to.
const FAMILIES: [(&str, &[Reads]); 10] = [
    ("addresses", &[Messages(&["addr", "addrv2"]), Source("addrman")]),
    ("blocks", &[Messages(&["headers", "block", "cmpctblock"]), Source("log")]),
    ("connections", &[Source("netconn"), Source("peer_infos"), Source("log")]),
    ("eclipse", &[Source("rpc")]),
    ("instrument", &[Source("status")]),
    ("load", &[Source("peer_infos"), Source("p2p"), Source("validation")]),
    ("log", &[Source("log"), Source("network_info"), Source("blockchain_info"), Source("p2p")]),
    ("mempool", &[Source("mempool"), Source("mempool_info"), Source("orphan_txs"), Source("log")]),
    ("protocol", &[Messages(&["version", "inv", "getdata", "headers", "ping", "addrv2"])]),
    ("spies", &[Messages(&["version", "inv"]), Source("netconn")]),
];

/// The families of detectors that see nothing of what a selection has left.
pub fn blind(selection: &Selection) -> Vec<&'static str> {
    let sees = |reads: &Reads| match reads {
        Messages(messages) => messages.iter().any(|message| may_have(selection, Kind::Message, Some(message))),
        Source(name) => name
            .parse::<Kinds>()
            .is_ok_and(|kinds| Kind::ALL.iter().any(|kind| kinds.contain(*kind) && may_have(selection, *kind, None))),
    };
    FAMILIES.iter().filter(|(_, reads)| !reads.iter().any(sees)).map(|(family, _)| *family).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use event::pb::observer::Pass;

    #[test]
    fn families_are_blind_without_all_that_they_read() {
        let only = |kind: &str| {
            let pass = Pass { kinds: vec![kind.to_owned()], ..Pass::default() };
            blind(&Selection { passes: vec![pass], low_data: false })
        };
        assert_eq!(blind(&Selection::default()), [""; 0]);
        let most = ["blocks", "connections", "instrument", "load", "log", "mempool"];
        assert_eq!(only("addrman"), [&most[..], &["protocol", "spies"]].concat());
        assert_eq!(only("netmsg"), ["connections", "eclipse", "instrument", "load", "log", "mempool"]);
        assert!(FAMILIES.iter().all(|(family, reads)| {
            let names = reads.iter().filter_map(|reads| if let Source(name) = reads { Some(name) } else { None });
            names.map(|name| name.parse::<Kinds>()).all(|kinds| kinds.is_ok())
                && rows().any(|row| row.family == *family)
        }));
    }
}
