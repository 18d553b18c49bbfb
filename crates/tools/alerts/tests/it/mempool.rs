//! Detectors of the mempool.

use serde_json::json;

use super::node::{Quiet as _, addr, found, hash, line, mempool, synced, tip};
use super::play::{Play, opened};

#[test]
fn a_mempool_that_fills_or_empties_suddenly_is_found() {
    let play = |steps: &[(u64, u64)], blocks: bool| {
        let mut play = Play::new();
        play.at(0.0, synced(1_000)).quiet(1, 700);
        for (index, (transactions, megabytes)) in steps.iter().enumerate() {
            let second = 700 + 60 * index as u32;
            play.at(second.into(), mempool(*transactions, *megabytes));
            if blocks {
                let height = 1_001 + index as u32;
                play.at(f64::from(second) + 1.0, tip(second.into(), height, height));
            }
            play.quiet(second + 2, second + 60);
        }
        found(&play).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // Filled within minutes, and emptied by nobody knows what.
    assert_eq!(play(&[(10_000, 30), (40_000, 60), (70_000, 100)], false), ["mempool_jump"]);
    assert_eq!(play(&[(60_000, 200), (58_000, 195), (20_000, 60)], false), ["mempool_jump"]);
    // A fee spike of 40 transactions a second, and a burst of blocks that takes nearly all.
    let spike: Vec<(u64, u64)> = (0..60).map(|minute| (50_000 + 2_400 * minute, 150 + 2 * minute)).collect();
    assert_eq!(play(&spike, false), [""; 0]);
    assert_eq!(play(&[(20_000, 60), (15_000, 40), (10_000, 30), (5_000, 15), (500, 1)], true), [""; 0]);
}

#[test]
fn a_peer_whose_transactions_are_refused_is_found() {
    let rejected = |peer: u64, number: u64| {
        let body =
            json!({ "txid": format!("{number:064x}"), "peer_id": peer, "reason": "bad-txns-inputs-missingorspent" });
        line("mempool_rejected_log", "mempool_rejected", body)
    };
    for (of_one, expected) in [(false, &[][..]), (true, &["rejections"][..])] {
        let mut play = Play::new();
        play.at(0.0, synced(1_000)).quiet(1, 30);
        (1..=40).for_each(|peer| {
            play.at(30.0 + peer as f64, opened(peer, &addr(peer)));
        });
        play.quiet(70, 700);
        for number in 0..900u64 {
            // A rush: all peers send some that are refused. One that floods sends two of three.
            let peer = if of_one && number % 3 > 0 { 7 } else { 1 + number % 40 };
            play.at(700.0 + number as f64 / 2.0, rejected(peer, number));
        }
        assert_eq!(found(&play), expected, "{:?}", play.summary());
    }
}

#[test]
fn replacement_cycling_is_found_and_fee_bumps_are_not() {
    let added = |number: u32| ("mempool_added", json!({ "txid": hash(number), "vsize": 200, "fee": 500 }));
    let replaced = |number: u32, by: u32| {
        (
            "mempool_replaced",
            json!({ "replaced_txid": hash(number), "replacement_id": hash(by), "replaced_by_transaction": true }),
        )
    };
    let mut play = Play::new();
    play.quiet(0, 10);
    // Fee bumps, each of another one.
    for number in 0..500 {
        let at = 10.0 + f64::from(number);
        play.at(at, added(number)).at(at + 0.1, replaced(number, number + 1));
    }
    play.quiet(510, 600);
    assert_eq!(found(&play), [""; 0]);
    // The victim's 9,000 is replaced by 9,001, which 9,002 replaces; and again.
    for cycle in 0..4u32 {
        let (at, of) = (600.0 + 60.0 * f64::from(cycle), 9_001 + 2 * cycle);
        play.at(at, added(9_000)).at(at + 1.0, replaced(9_000, of)).at(at + 1.0, added(of));
        play.at(at + 2.0, replaced(of, of + 1)).at(at + 2.0, added(of + 1)).quiet(at as u32 + 3, at as u32 + 60);
    }
    assert_eq!(found(&play), ["replacement_cycling"], "{:?}", play.summary());
}

#[test]
fn a_flood_of_orphans_is_found_by_log_and_by_rpc() {
    let stored =
        |peer: u64| line("orphan_transaction", "orphan_transaction", json!({ "action": "STORED", "peer_id": peer }));
    let held = |of: &dyn Fn(u64) -> u64| {
        let orphan = |number: u64| json!({ "txid": format!("{number:064x}"), "from": [of(number)], "transaction": { "raw": "" } });
        ("orphan_txs", json!({ "orphans": (0..100).map(orphan).collect::<Vec<_>>() }))
    };
    let start = || {
        let mut play = Play::with(&["orphan_flood.warm_up=0"]);
        play.at(0.0, synced(1_000)).quiet(1, 700);
        play
    };
    let mut play = start();
    // After a start all peers send some.
    for number in 0..400u64 {
        play.at(700.0 + number as f64 / 2.0, stored(number % 40));
    }
    play.at(900.0, held(&|number| number % 40)).quiet(901, 910);
    assert_eq!(found(&play), [""; 0]);
    for number in 0..600u64 {
        play.at(910.0 + number as f64 / 4.0, stored(7));
    }
    assert_eq!(found(&play), ["orphan_flood"], "{:?}", play.summary());
    let mut play = start();
    play.at(700.0, held(&|_| 7)).quiet(701, 720);
    assert_eq!(found(&play), ["orphan_flood"], "{:?}", play.summary());
}
