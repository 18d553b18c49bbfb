//! The past gives what the present gave.

use std::sync::Arc;

use alerts::{Alerts, Engine, Options, Settings};
use bus::{Bus, Delivery, Publisher, WhenFull};
use event::pb::alerts::Alert;
use event::pb::alerts::alerts::AlertsEvent;
use event::{Body, Filter, Record};
use networks::Enrichment;
use redact::Redactor;
use store::archive::{self, Writer};

use super::play::{Play, addresses, opened, status};

/// A lively quarter of an hour at two nodes.
fn scene() -> Vec<Arc<Record>> {
    let mut play = Play::new();
    for second in 0..900u32 {
        play.at(second.into(), status("rpc", if second < 800 { "UP" } else { "GONE" }, None));
        let at = f64::from(second) + 0.25;
        play.of_node("bob", at, status("rpc", "UP", None));
        if second > 650 && second < 750 {
            let peer = u64::from(second);
            let addr = format!("143.20.137.{}:5000", peer % 250);
            play.of_node("bob", at, opened(2 * peer, &addr)).of_node("bob", at + 0.1, opened(2 * peer + 1, &addr));
            play.at(at + 0.2, opened(peer, "8.8.4.4:50000")).at(at + 0.3, addresses(peer, "8.8.4.4:50000", 20));
        }
    }
    assert!(play.alerts().len() >= 4, "{:?}", play.summary());
    play.records
}

fn alert(record: &Record) -> Option<Alert> {
    let Some(Body::Alerts(alerts)) = record.body() else { return None };
    let AlertsEvent::Alert(alert) = alerts.alerts_event.as_ref()?;
    Some(alert.clone())
}

#[tokio::test]
async fn a_replay_gives_the_alerts_that_were_published() {
    let records = scene();
    let dir = tempfile::tempdir().unwrap();

    // Live, through a bus, with a database.
    let bus = Bus::new();
    let events = bus.subscribe("alerts", Filter::default(), 1 << 20, WhenFull::Block);
    let mut seen = bus.subscribe("test", Filter::default(), 1 << 20, WhenFull::Block);
    let store = alert_state::Store::open(&dir.path().join("alerts.db")).unwrap();
    let options = Options { store: Some(store), ..Options::default() };
    let tool = Alerts::open(options).unwrap();
    let making = bus.clone();
    let publish = Box::new(move |node: &str| Publisher::new(&making, node, "alerts"));
    let accounts = bus.accounts().clone();
    let running = tokio::spawn(async move { tool.watch(events, publish, &accounts).await });
    bus.deliver(records.iter().cloned().map(Delivery::Event).collect()).await;
    let expected = {
        let mut engine = Engine::new(Settings::default(), Enrichment::default(), Vec::new());
        records.iter().for_each(|record| engine.fold(record));
        engine.take_changed().into_iter().map(|(_, alert)| alert).collect::<Vec<_>>()
    };
    let mut live = Vec::new();
    let mut redactor = Redactor::new([7; 32]);
    while live.len() < expected.len() {
        let Some(Delivery::Event(record)) = seen.next().await else { continue };
        live.extend(alert(&record));
        // What the public may read of an alert has its sentence, and nothing of the peers.
        if let Some(public) = redactor.redact(&record).as_ref().and_then(alert) {
            assert!(!public.sentence.is_empty(), "{}", alert(&record).unwrap().sentence);
            let shown = format!("{public:?}");
            assert!(!shown.contains("8.8.4.4") && !shown.contains("143.20.137"), "{shown}");
        }
    }
    bus.end();
    running.await.unwrap().unwrap();

    // From an archive.
    let mut writer = Writer::create(&archive::Options::new(dir.path()), 1_790_000_000_000_000_000).unwrap();
    records.iter().for_each(|record| writer.append(record).unwrap());
    writer.finish().unwrap();
    let mut engine = Engine::new(Settings::default(), Enrichment::default(), Vec::new());
    for record in archive::merge(archive::files([dir.path()]).unwrap(), Filter::default()).unwrap() {
        engine.fold(&record.unwrap());
    }
    let replayed: Vec<Alert> = engine.take_changed().into_iter().map(|(_, alert)| alert).collect();
    assert_eq!(live, expected);
    assert_eq!(replayed, expected);
}
