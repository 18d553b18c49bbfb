//! Receivers that are down, slow, or answer with errors: nothing is lost, nothing comes twice, and others are not delayed.

use std::time::{Duration, Instant};

use bus::counters::{ALERT_NOTIFICATIONS, ALERT_NOTIFICATIONS_WAITING};
use event::pb::alerts::State;
use serde_json::json;

use super::listener::{Listener, OK};
use super::{alert, note, settings, start};

#[tokio::test]
async fn one_broken_receiver_delays_no_other() {
    let mut fine = Listener::start(|_| OK).await;
    let mut broken = Listener::start(|n| if n < 1 { "500 Internal Server Error" } else { OK }).await;
    let mut busy = Listener::start(|n| if n < 1 { "429 Too Many Requests\r\nretry-after: 1" } else { OK }).await;
    let mut closing = Listener::start(|n| if n < 1 { "" } else { OK }).await;
    let mut refusing = Listener::start(|n| if n < 1 { "400 Bad Request" } else { OK }).await;
    let silent = Listener::start(|_| "wait").await;
    let of = |name, listener: &Listener| settings(name, json!({ "type": "webhook", "url": listener.url }));
    let all = [
        of("silent", &silent),
        of("broken", &broken),
        of("busy", &busy),
        of("closing", &closing),
        of("refusing", &refusing),
        of("fine", &fine),
    ];
    let (receivers, accounts) = start(&all, None);
    let began = Instant::now();
    for id in ["a1", "a2"] {
        note(&receivers, None, alert(id, id, State::Open)).await;
    }
    for id in ["a1", "a2"] {
        assert_eq!(fine.next().await.json()["id"], id);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "the silent one is waited for longer");
    for listener in [&mut broken, &mut busy, &mut closing] {
        for id in ["a1", "a2"] {
            assert_eq!(listener.next().await.json()["id"], id);
        }
    }
    // What is refused is not tried again.
    assert_eq!(refusing.next().await.json()["id"], "a2");
    receivers.end().await;
    for listener in [&mut fine, &mut broken, &mut busy, &mut closing, &mut refusing] {
        listener.is_done();
    }
    let count = |name, result| accounts.count(&ALERT_NOTIFICATIONS, [name, result]).get();
    assert_eq!((count("broken", "sent"), count("broken", "failed")), (2.0, 1.0));
    assert_eq!((count("refusing", "sent"), count("refusing", "dropped")), (1.0, 1.0));
    assert_eq!(accounts.count(&ALERT_NOTIFICATIONS_WAITING, ["silent"]).get(), 2.0);
}

#[tokio::test]
async fn a_restart_sends_nothing_twice_and_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = alert_state::Store::open(&dir.path().join("alerts.db")).unwrap();
    let down = Listener::start(|_| "").await;
    let mut up = Listener::start(|_| OK).await;
    let of = |name, url: &str| settings(name, json!({ "type": "webhook", "url": url }));

    // One alert is sent; another one opens and ends while a receiver is down, and a third one only opens.
    let (receivers, _) = start(&[of("up", &up.url), of("down", &down.url)], Some(&store));
    note(&receivers, Some(&store), alert("a1", "a1", State::Open)).await;
    assert_eq!(up.next().await.json()["id"], "a1");
    note(&receivers, Some(&store), alert("a2", "a2", State::Open)).await;
    assert_eq!(up.next().await.json()["id"], "a2");
    note(&receivers, Some(&store), alert("a2", "a2", State::Resolved)).await;
    assert_eq!(up.next().await.json()["state"], "RESOLVED");
    receivers.end().await;

    // It ends while nothing runs.
    let over = alert("a1", "a1", State::Resolved);
    store.keep(&[("a1".into(), over)]).unwrap();

    let mut back = Listener::start(|_| OK).await;
    let (receivers, _) = start(&[of("up", &up.url), of("down", &back.url)], Some(&store));
    let ended = up.next().await.json();
    assert_eq!((&ended["id"], &ended["state"]), (&json!("a1"), &json!("RESOLVED")));
    for id in ["a1", "a2"] {
        let late = back.next().await.json();
        assert_eq!((&late["id"], &late["state"]), (&json!(id), &json!("RESOLVED")));
    }
    note(&receivers, Some(&store), alert("a3", "a3", State::Open)).await;
    assert_eq!(
        (up.next().await.json()["id"].clone(), back.next().await.json()["id"].clone()),
        ("a3".into(), "a3".into())
    );
    receivers.end().await;

    // Again: it is known that it is open. A receiver that is new is informed of it, and of nothing that is over.
    let mut new = Listener::start(|_| OK).await;
    let all = [of("up", &up.url), of("down", &back.url), of("new", &new.url)];
    let (receivers, _) = start(&all, Some(&store));
    assert_eq!(new.next().await.json()["id"], "a3");
    receivers.end().await;
    for listener in [&mut up, &mut back, &mut new] {
        listener.is_done();
    }
}

#[tokio::test]
async fn alerts_of_an_incident_are_one_message() {
    let mut listener = Listener::start(|_| OK).await;
    let (receivers, _) = start(&[settings("r", json!({ "type": "discord", "url": listener.url }))], None);
    for (id, incident) in [("a1", "a1"), ("b1", "b1"), ("a2", "a1")] {
        note(&receivers, None, alert(id, incident, State::Open)).await;
    }
    receivers.end().await;
    assert_eq!(listener.next().await.json()["embeds"].as_array().map(Vec::len), Some(2));
    assert_eq!(listener.next().await.json()["embeds"].as_array().map(Vec::len), Some(1));
    listener.is_done();
}
