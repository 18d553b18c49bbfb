//! Detectors of spies.

use serde_json::json;

use super::play::{Play, closed, message, opened};
use super::traffic::{Timetable, found, items, random, version, with_asmap};

/// User agents that a spy takes, and that honest nodes have.
const AGENTS: [&str; 12] = [
    "/Satoshi:26.0.0/",
    "/Satoshi:26.2.0/",
    "/Satoshi:27.0.0/",
    "/Satoshi:27.1.0/",
    "/Satoshi:27.2.0/",
    "/Satoshi:28.0.0/",
    "/Satoshi:28.1.0/",
    "/Satoshi:29.0.0/",
    "/Satoshi:29.1.0/",
    "/Satoshi:30.0.0/",
    "/Satoshi:30.2.0/",
    "/Satoshi:31.0.0/",
];

fn agent(of: u64) -> &'static str {
    AGENTS[(random(of) % 12) as usize]
}

/// A spy at three /24 and a /64 that are in no list: a visit each so many seconds, of twenty seconds.
fn spy(times: &mut Timetable, from: u32, to: u32, every: f64) {
    let mut at = f64::from(from);
    let mut number = 0;
    while at < f64::from(to) {
        let host = random(number) % 254 + 1;
        let addr = match number % 4 {
            0 => format!("45.66.7.{host}:51234"),
            1 => format!("91.12.8.{host}:51234"),
            2 => format!("177.3.9.{host}:51234"),
            _ => format!("[2a0f:7803:1:2::{host:x}]:51234"),
        };
        times.visit(at, 20.0, 1_000 + number, &addr, agent(number * 7));
        number += 1;
        at += every;
    }
}

#[test]
fn a_spy_that_has_moved_is_found_without_a_list() {
    // As LinkingLion in September 2026, with half of all connections; and rarely, a visit in twelve seconds from all four networks.
    for (every, seconds, within) in [(0.375, 120, 60), (12.0, 1_500, 1_100)] {
        let mut play = Play::with(&["inbound_flood.enabled=false", "subnet_flood.enabled=false"]);
        play.calm(0, 30);
        let mut times = Timetable::default();
        // Honest peers are there as well.
        for peer in 1..=40 {
            let addr = format!("80.{peer}.1.1:50000");
            times.at(30.0, opened(peer, &addr)).at(30.5, version(peer, &addr, agent(peer), 0xc09, peer));
            times.takes_part(31.0, peer, &addr);
        }
        spy(&mut times, 40, 40 + seconds, every);
        times.play(&mut play);
        assert_eq!(found(&play, "spies"), ["one_operator", "subnet_spy"], "{:?}", play.summary());
        let alerts = play.alerts();
        let subnets: Vec<_> = alerts.iter().filter(|alert| alert.detector == "subnet_spy").collect();
        let mut names: Vec<&str> = subnets.iter().map(|alert| alert.subject.text.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["177.3.9.0/24", "2a0f:7803:1:2::/64", "45.66.7.0/24", "91.12.8.0/24"]);
        for alert in subnets {
            let after = (alert.since_ns - play.ns(40.0)) / 1_000_000_000;
            assert!(after <= within, "{after} s");
            assert!(!alert.evidence.is_empty());
        }
    }
}

#[test]
fn a_spy_and_the_flood_that_it_makes_are_one_incident() {
    let mut play = Play::new();
    play.calm(0, 700);
    let mut times = Timetable::default();
    spy(&mut times, 700, 900, 0.375);
    times.play(&mut play);
    let alerts = play.alerts();
    let incident = &alerts[0].incident;
    for name in ["inbound_flood", "subnet_spy"] {
        let alert =
            alerts.iter().find(|alert| alert.detector == name).unwrap_or_else(|| panic!("{:?}", play.summary()));
        assert_eq!(alert.incident, *incident, "{:?}", play.summary());
    }
}

#[test]
fn a_spy_with_many_subnets_is_found_by_its_autonomous_system() {
    let mut play = with_asmap(&[]);
    play.calm(0, 30);
    let mut times = Timetable::default();
    for number in 0..240u64 {
        let addr = format!("8.{}.7.{}:4000", number % 60, number % 200 + 1);
        times.visit(30.0 + number as f64 * 15.0, 10.0, 1_000 + number, &addr, agent(number));
    }
    times.play(&mut play);
    let alerts = play.alerts();
    let names: Vec<(&str, &str)> = alerts
        .iter()
        .map(|alert| (alert.detector.as_str(), alert.subject.text.as_str()))
        .filter(|(name, _)| name.ends_with("_spy"))
        .collect();
    assert_eq!(names, [("as_spy", "AS64500")], "{:?}", play.summary());
}

#[test]
fn who_listens_only_is_found_after_some_time() {
    let mut play = Play::new();
    play.calm(0, 30);
    let spies = [(1, "45.66.7.8:4000", 20), (2, "45.67.7.8:4000", 10)];
    let honest = [(3, "46.1.1.1:4000"), (4, "46.2.1.1:4000"), (5, "46.3.1.1:4000")];
    for (peer, addr) in spies.map(|(peer, addr, _)| (peer, addr)).into_iter().chain(honest) {
        play.at(30.0, opened(peer, addr)).at(30.5, version(peer, addr, "/Satoshi:30.0.0/", 0xc09, peer));
    }
    for round in 0..240u64 {
        let at = 31.0 + round as f64 * 5.0;
        for (peer, addr, count) in spies {
            play.at(at, items(peer, addr, false, "inv", "wtx", round * 100, count));
        }
        // One requests little, one announces little, and one catches up.
        for (peer, addr) in honest {
            play.at(at, items(peer, addr, false, "inv", "wtx", round * 100, 20));
        }
        if round % 50 == 1 {
            play.at(at, items(3, honest[0].1, true, "getdata", "wtx", round * 100, 1));
            play.at(at, items(4, honest[1].1, true, "inv", "transaction", round * 100, 1));
            play.at(at, items(5, honest[2].1, true, "getdata", "witness_block", round * 100, 16));
        }
    }
    let alerts = play.alerts();
    let found: Vec<&str> =
        alerts.iter().filter(|alert| alert.detector == "listen_only").map(|alert| &*alert.subject.text).collect();
    assert_eq!(found, ["45.66.7.8:4000", "45.67.7.8:4000"], "{:?}", play.summary());
    let after = |index: usize| (alerts[index].since_ns - play.ns(30.0)) / 1_000_000_000;
    assert!((600..620).contains(&after(0)), "{}", after(0));
}

#[test]
fn disguises_nonces_and_known_sets_are_found() {
    let mut play = Play::new();
    play.calm(0, 30);
    let mut peer = 0;
    let mut comes = |play: &mut Play, addr: &str, agent: &str, services: u64, nonce: u64| {
        peer += 1;
        let at = 30.0 + peer as f64;
        play.at(at, opened(peer, addr)).at(at, version(peer, addr, agent, services, nonce));
        play.at(at + 0.5, closed(peer, addr));
    };
    for host in 1..=4 {
        comes(&mut play, &format!("45.66.7.{host}:1"), "/Satoshi:0.17.1/", 0xc09, 100 + host);
        comes(&mut play, &format!("45.{host}.8.1:1"), "/Satoshi:30.0.0/", 0xc09, 77);
        comes(&mut play, &format!("31.58.215.{host}:1"), "/Satoshi:30.0.0/", 0xc09, 200 + host);
        // Honest ones, each of another kind.
        comes(&mut play, &format!("46.1.1.{host}:1"), "/Satoshi:0.21.2/", 0x449, 300 + host);
        comes(&mut play, &format!("46.1.2.{host}:1"), "/bitcoinj:0.17/Wallet:1/", 0, 400 + host);
        comes(&mut play, &format!("46.1.3.{host}:1"), "/Satoshi:29.2.0/Knots:20251110/", 0xc09, 500 + host);
        comes(&mut play, &format!("46.1.4.{host}:1"), "/pynode:0.0.1/", 0, 600 + host);
    }
    // One that stays is found by itself.
    play.at(100.0, opened(90, "46.9.9.9:1")).at(100.1, version(90, "46.9.9.9:1", "/bcoin:2.2.0/", 0x809, 9));
    play.calm(101, 1_000).at(1_000.0, items(90, "46.9.9.9:1", false, "inv", "wtx", 1, 3)).calm(1_001, 2_000);
    let of = |name: &str| -> Vec<String> {
        play.alerts().iter().filter(|alert| alert.detector == name).map(|alert| alert.subject.text.clone()).collect()
    };
    assert_eq!(of("disguised_agent"), ["45.66.7.0/24", "46.9.9.9:1"], "{:?}", play.summary());
    assert_eq!(of("same_nonce"), ["45.1.8.0/24"], "{:?}", play.summary());
    assert_eq!(of("known_set"), ["31.58.215.0/24"], "{:?}", play.summary());
    assert!(play.summary().iter().any(|line| line.contains("in the set \"linkinglion\"")), "{:?}", play.summary());
    assert_eq!(found(&play, "spies"), ["disguised_agent", "known_set", "same_nonce"]);
}

#[test]
fn crawlers_feelers_and_fleets_are_no_spies() {
    let mut play = with_asmap(&["inbound_flood.enabled=false"]);
    play.calm(0, 30);
    let mut times = Timetable::default();
    let mut peer = 100;
    // A fleet behind one autonomous system and few subnets, of many versions: it takes part, and some of it reconnects.
    for member in 0..150u64 {
        let addr = format!("8.8.{}.{}:8333", member % 3, member % 250 + 1);
        times.at(30.0, opened(10_000 + member, &addr));
        times.at(30.1, version(10_000 + member, &addr, agent(member), 0xc09, member + 1));
    }
    for minute in 1..40u64 {
        let at = 30.0 + minute as f64 * 60.0;
        // Members of the fleet reconnect, for a short time.
        for member in 0..2 {
            peer += 1;
            let addr = format!("8.8.{}.{}:8333", peer % 3, peer % 250 + 1);
            times.at(at, opened(peer, &addr)).at(at + 0.1, version(peer, &addr, agent(peer + member), 0xc09, peer));
            times.takes_part(at + 1.0, peer, &addr);
            times.leaves(at, at + 40.0, peer, &addr);
        }
        for member in (minute % 4..150).step_by(4) {
            let addr = format!("8.8.{}.{}:8333", member % 3, member % 250 + 1);
            times.takes_part(at + 2.0, 10_000 + member, &addr);
        }
        // Two crawlers come twice a minute and ask for addresses; a feeler of some node comes each minute.
        for crawler in ["8.1.1.9", "129.13.1.2"] {
            for half in [3.0, 33.0] {
                peer += 1;
                let addr = format!("{crawler}:{}", 1_024 + peer);
                times.at(at + half, opened(peer, &addr));
                times.at(at + half + 0.1, version(peer, &addr, &format!("/crawler-{}:0.1/", &crawler[..2]), 0, peer));
                times.at(at + half + 0.2, message(peer, &addr, true, "getaddr", json!(true)));
                times.leaves(at + half, at + half + 2.0, peer, &addr);
            }
        }
        peer += 1;
        times.visit(at + 5.0, 0.3, peer, &format!("8.{}.{}.1:8333", 10 + minute, peer % 250), agent(minute));
        // Peers through Tor all have the address of the proxy.
        peer += 1;
        times.visit(at + 6.0, 30.0, peer, &format!("127.0.0.1:{}", 2_000 + peer), agent(peer));
    }
    times.play(&mut play);
    assert_eq!(found(&play, "spies"), [""; 0], "{:?}", play.summary());
}

#[test]
fn a_spy_among_more_subnets_than_are_counted_is_found() {
    let mut play = Play::with(&["inbound_flood.enabled=false", "source_silent.enabled=false"]);
    let mut times = Timetable::default();
    // Each of these subnets comes once, with a name of its own.
    for number in 0..1_500u64 {
        let addr = format!("{}.{}.{}.1:8333", 20 + number / 250, number % 250, number % 99);
        times.visit(10.0 + number as f64 * 1.5, 1.0, 10_000 + number, &addr, &format!("/made-up:{number}/"));
    }
    for number in 0..38u64 {
        let addr = format!("45.66.7.{}:8333", number + 1);
        times.visit(20.0 + number as f64 * 60.0, 10.0, 1 + number, &addr, agent(number));
    }
    times.play(&mut play);
    let alerts = play.alerts();
    let spies: Vec<&str> =
        alerts.iter().filter(|alert| alert.family == "spies").map(|alert| alert.subject.text.as_str()).collect();
    assert_eq!(spies, ["45.66.7.0/24"], "{:?}", play.summary());
}
