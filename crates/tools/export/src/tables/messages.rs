//! P2P messages between the node and its peers.

use event::message::{Payload, Version};
use event::names;

use super::connection_type;
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, flag, hash, int, unsigned, word};

pub(super) const TABLE: Table = Table {
    name: "messages",
    meaning: "A row for each P2P message that the node received or sent, as its tracepoints show them.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    int("peer_id", "the node's id of the peer; unique until the node restarts"),
    word("addr", "address and port of the peer, as the node writes them"),
    word(
        "network",
        "network of the peer: `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, `not_publicly_routable`; NULL if it is not \
         known",
    ),
    word("connection_type", "type of the connection: `inbound`, `outbound-full-relay`, ..."),
    word("direction", "`inbound`: the node received it; `outbound`: the node sent it"),
    word("message_type", "type of the message: `inv`, `tx`, ..."),
    int("size", "bytes of the payload"),
    int(
        "entries",
        "entries of inv, getdata, notfound, addr, addrv2 and headers; transactions that a getblocktxn asks for",
    ),
    hash(
        "hash",
        "txid of a tx; block hash of block, cmpctblock, getblocktxn and blocktxn; that of the last header of headers",
    ),
    hash("wtxid", "wtxid of a tx"),
    unsigned("nonce", "of ping, pong and version"),
    int("fee_rate", "of feefilter: satoshi per 1,000 virtual bytes"),
    int("protocol_version", "of version"),
    unsigned("services", "of version: service flags"),
    word("user_agent", "of version"),
    int("start_height", "of version: height that the sender has"),
    flag("relay", "of version: the sender wants transactions"),
    word("reject_reason", "of reject: why, in the sender's words"),
];

fn rows(seen: &Seen, rows: &mut Rows) {
    let Some(message) = &seen.message else { return };
    let (mut entries, mut id, mut wtxid, mut nonce, mut fee_rate) =
        (Value::Null, Value::Null, Value::Null, Value::Null, Value::Null);
    let (mut version, mut reject_reason): (Option<Version>, _) = (None, Value::Null);
    match message.payload {
        Payload::Ping(value) | Payload::Pong(value) => nonce = Value::Unsigned(value),
        Payload::Inv(items) | Payload::GetData(items) | Payload::NotFound(items) => entries = items.count().into(),
        Payload::Tx(tx) => (id, wtxid) = (Value::Hash(tx.txid), Value::Hash(tx.wtxid)),
        Payload::Headers(headers) => {
            let (mut count, mut last) = (0_u64, None);
            for header in headers {
                (count, last) = (count + 1, Some(header.hash));
            }
            entries = count.into();
            id = last.map_or(Value::Null, Value::Hash);
        }
        Payload::Addr(addresses) | Payload::AddrV2(addresses) => entries = addresses.count().into(),
        Payload::EmptyAddrV2 => entries = Value::Int(0),
        Payload::FeeFilter(fee) => fee_rate = fee.into(),
        Payload::Version(of) => (version, nonce) = (Some(of), Value::Unsigned(of.nonce)),
        Payload::Reject(reject) => reject_reason = reject.details.into(),
        Payload::CompactBlock(block) => id = Value::Hash(block.header.hash),
        Payload::Block(header) => id = Value::Hash(header.hash),
        Payload::GetBlockTxn(block, transactions) => (id, entries) = (Value::Hash(block), transactions.into()),
        Payload::BlockTxn(block) => id = Value::Hash(block),
        Payload::OldPing | Payload::GetHeaders | Payload::GetAddr | Payload::Other => {}
    }
    rows.push(
        seen,
        [
            message.peer.into(),
            message.addr.into(),
            seen.network().into(),
            connection_type(message).into(),
            names::direction(message.inbound).into(),
            message.message_type.into(),
            message.size.into(),
            entries,
            id,
            wtxid,
            nonce,
            fee_rate,
            version.map(|version| version.version).into(),
            version.map_or(Value::Null, |version| Value::Unsigned(version.services)),
            version.map(|version| version.user_agent).into(),
            version.map(|version| version.start_height).into(),
            version.map(|version| version.relay).into(),
            reject_reason,
        ],
    );
}
