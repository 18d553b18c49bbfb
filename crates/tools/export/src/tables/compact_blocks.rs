//! Compact blocks (BIP 152): what came, and what was missing.

use event::Body;
use event::message::Payload;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::block::block_event::Event as BlockEvent;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::log_extractor::log::LogEvent;

use super::connection_type;
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, hash, int, word};

pub(super) const TABLE: Table = Table {
    name: "compact_blocks",
    meaning: "A row for each step of a compact block (BIP 152), as messages (`source` is `ebpf`) and debug.log \
              (`log`) show it.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word("source", "`ebpf` or `log`"),
    word(
        "event",
        "of messages `announced` (cmpctblock) and `requested` (getblocktxn); of the log `started`, `reconstructed`, \
         `transaction-required` and `prefill` (how useful the transactions were that it brought; it names no block)",
    ),
    hash("hash", "of the block"),
    int("peer_id", "the node's id of the peer"),
    word("addr", "address and port of the peer"),
    word("connection_type", "type of the connection"),
    word("direction", "of a message: `inbound`: the node received it; `outbound`: the node sent it"),
    int("size", "bytes of the message's payload, or of the cmpctblock that reconstruction started with"),
    int("short_ids", "transactions that it names; of `announced`"),
    int("prefilled", "transactions that it brought; of `announced` and `reconstructed`"),
    int("from_mempool", "transactions that were in the mempool; of `reconstructed` and `prefill`"),
    int(
        "from_extra_pool",
        "transactions that were in the pool of rejected and replaced ones; of `reconstructed` and `prefill`",
    ),
    int("requested", "transactions that had to be requested; of `requested` and `reconstructed`"),
    int("prefilled_bytes", "their bytes; NULL where the node does not log them, as for the following"),
    int("from_mempool_bytes", "bytes"),
    int("from_extra_pool_bytes", "bytes"),
    int("requested_bytes", "bytes"),
    int("redundant", "transactions that it brought and the node had; of `prefill`"),
    int("redundant_bytes", "their bytes"),
    hash("txid", "of `transaction-required`"),
];

/// The columns from `size` on.
type Row<'a> = [Value<'a>; 13];

const NOTHING: Row<'static> = [Value::Null; 13];

fn rows(seen: &Seen, rows: &mut Rows) {
    if let Some(message) = &seen.message {
        let size = message.size.into();
        match message.payload {
            Payload::CompactBlock(block) => {
                let [_, _, _, rest @ ..] = NOTHING;
                let [a, b, c, d, e, f, g, h, i, j] = rest;
                let row = [size, block.short_ids.into(), block.prefilled.into(), a, b, c, d, e, f, g, h, i, j];
                push(seen, rows, "announced", Value::Hash(block.header.hash), row);
            }
            Payload::GetBlockTxn(hash, transactions) => {
                let mut row = NOTHING;
                [row[0], row[5]] = [size, transactions.into()];
                push(seen, rows, "requested", Value::Hash(hash), row);
            }
            _ => {}
        }
        return;
    }
    if let Some(Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Block(block)) })) = seen.body() {
        if let Some(BlockEvent::Reconstructed(of)) = &block.event {
            let mut row = NOTHING;
            [row[2], row[3], row[4], row[5], row[9]] = [
                of.prefilled.into(),
                of.from_mempool.into(),
                of.from_extra_pool.into(),
                of.requested.into(),
                of.requested_bytes.into(),
            ];
            push(seen, rows, "reconstructed", Value::Hash(&of.hash), row);
        }
        return;
    }
    let Some(Body::LogExtractor(log)) = seen.body() else { return };
    let Some(event) = &log.log_event else { return };
    let mut row = NOTHING;
    let (name, hash) = match event {
        LogEvent::CompactBlockStarted(of) => {
            row[0] = of.size.into();
            ("started", Value::Hex(&of.block_hash))
        }
        LogEvent::CompactBlockReconstructed(of) => {
            [row[2], row[3], row[4], row[5]] =
                [of.prefilled.into(), of.from_mempool.into(), of.from_extra_pool.into(), of.requested.into()];
            [row[6], row[7], row[8], row[9]] = [
                of.prefilled_bytes.into(),
                of.from_mempool_bytes.into(),
                of.from_extra_pool_bytes.into(),
                of.requested_bytes.into(),
            ];
            ("reconstructed", Value::Hex(&of.block_hash))
        }
        LogEvent::CompactBlockPrefill(of) => {
            [row[3], row[4]] = [of.in_mempool.into(), of.in_extra_pool.into()];
            [row[7], row[8]] = [of.in_mempool_bytes.into(), of.in_extra_pool_bytes.into()];
            [row[10], row[11]] = [of.redundant.into(), of.redundant_bytes.into()];
            ("prefill", Value::Null)
        }
        LogEvent::CompactBlockTxRequired(of) => {
            row[12] = Value::Hex(&of.txid);
            ("transaction-required", Value::Hex(&of.block_hash))
        }
        _ => return,
    };
    push(seen, rows, name, hash, row);
}

fn push<'a>(seen: &Seen<'a>, rows: &mut Rows, event: &'a str, hash: Value<'a>, row: Row<'a>) {
    let envelope = seen.record.envelope();
    let [size, short_ids, prefilled, from_mempool, from_extra_pool, requested, a, b, c, d, redundant, bytes, txid] =
        row;
    rows.push(
        seen,
        [
            seen.source().into(),
            event.into(),
            hash,
            envelope.peer.into(),
            seen.addr().into(),
            seen.message.as_ref().and_then(connection_type).into(),
            seen.direction().filter(|_| seen.message.is_some()).into(),
            size,
            short_ids,
            prefilled,
            from_mempool,
            from_extra_pool,
            requested,
            a,
            b,
            c,
            d,
            redundant,
            bytes,
            txid,
        ],
    );
}
