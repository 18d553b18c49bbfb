//! Payloads of P2P messages to events.
//!
//! There are two ways. [`decode`] makes structures, with rust-bitcoin: plain, and the oracle. [`encode`] gives the
//! same, encoded; for what is frequent or large it writes protobuf straight from Bitcoin's bytes, many times faster.
//! Tests hold both equal, byte for byte.
//!
//! A payload that is of no known type, malformed, followed by more bytes, or not UTF-8 where protobuf wants that,
//! becomes an `Unknown` with its bytes. Where Bitcoin Core is more tolerant than rust-bitcoin, and nothing is lost by
//! it, so are we: a version without the relay byte; a reject without a hash (BIP 61); in an addrv2, IPv4 and Tor's
//! version 2 within an IPv6 address, and CJDNS outside of fc00::/8.

mod address;
mod direct;
mod frame;
mod hash;
mod names;
mod parts;
mod structures;
mod transaction;
mod wire;

use bytes::Bytes;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{MessageEvent, Metadata, Unknown};
use event::record::ENVELOPE_ROOM;
use event::{Body, Described, Direction, Encoded, Kind};
use smol_str::SmolStr;

use direct::Writer;
pub(crate) use frame::{Framed, put_connection};

/// Bytes of a payload at most: nodes take no more, and send no more (Bitcoin Core's `MAX_PROTOCOL_MESSAGE_LENGTH`).
/// What is longer is not decoded.
pub const MAX_PAYLOAD_BYTES: usize = 4_000_000;

/// What a tracepoint reports of a message besides its payload.
#[derive(Clone, Copy, Debug)]
pub struct Meta<'a> {
    /// The node's own id of the peer.
    pub peer_id: u64,
    /// Address and port of the peer, or the host name it was added by.
    pub addr: &'a str,
    /// Type of the connection.
    pub conn_type: ConnType,
    /// The node's name of that kind, where `conn_type` has none.
    pub conn_type_name: Option<&'a str>,
    /// The message type as on the wire.
    pub message_type: &'a str,
    /// Whether the node received the message.
    pub inbound: bool,
    /// Size of the payload in bytes, however much of it was captured.
    pub size: u64,
}

impl Meta<'_> {
    /// The message as it is published: encoded at once, since messages are most of all events, and building structures first would cost as much as
    /// all the rest. `payload` is what was captured of it.
    pub fn encoded(&self, payload: &[u8]) -> Encoded {
        let mut bytes = Vec::with_capacity(payload.len() + payload.len() / 3 + 256 + ENVELOPE_ROOM);
        encode(self, payload, &mut bytes);
        Encoded { described: self.described(), bytes }
    }

    /// What the envelope needs of it.
    pub fn described(&self) -> Described {
        self.described_as(self.message_type.into())
    }

    /// The same, with its message type as it is kept.
    pub(crate) fn described_as(&self, message_type: SmolStr) -> Described {
        Described {
            kind: Kind::Message,
            peer: Some(self.peer_id),
            message_type: Some(message_type),
            direction: Some(if self.inbound { Direction::Inbound } else { Direction::Outbound }),
            size: Some(self.size),
        }
    }
}

/// Appends field `ebpf_extractor` of an [`event.Event`](event::pb::event::Event) as prost would encode it: the
/// message as [`decode`] decodes it.
///
/// It appends at most twelve times the payload, plus the metadata.
pub fn encode(meta: &Meta, payload: &[u8], out: &mut Vec<u8>) {
    encode_framed(Framed { meta, connection: None }, payload, out);
}

/// The same of a message whose connection may be encoded already.
pub(crate) fn encode_framed(framed: Framed, payload: &[u8], out: &mut Vec<u8>) {
    let meta = framed.meta;
    let whole = captured(meta, payload).is_none() && payload.len() <= MAX_PAYLOAD_BYTES;
    let start = out.len();
    let written = match direct::writer(meta.message_type, payload) {
        Some(Writer::Message(field, guess, content)) if whole => {
            frame::put_message(framed, payload, (field, guess, content), out)
        }
        Some(Writer::Empty(field)) if whole => payload.is_empty().then(|| frame::put_flag(framed, field, out)),
        _ => known(meta, payload).map(|msg| {
            let ebpf_event = Some(EbpfEvent::Message(event(meta, payload, msg)));
            Body::EbpfExtractor(Ebpf { ebpf_event }).encode(out);
        }),
    };
    if written.is_none() {
        out.truncate(start);
        frame::put_unknown(framed, payload, out);
    }
}

/// Decodes a message. `payload` is what was captured of it: if that is less than `meta.size`, a block keeps its
/// header and the number of its transactions, a blocktxn its block and that number, and any other is `Unknown`.
pub fn decode(meta: &Meta, payload: &[u8]) -> MessageEvent {
    let unknown = || Unknown { command: meta.message_type.to_owned(), payload: Bytes::copy_from_slice(payload) };
    event(meta, payload, known(meta, payload).unwrap_or_else(|| Msg::Unknown(unknown())))
}

/// The message, if it is of a known type and well-formed.
fn known(meta: &Meta, payload: &[u8]) -> Option<Msg> {
    match captured(meta, payload) {
        _ if payload.len() > MAX_PAYLOAD_BYTES => None,
        None => structures::whole(meta.message_type, payload),
        Some(_) => structures::part(meta.message_type, payload),
    }
}

fn event(meta: &Meta, payload: &[u8], msg: Msg) -> MessageEvent {
    MessageEvent {
        meta: Metadata {
            peer_id: meta.peer_id,
            addr: meta.addr.to_owned(),
            conn_type: meta.conn_type.into(),
            command: meta.message_type.to_owned(),
            inbound: meta.inbound,
            size: meta.size,
            conn_type_name: meta.conn_type_name.map(str::to_owned),
            captured: captured(meta, payload),
        },
        msg: Some(msg),
    }
}

/// How many bytes of the payload were captured, if not all.
fn captured(meta: &Meta, payload: &[u8]) -> Option<u64> {
    Some(payload.len() as u64).filter(|captured| *captured < meta.size)
}
