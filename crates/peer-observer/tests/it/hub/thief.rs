//! Somebody who has everything of the host paris.

use std::fs;
use std::time::Duration;

use event::NodeNames;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::network::Fleet;

/// The run of events that a thief publishes.
pub const FORGED: u64 = 666;

/// What somebody sees with the key of paris who subscribes to everything, asks for what others have, and publishes under their names.
pub async fn steal(fleet: &Fleet) -> Vec<String> {
    let client = {
        let _there = fleet.hosts.visit(2).unwrap();
        thief(fleet).await
    };
    let mut all = client.subscribe(">").await.unwrap();
    let asked = ["$JS.tokyo.API.STREAM.INFO.NODE-tokyo1", "$JS.hub.API.STREAM.NAMES", "$JS.hub.API.STREAM.INFO.EVENTS"];
    for subject in asked {
        let answer = timeout(Duration::from_secs(1), client.request(subject, "{}".into())).await;
        let answer =
            answer.ok().and_then(Result::ok).map(|message| String::from_utf8_lossy(&message.payload).into_owned());
        assert!(answer.as_ref().is_none_or(|answer| answer.contains("error")), "{subject}: {answer:?}");
    }
    client.publish("peer-observer.lima1.p2p-extractor", event("lima1", 1)).await.unwrap();
    client.flush().await.unwrap();
    let mut seen = Vec::new();
    let until = tokio::time::Instant::now() + Duration::from_secs(1);
    while let Ok(Some(message)) = tokio::time::timeout_at(until, all.next()).await {
        // What is asked and published here comes back from the thief's own server.
        if &*message.subject != "peer-observer.lima1.p2p-extractor" && !asked.contains(&&*message.subject) {
            seen.push(message.subject.to_string());
        }
    }
    seen
}

async fn thief(fleet: &Fleet) -> async_nats::Client {
    let secrets: Value = serde_json::from_slice(&fs::read(fleet.path("fleet").join("secrets.json")).unwrap()).unwrap();
    let password = secrets["hosts"]["paris"]["local_password"].as_str().unwrap().to_owned();
    let options = async_nats::ConnectOptions::new().user_and_password("observer".to_owned(), password);
    options.connect("nats://127.0.0.1:4222").await.unwrap()
}

/// Puts events of another node into the stream that the hub reads: under the thief's own name, and, since the stream is theirs, under the other's.
pub async fn forge(fleet: &Fleet) {
    let client = {
        let _there = fleet.hosts.visit(2).unwrap();
        thief(fleet).await
    };
    let config = json!({
        "name": "NODE-paris1", "subjects": ["peer-observer.paris1.>", "peer-observer.tokyo1.>"], "retention": "limits",
        "storage": "file", "discard": "old", "num_replicas": 1, "max_consumers": -1, "max_msgs": -1, "max_bytes": 64 << 20,
        "max_age": 7 * 86_400 * 1_000_000_000_u64,
    });
    let _ = client.request("$JS.API.STREAM.UPDATE.NODE-paris1", config.to_string().into()).await;
    for subject in ["peer-observer.paris1.p2p-extractor", "peer-observer.tokyo1.p2p-extractor"] {
        client.publish(subject, event("tokyo1", FORGED)).await.unwrap();
    }
    client.flush().await.unwrap();
}

fn event(node: &str, run: u64) -> bytes::Bytes {
    let line = format!(
        r#"{{"time":"2026-09-10T12:00:00Z","node":"{node}","run":{run},"sequence":1,"source":"p2p","kind":"feature_offered","body":{{"feature_id":"x","data":""}}}}"#
    );
    event::json::from_json(&line, &mut NodeNames::default()).unwrap().bytes().clone()
}
