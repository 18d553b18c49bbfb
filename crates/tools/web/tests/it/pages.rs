//! What pages show, in a real browser.

use std::sync::Arc;

use event::Record;
use event::time::{now_ns, rfc3339};
use serde_json::{Value, json};
use testbed::{Browser, Page};
use web::Options;

use crate::running::{PATIENCE, Running, event};

/// The names of a fleet's nodes.
fn fleet() -> Vec<String> {
    (1..=16).map(|n| format!("node{n}")).collect()
}

/// An event of a node: its source is its run.
fn of(node: &str, source: &str, kind: &str, sequence: u64, body: Value) -> Arc<Record> {
    let time = rfc3339(now_ns());
    event(
        &json!({ "time": time, "node": node, "run": node.len() * 100 + source.len(), "sequence": sequence, "source": source, "kind": kind, "body": body }),
    )
}

/// The last entry of a node's log.
fn logged(node: &str, sequence: u64, kind: &str, body: Value) -> Arc<Record> {
    let line = json!({ "log_timestamp": 0, "category": "NET", "threadname": "msghand", "log_level": "DEBUG", "log_line_bytes": 80, kind: body });
    of(node, "log", kind, sequence, line)
}

/// The status of the RPC extractor of a node, with this number of calls of each of many methods.
fn rpc_status(node: &str, calls: u32) -> Arc<Record> {
    let methods = (0..40).map(|n| json!({ "name": "rpc_calls", "labels": [{ "name": "method", "value": format!("method{n}") }], "value": calls }));
    let counts: Vec<Value> = methods.collect();
    let body = json!({ "extractor": "rpc", "started_ns": "1769860800000000000", "last_sequence": 0, "ended": false, "counts": counts });
    event(
        &json!({ "time": rfc3339(now_ns()), "node": node, "run": node.len(), "sequence": 0, "source": "observer", "kind": "status", "body": body }),
    )
}

/// Peers of a node, one of each type of connection, as getpeerinfo lists them.
fn peers(node: &str) -> Arc<Record> {
    let types =
        ["inbound", "outbound-full-relay", "block-relay-only", "manual", "feeler", "addr-fetch", "private-broadcast"];
    let infos: Vec<Value> = types.iter().enumerate().map(|(id, connection_type)| json!({
        "id": id, "address": format!("203.0.113.{id}:8333"), "inbound": *connection_type == "inbound", "connection_type": connection_type,
        "network": "ipv4", "version": 70_016, "subversion": "/Satoshi:29.5.0/Knots:20260508/", "connection_time": now_ns() / 1_000_000_000 - 7_300,
    })).collect();
    of(node, "rpc", "peer_infos", 1, json!({ "infos": infos }))
}

async fn open(browser: &Browser, (width, height): (u32, u32), url: &str, route: &str, shows: &str) -> Page {
    let page = browser.page(width, height).await.unwrap();
    page.go(&format!("{url}#/{route}")).await.unwrap();
    until(&page, shows).await;
    page
}

/// Waits until the page shows something; `text()` is its text.
async fn until(page: &Page, shows: &str) {
    let shown = format!(
        "(() => {{ const text = () => document.querySelector('main').innerText; return Boolean({shows}); }})()"
    );
    if let Err(error) = page.until(&shown, PATIENCE).await {
        panic!("{error}: {} {:?}", page.value("document.querySelector('main').innerText").await.unwrap(), page.wrong());
    }
}

/// The texts of the cells that a selector finds.
async fn texts(page: &Page, selector: &str) -> Vec<String> {
    let found = page
        .value(&format!("[...document.querySelectorAll({selector:?})].map((el) => el.innerText.trim())"))
        .await
        .unwrap();
    found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_are_found_and_read() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let running = Running::start(Options::default());
    running.publish([peers("alice")]).await;
    let browser = Browser::start().await.unwrap();
    let rows = "document.querySelectorAll('.peers-table tbody tr').length";
    let page = open(&browser, (390, 844), &running.url, "peers?filter=type:outbound", &format!("{rows} === 6")).await;
    let type_filter = |text: &str| {
        format!(
            "(() => {{ const el = document.querySelector('.filter'); el.value = '{text}'; el.dispatchEvent(new Event('input')); }})()"
        )
    };
    for (filter, count) in [("-type:outbound", 1), ("type:block", 1), ("type:inbound", 1), ("type:outbound,inbound", 7)]
    {
        page.value(&type_filter(filter)).await.unwrap();
        until(&page, &format!("{rows} === {count}")).await;
    }
    let cells = texts(&page, ".peers-table tbody td").await;
    assert!(cells.contains(&"Satoshi:29.5.0 Knots:20260508 · 70016".to_owned()), "{cells:?}");
    assert!(cells.contains(&"2 h".to_owned()), "{cells:?}");

    // The table is wider than the screen, and shows it until its end is reached.
    until(&page, "document.querySelector('.peers-table .table-wrap.more-right:not(.more-left)')").await;
    page.value("document.querySelector('.peers-table .table-wrap').scrollTo(1e6, 0)").await.unwrap();
    until(&page, "document.querySelector('.peers-table .table-wrap.more-left:not(.more-right)')").await;

    // One panel at a time, and the table below it stays in reach.
    for (button, panel, other) in [("Filter help", ".help", ".columns"), ("Columns", ".columns", ".help")] {
        page.value(&format!(
            "[...document.querySelectorAll('.toggles button')].find((el) => el.textContent === '{button}').click()"
        ))
        .await
        .unwrap();
        until(&page, &format!("!document.querySelector('{panel}').hidden && document.querySelector('{other}').hidden"))
            .await;
        assert!(
            page.value(&format!("document.querySelector('{panel}').offsetHeight")).await.unwrap().as_u64() < Some(500)
        );
    }

    // What is opened while paused is asked for once, and is not waited for.
    page.value("document.querySelector('button.pause').click()").await.unwrap();
    page.go(&format!("{}#/peer?node=alice&id=99", running.url)).await.unwrap();
    until(&page, "/has no peer 99.*Resume/.test(text()) && !text().includes('Asking')").await;
    page.go(&format!("{}#/peer?node=alice&id=3", running.url)).await.unwrap();
    until(&page, "text().includes('203.0.113.3:8333')").await;
    let mut wrong = page.wrong();
    // That there is no such peer is an answer.
    wrong.retain(|text| !text.contains("404"));
    assert!(wrong.is_empty(), "{wrong:#?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_has_room_on_blocks_and_health() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let running = Running::start(Options { nodes: fleet(), ..Options::default() });
    let hash = |n: u8| format!("{n:02x}").repeat(32);
    for (place, node) in fleet().iter().enumerate() {
        // At height 101 the last node has another block; later blocks are the same.
        let other = place == 15;
        let blocks = (0..12_u8).map(|n| (100 + u32::from(n), if other && n == 1 { hash(0xee) } else { hash(n + 1) }));
        let connected = blocks.enumerate().map(|(n, (height, hash))| {
            logged(node, n as u64 + 1, "block_connected_log", json!({ "block_hash": hash, "block_height": height }))
        });
        running.publish(connected.collect::<Vec<_>>()).await;
        running.publish([rpc_status(node, place as u32 + 1)]).await;
    }
    let browser = Browser::start().await.unwrap();
    let cards = "document.querySelectorAll('.block').length === 12";
    let page =
        open(&browser, (1_366, 768), &running.url, "blocks", &format!("{cards} && text().includes('At height 101')"))
            .await;
    until(&page, "document.querySelectorAll('.block[open]').length === 1").await;
    let first = texts(&page, ".block > summary").await;
    assert!(first[..2].iter().all(|line| line.starts_with("101") && line.contains("fork")), "{first:?}");
    assert!(first[2].starts_with("111"), "{first:?}");
    let height = page.value("document.documentElement.scrollHeight").await.unwrap();
    assert!(height.as_u64() < Some(2_200), "{height} pixels");

    let page = open(
        &browser,
        (390, 844),
        &running.url,
        "health",
        "document.querySelectorAll('.sources tbody tr').length === 16 * 4",
    )
    .await;
    let own = "[...document.querySelectorAll('.sources tbody tr')].filter((tr) => tr.cells[1].innerText === 'rpc').map((tr) => tr.cells[7].innerText)";
    let calls = page.value(own).await.unwrap();
    let expected: Vec<String> = (1..=16).map(|calls| format!("{} calls in 0 s, 0 failed", calls * 40)).collect();
    assert_eq!(calls, json!(expected));
    let missing = texts(&page, ".sources tbody tr:first-child > *").await;
    assert_eq!(missing[..3], ["node1", "ebpf", "missing"]);
    // No row is blown up by what stands far to the right.
    let tallest = page
        .value("Math.max(...[...document.querySelectorAll('.sources tbody tr')].map((tr) => tr.offsetHeight))")
        .await
        .unwrap();
    assert!(tallest.as_u64() < Some(45), "{tallest} pixels");
    // Two pages are open, none of which shows live events.
    until(&page, "/Browsers\\s+2\\s/.test(text())").await;
    running.end().await;
}
