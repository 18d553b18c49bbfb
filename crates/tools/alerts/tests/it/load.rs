//! Detectors of load.

use serde_json::{Value, json};

use super::node::{Quiet as _, addr, chain, found, hash, headers, peers, process, synced, tip, version};
use super::play::{Event, Play};

fn ping(seconds: f64) -> Event {
    ("ping_duration", json!({ "duration": (seconds * 1e9) as u64 }))
}

#[test]
fn a_backlog_of_announcements_is_found_before_and_after_version_32() {
    let queue =
        |waiting: u64| peers([(1, addr(1), "inbound", json!({ "inv_to_send": waiting, "last_inv_sequence": 5 }))]);
    let backlog = |waiting: u64| version(320_000, &json!({ "inbound_backlog": waiting, "outbound_backlog": 3 }));
    for report in [&queue as &dyn Fn(u64) -> Event, &backlog] {
        let mut play = Play::new();
        play.at(0.0, synced(5)).quiet(1, 60);
        // A fee spike: the queue grows to some thousands.
        for minute in 1..10u32 {
            play.at(f64::from(minute) * 60.0, report(u64::from(minute) * 700)).quiet(minute * 60, minute * 60 + 60);
        }
        assert_eq!(found(&play), [""; 0]);
        play.at(600.0, report(25_000)).quiet(600, 640);
        assert_eq!(found(&play), ["inv_backlog"], "{:?}", play.summary());
    }
}

#[test]
fn a_message_thread_that_is_saturated_is_found_and_a_sync_is_not() {
    for (initial, busy, expected) in [(false, 0.98, &["message_handler_busy"][..]), (false, 0.7, &[]), (true, 1.0, &[])]
    {
        let mut play = Play::new();
        play.at(0.0, chain(5, 5, initial));
        for second in (0..600).step_by(5) {
            play.at(second.into(), process(f64::from(second) * busy)).quiet(second + 1, second + 5);
        }
        assert_eq!(found(&play), expected, "{:?}", play.summary());
    }
    let mut play = Play::new();
    play.at(0.0, synced(5));
    for second in (0..100).step_by(10) {
        // A single slow answer is a block.
        play.at(second.into(), ping(if second % 30 == 0 { 4.0 } else { 0.01 })).quiet(second + 1, second + 10);
    }
    assert_eq!(found(&play), [""; 0]);
    for second in (100..200).step_by(10) {
        play.at(second.into(), ping(2.0)).quiet(second + 1, second + 10);
    }
    assert_eq!(found(&play), ["message_handler_busy"]);
}

#[test]
fn slow_blocks_are_found_inside_and_outside() {
    let connected = |number: u32, seconds: f64| {
        let ns = ((seconds * 1e9) as u64).to_string();
        (
            "block_connected",
            json!({ "hash": hash(number), "height": number, "transactions": 9, "inputs": 60_000, "sigops": 80_000, "connection_time": ns }),
        )
    };
    for (seconds, expected) in [(2.0, Value::Null), (12.0, json!("slow_block"))] {
        let mut play = Play::new();
        play.at(0.0, synced(5)).quiet(1, 700);
        play.at(700.0, headers(1, &addr(1), 700.0, 6, 1))
            .at(700.0 + seconds, connected(6, seconds))
            .at(713.0, tip(713.0, 6, 6));
        play.quiet(714, 730);
        assert_eq!(found(&play).first().map_or(Value::Null, |name| json!(name)), expected, "{:?}", play.summary());
    }
    // Old blocks while the node catches up.
    let mut play = Play::new();
    play.at(0.0, chain(5, 900, true)).quiet(1, 700).at(700.0, connected(6, 30.0)).quiet(701, 730);
    assert_eq!(found(&play), [""; 0]);

    let served =
        |seconds: u64| ("block_served", json!({ "block_hash": hash(7), "duration_ns": seconds * 1_000_000_000 }));
    let mut play = Play::new();
    play.at(0.0, synced(5)).quiet(1, 700).at(700.0, served(3));
    assert_eq!(found(&play), [""; 0]);
    play.at(701.0, served(15));
    assert_eq!(found(&play), ["slow_validation"]);
}
