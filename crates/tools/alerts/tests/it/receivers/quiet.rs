//! What people decide: silenced alerts go to nobody, and those that somebody looks after are not sent again.

use alert_state::{Decision, Matcher, Store};
use bus::counters::ALERT_NOTIFICATIONS;
use event::pb::alerts::{Severity, State};
use event::time::now_ns;
use serde_json::json;

use super::listener::{Listener, OK};
use super::{alert, note, settings, start};

const HOUR: u64 = 3_600_000_000_000;

fn now() -> Decision {
    Decision { by: "alice".into(), why: "known".into(), time_ns: now_ns() }
}

#[tokio::test]
async fn a_silence_keeps_alerts_from_receivers_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.db");
    let store = Store::open(&path).unwrap();
    let mut listener = Listener::start(|_| OK).await;
    let all = [settings("r", json!({ "type": "webhook", "url": listener.url }))];
    let (receivers, _) = start(&all, Some(&store));
    note(&receivers, Some(&store), alert("a1", "a1", State::Open)).await;
    assert_eq!(listener.next().await.json()["id"], "a1");

    // Somebody silences the detector, in another process.
    let other = Store::open(&path).unwrap();
    let matcher = Matcher { detector: Some("subnet_flood".into()), ..Matcher::default() };
    let silence = other.silence(&matcher, &now(), now_ns() + HOUR).unwrap();
    receivers.decide(store.decisions(now_ns()).unwrap());
    // One that is known ends, one comes and goes, and one comes and stays. Another detector's is sent.
    for (id, state) in [("a1", State::Resolved), ("a2", State::Open), ("a2", State::Resolved), ("a3", State::Open)] {
        note(&receivers, Some(&store), alert(id, id, state)).await;
    }
    let mut loud = alert("b1", "b1", State::Open);
    loud.detector = "ping_spam".to_owned();
    note(&receivers, Some(&store), loud).await;
    assert_eq!(listener.next().await.json()["id"], "b1");
    receivers.end().await;
    listener.is_done();

    // It still holds after a restart, until somebody ends it: then what is so is sent, and what was in between is not.
    let store = Store::open(&path).unwrap();
    let (receivers, _) = start(&all, Some(&store));
    note(&receivers, Some(&store), alert("a3", "a3", State::Open)).await;
    let mut loud = alert("b2", "b2", State::Open);
    loud.detector = "ping_spam".to_owned();
    note(&receivers, Some(&store), loud).await;
    assert_eq!(listener.next().await.json()["id"], "b2");
    other.end_silence(silence, now_ns()).unwrap();
    receivers.decide(store.decisions(now_ns()).unwrap());
    for (id, state) in [("a1", "RESOLVED"), ("a3", "OPEN")] {
        let sent = listener.next().await.json();
        assert_eq!((&sent["id"], &sent["state"]), (&json!(id), &json!(state)));
    }
    receivers.end().await;
    listener.is_done();
}

#[tokio::test]
async fn a_silence_also_holds_for_what_is_tried_again() {
    let store = Store::in_memory().unwrap();
    let mut listener = Listener::start(|n| if n < 1 { "500 Internal Server Error" } else { OK }).await;
    let all = [settings("r", json!({ "type": "webhook", "url": listener.url }))];
    let (receivers, accounts) = start(&all, Some(&store));
    note(&receivers, Some(&store), alert("a1", "a1", State::Open)).await;
    let failed = async || (accounts.count(&ALERT_NOTIFICATIONS, ["r", "failed"]).get() > 0.0).then_some(());
    testbed::eventually("it was tried once", std::time::Duration::from_secs(30), failed).await.unwrap();
    let matcher = Matcher { incident: Some("a1".into()), ..Matcher::default() };
    store.silence(&matcher, &now(), now_ns() + HOUR).unwrap();
    receivers.decide(store.decisions(now_ns()).unwrap());
    note(&receivers, Some(&store), alert("b1", "b1", State::Open)).await;
    assert_eq!(listener.next().await.json()["id"], "b1");
    receivers.end().await;
    listener.is_done();
}

#[tokio::test]
async fn what_somebody_looks_after_is_sent_again_only_if_it_is_worse() {
    let store = Store::in_memory().unwrap();
    let mut listener = Listener::start(|_| OK).await;
    let (receivers, _) = start(&[settings("r", json!({ "type": "webhook", "url": listener.url }))], Some(&store));
    note(&receivers, Some(&store), alert("a1", "a1", State::Open)).await;
    assert_eq!(listener.next().await.json()["id"], "a1");
    store.acknowledge("a1", &now()).unwrap();
    receivers.decide(store.decisions(now_ns()).unwrap());
    // More of the same is not sent, and neither is that it ends if nobody knows of it. That it is worse is.
    note(&receivers, Some(&store), alert("a2", "a1", State::Open)).await;
    note(&receivers, Some(&store), alert("a2", "a1", State::Resolved)).await;
    let mut worse = alert("a3", "a1", State::Open);
    worse.severity = Severity::Critical.into();
    note(&receivers, Some(&store), worse).await;
    assert_eq!(listener.next().await.json()["id"], "a3");
    // The end of what is known is.
    note(&receivers, Some(&store), alert("a1", "a1", State::Resolved)).await;
    let over = listener.next().await.json();
    assert_eq!((&over["id"], &over["state"]), (&json!("a1"), &json!("RESOLVED")));
    receivers.end().await;
    listener.is_done();
}
