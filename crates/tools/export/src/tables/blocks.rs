//! What happened to blocks.

use event::Body;
use event::message::Payload;
use event::names;
use event::pb::ebpf_extractor::block::block_event::Event as BlockEvent;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as ValidationEvent;
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::p2p_extractor::p2p::P2pEvent;

use super::connection_type;
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, duration, float, hash, int, seconds, time, word};

/// Headers of a message that announces blocks at most (Bitcoin Core's MAX_BLOCKS_TO_ANNOUNCE). One with more brings a
/// chain.
const MAX_ANNOUNCED: usize = 8;

pub(super) const TABLE: Table = Table {
    name: "blocks",
    meaning: "A row for each stage of a block, as tracepoints (`source` is `ebpf`), debug.log (`log`), our own P2P \
              connection (`p2p`) and IPC (`ipc`) show it: the same stage may be seen by several.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word("source", "`ebpf`, `log`, `p2p` or `ipc`"),
    word(
        "event",
        "`announced` (by inv, cmpctblock, or headers of up to 8 blocks), `requested`, `delivered` (by block), \
         `header-seen`, `checked`, `connected`, `disconnected`, `tip` (it is the best block now), `served` (the node \
         sent a transaction of it to our own connection, which it does once the block is valid)",
    ),
    hash("hash", "of the block"),
    int("height", "where it is known"),
    int("peer_id", "the node's id of the peer"),
    word("addr", "address and port of the peer"),
    word("network", "network of the peer"),
    word("connection_type", "type of the connection"),
    word("direction", "of a message: `inbound`: the node received it; `outbound`: the node sent it"),
    word("message_type", "of `announced`: `inv`, `headers` or `cmpctblock`"),
    int("size", "bytes of the message's payload"),
    time("block_time", "the block's own time, as the miner claims"),
    int("transactions", "transactions in it; of `connected`"),
    int("inputs", "inputs of its transactions; of `connected`"),
    int("sigops", "cost of signature operations; of `connected`"),
    float(
        "duration",
        "seconds: of `connected` what it took to connect it, of `served` from the announcement to the answer",
    ),
    word("state", "of `checked`: `Valid`, or why it was rejected"),
];

#[derive(Clone, Copy)]
struct Row<'a> {
    event: &'a str,
    hash: Value<'a>,
    height: Value<'a>,
    direction: Option<&'static str>,
    message_type: Value<'a>,
    block_time: Value<'a>,
    transactions: Value<'a>,
    inputs: Value<'a>,
    sigops: Value<'a>,
    duration: Value<'a>,
    state: Value<'a>,
}

const NOTHING: Row = Row {
    event: "",
    hash: Value::Null,
    height: Value::Null,
    direction: None,
    message_type: Value::Null,
    block_time: Value::Null,
    transactions: Value::Null,
    inputs: Value::Null,
    sigops: Value::Null,
    duration: Value::Null,
    state: Value::Null,
};

fn rows(seen: &Seen, rows: &mut Rows) {
    if seen.message.is_some() {
        of_message(seen, |row| push(seen, rows, row));
        return;
    }
    let row = match seen.body() {
        Some(Body::EbpfExtractor(ebpf)) => match &ebpf.ebpf_event {
            Some(EbpfEvent::Validation(validation)) => validation.event.as_ref().map(of_tracepoint),
            Some(EbpfEvent::Block(block)) => block.event.as_ref().and_then(of_arrival),
            _ => None,
        },
        Some(Body::LogExtractor(log)) => log.log_event.as_ref().and_then(of_log),
        Some(Body::P2pExtractor(p2p)) => p2p.p2p_event.as_ref().and_then(of_own_connection),
        Some(Body::IpcExtractor(ipc)) => match &ipc.ipc_event {
            Some(IpcEvent::BlockTip(tip)) => {
                Some(Row { event: "tip", hash: Value::Hash(&tip.hash), height: tip.height.into(), ..NOTHING })
            }
            _ => None,
        },
        _ => None,
    };
    if let Some(row) = row {
        push(seen, rows, row);
    }
}

fn of_message(seen: &Seen, mut row: impl FnMut(Row)) {
    let Some(message) = &seen.message else { return };
    let direction = Some(names::direction(message.inbound));
    let announced = Row { event: "announced", direction, message_type: message.message_type.into(), ..NOTHING };
    match message.payload {
        Payload::Inv(items) => {
            for (_, hash) in items.filter(|(item_type, _)| item_type.is_block()) {
                row(Row { hash: Value::Hash(hash), ..announced });
            }
        }
        Payload::GetData(items) => {
            for (_, hash) in items.filter(|(item_type, _)| item_type.is_block()) {
                row(Row { event: "requested", hash: Value::Hash(hash), direction, ..NOTHING });
            }
        }
        Payload::Headers(headers) if headers.count() <= MAX_ANNOUNCED => {
            for header in headers {
                row(Row { hash: Value::Hash(header.hash), block_time: seconds(header.time.into()), ..announced });
            }
        }
        Payload::CompactBlock(block) => {
            let header = block.header;
            row(Row { hash: Value::Hash(header.hash), block_time: seconds(header.time.into()), ..announced });
        }
        Payload::Block(header) => row(Row {
            event: "delivered",
            hash: Value::Hash(header.hash),
            direction,
            block_time: seconds(header.time.into()),
            ..NOTHING
        }),
        _ => {}
    }
}

fn of_tracepoint(event: &ValidationEvent) -> Row<'_> {
    match event {
        ValidationEvent::BlockConnected(of) => Row {
            event: "connected",
            hash: Value::Hash(&of.hash),
            height: of.height.into(),
            transactions: of.transactions.into(),
            inputs: of.inputs.into(),
            sigops: of.sigops.into(),
            duration: duration(of.connection_time),
            ..NOTHING
        },
    }
}

fn of_arrival(event: &BlockEvent) -> Option<Row<'_>> {
    let BlockEvent::Header(of) = event else { return None };
    let message_type = if of.compact_block { "cmpctblock".into() } else { Value::Null };
    let (hash, height) = (Value::Hash(&of.hash), of.height.into());
    Some(Row { event: "header-seen", hash, height, message_type, ..NOTHING })
}

fn of_log(event: &LogEvent) -> Option<Row<'_>> {
    let (inbound, outbound) = (Some("inbound"), Some("outbound"));
    Some(match event {
        LogEvent::BlockConnectedLog(of) => {
            Row { event: "connected", hash: Value::Hex(&of.block_hash), height: of.block_height.into(), ..NOTHING }
        }
        LogEvent::BlockDisconnectedLog(of) => {
            Row { event: "disconnected", hash: Value::Hex(&of.block_hash), height: of.block_height.into(), ..NOTHING }
        }
        LogEvent::BlockCheckedLog(of) => {
            Row { event: "checked", hash: Value::Hex(&of.block_hash), state: (&of.state).into(), ..NOTHING }
        }
        LogEvent::HeaderSeen(of) => {
            let message_type = if of.compact_block { "cmpctblock".into() } else { Value::Null };
            let (hash, height) = (Value::Hex(&of.block_hash), of.height.into());
            Row { event: "header-seen", hash, height, message_type, ..NOTHING }
        }
        LogEvent::UpdateTip(of) if !of.background => {
            Row { event: "tip", hash: Value::Hex(&of.block_hash), height: of.height.into(), ..NOTHING }
        }
        LogEvent::BlockReceived(of) => {
            Row { event: "delivered", hash: Value::Hex(&of.block_hash), direction: inbound, ..NOTHING }
        }
        LogEvent::BlockAnnounced(of) => Row {
            event: "announced",
            hash: Value::Hex(&of.block_hash),
            direction: outbound,
            message_type: (&of.message_type).into(),
            ..NOTHING
        },
        LogEvent::DataRequested(of) if of.inventory_type == "block" => {
            let (hash, height) = (Value::Hex(&of.hash), of.height.into());
            Row { event: "requested", hash, height, direction: outbound, ..NOTHING }
        }
        _ => return None,
    })
}

fn of_own_connection(event: &P2pEvent) -> Option<Row<'_>> {
    match event {
        P2pEvent::BlockAnnouncement(of) => Some(Row {
            event: "announced",
            hash: Value::Hash(&of.block_hash),
            height: of.height.into(),
            direction: Some("outbound"),
            message_type: (&of.message_type).into(),
            ..NOTHING
        }),
        P2pEvent::BlockServed(of) => Some(Row {
            event: "served",
            hash: Value::Hash(&of.block_hash),
            direction: Some("outbound"),
            duration: duration(of.duration_ns),
            ..NOTHING
        }),
        _ => None,
    }
}

fn push(seen: &Seen, rows: &mut Rows, row: Row) {
    let envelope = seen.record.envelope();
    rows.push(
        seen,
        [
            seen.source().into(),
            row.event.into(),
            row.hash,
            row.height,
            envelope.peer.into(),
            seen.addr().into(),
            seen.network().into(),
            seen.message.as_ref().and_then(connection_type).into(),
            row.direction.into(),
            row.message_type,
            seen.message.as_ref().map(|message| message.size).into(),
            row.block_time,
            row.transactions,
            row.inputs,
            row.sigops,
            row.duration,
            row.state,
        ],
    );
}
