//! Detectors of the protocol.

use serde_json::json;

use super::play::{Event, Play, message, opened, up};
use super::traffic::{found, hash, items, noon, version};

const PEER: &str = "8.8.4.4:50000";

/// A message whose payload is that of another arm of the wire format.
fn as_arm(message_type: &str, size: u64, arm: &str, payload: serde_json::Value) -> Event {
    let (kind, mut body) = message(1, PEER, true, message_type, json!(null));
    body.as_object_mut().unwrap().remove(message_type);
    body["meta"]["size"] = size.into();
    body[arm] = payload;
    (kind, body)
}

fn undecoded(message_type: &str, size: u64) -> Event {
    as_arm(message_type, size, "unknown", json!({ "command": message_type, "payload": "00" }))
}

fn tx(of: u64) -> Event {
    message(1, PEER, true, "tx", json!({ "tx": { "txid": hash(of), "wtxid": hash(of + 1_000_000), "raw": "02" } }))
}

/// Of an attack: the detector, the settings that it needs, how many messages of what kind each so many seconds.
type Attack = (&'static str, u64, f64, fn(u64) -> Event);

#[test]
fn each_attack_is_found_weak_and_strong() {
    let ping = |of| message(1, PEER, true, "ping", json!({ "value": of }));
    let sendcmpct =
        |of: u64| as_arm("sendcmpct", 9, "sendcompact", json!({ "send_compact": of.is_multiple_of(2), "version": 2 }));
    let attacks: [Attack; 18] = [
        ("ping_spam", 20, 9.0, ping),
        ("ping_spam", 500, 0.05, ping),
        ("old_ping", 1, 1.0, |_| as_arm("ping", 0, "oldping", json!(true))),
        ("empty_addresses", 1, 1.0, |_| as_arm("addrv2", 0, "emptyaddrv2", json!(true))),
        ("unrequested_data", 25, 20.0, tx),
        ("unrequested_data", 300, 0.1, tx),
        ("getdata_loop", 70, 8.0, |_| items(1, PEER, true, "getdata", "witness_block", 5, 1)),
        ("getdata_loop", 1, 1.0, |_| {
            as_arm("getdata", 7_203, "getdata", json!({ "items": vec![json!({ "error": true }); 200] }))
        }),
        ("getdata_loop", 40, 1.0, |_| items(1, PEER, true, "getdata", "wtx", 7, 2)),
        ("inv_blocks", 12, 20.0, |of| items(1, PEER, true, "inv", "block", of * 500, 500)),
        ("inv_blocks", 1, 1.0, |_| items(1, PEER, true, "inv", "block", 0, 50_000)),
        ("oversized_message", 1, 1.0, |_| undecoded("inv", 1_800_040)),
        ("oversized_message", 1, 1.0, |_| undecoded("ping", 9)),
        ("oversized_message", 1, 1.0, |_| {
            ("misbehaving_connection", json!({ "id": 1, "message": "headers message size = 2001" }))
        }),
        ("malformed_message", 4, 60.0, |_| undecoded("headers", 80)),
        ("bogus_services", 1, 1.0, |_| version(1, PEER, "/Satoshi:30.0.0/", 1 << 40, 3)),
        ("sendcmpct_misuse", 40, 60.0, sendcmpct),
        ("sendcmpct_misuse", 1, 1.0, |_| {
            ("misbehaving_connection", json!({ "id": 1, "message": "invalid sendcmpct announce field" }))
        }),
    ];
    for (name, count, every, event) in attacks {
        let mut play = Play::with(&["source_silent.enabled=false"]);
        play.at(0.0, up("rpc")).at(130.0, opened(1, PEER)).at(131.0, version(1, PEER, "/odd:1/", 9, 3));
        play.at(132.0, items(1, PEER, false, "getdata", "wtx", 9_000_000, 1));
        for of in 0..count {
            play.at(140.0 + of as f64 * every, event(of));
        }
        assert_eq!(found(&play, "protocol"), [name], "{count} {:?}", play.summary());
        let alerts = play.alerts();
        let alert = alerts.iter().find(|alert| alert.detector == name).unwrap();
        assert_eq!(alert.subject.text, PEER);
        assert!(!alert.evidence.is_empty(), "{name}");
        for minute in 3..120 {
            play.at(count as f64 * every + f64::from(minute) * 60.0, up("rpc"));
        }
        assert!(play.summary().iter().all(|line| line.starts_with("over: ")), "{:?}", play.summary());
    }
}

#[test]
fn what_nodes_do_breaks_no_rule() {
    let mut play = Play::new();
    play.calm(0, 30);
    // A request that was made before anything was seen is answered.
    play.at(30.0, opened(1, PEER)).at(30.1, version(1, PEER, "/Satoshi:30.0.0/", 0xc09, 3));
    for of in 0..60 {
        play.at(31.0, tx(of));
    }
    for minute in 0..60u64 {
        let at = 160.0 + minute as f64 * 60.0;
        // Pings, a block with its compact blocks mode, transactions that the node requested, and addresses.
        play.at(at, message(1, PEER, true, "ping", json!({ "value": minute })));
        if minute % 3 == 0 {
            play.at(at, as_arm("sendcmpct", 9, "sendcompact", json!({ "send_compact": true, "version": 2 })));
        }
        for of in 0..10 {
            let of = 1_000 * (minute + 1) + of;
            play.at(at + 1.0, items(1, PEER, false, "getdata", "transaction", of, 1));
            play.at(at + 1.5, tx(of));
        }
        // It catches up, and once has to request a block again. Old nodes announce 500 blocks in answer to getblocks.
        play.at(at + 2.0, items(1, PEER, true, "getdata", "witness_block", minute * 16, 16));
        if minute % 20 == 0 {
            play.at(at + 3.0, items(1, PEER, true, "getdata", "witness_block", minute * 16 + 15, 1));
            play.at(at + 4.0, items(1, PEER, true, "inv", "block", minute * 500, 500));
        }
        // One wallet sends a transaction that nobody asked for.
        play.at(at + 5.0, tx(10_000_000 + minute));
    }
    // Events are lost, and with them requests.
    play.lost(4_000.0, 100);
    for of in 0..60 {
        play.at(4_001.0, tx(20_000_000 + of));
    }
    assert_eq!(found(&play, "protocol"), [""; 0], "{:?}", play.summary());
    // Messages that are captured in part, as the node's own are, are not malformed.
    play.at(4_200.0, {
        let (kind, mut body) = undecoded("tx", 900);
        body["meta"]["inbound"] = false.into();
        (kind, body)
    });
    for of in 0..20 {
        play.at(4_201.0 + f64::from(of), undecoded("tx", 900));
    }
    assert_eq!(found(&play, "protocol"), [""; 0], "{:?}", play.summary());
}

#[test]
fn our_own_connection_breaks_no_rule() {
    let mut play = Play::new();
    play.calm(0, 130);
    let addr = "127.0.0.1:40001";
    play.at(130.0, ("connection_expected", json!({ "way": "DIALLING", "our_address": addr })));
    play.at(130.1, opened(1, addr)).at(130.2, version(1, addr, "/peer-observer:1.0.0/", 0, 3));
    for second in 0..300u64 {
        let at = 131.0 + second as f64;
        play.at(at, message(1, addr, true, "ping", json!({ "value": second })));
        play.at(at + 0.1, items(1, addr, false, "inv", "wtx", second * 100, 70));
        play.at(at + 0.2, items(1, addr, true, "getdata", "witness_block", 5, 1));
    }
    play.calm(431, 1_000);
    assert_eq!((found(&play, "protocol"), found(&play, "spies")), (vec![], vec![]), "{:?}", play.summary());
}

#[test]
fn what_one_peer_does_is_one_incident() {
    let mut play = Play::new();
    play.calm(0, 30).at(30.0, opened(1, PEER)).at(30.1, version(1, PEER, "/odd:1/", 1 << 40, 3));
    for of in 0..20u64 {
        play.at(40.0, message(1, PEER, true, "ping", json!({ "value": of })));
    }
    let incidents: Vec<String> = play.alerts().iter().map(|alert| alert.incident.clone()).collect();
    assert!(incidents.len() == 2 && incidents[0] == incidents[1], "{incidents:?} {:?}", play.summary());
}

#[test]
fn nodes_that_claim_transport_v2_only_are_found_by_subnet() {
    let attempt = |ip: String, outcome: &str, services: u64| -> Event {
        let ns = (noon() * 1_000_000_000).to_string();
        let body = json!({
            "address": { "timestamp": noon(), "services": 0xc09, "port": 8333, "ipv4": ip }, "addrv2": true,
            "outcome": outcome, "cached": false, "heard_ns": ns, "tried_ns": ns, "duration_ns": 1,
            "version": {
                "version": 70_016, "services": services, "user_agent": "/Satoshi:30.0.0/", "start_height": 1, "relay": true,
                "nonce": 1, "timestamp": noon(), "clock_offset": 0,
            },
        });
        ("attempt", body)
    };
    let mut play = Play::with(&["source_silent.enabled=false"]);
    for host in 1..=4 {
        let at = f64::from(host) * 60.0;
        play.at(at, attempt(format!("45.66.7.{host}"), "V1", 0xc09));
        // Nodes that speak it, and some that do not claim it although gossip does.
        play.at(at, attempt(format!("45.66.8.{host}"), "V2", 0xc09));
        play.at(at, attempt(format!("45.66.9.{host}"), "V1", 0x409));
    }
    play.at(300.0, up("rpc"));
    let alerts = play.alerts();
    let found: Vec<(&str, &str)> =
        alerts.iter().map(|alert| (alert.detector.as_str(), alert.subject.text.as_str())).collect();
    assert_eq!(found, [("bogus_transport", "45.66.7.0/24")], "{:?}", play.summary());
}
