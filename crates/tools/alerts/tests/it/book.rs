//! What becomes of reports: one alert for one thing, whatever comes twice, late, at several nodes, or after a restart.

use std::sync::Arc;

use alert_state::Store;
use alerts::{Engine, Settings};
use event::pb::alerts::State;
use networks::Enrichment;

use super::play::{Play, addresses, opened, up};
use super::traffic::with_asmap;

const PEER: &str = "8.8.4.4:50000";

fn flood(play: &mut Play, node: &str, from: u32, to: u32) {
    play.of_node(node, from.into(), opened(1, PEER));
    for second in from..to {
        play.of_node(node, second.into(), addresses(1, PEER, 10));
    }
}

#[test]
fn the_same_at_several_nodes_is_one_alert() {
    let mut play = Play::with(&["source_silent.enabled=false"]);
    play.at(0.0, up("rpc")).of_node("bob", 0.0, up("rpc"));
    flood(&mut play, "alice", 10, 40);
    flood(&mut play, "bob", 40, 70);
    let alerts = play.alerts();
    assert_eq!(alerts.len(), 1, "{:?}", play.summary());
    assert_eq!(alerts[0].nodes, ["alice", "bob"]);
    assert!(
        play.changes.iter().any(|change| change.nodes.len() == 2),
        "that it is at another node is reported at once"
    );
}

#[test]
fn clocks_that_jump_and_events_that_repeat_are_no_alert() {
    let mut play = Play::new();
    play.calm(0, 60);
    // Repeated: the same records again, many times.
    let mut some = Play::new();
    some.at(60.0, opened(1, PEER)).at(61.0, addresses(1, PEER, 10));
    for record in some.records.iter().cycle().take(2_000) {
        play.take(Arc::clone(record));
    }
    // A clock that is an hour ahead for a moment, then an hour behind for good.
    play.calm(62, 100).at(3_700.0, up("rpc")).calm(100, 120);
    for second in 0..200 {
        play.at(f64::from(second) - 3_600.0, up("rpc"));
    }
    // A gap of a day.
    play.calm(86_400, 86_600);
    assert_eq!(play.summary(), [""; 0]);
    assert!(play.engine.repeated() > 900);
}

#[test]
fn a_restart_neither_raises_again_nor_forgets() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("alerts.db")).unwrap();
    let mut play = Play::new();
    play.calm(0, 10);
    flood(&mut play, "alice", 10, 100);
    let id = play.alerts()[0].id.clone();
    let last = play.changes.last().unwrap().clone();
    store.keep(&[("peer 8.8.4.4".into(), last)]).unwrap();

    let open = store.open_alerts().unwrap();
    let mut after = Play::of(Engine::new(Settings::default(), Enrichment::default(), open));
    after.run = 8;
    after.calm(120, 130);
    flood(&mut after, "alice", 130, 200);
    assert!(after.changes.iter().all(|change| change.id == id), "{:?}", after.summary());
    after.calm(200, 1_200);
    assert_eq!(after.changes.last().map(|change| (change.id.as_str(), change.state())), Some((&*id, State::Resolved)));
}

#[test]
fn peers_of_one_autonomous_system_are_one_incident() {
    let mut play = with_asmap(&["source_silent.enabled=false"]);
    play.at(0.0, up("rpc")).of_node("bob", 0.0, up("rpc"));
    // 8.0.0.0/8 is one autonomous system, and the rest another one.
    for (node, id, from, addr) in
        [("alice", 1, 10, "8.8.4.4:50000"), ("bob", 2, 50, "8.200.4.4:50000"), ("alice", 3, 90, "9.8.4.4:50000")]
    {
        play.of_node(node, from.into(), opened(id, addr));
        for second in from..from + 30 {
            play.of_node(node, second.into(), addresses(id, addr, 10));
        }
    }
    let alerts = play.alerts();
    let floods: Vec<_> = alerts.iter().filter(|alert| alert.detector == "address_flood").collect();
    let [first, second, third] = &floods[..] else { panic!("{:?}", play.summary()) };
    assert_eq!(first.incident, second.incident);
    assert_ne!(first.incident, third.incident);
}

#[test]
fn the_same_at_nodes_that_begins_together_is_one_incident() {
    let mut play =
        Play::with(&["inbound_flood.warm_up=0", "subnet_flood.enabled=false", "source_silent.enabled=false"]);
    for (node, from) in [("alice", 100u32), ("bob", 200), ("carol", 1_500)] {
        play.of_node(node, 1.0, up("rpc"));
        for second in from..from + 60 {
            play.of_node(node, second.into(), opened(second.into(), &format!("8.{}.7.9:8333", second % 250)));
        }
    }
    let alerts = play.alerts();
    let floods: Vec<_> = alerts.iter().filter(|alert| alert.detector == "inbound_flood").collect();
    let [alice, bob, carol] = &floods[..] else { panic!("{:?}", play.summary()) };
    assert_eq!(alice.incident, bob.incident);
    assert_ne!(alice.incident, carol.incident, "twenty minutes later");
}
