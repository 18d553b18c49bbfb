//! Two nodes: alice, of which everything is known, and bob, of which there are no tracepoints.

use std::sync::Arc;

use bus::{Delivery, Loss};
use event::record::NodeNames;
use event::{json, time};
use serde_json::{Value, json};
use top::{Options, State};

/// A Saturday noon, in seconds since the UNIX epoch.
pub const NOON: u64 = 1_769_860_800;

pub struct Play {
    pub state: State,
    sequence: u64,
}

impl Play {
    pub fn new() -> Self {
        let advice = [
            "none are compiled into /usr/bin/bitcoind, so that extractor ebpf has nothing to follow",
            "run a release of Bitcoin Core from bitcoincore.org, or build the node with them:",
            "    cmake -B build -DWITH_USDT=ON",
        ];
        let options = Options {
            nodes: vec!["alice".to_owned(), "bob".to_owned()],
            advice: [("bob".to_owned(), advice.map(str::to_owned).to_vec())].into(),
            recorded: true,
            ..Options::default()
        };
        Self { state: State::new(options).unwrap(), sequence: 0 }
    }

    /// An event of a node, so many seconds after noon.
    pub fn at(&mut self, seconds: u64, node: &str, source: &str, kind: &str, body: Value) -> &mut Self {
        self.sequence += 1;
        let time = time::rfc3339((NOON + seconds) * 1_000_000_000);
        let line = json!({
            "time": time, "node": node, "run": source.len(), "sequence": self.sequence, "source": source, "kind": kind, "body": body
        });
        let record = json::from_json(&line.to_string(), &mut NodeNames::default()).unwrap();
        self.state.fold(&Delivery::Event(Arc::new(record)));
        self
    }

    pub fn rpc(&mut self, seconds: u64, node: &str, kind: &str, body: Value) -> &mut Self {
        self.at(seconds, node, "rpc", kind, body)
    }

    pub fn log(&mut self, seconds: u64, node: &str, kind: &str, body: Value) -> &mut Self {
        let line = json!({ "log_timestamp": 0, "category": "NET", "threadname": "msghand", "log_level": "DEBUG", "log_line_bytes": 80, kind: body });
        self.at(seconds, node, "log", kind, line)
    }

    pub fn message(&mut self, seconds: u64, peer: u64, inbound: bool, message_type: &str, size: u64) -> &mut Self {
        let meta = json!({
            "peer_id": peer, "addr": address(peer), "conn_type": if peer < 4 { "OutboundFullRelay" } else { "Inbound" },
            "command": message_type, "inbound": inbound, "size": size,
        });
        let mut body = json!({ "meta": meta });
        if message_type == "ping" {
            body["ping"] = json!({ "value": 7 });
        }
        self.at(seconds, "alice", "ebpf", "message", body)
    }

    pub fn status(&mut self, seconds: u64, node: &str, extractor: &str, state: Option<Value>) -> &mut Self {
        let mut body = json!({ "extractor": extractor, "started_ns": "1", "last_sequence": 1, "interval_ms": 1_000 });
        if let Some(state) = state {
            body["node"] = state;
        }
        self.sequence = 0;
        let time = time::rfc3339((NOON + seconds) * 1_000_000_000);
        let line = json!({
            "time": time, "node": node, "run": extractor.len(), "sequence": 0, "source": "observer", "kind": "status", "body": body
        });
        let record = json::from_json(&line.to_string(), &mut NodeNames::default()).unwrap();
        self.state.fold(&Delivery::Event(Arc::new(record)));
        self
    }

    pub fn lost(&mut self, node: &str, missing: u64) -> &mut Self {
        let loss = Loss { node: node.into(), run: 4, missing, time_ns: self.state.now_ns(), stage: "queue" };
        self.state.fold(&Delivery::Lost(Arc::new(loss)));
        self
    }

    /// A quarter of an hour of two nodes.
    pub fn all() -> Self {
        let mut play = Self::new();
        for node in ["alice", "bob"] {
            play.status(870, node, "rpc", Some(node_state("UP")));
            play.status(870, node, "log", Some(node_state("UP")));
            let agent = if node == "alice" { "/Satoshi:31.0.0/" } else { "/Satoshi:29.5.0/Knots:20260101/" };
            play.rpc(880, node, "network_info", json!({ "subversion": agent, "connections": 5, "connections_in": 3, "connections_out": 2, "network_active": true }));
            play.rpc(880, node, "blockchain_info", json!({ "chain": "main", "blocks": 934_567, "headers": 934_567, "bestblockhash": "03".repeat(32), "time": NOON + 800, "verificationprogress": 1.0 }));
            play.rpc(880, node, "uptime", json!(93_784));
        }
        play.rpc(
            880,
            "alice",
            "mempool_info",
            json!({ "loaded": true, "size": 45_678, "bytes": 31_234_567, "max_mempool": 300_000_000 }),
        );
        play.status(881, "alice", "ebpf", Some(node_state("UP")));
        play.rpc(885, "alice", "peer_infos", json!({ "infos": (1..=6).map(peer).collect::<Vec<_>>() }));
        play.rpc(885, "bob", "peer_infos", json!({ "infos": (1..=2).map(peer).collect::<Vec<_>>() }));
        for second in 886..900 {
            play.message(second, 1, true, "inv", 37 * second % 900);
            play.message(second, 1, false, "getdata", 37);
            play.message(second, 5, false, "tx", 250);
            play.message(second, 6, true, "evil\u{1b}[2J", 12);
        }
        play.message(899, 2, true, "ping", 8);
        play.log(
            890,
            "alice",
            "misbehaving",
            json!({ "peer_id": 5, "message": "headers\u{1b}[2J non-continuous", "action": "DISCOURAGED" }),
        );
        play.log(
            891,
            "alice",
            "misbehaving",
            json!({ "peer_id": 5, "message": "header with invalid proof of work", "action": "NOTICED" }),
        );
        play.log(
            893,
            "alice",
            "addr_processed",
            json!({ "peer_id": 6, "total": 1000, "processed": 1, "rate_limited": 999 }),
        );
        play.log(700, "bob", "invalid_chain_found", json!({ "height": 934_566, "current_best": false }));
        play.lost("alice", 12);
        play.state.tick();
        play
    }
}

/// The node as an extractor finds it.
pub fn node_state(state: &str) -> Value {
    json!({ "state": state, "since_ns": ((NOON - 93_000) * 1_000_000_000).to_string() })
}

fn address(id: u64) -> String {
    match id {
        2 => "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333".to_owned(),
        3 => "[2001:db8::7]:8333".to_owned(),
        id => format!("203.0.113.{id}:{}", 8_333 + id * 1_000),
    }
}

fn peer(id: u64) -> Value {
    let (kind, network) = match id {
        1 => ("outbound-full-relay", "ipv4"),
        2 => ("block-relay-only", "onion"),
        3 => ("manual", "ipv6"),
        _ => ("inbound", "ipv4"),
    };
    let agents = ["/Satoshi:31.0.0/", "/btcwire:0.5.0/", "/evil\u{1b}]0;owned\u{7}/"];
    json!({
        "id": id, "address": address(id), "network": network, "services": "0000000000000c09", "relay_transactions": id != 2,
        "last_send": NOON + 880 - id, "last_received": NOON + 884 - id * 2, "last_transaction": if id == 1 { NOON + 60 } else { 0 },
        "last_block": if id < 3 { NOON + 800 } else { 0 }, "bytes_sent": id * 123_456, "bytes_received": id * 7_654_321,
        "connection_time": NOON - id * 3_600, "ping_time": id as f64 * 0.0314, "minimum_ping": if id == 4 { 0.0 } else { id as f64 * 0.03 },
        "version": 70_016, "subversion": agents[id as usize % 3], "inbound": id > 3, "bip152_hb_to": id == 1, "bip152_hb_from": id == 5,
        "addr_relay_enabled": id != 2, "addr_processed": if id == 2 { 0 } else { id * 111 }, "addr_rate_limited": if id == 6 { 999 } else { 0 },
        "connection_type": kind, "transport_protocol_type": if id % 2 == 1 { "v2" } else { "v1" },
        "bytes_sent_per_message": { "ping": id * 32, "inv": id * 1_000 }, "bytes_received_per_message": { "pong": id * 32, "*other*": 5 },
    })
}
