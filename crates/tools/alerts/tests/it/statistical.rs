//! What is watched for a change: rates, levels and shares, through the engine.

use std::sync::Arc;

use alerts::{Engine, Settings};
use event::pb::alerts::{Alert, State};
use event::text::Sentence;
use networks::Enrichment;
use serde_json::json;

use super::node::{line, mempool, peers, synced};
use super::play::{Play, message, opened, status};

const PEER: &str = "8.8.4.4:50000";
/// Of detectors that have nothing to do with it.
const OTHERS: [&str; 4] =
    ["source_silent.enabled=false", "ping_spam.enabled=false", "listen_only.enabled=false", "stale_tip.enabled=false"];

/// A play of one peer that pings, and a node that reports of itself.
fn calm() -> Play {
    let mut play = Play::with(&OTHERS);
    play.is_plain = true;
    play.at(0.0, opened(1, PEER));
    play
}

/// The extractors are there, and will report so again within a minute.
fn up(play: &mut Play, second: f64) {
    for extractor in ["ebpf", "rpc"] {
        let (kind, mut body) = status(extractor, "UP", None);
        body["interval_ms"] = 60_000.into();
        play.at(second, (kind, body));
    }
}

/// Minutes in which the peer sends about so many pings, and the mempool has so many transactions.
fn minutes(play: &mut Play, from: u32, to: u32, pings: u32, transactions: u64) {
    for minute in from..to {
        let start = f64::from(minute) * 60.0;
        // More or less, as chance has it.
        let pings = pings + (minute * 7) % 5 - 2;
        up(play, start);
        play.at(start + 0.5, synced(1_000));
        play.at(start + 1.0, mempool(transactions + u64::from(minute * 13 % 7), 100));
        for ping in 0..pings {
            let second = start + 2.0 + 57.0 * f64::from(ping) / f64::from(pings);
            play.at(second, message(1, PEER, true, "ping", json!({ "value": u64::from(ping) })));
        }
    }
}

fn of<'a>(play: &'a Play, detector: &str) -> Vec<&'a Alert> {
    play.alerts().into_iter().filter(|alert| alert.detector == detector).collect()
}

#[test]
fn a_rate_that_changes_is_found_with_its_beginning_and_a_replay_finds_the_same() {
    let mut play = calm();
    minutes(&mut play, 0, 160, 30, 5_000);
    assert_eq!(play.summary(), [""; 0]);
    minutes(&mut play, 160, 180, 150, 5_000);
    let found = of(&play, "rate_changed");
    let pings = found.iter().find(|alert| alert.subject.text == "ping_messages_received").expect("pings");
    let sentence = Sentence(pings).to_string();
    assert!(sentence.starts_with("ping messages received: ") && sentence.contains("/min for "), "{sentence}");
    let number = |name: &str| pings.numbers.iter().find(|number| number.name == name).unwrap().value;
    assert!((140.0..160.0).contains(&number("now")) && (25.0..35.0).contains(&number("usual")), "{sentence}");
    let begin = play.ns(160.0 * 60.0);
    assert!(pings.since_ns.abs_diff(begin) <= 120_000_000_000, "it began {} ns off", pings.since_ns.abs_diff(begin));
    let opened = play.changes.iter().find(|change| change.id == pings.id).unwrap();
    assert!(opened.last_ns - begin <= 600_000_000_000, "found within ten minutes");
    // What has one cause is one incident: pings, and their bytes.
    assert!(found.len() >= 2, "{:?}", play.summary());
    assert!(found.iter().all(|alert| alert.incident == found[0].incident), "{:?}", play.summary());

    // Later it is as before: the usual was not learned anew.
    minutes(&mut play, 180, 210, 30, 5_000);
    assert!(of(&play, "rate_changed").iter().all(|alert| alert.state() == State::Resolved), "{:?}", play.summary());

    let mut replay = Play::with(&OTHERS);
    replay.is_plain = true;
    play.records.iter().for_each(|record| {
        replay.take(Arc::clone(record));
    });
    assert_eq!(replay.changes, play.changes);
}

#[test]
fn a_level_that_jumps_is_found() {
    let mut play = calm();
    minutes(&mut play, 0, 600, 3, 5_000);
    minutes(&mut play, 600, 640, 3, 20_000);
    let found = of(&play, "level_changed");
    assert_eq!(found.len(), 1, "{:?}", play.summary());
    let sentence = Sentence(found[0]).to_string();
    assert!(sentence.starts_with("mempool transactions: 2000"), "{sentence}");
    assert!(sentence.contains("where there were 500"), "{sentence}");
}

#[test]
fn neither_starts_nor_silence_nor_losses_are_changes() {
    let mut play = calm();
    minutes(&mut play, 0, 160, 30, 5_000);
    // The node is restarted: its peers come back within hours.
    play.at(9_600.0, line("node_stopped", "node_stopped", json!({})));
    play.at(9_630.0, line("node_started", "node_started", json!({ "version": "Bitcoin Core version v31.0.0" })));
    play.at(9_631.0, opened(1, PEER));
    for (from, pings) in [(161, 5), (190, 10), (220, 18), (250, 25), (280, 30)] {
        minutes(&mut play, from, from + 29, pings, 5_000);
    }
    // Half of the messages of half an hour are lost, which is known.
    for minute in 310..340 {
        play.lost(f64::from(minute) * 60.0 + 1.0, 15);
        minutes(&mut play, minute, minute + 1, 15, 5_000);
    }
    // Nothing comes for an hour.
    minutes(&mut play, 400, 480, 30, 5_000);
    let changes: Vec<_> = play.summary().into_iter().filter(|line| line.contains("_changed: ")).collect();
    assert_eq!(changes, [""; 0]);
}

#[test]
fn what_is_usual_is_known_after_a_start_and_from_the_past() {
    let mut before = calm();
    minutes(&mut before, 0, 160, 30, 5_000);
    let baselines = before.engine.baselines();
    assert!(baselines.iter().any(|baseline| baseline.series == "ping_messages_received"), "{}", baselines.len());
    assert!(baselines.iter().all(|baseline| baseline.node == "alice" && baseline.baseline.len() < 8_192));

    let start = |past: bool| {
        let mut settings = Settings::default();
        OTHERS.iter().for_each(|text| settings.set_text(text).unwrap());
        let mut play = Play::of(Engine::new(settings, Enrichment::default(), Vec::new()));
        (play.run, play.is_plain) = (8, true);
        if past {
            play.engine.begin_past();
            minutes(&mut play, 0, 160, 30, 5_000);
            // An attack of the past is not reported, nor learned.
            minutes(&mut play, 160, 180, 150, 5_000);
            minutes(&mut play, 180, 240, 30, 5_000);
            assert!(!play.engine.take_changed().is_empty() || !play.changes.is_empty());
            play.changes.clear();
            play.engine.end_past();
            play.engine.take_changed();
        } else {
            play.engine.restore(baselines.clone());
            play.at(160.0 * 60.0, opened(1, PEER));
            minutes(&mut play, 160, 240, 30, 5_000);
        }
        minutes(&mut play, 240, 252, 150, 5_000);
        play
    };
    for past in [false, true] {
        let play = start(past);
        let found = of(&play, "rate_changed");
        assert!(
            found.iter().any(|alert| alert.subject.text == "ping_messages_received"),
            "past {past}: an hour after the start: {:?}",
            play.summary()
        );
    }
    // What another version has written, or nobody, is left out.
    let mut broken = baselines;
    broken.iter_mut().for_each(|baseline| baseline.baseline.truncate(7));
    before.engine.restore(broken);
}

#[test]
fn what_is_watched_can_be_chosen() {
    let mut settings = Settings::default();
    settings.watch(&["default".to_owned(), "peer_infos_events".to_owned()]).unwrap();
    let error = settings.watch(&["evictons".to_owned()]).unwrap_err();
    assert_eq!(error, "alerts.watch: there is nothing \"evictons\" to watch; did you mean \"evictions\"?");
    let error = settings.watch(&["0".to_owned()]).unwrap_err();
    assert!(error.contains("there are: ") && error.contains("user_agents_of_inbound_peers"), "{error}");

    settings.watch(&["inbound_peers".to_owned()]).unwrap();
    let mut play = Play::of(Engine::new(settings, Enrichment::default(), Vec::new()));
    play.is_plain = true;
    let of = |count: u64| peers((0..count).map(|peer| (peer, format!("8.1.{peer}.4:8333"), "inbound", json!({}))));
    for minute in 0..600u32 {
        up(&mut play, f64::from(minute) * 60.0);
        play.at(f64::from(minute) * 60.0 + 1.0, of(if minute < 580 { 100 } else { 20 }));
    }
    assert!(
        play.summary()
            .iter()
            .any(|line| line.starts_with("level_changed: inbound peers: 20 peers, where there were 100 peers")),
        "{:?}",
        play.summary()
    );
}
