//! Detectors of what the node says of its own state.

use serde_json::json;

use super::node::{Quiet as _, addr, found, given_up, line, peers, text, version};
use super::play::Play;

#[test]
fn what_the_node_says_of_its_own_state_is_reported() {
    let mut play = Play::new();
    play.quiet(0, 100);
    let limit =
        json!({ "begins": true, "location": "net.cpp:5", "function": "f", "bytes": 1_048_576, "window": 3_600 });
    play.at(100.0, line("log_rate_limit", "log_rate_limit", limit)).quiet(101, 110);
    assert_eq!(
        play.summary(),
        ["log_rate_limit: node alice suppresses what \"net.cpp:5 (f)\" logs, after 1048576 bytes within 3600 s."]
    );

    for (count, expected) in [(1, &[][..]), (6, &["self_connections"][..])] {
        let mut play = Play::new();
        play.quiet(0, 100);
        (0..count).for_each(|peer| {
            play.at(100.0 + peer as f64 * 20.0, given_up(peer, "SELF_CONNECTION"));
        });
        play.quiet(220, 230);
        assert_eq!(found(&play), expected);
    }

    let disk = |available: u64| {
        let system = json!({ "name": "datadir", "size": 2_000_000_000_000u64, "available": available });
        ("node_process", json!({ "pid": 1, "started_ns": 5, "filesystems": [system] }))
    };
    let mut play = Play::new();
    play.at(0.0, disk(300_000_000_000)).quiet(1, 20);
    assert_eq!(found(&play), [""; 0]);
    play.at(20.0, disk(2_500_000_000));
    assert_eq!(play.summary(), ["disk_full: The file system of node alice (\"datadir\") has 2.50 gigabytes left."]);

    let warns = |text: &str| version(310_000, &json!({ "warnings": [text] }));
    let mut play = Play::new();
    play.at(0.0, warns("This is a pre-release test build - use at your own risk")).quiet(1, 20);
    play.at(20.0, text("Leaving InitialBlockDownload (latching to false)"));
    assert_eq!(found(&play), [""; 0]);
    play.at(21.0, warns("Unknown new rules activated (versionbit 28)"));
    assert_eq!(found(&play), ["node_warning"]);
}

#[test]
fn a_clock_that_is_wrong_is_found_and_a_liar_is_not_believed() {
    let poll = |offsets: [i64; 8]| {
        let peer = |(id, offset): (usize, &i64)| {
            (id as u64, addr(id as u64), "outbound-full-relay", json!({ "time_offset": offset, "version": 70_016 }))
        };
        peers(offsets.iter().enumerate().map(peer))
    };
    let mut play = Play::new();
    play.at(0.0, poll([0, 1, -1, 5_000, 5_000, 0, 2, 3]))
        .quiet(1, 100)
        .at(100.0, poll([0, 1, -1, 5_000, 5_000, 0, 2, 3]));
    play.quiet(101, 150);
    assert_eq!(found(&play), [""; 0]);
    play.at(150.0, poll([90, 91, 89, 5_000, 90, 88, 92, 90])).quiet(151, 180);
    assert_eq!(found(&play), ["clock_off"], "{:?}", play.summary());
}
