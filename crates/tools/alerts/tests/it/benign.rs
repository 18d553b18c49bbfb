//! Lively traffic that is no attack: no detector of the families here reports anything.

use serde_json::{Value, json};

use super::node::{
    Quiet as _, addr, chain, ends, evicted, found, given_up, hash, headers, line, mempool, opens, peers, process,
    synced, tip, version,
};
use super::play::{Event, Play, message};

/// What is polled of a node with 40 peers, each so many seconds.
fn polled(play: &mut Play, from: u32, to: u32, more: &Value, also: impl Fn(u32) -> Vec<Event>) {
    for second in (from..to).step_by(10) {
        let kind = |peer: u64| if peer < 10 { "outbound-full-relay" } else { "inbound" };
        let peer = |peer: u64| (peer, addr(peer), kind(peer), more.clone());
        play.at(second.into(), peers((0..40).map(peer)));
        also(second).into_iter().for_each(|event| {
            play.at(f64::from(second) + 0.1, event);
        });
        play.quiet(second + 1, second + 10);
    }
}

fn start(play: &mut Play) {
    play.at(0.0, version(310_000, &json!({})));
    for peer in 0..40 {
        play.at(1.0, opens(peer, &addr(peer), if peer < 10 { "OutboundFullRelay" } else { "Inbound" }, 1));
    }
}

#[test]
fn an_initial_sync_is_quiet() {
    let mut play = Play::new();
    start(&mut play);
    polled(&mut play, 2, 1_502, &json!({ "inflight": [1, 2, 3, 4] }), |second| {
        let mut events = vec![chain(second * 50, 900_000, true), process(f64::from(second)), mempool(0, 1)];
        events.push(headers(second as u64 % 8, &addr(second as u64 % 8), 0.0, 2, 100));
        events.push((
            "block_connected",
            json!({ "hash": hash(second), "height": second * 50, "connection_time": "9000000000" }),
        ));
        if second % 120 == 2 {
            events.push(given_up(7, "STALLING_BLOCKS"));
        }
        events
    });
    assert_eq!(found(&play), [""; 0], "{:?}", play.summary());
}

#[test]
fn a_restart_and_a_mempool_that_loads_are_quiet() {
    let mut play = Play::new();
    start(&mut play);
    polled(&mut play, 2, 1_002, &json!({}), |_| vec![synced(1_000), mempool(80_000, 250)]);
    for peer in 0..40 {
        play.at(1_002.0, ends(peer, &addr(peer), if peer < 10 { "OutboundFullRelay" } else { "Inbound" }, 1.0));
    }
    play.at(1_003.0, line("node_stopped", "node_stopped", json!({})));
    play.at(1_015.0, line("node_started", "node_started", json!({ "version": "Bitcoin Core version v31.0.0" })));
    for peer in 0..40 {
        play.at(1_016.0, opens(peer, &addr(peer), if peer < 10 { "OutboundFullRelay" } else { "Inbound" }, 1));
    }
    polled(&mut play, 1_020, 2_520, &json!({}), |second| {
        // It is some blocks behind, and loads its mempool within minutes.
        let loads = u64::from(second - 1_020);
        let (_, mut loading) = mempool(80_000.min(loads * 400), 250.min(loads));
        loading["loaded"] = (loads > 260).into();
        let height = 1_000 + (second - 1_020) / 30;
        vec![chain(height, 1_060.max(height), false), ("mempool_info", loading)]
    });
    assert_eq!(found(&play), [""; 0], "{:?}", play.summary());
}

#[test]
fn a_burst_of_blocks_is_quiet() {
    let mut play = Play::new();
    start(&mut play);
    polled(&mut play, 2, 702, &json!({}), |_| vec![synced(1_000), mempool(60_000, 150)]);
    // Twelve blocks in four minutes: some have to be asked for, and the mempool empties.
    for index in 0..12u32 {
        let (at, height) = (710.0 + 20.0 * f64::from(index), 1_001 + index);
        for peer in 0..40 {
            play.at(at + peer as f64 / 50.0, headers(peer, &addr(peer), at, height, 1));
        }
        play.at(
            at + 1.0,
            message(
                3,
                &addr(3),
                false,
                "getblocktxn",
                json!({ "request": { "block_hash": hash(height), "tx_indexes": [1] } }),
            ),
        );
        play.at(
            at + 2.0,
            ("block_connected", json!({ "hash": hash(height), "height": height, "connection_time": "1500000000" })),
        );
        play.at(at + 2.1, tip(at, height, height))
            .at(at + 3.0, mempool(60_000 - 4_900 * u64::from(index + 1), 150 - 12 * u64::from(index + 1)));
        play.quiet(at as u32 + 4, at as u32 + 20);
    }
    polled(&mut play, 960, 1_600, &json!({}), |_| vec![synced(1_012), mempool(1_500, 3)]);
    assert_eq!(found(&play), [""; 0], "{:?}", play.summary());
}

#[test]
fn a_fee_spike_with_a_heavy_mempool_is_quiet() {
    let mut play = Play::new();
    start(&mut play);
    polled(&mut play, 2, 702, &json!({ "inv_to_send": 100, "last_inv_sequence": 5 }), |_| {
        vec![synced(1_000), mempool(40_000, 120)]
    });
    // 25 transactions a second for half an hour, up to the limit of the mempool; the thread is busy for two thirds of the time.
    polled(&mut play, 702, 2_202, &json!({ "inv_to_send": 9_000, "last_inv_sequence": 5 }), |second| {
        let passed = u64::from(second - 702);
        let height = 1_000 + (second - 702) / 600;
        let mut events =
            vec![process(passed as f64 * 0.66), mempool(40_000 + 25 * passed, (120 + passed / 20).min(299))];
        events.push(synced(height));
        for number in 0..20u64 {
            let rejected = json!({ "txid": format!("{number:064x}"), "peer_id": (passed + number) % 40, "reason": "min fee not met" });
            events.push(line("mempool_rejected_log", "mempool_rejected", rejected));
            events.push(("mempool_replaced", json!({ "replaced_txid": hash((passed * 20 + number) as u32), "replacement_id": hash(9), "replaced_by_transaction": true })));
        }
        // Peers come and go, and the node, which is full, evicts some.
        if second % 20 == 2 {
            let peer = 1_000 + u64::from(second);
            events.push(opens(peer, &addr(peer), "Inbound", 1));
            events.push(evicted(peer, &addr(peer), second.into()));
            events.push(ends(peer, &addr(peer), "Inbound", second.into()));
        }
        events
    });
    assert_eq!(found(&play), [""; 0], "{:?}", play.summary());
}
