//! What is wrong with a node and what happened, by its events.

use std::sync::Arc;

use event::Record;
use event::time::{now_ns, parse_rfc3339, rfc3339};
use serde_json::{Value, json};
use web::{Options, Public};

use crate::running::{Running, event};

fn of(node: &str, time_ns: u64, kind: &str, body: Value) -> Arc<Record> {
    event(&json!({ "time": rfc3339(time_ns), "node": node, "run": 9, "kind": kind, "body": body }))
}

fn now(kind: &str, body: Value) -> Arc<Record> {
    of("alice", now_ns(), kind, body)
}

fn log(kind: &str, body: Value) -> Arc<Record> {
    now(kind, json!({ kind: body }))
}

/// A status of an extractor, which finds the node in this state.
fn status(extractor: &str, state: &str) -> Arc<Record> {
    let node =
        json!({ "state": state, "since_ns": now_ns().to_string(), "reason": "process 12 at /srv/secret has ended" });
    let body = json!({
        "extractor": extractor, "started_ns": "1", "last_sequence": "0", "ended": false, "interval_ms": 60_000, "node": node,
    });
    now("status", body)
}

fn kinds(all: &Value) -> Vec<&str> {
    all.as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_lasts_is_first_and_then_what_is_worst() {
    let running = Running::start(Options::default());
    let misbehaving = json!({ "peer_id": 5, "message": "too many headers", "action": "NOTICED" });
    running
        .publish([
            status("rpc", "UP"),
            status("log", "UP"),
            log("connection_added", json!({ "peer_id": 5, "addr": "203.0.113.7:8333" })),
            log("invalid_chain_found", json!({ "height": 7, "current_best": false, "much_longer": true })),
            log("misbehaving", misbehaving.clone()),
            log("block_disconnected_log", json!({ "block_hash": "aa".repeat(32), "block_height": 100 })),
        ])
        .await;
    let all = running.wait_for("happenings", |all| all.as_array().unwrap().len() == 3).await;
    assert_eq!(kinds(&all), ["invalid_chain", "reorganization", "misbehaving"]);
    assert_eq!((&all[2]["peer"], &all[2]["what"]), (&json!(5), &json!("Peer 5 broke the protocol: too many headers.")));

    // One extractor cannot read the node, which is up.
    running.publish([status("log", "UNREADABLE")]).await;
    let all = running.wait_for("happenings", |all| all.as_array().unwrap().len() == 4).await;
    assert_eq!(kinds(&all)[0], "source_away");
    assert_eq!((&all[0]["until"], &all[0]["severity"]), (&Value::Null, &json!("warning")));
    // The disk of another node, since when it is known to be low.
    let first_ns = now_ns() / 1_000 * 1_000;
    for left in [9, 8] {
        let systems =
            json!([{ "name": "datadir", "size": "100000000000", "available": (left * 1_000_000_000_u64).to_string() }]);
        let process = json!({ "pid": 1, "started_ns": "5", "filesystems": systems });
        running.publish([of("bob", first_ns + (9 - left) * 1_000, "node_process", process)]).await;
    }
    let all = running
        .wait_for("happenings?node=bob", |all| all[0]["what"].as_str().is_some_and(|what| what.contains("8.0 GB")))
        .await;
    let since_ns = all[0]["since"].as_str().and_then(parse_rfc3339);
    assert_eq!((&all[0]["kind"], since_ns), (&json!("disk_low"), Some(first_ns)));
    // Without the node, nothing else is of interest, and nothing else is as bad.
    running.publish([status("rpc", "GONE"), status("log", "GONE")]).await;
    let all = running.wait_for("happenings", |all| all[0]["kind"] == "node_away").await;
    assert_eq!(all[0]["what"], "It is down: process 12 at /srv/secret has ended.");
    assert_eq!((kinds(&all).len(), kinds(&all)[1], &all[0]["until"]), (5, "disk_low", &Value::Null));
    let info = running.wait_for("info", |info| info["away"]["alice"]["state"] == "down").await;
    assert_eq!(info["server"], Value::Null);
    let nodes = running.wait_for("nodes", |nodes| nodes[0]["state"] == "down").await;
    assert!(nodes[0]["sources"].as_array().unwrap().iter().all(|source| source["up"] == false), "{nodes:#}");
    // It is back, and what was is over.
    running.publish([status("rpc", "UP"), status("log", "UP")]).await;
    let all = running.wait_for("happenings", |all| all[1]["until"].is_string()).await;
    let away = all.as_array().unwrap().iter().find(|one| one["kind"] == "node_away").unwrap();
    assert!(away["what"].as_str().unwrap().starts_with("It was down for "), "{away}");
    running.end().await;
}

#[tokio::test]
async fn the_public_does_not_read_reasons() {
    let running = Running::start(Options { public: Some(Public::default()), ..Options::default() });
    running.publish([status("rpc", "GONE")]).await;
    running.wait_for("nodes", |nodes| nodes[0]["state"] == "down" && nodes[0]["state_reason"].is_null()).await;
    for path in ["nodes", "happenings", "losses", "info"] {
        let answer = running.wait_for(path, |_| true).await.to_string();
        assert!(!answer.contains("secret"), "{path}: {answer}");
    }
    running.end().await;
}
