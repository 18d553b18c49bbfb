//! Everything.

use event::{Kind, Source, json};

use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, int, text, word};

/// Bytes of an encoded event whose JSON is written at most: a getrawaddrman has megabytes.
const MAX_JSON: usize = 32 << 10;

pub(super) const TABLE: Table = Table { name: "events", meaning: "A row for each event.", columns: COLUMNS, rows };

const COLUMNS: &[Column] = &[
    word(
        "source",
        "the interface of the node: `ebpf` (tracepoints), `rpc`, `log`, `p2p`, `ipc`; `connectivity`, `alerts`, \
         `chain` and `observer` (this program)",
    ),
    word("kind", "what happened"),
    int("peer_id", "the node's id of the peer that it concerns"),
    word("addr", "address and port of that peer"),
    word("message_type", "type of the P2P message"),
    word("direction", "of that message: `inbound`: the node received it; `outbound`: the node sent it"),
    int("size", "bytes of that message's payload"),
    int("bytes", "bytes of the encoded event"),
    text(
        "json",
        "the event as `watch -o json` prints it, if no other table has rows of its kind and it has at most 32 KiB: \
         `json->>'$.body.total_bytes_sent'`",
    ),
];

fn rows(seen: &Seen, rows: &mut Rows) {
    let envelope = seen.record.envelope();
    let bytes = seen.record.bytes().len();
    let json = (!has_table(envelope.kind) && bytes <= MAX_JSON).then(|| json::to_json(seen.record));
    rows.push(
        seen,
        [
            envelope.kind.source().map(Source::name).into(),
            envelope.kind.name().into(),
            envelope.peer.into(),
            seen.addr().into(),
            envelope.message_type.as_deref().into(),
            seen.direction().into(),
            envelope.size.into(),
            bytes.into(),
            json.as_deref().map_or(Value::Null, Value::Text),
        ],
    );
}

/// Whether events of a kind have rows in another table.
fn has_table(kind: Kind) -> bool {
    match kind.source() {
        Some(Source::Log | Source::P2p | Source::Connectivity | Source::Chain) => true,
        Some(Source::Ebpf) => {
            !matches!(kind, Kind::UtxocacheFlush | Kind::UtxocacheAdd | Kind::UtxocacheSpent | Kind::UtxocacheUncache)
        }
        Some(Source::Ipc) => kind == Kind::BlockTip,
        Some(Source::Rpc) => matches!(kind, Kind::PeerInfos | Kind::MempoolInfo),
        Some(Source::Alerts | Source::Observer) | None => false,
    }
}
