//! What debug.log has of messages, outbound connections, headers and transactions.

use super::*;

#[test]
fn messages() {
    let mut play = Play::new();
    let message = |name: &str, size: u64| format!(r#""message_type":"{name}","size":{size},"peer_id":1"#);
    play.at(0.0, line("message_received", &message("inv", 37))).at(0.1, line("message_received", &message("inv", 73)));
    play.at(0.2, line("message_sent", &message("getdata", 37)));
    play.is(ids::LOGGED_MESSAGES, &["inv", "inbound"], 2.0).is(ids::LOGGED_MESSAGE_BYTES, &["inv", "inbound"], 110.0);
    play.is(ids::LOGGED_MESSAGES, &["getdata", "outbound"], 1.0).has(ids::LOGGED_MESSAGES, 2);
    // The same ones by tracepoints are counted apart.
    play.at(0.3, got(1, "inv", "")).is(ids::LOGGED_MESSAGES, &["inv", "inbound"], 2.0);
    play.is(ids::P2P_MESSAGE_COUNT, &["inv", "1", "inbound"], 1.0);

    let entry = |of: &str, new: bool| format!(r#""inventory_type":"{of}","hash":"@aa","is_new":{new},"peer_id":1"#);
    play.at(1.0, line("inventory_received", &entry("wtx", true)));
    play.at(1.1, line("inventory_received", &entry("0x00000009", false)));
    play.is(ids::LOGGED_INVENTORY, &["wtx", "new"], 1.0).is(ids::LOGGED_INVENTORY, &["other", "have"], 1.0);
    let request = r#""inventory_type":"wtx","hash":"@aa","peer_id":1"#;
    play.at(2.0, line("data_requested", request)).at(62.0, line("data_request_timed_out", request));
    play.is(ids::LOGGED_REQUESTS, &["wtx", "requested"], 1.0).is(ids::LOGGED_REQUESTS, &["wtx", "timed_out"], 1.0);
    play.at(63.0, line("message_ignored", r#""peer_id":1,"reason":"WRONG_PONG","text":"Nonce mismatch""#));
    play.is(ids::MESSAGES_IGNORED, &["wrong_pong"], 1.0).is(ids::MESSAGES_IGNORED, &["malformed"], 0.0);
}

#[test]
fn outbound_connections_and_headers() {
    let mut play = Play::new();
    let attempt = |step: &str| format!(r#""addr":"[2001:db8::1]:8333","step":"{step}""#);
    play.at(0.0, line("connection_attempted", &attempt("FEELER")));
    play.at(0.1, line("connection_attempted", &attempt("TRYING"))).has(ids::CONNECTION_ATTEMPTS, 1);
    play.is(ids::CONNECTION_ATTEMPTS, &["ipv6"], 1.0);
    play.at(0.2, line("connection_failed", r#""addr":"[2001:db8::1]:8333","reason":"TIMED_OUT","text":"timed out""#));
    play.at(0.3, line("connection_failed", r#""reason":"PROXY_FAILURE","text":"Proxy failed to initialize""#));
    play.is(ids::CONNECTION_FAILURES, &["ipv6", "timed_out"], 1.0);
    play.is(ids::CONNECTION_FAILURES, &["unknown", "proxy_failure"], 1.0);
    play.at(0.4, line("transport_negotiation", r#""peer_id":1,"step":"V2_STARTED""#));
    play.is(ids::V1_FALLBACKS, &[], 0.0);
    play.at(0.5, line("transport_negotiation", r#""peer_id":1,"step":"V1_FALLBACK""#)).is(ids::V1_FALLBACKS, &[], 1.0);

    play.at(1.0, line("headers_sync", r#""step":"SYNC_STARTED","peer_id":1,"height":0,"phase":"PRESYNC""#));
    play.at(1.1, line("headers_sync", r#""step":"SYNC_PROGRESS","height":2000,"phase":"PRESYNC","progress":0.01"#));
    play.at(1.2, line("headers_sync", r#""step":"SYNC_ABORTED","peer_id":1,"height":9,"phase":"REDOWNLOAD""#));
    play.is(ids::HEADERS_SYNCS, &["started"], 1.0).is(ids::HEADERS_SYNCS, &["aborted"], 1.0);
    play.has(ids::HEADERS_SYNCS, 2).is(ids::HEADERS_SYNC_HEIGHT, &["presync"], 2000.0);
    play.at(1.3, line("header_rejected", r#""reason":"prev block invalid""#)).is(ids::HEADERS_REJECTED, &[], 1.0);
}

#[test]
fn the_mempool_and_orphans() {
    let mut play = Play::new();
    let tx = r#""txid":"@01","wtxid":"@02""#;
    play.at(0.0, line("mempool_added_log", tx)).is(ids::LOGGED_MEMPOOL_ADDED, &[], 1.0);
    play.at(0.1, line("mempool_removed_log", &format!(r#"{tx},"reason":"replaced""#)));
    play.at(0.2, line("mempool_removals", r#""cause":"REMOVED_REPLACED","transactions":1"#));
    play.at(0.3, line("mempool_removals", r#""cause":"REMOVED_FOR_BLOCK","transactions":17,"block_height":5"#));
    play.is(ids::LOGGED_MEMPOOL_REMOVED, &["replaced"], 1.0).is(ids::LOGGED_MEMPOOL_REMOVED, &["block"], 17.0);
    play.at(0.4, line("mempool_replaced_log", &format!(r#"{tx},"replacement":"@03""#)));
    play.is(ids::LOGGED_MEMPOOL_REPLACED, &[], 1.0);
    play.at(0.5, line("orphan_transaction", &format!(r#"{tx},"action":"STORED","size":606,"orphans":1"#)));
    play.is(ids::ORPHAN_TRANSACTIONS, &["stored"], 1.0).is(ids::ORPHAN_TRANSACTIONS, &["too_large"], 0.0);
}
