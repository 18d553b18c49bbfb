//! P2P messages by type.

use event::message::Message;

use super::{direction, is_linkinglion};
use crate::fold::{Context, Observer, Peer};
use crate::store::Store;
use crate::table::ids::{
    P2P_MESSAGE_BYTES, P2P_MESSAGE_BYTES_LINKINGLION, P2P_MESSAGE_COUNT, P2P_MESSAGE_COUNT_LINKINGLION,
};

/// Numbers and bytes of messages.
#[derive(Default)]
pub(super) struct Messages;

/// Numbers of `ConnType` as labels.
const CONN_TYPES: [&str; 5] = ["0", "1", "2", "3", "4"];

impl Observer<Store> for Messages {
    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        let store = &mut *context.sink;
        let conn_type = CONN_TYPES.get(message.conn_type as usize).unwrap_or(&"0");
        let labels = [message.message_type, conn_type, direction(message.inbound)];
        store.inc(P2P_MESSAGE_COUNT, &labels);
        store.add(P2P_MESSAGE_BYTES, &labels, message.size as f64);
        if is_linkinglion(peer.sets, context.enrichment) {
            let labels = [message.message_type, direction(message.inbound)];
            store.inc(P2P_MESSAGE_COUNT_LINKINGLION, &labels);
            store.add(P2P_MESSAGE_BYTES_LINKINGLION, &labels, message.size as f64);
        }
    }
}
