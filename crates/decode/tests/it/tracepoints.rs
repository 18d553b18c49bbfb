//! Records of the tracepoint program.

use std::sync::Arc;

use decode::tracepoint::{Known, NotARecord, Tracepoint, read};
use event::json::to_json;
use event::{Encoded, Kind, NodeNames, Record};
use proptest::prelude::*;

/// The fields of a record, one after the other, as the C program lays them out.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn of(tracepoint: Tracepoint) -> Self {
        let mut fields = Self::default().number(1_000);
        fields.0.extend(77_u32.to_ne_bytes());
        fields.0.extend((tracepoint as u32).to_ne_bytes());
        fields
    }

    fn number(mut self, value: i64) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn numbers(self, values: &[i64]) -> Self {
        values.iter().fold(self, |fields, value| fields.number(*value))
    }

    fn hash(mut self, byte: u8) -> Self {
        self.0.extend([byte; 32]);
        self
    }

    /// A string with its NUL, and what an older record left behind it.
    fn text(mut self, text: &[u8], size: usize) -> Self {
        let mut field = vec![b'#'; size];
        let length = text.len().min(size - 1);
        field[..length].copy_from_slice(&text[..length]);
        field[length] = 0;
        self.0.extend(field);
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn decode(&self) -> Result<Decoded, NotARecord> {
        decode_bytes(&self.0)
    }

    fn json(&self) -> String {
        let seen = self.decode().unwrap();
        assert_eq!((seen.process, seen.monotonic_ns), (77, 1_000));
        let record = Record::new(Arc::from(""), 0, 0, 1_769_860_800_000_000_000, seen.encoded);
        let arrived = Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap();
        assert_eq!(arrived.envelope(), record.envelope());
        let json = to_json(&arrived);
        json.split_once("\"source\":\"ebpf\",").unwrap().1.strip_suffix('}').unwrap().to_owned()
    }
}

/// What became of a record.
#[derive(Debug)]
struct Decoded {
    process: u32,
    monotonic_ns: u64,
    encoded: Encoded,
}

/// Decodes bytes that are aligned as in the ring.
fn decode_bytes(bytes: &[u8]) -> Result<Decoded, NotARecord> {
    decode_after(&mut Known::default(), bytes)
}

/// The same, after other records.
fn decode_after(known: &mut Known, bytes: &[u8]) -> Result<Decoded, NotARecord> {
    let words = bytes.len().div_ceil(8);
    let mut aligned: Vec<u64> = vec![0; words];
    let target: &mut [u8] = zerocopy::IntoBytes::as_mut_bytes(aligned.as_mut_slice());
    target[..bytes.len()].copy_from_slice(bytes);
    let seen = read(&target[..bytes.len()])?;
    let mut bytes = b"what is there stays".to_vec();
    let described = seen.encode(known, &mut bytes)?;
    assert_eq!(described.kind, seen.kind());
    let bytes = bytes.strip_prefix(b"what is there stays").unwrap().to_vec();
    Ok(Decoded { process: seen.process, monotonic_ns: seen.monotonic_ns, encoded: Encoded { described, bytes } })
}

fn message(tracepoint: Tracepoint, kind: &[u8], conn_type: &[u8], addr: &[u8], size: i64, payload: &[u8]) -> Fields {
    let fields = Fields::of(tracepoint).numbers(&[12, size, payload.len() as i64]);
    fields.text(kind, 16).text(conn_type, 24).text(addr, 128).bytes(payload).bytes(b"left over")
}

fn connection(tracepoint: Tracepoint, conn_type: &[u8]) -> Fields {
    Fields::of(tracepoint).numbers(&[12, 3, 1_700_000_000]).text(conn_type, 24).text(ONION, 128)
}

const ONION: &[u8] = b"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:65535";

#[test]
fn each_tracepoint() {
    use Tracepoint as T;
    let reason = [b'x'; 300];
    let removed = Fields::of(T::MempoolRemoved).hash(1).numbers(&[141, 1000, 1_700_000_000]).text(b"sizelimit", 16);
    let replaced = Fields::of(T::MempoolReplaced).hash(1).numbers(&[141, 1000, 9]).hash(2).numbers(&[150, 2000, 1]);
    let block = Fields::of(T::BlockConnected).hash(3).numbers(&[900_000, 2500, 6000, 20_000, 123_456_789]);
    let coin = |tracepoint| Fields::of(tracepoint).hash(1).numbers(&[1, 900_000, 5000, 1]);
    let lines = [
        message(T::InboundMessage, b"ping", b"inbound", b"127.0.0.1:5", 8, &[1, 0, 0, 0, 0, 0, 0, 0]).json(),
        message(T::OutboundMessage, b"getcfcheckpt", b"private-broadcast", ONION, 500_000, b"").json(),
        message(T::InboundMessage, b"\xff\n", b"", &[b'a'; 200], 2, b"ab").json(),
        connection(T::InboundConnection, b"inbound").json(),
        connection(T::OutboundConnection, b"outbound-full-relay").json(),
        connection(T::OutboundConnection, b"feeler").json(),
        connection(T::ClosedConnection, b"manual").json(),
        connection(T::EvictedInboundConnection, b"block-relay-only").json(),
        Fields::of(T::MisbehavingConnection).number(12).text(b"headers message size = 2001", 256).json(),
        Fields::of(T::MisbehavingConnection).number(12).text(&reason, 256).json(),
        Fields::of(T::MempoolAdded).hash(1).numbers(&[141, 1000]).json(),
        removed.json(),
        replaced.json(),
        Fields::of(T::MempoolRejected).hash(1).text(b"min relay fee not met", 256).json(),
        block.json(),
        Fields::of(T::BlockHeader).hash(3).numbers(&[900_000, 12, 1]).json(),
        Fields::of(T::BlockReconstructed).hash(3).numbers(&[12, 1, 3206, 2, 3, 1410]).json(),
        Fields::of(T::UtxocacheFlush).numbers(&[1234, 2, 5, 6, 0]).json(),
        coin(T::UtxocacheAdd).json(),
        coin(T::UtxocacheSpent).json(),
        coin(T::UtxocacheUncache).json(),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_no_record() {
    let whole = message(Tracepoint::InboundMessage, b"ping", b"inbound", b"127.0.0.1:5", 8, &[0; 8]);
    let without_leftover = whole.0.len() - b"left over".len();
    for length in 0..without_leftover {
        assert!(decode_bytes(&whole.0[..length]).is_err(), "{length}");
    }
    assert!(decode_bytes(&whole.0[..without_leftover]).is_ok());
    let mut unknown = Fields::of(Tracepoint::MempoolAdded).hash(1).numbers(&[1, 2]);
    unknown.0[12] = Tracepoint::ALL.len() as u8;
    assert_eq!(unknown.decode().unwrap_err(), NotARecord(64));
}

proptest! {
    /// What is remembered of records before changes nothing: addresses and types that begin alike, or are cut, or come with another id.
    #[test]
    fn what_comes_again_is_as_it_was(
        records in prop::collection::vec((0..3_i64, 0..4_usize, 0..4_usize, 0..7_usize), 1..60)
    ) {
        let addrs: [&[u8]; 4] = [b"", b"10.0.0.1:8", b"10.0.0.1:83", &[b'a'; 200]];
        let conn_types: [&[u8]; 4] = [b"inbound", b"inbound-relay", b"\xff", b""];
        let types: [&[u8]; 7] = [b"ping", b"pingpongpingpon", b"pingpongpingpongping", b"pin", b"", b"pi\xff", b"\xff\x80\x01"];
        let mut known = Known::default();
        for (peer, addr, conn_type, message_type) in records {
            let record = Fields::of(Tracepoint::InboundMessage)
                .numbers(&[peer * 1024, 8, 8])
                .text(types[message_type], 16)
                .text(conn_types[conn_type], 24)
                .text(addrs[addr], 128)
                .bytes(&[7; 8]);
            let after_others = decode_after(&mut known, &record.0).unwrap().encoded;
            let alone = record.decode().unwrap().encoded;
            prop_assert_eq!(after_others.bytes, alone.bytes);
            prop_assert_eq!(after_others.described, alone.described);
        }
    }

    /// Any bytes behind the head of any tracepoint: an event that can be read, or no record.
    #[test]
    fn any_bytes(index in 0..Tracepoint::ALL.len(), bytes in prop::collection::vec(any::<u8>(), 0..700), captured in 0..800_i64) {
        let mut fields = Fields::of(Tracepoint::ALL[index]).bytes(&bytes);
        if index < 2 && fields.0.len() >= 40 {
            fields.0[32..40].copy_from_slice(&captured.to_ne_bytes());
        }
        if let Ok(seen) = fields.decode() {
            let record = Record::new(Arc::from("alice"), 1, 2, 3, seen.encoded);
            let arrived = Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap();
            prop_assert_ne!(arrived.envelope().kind, Kind::Unknown);
            prop_assert!(arrived.body().is_some());
            to_json(&arrived);
        }
    }
}
