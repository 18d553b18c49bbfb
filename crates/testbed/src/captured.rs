//! What bitcoind writes with `-capturemessages`: a folder for each peer, in it a file for each direction. A message there is the time in
//! microseconds (8 bytes), the type (12), the size (4), the payload.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A message as the node wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Its type.
    pub message_type: String,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// The messages that a regtest node captured, in order, by the peer's address and the direction (true: inbound).
///
/// # Errors
/// The node captures nothing, or a file cannot be read.
pub fn captured(datadir: &Path) -> Result<BTreeMap<(String, bool), Vec<Captured>>> {
    let mut all = BTreeMap::new();
    let folder = datadir.join("regtest/message_capture");
    let folders = fs::read_dir(&folder).with_context(|| format!("{} has no messages", folder.display()))?;
    for folder in folders {
        let folder = folder?;
        let addr = folder.file_name().to_string_lossy().replacen('_', ":", 1);
        for (file, inbound) in [("msgs_recv.dat", true), ("msgs_sent.dat", false)] {
            if let Ok(bytes) = fs::read(folder.path().join(file)) {
                all.insert((addr.clone(), inbound), messages(&bytes));
            }
        }
    }
    Ok(all)
}

/// The whole messages of a file: the node may be writing the last one.
fn messages(mut bytes: &[u8]) -> Vec<Captured> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<24>() {
        let [.., a, b, c, d] = *head;
        let size = u32::from_le_bytes([a, b, c, d]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(size) else { break };
        let name = head.iter().skip(8).take(12).copied().take_while(|byte| *byte != 0).collect();
        messages
            .push(Captured { message_type: String::from_utf8(name).unwrap_or_default(), payload: payload.to_vec() });
        bytes = rest;
    }
    messages
}
