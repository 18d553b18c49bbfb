//! Results as different versions give them.

use node::rpc::types::{
    AddrmanCounts, AddrmanInfo, AddrmanSlot, BlockchainInfo, ChainTxStats, Logging, MempoolInfo, NetTotals,
    NetworkInfo, OrphanTxs, PeerInfo, PeerInfos, RawAddrman, SmartFee,
};
use serde_json::{Value, json};

fn peer(json: &Value) -> PeerInfo {
    serde_json::from_str(&json.to_string()).unwrap()
}

#[test]
fn peers_of_each_version() {
    let mut v26 = json!({
        "id": 3, "addr": "1.2.3.4:8333", "addrbind": "10.0.0.1:8333", "network": "ipv4", "services": "0000000000000409",
        "servicesnames": ["NETWORK", "WITNESS"], "relaytxes": true, "lastsend": 1, "lastrecv": 2, "last_transaction": 0,
        "last_block": 0, "bytessent": 5_000_000_000_u64, "bytesrecv": 6, "conntime": 7, "timeoffset": -1,
        "pingtime": 0.25, "minping": 1, "version": 70016, "subver": "/Satoshi:26.0.0/", "inbound": false,
        "bip152_hb_to": false, "bip152_hb_from": true, "startingheight": 800_000, "presynced_headers": -1,
        "synced_headers": 800_001, "synced_blocks": 800_001, "inflight": [800_002], "addr_relay_enabled": true,
        "addr_processed": 8, "addr_rate_limited": 9, "permissions": ["noban"], "minfeefilter": 0.00001,
        "bytessent_per_msg": {"ping": 32}, "bytesrecv_per_msg": {"pong": 32, "*other*": 1},
        "connection_type": "outbound-full-relay", "transport_protocol_type": "v2", "session_id": "ab",
    });
    let old = peer(&v26);
    assert_eq!((old.id, old.bytessent, old.pingtime, old.minping), (3, 5_000_000_000, Some(0.25), Some(1.0)));
    assert_eq!((old.startingheight, old.inv_to_send, old.cpu_load), (Some(800_000), None, None));
    assert_eq!((old.inflight, old.bytesrecv_per_msg["*other*"]), (vec![800_002], 1));
    // v32: startingheight is gone, others came. Knots and patched nodes have more.
    let object = v26.as_object_mut().unwrap();
    object.remove("startingheight");
    object.extend(
        json!({"last_inv_sequence": 4, "inv_to_send": 5, "misbehavior_score": {"x": [1]}, "cpu_load": 1.5})
            .as_object()
            .unwrap()
            .clone(),
    );
    let new = peer(&v26);
    assert_eq!((new.startingheight, new.inv_to_send, new.cpu_load), (None, Some(5), Some(1.5)));
    assert_eq!(new.subver, "/Satoshi:26.0.0/");
}

#[test]
fn a_field_of_another_type_disturbs_no_other() {
    // Every field in turn gets every odd value: the others stay as they were.
    let fine = json!({
        "id": 1, "addr": "a", "mapped_as": 2, "pingtime": 0.5, "inbound": true, "inflight": [1, 2], "permissions": ["p"],
        "bytessent_per_msg": {"x": 1}, "version": 70016,
    });
    let odd =
        [json!(null), json!({"a": [{}]}), json!([[], {}]), json!(-1e300), json!("text"), json!(u64::MAX), json!(true)];
    for name in fine.as_object().unwrap().keys() {
        for value in &odd {
            let mut changed = fine.clone();
            changed[name] = value.clone();
            let (mut got, mut expected) = (peer(&changed), peer(&fine));
            for peer in [&mut got, &mut expected] {
                match name.as_str() {
                    "id" => peer.id = 0,
                    "addr" => peer.addr.clear(),
                    "mapped_as" => peer.mapped_as = None,
                    "pingtime" => peer.pingtime = None,
                    "inbound" => peer.inbound = false,
                    "inflight" => peer.inflight.clear(),
                    "permissions" => peer.permissions.clear(),
                    "bytessent_per_msg" => peer.bytessent_per_msg.clear(),
                    _ => peer.version = 0,
                }
            }
            assert_eq!(got, expected, "{name} = {value}");
        }
    }
    assert_eq!(peer(&json!({"id": 3.0, "version": "70016", "inflight": [1, "x", 2.5]})).inflight, [1, 2]);
    assert_eq!(peer(&json!({"id": 3.0, "version": "70016"})).version, 70016);
}

#[test]
fn an_answer_of_the_wrong_kind_is_no_answer() {
    for text in ["null", "1", "\"x\"", "[]", "true"] {
        assert!(serde_json::from_str::<MempoolInfo>(text).is_err(), "{text}");
    }
    for text in ["null", "1", "{}"] {
        assert!(serde_json::from_str::<PeerInfos>(text).is_err(), "{text}");
    }
    assert_eq!(serde_json::from_str::<PeerInfos>(r#"[{"id":1},"x",{"id":2}]"#).unwrap().0.len(), 2);
}

#[test]
fn warnings_are_a_text_or_a_list() {
    for (warnings, expected) in [
        (json!(""), &[][..]),
        (json!("old chain"), &["old chain"]),
        (json!([]), &[]),
        (json!(["a", "b"]), &["a", "b"]),
        (json!(null), &[]),
    ] {
        let json = json!({"version": 260_000, "warnings": warnings, "localaddresses": [{"address": "a", "port": 1, "score": 2}]});
        let network: NetworkInfo = serde_json::from_value(json.clone()).unwrap();
        let chain: BlockchainInfo = serde_json::from_value(json).unwrap();
        assert_eq!(
            (network.warnings.as_slice(), network.localaddresses[0].port),
            (&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..], 1)
        );
        assert_eq!(chain.warnings, expected);
    }
}

#[test]
fn the_other_results() {
    let read = |json: Value| json.to_string();
    let mempool: MempoolInfo =
        serde_json::from_str(&read(json!({"loaded": true, "size": 1, "total_fee": 0.1, "optimal": true}))).unwrap();
    assert_eq!((mempool.loaded, mempool.size, mempool.total_fee, mempool.fullrbf), (true, 1, 0.1, None));
    let knots: MempoolInfo = serde_json::from_str(r#"{"fullrbf":true,"rbf_policy":"always","usage":5}"#).unwrap();
    assert_eq!((knots.fullrbf, knots.usage), (Some(true), 5));
    let totals: NetTotals = serde_json::from_str(
        r#"{"totalbytesrecv":1,"timemillis":2,"uploadtarget":{"target":3,"target_reached":true}}"#,
    )
    .unwrap();
    assert_eq!((totals.totalbytesrecv, totals.uploadtarget.target, totals.uploadtarget.target_reached), (1, 3, true));
    let addrman: AddrmanInfo = serde_json::from_str(r#"{"ipv4":{"new":1,"tried":2,"total":3},"x":7}"#).unwrap();
    assert_eq!(
        addrman.0.into_iter().collect::<Vec<_>>(),
        [("ipv4".to_owned(), AddrmanCounts { new: 1, tried: 2, total: 3 })]
    );
    let orphans: OrphanTxs = serde_json::from_str(r#"[{"txid":"t","from":[1,2],"hex":"00"}]"#).unwrap();
    assert_eq!((orphans.0[0].from.as_slice(), orphans.0[0].hex.as_str()), (&[1, 2][..], "00"));
    let stats: ChainTxStats = serde_json::from_str(r#"{"time":1,"txcount":5000000000,"window_interval":0}"#).unwrap();
    assert_eq!((stats.txcount, stats.window_tx_count, stats.window_interval), (Some(5_000_000_000), None, Some(0)));
    let raw: RawAddrman = serde_json::from_str(
        r#"{"new":{"10/2":{"address":"a","port":1,"services":9,"source_mapped_as":3},"9/63":{},"odd":{}},"tried":{}}"#,
    )
    .unwrap();
    assert_eq!(raw.new.keys().map(|slot| (slot.bucket, slot.position)).collect::<Vec<_>>(), [(9, 63), (10, 2)]);
    assert_eq!(raw.new[&AddrmanSlot { bucket: 10, position: 2 }].source_mapped_as, Some(3));
    let fee: SmartFee = serde_json::from_str(r#"{"errors":["Insufficient data"],"blocks":2}"#).unwrap();
    assert_eq!((fee.feerate, fee.errors.len(), fee.blocks), (None, 1, 2));
    let logging: Logging = serde_json::from_str(r#"{"net":true,"tor":0}"#).unwrap();
    assert_eq!((logging.0["net"], logging.0["tor"]), (true, false));
}
