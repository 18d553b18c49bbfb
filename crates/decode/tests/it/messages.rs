//! P2P messages: `messages.txt`, and what holds for any payload.

use bitcoin::VarInt;
use bitcoin::consensus::serialize;
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use decode::message::{Meta, decode, encode};
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::Unknown;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::event::Event;
use event::{Body, NodeNames, Record, original};
use proptest::prelude::*;
use prost::Message as _;

use crate::message_payloads::{EMPTY, message, mutated};

const MESSAGES: &str = include_str!("messages.txt");

fn meta(command: &str, size: usize) -> Meta<'_> {
    Meta {
        peer_id: 7,
        addr: "192.0.2.1:8333",
        conn_type: ConnType::Inbound,
        conn_type_name: None,
        message_type: command,
        inbound: true,
        size: size as u64,
    }
}

/// Encodes it in both ways, and holds them equal.
fn check(meta: &Meta, payload: &[u8]) -> Msg {
    let message = decode(meta, payload);
    let captured = (payload.len() as u64 != meta.size).then_some(payload.len() as u64);
    assert_eq!(message.meta.captured, captured.filter(|captured| *captured < meta.size));
    let msg = message.msg.clone().unwrap();
    if let Msg::Unknown(unknown) = &msg {
        assert_eq!((&*unknown.command, &*unknown.payload), (meta.message_type, payload));
    }
    let body = |message| Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(message)) });
    crate::view::check(Record::new("".into(), 1, 1, 1, body(message.clone())), &message);
    check_for_others(&Record::new("".into(), 1, 1, 1, body(message.clone())), payload);
    let mut expected = vec![0x55; 3];
    body(message).encode(&mut expected);
    let mut encoded = vec![0x55; 3];
    encode(meta, payload, &mut encoded);
    assert!(
        encoded == expected,
        "{}\n{msg:?}\n{}\n{}",
        hex::encode(payload),
        hex::encode(&encoded),
        hex::encode(&expected)
    );

    let room = 12 * payload.len() + 2 * meta.message_type.len() + meta.addr.len() + 200;
    assert!(encoded.len() < room, "{} bytes of {}", encoded.len(), payload.len());

    let event = Event::decode(&encoded[3..]).unwrap();
    let mut again = vec![0x55; 3];
    event.peer_observer_event.unwrap().encode(&mut again);
    assert_eq!(again, expected);
    msg
}

/// Programs that do not know the type get the payload as it was; we get the same as before.
fn check_for_others(record: &Record, payload: &[u8]) {
    let encoded = original::encode(record, 0).unwrap();
    if encoded != record.bytes() {
        let command = record.envelope().message_type.as_deref().unwrap().to_owned();
        let mut theirs = Vec::new();
        Msg::Unknown(Unknown { command, payload: payload.to_vec().into() }).encode(&mut theirs);
        assert!(encoded.windows(theirs.len()).any(|window| window == theirs), "{record:?}");
        let again = Record::from_bytes(encoded, &mut NodeNames::default()).unwrap();
        assert_eq!((again.envelope(), again.body()), (record.envelope(), record.body()));
    }
}

fn is_unknown(msg: &Msg) -> bool {
    matches!(msg, Msg::Unknown(_))
}

/// Whether rust-bitcoin knows and accepts the message.
fn rust_bitcoin_accepts(command: &str, payload: &[u8]) -> bool {
    let mut raw = vec![0; 24];
    raw[4..4 + command.len()].copy_from_slice(command.as_bytes());
    raw[16..20].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    let checksum = <bitcoin::hashes::sha256d::Hash as bitcoin::hashes::Hash>::hash(payload);
    raw[20..24].copy_from_slice(&checksum[..4]);
    raw.extend_from_slice(payload);
    bitcoin::consensus::deserialize::<RawNetworkMessage>(&raw)
        .is_ok_and(|message| !matches!(message.payload(), NetworkMessage::Unknown { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_type_is_decoded((command, payload) in message()) {
        let msg = check(&meta(&command, payload.len()), &payload);
        prop_assert!(!is_unknown(&msg), "{command} {}", hex::encode(payload));
    }

    #[test]
    fn mutated_payloads((command, payload) in mutated()) {
        let msg = check(&meta(&command, payload.len()), &payload);
        prop_assert!(!is_unknown(&msg) || !rust_bitcoin_accepts(&command, &payload) || command == "merkleblock");
    }

    #[test]
    fn parts_of_payloads((command, payload) in message(), missing in 1..200_u64) {
        let size = payload.len() as u64 + missing;
        let msg = check(&Meta { size, ..meta(&command, 0) }, &payload);
        let some = match &*command {
            "block" => payload.len() >= 80,
            "blocktxn" => payload.len() >= 32,
            _ => false,
        };
        prop_assert_eq!(is_unknown(&msg), !some);
    }

    #[test]
    fn any_metadata(
        (command, payload) in prop_oneof![message(), (".{0,12}", prop::collection::vec(any::<u8>(), 0..200))],
        addr in ".{0,200}",
        conn_type in 0..5_i32,
        conn_type_name in prop::option::of("[a-z-]{0,20}"),
        (peer_id, inbound) in any::<(u64, bool)>(),
        size in prop_oneof![Just(None), (0..300_u64).prop_map(Some), any::<u64>().prop_map(Some)],
    ) {
        let meta = Meta {
            peer_id,
            addr: &addr,
            conn_type: ConnType::try_from(conn_type).unwrap(),
            conn_type_name: conn_type_name.as_deref(),
            message_type: &command,
            inbound,
            size: size.unwrap_or(payload.len() as u64),
        };
        check(&meta, &payload);
    }

    #[test]
    fn any_bytes((command, _) in message(), payload in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&meta(&command, payload.len()), &payload);
    }
}

#[test]
fn messages_become_what_stands_below_them() {
    let names: Vec<_> =
        MESSAGES.lines().filter(|line| line.starts_with('$')).filter_map(|line| line.split_once(' ')).collect();
    let long = |text: &str| names.iter().fold(text.replace(' ', ""), |text, (name, hex)| text.replace(name, hex));
    let short = |text: &str| names.iter().fold(text.to_owned(), |text, (name, hex)| text.replace(hex, name));
    let mut rendered = String::new();
    for line in MESSAGES.lines().filter(|line| !line.starts_with(' ')) {
        rendered.push_str(line);
        rendered.push('\n');
        if !line.is_empty() && !line.starts_with(['#', '$']) {
            let (what, payload) = line.split_once(' ').unwrap_or((line, ""));
            let (command, size) = what.split_once('/').unwrap_or((what, ""));
            let payload = hex::decode(long(payload)).unwrap();
            let size = size.parse().unwrap_or(payload.len());
            let msg = check(&meta(command, size), &payload);
            let json = short(&serde_json::to_string(&msg).unwrap());
            rendered.push_str(&format!("    {}\n", if is_unknown(&msg) { "unknown" } else { &json }));
        }
    }
    if rendered != MESSAGES {
        let place = rendered.lines().zip(MESSAGES.lines()).find(|(is, expected)| is != expected);
        panic!("{place:#?}\n{rendered}");
    }
}

#[test]
fn the_messages_cover_every_type() {
    let seen: Vec<&str> = MESSAGES.lines().filter_map(|line| line.strip_prefix("    {\"")?.split('"').next()).collect();
    let all = event::DESCRIPTOR;
    let files = prost_types::FileDescriptorSet::decode(all).unwrap().file;
    let message_event =
        files.iter().flat_map(|file| &file.message_type).find(|message| message.name() == "MessageEvent");
    for field in &message_event.unwrap().field {
        assert!(["meta", "unknown"].contains(&field.name()) || seen.contains(&field.name()), "no {}", field.name());
    }
}

#[test]
fn what_is_empty_has_no_payload() {
    for command in EMPTY {
        assert!(is_unknown(&check(&meta(command, 1), &[0])));
    }
}

/// Whether a payload of these parts is decoded; in the same way by both.
fn accepted(command: &str, parts: &[&[u8]]) -> bool {
    let payload = parts.concat();
    !is_unknown(&check(&meta(command, payload.len()), &payload))
}

#[test]
fn where_lengths_and_numbers_grow() {
    let compact = |number: usize| serialize(&VarInt::from(number));
    for length in 90..=513 {
        // An address of each length, so that its field and the one around it grow.
        let address = vec![1; length];
        let parts: [&[u8]; 4] = [&[1, 1, 0, 0, 0, 0, 9], &compact(length), &address, &[0, 1]];
        assert_eq!(accepted("addrv2", &parts), length <= 512);
        let items = [[5, 0, 0, 0].as_slice(), &[7; 32]].concat().repeat(length);
        assert!(accepted("inv", &[&compact(length), &items]));
    }
    let transaction = [&[2, 0, 0, 0, 1][..], &[0; 41], &[0], &[0; 4]].concat();
    for index in [0x7f, 0x80, 0x3fff, 0x4000, 0xffff, 0x1_0000] {
        let parts: [&[u8]; 4] = [&[0; 88], &[0, 1], &compact(index), &transaction];
        assert_eq!(accepted("cmpctblock", &parts), index <= 0xffff);
    }
    // Compact sizes that could be shorter, or just not: the services of an address.
    for (services, is_shortest) in [
        (&[0xfd, 0xfc, 0][..], false),
        (&[0xfd, 0xfd, 0], true),
        (&[0xfe, 0xff, 0xff, 0, 0], false),
        (&[0xfe, 0, 0, 1, 0], true),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], false),
        (&[0xff, 0, 0, 0, 0, 1, 0, 0, 0], true),
    ] {
        assert_eq!(accepted("addrv2", &[&[1, 1, 0, 0, 0], services, &[1, 4, 10, 0, 0, 1, 0, 1]]), is_shortest);
    }
    for (id, data, fits) in [(80, 512, true), (81, 0, false), (4, 0, true), (3, 0, false), (4, 513, false)] {
        let parts: [&[u8]; 4] = [&compact(id), &vec![b'a'; id], &compact(data), &vec![0; data]];
        assert_eq!(accepted("feature", &parts), fits);
    }
}

#[test]
fn as_small_as_elements_can_be() {
    let transaction = [&[2, 0, 0, 0, 50][..], &[0; 41 * 50], &[50], &[0; 9 * 50], &[0; 4]].concat();
    assert!(accepted("tx", &[&transaction]));
    assert!(accepted("tx", &[&[2, 0, 0, 0, 50], &[0; 41 * 50], &[0], &[0; 4]]));
    let without_inputs = [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    assert!(accepted("pkgtxns", &[&[50], &without_inputs.repeat(50)]));
    assert!(accepted("cmpctblock", &[&[0; 88], &[0, 50], &[&[0][..], &without_inputs].concat().repeat(50)]));
    let witnesses = [&[2, 0, 0, 0, 0, 1, 1][..], &[0; 41], &[0, 200], &[0; 200], &[0; 4]].concat();
    assert!(accepted("tx", &[&witnesses]));
    assert!(accepted("addrv2", &[&[50], &[0, 0, 0, 0, 0, 9, 0, 0, 0].repeat(50)]));
    assert!(accepted("addr", &[&[50], &[0; 30 * 50]]));
    assert!(accepted("headers", &[&[50], &[0; 81 * 50]]));
    assert!(accepted("getblocktxn", &[&[0; 32], &[50], &[0; 50]]));
}

/// Large numbers of elements that are not there, and as large an output as there can be.
#[test]
fn what_is_large_is_bounded() {
    for command in
        ["inv", "headers", "addr", "addrv2", "merkleblock", "cmpctblock", "block", "tx", "getblocktxn", "alert"]
    {
        for prefix in [0, 4, 32, 80, 84, 88] {
            for count in [0xfe_ff_ff_ff_7f_u64, 0xff_ff_ff_ff_ff] {
                let mut payload = vec![1; prefix];
                payload.extend(&count.to_be_bytes()[3..]);
                payload.resize(200, 0);
                check(&meta(command, payload.len()), &payload);
            }
        }
    }
    // As many flags as there are hashes for, and then more.
    for (hashes, flags, fits) in
        [(0, 0, true), (0, 1, false), (1, 5, true), (1, 6, false), (8, 33, true), (8, 34, false)]
    {
        let hashes = [&[hashes][..], &vec![0; 32 * usize::from(hashes)]].concat();
        let flags = [&[flags][..], &vec![0xff; flags.into()]].concat();
        assert_eq!(accepted("merkleblock", &[&[0; 84], &hashes, &flags]), fits);
    }
    // As large as an event can become.
    assert!(accepted("getblocktxn", &[&[0; 32], &[0xfd, 0x10, 0x27, 0xff], &[0x7f; 8], &[0; 9_999]]));
    assert!(accepted(
        "blocktxn",
        &[&[0; 32], &[0xfd, 0x10, 0x27], &[2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0].repeat(10_000)]
    ));
    // Up to the bounds of rust-bitcoin and of nodes.
    assert!(accepted("getblocktxn", &[&[0; 32], &[0xfd, 0x24, 0xf4], &[0; 62_500]]));
    assert!(!accepted("getblocktxn", &[&[0; 32], &[0xfd, 0x25, 0xf4], &[0; 62_501]]));
    assert!(accepted("inv", &[&[0xfe, 0x06, 0xb2, 1, 0], &vec![1; 36 * 0x1_b206]]));
    assert!(!accepted("inv", &[&[0xfe, 0x07, 0xb2, 1, 0], &vec![1; 36 * 0x1_b207]]));
}
