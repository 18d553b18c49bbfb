//! What comes again with each message: its peer, encoded once for each connection, and its type.

use event::pb::bitcoin_primitives::ConnType;
use smol_str::SmolStr;

use super::layout::Message;
use super::{connection_type, text};
use crate::message::put_connection;

/// How many peers are remembered at most. A node has some hundred at a time, of which hardly any two have the same place.
const PEERS: usize = 8192;
/// How many message types are remembered at most, of the 40 or so that are in use.
const TYPES: usize = 256;

/// What the records so far had. Bounded: what is new takes the place of something else; peers take some 400 bytes each.
pub struct Known {
    peers: Vec<Option<Box<Peer>>>,
    /// With what is written in the records.
    types: Vec<(u128, SmolStr)>,
}

/// A peer as records have it, but for its id.
#[derive(Default)]
pub(super) struct Peer {
    /// The address and the connection type as they are in the records, with the NUL at their ends, and after them the fields of the metadata after the
    /// id. They are in one piece of memory, since each further one is as a rule not in the processor's cache.
    bytes: Vec<u8>,
    /// Where the address and the connection type end.
    ends: (usize, usize),
    pub(super) addr: String,
    pub(super) conn_type: ConnType,
    pub(super) conn_type_name: Option<String>,
}

impl Default for Known {
    fn default() -> Self {
        Self { peers: (0..PEERS).map(|_| None).collect(), types: vec![(0, SmolStr::default()); TYPES] }
    }
}

impl Known {
    /// The peer and the message type of a record. There always are.
    pub(super) fn of(&mut self, record: &Message) -> Option<(&Peer, &SmolStr)> {
        // Whoever chooses addresses so that many have one place makes their messages a little slower to encode.
        let peer = self.peers.get_mut(mixed(record.addr.word(), PEERS))?.get_or_insert_default();
        if !peer.is_of(record) {
            peer.become_that_of(record);
        }
        let written = record.message_type.word();
        let (known, message_type) = self.types.get_mut(mixed(written, TYPES))?;
        if *known != written {
            (*known, *message_type) = (written, text(&record.message_type).into());
        }
        Some((peer, message_type))
    }
}

/// One of so many places, a power of two.
fn mixed(word: u128, places: usize) -> usize {
    let folded = word as u64 ^ ((word >> 64) as u64).rotate_left(32);
    // The upper bits of a product depend on all bits of its factors.
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - places.ilog2())) as usize
}

impl Peer {
    /// The fields of the metadata after the id.
    pub(super) fn fields(&self) -> &[u8] {
        self.bytes.get(self.ends.1..).unwrap_or_default()
    }

    /// Takes the place of another one, in the same memory.
    fn become_that_of(&mut self, record: &Message) {
        let conn_type = text(&record.conn_type);
        let (conn_type, name) = connection_type(&conn_type);
        (self.conn_type, self.conn_type_name) = (conn_type, name.map(str::to_owned));
        self.addr.clear();
        self.addr.push_str(&text(&record.addr));
        self.bytes.clear();
        self.bytes.extend_from_slice(record.addr.written());
        self.ends.0 = self.bytes.len();
        self.bytes.extend_from_slice(record.conn_type.written());
        self.ends.1 = self.bytes.len();
        put_connection(&self.addr, conn_type, &mut self.bytes);
    }

    fn is_of(&self, record: &Message) -> bool {
        let (addr, conn_type) = (self.bytes.get(..self.ends.0), self.bytes.get(self.ends.0..self.ends.1));
        // No text is empty: its NUL is a part of it.
        self.ends.0 > 0
            && addr.is_some_and(|addr| record.addr.begins_with(addr))
            && conn_type.is_some_and(|conn_type| record.conn_type.begins_with(conn_type))
    }
}
