//! A record of the ring: no panic, and what it becomes can be read.
#![no_main]

use std::sync::Arc;

use decode::tracepoint::{Known, Tracepoint, read};
use event::{Encoded, Kind, NodeNames, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // Aligned as in the ring, and of a tracepoint that there is, as a rule.
    let mut words = vec![0_u64; input.len().div_ceil(8)];
    for (word, bytes) in words.iter_mut().zip(input.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
    if let Some(word) = words.get_mut(1) {
        let tracepoint = (*word >> 32) % (Tracepoint::ALL.len() as u64 + 1);
        *word = *word & 0xffff_ffff | tracepoint << 32;
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    // The copy may be unaligned: read says so, and that is no record.
    let Ok(seen) = read(&bytes) else { return };
    let mut bytes = Vec::new();
    let Ok(described) = seen.encode(&mut Known::default(), &mut bytes) else { return };
    let record = Record::new(Arc::from("alice"), 1, 2, 3, Encoded { described, bytes });
    let arrived = Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).expect("an event");
    assert_ne!(arrived.envelope().kind, Kind::Unknown);
    assert_eq!(arrived.envelope(), record.envelope());
    assert!(arrived.body().is_some());
    event::json::to_json(&arrived);
});
