//! The table of peers, as `bitcoin-cli -netinfo` shows them.

use model::bounds::SECOND;

use super::table::{Cell, Column, HIDDEN, Key, Row, RowId, Tone};
use crate::format::{bytes, count, plain, rate};
use crate::lines::MAX_NAME;
use crate::state::{Node, Peer};

const fn column(title: &'static str, about: &'static str, right: bool, rank: u8) -> Column {
    Column { title, about, right, rank }
}

pub const COLUMNS: &[Column] = &[
    column("node", "node that it is a peer of", false, 10),
    column("<->", "in: it connected to the node; out: the node connected to it", true, 1),
    column(
        "type",
        "full (full relay), block (blocks only), manual, feeler, addr (address fetch), priv; ours: our own P2P connection",
        true,
        2,
    ),
    column("net", "ipv4, ipv6, onion, i2p, cjdns, npr (not publicly routable)", true, 2),
    column("v", "version of the transport protocol", true, 9),
    column("mping", "shortest time of a ping, in milliseconds", true, 6),
    column("ping", "time of the last ping, in milliseconds", true, 3),
    column("send", "seconds since a message was last sent to it", true, 3),
    column("recv", "seconds since a message was last received from it", true, 3),
    column("txn", "minutes since it last sent a new transaction; *: it is sent none", true, 4),
    column("blk", "minutes since it last sent a new block", true, 4),
    column("hb", "high-bandwidth compact blocks: . the node chose it, * it chose the node", false, 7),
    column("addrp", "addresses of it that were processed; .: no address relay", true, 7),
    column("addrl", "addresses of it that were dropped by the rate limit", true, 8),
    column("age", "minutes since it connected", true, 3),
    column("asmap", "number of its autonomous system", true, 8),
    column("id", "the node's number of it", true, 0),
    column("address", "address and port", false, 2),
    column("version", "protocol version and user agent", false, 11),
    column("services", "service flags, in hexadecimal", false, HIDDEN),
    column("msg/s in", "P2P messages per second from it", true, HIDDEN),
    column("msg/s out", "P2P messages per second to it", true, HIDDEN),
    column("received", "bytes from it", true, HIDDEN),
    column("sent", "bytes to it", true, HIDDEN),
    column("misbehaved", "how often the node noticed misbehaviour", true, HIDDEN),
    column("last misbehaviour", "what it was", false, HIDDEN),
];

/// The place of the column with ids: by it they are sorted at first.
pub const ID: usize = 16;
/// The place of the column with the node.
pub const NODE: usize = 0;
/// The place of the column with autonomous systems.
pub const ASMAP: usize = 15;

/// The row of a peer.
pub fn row(name: &std::sync::Arc<str>, node: &Node, peer: &Peer, now_ns: u64) -> Row {
    let now = (now_ns / SECOND) as i64;
    let polled = peer.polled.as_deref();
    let is_traced = node.model.liveness.is_up("ebpf");
    let whole = |value: Option<u64>| Cell::number(value, |value| value as f64, |value| value.to_string());
    let size = |value: Option<u64>| Cell::number(value, |value| value as f64, bytes);
    let since = |time: i64| (time > 0).then(|| u64::try_from(now - time).unwrap_or_default());
    let minutes = |time: i64| since(time).map(|seconds| seconds / 60);
    let [received_ns, sent_ns] = peer.details.last_ns;
    let last = |traced_ns: u64, polled: Option<i64>| since(polled.unwrap_or_default().max((traced_ns / SECOND) as i64));
    // Longer than any ping: there was none.
    let ms = |seconds: f64| (seconds > 0.0 && seconds < 1e6).then(|| (seconds * 1_000.0).round() as u64);
    let misbehaviour = peer.misbehaviours.back().map(|last| plain(&last.message, 200));
    let rates = |inbound: bool| {
        let counts = peer.details.traced.iter().map(|(_, [received, sent])| if inbound { received } else { sent });
        is_traced.then(|| counts.map(|count| count.rate.per_second(now_ns)).fold(0.0, |sum, rate| sum + rate))
    };
    Row {
        id: RowId { node: name.clone(), peer: Some(peer.id), ..RowId::default() },
        cells: vec![
            Cell::text(Some(plain(name, MAX_NAME))),
            Cell::text(peer.inbound.map(|inbound| if inbound { "in" } else { "out" })),
            if peer.own { mark("ours") } else { kind(peer.connection_type) },
            Cell::text(network(peer.network)),
            Cell::text(peer.transport.strip_prefix('v').map(|version| plain(version, 2))),
            whole(polled.and_then(|polled| ms(polled.min_ping))),
            whole(polled.and_then(|polled| ms(polled.ping))),
            whole(last(sent_ns, polled.map(|polled| polled.last_send))),
            whole(last(received_ns, polled.map(|polled| polled.last_received))),
            match polled.map(|polled| minutes(polled.last_transaction)) {
                Some(None) if peer.relay == Some(false) => mark("*"),
                minutes => whole(minutes.flatten()),
            },
            whole(polled.and_then(|polled| minutes(polled.last_block))),
            match polled.map(|polled| (polled.hb_to, polled.hb_from)) {
                Some((to, from)) => mark(&format!("{}{}", if to { "." } else { " " }, if from { "*" } else { " " })),
                None => Cell::text(None::<String>),
            },
            match polled {
                Some(polled) if !polled.addr_relay && polled.addr_processed == 0 => mark("."),
                polled => whole(polled.map(|polled| polled.addr_processed)),
            },
            whole(polled.map(|polled| polled.addr_rate_limited)),
            whole(peer.connected_ns.map(|at_ns| now_ns.saturating_sub(at_ns) / SECOND / 60)),
            whole(peer.asn.or(polled.map(|polled| polled.mapped_as)).filter(|asn| *asn != 0).map(u64::from)),
            whole(Some(peer.id)),
            Cell::text((!peer.addr.is_empty()).then(|| plain(&peer.addr, 80))),
            Cell::text(peer.version.map(|version| {
                format!("{version}{}", peer.user_agent.as_ref().map(|agent| plain(agent, 100)).unwrap_or_default())
            })),
            Cell::text(peer.services.map(|services| format!("{services:x}"))),
            Cell::number(rates(true), |value| value, rate),
            Cell::number(rates(false), |value| value, rate),
            size(polled.map(|polled| polled.bytes_received)),
            size(polled.map(|polled| polled.bytes_sent)),
            Cell::number(Some(peer.misbehaved).filter(|times| *times > 0), |times| times as f64, count)
                .toned(Tone::Warning),
            Cell::text(misbehaviour),
        ],
        is_old: !node.model.liveness.node().state.is_alive(),
    }
}

/// A mark that stands for no number.
fn mark(text: &str) -> Cell {
    Cell { text: text.to_owned(), key: Key::Text(text.to_owned()), tone: Tone::Normal }
}

/// As -netinfo names types of connections. An inbound one has none.
fn kind(connection_type: &str) -> Cell {
    match connection_type {
        "inbound" => mark(""),
        "outbound-full-relay" => mark("full"),
        "block-relay-only" => mark("block"),
        "addr-fetch" => mark("addr"),
        "private-broadcast" => mark("priv"),
        "manual" | "feeler" => mark(connection_type),
        _ => Cell::text(None::<String>),
    }
}

/// As -netinfo names networks.
fn network(network: &'static str) -> Option<&'static str> {
    match network {
        "not_publicly_routable" => Some("npr"),
        "internal" => Some("int"),
        event::names::UNKNOWN => None,
        known => Some(known),
    }
}
