//! P2P messages: whatever the payload, what is written straight from it equals what its structures give, and is
//! bounded.
//!
//! Input: the message type's index, how many bytes of the payload are missing, and the payload.

#![no_main]

use std::sync::LazyLock;

use decode::message::{Meta, decode, encode};
use event::Body;
use event::message_types;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use libfuzzer_sys::fuzz_target;

/// Types that are decoded, one that is not, and none, sorted: the seeds count on the order.
static TYPES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let decoded = message_types::ALL.iter().filter(|one| one.is_decoded()).map(|one| one.name);
    let mut types: Vec<_> = decoded.chain(["unheard-of"]).collect();
    types.sort_unstable();
    types.push("");
    types
});

fuzz_target!(|data: &[u8]| {
    let [command, missing, payload @ ..] = data else {
        return;
    };
    let meta = Meta {
        peer_id: 300,
        addr: "192.0.2.1:8333",
        conn_type: ConnType::Inbound,
        conn_type_name: None,
        message_type: TYPES[usize::from(*command) % TYPES.len()],
        inbound: true,
        size: payload.len() as u64 + u64::from(*missing),
    };
    let mut written = Vec::new();
    encode(&meta, payload, &mut written);
    assert!(written.len() <= 12 * payload.len() + 256);

    let mut expected = Vec::new();
    let message = EbpfEvent::Message(decode(&meta, payload));
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(message) }).encode(&mut expected);
    assert_eq!(written, expected);
});
