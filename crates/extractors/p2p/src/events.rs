//! Messages as events.

use decode::message::{Meta, decode};
use event::Body;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{MessageSeen, P2p};
use p2p::{Message, MessageType};

/// What a message of the node says. None if that is not known, or malformed.
pub fn content(message: &Message) -> Option<Msg> {
    let meta = Meta {
        peer_id: 0,
        addr: "",
        conn_type: ConnType::Unknown,
        conn_type_name: None,
        message_type: message.message_type.as_str(),
        inbound: true,
        size: u64::try_from(message.payload.len()).unwrap_or(u64::MAX),
    };
    decode(&meta, &message.payload).msg
}

/// That a message of the node arrived.
pub fn arrived(message: &Message) -> P2pEvent {
    seen(message.message_type, message.payload.len(), message.size, false)
}

/// That we sent a message.
pub fn sent(message_type: MessageType, payload: usize, wire: usize) -> P2pEvent {
    seen(message_type, payload, wire, true)
}

fn seen(message_type: MessageType, payload: usize, wire: usize, sent: bool) -> P2pEvent {
    P2pEvent::MessageSeen(MessageSeen {
        message_type: message_type.as_str().to_owned(),
        size: u64::try_from(payload).unwrap_or(u64::MAX),
        wire_size: u64::try_from(wire).unwrap_or(u64::MAX),
        sent,
    })
}

/// The event's body.
pub fn body(event: P2pEvent) -> Body {
    Body::P2pExtractor(P2p { p2p_event: Some(event) })
}
