//! What a public site serves besides its pages, what proxies may keep of it, and the search in kept logs, which it has not.

use std::path::Path;

use event::time::parse_rfc3339;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Client as Http, Response};
use serde_json::{Value, json};
use store::logs::{LineFacts, Writer};
use web::{Options, Public};

use crate::running::{Running, samples};

async fn get(running: &Running, path: &str) -> Response {
    reqwest::get(format!("{}{path}", running.url)).await.unwrap()
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn proxies_may_keep_what_the_public_gets() {
    let public = Options { public: Some(Public::default()), ..Options::default() };
    for (options, api, documents) in
        [(public, "public, max-age=1", "public, max-age=10"), (Options::default(), "no-store", "no-cache")]
    {
        let running = Running::start(options);
        running.publish(samples()).await;
        running.wait_for("nodes", |nodes| !nodes.as_array().unwrap().is_empty()).await;
        for (path, expected) in [("api/nodes", api), ("alerts.atom", documents), ("status", documents)] {
            let response = get(&running, path).await;
            assert_eq!(header(&response, CACHE_CONTROL), expected, "{path}");
            assert_eq!(header(&response, ETAG).is_empty(), !expected.starts_with("public"), "{path}");
        }
        // An error may be over at once.
        assert_eq!(header(&get(&running, "api/nodes?bad=1").await, CACHE_CONTROL), "no-store");
        // What does not change is not sent again.
        let page = get(&running, "api/openapi.json").await;
        let tag = header(&page, ETAG);
        if !tag.is_empty() {
            let again = Http::new().get(format!("{}api/openapi.json", running.url)).header(IF_NONE_MATCH, tag);
            assert_eq!(again.send().await.unwrap().status(), 304);
        }
        running.end().await;
    }
}

#[tokio::test]
async fn the_status_page_has_nodes_and_incidents_and_no_more() {
    let running = Running::start(Options { public: Some(Public::default()), ..Options::default() });
    running.publish(samples()).await;
    running.wait_for("nodes", |nodes| nodes.as_array().is_some_and(|nodes| !nodes.is_empty())).await;
    let response = get(&running, "status").await;
    assert_eq!(header(&response, CONTENT_TYPE), "text/html; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(text.contains("<h1>Status</h1>") && text.contains("<h2>Incidents</h2>"), "{text}");
    assert!(!text.contains("<script") && !text.contains("Satoshi"), "{text}");
    running.end().await;
}

/// Keeps lines of a node.
fn keep(directory: &Path, node: &str, lines: &[&str]) {
    let first = parse_rfc3339("2026-11-30T10:00:00Z").unwrap();
    let mut writer = Writer::create(store::logs::Options::default(), directory, node, first, 0, false).unwrap();
    let mut times = LineFacts::default();
    for line in lines {
        writer.append(format!("{line}\n").as_bytes(), times.time_ns(line.as_bytes()).unwrap_or_default()).unwrap();
    }
    writer.sync().unwrap();
}

#[tokio::test]
async fn kept_logs_are_searched_but_not_by_the_public() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("2026-11-30T10:00:03Z <b>peer=7</b> {}", "x".repeat(5_000));
    let lines = [
        "2026-11-30T10:00:00Z [net] received: ping (8 bytes) peer=7, peeraddr=203.0.113.7:8333",
        "2026-11-30T10:00:01Z [net] received: ping (8 bytes) peer=8",
        "2026-11-30T10:00:02Z UpdateTip: new best=00",
        &long,
    ];
    keep(dir.path(), "alice", &lines);
    keep(dir.path(), "bob", &lines[..2]);
    let logs = Some(dir.path().to_owned());
    let running = Running::start(Options { logs: logs.clone(), ..Options::default() });
    let find = async |query: &str| -> Value { get(&running, &format!("logs?{query}")).await.json().await.unwrap() };
    let found = find("node=alice&peer=7").await;
    assert_eq!(found["lines"].as_array().unwrap().len(), 2, "{found}");
    assert_eq!(found["lines"][0]["line"], lines[0]);
    assert_eq!(found["lines"][0]["time"], "2026-11-30T10:00:00.000000Z");
    assert_eq!(found["lines"][1]["line"].as_str().unwrap().len(), 2_000, "what is too long is cut");
    assert_eq!(find("peer=8&since=2026-11-30T10:00:01Z&until=@1796032801").await["lines"].as_array().unwrap().len(), 2);
    assert_eq!(find("addr=203.0.113.0/24").await["nodes"], json!(["alice", "bob"]));
    let limited = find("limit=1").await;
    assert_eq!((limited["lines"].as_array().unwrap().len(), limited["more"].as_bool()), (1, Some(true)));
    for (query, wrong) in [
        ("peer=x", "peer cannot be"),
        ("since=x", "since cannot be"),
        ("addr=/", "addr cannot be"),
        ("a=1", "no parameter"),
    ] {
        let response = get(&running, &format!("logs?{query}")).await;
        assert_eq!(response.status(), 400);
        assert!(response.text().await.unwrap().contains(wrong), "{query}");
    }
    running.end().await;

    for options in [Options { logs, public: Some(Public::default()), ..Options::default() }, Options::default()] {
        let running = Running::start(options);
        let response = get(&running, "logs?peer=7").await;
        assert_eq!(response.status(), 404);
        assert!(response.text().await.unwrap().contains("no logs are kept here"));
        running.end().await;
    }
}
