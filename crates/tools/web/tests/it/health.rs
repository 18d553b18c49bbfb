//! Health: each figure where it belongs.

use std::collections::BTreeSet;

use event::time::{now_ns, rfc3339};
use serde_json::{Value, json};
use web::Options;

use crate::running::{Running, event};

/// The status of an extractor, in a process with this id that lost `shared` events.
fn status(node: &str, run: u64, extractor: &str, calls: u64, (process, shared): (u64, u64)) -> Value {
    json!({
        "time": rfc3339(now_ns()), "node": node, "run": run, "sequence": 0, "source": "observer", "kind": "status",
        "body": {
            "extractor": extractor, "started_ns": "1769860800000000000", "last_sequence": 0, "ended": false,
            "counts": [{ "name": "rpc_calls", "labels": [{ "name": "method", "value": "uptime" }], "value": calls }],
            "shared": {
                "process": process, "dropped": [{ "stage": "nats", "reason": "full", "count": shared }],
                "counts": [{ "name": "ring_buffer_bytes", "labels": [{ "name": "kind", "value": "peak" }], "value": 64 }],
            },
        },
    })
}

#[tokio::test]
async fn each_figure_stands_where_it_belongs() {
    let running = Running::start(Options { nodes: vec!["carol".to_owned()], ..Options::default() });
    let statuses = [
        status("alice", 1, "rpc", 3, (10, 7)),
        status("bob", 2, "rpc", 5, (10, 7)),
        status("bob", 3, "p2p", 0, (11, 0)),
    ];
    running.publish(statuses.iter().map(event)).await;
    let losses = running.wait_for("losses", |losses| losses["sources"].as_array().unwrap().len() == 3).await;

    let calls = |source: &Value| source["counters"][0]["value"].as_f64().unwrap();
    let by_source: Vec<_> =
        losses["sources"].as_array().unwrap().iter().map(|s| (&s["node"], &s["extractor"], calls(s))).collect();
    assert_eq!(
        by_source,
        [
            (&json!("alice"), &json!("rpc"), 3.0),
            (&json!("bob"), &json!("p2p"), 0.0),
            (&json!("bob"), &json!("rpc"), 5.0)
        ]
    );
    let processes = losses["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 2);
    let first = &processes[0];
    assert_eq!(
        (&first["id"], &first["own"], &first["extractors"], &first["nodes"]),
        (&json!("a"), &json!(false), &json!(["rpc"]), &json!(["alice", "bob"]))
    );
    assert_eq!((&first["dropped"][0]["count"], &first["counters"][0]["label"]), (&json!(7), &json!("peak")));
    // Said once, not once for each extractor of the process.
    let advice = losses["advice"].as_array().unwrap().iter().filter(|a| a["what"].as_str().unwrap().contains("nats"));
    assert_eq!(advice.count(), 1, "{}", losses["advice"]);

    let missing: BTreeSet<_> = losses["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| format!("{}/{}", m["node"].as_str().unwrap(), m["extractor"].as_str().unwrap()))
        .collect();
    let expected = [
        "alice/ebpf",
        "alice/log",
        "alice/p2p",
        "alice/process",
        "bob/ebpf",
        "bob/log",
        "bob/process",
        "carol/ebpf",
        "carol/log",
        "carol/p2p",
        "carol/process",
        "carol/rpc",
    ];
    assert_eq!(missing, expected.map(str::to_owned).into());
    running.end().await;
}

#[tokio::test]
async fn browsers_are_counted_not_their_connections() {
    let running = Running::start(Options::default());
    let client = reqwest::Client::new();
    let ask = |page: Option<&'static str>| {
        let request = client.get(format!("{}api/info", running.url));
        page.map_or_else(|| request.try_clone().unwrap(), |page| request.try_clone().unwrap().header("x-page", page))
            .send()
    };
    for page in [Some("one"), Some("one"), Some("two"), None] {
        ask(page).await.unwrap();
    }
    // A program that reads the live feed is no browser, and a browser without live events is one.
    let _program = running.client("").await;
    let losses = running.wait_for("losses", |losses| losses["clients"].as_array().unwrap().len() == 1).await;
    assert_eq!(losses["browsers"], 2);
    running.end().await;
}
