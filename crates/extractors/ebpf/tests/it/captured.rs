//! What bitcoind writes with `-capturemessages`: a folder for each peer, in it a file for each direction. A message there is the time in
//! microseconds (8 bytes), the type (12), the size (4), the payload.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A message as the node wrote it.
#[derive(Debug, PartialEq)]
pub struct Captured {
    pub message_type: String,
    pub payload: Vec<u8>,
}

/// The messages of each peer address and direction (true: inbound), in order.
pub fn read(datadir: &Path) -> BTreeMap<(String, bool), Vec<Captured>> {
    let mut all = BTreeMap::new();
    for folder in fs::read_dir(datadir.join("regtest/message_capture")).unwrap() {
        let folder = folder.unwrap();
        let addr = folder.file_name().into_string().unwrap().replacen('_', ":", 1);
        for (file, inbound) in [("msgs_recv.dat", true), ("msgs_sent.dat", false)] {
            if let Ok(bytes) = fs::read(folder.path().join(file)) {
                all.insert((addr.clone(), inbound), messages(&bytes));
            }
        }
    }
    all
}

fn messages(mut bytes: &[u8]) -> Vec<Captured> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at(24);
        let message_type = String::from_utf8(head[8..20].iter().copied().take_while(|b| *b != 0).collect()).unwrap();
        let size = u32::from_le_bytes(head[20..24].try_into().unwrap()) as usize;
        let (payload, rest) = rest.split_at(size);
        messages.push(Captured { message_type, payload: payload.to_vec() });
        bytes = rest;
    }
    messages
}
