//! Properties of the decoders for any bytes.

use decode::log::{Decoder, MAX_TEXT_BYTES, Splitter, Tail, lines_after};
use event::pb::log_extractor::log::LogEvent;
use proptest::prelude::*;
use prost::Message;

use crate::lines::{TIME, decode, entries};

/// Bytes like those of a log, broken anywhere.
fn logs() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<String> = entries().collect();
    let time =
        prop_oneof![Just("2026-06-23T16:19:13Z "), Just("2026-06-23T16:19:14.123456Z "), Just("2026-06-2"), Just("")];
    let brackets = prop_oneof![Just("[msghand] "), Just("[net] "), Just("[a.cpp:5] [f[3]] "), Just("[*] "), Just("")];
    let line = (time, brackets, prop::sample::select(lines), 0..200usize, "\r?\n{0,7}").prop_map(
        |(time, brackets, line, cut, end)| {
            let line: String = line.chars().take(if cut > 150 { cut - 150 } else { usize::MAX }).collect();
            format!("{time}{brackets}{line}{end}").into_bytes()
        },
    );
    let piece = prop_oneof![4 => line, 1 => prop::collection::vec(any::<u8>(), 0..50)];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn only_line_ends(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| b"\r\n".contains(byte))
}

proptest! {
    #[test]
    fn entries_cover_the_log(log in logs(), piece in 1..300usize) {
        let whole: Vec<Vec<u8>> = Splitter::default().entries(&log, Tail::Ends).map(|entry| entry.to_vec()).collect();

        // In any pieces they are the same.
        let mut splitter = Splitter::default();
        let mut in_pieces: Vec<Vec<u8>> = Vec::new();
        let mut buffer = Vec::new();
        for (index, next) in log.chunks(piece).enumerate() {
            buffer.extend_from_slice(next);
            let tail = if (index + 1) * piece >= log.len() { Tail::Ends } else { Tail::Follows };
            let mut found = splitter.entries(&buffer, tail);
            in_pieces.extend(found.by_ref().map(|entry| entry.to_vec()));
            let consumed = found.consumed();
            buffer.drain(..consumed);
        }
        prop_assert!(buffer.is_empty());
        prop_assert_eq!(&whole, &in_pieces);

        // Nothing but line ends lies between them.
        let mut rest = &log[..];
        for entry in &whole {
            let at = memchr::memmem::find(rest, entry).unwrap();
            prop_assert!(only_line_ends(&rest[..at]) && !only_line_ends(entry));
            rest = &rest[at + entry.len()..];
        }
        prop_assert!(only_line_ends(rest));
    }

    #[test]
    fn every_entry_becomes_an_event(log in logs()) {
        let (mut decoder, mut second) = (Decoder::default(), Decoder::default());
        for entry in Splitter::default().entries(&log, Tail::Ends) {
            let parsed = decoder.parse(entry, 5);
            let mut encoded = Vec::new();
            parsed.encode(&mut encoded);
            let decoded = parsed.into_log();
            prop_assert_eq!(encoded, decoded.encode_to_vec());
            // The time that the splitter found is the one that the decoder finds.
            prop_assert_eq!(&decoded, &second.entry(entry.bytes, 5));
            let line_ends = entry.iter().filter(|byte| b"\r\n".contains(byte)).count();
            let length = decoded.log_line_bytes as usize + lines_after(entry, &decoded).map(<[u8]>::len).sum::<usize>();
            for line in lines_after(entry, &decoded) {
                let untimed = decoder.entry(line, 5);
                second.entry(line, 5);
                prop_assert_eq!(untimed.log_timestamp, 5);
                prop_assert!(matches!(untimed.log_event, Some(LogEvent::UnknownLogMessage(_))));
            }
            let leading = entry.iter().take_while(|byte| b"\r\n".contains(byte)).count();
            let covered = &entry[..leading + decoded.log_line_bytes as usize];
            prop_assert!(length <= entry.len() && length + line_ends >= entry.len() && length > 0);
            match decoded.log_event {
                Some(LogEvent::UnknownLogMessage(message)) => {
                    let end = String::from_utf8_lossy(covered);
                    prop_assert!(end.trim_end_matches(['\r', '\n']).ends_with(&message.raw_message));
                }
                event => prop_assert!(event.is_some()),
            }
        }
    }

    #[test]
    fn no_bytes_panic(entry in prop::collection::vec(any::<u8>(), 0..300)) {
        Decoder::default().entry(&entry, 0);
    }

    /// An event or text, whatever one byte of a known message becomes.
    #[test]
    fn damaged_messages(line in prop::sample::select(entries().collect::<Vec<_>>()), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut entry = format!("{TIME}{line}").into_bytes();
        let at = at.index(entry.len());
        entry[at] = byte;
        prop_assert!(Decoder::default().entry(&entry, 0).log_event.is_some());
        entry.truncate(at);
        prop_assert!(Decoder::default().entry(&entry, 0).log_event.is_some());
    }
}

#[test]
fn long_and_invalid_text_is_bounded() {
    let entry = format!("{}é{}", "x".repeat(MAX_TEXT_BYTES - 1), "y".repeat(MAX_TEXT_BYTES));
    let log = decode(&entry);
    assert_eq!(log.log_line_bytes, (TIME.len() + entry.len()) as u64);
    let expected = entry[..MAX_TEXT_BYTES - 1].to_owned();
    assert!(matches!(log.log_event, Some(LogEvent::UnknownLogMessage(message)) if message.raw_message == expected));

    // A message of a known form that is longer than any.
    let log = decode(&format!("[mempoolrej] {} from peer=7 was not accepted: {entry}", "a1".repeat(32)));
    assert!(matches!(log.log_event, Some(LogEvent::UnknownLogMessage(_))));

    let log = Decoder::default().entry(b"[net] \xffa", 0);
    assert!(matches!(log.log_event, Some(LogEvent::UnknownLogMessage(message)) if message.raw_message == "\u{fffd}a"));
}
