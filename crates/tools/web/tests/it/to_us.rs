//! What the nodes send to our own P2P connections, in the API and on the page Addresses.

use std::sync::Arc;

use event::Record;
use event::time::{now_ns, rfc3339};
use serde_json::{Value, json};
use testbed::Browser;
use web::Options;

use crate::running::{PATIENCE, Running, event};

fn happened(kind: &str, sequence: u64, body: &Value) -> Arc<Record> {
    event(
        &json!({ "time": rfc3339(now_ns()), "node": "alice", "run": 3, "sequence": sequence, "source": "p2p", "kind": kind, "body": body }),
    )
}

/// An entry that was seen so many seconds ago.
fn entry(name: &str, address: &str, age: i64) -> Value {
    let now = i64::try_from(now_ns() / 1_000_000_000).unwrap();
    let mut entry = json!({ "timestamp": now - age, "services": 9, "port": 8333 });
    entry[name] = json!(address);
    entry
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_by_whether_they_were_sent_before() {
    let running = Running::start(Options { nodes: vec!["alice".to_owned()], ..Options::default() });
    let none = running.wait_for("addresses", |_| true).await;
    assert_eq!(none["to_us"], Value::Null, "there is no connection");

    let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
    let entries = [
        entry("ipv4", "198.51.100.1", 30),
        entry("ipv4", "198.51.100.2", 90_000),
        entry("torv3", onion, 4_000),
        entry("ipv6", "2001:db8::7", -3_600),
    ];
    let own = json!({ "address": entry("torv3", onion, 0) });
    running
        .publish([
            happened("address_announcement", 1, &json!({ "addresses": entries, "times": [1, 3, 0, 1] })),
            // Of another program's extractor, nobody knows how often.
            happened("address_announcement", 2, &json!({ "addresses": [entries[0].clone()] })),
            happened("own_address", 3, &own),
            happened("own_address", 4, &own),
        ])
        .await;
    let all = running.wait_for("addresses", |all| all["to_us"]["messages"] == 2).await;
    let to_us = &all["to_us"];
    let numbers =
        ["addresses", "unique_estimate", "first", "repeated", "future"].map(|name| to_us[name].as_u64().unwrap());
    assert_eq!(numbers, [5, 4, 2, 1, 1]);
    assert_eq!(to_us["networks"], json!({ "ipv4": 3, "ipv6": 1, "onion": 1 }));
    let ages: u64 = to_us["age"].as_array().unwrap().iter().map(|age| age["count"].as_u64().unwrap()).sum();
    assert_eq!(ages, 4, "what is from the future has no age");
    let recent = to_us["recent"].as_array().unwrap();
    let times: Vec<_> = recent.iter().map(|row| row["times"].as_u64()).collect();
    assert_eq!(times.len(), 5);
    assert_eq!(times.iter().flatten().sum::<u64>(), 5);
    assert_eq!(to_us["own"].as_array().unwrap().len(), 1, "the same one, announced twice");
    // They are no gossip of peers.
    assert_eq!(all["totals"]["addresses_in"], Value::Null);

    if testbed::require_chromium().is_some() {
        let browser = Browser::start().await.unwrap();
        let page = browser.page(1_400, 900).await.unwrap();
        page.go(&format!("{}#/addresses", running.url)).await.unwrap();
        for words in
            ["What the nodes send to us", "5 in 2 messages", "198.51.100.2:8333", "not before", "[2001:db8::7]:8333"]
        {
            let shown = format!("(document.querySelector('.to-us')?.innerText ?? '').includes({words:?})");
            page.until(&shown, PATIENCE).await.unwrap_or_else(|error| panic!("{words}: {error}"));
        }
        let phone = browser.page(390, 844).await.unwrap();
        phone.go(&format!("{}#/addresses", running.url)).await.unwrap();
        phone.until("document.querySelector('.to-us')?.hidden === false", PATIENCE).await.unwrap();
        assert_eq!(phone.value("document.documentElement.scrollWidth <= 390").await.unwrap(), true);
        assert!(page.wrong().is_empty() && phone.wrong().is_empty(), "{:?} {:?}", page.wrong(), phone.wrong());
    }
    running.end().await;
}
