//! debug.log: its entries are the same in whatever pieces it is read, and each becomes an event.
//!
//! Input: the lengths of the first pieces, ending with a 0, and the log.

#![no_main]

use decode::log::{Decoder, Splitter, Tail, lines_after};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (lengths, log) = data.split_at(end);
    let log = log.get(1..).unwrap_or_default();

    let whole: Vec<&[u8]> = Splitter::default().entries(log, Tail::Ends).map(|entry| entry.bytes).collect();
    let mut entries = whole.iter();
    let (mut splitter, mut decoder) = (Splitter::default(), Decoder::default());
    let (mut begin, mut end) = (0, 0);
    let mut lengths = lengths.iter().map(|length| usize::from(*length));
    while end < log.len() {
        end = log.len().min(end + lengths.next().unwrap_or(log.len()));
        let tail = if end == log.len() { Tail::Ends } else { Tail::Follows };
        let mut found = splitter.entries(&log[begin..end], tail);
        for entry in found.by_ref() {
            assert_eq!(Some(&entry.bytes), entries.next());
            let decoded = decoder.entry(entry, 5);
            assert!(decoded.log_event.is_some() && decoded.log_line_bytes <= entry.len() as u64);
            for line in lines_after(entry, &decoded) {
                assert!(decoder.entry(line, 5).log_event.is_some());
            }
        }
        begin += found.consumed();
    }
    assert!(begin == log.len() && entries.next().is_none());
});
