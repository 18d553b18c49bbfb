//! Detectors of blocks.

use serde_json::json;

use super::node::{Quiet as _, addr, chain, found, given_up, hash, headers, line, peers, synced, tip};
use super::play::{Event, Play, message, opened};

const PEER: &str = "8.8.4.4:8333";

/// A node that has caught up.
fn caught_up(set: &[&str]) -> Play {
    let mut play = Play::with(set);
    play.at(0.0, synced(1_000)).quiet(1, 120).at(120.0, opened(1, PEER)).quiet(121, 400);
    play
}

/// One that catches up.
fn catching_up() -> Play {
    let mut play = Play::new();
    play.at(0.0, chain(100, 900_000, true)).quiet(1, 400).at(400.0, opened(1, PEER));
    play
}

fn block(number: u32) -> Event {
    let header = json!({ "hash": hash(number), "prev_blockhash": hash(number - 1), "merkle_root": hash(0), "time": 1_769_860_800 });
    message(1, PEER, true, "block", json!({ "header": header }))
}

#[test]
fn peers_that_hold_up_blocks_are_reported() {
    let mut play = caught_up(&[]);
    play.at(400.0, given_up(1, "BLOCK_DOWNLOAD_TIMEOUT")).quiet(401, 420);
    assert_eq!(found(&play), ["block_stalling"]);
    assert_eq!(play.alerts()[0].subject.text, PEER);
    // While a node catches up, some are given up; many are an attack.
    let mut play = catching_up();
    for peer in 0..8u32 {
        play.at(400.0 + 30.0 * f64::from(peer), given_up(u64::from(peer) + 5, "STALLING_BLOCKS"));
    }
    play.quiet(640, 700);
    assert_eq!(found(&play), [""; 0]);
    for peer in 0..8u32 {
        play.at(700.0 + f64::from(peer), given_up(u64::from(peer) + 25, "STALLING_BLOCKS"));
    }
    play.quiet(708, 720);
    assert_eq!(found(&play), ["block_stalling"], "{:?}", play.summary());
}

#[test]
fn a_block_that_is_withheld_is_reported() {
    let poll = |inflight: &[u64]| peers([(1, PEER.to_owned(), "inbound", json!({ "inflight": inflight }))]);
    for (seconds, expected) in [(60, &[][..]), (180, &["block_withheld"][..])] {
        let mut play = caught_up(&[]);
        for second in (0..seconds).step_by(10) {
            play.at(f64::from(400 + second), poll(&[1_001])).quiet(400 + second, 410 + second);
        }
        play.at(f64::from(400 + seconds), poll(&[])).quiet(400 + seconds, 500 + seconds);
        assert_eq!(found(&play), expected);
        assert!(play.summary().iter().all(|line| line.starts_with("over: ")), "{:?}", play.summary());
    }
}

#[test]
fn mutated_and_invalid_blocks_are_reported_each_as_what_it_is() {
    let checked = |number: u32, state: &str| {
        line(
            "block_checked_log",
            "block_checked_log",
            json!({ "block_hash": hash(number), "state": state, "debug_message": "" }),
        )
    };
    let mut play = caught_up(&[]);
    play.at(400.0, checked(1_001, "Valid")).at(401.0, checked(1_002, "bad-txnmrklroot"));
    play.at(401.1, line("mutated_block", "mutated_block", json!({ "peer_id": 1, "state": "" }))).quiet(402, 420);
    assert_eq!(found(&play), ["mutated_block"], "{:?}", play.summary());
    assert_eq!(play.alerts()[0].subject.text, PEER);
    assert!(play.summary()[0].ends_with("sent a block that was changed: bad_txnmrklroot."), "{:?}", play.summary());
    play.at(420.0, checked(1_003, "bad-blk-sigops"));
    assert_eq!(found(&play), ["mutated_block", "invalid_block"]);
    assert_eq!(play.alerts()[1].subject.text, hash(1_003));

    // By the tracepoint alone.
    let mut play = caught_up(&[]);
    play.at(400.0, ("misbehaving_connection", json!({ "id": 1, "message": "mutated block" }))).quiet(401, 420);
    assert_eq!(found(&play), ["mutated_block"]);
}

#[test]
fn spam_of_headers_is_found_weak_and_strong_and_a_sync_is_none() {
    for (count, every, messages) in [(2_000, 1.0, 6), (1, 2.0, 150)] {
        let mut play = caught_up(&[]);
        let mut at = 400.0;
        for _ in 0..messages {
            play.at(at, headers(1, PEER, 400.0, 2, count));
            at += every;
        }
        play.quiet(at as u32, at as u32 + 10);
        assert_eq!(found(&play), ["header_spam"], "{:?}", play.summary());
    }
    let mut play = caught_up(&[]);
    play.at(400.0, ("misbehaving_connection", json!({ "id": 1, "message": "header with invalid proof of work" })));
    play.quiet(401, 420);
    assert_eq!(found(&play), ["header_spam"]);
    // An initial sync, and a burst of blocks that fifty peers announce.
    let mut play = catching_up();
    for second in 400..410 {
        play.at(second.into(), headers(1, PEER, f64::from(second), 2, 2_000));
    }
    assert_eq!(found(&play), [""; 0]);
    let mut play = caught_up(&[]);
    for number in 1_001..1_021 {
        for peer in 2..52 {
            let at = 400.0 + f64::from(number - 1_001) * 20.0 + peer as f64 / 100.0;
            play.at(at, headers(peer, &addr(peer), at, number, 1));
        }
        let at = 405.0 + f64::from(number - 1_001) * 20.0;
        play.at(at, tip(at, number, number)).quiet(at as u32 + 1, at as u32 + 14);
    }
    assert_eq!(found(&play), [""; 0], "{:?}", play.summary());
}

#[test]
fn a_block_that_is_sent_again_is_reported() {
    let mut play = caught_up(&[]);
    play.at(400.0, block(7)).at(401.0, block(8)).quiet(402, 1_500).at(1_500.0, block(7)).quiet(1_500, 1_600);
    assert_eq!(found(&play), [""; 0]);
    play.at(1_600.0, block(7));
    assert_eq!(found(&play), ["block_repeated"]);
}

#[test]
fn a_deep_reorganisation_and_two_blocks_of_one_height_are_reported() {
    let mut play = caught_up(&[]);
    for (second, height, number) in
        [(400, 1_001, 1), (410, 1_002, 2), (420, 1_001, 1), (421, 1_002, 3), (422, 1_003, 4)]
    {
        play.at(second.into(), tip(second.into(), height, number));
    }
    play.quiet(423, 440);
    assert_eq!(found(&play), ["double_block"], "one block deep is usual: {:?}", play.summary());
    for (second, height, number) in
        [(540, 1_002, 3), (541, 1_001, 1), (541, 1_002, 5), (541, 1_003, 6), (541, 1_004, 7)]
    {
        play.at(second.into(), tip(second.into(), height, number));
    }
    assert_eq!(found(&play), ["double_block", "reorg"], "{:?}", play.summary());
    assert!(
        play.summary().iter().any(|line| line == "reorg: node alice left 2 blocks of its chain for others."),
        "{:?}",
        play.summary()
    );
    let alerts = play.alerts();
    let incident = |detector: &str| alerts.iter().find(|alert| alert.detector == detector).map(|alert| &alert.incident);
    assert_eq!(incident("reorg"), incident("double_block"));

    // By category validation alone.
    let mut play = caught_up(&[]);
    let gone = |height: u32| {
        line(
            "block_disconnected_log",
            "block_disconnected_log",
            json!({ "block_hash": hash(height), "block_height": height }),
        )
    };
    play.at(400.0, gone(1_000)).at(400.1, gone(999)).at(400.2, gone(998));
    assert_eq!(found(&play), ["reorg"]);
}

#[test]
fn compact_blocks_that_need_requests_are_reported_when_nearly_all_do() {
    for (of_ten, expected) in [(5, &[][..]), (10, &["low_reconstruction"][..])] {
        let mut play = caught_up(&["low_reconstruction.warm_up=0"]);
        for number in 0..20u32 {
            let at = 400.0 + 60.0 * f64::from(number);
            let requested = if number % 10 < of_ten { 3 } else { 0 };
            let block = json!({ "block_hash": hash(2_000 + number), "prefilled": 1, "from_mempool": 3_000, "requested": requested });
            play.at(at, headers(1, PEER, at, 2_000 + number, 1));
            play.at(at + 0.5, line("compact_block_reconstructed", "compact_block_reconstructed", block));
            play.at(at + 1.0, tip(at, 1_001 + number, 2_000 + number)).quiet(at as u32 + 2, at as u32 + 59);
        }
        assert_eq!(found(&play), expected, "{:?}", play.summary());
    }
}
