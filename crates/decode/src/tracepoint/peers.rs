//! What messages say of their peers, encoded once for each peer.

use event::pb::bitcoin_primitives::ConnType;

use super::layout::Message;
use super::{connection_type, text};
use crate::message::{Meta, put_peer};

/// How many peers are remembered. The ids of peers count up, so that those of a node that are there at a time have places of their own as a rule.
const PLACES: usize = 1024;

/// Peers of the messages so far, with their fields as they are encoded. Bounded: a peer takes the place of another one, and some 400 bytes.
pub struct Peers(Vec<Option<Peer>>);

/// A peer as records have it.
pub(super) struct Peer {
    id: i64,
    /// The texts as they are in the records, with the NUL at their ends.
    written_addr: Box<[u8]>,
    written_conn_type: Box<[u8]>,
    pub(super) addr: Box<str>,
    pub(super) conn_type: ConnType,
    pub(super) conn_type_name: Option<Box<str>>,
    /// The first fields of the metadata.
    pub(super) fields: Box<[u8]>,
}

impl Default for Peers {
    fn default() -> Self {
        Self((0..PLACES).map(|_| None).collect())
    }
}

impl Peers {
    /// The peer of a record of this process. There always is one.
    pub(super) fn of(&mut self, process: u32, record: &Message) -> Option<&Peer> {
        let place = (record.peer_id.cast_unsigned() ^ u64::from(process).rotate_left(7)) as usize % PLACES;
        let place = self.0.get_mut(place)?;
        if !place.as_ref().is_some_and(|peer| peer.is_of(record)) {
            *place = Some(Peer::new(record));
        }
        place.as_ref()
    }
}

impl Peer {
    fn new(record: &Message) -> Self {
        let (addr, conn_type) = (text(&record.addr), text(&record.conn_type));
        let (conn_type, conn_type_name) = connection_type(&conn_type);
        let peer_id = record.peer_id.cast_unsigned();
        let meta = Meta { peer_id, addr: &addr, conn_type, conn_type_name, message_type: "", inbound: false, size: 0 };
        let mut fields = Vec::new();
        put_peer(&meta, &mut fields);
        Self {
            id: record.peer_id,
            written_addr: record.addr.written().into(),
            written_conn_type: record.conn_type.written().into(),
            conn_type,
            conn_type_name: conn_type_name.map(Into::into),
            fields: fields.into(),
            addr: addr.into(),
        }
    }

    fn is_of(&self, record: &Message) -> bool {
        self.id == record.peer_id
            && record.addr.begins_with(&self.written_addr)
            && record.conn_type.begins_with(&self.written_conn_type)
    }
}
