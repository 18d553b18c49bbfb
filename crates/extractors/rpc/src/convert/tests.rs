//! Answers of nodes, and the events that they become.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

/// Checks that an answer becomes an event, both as JSON.
macro_rules! assert_becomes {
    ($convert:expr, $answer:expr, $event:expr) => {{
        let event = $convert(serde_json::from_str($answer).unwrap());
        let expected: Value = serde_json::from_str($event).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), expected, "{}", $answer);
    }};
}

#[test]
fn peers() {
    assert_becomes!(
        peer_infos,
        r#"[{"id": 7, "addr": "1.2.3.4:8333", "addrbind": "5.6.7.8:1", "addrlocal": "9.9.9.9:2", "network": "ipv4",
            "mapped_as": 64512, "services": "0000000000000c09", "servicesnames": ["NETWORK"], "relaytxes": true,
            "last_inv_sequence": 1, "inv_to_send": 3, "lastsend": 11, "lastrecv": 12, "last_transaction": 13, "last_block": 14,
            "bytessent": 15, "bytesrecv": 16, "conntime": 17, "timeoffset": -18, "pingtime": 0.025, "minping": 0.02,
            "pingwait": 1.5, "version": 70016, "subver": "/x\u001b[31m/", "inbound": true, "bip152_hb_to": true,
            "bip152_hb_from": true, "startingheight": 19, "presynced_headers": -1, "synced_headers": 20, "synced_blocks": 21,
            "inflight": [22, 23], "addr_relay_enabled": true, "addr_processed": 24, "addr_rate_limited": 25,
            "permissions": ["noban"], "minfeefilter": 0.00001, "bytessent_per_msg": {"ping": 26},
            "bytesrecv_per_msg": {"*other*": 27}, "connection_type": "inbound", "transport_protocol_type": "v2",
            "session_id": "ab", "cpu_load": 28.5}]"#,
        r#"{"peer_infos": {"infos": [{"id": 7, "address": "1.2.3.4:8333", "address_bind": "5.6.7.8:1",
            "address_local": "9.9.9.9:2", "network": "ipv4", "mapped_as": 64512, "services": "0000000000000c09",
            "relay_transactions": true, "last_send": 11, "last_received": 12, "last_transaction": 13, "last_block": 14,
            "bytes_sent": 15, "bytes_received": 16, "connection_time": 17, "time_offset": -18, "ping_time": 0.025,
            "minimum_ping": 0.02, "ping_wait": 1.5, "version": 70016, "subversion": "/x\u001b[31m/", "inbound": true,
            "bip152_hb_to": true, "bip152_hb_from": true, "starting_height": 19, "synced_headers": 20, "synced_blocks": 21,
            "inflight": [22, 23], "addr_relay_enabled": true, "addr_processed": 24, "addr_rate_limited": 25,
            "permissions": ["noban"], "minfeefilter": 0.00001, "bytes_sent_per_message": {"ping": 26},
            "bytes_received_per_message": {"*other*": 27}, "connection_type": "inbound", "transport_protocol_type": "v2",
            "inv_to_send": 3, "presynced_headers": -1, "session_id": "ab", "services_names": ["NETWORK"],
            "last_inv_sequence": 1, "cpu_load": 28.5}]}}"#
    );
}

/// The case rpc-02: entries of getpeerinfo of several versions and of Bitcoin Knots.
#[test]
fn what_knots_and_new_versions_report_is_kept() {
    let answer = include_str!("../../tests/cases/rpc-02/getpeerinfo.json");
    let RpcEvent::PeerInfos(peers) = peer_infos(serde_json::from_str(answer).unwrap()) else { panic!() };
    let [knots, v28, cjdns, i2p, v20] = &peers.infos[..] else { panic!("{peers:?}") };
    let session = "bc1615425f8b436243165b082cdab39adc340a4bebc2aede945dce8f5c80a2b3";
    let of_knots = |peer: &pb::PeerInfo| (peer.last_block_announcement, peer.forced_inbound, peer.misbehavior_score);
    assert_eq!((knots.presynced_headers, knots.session_id.as_deref()), (Some(-1), Some(session)));
    assert_eq!(of_knots(knots), (Some(0), Some(false), Some(0)));
    assert_eq!((v28.presynced_headers, v28.session_id.as_deref()), (Some(-1), Some(session)));
    assert_eq!(v28.services_names, ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2"]);
    // What a version does not report is absent, and neither 0 nor empty.
    for peer in [v28, cjdns, i2p, v20] {
        assert_eq!(of_knots(peer), (None, None, None), "{peer:?}");
    }
    for peer in [cjdns, i2p, v20] {
        assert_eq!((peer.presynced_headers, &peer.session_id, peer.services_names.len()), (None, &None, 0), "{peer:?}");
    }
    assert_becomes!(
        orphan_txs,
        r#"[{"txid": "a", "wtxid": "b", "bytes": 1, "vsize": 2, "weight": 3, "entry": 4, "expiration": 5, "from": [6]}]"#,
        r#"{"orphan_txs": {"orphans": [{"txid": "a", "wtxid": "b", "bytes": 1, "vsize": 2, "weight": 3, "from": [6],
            "transaction": {"txid": "", "wtxid": ""}, "entry": 4, "expiration": 5}]}}"#
    );
}

#[test]
fn what_does_not_fit_or_is_missing() {
    for (answer, fields) in [
        (r#"{"id": -1, "mapped_as": -5}"#, r#"{"id": 0, "mapped_as": 0}"#),
        (
            r#"{"id": 1099511627776, "mapped_as": 18446744073709551615}"#,
            r#"{"id": 4294967295, "mapped_as": 4294967295}"#,
        ),
        (
            r#"{"subver": 5, "pingtime": "soon", "inflight": {}}"#,
            r#"{"subversion": "5", "ping_time": 0.0, "inflight": []}"#,
        ),
        // A peer before its version message, of v26.
        (r#"{"id": 3}"#, r#"{"id": 3, "ping_time": 0.0, "minfeefilter": 0.0, "inv_to_send": 0, "synced_blocks": -1}"#),
    ] {
        let RpcEvent::PeerInfos(peers) = peer_infos(serde_json::from_str(&format!("[{answer}]")).unwrap()) else {
            panic!()
        };
        let peer = serde_json::to_value(&peers.infos[0]).unwrap();
        let fields: Value = serde_json::from_str(fields).unwrap();
        for (field, value) in fields.as_object().unwrap() {
            assert_eq!(peer.get(field), Some(value), "{field} of {answer}");
        }
    }
    assert_becomes!(uptime, "18446744073709551615", r#"{"uptime": 4294967295}"#);
    assert_becomes!(peer_infos, "[]", r#"{"peer_infos": {"infos": []}}"#);
}

#[test]
fn every_other_method() {
    assert_becomes!(
        mempool_info,
        r#"{"loaded": true, "size": 1, "bytes": 2, "usage": 3, "total_fee": 0.5, "maxmempool": 4, "mempoolminfee": 0.1,
            "minrelaytxfee": 0.2, "incrementalrelayfee": 0.3, "unbroadcastcount": 5, "fullrbf": true,
            "permitbaremultisig": true, "maxdatacarriersize": 6, "limitclustercount": 64, "limitclustersize": 101000,
            "optimal": false}"#,
        r#"{"mempool_info": {"loaded": true, "size": 1, "bytes": 2, "usage": 3, "total_fee": 0.5, "max_mempool": 4,
            "mempoolminfee": 0.1, "minrelaytxfee": 0.2, "incrementalrelayfee": 0.3, "unbroadcastcount": 5, "fullrbf": true,
            "permitbaremultisig": true, "maxdatacarriersize": 6, "limitclustercount": 64, "limitclustersize": 101000,
            "optimal": false}}"#
    );
    assert_becomes!(
        net_totals,
        r#"{"totalbytesrecv": 1, "totalbytessent": 2, "timemillis": 3, "uploadtarget": {"timeframe": 4, "target": 5,
            "target_reached": true, "serve_historical_blocks": true, "bytes_left_in_cycle": 6, "time_left_in_cycle": 7}}"#,
        r#"{"net_totals": {"total_bytes_received": 1, "total_bytes_sent": 2, "time_millis": 3, "upload_target": {
            "timeframe": 4, "target": 5, "target_reached": true, "serve_historical_blocks": true, "bytes_left_in_cycle": 6,
            "time_left_in_cycle": 7}}}"#
    );
    assert_becomes!(
        memory_info,
        r#"{"locked": {"used": 1, "free": 2, "total": 3, "locked": 4, "chunks_used": 5, "chunks_free": 6}}"#,
        r#"{"memory_info": {"used": 1, "free": 2, "total": 3, "locked": 4, "chunks_used": 5, "chunks_free": 6}}"#
    );
    assert_becomes!(
        addrman_info,
        r#"{"ipv4": {"new": 1, "tried": 2, "total": 3}, "odd": 5}"#,
        r#"{"addrman_info": {"networks": {"ipv4": {"new": 1, "tried": 2, "total": 3}}}}"#
    );
    assert_becomes!(
        network_info,
        r#"{"version": 290500, "subversion": "/a/", "protocolversion": 70016, "localservices": "0c", "localservicesnames": ["N"],
            "localrelay": true, "timeoffset": -1, "connections": 3, "connections_in": 1, "connections_out": 2,
            "networkactive": true, "networks": [{"name": "onion", "limited": true, "reachable": true, "proxy": "p:1",
            "proxy_randomize_credentials": true}], "relayfee": 0.1, "incrementalfee": 0.2,
            "localaddresses": [{"address": "a", "port": 8333, "score": 4}], "warnings": "one", "asmap_version": "ab",
            "tx_send_rate": 14, "inv_buckets": {"inbound": {"backlog": 5, "count_tok": 420.5}, "outbound": {"backlog": 6}}}"#,
        r#"{"network_info": {"version": 290500, "subversion": "/a/", "protocol_version": 70016, "local_services": "0c",
            "local_services_names": ["N"], "local_relay": true, "time_offset": -1, "connections": 3, "connections_in": 1,
            "connections_out": 2, "network_active": true, "networks": [{"name": "onion", "limited": true, "reachable": true,
            "proxy": "p:1", "proxy_randomize_credentials": true}], "relay_fee": 0.1, "incremental_fee": 0.2,
            "local_addresses": [{"address": "a", "port": 8333, "score": 4}], "warnings": ["one"], "asmap_version": "ab",
            "tx_send_rate": 14.0, "inbound_backlog": 5, "outbound_backlog": 6}}"#
    );
    assert_becomes!(
        blockchain_info,
        r#"{"chain": "main", "blocks": 1, "headers": 2, "bestblockhash": "h", "difficulty": 1.5, "time": 3, "mediantime": 4,
            "verificationprogress": 0.5, "initialblockdownload": true, "chainwork": "0f", "size_on_disk": 5, "pruned": true,
            "pruneheight": 6, "prune_target_size": 7, "warnings": ["w"], "bits": "1d00ffff", "target": "00ff",
            "automatic_pruning": true}"#,
        r#"{"blockchain_info": {"chain": "main", "blocks": 1, "headers": 2, "bestblockhash": "h", "difficulty": 1.5, "time": 3,
            "mediantime": 4, "verificationprogress": 0.5, "initialblockdownload": true, "chainwork": "0f", "size_on_disk": 5,
            "pruned": true, "prune_height": 6, "prune_target_size": 7, "warnings": ["w"], "bits": "1d00ffff",
            "target": "00ff", "automatic_pruning": true}}"#
    );
    assert_becomes!(
        chain_tx_stats,
        r#"{"time": 1, "txcount": 8589934592, "window_final_block_hash": "h", "window_final_block_height": 2,
            "window_block_count": 3, "window_interval": 4, "txrate": 0.5}"#,
        r#"{"chain_tx_stats": {"time": 1, "tx_count": 4294967295, "window_final_block_hash": "h",
            "window_final_block_height": 2, "window_block_count": 3, "window_interval": 4, "tx_rate": 0.5}}"#
    );
}

#[test]
fn categories_of_the_log() {
    assert_becomes!(
        logging,
        r#"{"net": true, "tor": false, "rpc": 1, "ipc": "true", "http": {"level": "debug"}, "": true}"#,
        r#"{"logging": {"categories": {"net": true, "tor": false, "rpc": true, "ipc": true}}}"#
    );
    assert_becomes!(logging, "{}", r#"{"logging": {"categories": {}}}"#);
    let of = |names: Vec<String>| {
        let all = names.into_iter().map(|name| (name, true)).collect();
        let RpcEvent::Logging(logging) = logging(types::Logging(all)) else { panic!() };
        logging.categories.len()
    };
    assert_eq!(of((0..1000).map(|n| format!("c{n}")).collect()), MAX_CATEGORIES);
    assert_eq!(of(vec!["a".repeat(MAX_CATEGORY), "a".repeat(MAX_CATEGORY + 1)]), 1);
}

#[test]
fn orphans() {
    let mut txid = [0; 32];
    txid[31] = 1; // the last byte in Bitcoin's order is the first in print
    let orphan = |hex: &str, wtxid: &str| {
        let answer = json!([{"txid": format!("01{}", "00".repeat(31)), "wtxid": wtxid, "bytes": 1, "vsize": 2, "weight": 3,
            "from": [4, 5], "hex": hex}]);
        let RpcEvent::OrphanTxs(orphans) = orphan_txs(serde_json::from_value(answer).unwrap()) else { panic!() };
        orphans.orphans[0].clone()
    };
    let full = orphan("0200ff", &"09".repeat(32));
    assert_eq!(full.transaction.txid, txid.to_vec());
    assert_eq!(full.transaction.wtxid, vec![9; 32]);
    assert_eq!(full.transaction.raw.as_deref(), Some(&[2, 0, 255][..]));
    assert_eq!((full.bytes, full.vsize, full.weight, full.from), (1, 2, 3, vec![4, 5]));
    for (hex, wtxid) in [("", "zz"), ("0", ""), ("xy", "00")] {
        let odd = orphan(hex, wtxid);
        assert_eq!((odd.transaction.raw, odd.transaction.wtxid.len(), odd.wtxid.as_str()), (None, 0, wtxid));
    }
}

#[test]
fn the_address_manager_by_bucket() {
    let entry = |port: u16| {
        json!({"address": "a", "port": port, "network": "ipv4", "services": 9, "time": 5, "source": "b", "source_network": "onion",
            "mapped_as": 1, "source_mapped_as": u64::MAX})
    };
    let answer =
        json!({"new": {"3/1": entry(1), "3/63": entry(2), "1023/0": {}, "bad": entry(4)}, "tried": {"0/0": entry(3)}});
    let RpcEvent::Addrman(tables) = addrman(serde_json::from_value(answer).unwrap()) else { panic!() };
    let ports = |table: &BTreeMap<u32, pb::AddrmanBucket>| {
        let slots = table.iter().flat_map(|(b, bucket)| bucket.entries.iter().map(move |(p, e)| (*b, *p, e.port)));
        slots.collect::<Vec<_>>()
    };
    assert_eq!(ports(&tables.new), [(3, 1, 1), (3, 63, 2), (1023, 0, 0)]);
    assert_eq!(ports(&tables.tried), [(0, 0, 3)]);
    let entry = &tables.tried[&0].entries[&0];
    assert_eq!((entry.services, entry.time, entry.source_network.as_str()), (9, 5, "onion"));
    assert_eq!((entry.mapped_as, entry.source_mapped_as), (Some(1), Some(u32::MAX)));
    let bare = &tables.new[&1023].entries[&0];
    assert_eq!((bare.mapped_as, bare.address.as_str()), (None, ""));
}

#[test]
fn fees() {
    let fee = |answer| {
        let fee = smart_fee(serde_json::from_value(answer).unwrap(), 6, FeeEstimateMode::Economical);
        (fee.fee_rate, fee.blocks, fee.requested_blocks, fee.mode(), fee.errors)
    };
    let mode = FeeEstimateMode::Economical;
    assert_eq!(fee(json!({"feerate": 0.0001, "blocks": 7})), (Some(0.0001), 7, 6, mode, vec![]));
    let none = vec!["no data".to_owned()];
    assert_eq!(fee(json!({"errors": ["no data"], "blocks": 2})), (None, 2, 6, mode, none));
}
