//! The state that is derived from events.

use std::sync::Arc;

use event::Record;
use event::time::{now_ns, rfc3339};
use serde_json::{Value, json};
use web::{Advice, Options, Public, Step};

use crate::running::{Running, event, message};

/// An event of this source and kind, which happened `ago_ms` milliseconds ago.
fn happened(source: &str, kind: &str, sequence: u64, ago_ms: u64, body: Value) -> Arc<Record> {
    let time = rfc3339(now_ns() - ago_ms * 1_000_000);
    let run = source.len();
    event(
        &json!({ "time": time, "node": "alice", "run": run, "sequence": sequence, "source": source, "kind": kind, "body": body }),
    )
}

fn log(sequence: u64, ago_ms: u64, kind: &str, body: Value) -> Arc<Record> {
    let line = json!({ "log_timestamp": 0, "category": "NET", "threadname": "msghand", "log_level": "DEBUG", "log_line_bytes": 80, kind: body });
    happened("log", kind, sequence, ago_ms, line)
}

fn wtx(n: u8) -> Value {
    json!({ "wtx": hex(n) })
}

fn hex(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

#[tokio::test]
async fn a_peer_and_its_history() {
    let running = Running::start(Options::default());
    let inv = |items: &[u8]| json!({ "inv": { "items": items.iter().map(|n| wtx(*n)).collect::<Vec<_>>() } });
    let getdata = |items: &[u8]| json!({ "getdata": { "items": items.iter().map(|n| wtx(*n)).collect::<Vec<_>>() } });
    running
        .publish([
            message(1, 5, "ping", false, json!({ "ping": { "value": 99 } })),
            message(2, 5, "pong", true, json!({ "pong": { "value": 99 } })),
            message(3, 5, "inv", true, inv(&[1, 2, 3])),
            message(4, 6, "inv", true, inv(&[1, 4])),
            message(5, 5, "getdata", false, getdata(&[1, 2])),
            message(6, 6, "feefilter", true, json!({ "feefilter": { "fee": 1_000 } })),
            log(1, 0, "misbehaving", json!({ "peer_id": 5, "message": "<script>", "action": "DISCOURAGED" })),
            log(
                2,
                0,
                "peer_disconnected",
                json!({ "peer_id": 6, "reason": "PING_TIMEOUT", "text": "ping timeout: 1200s" }),
            ),
        ])
        .await;
    let five = running.wait_for("peers/alice/5", |peer| peer["misbehaviour"] == 1).await;
    assert_eq!(
        (&five["txs"]["announced"], &five["txs"]["first"], &five["txs"]["requested"]),
        (&json!(3), &json!(3), &json!(2))
    );
    assert_eq!(five["replies"][1]["request"], "ping");
    assert_eq!((&five["replies"][1]["count"], &five["replies"][0]["open"]), (&json!(1), &json!(2)));
    assert_eq!(five["messages"][1]["reply_to"], 1);
    assert_eq!(five["messages"][2]["about"], "3 tx");
    assert_eq!((&five["marks"][0]["mark"], &five["network"]), (&json!("misbehaving"), &json!("not_publicly_routable")));
    let six = running.wait_for("peers/alice/6", |peer| !peer["closed"].is_null()).await;
    assert_eq!((&six["end"]["reason"], &six["fee_filter_btc_kvb"]), (&json!("PING_TIMEOUT"), &json!(0.000_01)));
    assert_eq!((&six["txs"]["announced"], &six["txs"]["first"]), (&json!(2), &json!(1)));
    let transactions = running.wait_for("transactions", |_| true).await;
    let totals = &transactions["totals"];
    assert_eq!((&totals["announced"], &totals["unique"], &totals["requested"]), (&json!(5), &json!(4), &json!(2)));
    let open = running.wait_for("peers", |peers| peers.as_array().unwrap().len() == 1).await;
    assert_eq!(open[0]["id"], 5);
    running.wait_for("peers?closed=1", |peers| peers.as_array().unwrap().len() == 2).await;
    running.end().await;
}

/// Without tracepoints debug.log has type, size and peer of all messages.
#[tokio::test]
async fn messages_by_debug_log() {
    let running = Running::start(Options::default());
    let of = |name: &str, size: u64| json!({ "message_type": name, "size": size, "peer_id": 5 });
    let attempt = json!({ "addr": "192.0.2.1:8333", "reason": "TIMED_OUT", "text": "timed out" });
    running
        .publish([
            log(1, 900, "connection_added", json!({ "peer_id": 5, "addr": "203.0.113.5:8333" })),
            log(2, 800, "message_sent", of("version", 102)),
            log(3, 700, "message_received", of("inv", 37)),
            log(4, 600, "message_received", of("inv", 73)),
            log(5, 500, "connection_failed", attempt),
        ])
        .await;
    let counts = |types: &Value| {
        let row = |row: &Value| json!([row["message"], row["direction"], row["count"], row["bytes"]]);
        types.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let expected = [json!(["inv", "inbound", 2, 110]), json!(["version", "outbound", 1, 102])];
    let messages = running.wait_for("messages", |messages| messages["source"] == "log").await;
    assert_eq!(counts(&messages["types"]), expected);
    let peer = running.wait_for("peers/alice/5", |peer| peer["messages_received"] == 2).await;
    assert_eq!((&peer["messages_source"], &peer["addr"]), (&json!("log"), &json!("203.0.113.5:8333")));
    assert_eq!(counts(&peer["by_message"]), expected);
    assert_eq!((&peer["messages"][2]["size"], &peer["messages"][2]["about"]), (&json!(73), &json!("")));
    // Tracepoints know more, and the same messages do not count twice.
    running.publish([message(6, 5, "inv", true, json!({ "inv": { "items": [wtx(1)] } }))]).await;
    running.publish([log(7, 0, "message_received", of("inv", 37))]).await;
    let messages = running.wait_for("messages", |messages| messages["source"] == "ebpf").await;
    assert_eq!(counts(&messages["types"]).len(), 1);
    let peer = running.wait_for("peers/alice/5", |peer| peer["messages_source"] == "ebpf").await;
    assert_eq!((&peer["messages_received"], &peer["messages"][0]["about"]), (&json!(1), &json!("1 tx")));
    running.end().await;
}

/// What a tracepoint other than those of messages reports, in the run of the messages.
fn traced(sequence: u64, kind: &str, body: Value) -> Arc<Record> {
    let time = rfc3339(now_ns());
    event(
        &json!({ "time": time, "node": "alice", "run": 7, "sequence": sequence, "source": "ebpf", "kind": kind, "body": body }),
    )
}

/// One message outweighs nobody: what leads is what the node wanted, and who misbehaves is named.
#[tokio::test]
async fn the_sender_of_one_large_inv_does_not_lead() {
    let running = Running::start(Options::default());
    let inv = |hashes: Vec<String>| json!({ "inv": { "items": hashes.into_iter().map(|hash| json!({ "wtx": hash })).collect::<Vec<_>>() } });
    let many = |numbers: std::ops::Range<u64>| inv(numbers.map(|n| format!("{n:064x}")).collect());
    let tx = json!({ "tx": { "tx": { "txid": hex(1), "wtxid": hex(1) } } });
    let getdata = json!({ "getdata": { "items": [wtx(1)] } });
    running
        .publish([
            // One that the node refuses as a whole, one that is larger than any that Bitcoin Core sends, and one that is honest.
            message(1, 7, "inv", true, many(100_000..150_001)),
            message(2, 8, "inv", true, many(200_000..230_000)),
            message(3, 9, "inv", true, inv(vec![hex(1), hex(2)])),
            message(4, 9, "getdata", false, getdata),
            message(5, 9, "tx", true, tx),
            traced(6, "mempool_added", json!({ "txid": hex(1), "vsize": 100, "fee": 500 })),
            traced(7, "misbehaving_connection", json!({ "id": 7, "message": "inv message size = 50001" })),
        ])
        .await;
    let transactions = running.wait_for("transactions", |all| all["totals"]["useful"] == 1).await;
    let [first, second, third] = &transactions["announcers"].as_array().unwrap()[..] else { panic!("{transactions}") };
    let of = |row: &Value| ["id", "announced", "first", "useful"].map(|field| row[field].as_u64().unwrap());
    assert_eq!((of(first), &first["useful_share"]), ([9, 2, 2, 1], &json!(1.0)));
    assert_eq!(of(second), [8, 30_000, 1_000, 0]);
    assert_eq!(of(third), [7, 50_001, 0, 0]);
    assert_eq!(transactions["totals"]["unique"], 1_002);
    let suspects = running.wait_for("transactions", |all| !all["suspects"].as_array().unwrap().is_empty()).await;
    assert_eq!((&suspects["suspects"][0]["id"], &suspects["suspects"][0]["mark"]), (&json!(7), &json!("misbehaving")));
    running.end().await;
}

/// Without tracepoints, what only they report is null, and never 0; what debug.log reports is known as soon as its category is seen.
#[tokio::test]
async fn what_nothing_reports_is_null() {
    let running = Running::start(Options::default());
    let peer = json!({ "id": 5, "address": "127.0.0.1:5000", "network": "onion", "inbound": true, "connection_type": "inbound",
                       "cpu_load": 0.631, "starting_height": -1, "inv_to_send": 0 });
    let totals = |received: u64| json!({ "total_bytes_received": received, "total_bytes_sent": 10 });
    running
        .publish([
            happened("rpc", "peer_infos", 1, 30_000, json!({ "infos": [peer] })),
            happened("rpc", "net_totals", 2, 30_000, totals(1_000)),
            happened("rpc", "net_totals", 3, 20_000, totals(5_000)),
        ])
        .await;
    let peers = running.wait_for("peers", |peers| peers[0]["id"] == 5).await;
    for field in ["inv_to_send", "starting_height", "misbehaviour", "messages_received", "addresses_in", "txs"] {
        assert!(peers[0][field].is_null(), "{field} of {peers}");
    }
    // Per mille of Bitcoin Knots; and the address of a proxy is no group.
    assert_eq!((&peers[0]["cpu_load"], &peers[0]["group"]), (&json!(0.000_631), &json!("onion")));
    let messages = running.wait_for("messages?minutes=1", |all| !all["net"].is_null()).await;
    assert_eq!(
        (&messages["net"]["received"], &messages["net"]["unexplained_received"]),
        (&json!(4_000), &json!(4_000))
    );
    let nodes = running.wait_for("nodes", |_| true).await;
    assert!(nodes[0]["rates"]["messages_in"].is_null() && nodes[0]["mempool"].is_null(), "{nodes}");
    let mempool = running.wait_for("mempool", |_| true).await;
    for field in ["removed", "rejected", "replaced", "added_fee_rates"] {
        assert!(mempool[field].is_null(), "{field} of {mempool}");
    }
    let addresses = running.wait_for("addresses?map=1", |_| true).await;
    let all_null = |object: &Value| object.as_object().unwrap().values().all(Value::is_null);
    assert!(
        all_null(&addresses["totals"]) && addresses["networks"].is_null() && addresses["ipv4"].is_null(),
        "{addresses}"
    );
    let transactions = running.wait_for("transactions", |_| true).await;
    assert!(all_null(&transactions["totals"]) && transactions["inv_sizes"].is_null(), "{transactions}");
    let addrman = running.wait_for("addrman", |_| true).await;
    assert!(addrman["nodes"][0]["changes"].is_null() && addrman["nodes"][0]["entries"].is_null(), "{addrman}");
    let lines = running.wait_for("log", |_| true).await;
    assert!(lines["unknown"].is_null(), "{lines}");

    running.publish([log(1, 0, "unknown_log_message", json!({ "raw_message": "text" }))]).await;
    let addresses = running.wait_for("addresses", |all| all["totals"]["rate_limited"] == 0).await;
    assert!(addresses["totals"]["self_announcements"].is_null(), "{addresses}");
    running.wait_for("peers", |peers| peers[0]["misbehaviour"] == 0).await;
    running.wait_for("log", |all| all["unknown"] == 1).await;
    running.end().await;
}

#[tokio::test]
async fn block_stages_and_a_reorganisation() {
    let running = Running::start(Options::default());
    let (old, new) = (hex(0xaa), hex(0xbb));
    let tip = |hash: &str| {
        json!({ "block_hash": hash, "height": 100, "version": 4, "log2_work": 1.0, "transactions": 5, "date": "2026-01-31T12:00:00Z",
                "progress": 1.0, "cache_mib": 0.1, "cache_coins": 3, "background": false })
    };
    running
        .publish([
            log(1, 900, "header_seen", json!({ "block_hash": old, "compact_block": true, "height": 100, "peer_id": 3 })),
            log(2, 800, "compact_block_reconstructed", json!({
                "block_hash": old, "prefilled": 1, "from_mempool": 40, "from_extra_pool": 2, "requested": 7, "requested_bytes": 900,
            })),
            log(3, 700, "block_connected_log", json!({ "block_hash": old, "block_height": 100 })),
            log(4, 600, "update_tip", tip(&old)),
            log(5, 300, "block_disconnected_log", json!({ "block_hash": old, "block_height": 100 })),
            log(6, 200, "block_connected_log", json!({ "block_hash": new, "block_height": 100 })),
            log(7, 100, "update_tip", tip(&new)),
        ])
        .await;
    let blocks = running.wait_for("blocks", |blocks| blocks.as_array().unwrap().len() == 2).await;
    let block = &blocks[1]["nodes"][0];
    assert_eq!(
        (&blocks[1]["height"], &block["from_mempool"], &block["requested_bytes"]),
        (&json!(100), &json!(40), &json!(900))
    );
    assert_eq!(
        (&block["announced_by"][0]["id"], &block["announced_by"][0]["message"]),
        (&json!(3), &json!("cmpctblock"))
    );
    let times: Vec<&str> =
        ["header", "reconstructed", "connected", "tip"].iter().map(|name| block[*name].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let chain = running.wait_for("chain", |chain| !chain["stale"].as_array().unwrap().is_empty()).await;
    assert_eq!((&chain["stale"][0]["hash"], &chain["forks"][0]["height"]), (&json!(old), &json!(100)));
    assert_eq!(chain["nodes"][0]["best_block"], json!(new));
    running.end().await;
}

#[tokio::test]
async fn untrusted_input_cannot_exhaust_memory() {
    let running = Running::start(Options::default());
    // A flood of peers, hashes, message types and blocks.
    let flood = (0..30_000_u64).map(|n| {
        let hash = format!("{n:064x}");
        match n % 3 {
            0 => message(n, n, "inv", true, json!({ "inv": { "items": [{ "wtx": hash }, { "block": hash }] } })),
            1 => {
                message(n, n % 500, &format!("type{n}"), true, json!({ "unknown": { "command": "x", "payload": "" } }))
            }
            _ => message(n, n % 500, "addrv2", true, json!({ "addrv2": { "addresses": [] } })),
        }
    });
    let flood: Vec<_> = flood.collect();
    for slice in flood.chunks(1_000) {
        running.publish(slice.to_vec()).await;
    }
    let enough = |nodes: &Value| nodes[0]["sources"][0]["events"].as_u64() >= Some(30_000);
    running.wait_for("nodes", enough).await;
    for (path, most) in [
        ("peers", 4_000_000),
        ("messages?minutes=1440", 4_000_000),
        ("transactions", 400_000),
        ("blocks?limit=200", 10),
    ] {
        let text = reqwest::get(format!("{}api/{path}", running.url)).await.unwrap().text().await.unwrap();
        assert!(text.len() < most, "{path}: {} bytes", text.len());
    }
    running.end().await;
}

#[tokio::test]
async fn a_node_without_tracepoints_has_the_line_that_enables_them() {
    let line = "cmake -B build -DWITH_USDT=ON";
    let step = Step { text: "build the node with them:".to_owned(), lines: vec![line.to_owned()] };
    let advice = Advice { what: "none are compiled in".to_owned(), steps: vec![step] };
    let options = Options { advice: [("alice".to_owned(), advice)].into(), ..Options::default() };
    let running = Running::start(options.clone());
    let polled = || happened("rpc", "uptime", 1, 0, json!(5));
    running.publish([polled()]).await;
    let blind = |info: &Value| info["without_tracepoints"].as_array().unwrap().clone();
    let info = running.wait_for("info", |info| !blind(info).is_empty()).await;
    assert_eq!(
        blind(&info),
        [json!({
            "node": "alice", "what": "none are compiled in", "steps": [{ "text": "build the node with them:", "lines": [line] }]
        })]
    );
    running.publish([message(1, 5, "ping", true, json!({ "ping": { "value": 99 } }))]).await;
    running.wait_for("info", |info| blind(info).is_empty()).await;
    running.end().await;
    // The public can change nothing, and need not know where programs are. It is not shown when the node started either.
    let running = Running::start(Options { public: Some(Public::default()), ..options });
    let totals = json!({ "total_bytes_received": 1, "total_bytes_sent": 2, "time_millis": 3 });
    running.publish([polled(), happened("rpc", "net_totals", 2, 0, totals)]).await;
    let info = running.wait_for("info", |info| info["sources"]["rpc"] == true).await;
    assert!(blind(&info).is_empty());
    running.end().await;
}

/// A tracepoint waits longer for its batch than debug.log for its line, so that the first block may be known by the log first.
#[tokio::test]
async fn what_a_block_removed_counts_once_by_log_and_tracepoint() {
    let running = Running::start(Options::default());
    let of = |kind: &str, time_ns: u64, body: Value| {
        event(&json!({ "time": rfc3339(time_ns), "node": "alice", "run": 9, "kind": kind, "body": body }))
    };
    let at_ns = now_ns();
    let removals = json!({ "cause": "REMOVED_FOR_BLOCK", "transactions": 2, "block_height": 7 });
    let traced = |byte: &str| json!({ "txid": byte.repeat(32), "reason": "block", "vsize": 141, "fee": 1000, "entry_time": 1_700_000_000 });
    running
        .publish([
            of("mempool_removals", at_ns, json!({ "mempool_removals": removals })),
            of("mempool_removed", at_ns - 900_000, traced("01")),
            of("mempool_removed", at_ns - 800_000, traced("02")),
            of("mempool_removed", at_ns + 1, traced("03")),
        ])
        .await;
    let mempool = running.wait_for("mempool?node=alice", |mempool| mempool["removed"][0]["count"] == 3).await;
    assert_eq!(mempool["removed"].as_array().unwrap().len(), 1, "{mempool:#}");
    running.end().await;
}
