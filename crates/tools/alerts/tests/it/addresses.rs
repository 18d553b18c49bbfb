//! Detectors of addresses.

use event::text::Sentence;
use serde_json::json;

use super::play::{Event, Play, addresses, message, opened};
use super::traffic::{found, gossip, noon, random, routed, with_asmap};

const PEER: &str = "8.8.4.4:50000";

#[test]
fn a_flood_of_addresses_is_found_weak_and_strong() {
    // One address a second, and a thousand at once.
    for (count, seconds, found_after) in [(1, 300, 70.0), (1_000, 1, 0.0)] {
        let mut play = Play::new();
        play.calm(0, 30).at(30.0, opened(1, PEER));
        for second in 0..seconds {
            play.at(31.0 + f64::from(second), addresses(1, PEER, count));
        }
        let alerts = play.alerts();
        let [alert] = &*alerts else { panic!("{:?}", play.summary()) };
        assert_eq!(alert.detector, "address_flood");
        assert_eq!(alert.subject.text, PEER);
        let after = alert.since_ns as f64 / 1e9 - play.ns(31.0) as f64 / 1e9;
        assert!(after <= found_after, "{after} s");
        assert!(!alert.evidence.is_empty() && alert.evidence.len() <= 16, "{:?}", alert.evidence);
        // A minute of quiet, and it is over.
        play.calm(31 + seconds, 31 + seconds + 1_000);
        assert!(play.summary()[0].starts_with("over: address_flood: peer 8.8.4.4:50000"), "{:?}", play.summary());
    }
}

#[test]
fn what_honest_peers_send_is_no_flood() {
    let mut play = Play::new();
    play.calm(0, 30);
    for peer in 1..=50 {
        let addr = format!("8.8.{peer}.4:8333");
        play.at(30.0, opened(peer, &addr));
        // An answer to our getaddr, and then an address every ten seconds.
        play.at(31.0, message(peer, &addr, false, "getaddr", json!(true)));
        play.at(32.0, addresses(peer, &addr, 1_000));
    }
    for round in 0..60 {
        let second = 40 + 10 * round;
        for peer in 1..=50 {
            play.at(second.into(), addresses(peer, &format!("8.8.{peer}.4:8333"), 1));
        }
        play.calm(second, second + 10);
    }
    assert_eq!(play.summary(), [""; 0]);
}

/// What honest peers gossip: each of twenty an address in ten seconds, that was seen some time ago.
fn honest(play: &mut Play, from: u32, to: u32) {
    for at in (from..to).step_by(10) {
        for peer in 1..=20u64 {
            let of = u64::from(at) * 100 + peer;
            let entry = (noon() + u64::from(at) - random(of) % 500, routed(of));
            play.at(f64::from(at) + peer as f64 / 10.0, gossip(peer, &format!("12.1.{peer}.1:8333"), [entry]));
        }
    }
}

#[test]
fn invented_addresses_are_found_weak_and_strong() {
    // As in July 2021: drawn at random over all of IPv4, with times up to nine minutes ahead. A message of ten each so many seconds.
    for (every, within) in [(0.5, 60), (4.0, 400)] {
        let mut play = Play::with(&["source_silent.enabled=false", "address_flood.enabled=false"]);
        honest(&mut play, 0, 600);
        assert_eq!(found(&play, "addresses"), [""; 0], "{:?}", play.summary());
        let mut of = 0;
        while of as f64 * every < 600.0 {
            let second = 600.0 + of as f64 * every;
            let entry = |index: u64| {
                let number = random(of * 10 + index);
                let ip =
                    [number, number >> 8, number >> 16, number >> 24].map(|byte| (byte & 255).to_string()).join(".");
                (noon() + second as u64 + number % 540, ip)
            };
            play.at(second, gossip(50 + of % 4, &format!("45.9.{}.1:8333", of % 4), (0..10).map(entry)));
            of += 1;
        }
        assert_eq!(found(&play, "addresses"), ["future_addresses", "unroutable_addresses"], "{:?}", play.summary());
        for alert in play.alerts() {
            let after = (alert.since_ns - play.ns(600.0)) / 1_000_000_000;
            assert!(after <= within, "{} after {after} s", alert.detector);
        }
    }
}

#[test]
fn many_more_different_addresses_than_usual_are_found() {
    let mut play = Play::with(&["source_silent.enabled=false", "address_flood.enabled=false"]);
    // Nine and a half hours with 2,400 an hour, and an answer of a thousand to a getaddr now and then.
    let mut of = 0;
    let mut ten = |play: &mut Play, at: u32| {
        of += 10;
        let entries = (of..of + 10).map(|of| (noon() + u64::from(at), routed(of)));
        play.at(at.into(), gossip(1, "12.1.1.1:8333", entries));
    };
    for at in (0..34_200).step_by(15) {
        ten(&mut play, at);
        if at % 3_600 == 0 {
            play.at(at.into(), message(2, "12.1.2.1:8333", false, "getaddr", json!(true)));
            let entries = (0..1_000).map(|of| (noon(), routed(u64::from(at) * 10_000 + of)));
            play.at(f64::from(at) + 0.5, gossip(2, "12.1.2.1:8333", entries));
        }
    }
    assert_eq!(found(&play, "addresses"), [""; 0], "{:?}", play.summary());
    // Then eight times as many.
    for at in 34_200..37_000 {
        if at % 15 < 8 {
            ten(&mut play, at);
        }
    }
    assert_eq!(found(&play, "addresses"), ["unique_addresses"], "{:?}", play.summary());
    let is_it = |line: &String| line.starts_with("unique_addresses: ") && line.contains(" are usual.");
    assert!(play.summary().iter().any(is_it), "{:?}", play.summary());
}

/// An attempt to reach an address that a peer gossiped.
fn attempt(source: u64, of: u64, outcome: &str) -> Event {
    let ns = (noon() * 1_000_000_000).to_string();
    let body = json!({
        "address": { "timestamp": noon(), "services": 1033, "port": 8333, "ipv4": routed(of) }, "addrv2": true,
        "outcome": outcome, "cached": false, "heard_ns": ns, "tried_ns": ns, "duration_ns": 1,
        "source_peer_id": source, "source_addr": format!("12.1.{source}.1:8333"),
    });
    ("attempt", body)
}

#[test]
fn a_source_of_unreachable_addresses_is_found() {
    let mut play = Play::with(&["source_silent.enabled=false"]);
    for of in 0..200 {
        // Honest peers, of whose addresses one in ten has a node, one that nobody has a way to, and a source of nothing.
        for source in 1..=5 {
            let outcome = if (of + source) % 10 == 0 { "V2" } else { "TIMEOUT" };
            play.at(f64::from(of as u32) * 10.0, attempt(source, of * 10 + source, outcome));
        }
        play.at(f64::from(of as u32) * 10.0, attempt(6, of * 10 + 6, "UNREACHABLE"));
        play.at(f64::from(of as u32) * 10.0, attempt(7, of * 10 + 7, if of % 2 == 0 { "TIMEOUT" } else { "REFUSED" }));
    }
    assert_eq!(found(&play, "addresses"), ["unreachable_addresses"], "{:?}", play.summary());
    assert_eq!(play.alerts()[0].subject.text, "12.1.7.1:8333");
    // If our own connection is broken, nothing is reachable.
    let mut play = Play::with(&["source_silent.enabled=false"]);
    for of in 0..300 {
        play.at(f64::from(of as u32) * 10.0, attempt(of % 2, of, "TIMEOUT"));
    }
    assert_eq!(found(&play, "addresses"), [""; 0], "{:?}", play.summary());
}

/// A peer that the node asks for addresses, and its answer.
fn asks(
    play: &mut Play,
    at: f64,
    (peer, addr, agent): (u64, &str, &str),
    answer: impl IntoIterator<Item = (u64, String)>,
) {
    let mut version = super::traffic::version(peer, addr, agent, 0xc09, peer);
    version.1["meta"]["conn_type"] = "OutboundFullRelay".into();
    play.at(at, version).at(at + 1.0, message(peer, addr, false, "getaddr", json!(true)));
    // It says where it is itself first.
    play.at(at + 1.5, gossip(peer, addr, [(noon(), addr.split(':').next().unwrap().to_owned())]));
    play.at(at + 2.0, gossip(peer, addr, answer));
}

#[test]
fn ghosts_with_the_same_answers_are_found() {
    let mut play = with_asmap(&["source_silent.enabled=false"]);
    for peer in 0..8u64 {
        let at = 60.0 + peer as f64 * 300.0;
        // Ghosts know some of the same 120; an honest peer of the same provider, new nodes, and old ones elsewhere.
        let addr = format!("8.{peer}.5.6:8333");
        asks(
            &mut play,
            at,
            (1 + peer, &addr, "/Satoshi:27.0.0/"),
            (0..40).map(|of| (noon() - of, routed(random(peer * 100 + of) % 120))),
        );
        let addr = format!("8.{peer}.7.8:8333");
        let own = peer * 10_000;
        asks(
            &mut play,
            at + 60.0,
            (100 + peer, &addr, "/Satoshi:30.0.0/"),
            (0..1_000).map(|of| (noon() - of, routed(own + of))),
        );
        let addr = format!("99.{peer}.7.8:8333");
        asks(
            &mut play,
            at + 120.0,
            (200 + peer, &addr, "/Satoshi:30.0.0/"),
            (0..50).map(|of| (noon() - of, routed(own + of * 7))),
        );
    }
    assert_eq!(found(&play, "addresses"), ["getaddr_overlap"], "{:?}", play.summary());
    let alerts = play.alerts();
    let alert = alerts.iter().find(|alert| alert.detector == "getaddr_overlap").unwrap();
    assert_eq!(alert.subject.text, "AS64500");
    assert!(
        Sentence(alert).to_string().contains("100 % of them have the user agent \"/Satoshi:27.0.0/\""),
        "{:?}",
        play.summary()
    );
    // Without a map the /16 stands for the provider.
    let mut play = Play::with(&["source_silent.enabled=false"]);
    for peer in 0..8u64 {
        let addr = format!("45.33.{peer}.6:8333");
        let answer = (0..40).map(|of| (noon() - of, routed(random(peer * 100 + of) % 120)));
        asks(&mut play, 60.0 + peer as f64 * 300.0, (1 + peer, &addr, "/Satoshi:27.0.0/"), answer);
    }
    let alerts = play.alerts();
    assert!(alerts.iter().any(|alert| alert.subject.text == "45.33.0.0/16"), "{:?}", play.summary());
}

#[test]
fn one_node_on_two_networks_is_found() {
    let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";
    let mut play = Play::with(&["source_silent.enabled=false"]);
    // Both know 3,000 addresses; a node has one time for each.
    let answer = |of: u64, times: u64| {
        (0..1_000)
            .map(move |at| random(of * 10_000 + at) % 3_000)
            .map(move |known| (noon() - random(known * times) % 80_000, routed(known)))
    };
    asks(&mut play, 60.0, (1, "45.1.1.1:8333", "/Satoshi:30.0.0/"), answer(1, 3));
    asks(&mut play, 90.0, (2, "45.2.1.1:8333", "/Satoshi:30.0.0/"), answer(2, 5));
    assert_eq!(found(&play, "addresses"), [""; 0], "{:?}", play.summary());
    asks(&mut play, 120.0, (3, onion, "/Satoshi:30.0.0/"), answer(3, 3));
    assert_eq!(found(&play, "addresses"), ["same_timestamps"], "{:?}", play.summary());
    assert_eq!(play.alerts()[0].subject.text, onion);
}

#[test]
fn gossip_of_one_autonomous_system_is_found() {
    let mut play = with_asmap(&["source_silent.enabled=false", "gossiped_as.warm_up=0", "address_flood.enabled=false"]);
    honest(&mut play, 0, 600);
    // Nearly all of these are in the rest of the internet, which is one autonomous system in this map.
    let names: Vec<String> = play.alerts().iter().map(|alert| alert.subject.text.clone()).collect();
    assert_eq!(names, ["AS64501"], "{:?}", play.summary());
    for second in 600..2_000u64 {
        let entry = |index: u64| (noon(), format!("8.{}.{}.{index}", second % 256, second / 256));
        play.at(second as f64, gossip(50, "45.9.1.1:8333", (0..10).map(entry)));
    }
    assert!(play.alerts().iter().any(|alert| alert.subject.text == "AS64500"), "{:?}", play.summary());
}

#[test]
fn an_address_manager_of_few_sources_is_found() {
    let addrman = |sources: &[(String, u64)]| -> Event {
        let entries = sources.iter().flat_map(|(source, count)| (0..*count).map(move |_| source)).enumerate();
        let mut new = serde_json::Map::new();
        for (index, source) in entries {
            let bucket = new.entry((index / 64).to_string()).or_insert_with(|| json!({ "entries": {} }));
            bucket["entries"][(index % 64).to_string()] = json!({
                "address": routed(index as u64), "port": 8333, "network": "ipv4", "services": 1033, "time": noon(),
                "source": source, "source_network": "ipv4",
            });
        }
        ("addrman", json!({ "new": new, "tried": {} }))
    };
    let honest =
        |count: u64, each: u64| -> Vec<(String, u64)> { (0..count).map(|peer| (routed(peer), each)).collect() };
    let mut play = Play::with(&["source_silent.enabled=false"]);
    // A new node has asked some peers, an older one has heard of hundreds.
    play.at(10.0, addrman(&honest(4, 1_000))).at(70.0, addrman(&honest(8, 1_000))).at(130.0, addrman(&honest(300, 40)));
    assert_eq!(play.summary(), [""; 0]);
    let few = [honest(300, 10), vec![("45.9.1.1".to_owned(), 2_000), ("45.9.1.2".to_owned(), 2_000)]].concat();
    play.at(190.0, addrman(&few));
    assert_eq!(found(&play, "addresses"), ["addrman_sources"], "{:?}", play.summary());
    play.at(250.0, addrman(&honest(300, 40))).at(270.0, addrman(&honest(300, 40))).at(290.0, addrman(&honest(1, 1)));
    assert!(play.summary()[0].starts_with("over: addrman_sources"), "{:?}", play.summary());
}
