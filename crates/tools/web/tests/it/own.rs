//! Our own P2P connection to a node, in the API and on the pages.

use std::sync::Arc;

use event::Record;
use event::time::{now_ns, rfc3339};
use serde_json::{Value, json};
use testbed::{Browser, Page};
use web::{Options, Public};

use crate::running::{PATIENCE, Running, event};

/// Where we listen, and where a node sees us if we connect to it.
const HERE: &str = "127.0.0.2:28333";
const FROM: &str = "127.0.0.1:50000";

thread_local! {
    /// When the test began. Each has a thread of its own.
    static START: u64 = now_ns();
}

/// An event of a node, so many milliseconds ago: its source is its run.
fn of(node: &str, source: &str, kind: &str, ago_ms: u64, body: Value) -> Arc<Record> {
    let time = rfc3339(START.with(|start| *start) - ago_ms * 1_000_000);
    event(&json!({ "time": time, "node": node, "run": source.len(), "source": source, "kind": kind, "body": body }))
}

fn p2p(node: &str, kind: &str, ago_ms: u64, body: Value) -> Arc<Record> {
    of(node, "p2p", kind, ago_ms, body)
}

/// A connection that was opened: the node connected to us.
fn opened(node: &str, ago_ms: u64) -> Vec<Arc<Record>> {
    vec![
        p2p(node, "connection_expected", ago_ms + 1_000, json!({ "way": "LISTENING", "our_address": HERE })),
        p2p(
            node,
            "connection_opened",
            ago_ms,
            json!({
                "way": "LISTENING", "our_address": HERE, "node_address": "127.0.0.1:51000", "transport": "v2", "session_id": "ab", "our_nonce": 77,
            }),
        ),
        p2p(
            node,
            "node_version",
            ago_ms,
            json!({
                "version": 70_016, "services": 1_033, "user_agent": "/Satoshi:31.0.0/", "start_height": 99, "relay": true, "clock_offset": 0,
                "changed": false,
            }),
        ),
    ]
}

/// A message of the connection.
fn seen(node: &str, message_type: &str, sent: bool, size: u64, ago_ms: u64) -> Arc<Record> {
    p2p(
        node,
        "message_seen",
        ago_ms,
        json!({ "message_type": message_type, "size": size, "wire_size": size + 24, "sent": sent }),
    )
}

/// Pings, one a second, until so many milliseconds ago; each takes so many microseconds.
fn pings(node: &str, count: u64, until_ms: u64, micros: impl Fn(u64) -> u64) -> Vec<Arc<Record>> {
    let ping = |number: u64| {
        let ago_ms = until_ms + (count - number) * 1_000;
        let duration = micros(number) * 1_000;
        [
            seen(node, "ping", true, 8, ago_ms),
            seen(node, "pong", false, 8, ago_ms),
            p2p(node, "ping_duration", ago_ms, json!({ "duration": duration })),
        ]
    };
    (1..=count).flat_map(ping).collect()
}

/// What getpeerinfo lists: our own connection, and two peers.
fn peers(node: &str, own: &str, inbound: bool, ago_ms: u64) -> Arc<Record> {
    let peer = |id: u64, address: &str, kind: &str, network: &str| {
        json!({
            "id": id, "address": address, "inbound": kind == "inbound", "connection_type": kind, "network": network, "version": 70_016,
            "subversion": "/Satoshi:29.0.0/", "transport_protocol_type": "v2", "relay_transactions": true, "ping_time": 0.05,
            "minfeefilter": 0.000_01, "connection_time": now_ns() / 1_000_000_000 - 3_600,
            "bytes_sent_per_message": { "inv": 61_000 }, "bytes_received_per_message": { "pong": 32_000 },
        })
    };
    let kind = if inbound { "inbound" } else { "manual" };
    let infos = [
        peer(1, own, kind, "not_publicly_routable"),
        peer(2, "203.0.113.2:8333", "inbound", "ipv4"),
        peer(3, "203.0.113.3:8333", "outbound-full-relay", "ipv4"),
    ];
    of(node, "rpc", "peer_infos", ago_ms, json!({ "infos": infos }))
}

fn hash(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

/// An announcement of a block to us, and how long the node took to check it.
fn block(node: &str, n: u8, ago_ms: u64) -> Vec<Arc<Record>> {
    let announcement =
        json!({ "block_hash": hash(200 + n), "message_type": "cmpctblock", "height": 100 + u32::from(n) });
    vec![
        p2p(node, "block_announcement", ago_ms, announcement),
        p2p(node, "block_served", ago_ms, json!({ "block_hash": hash(200 + n), "duration_ns": 42_000_000 })),
    ]
}

/// The status of an extractor that finds the node like this.
fn status(node: &str, extractor: &str, state: &str, reason: &str) -> Arc<Record> {
    let found = json!({ "state": state, "since_ns": (now_ns() - 9_000_000_000).to_string(), "reason": reason });
    let body = json!({
        "extractor": extractor, "started_ns": "1", "last_sequence": "0", "ended": false, "interval_ms": 60_000, "node": found,
    });
    let time = rfc3339(now_ns());
    event(
        &json!({ "time": time, "node": node, "run": extractor.len(), "source": "observer", "kind": "status", "body": body }),
    )
}

/// Alice has tracepoints, bob has none, carol can be seen by our connection only, dan waits for it, and erin has none.
fn nodes() -> Vec<Arc<Record>> {
    let mut all = opened("alice", 600_000);
    all.extend(pings("alice", 590, 500, |number| if number == 300 { 90_000 } else { 400 + number % 7 * 90 }));
    all.push(peers("alice", HERE, false, 400));
    for number in 0..40_u64 {
        let ago_ms = 40_000 - number * 900;
        let meta = json!({ "peer_id": 2, "addr": "203.0.113.2:8333", "conn_type": "Inbound", "command": "tx", "inbound": true, "size": 200 });
        let txid = hash(u8::try_from(number).unwrap());
        all.push(of(
            "alice",
            "ebpf",
            "message",
            ago_ms,
            json!({ "meta": meta, "tx": { "tx": { "txid": txid, "wtxid": txid } } }),
        ));
        all.push(of("alice", "ebpf", "mempool_added", ago_ms - 1, json!({ "txid": txid, "vsize": 140, "fee": 500 })));
        let items = json!({ "inventory": [{ "wtx": txid }] });
        all.push(p2p("alice", "inventory_announcement", ago_ms - 30 - number * 10, items));
    }
    let header = |n: u8, ago_ms| {
        let entry =
            json!({ "block_hash": hash(200 + n), "compact_block": true, "height": 100 + u32::from(n), "peer_id": 3 });
        let line = json!({
            "log_timestamp": 0, "category": "NET", "threadname": "msghand", "log_level": "DEBUG", "log_line_bytes": 80, "header_seen": entry,
        });
        of("alice", "log", "header_seen", ago_ms, line)
    };
    for n in [7, 8] {
        let ago_ms = 30_000 - u64::from(n) * 1_000;
        all.push(header(n, ago_ms));
        all.extend(block("alice", n, ago_ms - 12));
    }
    all.push(p2p(
        "alice",
        "own_address",
        300_000,
        json!({ "address": {
        "timestamp": 0, "services": 1_033, "port": 8_333, "ipv4": "198.51.100.1" } }),
    ));
    all.push(p2p("alice", "feature_offered", 300_000, json!({ "feature_id": "BIP332", "data": "01" })));
    for extractor in ["rpc", "log", "ebpf", "p2p"] {
        all.push(status("alice", extractor, "UP", ""));
    }

    all.extend(opened("bob", 300_000));
    all.extend(pings("bob", 240, 40_000, |number| 2_000 + number * 10));
    // It does not answer any more.
    all.push(seen("bob", "ping", true, 8, 39_000));
    all.push(peers("bob", HERE, false, 400));
    all.push(status("bob", "rpc", "UP", ""));
    all.push(status("bob", "p2p", "HANGING", "a ping was not answered for 39 s"));

    let dialled = json!({ "way": "DIALLING", "our_address": FROM, "node_address": "192.0.2.9:8333", "transport": "v1", "our_nonce": 78 });
    all.push(p2p("carol", "connection_opened", 100_000, dialled));
    all.push(p2p("carol", "node_version", 100_000, json!({
        "version": 70_016, "services": 1, "user_agent": "/btcwire:0.5.0/btcd:0.24.2/", "start_height": 99, "relay": true, "clock_offset": 2,
        "changed": false,
    })));
    all.extend(pings("carol", 95, 500, |_| 31_000));
    all.push(seen("carol", "inv", false, 37, 500));
    all.extend(block("carol", 8, 22_000));
    all.push(status("carol", "p2p", "UP", ""));

    all.push(p2p("dan", "connection_expected", 5_000, json!({ "way": "LISTENING", "our_address": "127.0.0.2:28336" })));
    all.push(status("dan", "p2p", "UNREADABLE", "waiting for its P2P connection at 127.0.0.2:28336"));
    all.push(of("erin", "rpc", "uptime", 400, json!(5)));
    all
}

fn node<'a>(all: &'a Value, name: &str) -> &'a Value {
    all.as_array().unwrap().iter().find(|node| node["node"] == name).unwrap_or_else(|| panic!("{name} in {all}"))
}

#[tokio::test]
async fn our_own_connection_is_marked_and_in_no_count() {
    let running = Running::start(Options::default());
    running.publish(nodes()).await;
    running.wait_for("nodes", |all| all.as_array().is_some_and(|all| all.len() == 5)).await;
    let all = running.wait_for("nodes", |_| true).await;
    let alice = node(&all, "alice");
    assert_eq!(
        ["total", "inbound", "outbound", "own"].map(|key| alice["connections"][key].clone()),
        [2, 1, 1, 1].map(Value::from)
    );
    assert_eq!(alice["connections"]["by_type"], json!({ "inbound": 1, "outbound-full-relay": 1 }));
    assert_eq!(alice["connections"]["by_network"], json!({ "ipv4": 2 }));
    let own = &alice["own"];
    assert_eq!(
        ["state", "way", "transport", "address", "user_agent", "announced_address"].map(|key| own[key].clone()),
        ["open", "listening", "v2", HERE, "/Satoshi:31.0.0/", "198.51.100.1:8333"].map(Value::from)
    );
    assert_eq!((&own["features"], &own["ping_wait_seconds"]), (&json!(["BIP332"]), &Value::Null));
    let bob = node(&all, "bob");
    assert!(bob["own"]["ping_wait_seconds"].as_f64().unwrap() > 38.0, "{bob}");
    // Of carol nothing else is known.
    let carol = node(&all, "carol");
    assert_eq!((&carol["version"], &carol["services"]), (&json!("/btcwire:0.5.0/btcd:0.24.2/"), &json!(["NETWORK"])));
    assert_eq!((&carol["connections"]["total"], &carol["own"]["way"]), (&Value::Null, &json!("dialling")));
    let dan = node(&all, "dan");
    assert_eq!((&dan["own"]["state"], &dan["own"]["address"]), (&json!("expected"), &json!("127.0.0.2:28336")));
    assert_eq!(node(&all, "erin")["own"], Value::Null);

    let peers = running.wait_for("peers?node=alice", |_| true).await;
    let own: Vec<(&Value, &Value)> = peers.as_array().unwrap().iter().map(|peer| (&peer["id"], &peer["own"])).collect();
    assert_eq!(own, [(&json!(1), &json!(true)), (&json!(2), &json!(false)), (&json!(3), &json!(false))]);
    // It only listens, and is no spy.
    assert_eq!(peers[0]["marks"], json!([]));
    let transactions = running.wait_for("transactions?node=alice", |_| true).await;
    assert_eq!(transactions["fee_filters"][0]["peers"], 2);
    running.end().await;
}

#[tokio::test]
async fn pings_relay_delays_and_happenings() {
    let running = Running::start(Options::default());
    running.publish(nodes()).await;
    let pings =
        running.wait_for("pings", |pings| pings["own"]["nodes"].as_array().is_some_and(|all| all.len() == 5)).await;
    let alice = node(&pings["own"]["nodes"], "alice");
    let of = |key: &str| alice[key].as_f64().unwrap();
    assert!((0.0004..0.001).contains(&of("median_seconds")) && (0.0004..0.001).contains(&of("p99_seconds")), "{alice}");
    assert!((of("longest_seconds") - 0.09).abs() < 1e-6, "{alice}");
    assert_eq!(pings["own"]["recent"].as_array().unwrap().len(), 200);
    // The peers of alice and bob, without our own connections.
    assert_eq!(pings["peers"].as_array().unwrap().len(), 4);
    // One long ping is not lost in steps of a minute.
    let day = running.wait_for("pings?node=alice&minutes=1440", |_| true).await;
    let max = day["own"]["series"]["max"].as_array().unwrap().iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    assert!((max - 0.09).abs() < 1e-6, "{max}");

    let relay = running.wait_for("relay?node=alice", |relay| relay["transactions"]["count"].as_u64() >= Some(30)).await;
    let seconds = |what: &str, which: &str| relay[what][which].as_f64().unwrap();
    assert!((0.03..0.4).contains(&seconds("transactions", "median_seconds")), "{relay}");
    assert!(seconds("transactions", "p90_seconds") > seconds("transactions", "median_seconds"), "{relay}");
    assert!((seconds("blocks", "median_seconds") - 0.012).abs() < 0.002, "{relay}");
    assert!((seconds("validations", "p90_seconds") - 0.042).abs() < 1e-6, "{relay}");
    let transactions = running.wait_for("transactions?node=alice", |_| true).await;
    let relayed = transactions["recent"].as_array().unwrap().iter().filter(|tx| tx["relay_since"] == "mempool").count();
    assert!(relayed >= 30, "{relayed}");
    let blocks = running.wait_for("blocks", |_| true).await;
    let eight = &blocks[0];
    assert_eq!((&eight["height"], eight["nodes"].as_array().unwrap().len()), (&json!(108), 2));
    let of_alice = node(&eight["nodes"], "alice");
    assert_eq!(
        (&of_alice["own"]["message"], &of_alice["own"]["relay_since"], &of_alice["own"]["validation_seconds"]),
        (&json!("cmpctblock"), &json!("header"), &json!(0.042))
    );
    // Of carol only the announcement is known.
    let of_carol = node(&eight["nodes"], "carol");
    assert_eq!((&of_carol["header"], &of_carol["own"]["relay_seconds"]), (&Value::Null, &Value::Null));

    running
        .publish([
            p2p("alice", "connection_ended", 0, json!({ "reason": "closed by the node", "duration_ns": 5 })),
            p2p("alice", "node_version", 0, json!({
                "version": 70_017, "services": 1_033, "user_agent": "/Satoshi:32.0.0/", "start_height": 99, "relay": true, "clock_offset": 0,
                "changed": true,
            })),
            p2p("alice", "stale_tips", 0, json!({ "fork_point": hash(1), "block_hashes": [hash(2)], "have_block": true })),
        ])
        .await;
    let ended = |all: &Value| all.as_array().unwrap().iter().any(|one| one["kind"] == "stale_tips");
    let happened = running.wait_for("happenings?node=alice", ended).await;
    let what = |kind: &str| {
        let one = happened.as_array().unwrap().iter().find(|one| one["kind"] == kind);
        one.map(|one| format!("{}: {}", one["severity"].as_str().unwrap(), one["what"].as_str().unwrap()))
    };
    let expected = [
        ("p2p_opened", "note: Our P2P connection was opened: the node connected to us, transport v2."),
        ("p2p_ended", "note: Our P2P connection ended: closed by the node."),
        ("own_address", "note: It announces 198.51.100.1:8333 as its own address."),
        ("feature_offered", "note: It offers the feature BIP332."),
        ("version_changed", "warning: It introduces itself in another way than before: /Satoshi:32.0.0/."),
    ];
    for (kind, text) in expected {
        assert_eq!(what(kind).as_deref(), Some(text));
    }
    assert!(what("stale_tips").unwrap().ends_with(&format!("up to block {}.", hash(2))));
    let all = running.wait_for("nodes?node=alice", |all| all[0]["own"]["state"] == "ended").await;
    assert_eq!(
        (&all[0]["own"]["reason"], &all[0]["own"]["ping_seconds"]),
        (&json!("closed by the node"), &Value::Null)
    );
    running.end().await;
}

#[tokio::test]
async fn messages_of_our_own_connection_stand_in_for_others_only_where_there_are_none() {
    let running = Running::start(Options::default());
    running.publish(nodes()).await;
    let names = |rows: &Value| {
        let row = |row: &Value| {
            format!("{} {} {}", row["message"].as_str().unwrap(), row["direction"].as_str().unwrap(), row["count"])
        };
        rows.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let carol = running.wait_for("messages?node=carol", |all| all["source"] == "p2p").await;
    assert_eq!(names(&carol["types"]), ["ping inbound 95", "pong outbound 95", "inv outbound 1"]);
    assert_eq!(carol["own"], json!([]));
    let bob = running.wait_for("messages?node=bob", |all| all["source"] == "rpc").await;
    assert_eq!(names(&bob["own"]), ["ping inbound 241", "pong outbound 240"]);
    assert_eq!(names(&bob["types"])[0], "inv outbound null");
    let alice = running.wait_for("messages?node=alice", |all| all["source"] == "ebpf").await;
    assert_eq!((names(&alice["types"]), &alice["own"]), (vec!["tx inbound 40".to_owned()], &json!([])));
    running.end().await;
}

/// In the public mode nothing shows which of the peers it is.
#[tokio::test]
async fn the_public_sees_no_address_of_ours() {
    let running = Running::start(Options { public: Some(Public::default()), ..Options::default() });
    running.publish(nodes()).await;
    let all = running.wait_for("nodes?node=alice", |all| all[0]["own"]["state"] == "open").await;
    let own = &all[0]["own"];
    assert_eq!(
        (&own["address"], &own["announced_address"], &own["transport"]),
        (&Value::Null, &Value::Null, &json!("v2"))
    );
    let text = reqwest::get(format!("{}api/peers", running.url)).await.unwrap().text().await.unwrap();
    assert!(!text.contains("127.0.0.2") && !text.contains(r#""own":true"#), "{text}");
    running.end().await;
}

/// Opens a page, and waits until it shows something; `text()` is its text.
async fn open(browser: &Browser, (width, height): (u32, u32), url: &str, route: &str, shows: &str) -> Page {
    let page = browser.page(width, height).await.unwrap();
    page.go(&format!("{url}#/{route}")).await.unwrap();
    let shown = format!(
        "(() => {{ const text = () => document.querySelector('main').innerText; return Boolean({shows}); }})()"
    );
    if let Err(error) = page.until(&shown, PATIENCE).await {
        panic!(
            "{route}: {error}: {} {:?}",
            page.value("document.querySelector('main').innerText").await.unwrap(),
            page.wrong()
        );
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_show_it() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let running = Running::start(Options::default());
    running.publish(nodes()).await;
    running.wait_for("relay?node=alice", |relay| relay["transactions"]["count"].as_u64() >= Some(30)).await;
    let browser = Browser::start().await.unwrap();
    let table = [
        ("overview?node=alice", "text().includes('2 (1 in, 1 out), and ours') && text().includes('198.51.100.1:8333')"),
        (
            "peers?node=alice",
            "text().includes('2 peers; and ours') && document.querySelectorAll('.peers-table .badge.info').length === 1",
        ),
        ("peers?node=alice&filter=own:yes", "text().includes('0 of 2 peers; and ours')"),
        ("peer?node=alice&id=1", "document.querySelector('.card-head .badge.info').innerText === 'ours'"),
        (
            "circle?node=alice",
            "document.querySelector('.circle-hub').innerText.includes('2 peers') && [...document.querySelectorAll('.circle-groups button')].some((el) => el.innerText.replaceAll('\\n', ' ') === 'ours 1')",
        ),
        (
            "pings?node=alice",
            "/Longest\\s+90 ms/.test(text()) && text().includes('all are answered') && !text().includes('No P2P connection')",
        ),
        ("pings?node=bob", "/No answer for\\s+\\d+ (s|min)/.test(text()) && /from \\d+ (s|min) ago/.test(text())"),
        ("pings?node=dan", "text().includes('No P2P connection to dan') && text().includes('addnode=127.0.0.2:28336')"),
        (
            "pings?node=erin",
            "text().includes('No P2P connection to erin') && text().includes('peer-observer extract p2p')",
        ),
        (
            "pings",
            "text().includes('No P2P connection to dan') && text().includes('btcd') === false && /carol\\s+31 ms/.test(text())",
        ),
        (
            "transactions?node=alice",
            "/Relay delay\\s+\\d+ ms\\s+90 % within/.test(text()) && document.querySelector('[title=\"since it was in the mempool\"]')",
        ),
        (
            "blocks?node=alice",
            "/Checked within\\s+42 ms/.test(text()) && /to us by cmpctblock, 1\\d(\\.\\d+)? ms after its header; checked within 42 ms/.test(text())",
        ),
        ("messages?node=carol", "text().includes('Only our own connection.') && /pong\\s+↑ sent/.test(text())"),
        ("messages?node=bob", "text().includes('Types, of our own connection')"),
        ("health", "text().includes('p2p')"),
    ];
    for (width, height) in [(1_400, 900), (390, 844)] {
        // On a phone, those with something wide.
        let is_wide = |route: &str| route != "health" && !route.contains('&') && !route.contains("erin");
        for (route, shows) in table.into_iter().filter(|(route, _)| width > 1_000 || is_wide(route)) {
            let page = open(&browser, (width, height), &running.url, route, shows).await;
            let over = page.value("document.documentElement.scrollWidth - window.innerWidth").await.unwrap();
            assert!(over.as_i64() <= Some(0), "{route} is {over} pixels too wide");
            assert!(page.wrong().is_empty(), "{route}: {:?}", page.wrong());
        }
    }
    // Messages of our own connection come as they are seen.
    let page =
        open(&browser, (1_400, 900), &running.url, "messages?node=carol", "text().includes('No message yet')").await;
    let came = "document.querySelector('.live-list tbody tr')?.innerText.replace(/\\s+/g, ' ') ?? ''";
    // It may only have asked for them.
    let shown = || async {
        running.publish([seen("carol", "headers", false, 81, 0)]).await;
        page.value(came).await.unwrap().as_str().is_some_and(|row| row.contains("headers")).then_some(())
    };
    testbed::eventually("a message in the list", PATIENCE, shown).await.unwrap();
    let row = page.value(came).await.unwrap();
    assert!(row.as_str().unwrap().contains("sent ours 81 B"), "{row}");
    running.end().await;
}
