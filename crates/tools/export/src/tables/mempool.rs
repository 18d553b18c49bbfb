//! What happened to transactions in the mempool, and its size.

use event::Body;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as MempoolEvent;
use event::pb::log_extractor::MempoolRemovalCause;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;

use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, flag, hash, int, time, unsigned_seconds, word};

pub(super) const TABLE: Table = Table {
    name: "mempool",
    meaning: "A row for each change of the mempool, as tracepoints (`source` is `ebpf`) and debug.log (`log`) show \
              it, and for each answer to getmempoolinfo (`rpc`). The same change may be seen by tracepoints and log.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word("source", "`ebpf`, `log` or `rpc`"),
    word(
        "event",
        "`added`, `removed`, `replaced`, `rejected` (both sources); of the log also `accepted` (from a peer) and \
         `removed-several`; `info`: a sample of the sizes",
    ),
    hash("txid", "of the transaction"),
    hash("wtxid", "where the log names it"),
    int("vsize", "virtual bytes of the transaction"),
    int("fee", "satoshi"),
    word("reason", "why it was removed (`block`, `conflict`, `expiry`, `reorg`, `replaced`, `sizelimit`), or rejected"),
    time("entered", "when it had entered the mempool; of `removed` and `replaced` tracepoints"),
    hash("replacement", "txid of what replaced it, or hash of the package"),
    int("replacement_vsize", "virtual bytes"),
    int("replacement_fee", "satoshi"),
    flag("replaced_by_transaction", "false: by a package"),
    int("peer_id", "the node's id of the peer that it came from"),
    word("addr", "its address and port"),
    int("transactions", "transactions of `removed-several`"),
    int("height", "height of the block that has them; of `removed-several`"),
    int("pool_transactions", "transactions in the mempool afterwards"),
    int("pool_vsize", "their virtual bytes (of `accepted` in steps of 1,000)"),
    int("pool_usage", "bytes of memory; of `info`"),
    int("minimum_fee_rate", "satoshi per 1,000 virtual bytes; of `info` and `removed-several`"),
];

#[derive(Clone, Copy)]
struct Row<'a> {
    event: &'a str,
    txid: Value<'a>,
    wtxid: Value<'a>,
    vsize: Value<'a>,
    fee: Value<'a>,
    reason: Value<'a>,
    entered: Value<'a>,
    replacement: Value<'a>,
    replacement_vsize: Value<'a>,
    replacement_fee: Value<'a>,
    replaced_by_transaction: Value<'a>,
    transactions: Value<'a>,
    height: Value<'a>,
    pool_transactions: Value<'a>,
    pool_vsize: Value<'a>,
    pool_usage: Value<'a>,
    minimum_fee_rate: Value<'a>,
}

const NOTHING: Row = Row {
    event: "",
    txid: Value::Null,
    wtxid: Value::Null,
    vsize: Value::Null,
    fee: Value::Null,
    reason: Value::Null,
    entered: Value::Null,
    replacement: Value::Null,
    replacement_vsize: Value::Null,
    replacement_fee: Value::Null,
    replaced_by_transaction: Value::Null,
    transactions: Value::Null,
    height: Value::Null,
    pool_transactions: Value::Null,
    pool_vsize: Value::Null,
    pool_usage: Value::Null,
    minimum_fee_rate: Value::Null,
};

fn rows(seen: &Seen, rows: &mut Rows) {
    let row = match seen.body() {
        Some(Body::EbpfExtractor(ebpf)) => match &ebpf.ebpf_event {
            Some(EbpfEvent::Mempool(mempool)) => mempool.event.as_ref().map(of_tracepoint),
            _ => None,
        },
        Some(Body::LogExtractor(log)) => log.log_event.as_ref().and_then(of_log),
        Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
            Some(RpcEvent::MempoolInfo(info)) => Some(Row {
                event: "info",
                pool_transactions: info.size.into(),
                pool_vsize: info.bytes.into(),
                pool_usage: info.usage.into(),
                minimum_fee_rate: Value::Int((info.mempoolminfee * 1e8).round() as i64),
                ..NOTHING
            }),
            _ => None,
        },
        _ => None,
    };
    if let Some(row) = row {
        push(seen, rows, row);
    }
}

fn of_tracepoint(event: &MempoolEvent) -> Row<'_> {
    match event {
        MempoolEvent::Added(of) => {
            Row { event: "added", txid: Value::Hash(&of.txid), vsize: of.vsize.into(), fee: of.fee.into(), ..NOTHING }
        }
        MempoolEvent::Removed(of) => Row {
            event: "removed",
            txid: Value::Hash(&of.txid),
            vsize: of.vsize.into(),
            fee: of.fee.into(),
            reason: (&of.reason).into(),
            entered: unsigned_seconds(of.entry_time),
            ..NOTHING
        },
        MempoolEvent::Rejected(of) => {
            Row { event: "rejected", txid: Value::Hash(&of.txid), reason: (&of.reason).into(), ..NOTHING }
        }
        MempoolEvent::Replaced(of) => Row {
            event: "replaced",
            txid: Value::Hash(&of.replaced_txid),
            vsize: of.replaced_vsize.into(),
            fee: of.replaced_fee.into(),
            entered: unsigned_seconds(of.replaced_entry_time),
            replacement: Value::Hash(&of.replacement_id),
            replacement_vsize: of.replacement_vsize.into(),
            replacement_fee: of.replacement_fee.into(),
            replaced_by_transaction: of.replaced_by_transaction.into(),
            ..NOTHING
        },
    }
}

fn of_log(event: &LogEvent) -> Option<Row<'_>> {
    Some(match event {
        LogEvent::MempoolAdded(of) => {
            Row { event: "added", txid: Value::Hex(&of.txid), wtxid: Value::Hex(&of.wtxid), ..NOTHING }
        }
        LogEvent::MempoolRemoved(of) => Row {
            event: "removed",
            txid: Value::Hex(&of.txid),
            wtxid: Value::Hex(&of.wtxid),
            reason: (&of.reason).into(),
            ..NOTHING
        },
        LogEvent::MempoolReplaced(of) => Row {
            event: "replaced",
            txid: Value::Hex(&of.txid),
            wtxid: Value::Hex(&of.wtxid),
            vsize: of.vsize.into(),
            fee: of.fee.into(),
            replacement: Value::Hex(&of.replacement),
            replacement_vsize: of.replacement_vsize.into(),
            replacement_fee: of.replacement_fee.into(),
            replaced_by_transaction: of.replacement_transactions.is_none().into(),
            ..NOTHING
        },
        LogEvent::MempoolAccepted(of) => Row {
            event: "accepted",
            txid: Value::Hex(&of.txid),
            wtxid: of.wtxid.as_deref().map_or(Value::Null, Value::Hex),
            pool_transactions: of.pool_transactions.into(),
            pool_vsize: of.pool_kilobytes.checked_mul(1000).into(),
            ..NOTHING
        },
        LogEvent::MempoolRejected(of) => Row {
            event: "rejected",
            txid: Value::Hex(&of.txid),
            wtxid: of.wtxid.as_deref().map_or(Value::Null, Value::Hex),
            reason: (&of.reason).into(),
            ..NOTHING
        },
        LogEvent::MempoolRemovals(of) => Row {
            event: "removed-several",
            reason: Value::Text(match of.cause() {
                MempoolRemovalCause::RemovedForBlock => "block",
                MempoolRemovalCause::RemovedExpired => "expiry",
                MempoolRemovalCause::RemovedSizeLimit => "sizelimit",
                MempoolRemovalCause::RemovedReplaced => "replaced",
            }),
            transactions: of.transactions.into(),
            height: of.block_height.into(),
            minimum_fee_rate: of.minimum_fee_rate.into(),
            ..NOTHING
        },
        _ => return None,
    })
}

fn push(seen: &Seen, rows: &mut Rows, row: Row) {
    rows.push(
        seen,
        [
            seen.source().into(),
            row.event.into(),
            row.txid,
            row.wtxid,
            row.vsize,
            row.fee,
            row.reason,
            row.entered,
            row.replacement,
            row.replacement_vsize,
            row.replacement_fee,
            row.replaced_by_transaction,
            seen.record.envelope().peer.into(),
            seen.addr().into(),
            row.transactions,
            row.height,
            row.pool_transactions,
            row.pool_vsize,
            row.pool_usage,
            row.minimum_fee_rate,
        ],
    );
}
