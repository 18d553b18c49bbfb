//! Detectors of eclipses and partitions.

use serde_json::json;

use super::node::{Quiet as _, addr, chain, ends, found, hash, line, opens, peers, synced, tip};
use super::play::{Event, Play, message, up};
use super::traffic::with_asmap;

/// Outbound peers in getpeerinfo.
fn outbound(addrs: &[String]) -> Event {
    let kind = |index: usize| if index < 8 { "outbound-full-relay" } else { "block-relay-only" };
    peers(
        addrs
            .iter()
            .enumerate()
            .map(|(index, addr)| (index as u64, addr.clone(), kind(index), json!({ "network": "ipv4" }))),
    )
}

fn poll(play: &mut Play, addrs: &[String]) {
    for second in (0..600).step_by(20) {
        play.at(second.into(), outbound(addrs)).quiet(second + 1, second + 20);
    }
}

#[test]
fn outbound_peers_with_one_origin_are_found() {
    let spread: Vec<String> = (0..10).map(addr).collect();
    let in_as = |count: u64| {
        (0..10).map(|peer| if peer < count { format!("8.{peer}.1.1:8333") } else { addr(peer) }).collect::<Vec<_>>()
    };
    let in_group = |count: u64| {
        (0..10).map(|peer| if peer < count { format!("77.7.{peer}.1:8333") } else { addr(peer) }).collect::<Vec<_>>()
    };
    for (addrs, subject) in [
        (spread.clone(), None),
        (in_as(3), None),
        (in_as(6), Some("AS64500")),
        (in_group(1), None),
        (in_group(4), Some("77.7.0.0/16")),
        (in_as(4)[..4].to_vec(), None),
    ] {
        // All else is AS64501 in the map of the tests.
        let mut play = with_asmap(&["outbound_concentrated.share=0.55"]);
        poll(&mut play, &addrs);
        let subjects: Vec<&str> = play
            .alerts()
            .iter()
            .filter(|alert| alert.detector == "outbound_concentrated" && alert.subject.text != "AS64501")
            .map(|alert| alert.subject.text.as_str())
            .collect();
        assert_eq!(subjects.first().copied(), subject, "{:?}", play.summary());
    }
    // Who gossiped their addresses, by the address manager.
    for (known, subject) in [(2, None), (7, Some("99.9.9.0/24"))] {
        let mut play = Play::new();
        play.at(0.0, outbound(&spread));
        let entry = |peer: u64| {
            let ip = addr(peer).replace(":8333", "");
            let source = if peer < known { "99.9.9.9".to_owned() } else { ip.clone() };
            json!({ "address": ip, "port": 8333, "network": "ipv4", "source": source, "source_network": "ipv4" })
        };
        let entries: serde_json::Map<String, serde_json::Value> =
            (0..10).map(|peer| (peer.to_string(), entry(peer))).collect();
        play.at(1.0, ("addrman", json!({ "new": { "5": { "entries": entries } }, "tried": {} })));
        poll(&mut play, &spread);
        assert_eq!(play.alerts().first().map(|alert| alert.subject.text.as_str()), subject, "{:?}", play.summary());
    }
}

#[test]
fn outbound_peers_that_are_replaced_are_found() {
    for (replaced, expected) in [(3, &[][..]), (9, &["outbound_replaced"][..])] {
        let mut play = Play::with(&["outbound_drop.enabled=false"]);
        play.quiet(0, 2);
        for peer in 0..10 {
            play.at(2.0, opens(peer, &addr(peer), "OutboundFullRelay", 1));
        }
        play.quiet(3, 2_000);
        for peer in 0..replaced {
            let at = 2_000.0 + 60.0 * peer as f64;
            play.at(at, ends(peer, &addr(peer), "OutboundFullRelay", 2.0));
            play.at(at + 5.0, opens(peer + 50, &addr(peer + 50), "OutboundFullRelay", 1))
                .quiet(at as u32 + 6, at as u32 + 60);
        }
        assert_eq!(found(&play), expected, "{:?}", play.summary());
    }
}

#[test]
fn a_tip_that_is_old_and_headers_without_blocks_are_found() {
    let mut play = Play::new();
    // An hour without a block is no news, two hours are. Regtest has blocks as it likes.
    play.at(0.0, synced(5)).quiet(1, 3_600);
    assert_eq!(found(&play), [""; 0]);
    play.quiet(3_600, 5_500);
    assert_eq!(found(&play), ["stale_tip"]);
    play.at(5_500.0, synced(6)).quiet(5_500, 5_600);
    assert!(play.summary()[0].starts_with("over: "), "{:?}", play.summary());

    for (seconds, expected) in [(500, &[][..]), (800, &["headers_ahead"][..])] {
        let mut play = Play::new();
        play.at(0.0, synced(5)).quiet(1, 2_000).at(2_000.0, chain(5, 6, false)).quiet(2_001, 2_000 + seconds);
        play.at(f64::from(2_000 + seconds), synced(6)).quiet(2_000 + seconds, 2_100 + seconds);
        assert_eq!(found(&play), expected);
        assert!(play.summary().iter().all(|line| line.starts_with("over: ")), "{:?}", play.summary());
    }
}

/// Both nodes are there for some time.
fn both(play: &mut Play, from: u32, to: u32) {
    for second in from..to {
        play.at(second.into(), up("rpc")).of_node("bob", f64::from(second) + 0.5, up("rpc"));
    }
}

#[test]
fn nodes_that_differ_are_found() {
    // Bob gets no blocks any more.
    let mut play = Play::new();
    play.at(0.0, synced(5)).of_node("bob", 0.5, synced(5));
    both(&mut play, 1, 700);
    play.at(700.0, synced(6));
    both(&mut play, 701, 1_000);
    assert_eq!(found(&play), [""; 0], "one block is nothing: {:?}", play.summary());
    play.at(1_000.0, synced(7));
    both(&mut play, 1_001, 1_100);
    play.of_node("bob", 1_100.0, synced(7));
    both(&mut play, 1_101, 1_200);
    assert_eq!(found(&play), [""; 0], "he was slow: {:?}", play.summary());
    play.at(1_200.0, synced(9));
    both(&mut play, 1_201, 1_500);
    assert_eq!(play.summary(), ["node_behind: node bob is 2 blocks behind node \"alice\"."]);

    // They have different blocks at one height.
    let mut play = Play::new();
    play.at(0.0, synced(5)).of_node("bob", 0.5, synced(5));
    both(&mut play, 1, 700);
    play.at(700.0, tip(700.0, 6, 60)).of_node("bob", 700.5, tip(700.0, 6, 61));
    both(&mut play, 701, 1_300);
    assert_eq!(found(&play), [""; 0], "until the next block that is usual");
    both(&mut play, 1_300, 2_700);
    assert_eq!(found(&play), ["chain_split"]);
    assert_eq!(play.alerts()[0].nodes.len() + play.alerts().get(1).map_or(0, |alert| alert.nodes.len()), 2);

    // Bob takes alice's block to be invalid.
    let checked = json!({ "block_hash": hash(6), "state": "bad-version", "debug_message": "" });
    let mut play = Play::new();
    play.at(0.0, synced(5)).of_node("bob", 0.5, synced(5));
    play.at(10.0, tip(10.0, 6, 6)).of_node("bob", 10.5, line("block_checked_log", "block_checked_log", checked));
    both(&mut play, 11, 40);
    assert_eq!(found(&play), ["invalid_block", "rules_split"], "{:?}", play.summary());
    assert!(play.alerts().windows(2).all(|pair| pair[0].incident == pair[1].incident));
}

#[test]
fn peers_that_are_stuck_at_one_height_are_found() {
    // A new tip and a new peer each 90 s, of which some are stuck at 20,010.
    for (stuck, expected) in [(false, &[][..]), (true, &["peers_stuck"][..])] {
        let mut play = Play::with(&["peers_stuck.lasts=1800"]);
        play.at(0.0, synced(20_000));
        for round in 0..60u32 {
            let (at, height) = (f64::from(round) * 90.0, 20_000 + round);
            play.at(at, tip(at, height, height));
            let claimed = if stuck && round % 3 == 0 { 20_010.min(height) } else { height };
            let (peer, addr) = (u64::from(round), addr(round.into()));
            play.at(
                at + 1.0,
                message(
                    peer,
                    &addr,
                    true,
                    "version",
                    json!({ "version": 70_016, "nonce": peer, "start_height": claimed }),
                ),
            );
            // And a wallet that has claimed the same old height for years.
            let wallet = json!({ "version": 70_016, "nonce": peer + 500, "start_height": 500 });
            play.at(at + 2.0, message(peer + 500, &super::node::addr(peer + 500), true, "version", wallet));
            play.quiet(at as u32 + 3, at as u32 + 90);
        }
        assert_eq!(
            found(&play).into_iter().filter(|name| *name == "peers_stuck").collect::<Vec<_>>(),
            expected,
            "{:?}",
            play.summary()
        );
    }
}
