//! Samples of getpeerinfo.

use event::pb::rpc_extractor::PeerInfo;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, names};

use crate::rows::Rows;
use crate::seen::{Seen, prefix_of};
use crate::table::{Column, Table, Value, flag, float, int, seconds, time, unsigned, word};

pub(super) const TABLE: Table = Table {
    name: "peers",
    meaning: "A row for each peer in each answer to getpeerinfo. Bytes by message type are not in it.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    int("peer_id", "the node's id of the peer; unique until the node restarts"),
    word("addr", "address and port of the peer"),
    word("addr_bind", "address and port on the node's side"),
    word("addr_local", "address and port of the node, as the peer sees them"),
    word("network", "network of the peer"),
    word("prefix", "the /24 network of an IPv4 address, the /64 network of an IPv6 address"),
    int("asn", "number of the autonomous system by the node's map; NULL without one"),
    word("direction", "`inbound`: the peer connected to the node; `outbound`: the node to the peer"),
    word("connection_type", "type of the connection"),
    word("transport", "`v1`, `v2` or `detecting`"),
    word("session_id", "of a v2 connection, hexadecimal"),
    time("connected", "when it was connected"),
    int("protocol_version", "0 before the handshake"),
    word("user_agent", "as the peer names itself"),
    unsigned("services", "service flags"),
    flag("relay_transactions", "it wants transactions"),
    int("start_height", "height that it claimed at the handshake"),
    int("synced_headers", "height of the last header in common; NULL if there is none"),
    int("synced_blocks", "height of the last block in common; NULL if there is none"),
    int("inflight", "blocks that were requested from it"),
    int("bytes_sent", "bytes, since it was connected"),
    int("bytes_received", "bytes, since it was connected"),
    time("last_send", "when something was last sent to it"),
    time("last_received", "when something was last received from it"),
    time("last_transaction", "when it last sent a transaction that entered the mempool"),
    time("last_block", "when it last sent a block that was new"),
    int("time_offset", "seconds that its clock is ahead"),
    float("ping", "seconds of the last ping; NULL before the first"),
    float("minimum_ping", "seconds of the shortest ping"),
    float("ping_wait", "seconds since a ping was sent that it has not answered"),
    flag("bip152_hb_to", "the node chose it for high-bandwidth compact blocks"),
    flag("bip152_hb_from", "it chose the node for high-bandwidth compact blocks"),
    flag("addr_relay_enabled", "addresses are exchanged with it"),
    int("addr_processed", "addresses of it that were processed"),
    int("addr_rate_limited", "addresses of it that were dropped by the rate limit"),
    float("min_fee_filter", "BTC per 1,000 virtual bytes: it wants no transaction below"),
    word("permissions", "its permissions, with commas between them"),
    int("inv_to_send", "transactions that wait to be announced to it (v31 and later); 0 if that is not reported"),
    int("misbehavior_score", "Bitcoin Knots only"),
];

fn rows(seen: &Seen, rows: &mut Rows) {
    let Some(Body::RpcExtractor(rpc)) = seen.body() else { return };
    let Some(RpcEvent::PeerInfos(infos)) = &rpc.rpc_event else { return };
    infos.infos.iter().for_each(|info| row(seen, rows, info));
}

/// A text, if there is one.
fn there(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Null } else { Value::Text(text) }
}

fn row(seen: &Seen, rows: &mut Rows, info: &PeerInfo) {
    let positive = |number: f64| if number > 0.0 { Value::Float(number) } else { Value::Null };
    let height = |height: i64| if height < 0 { Value::Null } else { Value::Int(height) };
    let prefix = prefix_of(&info.address, Some(&info.network));
    let permissions = info.permissions.join(",");
    rows.push(
        seen,
        [
            info.id.into(),
            (&info.address).into(),
            there(&info.address_bind),
            there(&info.address_local),
            (&info.network).into(),
            prefix.as_deref().into(),
            Some(info.mapped_as).filter(|asn| *asn > 0).into(),
            names::direction(info.inbound).into(),
            (&info.connection_type).into(),
            (&info.transport_protocol_type).into(),
            info.session_id.as_ref().filter(|id| !id.is_empty()).into(),
            seconds(info.connection_time),
            info.version.into(),
            (&info.subversion).into(),
            u64::from_str_radix(&info.services, 16).map_or(Value::Null, Value::Unsigned),
            info.relay_transactions.into(),
            height(info.starting_height),
            height(info.synced_headers),
            height(info.synced_blocks),
            info.inflight.len().into(),
            info.bytes_sent.into(),
            info.bytes_received.into(),
            seconds(info.last_send),
            seconds(info.last_received),
            seconds(info.last_transaction),
            seconds(info.last_block),
            info.time_offset.into(),
            positive(info.ping_time),
            positive(info.minimum_ping),
            positive(info.ping_wait),
            info.bip152_hb_to.into(),
            info.bip152_hb_from.into(),
            info.addr_relay_enabled.into(),
            info.addr_processed.into(),
            info.addr_rate_limited.into(),
            info.minfeefilter.into(),
            (&permissions).into(),
            info.inv_to_send.into(),
            info.misbehavior_score.into(),
        ],
    );
}
