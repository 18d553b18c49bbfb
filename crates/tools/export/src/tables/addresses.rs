//! Gossiped addresses.

use event::message::Payload;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, names};

use super::{address_of, connection_type};
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, int, seconds, time, unsigned, word};

pub(super) const TABLE: Table =
    Table { name: "addresses", meaning: "A row for each address in an addr or addrv2.", columns: COLUMNS, rows };

const COLUMNS: &[Column] = &[
    word(
        "source",
        "`ebpf`: gossip of a peer (tracepoints); `p2p`: what the node sent to our own connection, which has no peer \
         here",
    ),
    int("peer_id", "the node's id of the peer"),
    word("peer_addr", "address and port of the peer"),
    word("peer_network", "network of the peer"),
    word("connection_type", "type of the connection"),
    word("direction", "`inbound`: the node received it; `outbound`: the node sent it"),
    word("message_type", "`addr` or `addrv2`; NULL of our own connection"),
    int("entries", "addresses in the same message"),
    int("position", "position in the message, from 0 on"),
    word("network", "network of the address: `ipv4`, `ipv6`, `torv2`, `onion`, `i2p`, `cjdns` or `unknown`"),
    word("address", "without port; NULL if the network is unknown"),
    int("port", "its port"),
    unsigned("services", "service flags that were claimed"),
    time("claimed", "when a node was last seen there, as was claimed"),
    int("times", "how often the node has sent it to our own connection, this time included"),
];

fn rows(seen: &Seen, rows: &mut Rows) {
    if let Some(of) = &seen.message {
        let (Payload::Addr(addresses) | Payload::AddrV2(addresses)) = of.payload else { return };
        let same = [
            "ebpf".into(),
            of.peer.into(),
            of.addr.into(),
            seen.network().into(),
            connection_type(of).into(),
            names::direction(of.inbound).into(),
            of.message_type.into(),
            addresses.count().into(),
        ];
        let each = addresses.enumerate().map(|(position, address)| {
            let text = address.text();
            [
                position.into(),
                names::network_of_address(address.network).into(),
                if text.is_empty() { Value::Null } else { Value::Text(text) },
                u32::from(address.port).into(),
                Value::Unsigned(address.services),
                seconds(address.timestamp.into()),
                Value::Null,
            ]
        });
        rows.push_all(seen, same, each);
        return;
    }
    let Some(Body::P2pExtractor(p2p)) = seen.body() else { return };
    let Some(P2pEvent::AddressAnnouncement(announcement)) = &p2p.p2p_event else { return };
    let (none, count) = (Value::Null, announcement.addresses.len().into());
    let same = ["p2p".into(), none, none, none, none, "outbound".into(), none, count];
    let each = announcement.addresses.iter().enumerate().map(|(position, address)| {
        let (network, text) = address_of(address);
        [
            position.into(),
            network.into(),
            text.into(),
            address.port.into(),
            Value::Unsigned(address.services),
            seconds(address.timestamp.into()),
            announcement.times.get(position).copied().filter(|times| *times > 0).into(),
        ]
    });
    rows.push_all(seen, same, each);
}
