//! Public mode: nothing that must stay hidden is shown, whatever an event says; what is shown is a valid event.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use event::json::{from_json, to_json, to_json_brief};
use event::text::{Line, Look};
use event::{Kind, NodeNames, Record};
use proptest::prelude::*;
use redact::{Names, Redactor};
use serde_json::{Value, json};

/// Events of these kinds may have nothing that can be shown.
const MAY_BE_ALL_SECRET: [Kind; 5] =
    [Kind::OwnAddress, Kind::Attempt, Kind::Uptime, Kind::NodeVersion, Kind::FeatureOffered];

/// One event of every kind, and of every type of P2P message, in its JSON form.
const SAMPLES: &str = include_str!("../../../event/tests/it/samples.jsonl");

fn samples() -> Vec<Record> {
    let mut names = NodeNames::default();
    SAMPLES.lines().map(|line| from_json(line, &mut names).expect(line)).collect()
}

const KEY: [u8; 32] = [7; 32];

const OWN_V4: &str = "198.51.100.23";
const OWN_V6: &str = "2001:db8:77:88::1f2e";
const OWN_ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
const OWN_I2P: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p";
const OWN_CJDNS: &str = "fc12:3456:789a:bcde::42";
const BIND: &str = "203.0.113.201";
const HOST: &str = "pot17.example.net";
const COMMENT: &str = "operatorbob";
const DATADIR: &str = "/srv/bob/.bitcoin/regtest";
const SESSION: &str = "5c1e7d3a9f00b2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0f2a4b6c8d0e2f4a6b8ca";
const PEER_V4: &str = "192.0.2.99";
const PEER_V6: &str = "2001:db8:1:2::abcd";
const PEER_ONION: &str = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion";
const PEER_HOST: &str = "node.peeroperator.example";
const NONCE: u64 = 0xdead_beef_cafe_f00d;

/// What must not be seen, in lower case. Addresses that are none of ours hide among those of their group.
const NEEDLES: [&str; 18] = [
    OWN_V4,
    "c633:6417", // it in hexadecimal, as in IPv6 addresses
    "c6336417",
    "2001:db8:77:88:",
    "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4",
    "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkd",
    "fc12:3456",
    BIND,
    HOST,
    COMMENT,
    "bob",
    SESSION,
    PEER_V4,
    "1:2::abcd",
    "duckduckgogg42",
    "peeroperator",
    "deadbeefcafef00d",
    "16045690984503111693",
];

fn record(kind: &str, body: &Value) -> Record {
    let line = json!({
        "time": "2026-01-31T12:00:00.123456789Z", "node": "alice", "run": 1, "sequence": 2, "kind": kind, "body": body,
    });
    from_json(&line.to_string(), &mut NodeNames::default()).expect("an event")
}

fn json_of(record: &Record) -> Value {
    serde_json::from_str(&to_json(record)).unwrap()
}

fn sample(kind: Kind) -> Value {
    json_of(samples().iter().find(|record| record.envelope().kind == kind).unwrap())["body"].clone()
}

/// One that has learned what a node reports of itself.
fn learned(key: [u8; 32]) -> Redactor {
    let mut redactor = Redactor::new(key);
    redactor.learn(HOST);
    let mut info = sample(Kind::NetworkInfo);
    let local = [OWN_V4, OWN_V6, OWN_ONION, OWN_I2P, OWN_CJDNS];
    info["local_addresses"] =
        local.map(|address| json!({"address": address, "port": 8333, "score": 1})).as_slice().into();
    info["subversion"] = format!("/Satoshi:31.0.0({COMMENT}; second)/").into();
    redactor.redact(&record("network_info", &info)).unwrap();
    let mut peers = sample(Kind::PeerInfos);
    peers["infos"][0]["address_bind"] = format!("{BIND}:8333").into();
    redactor.redact(&record("peer_infos", &peers)).unwrap();
    redactor
}

/// Secrets, as honest programs and attackers write them.
fn spellings() -> Vec<String> {
    let addresses = [OWN_V4, BIND, PEER_V4];
    let mut all: Vec<String> = addresses
        .iter()
        .flat_map(|ip| {
            [
                (*ip).to_owned(),
                format!("{ip}:8333"),
                format!("[::ffff:{ip}]:8333"),
                format!("::FFFF:{ip}"),
                format!("[{ip}]"),
                format!(" {ip}:51234 "),
                format!("64:ff9b::{ip}"),
                format!("[::{ip}]:1"),
                format!("/Satoshi:29.0.0({ip})/"),
                format!("/{ip}:29.0.0/"),
                format!("connection from {ip}:8333 accepted"),
                format!("bad-txns-{ip}"),
                format!("bad-txns, {ip}"),
                format!("{ip}.cpp:12"),
                format!("b-msghand.{ip}"),
            ]
        })
        .collect();
    for ip in [OWN_V6, OWN_CJDNS, PEER_V6] {
        let full = ip.parse::<Ipv6Addr>().unwrap().segments().map(|part| format!("{part:04x}")).join(":");
        all.extend([ip.to_owned(), ip.to_uppercase(), format!("[{ip}]:8333"), format!("[{ip}%eth0]:8333"), full]);
    }
    for name in [OWN_ONION, OWN_I2P, PEER_ONION, HOST, PEER_HOST] {
        all.extend([
            name.to_owned(),
            name.to_uppercase(),
            format!("{name}:8333"),
            format!("{name}."),
            format!("www.{name}:1"),
        ]);
    }
    for text in [COMMENT, DATADIR, "deadbeefcafef00d"] {
        all.push(text.to_owned());
    }
    // Alone, what has the form of a hash is one: see docs/public.md.
    for text in [COMMENT, DATADIR, SESSION, "16045690984503111693"] {
        all.extend([format!("Using data directory {text}"), format!("/Satoshi:29.0.0({text})/{text}:1.2/")]);
    }
    all.push("2002:c633:6417::1".to_owned());
    all.push(all.join(" "));
    all
}

fn assert_hidden(record: &Record, what: &str) {
    let line = Line { record, look: Look::default() };
    let shown = format!("{}\n{}\n{line}", to_json(record), to_json_brief(record)).to_lowercase();
    let bytes = String::from_utf8_lossy(record.bytes()).to_lowercase();
    for needle in NEEDLES {
        let encoded = hex(needle.as_bytes());
        let found = shown.contains(needle) || bytes.contains(needle) || shown.contains(&encoded);
        assert!(!found, "{needle} by {what}: {shown}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The texts and keys of a value, by what leads to them.
fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::String(_) => out.push(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| leaves(item, &format!("{path}/{at}"), out));
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                out.push(format!("{path}/{name}#"));
                leaves(field, &format!("{path}/{name}"), out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The event with a text at a leaf of its body.
fn with(event: &Value, leaf: &str, text: &str) -> Value {
    let mut event = event.clone();
    if let Some((parent, name)) = leaf.strip_suffix('#').and_then(|leaf| leaf.rsplit_once('/')) {
        let parent = event.pointer_mut(parent).unwrap();
        let value = parent[name].take();
        parent[text] = value;
    } else {
        *event.pointer_mut(leaf).unwrap() = text.into();
    }
    event
}

fn read(event: &Value) -> Option<Record> {
    from_json(&event.to_string(), &mut NodeNames::default()).ok()
}

#[test]
fn no_secret_is_in_any_text_or_bytes_of_any_event() {
    let (spellings, mut redactor) = (spellings(), learned(KEY));
    let all = spellings.join(" ");
    let bytes = [hex(all.as_bytes()), hex(&all.bytes().rev().collect::<Vec<_>>())];
    let (mut texts, mut others) = (0, 0);
    for sample in samples() {
        let sample = json_of(&sample);
        let mut places = Vec::new();
        leaves(&sample["body"], "/body", &mut places);
        let mut hide =
            |event: &Record, what: &str| redactor.redact(event).inspect(|public| assert_hidden(public, what)).is_some();
        // Where any text can stand all of them are tried, all places at once; where bytes must be, their hexadecimal.
        let (free, fixed): (Vec<_>, Vec<_>) = places
            .into_iter()
            .partition(|leaf| !leaf.ends_with('#') && read(&with(&sample, leaf, "no number")).is_some());
        for text in &spellings {
            let event = free.iter().fold(sample.clone(), |event, leaf| with(&event, leaf, text));
            texts += usize::from(hide(&read(&event).unwrap(), text)) * free.len();
        }
        for (leaf, text) in fixed.iter().flat_map(|leaf| bytes.iter().chain([&all]).map(move |text| (leaf, text))) {
            // What is no name of an enum value is no event; what is no field is passed over.
            others += read(&with(&sample, leaf, text)).map_or(0, |event| usize::from(hide(&event, leaf)));
        }
    }
    assert!(texts > 10_000 && others > 200, "{texts} {others}");
}

/// The 32 bytes of a hash, which a peer chooses, have room for an address, forwards and backwards.
#[test]
fn no_own_address_is_in_a_hash() {
    let mut redactor = learned(KEY);
    let v6 = OWN_V6.parse::<Ipv6Addr>().unwrap().octets();
    let secrets = [&OWN_V4.parse::<Ipv4Addr>().unwrap().octets()[..], &BIND.parse::<Ipv4Addr>().unwrap().octets(), &v6];
    let mut hidden = 0;
    for secret in secrets {
        let backwards: Vec<u8> = secret.iter().rev().copied().collect();
        for (secret, at) in [(secret, 0), (secret, 7), (&backwards, 16), (&backwards, 32 - secret.len())] {
            let mut hash = [0xab; 32];
            hash[at..at + secret.len()].copy_from_slice(secret);
            let hash = hex(&hash);
            for sample in samples().iter().map(json_of) {
                let mut places = Vec::new();
                leaves(&sample["body"], "/body", &mut places);
                // In place of the name of an enum value it makes no event.
                places.retain(|leaf| {
                    let event = (!leaf.ends_with('#')).then(|| read(&with(&sample, leaf, &hash))).flatten();
                    event.is_some_and(|event| redactor.redact(&event).is_some())
                });
                let event = read(&places.iter().fold(sample, |event, leaf| with(&event, leaf, &hash))).unwrap();
                let Some(public) = redactor.redact(&event) else {
                    assert!(MAY_BE_ALL_SECRET.contains(&event.envelope().kind), "{:?}", event.envelope());
                    continue;
                };
                let shown = to_json(&public);
                for bytes in [secret, &secret.iter().rev().copied().collect::<Vec<_>>()] {
                    assert!(!shown.contains(&hex(bytes)), "{shown}");
                    assert!(!public.bytes().windows(bytes.len()).any(|window| window == bytes), "{shown}");
                }
                hidden += places.len();
            }
        }
    }
    assert!(hidden > 2_000, "{hidden}");
}

/// What the node reports of itself in its log.
#[test]
fn own_addresses_are_learned_from_the_log() {
    let mut redactor = Redactor::new(KEY);
    let mut log = sample(Kind::UnknownLogMessage);
    let lines = [
        "AddLocal(OWN:8333,4)",
        "Bound to OWN:8333",
        "Discover: IPv4 eth0: OWN",
        "Discover: OWN",
        "Advertising address OWN:8333 to peer=3",
        "connected to self at OWN:8333, disconnecting",
        "tor: Got service ID abc, advertising service OWN:8333",
    ];
    for (number, line) in lines.iter().enumerate() {
        let own = format!("80.1.{number}.7");
        assert!(pseudonym(&mut redactor, &own).starts_with("80.1."));
        log["unknown_log_message"]["raw_message"] = line.replace("OWN", &own).into();
        redactor.redact(&record("unknown_log_message", &log)).unwrap();
        assert_eq!(pseudonym(&mut redactor, &own), "::", "{line}");
    }
    // Text of peers is in the log too.
    log["unknown_log_message"]["raw_message"] =
        "receive version message: AddLocal(80.1.99.7:8333,4) \"Bound to 80.1.99.7".into();
    redactor.redact(&record("unknown_log_message", &log)).unwrap();
    let mut disconnected = sample(Kind::PeerDisconnected);
    disconnected["peer_disconnected"]["addr"] = "80.1.98.7:8333".into();
    redactor.redact(&record("peer_disconnected", &disconnected)).unwrap();
    assert_ne!(pseudonym(&mut redactor, "80.1.98.7"), "::");
    disconnected["peer_disconnected"]["reason"] = "SELF_CONNECTION".into();
    redactor.redact(&record("peer_disconnected", &disconnected)).unwrap();
    assert_eq!(pseudonym(&mut redactor, "80.1.98.7"), "::");
}

#[test]
fn nonces_and_other_marks_are_gone() {
    let mut redactor = learned(KEY);
    let number = NONCE.to_string();
    for sample in samples() {
        let mut event = json_of(&sample);
        let body = &mut event["body"];
        for (arm, field) in [
            ("ping", "value"),
            ("pong", "value"),
            ("version", "nonce"),
            ("compactblock", "nonce"),
            ("sendtxrcncl", "salt"),
        ] {
            if !body[arm][field].is_null() {
                body[arm][field] = number.as_str().into();
            }
        }
        if !body["filterload"].is_null() {
            body["filterload"]["tweak"] = (NONCE as u32).into();
        }
        if !body["compactblock"].is_null() {
            body["compactblock"]["short_ids"] = json!(["deadbeefcafe"]);
        }
        if event["kind"] == "node_process" {
            event["body"]["pid"] = 0x7ead_beef.into();
        }
        let event = from_json(&event.to_string(), &mut NodeNames::default()).unwrap();
        let Some(public) = redactor.redact(&event) else {
            assert!(MAY_BE_ALL_SECRET.contains(&event.envelope().kind), "{:?}", event.envelope());
            continue;
        };
        assert_hidden(&public, "a nonce");
        let bytes = public.bytes();
        let mut varint = Vec::new();
        prost::encoding::encode_varint(NONCE, &mut varint);
        let mut pid = Vec::new();
        prost::encoding::encode_varint(0x7ead_beef, &mut pid);
        for secret in [&varint[..], &NONCE.to_le_bytes(), &varint[..4], &[0xde, 0xad, 0xbe, 0xef], &pid] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", to_json(&public));
        }
        let (before, after) = (event.envelope(), public.envelope());
        assert_eq!(before.node, after.node);
        assert_eq!(before.run == 0, after.run == 0);
        assert!(after.run != before.run || after.run == 0, "the id of a run is the same for others");
        assert_eq!((before.time_ns, before.kind, before.peer), (after.time_ns, after.kind, after.peer));
    }
}

/// An addr message that went one way.
fn addrv2(peer: u64, inbound: bool, addresses: &[Value]) -> Record {
    let meta = json!({"peer_id": peer, "addr": "192.0.2.1:8333", "conn_type": "Inbound", "command": "addrv2", "inbound": inbound, "size": 30});
    record("message", &json!({"meta": meta, "addrv2": {"addresses": addresses}}))
}

fn address(network: &str, name: &str) -> Value {
    json!({"timestamp": 1_769_860_000, network: name, "services": 9, "port": 8333})
}

fn version(peer: u64, addr: &str, receiver: &str) -> Record {
    let mut body =
        samples().iter().map(json_of).find(|event| !event["body"]["version"].is_null()).unwrap()["body"].clone();
    body["meta"]["peer_id"] = peer.into();
    body["meta"]["addr"] = addr.into();
    body["meta"]["inbound"] = true.into();
    body["version"]["receiver"] = address("ipv4", receiver);
    record("message", &body)
}

/// The addresses of a message.
fn gossiped(redactor: &mut Redactor, message: &Record) -> Vec<Value> {
    json_of(&redactor.redact(message).unwrap())["body"]["addrv2"]["addresses"].as_array().unwrap().clone()
}

#[test]
fn gossip_is_of_others() {
    let mut redactor = learned(KEY);
    let own = [
        address("ipv4", OWN_V4),
        address("ipv6", OWN_V6),
        address("ipv6", "2001:db8:77:88:ffff::1"),
        address("torv3", OWN_ONION),
        address("torv3", &OWN_ONION.to_uppercase()),
        address("i2p", OWN_I2P),
        address("cjdns", OWN_CJDNS),
        address("ipv6", &format!("::ffff:{OWN_V4}")),
        address("ipv4", BIND),
    ];
    let others = [
        address("ipv4", PEER_V4),
        address("ipv6", PEER_V6),
        address("torv3", PEER_ONION),
        address("cjdns", "fc99::1"),
        json!({"timestamp": 1_769_860_000, "unknown": {"id": 77, "address": "c6336417"}, "services": 9, "port": 5}),
    ];
    let all = [own.as_slice(), &others].concat();
    assert_eq!(gossiped(&mut redactor, &addrv2(5, true, &all)).len(), others.len());
    // What the node sends is shown when it is known what that peer calls the node, without that.
    assert_eq!(gossiped(&mut redactor, &addrv2(5, false, &all)).len(), 0);
    redactor.redact(&version(5, "192.0.2.1:8333", "203.0.113.50")).unwrap();
    assert_eq!(gossiped(&mut redactor, &addrv2(5, false, &all)).len(), others.len());
    for inbound in [true, false] {
        assert_eq!(gossiped(&mut redactor, &addrv2(5, inbound, &[address("ipv4", "203.0.113.50")])).len(), 0);
    }
    assert_eq!(gossiped(&mut redactor, &addrv2(6, true, &[address("ipv4", "203.0.113.50")])).len(), 1);
    // Who gossips all addresses of a group learns no pseudonym of a peer by it, but a peer that gossips its own address is recognized.
    let elsewhere = gossiped(&mut redactor, &addrv2(5, true, &[address("ipv4", PEER_V4)]));
    assert_ne!(elsewhere[0]["ipv4"], pseudonym(&mut redactor, PEER_V4));
    let shown = gossiped(&mut redactor, &addrv2(5, true, &[address("ipv4", "192.0.2.1")]));
    let connected = json_of(&redactor.redact(&version(5, "192.0.2.1:8333", OWN_V4)).unwrap());
    assert_eq!(connected["body"]["meta"]["addr"], format!("{}:8333", shown[0]["ipv4"].as_str().unwrap()));
}

#[test]
fn what_peers_call_the_node_counts_when_network_groups_agree() {
    let mut redactor = learned(KEY);
    let shows =
        |redactor: &mut Redactor, ip: &str| gossiped(redactor, &addrv2(900, true, &[address("ipv4", ip)])).len();
    let victim = "8.8.4.4";
    for peer in 0..50 {
        redactor.redact(&version(peer, &format!("192.0.2.{peer}:1000"), victim)).unwrap();
    }
    assert_eq!(shows(&mut redactor, victim), 1, "one network group is not believed");
    redactor.redact(&version(60, "198.18.0.1:1000", victim)).unwrap();
    assert_eq!(shows(&mut redactor, victim), 0);
    // Lies are dropped before what many agree on, and hide at most a few addresses.
    let truth = "9.9.9.9";
    for group in 0..5 {
        redactor.redact(&version(70 + group, &format!("80.{group}.0.1:1000"), truth)).unwrap();
    }
    let lie = |number: u32| Ipv4Addr::from_bits(0x2000_0000 + number).to_string();
    for number in 0..500 {
        for group in 0..2 {
            redactor.redact(&version(100, &format!("90.{group}.0.1:1000"), &lie(number))).unwrap();
        }
    }
    assert_eq!(shows(&mut redactor, truth), 0);
    let hidden = (0..500).filter(|number| shows(&mut redactor, &lie(*number)) == 0).count();
    assert!(hidden <= 64, "{hidden}");
    assert_eq!(shows(&mut redactor, OWN_V4), 0);
}

/// The pseudonym of the address of a peer.
fn pseudonym(redactor: &mut Redactor, addr: &str) -> String {
    let event = record(
        "connection_accepted",
        &json!({"log_timestamp": 1, "category": "NET", "threadname": "", "log_level": "DEBUG", "log_line_bytes": 9, "connection_accepted": {"addr": addr}}),
    );
    json_of(&redactor.redact(&event).unwrap())["body"]["connection_accepted"]["addr"].as_str().unwrap().to_owned()
}

#[test]
fn pseudonyms() {
    let (mut one, mut again, mut other) = (learned(KEY), learned(KEY), learned([8; 32]));
    let table = [
        ("192.0.2.99:8333", "192.0.", ":8333"),
        ("192.0.2.99", "192.0.", ""),
        ("127.0.0.1:18444", "127.", ":18444"),
        ("10.1.2.3:48333", "10.", ":48333"),
        ("172.20.1.1:8333", "172.", ":8333"),
        ("[2001:db8:1:2::5]:8333", "[2001:db8:", "]:8333"),
        ("[fc12:1::1]:8333", "[fc1", "]:8333"),
        ("[fd12:1::1]:8333", "[fd", "]:8333"),
        (PEER_ONION, "", ".onion"),
        (&format!("{OWN_I2P}:0").replace("uk", "ab"), "", ".b32.i2p:0"),
        ("some.host:8333", "host-", ".invalid:8333"),
    ];
    for (addr, start, end) in table {
        let shown = pseudonym(&mut one, addr);
        assert!(shown.starts_with(start) && shown.ends_with(end) && shown != addr, "{addr} {shown}");
        assert_eq!(shown, pseudonym(&mut again, addr));
        assert_ne!(shown, pseudonym(&mut other, addr));
        assert_ne!(shown, pseudonym(&mut Redactor::random().unwrap(), addr));
        // It is an address: it has a pseudonym of its own with the same ends.
        assert!(pseudonym(&mut one, &shown).ends_with(end));
    }
    assert_eq!(pseudonym(&mut one, "[::ffff:192.0.2.99]:8333"), pseudonym(&mut one, "192.0.2.99:8333"));
    assert_eq!(pseudonym(&mut one, &PEER_ONION.to_uppercase()), pseudonym(&mut one, PEER_ONION));
    assert_eq!(pseudonym(&mut one, &format!("{OWN_V4}:8333")), "[::]:0");
    let ports = ["192.0.2.99:51234", "192.0.2.99:51235"].map(|addr| pseudonym(&mut one, addr));
    assert_ne!(ports[0], ports[1]);
    assert!(ports.iter().all(|port| !port.contains(":5123")));
}

/// Also beside an own address, which is no pseudonym.
#[test]
fn no_two_addresses_of_a_group_have_the_same_pseudonym() {
    let mut redactor = learned(KEY);
    let mut seen = HashSet::new();
    for last in 0..=u16::MAX {
        let [a, b] = last.to_be_bytes();
        let addr = format!("198.51.{a}.{b}");
        let shown = pseudonym(&mut redactor, &addr);
        if addr == OWN_V4 {
            assert_eq!(shown, "::");
            continue;
        }
        assert!(shown.parse::<Ipv4Addr>().unwrap().octets().starts_with(&[198, 51]) && shown != OWN_V4);
        assert!(seen.insert(shown));
    }
}

#[test]
fn untrusted_text() {
    let mut redactor = learned(KEY);
    let mut peers = sample(Kind::PeerInfos);
    for (agent, shown) in [
        ("/Satoshi:29.0.0/", "/Satoshi:29.0.0/"),
        ("/Satoshi:0.21.2/", "/Satoshi:0.21.2/"),
        ("/Satoshi:29.1.0(my node)/Knots:20250903/", "/Satoshi:29.1.0/Knots:2025/"),
        ("/Satoshi:29.0.0/marker:1.2.3/", "/Satoshi:29.0.0/"),
        ("/btcwire:0.5.0/btcd:0.24.2/", "/btcwire:0.5/btcd:0.24/"),
        ("/Satoshi:29.0.77/", "/other/"),
        ("/btcd:20.3/btcd:11.3/bcoin:7.7/", "/btcd:20.3/"),
        ("/Satoshi:29.0.0/Satoshi:28.1.0/", "/Satoshi:29.0.0/"),
        ("/Satoshi:29.00000.0/", "/Satoshi:29.0.0/"),
        ("Satoshi:29.0.0", "/other/"),
        ("/Satoshi:29.0.0", "/other/"),
        ("<script>", "/other/"),
        ("", ""),
    ] {
        peers["infos"][0]["subversion"] = agent.into();
        let public = json_of(&redactor.redact(&record("peer_infos", &peers)).unwrap());
        assert_eq!(public["body"]["infos"][0]["subversion"], shown);
    }
    let mut log = sample(Kind::UnknownLogMessage);
    for (line, shown) in [
        ("AddLocal(203.0.113.5:8333,1)", "…"),
        ("Bound to [::]:8333", "…"),
        ("Using data directory /home/bob", "using data directory …"),
        ("Loaded 12 addresses from peers.dat", "loaded …"),
        ("Flushed fee estimates to fee_estimates.dat.", "flushed fee estimates to …"),
        ("Pre-allocating up to position", "…"),
        ("net thread start", "net thread start"),
        ("receive version message: block peer mempool accept: version 70016", "receive version message: …"),
        ("peer: disconnect,, now", "peer: …"),
    ] {
        log["unknown_log_message"]["raw_message"] = line.into();
        let public = json_of(&redactor.redact(&record("unknown_log_message", &log)).unwrap());
        assert_eq!(public["body"]["unknown_log_message"]["raw_message"], shown);
    }
    // The first of these lines named the node's own address.
    assert_eq!(pseudonym(&mut redactor, "203.0.113.5:8333"), "[::]:0");
    let mut rejected = sample(Kind::MempoolRejected);
    for (reason, shown) in [
        ("min relay fee not met, 10 < 100", "min relay fee not met"),
        ("bad-txns-inputs-missingorspent", "bad-txns-inputs-missingorspent"),
        ("insufficient fee, rejecting replacement 00", "insufficient fee"),
        ("dustbin", "other"),
    ] {
        rejected["reason"] = reason.into();
        assert_eq!(json_of(&redactor.redact(&record("mempool_rejected", &rejected)).unwrap())["body"]["reason"], shown);
    }
}

/// What is a node's own, and few others have: versions, names, times of a start. Each in all places where an event can have it.
#[test]
fn what_a_node_is_and_when_it_started_is_gone() {
    const VERSION: u64 = 319_977;
    const RELEASE: &str = "31.97.7";
    // Before everything that is shown, 2026-01-31T12:00:00Z.
    const START: u64 = 1_769_512_345;
    let agent = format!("/Satoshi:{RELEASE}/");
    let set = |body: &mut Value, path: &str, value: Value| {
        if let Some(place) = body.pointer_mut(path) {
            *place = value;
        }
    };
    let mut redactor = learned(KEY);
    let mut before = sample(Kind::BlockTip);
    set(&mut before, "/height", 1.into());
    redactor.redact(&record("block_tip", &before)).unwrap();
    let (mut kinds, mut times) = (HashSet::new(), 0);
    for sample in samples() {
        let kind = sample.envelope().kind;
        let mut event = json_of(&sample);
        let body = &mut event["body"];
        match kind {
            Kind::Message if !body["version"].is_null() => {
                body["meta"]["inbound"] = false.into();
                set(body, "/version/user_agent", agent.as_str().into());
                set(body, "/version/version", VERSION.into());
                set(body, "/version/services", VERSION.into());
            }
            Kind::NetworkInfo => {
                set(body, "/version", VERSION.into());
                set(body, "/protocol_version", VERSION.into());
                set(body, "/subversion", agent.as_str().into());
                set(body, "/local_services", format!("{VERSION:016}").into());
                set(body, "/warnings", json!([format!("This is a pre-release test build of {RELEASE}")]));
            }
            Kind::BlockchainInfo => {
                set(body, "/warnings", json!([format!("Unknown new rules of {RELEASE}")]));
                set(body, "/prune_height", VERSION.into());
                set(body, "/prune_target_size", VERSION.into());
                set(body, "/size_on_disk", VERSION.into());
            }
            Kind::MempoolInfo => {
                for name in ["maxdatacarriersize", "limitclustercount", "limitclustersize"] {
                    set(body, &format!("/{name}"), VERSION.into());
                }
            }
            Kind::NodeStarted => set(body, "/node_started/version", format!("Bitcoin Core version v{RELEASE}").into()),
            Kind::VersionSent => {
                set(body, "/version_sent/user_agent", agent.as_str().into());
                set(body, "/version_sent/version", VERSION.into());
            }
            Kind::NodeVersion => {
                set(body, "/user_agent", agent.as_str().into());
                set(body, "/version", VERSION.into());
            }
            Kind::FeatureOffered => set(body, "/feature_id", RELEASE.into()),
            Kind::ChainNode => {
                set(body, "/version", agent.as_str().into());
                set(body, "/implementation", "knots".into());
            }
            Kind::Alert => {
                let text = json!({"name": "now", "kind": "USER_AGENT", "value": agent});
                set(body, "/texts", json!([text]));
                set(body, "/subject/kind", "NODE".into());
            }
            _ => {}
        }
        set(body, "/source_location", format!("net_processing.cpp:{VERSION}").into());
        // There it is how long that took.
        if kind != Kind::BlockConnected {
            mark_times(body, START, &mut times);
        }
        let Some(event) = read(&event) else { panic!("no event: {event}") };
        kinds.insert(kind);
        let Some(public) = redactor.redact(&event) else {
            assert!(MAY_BE_ALL_SECRET.contains(&kind), "{kind:?}");
            continue;
        };
        let shown = to_json(&public);
        let start = START.to_string();
        for text in [RELEASE, &VERSION.to_string(), "knots", &start, "2026-01-27T"] {
            assert!(!shown.contains(text), "{text} in {shown}");
        }
        for number in [VERSION, START, START * 1_000, START * 1_000_000, START * 1_000_000_000] {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(number, &mut bytes);
            assert!(!public.bytes().windows(bytes.len()).any(|window| window == bytes), "{number} in {shown}");
        }
    }
    assert_eq!(kinds.len(), Kind::ALL.len());
    assert!(times >= 8, "{times}");
}

/// Sets all times at which something began that may be older than the first event.
fn mark_times(value: &mut Value, start: u64, count: &mut usize) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark_times(item, start, count)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let marked = match name.as_str() {
                    "started_ns" | "since_ns" => start * 1_000_000_000,
                    "connection_time" | "time_established" | "last_send" | "last_received" => start,
                    _ => {
                        mark_times(value, start, count);
                        continue;
                    }
                };
                *count += 1;
                *value = if value.is_string() { marked.to_string().into() } else { marked.into() };
            }
        }
        _ => {}
    }
}

#[test]
fn counts_begin_when_they_are_shown_and_times_can_be_coarse() {
    let minute = std::time::Duration::from_secs(60);
    let mut redactor = Redactor::new(KEY).with_times(minute);
    let mut totals = sample(Kind::NetTotals);
    let mut shown = Vec::new();
    for bytes in [7_000_u64, 7_500, 9_000, 20] {
        totals["total_bytes_sent"] = bytes.into();
        let public = redactor.redact(&record("net_totals", &totals)).unwrap();
        assert_eq!(public.envelope().time_ns % 60_000_000_000, 0);
        shown.push(json_of(&public)["body"]["total_bytes_sent"].as_u64().unwrap_or_default());
    }
    assert_eq!(shown, [0, 500, 2_000, 20]);
    let status = redactor.redact(&record("status", &sample(Kind::Status))).unwrap();
    assert_eq!(json_of(&status)["body"]["interval_ms"], 60_000);
}

/// Where times are rounded, nothing in an event tells them more exactly than the event's own time.
#[test]
fn no_time_is_finer_than_that_of_its_event() {
    // 2026-01-31T12:00:37Z
    const TIME: u64 = 1_769_860_837;
    let mut redactor = learned(KEY).with_times(std::time::Duration::from_secs(60));
    let mut times = 0;
    for sample in samples() {
        let mut event = json_of(&sample);
        event["time"] = "2026-01-31T12:00:37.123456789Z".into();
        let body = &mut event["body"];
        if !body["version"].is_null() && !body["meta"].is_null() {
            body["meta"]["inbound"] = false.into();
        }
        // There it is how long that took.
        if sample.envelope().kind != Kind::BlockConnected {
            set_times(body, TIME, &mut times);
        }
        let Some(public) = redactor.redact(&read(&event).unwrap()) else { continue };
        for number in [TIME, TIME * 1_000, TIME * 1_000_000, TIME * 1_000_000_000] {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(number, &mut bytes);
            let found = public.bytes().windows(bytes.len()).any(|window| window == bytes);
            assert!(!found, "{number} in {}", to_json(&public));
        }
    }
    assert!(times >= 12, "{times}");
    let future = address("ipv4", "1.2.3.4");
    let mut message = json_of(&addrv2(5, true, &[future]));
    message["time"] = "2026-01-31T12:00:37Z".into();
    message["body"]["addrv2"]["addresses"][0]["timestamp"] = (TIME + 10).into();
    let public = json_of(&redactor.redact(&read(&message).unwrap()).unwrap());
    assert_eq!(public["body"]["addrv2"]["addresses"][0]["timestamp"], TIME - 37);
}

/// Sets all times but those of blocks.
fn set_times(value: &mut Value, time: u64, count: &mut usize) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| set_times(item, time, count)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let set = match name.as_str() {
                    "since_ns" | "last_ns" | "resolved_ns" | "time_ns" | "heard_ns" | "tried_ns" | "started_ns"
                    | "first_seen_ns" | "tip_changed_ns" | "answered_ns" => time * 1_000_000_000,
                    "log_timestamp" => time * 1_000_000,
                    "time_millis" => time * 1_000,
                    "entry_time"
                    | "replaced_entry_time"
                    | "entry"
                    | "expiration"
                    | "timestamp"
                    | "connection_time"
                    | "time_established"
                    | "last_send"
                    | "last_received"
                    | "last_transaction"
                    | "last_block"
                        if !value.is_object() =>
                    {
                        time
                    }
                    _ => {
                        set_times(value, time, count);
                        continue;
                    }
                };
                *count += 1;
                *value = if value.is_string() { set.to_string().into() } else { set.into() };
            }
        }
        _ => {}
    }
}

/// Who gets the same from two sources does not know it by its number.
#[test]
fn numbers_of_activities_are_others_for_each_key() {
    let mut activity = sample(Kind::ChainActivity);
    let mut shown = |key: [u8; 32]| {
        let mut redactor = Redactor::new(key);
        [7_u64, 8].map(|id| {
            activity["id"] = id.into();
            let public = json_of(&redactor.redact(&record("chain_activity", &activity)).unwrap());
            public["body"]["id"].as_u64().unwrap()
        })
    };
    let ([first, second], [other, _]) = (shown(KEY), shown([9; 32]));
    assert!(second == first + 1 && other != first && first != 7, "{first} {second} {other}");
}

#[test]
fn nodes_have_the_names_that_they_are_given_and_others_are_not_shown() {
    let names = [("alice".to_owned(), "op.n1".to_owned())];
    let mut redactor = Redactor::new(KEY).with_names(Names::Given(names.into()));
    for sample in samples() {
        let Some(public) = redactor.redact(&sample) else { continue };
        assert_eq!(&*public.envelope().node, "op.n1");
        let shown = format!("{} {}", to_json(&public), String::from_utf8_lossy(public.bytes()));
        assert!(!shown.contains("alice"), "{shown}");
    }
    let mut event = json_of(samples().first().unwrap());
    event["node"] = "bob".into();
    assert!(redactor.redact(&read(&event).unwrap()).is_none());
    // It learned from it all the same, and another key leaves that as it is.
    let mut redactor = learned(KEY).with_names(Names::Given([("carol".to_owned(), "op.n2".to_owned())].into()));
    redactor.change_key([9; 32]);
    let mut event = json_of(&record(
        "connection_accepted",
        &json!({"log_timestamp": 1, "category": "NET", "threadname": "", "log_level": "DEBUG", "log_line_bytes": 9, "connection_accepted": {"addr": OWN_V4}}),
    ));
    event["node"] = "carol".into();
    let public = json_of(&redactor.redact(&read(&event).unwrap()).unwrap());
    assert_eq!(public["body"]["connection_accepted"]["addr"], "::");
}

#[test]
fn a_sample_shows_some_peers_and_nothing_of_others() {
    let mut redactor = Redactor::new(KEY).with_sample(0.5);
    let closed = sample(Kind::ClosedConnection);
    let shown = (0..400_u64).filter(|peer| {
        let mut closed = closed.clone();
        closed["conn"]["peer_id"] = (*peer).into();
        redactor.redact(&record("closed_connection", &closed)).is_some()
    });
    let shown: HashSet<u64> = shown.collect();
    assert!((120..280).contains(&shown.len()), "{}", shown.len());
    let mut peers = sample(Kind::PeerInfos);
    for peer in 0..400_u64 {
        peers["infos"][0]["id"] = peer.into();
        let public = json_of(&redactor.redact(&record("peer_infos", &peers)).unwrap());
        let is_shown =
            public["body"]["infos"].as_array().is_some_and(|infos| infos.iter().any(|info| info["id"] == peer));
        assert_eq!(is_shown, shown.contains(&peer));
    }
    let addressed = json!({"log_timestamp": 1, "category": "NET", "threadname": "", "log_level": "DEBUG", "log_line_bytes": 9, "connection_accepted": {"addr": PEER_V4}});
    assert!(redactor.redact(&record("connection_accepted", &addressed)).is_none());
}

proptest! {
    /// Whatever is on the wire: no panic, and what is public is an event.
    #[test]
    fn any_bytes(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), sample in any::<prop::sample::Index>()) {
        let samples = samples();
        let mut bytes = samples[sample.index(samples.len())].bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(record) = Record::from_bytes(bytes.into(), &mut NodeNames::default())
            && let Some(public) = learned(KEY).redact(&record)
        {
            prop_assert_eq!(public.envelope().kind, record.envelope().kind);
            prop_assert!(Record::from_bytes(public.bytes().clone(), &mut NodeNames::default()).is_ok());
        }
    }
}
