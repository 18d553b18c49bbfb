//! What the connectivity check found out, in the API.

use std::sync::Arc;

use event::Record;
use event::time::{now_ns, rfc3339};
use serde_json::{Value, json};
use testbed::Browser;
use web::Options;

use crate::running::{PATIENCE, Running, event};

fn happened(source: &str, kind: &str, sequence: u64, body: &Value) -> Arc<Record> {
    let run = source.len();
    event(
        &json!({ "time": rfc3339(now_ns()), "node": "alice", "run": run, "sequence": sequence, "source": source, "kind": kind, "body": body }),
    )
}

/// An attempt: the address, the outcome, and fields besides.
fn attempt(sequence: u64, address: &Value, outcome: &str, more: Value) -> Arc<Record> {
    let now = now_ns();
    let mut address = address.clone();
    address["timestamp"] = json!(now / 1_000_000_000 - 3_600);
    address["port"] = json!(8333);
    let mut body = json!({
        "address": address, "addrv2": true, "outcome": outcome, "cached": false, "heard_ns": now.to_string(),
        "tried_ns": now.to_string(), "duration_ns": 250_000_000,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    happened("connectivity", "attempt", sequence, &body)
}

fn from(peer: u64) -> Value {
    json!({ "source_peer_id": peer, "source_addr": format!("203.0.113.{}:{}", peer % 250, 40_000 + peer), "asn": 64_500 })
}

fn status(sequence: u64, counts: &Value, ended: bool) -> Arc<Record> {
    let body = json!({ "extractor": "connectivity", "started_ns": "1", "last_sequence": sequence, "ended": ended, "counts": counts });
    happened("connectivity", "status", sequence, &body)
}

#[tokio::test]
async fn who_gossips_addresses_where_nobody_is() {
    let running = Running::start(Options { nodes: vec!["alice".to_owned()], ..Options::default() });
    let off = running.wait_for("connectivity", |_| true).await;
    assert_eq!(
        (&off["running"], &off["totals"]["tried"], &off["skipped"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    assert_eq!((&off["recent"], &off["sources"]), (&json!([]), &json!([])));

    let (v4, onion) =
        (json!({ "ipv4": "198.51.100.1", "services": 2_057 }), json!({ "torv3": "a.onion", "services": 1 }));
    let version = json!({
        "version": 70_016, "services": 9, "user_agent": "/Satoshi:31.0.0/<b>", "start_height": 7, "relay": true, "nonce": 1,
        "timestamp": 1, "clock_offset": -3,
    });
    let mut with_version = from(5);
    with_version["version"] = version;
    let mut records = vec![attempt(1, &v4, "V1", with_version)];
    records.push(attempt(2, &onion, "UNREACHABLE", json!({ "reason": "no such onion service" })));
    // One peer, in several connections, at whose addresses nobody ever is.
    records.extend((3..8).map(|n| attempt(n, &v4, "TIMEOUT", from(n % 2 * 250 + 9))));
    let mut known = from(5);
    known["cached"] = json!(true);
    records.push(attempt(8, &v4, "V1", known));
    let skipped = |node: &str, reason: &str, value: u64| json!({ "name": "connectivity_skipped", "value": value, "labels": [{ "name": "node", "value": node }, { "name": "reason", "value": reason }] });
    records.push(status(8, &json!([skipped("alice", "private", 4), skipped("bob", "private", 9)]), false));
    // A status without counts says nothing of them.
    records.push(status(8, &json!([]), false));
    running.publish(records).await;

    let all = running.wait_for("connectivity", |all| all["skipped"]["private"] == 4).await;
    assert_eq!(all["running"], true);
    let totals = json!({
        "tried": 7, "reachable": 1, "v2": 0, "known": 1, "claims_same": 0, "claims_p2p_v2_untrue": 1, "claims_other": 0,
    });
    assert_eq!(all["totals"], totals);
    let networks = json!([
        { "network": "ipv4", "tried": 6, "reachable": 1, "outcomes": { "timeout": 5, "v1": 1 } },
        { "network": "onion", "tried": 1, "reachable": 0, "outcomes": { "unreachable": 1 } },
    ]);
    assert_eq!(all["networks"], networks);
    assert_eq!(all["systems"], json!([{ "asn": 64_500, "tried": 6, "reachable": 1 }]));
    let sources = all["sources"].as_array().unwrap();
    let of = |row: &Value| (row["addr"].clone(), row["gossiped"].clone(), row["reachable"].clone());
    assert_eq!(
        sources.iter().map(of).collect::<Vec<_>>(),
        [
            (json!("203.0.113.9"), json!(5), json!(0)),
            (json!("203.0.113.5"), json!(2), json!(2)),
            (Value::Null, json!(1), json!(0)),
        ]
    );
    let never = all["never"].as_array().unwrap();
    assert_eq!(never.iter().map(|row| &row["addr"]).collect::<Vec<_>>(), ["203.0.113.9"]);
    let recent = all["recent"].as_array().unwrap();
    assert_eq!(recent.len(), 7, "what was known from before is no attempt");
    let first = recent.iter().find(|row| row["reachable"] == true).unwrap();
    assert_eq!((&first["addr"], &first["claim"]), (&json!("198.51.100.1:8333"), &json!("p2p_v2_untrue")));
    assert_eq!((&first["user_agent"], &first["clock_offset_seconds"]), (&json!("/Satoshi:31.0.0/<b>"), &json!(-3)));
    let tried: f64 = all["series"]["tried"].as_array().unwrap().iter().filter_map(Value::as_f64).sum();
    assert!(tried <= 7.0, "whole steps only");

    running.publish([status(9, &json!([]), true)]).await;
    running.wait_for("connectivity", |all| all["running"] == false && all["totals"]["tried"] == 7).await;
    running.end().await;
}

/// Whoever invents sources: the lists have limits, and who is heard stays.
#[tokio::test]
async fn many_sources() {
    let running = Running::start(Options::default());
    let v4 = json!({ "ipv4": "198.51.100.1", "services": 1 });
    for part in 0..6 {
        let some = (0..500_u64).map(|n| {
            let number = part * 500 + n;
            let addr = format!("10.0.{}.{}:1", number / 250, number % 250);
            attempt(number + 1, &v4, "REFUSED", json!({ "source_peer_id": number, "source_addr": addr, "asn": number }))
        });
        running.publish(some.collect::<Vec<_>>()).await;
    }
    let all = running.wait_for("connectivity", |all| all["totals"]["tried"] == 3_000).await;
    let count = |list: &str| all[list].as_array().unwrap().len();
    assert_eq!((count("sources"), count("systems"), count("recent"), count("never")), (50, 50, 100, 0));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_who_gossips_what() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let running = Running::start(Options { nodes: vec!["alice".to_owned()], ..Options::default() });
    let browser = Browser::start().await.unwrap();
    let page = browser.page(1_400, 900).await.unwrap();
    page.go(&format!("{}#/addresses", running.url)).await.unwrap();
    let text = "document.querySelector('.connectivity')?.innerText ?? ''";
    let has = |words: &str| format!("({text}).includes({words:?})");
    page.until(&has("The connectivity check is off"), PATIENCE).await.unwrap();
    assert_eq!(page.value(&has("[connectivity] in peer-observer.toml")).await.unwrap(), true);

    running.publish([status(0, &json!([]), false)]).await;
    page.until(&has("No address has been tried yet"), PATIENCE).await.unwrap();
    let addresses = [
        json!({ "ipv4": "198.51.100.1", "services": 2_057 }),
        json!({ "ipv6": "2001:db8::7", "services": 9 }),
        json!({ "torv3": "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion", "services": 1 }),
    ];
    let outcomes = ["V2", "TIMEOUT", "V1", "REFUSED", "UNREACHABLE", "NOT_BITCOIN", "TIMEOUT", "WRONG_NETWORK"];
    let records = (0..60).map(|n| {
        let outcome = outcomes[n as usize % outcomes.len()];
        let mut more = if n % 9 == 8 { json!({}) } else { from(5 + n % 4) };
        if outcome.starts_with('V') {
            more["version"] = json!({
                "version": 70_016, "services": 9, "user_agent": "/Satoshi:31.0.0/<script>x</script>", "start_height": 7, "relay": true,
                "nonce": 1, "timestamp": 1, "clock_offset": -3,
            });
        }
        attempt(n + 1, &addresses[n as usize % addresses.len()], outcome, more)
    });
    running.publish(records.collect::<Vec<_>>()).await;
    let lone = (0..6).map(|n| attempt(61 + n, &addresses[1], "TIMEOUT", from(77)));
    running.publish(lone.collect::<Vec<_>>()).await;
    page.until(&has("203.0.113.77"), PATIENCE).await.unwrap();
    for words in
        ["the node itself", "no answer in time", "AS64500", "/Satoshi:31.0.0/<script>x</script>", "no transport v2"]
    {
        page.until(&has(words), PATIENCE).await.unwrap();
    }
    assert_eq!(page.value(&has("The connectivity check")).await.unwrap(), false, "nothing to explain");
    // A phone is as wide as the page.
    let phone = browser.page(390, 844).await.unwrap();
    phone.go(&format!("{}#/addresses", running.url)).await.unwrap();
    phone.until(&has("203.0.113.77"), PATIENCE).await.unwrap();
    assert_eq!(phone.value("document.documentElement.scrollWidth <= 390").await.unwrap(), true);
    assert!(page.wrong().is_empty() && phone.wrong().is_empty(), "{:?} {:?}", page.wrong(), phone.wrong());
    running.end().await;
}
