//! Live events.

use event::json::{to_json, to_json_brief};
use serde_json::{Value, json};
use web::Options;

use crate::running::{PATIENCE, Running, message, samples};

fn ping(sequence: u64, peer: u64) -> std::sync::Arc<event::Record> {
    message(sequence, peer, "ping", sequence.is_multiple_of(2), json!({ "ping": { "value": sequence } }))
}

#[tokio::test]
async fn a_client_gets_what_it_subscribes_to_and_nothing_else() {
    let running = Running::start(Options::default());
    let mut all = running.client("").await;
    let mut brief = running.client("kind=message&form=brief").await;
    let samples = samples();
    running.publish(samples.clone()).await;
    for sample in &samples {
        assert_eq!(all.text().await.unwrap(), to_json(sample));
        if sample.envelope().kind == event::Kind::Message {
            assert_eq!(brief.text().await.unwrap(), to_json_brief(sample));
        }
    }

    // A client can change its subscription at any time, pause and resume.
    brief.send(json!({ "subscribe": { "peer": 7, "direction": "inbound" } })).await;
    let answer = brief.next().await;
    assert_eq!(answer["control"]["subscribed"]["peer"], json!([7]), "{answer}");
    running.publish((0..20).map(|sequence| ping(sequence, 5 + sequence % 4))).await;
    for sequence in [2, 6, 10, 14, 18] {
        assert_eq!(brief.next().await["sequence"], sequence);
    }
    brief.send(json!({ "pause": true })).await;
    assert_eq!(brief.next().await, json!({ "control": { "paused": true, "skipped": 0 } }));
    running.publish((20..40).map(|sequence| ping(sequence, 7))).await;
    // The other client gets the last of them when both have been offered it.
    while all.next().await["sequence"] != 39 {}
    brief.send(json!({ "pause": false })).await;
    assert_eq!(brief.next().await, json!({ "control": { "paused": false, "skipped": 10 } }));
    running.publish([ping(40, 7)]).await;
    assert_eq!(brief.next().await["sequence"], 40);

    // A request that cannot be understood is answered with an error, and changes nothing.
    for (request, expected) in [
        (json!({ "subscribe": { "kind": ["nonsense"] } }), "nonsense"),
        (json!({ "subscribe": { "colour": "red" } }), "colour"),
        (json!({ "pause": 3 }), "pause"),
        (json!(["subscribe"]), "subscribe"),
    ] {
        brief.send(request).await;
        let answer = brief.next().await;
        assert!(answer["control"]["error"].as_str().unwrap().contains(expected), "{answer}");
    }
    running.publish([ping(42, 7)]).await;
    assert_eq!(brief.next().await["sequence"], 42);
    running.end().await;
    assert_eq!(brief.text().await, None, "the server closes the connection");
}

#[tokio::test]
async fn the_same_as_server_sent_events() {
    let running = Running::start(Options::default());
    let mut stream = reqwest::get(format!("{}events?kind=message&form=brief&peer=7", running.url)).await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    running.publish((0..8).map(|sequence| ping(sequence, 5 + sequence % 4))).await;
    let mut text = String::new();
    while text.matches("\n\n").count() < 2 {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let sequences: Vec<Value> =
        events.map(|event| serde_json::from_str::<Value>(event).unwrap()["sequence"].clone()).collect();
    assert_eq!(sequences, [2, 6]);
    let answer = reqwest::get(format!("{}events?kind=nonsense", running.url)).await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("nonsense"));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_loses_events_of_its_own_and_learns_how_many() {
    let running = Running::start(Options::default());
    let mut slow = running.client("").await;
    let mut quick = running.client("form=brief").await;
    const EVENTS: u64 = 6_000;
    // Large events, so that a client that does not read fills the buffers of the operating system.
    let padding = json!({ "unknown": { "command": "x".repeat(12), "payload": "00".repeat(4_000) } });
    let reading = tokio::spawn(async move {
        for sequence in 0..EVENTS {
            assert_eq!(quick.next().await["sequence"], sequence);
        }
        quick
    });
    for from in (0..EVENTS).step_by(500) {
        running.publish((from..from + 500).map(|sequence| message(sequence, 1, "x", true, padding.clone()))).await;
        running.wait_for("info", |_| true).await;
    }
    reading.await.unwrap();
    // Before the next event, the client gets the number of those that were dropped.
    let (mut got, mut dropped) = (0, 0);
    let mut next = 0;
    while got + dropped < EVENTS {
        let event = slow.next().await;
        match event["control"]["dropped"].as_u64() {
            Some(count) => {
                dropped += count;
                next += count;
                assert_eq!(event["control"]["total"], dropped);
            }
            None => {
                assert_eq!(event["sequence"], next, "dropped events are reported where they are missing");
                got += 1;
                next += 1;
            }
        }
    }
    assert!(dropped > 0, "it was not slow enough");
    running.end().await;
}
