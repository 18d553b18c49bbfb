//! Events in the form that other peer-observer programs read. That they can read it is tested in the crate `peer-observer`.

use std::collections::BTreeSet;

use event::json::to_json;
use event::original::{self, Encoder};
use event::pb::event::Event;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{CompactBlockReconstructedLog, Log, SawNewHeaderLog, UpdateTip};
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Observer, Status};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{Logging, Rpc};
use event::{Body, NodeNames, Record};
use prost::Message;

use super::samples;

fn read(bytes: Vec<u8>) -> Record {
    Record::from_bytes(bytes.into(), &mut NodeNames::default()).unwrap()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn we_read_the_same_in_either_form_and_others_miss_only_these_kinds() {
    let mut left_out = BTreeSet::new();
    for sample in samples() {
        match original::encode(&sample, 0) {
            Some(bytes) => assert_eq!(to_json(&read(bytes.to_vec())), to_json(&sample)),
            None => {
                left_out.insert(sample.envelope().kind.name());
            }
        }
    }
    let expected = [
        "alert",
        "attempt",
        "block_announcement",
        "block_header",
        "block_reconstructed",
        "block_served",
        "chain_activity",
        "chain_header",
        "chain_node",
        "connection_ended",
        "connection_expected",
        "connection_opened",
        "data_request",
        "feature_offered",
        "gap",
        "initial_block_download",
        "logging",
        "message_seen",
        "node_process",
        "node_version",
        "own_address",
        "selection",
        "stale_tips",
        "status",
        "utxocache_add",
        "utxocache_flush",
        "utxocache_spent",
        "utxocache_uncache",
    ];
    assert_eq!(Vec::from_iter(left_out), expected);
}

#[test]
fn what_others_have_a_type_for_is_read_as_ours() {
    let theirs = [
        LogEvent::SawNewHeaderLog(SawNewHeaderLog {
            block_hash: "aa".to_owned(),
            block_height: 9,
            peer_id: 3,
            is_cmpctblock: true,
        }),
        LogEvent::CompactBlockReconstructedLog(CompactBlockReconstructedLog {
            block_hash: "bb".to_owned(),
            prefilled_txn_count: 1,
            mempool_txn_count: 2,
            extra_pool_txn_count: 3,
            requested_txn_count: 4,
            requested_txn_bytes: 5,
        }),
    ];
    let ours = [
        r#""kind":"header_seen","body":{"log_timestamp":0,"category":"UNKNOWN","threadname":"","log_level":"INFO","log_line_bytes":0,"header_seen":{"block_hash":"aa","compact_block":true,"height":9,"peer_id":3}}}"#,
        r#""kind":"compact_block_reconstructed","body":{"log_timestamp":0,"category":"UNKNOWN","threadname":"","log_level":"INFO","log_line_bytes":0,"compact_block_reconstructed":{"block_hash":"bb","prefilled":1,"from_mempool":2,"from_extra_pool":3,"requested":4,"requested_bytes":5}}}"#,
    ];
    for (theirs, ours) in theirs.into_iter().zip(ours) {
        let body = Body::LogExtractor(Log { log_event: Some(theirs), ..Log::default() });
        let event = Event { peer_observer_event: Some(body), ..Event::default() };
        let json = to_json(&read(event.encode_to_vec()));
        assert!(json.ends_with(ours), "{json}");
    }
}

#[test]
fn an_entry_has_the_nodes_own_text_for_others_once() {
    let event = LogEvent::UpdateTip(UpdateTip::default());
    let log = Log { log_event: Some(event), raw_message: Some("UpdateTip: new best=".to_owned()), ..Log::default() };
    let entry = |log: Log| Record::new("alice".into(), 7, 1, 0, Body::LogExtractor(log));
    let bytes = original::encode(&entry(log.clone()), 0).unwrap();
    assert_eq!(read(bytes.to_vec()).body(), entry(log.clone()).body());
    let text = "UpdateTip: new best=";
    assert_eq!(bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count(), 1);
    // Without it, as from JSON: what our text form has.
    let bytes = original::encode(&entry(Log { raw_message: None, ..log }), 0).unwrap();
    assert!(contains(&bytes, "update_tip"));
}

#[test]
fn what_is_left_out_leaves_no_gap() {
    let event = |event| Body::RpcExtractor(Rpc { rpc_event: Some(event) });
    let uptime = || event(RpcEvent::Uptime(1));
    let logging = || event(RpcEvent::Logging(Logging::default()));
    let status = |ended| {
        let status = Status { ended, ..Status::default() };
        Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) })
    };
    let mut encoder = Encoder::default();
    let mut sequence = |run, sequence, body| {
        let record = Record::new("alice".into(), run, sequence, 0, body);
        encoder.encode(&record).map(|bytes| read(bytes.to_vec()).envelope().sequence)
    };
    assert_eq!(sequence(1, 1, uptime()), Some(1));
    assert_eq!(sequence(1, 2, logging()), None);
    assert_eq!(sequence(2, 1, uptime()), Some(1));
    assert_eq!(sequence(1, 0, status(false)), None, "a status has no number");
    assert_eq!(sequence(1, 3, uptime()), Some(2));
    assert_eq!(sequence(1, 5, uptime()), Some(4), "a loss stays a gap");
    assert_eq!(sequence(1, 6, logging()), None);
    assert_eq!(sequence(1, 7, uptime()), Some(5));
    assert_eq!(sequence(2, 2, uptime()), Some(2));
    assert_eq!(sequence(1, 0, status(true)), None);
    assert_eq!(sequence(1, 8, uptime()), Some(8), "an ended run is forgotten");
}
