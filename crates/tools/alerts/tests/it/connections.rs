//! Detectors of connections.

use serde_json::json;

use super::node::line;
use super::play::{Play, closed, opened};

/// A connection each so many seconds, each closed after a minute, from the addresses that `addr` gives.
fn visits(play: &mut Play, from: u32, to: u32, every: f64, first: u64, addr: impl Fn(u64) -> String) {
    let mut peer = first;
    let mut at = f64::from(from);
    while at < f64::from(to) {
        play.at(at, opened(peer, &addr(peer)));
        if peer >= first + 60 {
            play.at(at, closed(peer - 60, &addr(peer - 60)));
        }
        peer += 1;
        at += every;
    }
}

fn anywhere(peer: u64) -> String {
    format!("{}.{}.7.9:50000", 20 + peer % 60, peer / 60 % 250)
}

fn of_a_subnet(peer: u64) -> String {
    format!("45.66.7.{}:50000", peer % 254 + 1)
}

#[test]
fn a_flood_from_a_subnet_is_one_incident() {
    let mut play = Play::new();
    play.calm(0, 700);
    visits(&mut play, 700, 1_000, 1.0, 1, of_a_subnet);
    let alerts = play.alerts();
    let names: Vec<&str> = alerts.iter().map(|alert| alert.detector.as_str()).collect();
    assert_eq!(names, ["inbound_flood", "subnet_flood"], "{:?}", play.summary());
    assert_eq!(alerts[0].incident, alerts[1].incident);
    assert_eq!(alerts[1].subject.text, "45.66.7.0/24");
    let after = (alerts[0].since_ns - play.ns(700.0)) / 1_000_000_000;
    assert!(after <= 60, "{after} s");
    let first = &play.changes[0];
    assert_eq!((first.updates, first.score < 2.0), (0, true), "{first:?}");
    // Changes are rare: one at the beginning, and one a minute.
    assert!(play.changes.len() < 16, "{}", play.changes.len());
    play.calm(1_000, 2_000);
    assert!(play.summary().iter().all(|line| line.starts_with("over: ")), "{:?}", play.summary());
}

#[test]
fn what_is_usual_at_a_node_and_its_start_are_no_flood() {
    // A start: all peers come back at once.
    let mut play = Play::new();
    visits(&mut play, 0, 120, 0.5, 1, anywhere);
    // Later some come and go. 20 a minute are lively.
    play.calm(120, 700);
    visits(&mut play, 700, 2_500, 3.0, 1_000, anywhere);
    assert_eq!(play.summary(), [""; 0]);
    // A restart.
    play.at(2_499.0, line("node_stopped", "node_stopped", json!({})));
    play.at(2_500.0, line("node_started", "node_started", json!({ "version": "Bitcoin Core version v31.0.0" })));
    visits(&mut play, 2_501, 2_700, 0.5, 1, anywhere);
    assert_eq!(play.summary(), [""; 0]);
    let nearest = play.engine.nearest();
    let (_, near) = nearest.iter().find(|(name, _)| *name == "inbound_flood").unwrap();
    let (node, near) = near.as_ref().unwrap();
    assert!(&**node == "alice" && near.silent && near.score > 1.0, "{near:?}");
}

#[test]
fn peers_that_come_back_together_are_no_flood() {
    // As when Tor, or the network of a provider, was away.
    let mut play = Play::new();
    play.calm(0, 700);
    visits(&mut play, 700, 705, 0.1, 1_000, anywhere);
    play.calm(705, 800);
    assert_eq!(play.summary(), [""; 0]);
}

#[test]
fn where_many_come_all_the_time_it_takes_more() {
    let mut play = Play::new();
    play.calm(0, 30);
    // 60 a minute for three hours: an alert in the beginning, until it is known as usual here.
    visits(&mut play, 30, 11_000, 1.0, 1, anywhere);
    assert_eq!(play.alerts().len(), 1, "{:?}", play.summary());
}

#[test]
fn hostile_numbers_of_subnets_cost_no_memory() {
    let mut play = Play::with(&["subnet_flood.connections=2", "inbound_flood.enabled=false"]);
    play.calm(0, 70);
    for round in 0..3 {
        for subnet in 0..1_000u64 {
            let addr = format!("{}.{}.{}.1:5000", 20 + subnet / 250, subnet % 250, subnet % 99);
            play.at(70.0 + f64::from(round), opened(subnet + round as u64 * 10_000, &addr));
        }
    }
    let alerts = play.alerts();
    assert_eq!(alerts.len(), alerts::MAX_SUBJECTS);
    play.calm(80, 200);
    assert!(play.changes.iter().any(|alert| alert.more_subjects > Some(700)), "it says that it is capped");
}
