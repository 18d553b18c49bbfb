//! What our own P2P connection to the node saw.

use event::Body;
use event::pb::p2p_extractor::Way;
use event::pb::p2p_extractor::p2p::P2pEvent;

use super::address_of;
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, duration, float, hash, int, unsigned, word};

pub(super) const TABLE: Table = Table {
    name: "p2p",
    meaning: "A row for each event of our own P2P connection to the node. The entries of inv and getdata are in \
              `inv_items`, gossiped addresses in `addresses`.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word("kind", "kind of the event: `ping_duration`, `message_seen`, `connection_opened`, ..."),
    float(
        "duration",
        "seconds: of a ping until its answer, of a connection, of a block from its announcement until it was served",
    ),
    word("message_type", "type of the message: of `message_seen`, `block_announcement`, `data_request`"),
    word("direction", "of that message: `outbound`: the node sent it; `inbound`: we sent it"),
    int("size", "bytes of its payload; of `message_seen`"),
    int("wire_size", "bytes on the wire, the transport's included; of `message_seen`"),
    int("entries", "entries of inv and getdata, addresses, or blocks of a stale chain"),
    hash("hash", "of a block; of `stale_tips` the last one"),
    int("height", "of a block, or of the node at the handshake"),
    int("fee_rate", "of `feefilter_announcement`: satoshi per 1,000 virtual bytes"),
    word("way", "`listening`: the node connects to us; `dialling`: we connect to the node"),
    word("transport", "`v1` or `v2`"),
    word("address", "the node's: of `connection_opened` with port, of `own_address` without"),
    int("port", "of `own_address`"),
    word("network", "of `own_address`"),
    int("protocol_version", "of `node_version`, as the following"),
    unsigned("services", "service flags"),
    word("user_agent", "as the node names itself"),
    int("clock_offset", "seconds that its clock is ahead of ours"),
    word("text", "why a connection ended; the name of a feature"),
];

#[derive(Clone, Copy)]
struct Row<'a> {
    duration: Value<'a>,
    entries: Value<'a>,
    message_type: Value<'a>,
    wire_size: Value<'a>,
    hash: Value<'a>,
    height: Value<'a>,
    fee_rate: Value<'a>,
    way: Value<'a>,
    transport: Value<'a>,
    address: Value<'a>,
    port: Value<'a>,
    network: Value<'a>,
    protocol_version: Value<'a>,
    services: Value<'a>,
    user_agent: Value<'a>,
    clock_offset: Value<'a>,
    text: Value<'a>,
}

const NOTHING: Row = Row {
    duration: Value::Null,
    entries: Value::Null,
    message_type: Value::Null,
    wire_size: Value::Null,
    hash: Value::Null,
    height: Value::Null,
    fee_rate: Value::Null,
    way: Value::Null,
    transport: Value::Null,
    address: Value::Null,
    port: Value::Null,
    network: Value::Null,
    protocol_version: Value::Null,
    services: Value::Null,
    user_agent: Value::Null,
    clock_offset: Value::Null,
    text: Value::Null,
};

fn rows(seen: &Seen, rows: &mut Rows) {
    let Some(Body::P2pExtractor(p2p)) = seen.body() else { return };
    let Some(event) = &p2p.p2p_event else { return };
    let envelope = seen.record.envelope();
    let row = of_event(event);
    rows.push(
        seen,
        [
            envelope.kind.name().into(),
            row.duration,
            row.message_type,
            seen.direction().into(),
            envelope.size.into(),
            row.wire_size,
            row.entries,
            row.hash,
            row.height,
            row.fee_rate,
            row.way,
            row.transport,
            row.address,
            row.port,
            row.network,
            row.protocol_version,
            row.services,
            row.user_agent,
            row.clock_offset,
            row.text,
        ],
    );
}

fn of_event(event: &P2pEvent) -> Row<'_> {
    match event {
        P2pEvent::PingDuration(of) => Row { duration: duration(of.duration), ..NOTHING },
        P2pEvent::AddressAnnouncement(of) => Row { entries: of.addresses.len().into(), ..NOTHING },
        P2pEvent::InventoryAnnouncement(of) => Row { entries: of.inventory.len().into(), ..NOTHING },
        P2pEvent::FeefilterAnnouncement(fee) => Row { fee_rate: (*fee).into(), ..NOTHING },
        P2pEvent::ConnectionExpected(of) => Row { way: way(of.way()), ..NOTHING },
        P2pEvent::ConnectionOpened(of) => {
            Row { way: way(of.way()), transport: (&of.transport).into(), address: (&of.node_address).into(), ..NOTHING }
        }
        P2pEvent::ConnectionEnded(of) => {
            Row { duration: duration(of.duration_ns), text: (&of.reason).into(), ..NOTHING }
        }
        P2pEvent::MessageSeen(of) => {
            Row { message_type: (&of.message_type).into(), wire_size: of.wire_size.into(), ..NOTHING }
        }
        P2pEvent::NodeVersion(of) => Row {
            height: of.start_height.into(),
            protocol_version: of.version.into(),
            services: Value::Unsigned(of.services),
            user_agent: (&of.user_agent).into(),
            clock_offset: of.clock_offset.into(),
            ..NOTHING
        },
        P2pEvent::OwnAddress(of) => {
            let (network, text) = address_of(&of.address);
            Row { address: text.into(), port: of.address.port.into(), network: network.into(), ..NOTHING }
        }
        P2pEvent::BlockAnnouncement(of) => Row {
            hash: Value::Hash(&of.block_hash),
            message_type: (&of.message_type).into(),
            height: of.height.into(),
            ..NOTHING
        },
        P2pEvent::BlockServed(of) => {
            Row { hash: Value::Hash(&of.block_hash), duration: duration(of.duration_ns), ..NOTHING }
        }
        P2pEvent::DataRequest(of) => {
            Row { message_type: (&of.message_type).into(), entries: of.inventory.len().into(), ..NOTHING }
        }
        P2pEvent::FeatureOffered(of) => Row { text: (&of.feature_id).into(), ..NOTHING },
        P2pEvent::StaleTips(of) => Row {
            entries: of.block_hashes.len().into(),
            hash: of.block_hashes.last().map_or(Value::Null, |hash| Value::Hash(hash)),
            ..NOTHING
        },
    }
}

fn way(way: Way) -> Value<'static> {
    Value::Text(match way {
        Way::Listening => "listening",
        Way::Dialling => "dialling",
    })
}
