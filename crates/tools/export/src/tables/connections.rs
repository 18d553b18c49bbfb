//! What happened to connections.

use event::Body;
use event::names;
use event::pb::ebpf_extractor::connection::Connection;
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionEvent;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::log_extractor::log::LogEvent;

use super::lower;
use crate::rows::Rows;
use crate::seen::{Seen, prefix_of};
use crate::table::{Column, Table, Value, float, int, time, unsigned_seconds, word};

pub(super) const TABLE: Table = Table {
    name: "connections",
    meaning: "A row for each thing that happens to a connection, as tracepoints (`source` is `ebpf`) and debug.log \
              (`log`) show it: the same thing may be seen by both.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word("source", "`ebpf` or `log`"),
    word(
        "event",
        "`opened`, `closed`, `evicted`, `misbehaving` (both sources); of the log also `accepted` (by the socket), \
         `refused`, `handshaked`, `disconnecting` (why the node gives it up; `closed` follows), `attempted`, `failed`",
    ),
    int("peer_id", "the node's id of the peer; unique until the node restarts"),
    word("addr", "address and port of the peer"),
    word("network", "network of the peer; NULL if it is not known"),
    word("prefix", "the /24 network of an IPv4 address, the /64 network of an IPv6 address"),
    word("connection_type", "type of the connection"),
    word("direction", "`inbound`: the peer connected to the node; `outbound`: the node to the peer"),
    time("established", "when it was opened; of `closed` and `evicted`"),
    float("lifetime", "seconds that it lasted; of `closed` and `evicted`"),
    int("connections", "connections of that direction, this one included; of `opened`"),
    word("transport", "`v1` or `v2`, where the log names it"),
    int("protocol_version", "of `handshaked`"),
    word("user_agent", "of the peer, if the archive has it before this"),
    word(
        "reason",
        "why, by a fixed name: of `disconnecting`, `refused`, `failed`, and what is done about `misbehaving` in the \
         log",
    ),
    word("text", "the node's words"),
    int("asn", "number of the autonomous system by the node's map"),
];

/// The columns that only some events have.
#[derive(Clone, Copy)]
struct Row<'a> {
    event: &'a str,
    connection: Option<&'a Connection>,
    connection_type: Option<&'a str>,
    direction: Option<&'static str>,
    established: Option<u64>,
    connections: Option<u64>,
    transport: Option<&'a str>,
    protocol_version: Option<u32>,
    reason: Option<&'a str>,
    text: Option<&'a str>,
    asn: Option<u32>,
}

const NOTHING: Row = Row {
    event: "",
    connection: None,
    connection_type: None,
    direction: None,
    established: None,
    connections: None,
    transport: None,
    protocol_version: None,
    reason: None,
    text: None,
    asn: None,
};

fn rows(seen: &Seen, rows: &mut Rows) {
    match seen.body() {
        Some(Body::EbpfExtractor(ebpf)) => {
            if let Some(EbpfEvent::Connection(connection)) = &ebpf.ebpf_event
                && let Some(event) = &connection.event
            {
                push(seen, rows, of_tracepoint(event));
            }
        }
        Some(Body::LogExtractor(log)) => {
            if let Some(event) = &log.log_event {
                of_log(event, |row| push(seen, rows, row));
            }
        }
        _ => {}
    }
}

fn of_tracepoint(event: &ConnectionEvent) -> Row<'_> {
    match event {
        ConnectionEvent::Inbound(of) => {
            Row { event: "opened", connection: Some(&of.conn), connections: Some(of.existing_connections), ..NOTHING }
        }
        ConnectionEvent::Outbound(of) => {
            Row { event: "opened", connection: Some(&of.conn), connections: Some(of.existing_connections), ..NOTHING }
        }
        ConnectionEvent::Closed(of) => {
            Row { event: "closed", connection: Some(&of.conn), established: Some(of.time_established), ..NOTHING }
        }
        ConnectionEvent::InboundEvicted(of) => {
            Row { event: "evicted", connection: Some(&of.conn), established: Some(of.time_established), ..NOTHING }
        }
        ConnectionEvent::Misbehaving(of) => Row { event: "misbehaving", text: Some(&of.message), ..NOTHING },
    }
}

fn of_log(event: &LogEvent, mut row: impl FnMut(Row)) {
    let (inbound, outbound) = (Some("inbound"), Some("outbound"));
    match event {
        LogEvent::ConnectionAccepted(_) => row(Row { event: "accepted", direction: inbound, ..NOTHING }),
        LogEvent::ConnectionRefused(of) => {
            let reason = lower(of.reason().as_str_name());
            row(Row { event: "refused", direction: inbound, reason: Some(&reason), ..NOTHING });
        }
        LogEvent::ConnectionAdded(_) => row(Row { event: "opened", ..NOTHING }),
        LogEvent::PeerConnected(of) => row(Row {
            event: "handshaked",
            connection_type: of.connection_type.as_deref(),
            transport: of.transport.as_deref(),
            protocol_version: Some(of.version),
            asn: of.mapped_as,
            ..NOTHING
        }),
        LogEvent::PeerDisconnected(of) => {
            let reason = lower(of.reason().as_str_name());
            let event = if reason == "closed" { "closed" } else { "disconnecting" };
            row(Row { event, reason: Some(&reason), text: Some(&of.text), ..NOTHING });
        }
        LogEvent::EvictionSelected(of) => {
            row(Row { event: "evicted", connection_type: of.connection_type.as_deref(), ..NOTHING });
        }
        LogEvent::Misbehaving(of) => {
            let reason = lower(of.action().as_str_name());
            row(Row { event: "misbehaving", reason: Some(&reason), text: Some(&of.message), ..NOTHING });
        }
        LogEvent::ConnectionAttempted(of) => {
            let reason = lower(of.step().as_str_name());
            row(Row {
                event: "attempted",
                connection_type: of.connection_type.as_deref(),
                direction: outbound,
                transport: of.transport.as_deref(),
                reason: Some(&reason),
                ..NOTHING
            });
        }
        LogEvent::ConnectionFailed(of) => {
            let reason = lower(of.reason().as_str_name());
            row(Row { event: "failed", direction: outbound, reason: Some(&reason), text: Some(&of.text), ..NOTHING });
        }
        _ => {}
    }
}

fn push(seen: &Seen, rows: &mut Rows, row: Row) {
    let envelope = seen.record.envelope();
    let network = row.connection.map(|connection| names::network_of_number(connection.network));
    let network = network.filter(|name| *name != names::UNKNOWN).or_else(|| seen.network());
    let prefix = seen.addr().and_then(|addr| prefix_of(addr, network));
    let connection_type = row.connection.map(names::connection_type_of_connection).or(row.connection_type);
    let connection_type = connection_type.filter(|name| *name != names::UNKNOWN);
    let of_type = |name: &str| if name == "inbound" { "inbound" } else { "outbound" };
    let direction = row.direction.or_else(|| connection_type.map(of_type));
    let lifetime = row.established.map(|established| envelope.time_ns as f64 / 1e9 - established as f64);
    rows.push(
        seen,
        [
            seen.source().into(),
            row.event.into(),
            envelope.peer.into(),
            seen.addr().into(),
            network.into(),
            prefix.as_deref().into(),
            connection_type.into(),
            direction.into(),
            row.established.map_or(Value::Null, unsigned_seconds),
            // The node has the time in whole seconds.
            lifetime.map(|seconds| seconds.max(0.0)).into(),
            row.connections.into(),
            row.transport.into(),
            row.protocol_version.into(),
            seen.user_agent().into(),
            row.reason.into(),
            row.text.filter(|text| !text.is_empty()).into(),
            row.asn.into(),
        ],
    );
}
