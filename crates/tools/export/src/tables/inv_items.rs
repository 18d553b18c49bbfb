//! Entries of inv, getdata and notfound.

use event::message::{ItemType, Payload};
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, names};

use super::{connection_type, item_name, item_of};
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, hash, int, word};

pub(super) const TABLE: Table = Table {
    name: "inv_items",
    meaning: "A row for each entry of an inv, getdata or notfound.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word(
        "source",
        "`ebpf`: a message of a peer (tracepoints); `p2p`: one of our own connection, which has no peer here",
    ),
    int("peer_id", "the node's id of the peer"),
    word("addr", "address and port of the peer"),
    word("connection_type", "type of the connection"),
    word("direction", "`inbound`: the node received it; `outbound`: the node sent it"),
    word("message_type", "`inv`, `getdata` or `notfound`"),
    int("position", "position in the message, from 0 on"),
    word("item_type", "`tx`, `wtx`, `witness-tx`, `block`, `witness-block`, `cmpctblock`, `unknown` or `error`"),
    hash("hash", "of the transaction (wtxid for `wtx`, otherwise txid) or block"),
];

fn rows(seen: &Seen, rows: &mut Rows) {
    if let Some(message) = &seen.message {
        let (Payload::Inv(items) | Payload::GetData(items) | Payload::NotFound(items)) = message.payload else {
            return;
        };
        let of_message = [
            "ebpf".into(),
            message.peer.into(),
            message.addr.into(),
            connection_type(message).into(),
            names::direction(message.inbound).into(),
            message.message_type.into(),
        ];
        push(seen, rows, of_message, items);
        return;
    }
    let Some(Body::P2pExtractor(p2p)) = seen.body() else { return };
    let (message_type, items) = match &p2p.p2p_event {
        Some(P2pEvent::InventoryAnnouncement(announcement)) => ("inv", &announcement.inventory),
        Some(P2pEvent::DataRequest(request)) => (&*request.message_type, &request.inventory),
        _ => return,
    };
    // Both come from the node.
    let of_message = ["p2p".into(), Value::Null, Value::Null, Value::Null, "outbound".into(), message_type.into()];
    push(seen, rows, of_message, items.iter().map(item_of));
}

fn push<'a>(seen: &Seen, rows: &mut Rows, of_message: [Value; 6], items: impl Iterator<Item = (ItemType, &'a [u8])>) {
    let items = items.enumerate();
    let row = |(position, (item_type, hash)): (usize, (ItemType, &'a [u8]))| {
        [position.into(), item_name(item_type).into(), Value::Hash(hash)]
    };
    rows.push_all(seen, of_message, items.map(row));
}
