//! Detectors of connections: peers that are pushed out, that are gone, and that are none.

use serde_json::json;

use super::node::{Quiet as _, addr, ends, evicted, found, given_up, line, opens, peers, seconds_to, text, version};
use super::play::{Play, message, status};
use super::traffic::with_asmap;

/// A node with so many inbound peers of `addr`, and ten outbound ones, since the first minute.
fn with_peers(play: &mut Play, inbound: u64, addr: impl Fn(u64) -> String) {
    play.quiet(0, 2);
    for peer in 0..inbound {
        play.at(2.0, opens(100 + peer, &addr(100 + peer), "Inbound", 1));
    }
    for peer in 0..10 {
        play.at(2.0, opens(peer, &addr(peer), if peer < 8 { "OutboundFullRelay" } else { "BlockRelayOnly" }, 1));
    }
    play.quiet(3, 1_500);
}

#[test]
fn eviction_pressure_is_found_weak_and_strong() {
    for (every, within) in [(5.0, 220.0), (1.5, 40.0)] {
        let mut play = Play::new();
        play.quiet(0, 700);
        // A full node evicts three a minute.
        for round in 0..60 {
            play.quiet(700 + 20 * round, 720 + 20 * round)
                .at(720.0 + 20.0 * f64::from(round), evicted(1_000 + u64::from(round), "20.1.1.1:1", 10.0));
        }
        assert_eq!(found(&play), [""; 0]);
        let mut at = 2_000.0;
        while at < 2_300.0 {
            play.at(at, evicted(at as u64 * 10, "20.1.1.1:1", 10.0));
            at += every;
        }
        assert_eq!(found(&play), ["eviction_pressure"], "{:?}", play.summary());
        let after = seconds_to(&play, "eviction_pressure", 2_000.0);
        assert!(after <= within, "{after}");
    }
    // A node that refuses all, because it can evict nobody.
    let mut play = Play::new();
    play.quiet(0, 700);
    for second in 700..760 {
        play.at(second.into(), line("connection_refused", "connection_refused", json!({ "reason": "FULL" })));
    }
    assert_eq!(found(&play), ["eviction_pressure"]);
}

#[test]
fn a_drop_of_inbound_peers_is_found_weak_and_strong() {
    for (count, every) in [(30, 0.1), (10, 25.0)] {
        let mut play = Play::new();
        with_peers(&mut play, 40, addr);
        assert_eq!(found(&play), [""; 0]);
        let mut at = 1_500.0;
        for peer in 100..100 + count {
            play.at(at, ends(peer, &addr(peer), "Inbound", 2.0));
            at += every;
        }
        play.quiet(at as u32, at as u32 + 60);
        assert_eq!(found(&play), ["inbound_drop"], "{:?}", play.summary());
        assert!(seconds_to(&play, "inbound_drop", 1_500.0) <= every * count as f64 + 30.0);
        assert!(
            play.summary().iter().any(|line| line.contains(&format!("lost {count} peers within 300 s"))),
            "{:?}",
            play.summary()
        );
    }
}

#[test]
fn peers_that_are_evicted_or_leave_one_by_one_or_with_the_node_are_no_drop() {
    // Evicted ones.
    let mut play = Play::with(&["eviction_pressure.enabled=false"]);
    with_peers(&mut play, 40, addr);
    for peer in 100..130 {
        play.at(1_500.0, evicted(peer, &addr(peer), 2.0)).at(1_500.1, ends(peer, &addr(peer), "Inbound", 2.0));
    }
    // Crawlers and spies that come and go.
    for second in 1_500..1_800u32 {
        let peer = 1_000 + u64::from(second);
        play.at(second.into(), opens(peer, &addr(peer), "Inbound", 1));
        play.at(f64::from(second) + 0.5, ends(peer, &addr(peer), "Inbound", second.into()));
        if second % 45 == 0 {
            let old = 130 + u64::from(second - 1_500) / 45;
            play.at(f64::from(second) + 0.6, ends(old, &addr(old), "Inbound", 2.0));
        }
    }
    assert_eq!(found(&play), ["inbound_flood"], "they come as a flood here, and are no drop");
    // The node ends, and comes back.
    let mut play = Play::new();
    with_peers(&mut play, 40, addr);
    for peer in (0..10).chain(100..140) {
        let kind = if peer < 10 { "OutboundFullRelay" } else { "Inbound" };
        play.at(1_500.0, ends(peer, &addr(peer), kind, 2.0));
    }
    play.at(1_501.0, line("node_stopped", "node_stopped", json!({})));
    for second in 1_502..1_510 {
        play.at(second.into(), status("rpc", "GONE", Some("process 1 has ended")));
    }
    play.at(1_510.0, line("node_started", "node_started", json!({ "version": "Bitcoin Core version v31.0.0" })));
    for peer in 0..40 {
        play.at(1_511.0, opens(peer, &addr(peer), if peer < 10 { "OutboundFullRelay" } else { "Inbound" }, 1));
    }
    play.quiet(1_511, 2_500);
    assert_eq!(found(&play), [""; 0], "{:?}", play.summary());
}

#[test]
fn outbound_peers_that_are_gone_at_once_are_reported() {
    let mut play = Play::new();
    with_peers(&mut play, 0, addr);
    for peer in 0..3 {
        play.at(1_500.0, ends(peer, &addr(peer), "OutboundFullRelay", 2.0));
    }
    play.quiet(1_500, 1_700);
    assert_eq!(found(&play), [""; 0], "three are not all of them");
    for peer in 3..10 {
        play.at(1_700.0, ends(peer, &addr(peer), if peer < 8 { "OutboundFullRelay" } else { "BlockRelayOnly" }, 2.0));
    }
    play.quiet(1_700, 1_760);
    assert_eq!(found(&play), ["outbound_drop"]);
    assert_eq!(play.summary(), ["outbound_drop: node alice lost 7 peers within 120 s, 100 % of its outbound ones."]);
}

#[test]
fn an_autonomous_system_that_is_gone_or_visits_often_is_reported() {
    // Six peers of AS64500 leave, and those of others stay.
    let of = |peer: u64| if (100..106).contains(&peer) { format!("8.{peer}.1.1:8333") } else { addr(peer) };
    let mut play = with_asmap(&["outbound_concentrated.enabled=false"]);
    with_peers(&mut play, 40, of);
    for peer in 100..106 {
        play.at(1_500.0, ends(peer, &of(peer), "Inbound", 2.0));
    }
    play.quiet(1_500, 1_600);
    assert_eq!(found(&play), ["as_drop"]);
    assert_eq!(play.summary(), ["as_drop: 6 peers of AS64500 are gone within 60 s; 0 are left."]);

    // A large honest fleet of one system comes and stays; then somebody in it visits for a minute each.
    let mut play = with_asmap(&["inbound_flood.enabled=false", "subnet_flood.enabled=false"]);
    play.quiet(0, 100);
    for peer in 0..150 {
        play.at(100.0 + peer as f64, opens(peer, &format!("8.{peer}.1.1:8333"), "Inbound", 1));
    }
    play.quiet(250, 1_000);
    assert_eq!(found(&play), [""; 0]);
    for peer in 1_000..1_130u64 {
        let (at, addr) = (peer as f64, format!("8.7.{}.1:5000", peer % 250));
        play.at(at, opens(peer, &addr, "Inbound", 1)).at(at + 0.9, ends(peer, &addr, "Inbound", at));
    }
    assert_eq!(found(&play), ["as_visits"], "{:?}", play.summary());
}

#[test]
fn slots_are_counted_by_what_the_node_says() {
    for (setup, inbound, relay, full) in [
        // v31 has 114 of them, v32 189, of which 94 may relay; both unless debug.log says otherwise.
        (vec![version(310_000, &json!({}))], 112, true, true),
        (vec![version(310_000, &json!({}))], 100, true, false),
        (vec![version(320_000, &json!({}))], 112, false, false),
        (vec![version(320_000, &json!({}))], 92, true, true),
        (vec![version(320_000, &json!({})), text("Command-line arg: inboundrelaypercent=\"80\"")], 112, true, false),
        (
            vec![
                text("Using at most 60 automatic connections (1024 file descriptors available)"),
                version(310_000, &json!({})),
            ],
            48,
            true,
            true,
        ),
        (vec![], 112, true, false),
    ] {
        let mut play = Play::with(&["inbound_flood.enabled=false", "inbound_drop.enabled=false"]);
        setup.into_iter().for_each(|event| {
            play.at(0.0, event);
        });
        for second in (0..300).step_by(10) {
            let list = (0..inbound)
                .map(|peer| (peer, addr(peer), "inbound", json!({ "relay_transactions": relay, "version": 70_016 })));
            play.quiet(second, second + 10).at(f64::from(second + 10), peers(list));
        }
        assert_eq!(
            found(&play),
            if full { vec!["slots_full"] } else { vec![] },
            "{inbound} {relay}: {:?}",
            play.summary()
        );
    }
}

#[test]
fn a_web_page_that_probes_the_port_is_reported_and_a_proxy_is_not() {
    let mut play = Play::new();
    play.quiet(0, 100);
    for peer in 1..=2 {
        let addr = format!("127.0.0.1:{}", 50_000 + peer);
        play.at(100.0, opens(peer, &addr, "Inbound", 0)).at(103.0, given_up(peer, "SOCKET_CLOSED"));
        play.at(103.1, ends(peer, &addr, "Inbound", 100.0));
    }
    play.quiet(104, 130);
    assert_eq!(found(&play), ["local_probe"], "{:?}", play.summary());
    // What is behind a proxy introduces itself, mostly.
    let mut play = Play::new();
    play.quiet(0, 100);
    for peer in 1..=9u64 {
        let (addr, at) = (format!("127.0.0.1:{}", 50_000 + peer), 100.0 + peer as f64);
        play.at(at, opens(peer, &addr, "Inbound", 0));
        if peer % 3 > 0 {
            play.at(at, message(peer, &addr, true, "version", json!({ "version": 70_016, "nonce": peer })));
        }
        play.at(at + 5.0, ends(peer, &addr, "Inbound", at));
    }
    // And Tor has a network of its own.
    for peer in 20..=30u64 {
        let addr = format!("127.0.0.1:{}", 50_000 + peer);
        play.at(120.0, opens(peer, &addr, "Inbound", 3)).at(121.0, ends(peer, &addr, "Inbound", 120.0));
    }
    play.quiet(121, 150);
    assert_eq!(found(&play), [""; 0], "{:?}", play.summary());
}
