//! The testbed's own count of what scripted peers send: a second source to hold against what is observed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin::p2p::Magic;
use parking_lot::Mutex;

/// Messages of one type that peers of one scenario have sent to one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRow {
    /// The name of the scenario.
    pub by: &'static str,
    /// The name of the node.
    pub to: Arc<str>,
    /// The message type, up to 12 characters.
    pub message_type: String,
    /// How many were written to the connection. The node may have closed it before it read the last ones.
    pub messages: u64,
    /// Their size in bytes, with headers.
    pub bytes: u64,
}

type Key = (&'static str, Arc<str>, String);

/// Counts messages; all clones count into the same table.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    by: &'static str,
    to: Arc<str>,
    rows: Arc<Mutex<BTreeMap<Key, (u64, u64)>>>,
}

impl Sent {
    /// Counts into the same table from now on what `by` sends to `to`.
    pub(crate) fn label(&self, by: &'static str, to: &str) -> Self {
        Self { by, to: to.into(), rows: Arc::clone(&self.rows) }
    }

    /// Counts one message as it is on the wire. Bytes that are no message (another magic) are not counted.
    pub(crate) fn note(&self, message: &[u8]) {
        let Some((magic, rest)) = message.split_first_chunk::<4>() else { return };
        let Some((name, _)) = rest.split_first_chunk::<12>() else { return };
        if *magic != Magic::REGTEST.to_bytes() {
            return;
        }
        let message_type = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
        let mut rows = self.rows.lock();
        let (messages, bytes) = rows.entry((self.by, Arc::clone(&self.to), message_type)).or_default();
        *messages += 1;
        *bytes += message.len() as u64;
    }

    /// All counts until now, ordered by scenario, node and message type.
    pub fn rows(&self) -> Vec<SentRow> {
        let row = |((by, to, message_type), (messages, bytes)): (&Key, &(u64, u64))| SentRow {
            by,
            to: Arc::clone(to),
            message_type: message_type.clone(),
            messages: *messages,
            bytes: *bytes,
        };
        self.rows.lock().iter().map(row).collect()
    }

    /// How many messages of that type peers of that scenario have sent, to all nodes.
    pub fn messages(&self, by: &str, message_type: &str) -> u64 {
        let rows = self.rows.lock();
        rows.iter()
            .filter(|((of, _, name), _)| *of == by && name == message_type)
            .map(|(_, (messages, _))| messages)
            .sum()
    }
}
