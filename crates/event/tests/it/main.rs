//! Golden files for everything that an event looks like from outside, and that the forms agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod original;

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;
use event::json::{from_json, to_json};
use event::message::Message;
use event::requests::Step;
use event::text::{Line, Look};
use event::{Kind, NodeNames, Record, message_types, requests};
use proptest::prelude::*;

/// One event of every kind, and of every type of P2P message, in its JSON form.
const SAMPLES: &str = include_str!("samples.jsonl");

fn samples() -> Vec<Record> {
    let mut names = NodeNames::default();
    SAMPLES.lines().map(|line| from_json(line, &mut names).expect(line)).collect()
}

/// The event as a reader on another machine has it.
fn travelled(record: &Record) -> Record {
    Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap()
}

#[test]
fn there_is_a_sample_of_every_kind() {
    let seen: BTreeSet<Kind> = samples().iter().map(|record| record.envelope().kind).collect();
    let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !seen.contains(kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn there_is_a_sample_of_every_type_of_message_that_is_decoded() {
    let samples = samples();
    let seen: BTreeSet<_> = samples.iter().filter_map(|record| record.envelope().message_type.as_deref()).collect();
    let decoded = message_types::ALL.iter().filter(|one| one.is_decoded());
    let missing: Vec<_> = decoded.filter(|one| !seen.contains(one.name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn an_address_is_the_same_before_and_after_decoding() {
    for record in samples() {
        let travelled = travelled(&record);
        let before = travelled.addr().map(str::to_owned);
        assert_eq!(before.as_deref(), record.addr());
        travelled.body();
        assert_eq!(travelled.addr(), record.addr());
    }
}

/// What is matched as request and answer is so in the table of types.
#[test]
fn requests_are_answered_by_what_the_table_says() {
    let (mut asking, mut answering) = (BTreeSet::new(), BTreeSet::new());
    for record in &samples() {
        let Some(message) = Message::of(record) else { continue };
        requests::each(&message, |step, request| {
            let steps = if step == Step::Asks { &mut asking } else { &mut answering };
            steps.insert((request.kind, message.message_type.to_owned()));
            false
        });
    }
    let names = |steps: &BTreeSet<(_, String)>| steps.iter().map(|(_, name)| name.clone()).collect::<BTreeSet<_>>();
    let answers = |name: &str| message_types::find(name).unwrap().answers;
    assert!(names(&asking).iter().all(|name| !answers(name).is_empty()), "{asking:?}");
    assert_eq!(Vec::from_iter(names(&asking)), ["getaddr", "getblocktxn", "getdata", "getheaders", "ping"]);
    for (kind, name) in &answering {
        // A getdata can ask for more than the one among the samples does.
        let mut asks = asking.iter().filter(|(other, _)| other == kind).map(|(_, ask)| ask.as_str()).chain(["getdata"]);
        assert!(asks.any(|ask| answers(ask).contains(&name.as_str())), "{kind:?} {name}");
    }
    let expected = ["addr", "addrv2", "block", "blocktxn", "cmpctblock", "headers", "notfound", "pong", "tx"];
    assert_eq!(Vec::from_iter(names(&answering)), expected);
}

#[test]
fn json_is_read_and_written_the_same_and_survives_the_wire() {
    for (line, record) in SAMPLES.lines().zip(samples()) {
        assert_eq!(to_json(&record), line);
        let arrived = travelled(&record);
        assert_eq!(arrived.envelope(), record.envelope());
        assert_eq!(to_json(&arrived), line);
        assert_eq!(arrived.addr(), record.addr());
    }
}

#[test]
fn text() {
    let mut lines = String::new();
    for record in samples() {
        writeln!(lines, "{}", Line { record: &record, look: Look { color: false, node_width: 6 } }).unwrap();
    }
    assert!(!lines.chars().any(|c| c.is_control() && c != '\n'), "no terminal escape gets through");
    insta::assert_snapshot!(lines);
}

/// The wire format: whoever changes it sees here what readers of older versions will meet.
#[test]
fn descriptor() {
    use prost::Message;
    let descriptor = prost_types::FileDescriptorSet::decode(event::DESCRIPTOR).unwrap();
    let mut lines = String::new();
    for file in &descriptor.file {
        for message in &file.message_type {
            writeln!(lines, "{}.{}", file.package(), message.name()).unwrap();
            for field in &message.field {
                let (label, kind) = (field.label().as_str_name(), field.r#type().as_str_name());
                let oneof = field.oneof_index.map_or("", |index| message.oneof_decl[index as usize].name());
                let text =
                    format!("  {} {} {label} {kind} {} {oneof}", field.number(), field.name(), field.type_name());
                writeln!(lines, "{}", text.trim_end()).unwrap();
            }
            message.enum_type.iter().for_each(|e| write_enum(&mut lines, file.package(), e));
        }
        file.enum_type.iter().for_each(|e| write_enum(&mut lines, file.package(), e));
    }
    insta::assert_snapshot!(lines);
}

fn write_enum(lines: &mut String, package: &str, e: &prost_types::EnumDescriptorProto) {
    let values: Vec<_> = e.value.iter().map(|value| format!("{}={}", value.name(), value.number())).collect();
    writeln!(lines, "enum {package}.{} {}", e.name(), values.join(" ")).unwrap();
}

#[test]
fn an_event_of_a_newer_program_is_passed_on_unread() {
    // timestamp = 1, and an arm with the number 99 that holds 3 bytes.
    let bytes = Bytes::from_static(&[10 << 3, 1, 0x9a, 0x06, 3, 1, 2, 3]);
    let record = Record::from_bytes(bytes.clone(), &mut NodeNames::default()).unwrap();
    assert_eq!(record.envelope().kind, Kind::Unknown);
    assert_eq!(record.bytes(), &bytes);
    let again = from_json(&to_json(&record), &mut NodeNames::default()).unwrap();
    assert_eq!(again.bytes(), &bytes);
    assert!(Line { record: &record, look: Look::default() }.to_string().contains("does not know"));
}

#[test]
fn an_event_of_another_program_has_neither_node_nor_run() {
    use prost::Message;
    let body = samples().remove(0).body().cloned();
    let event =
        event::pb::event::Event { timestamp: 1_700_000_000_123, peer_observer_event: body, ..Default::default() };
    let record = Record::from_bytes(event.encode_to_vec().into(), &mut NodeNames::default()).unwrap();
    let envelope = record.envelope();
    assert_eq!((&*envelope.node, envelope.run, envelope.sequence), ("", 0, 0));
    assert_eq!(envelope.time_ns, 1_700_000_000_123_000_000);
}

/// The addresses of addr and addrv2 are the same decoded as encoded.
#[test]
fn decoded_addresses_are_as_encoded_ones() {
    use event::Body;
    use event::message::Payload;
    use event::pb::ebpf_extractor::ebpf::EbpfEvent;
    use event::pb::ebpf_extractor::message::message_event::Msg;
    let mut networks = BTreeSet::new();
    for record in samples() {
        let Some(Body::EbpfExtractor(ebpf)) = record.body() else { continue };
        let Some(EbpfEvent::Message(event)) = &ebpf.ebpf_event else { continue };
        let decoded = match &event.msg {
            Some(Msg::Addr(addr)) => &addr.addresses,
            Some(Msg::Addrv2(addr)) => &addr.addresses,
            _ => continue,
        };
        let record = travelled(&record);
        let encoded = match Message::of(&record).unwrap().payload {
            Payload::Addr(addresses) | Payload::AddrV2(addresses) => addresses,
            other => panic!("{other:?}"),
        };
        for (decoded, encoded) in decoded.iter().zip(encoded) {
            assert_eq!(decoded.network(), encoded.network);
            assert_eq!(decoded.text().unwrap_or_default(), encoded.text());
            let end = format!(":{}", encoded.port);
            assert!(decoded.text_with_port().is_empty() || decoded.text_with_port().ends_with(&end));
            networks.insert(decoded.network());
        }
    }
    assert_eq!(networks.len(), event::message::AddressNetwork::ALL.len());
}

#[test]
fn raw_transactions_can_be_left_out() {
    let sizes = |command: &str| {
        let record = samples().into_iter().find(|r| r.envelope().message_type.as_deref() == Some(command)).unwrap();
        (record.bytes().len(), record.bytes_without_raw().map(|bytes| bytes.len()))
    };
    for command in ["tx", "block", "cmpctblock"] {
        let (with, without) = sizes(command);
        assert!(without.unwrap() < with, "{command}");
    }
    assert_eq!(sizes("ping").1, None);
}

proptest! {
    /// Bytes from the network: an error or an event, never a panic; an event can be shown in every form.
    #[test]
    fn any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..300), sample in 0usize..100, at in any::<prop::sample::Index>()) {
        // Half of the cases are samples with some bytes changed, which get deeper than noise.
        if sample < 50 {
            let samples = samples();
            let mut changed = samples[sample % samples.len()].bytes().to_vec();
            let start = at.index(changed.len());
            changed.iter_mut().skip(start).zip(&bytes).take(4).for_each(|(old, new)| *old = *new);
            bytes = changed;
        }
        if let Ok(record) = Record::from_bytes(bytes.into(), &mut NodeNames::default()) {
            let text = Line { record: &record, look: Look::default() }.to_string();
            prop_assert!(!text.chars().any(char::is_control));
            let again = from_json(&to_json(&record), &mut NodeNames::default());
            prop_assert!(again.is_ok() || record.body().is_none(), "{:?}", again.err());
            let _ = (record.addr(), record.bytes_without_raw());
        }
    }
}
