//! Detectors of what is wrong with observing.

use serde_json::json;

use super::node::{found, line, version};
use super::play::{Play, status, up};

#[test]
fn a_node_that_is_gone_is_reported_and_a_restart_is_not() {
    let mut play = Play::new();
    play.calm(0, 100);
    for second in 100..110 {
        play.at(f64::from(second), status("rpc", "GONE", Some("process 123 has ended")));
    }
    play.calm(110, 200);
    assert_eq!(play.summary(), [""; 0], "a restart");
    for second in 200..260 {
        play.at(f64::from(second), status("rpc", "GONE", Some("process 123 has ended")));
    }
    assert_eq!(play.summary(), ["node_gone: node alice is gone: \"process 123 has ended\"."]);
    assert_eq!(play.alerts()[0].since_ns, play.ns(200.0));
    play.calm(260, 270);
    assert!(play.summary()[0].starts_with("over: "), "at once, when it is back: {:?}", play.summary());
}

#[test]
fn an_extractor_that_falls_silent_is_reported() {
    let mut play = Play::new();
    for second in 0..60 {
        play.at(f64::from(second), up("rpc")).at(f64::from(second), up("log"));
    }
    play.calm(60, 180);
    assert_eq!(
        play.summary(),
        ["source_silent: Extractor log of node alice is silent, so what it reports is missing."]
    );
    for second in 180..240 {
        play.at(f64::from(second), up("rpc")).at(f64::from(second), up("log"));
    }
    assert!(play.summary()[0].starts_with("over: "), "{:?}", play.summary());
}

#[test]
fn losses_are_reported_when_they_are_many() {
    let mut play = Play::new();
    play.calm(0, 10).lost(10.0, 900);
    assert_eq!(play.summary(), [""; 0]);
    play.calm(10, 60).lost(60.0, 900);
    let summary = play.summary();
    assert_eq!(summary, ["event_loss: Of node alice, 1800 events were lost within 600 s, the last ones at \"queue\"."]);
}

#[test]
fn restarts_are_reported_unless_the_node_had_ended_in_good_order() {
    let stopped = || line("node_stopped", "node_stopped", json!({}));
    let started = || line("node_started", "node_started", json!({ "version": "Bitcoin Core version v31.0.0" }));
    let mut play = Play::new();
    play.calm(0, 100).at(100.0, stopped()).at(110.0, started()).calm(111, 300);
    assert_eq!(play.summary(), [""; 0]);
    play.at(300.0, started()).calm(301, 310);
    assert_eq!(found(&play), ["node_restarted"]);
    assert!(play.summary()[0].contains("had not ended in good order"), "{:?}", play.summary());

    // Three within an hour are too many.
    let mut play = Play::new();
    for round in 1..=3 {
        let at = 600.0 * f64::from(round);
        play.calm(600 * round - 599, 600 * round).at(at, stopped()).at(at + 5.0, started());
    }
    assert_eq!(play.summary(), ["node_restarted: node alice was restarted 3 times within 3600 s."]);
}

#[test]
fn another_version_is_reported() {
    let mut play = Play::new();
    play.at(0.0, version(310_000, &json!({}))).calm(1, 60).at(60.0, version(310_000, &json!({})));
    assert_eq!(play.summary(), [""; 0]);
    play.at(61.0, version(320_000, &json!({})));
    assert_eq!(
        play.summary(),
        ["version_changed: node alice is \"/Satoshi:32.0.0/\" now; it was \"/Satoshi:31.0.0/\"."]
    );
}
