//! What is selected.

use archive::Select;
use event::Body;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::message_event::Msg;

use super::*;

fn selected(names: &[&str]) -> Vec<String> {
    let only: Vec<Select> = names.iter().map(|name| name.parse().unwrap()).collect();
    let selection = Selection { only, low_data: false };
    let name = |record: &Record| {
        let envelope = record.envelope();
        envelope.message_type.as_ref().map_or(envelope.kind.name().to_owned(), ToString::to_string)
    };
    let mut found: Vec<_> = samples().iter().filter(|record| selection.matches(record)).map(name).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn selections_add_up() {
    assert_eq!(selected(&["addr-relay"]), ["addr", "addrv2", "getaddr"]);
    let connections = [
        "closed_connection",
        "evicted_inbound_connection",
        "inbound_connection",
        "misbehaving_connection",
        "outbound_connection",
    ];
    assert_eq!(selected(&["netconn"]), connections);
    assert_eq!(selected(&["connections-with-handshakes"]), [&connections[..], &["version"]].concat());
    assert_eq!(selected(&["addr-relay", "uptime"]), ["addr", "addrv2", "getaddr", "uptime"]);
    assert!("addr-relays".parse::<Select>().unwrap_err().to_string().contains("addr-relay or"));
    let only = vec!["rpc".parse().unwrap(), "addr-relay".parse().unwrap()];
    let selection = Selection { only, low_data: true };
    assert_eq!(selection.text().as_deref(), Some("--archive-only rpc,addr-relay"));
}

#[test]
fn low_data_keeps_ids_and_headers() {
    let selection = Selection { only: Vec::new(), low_data: true };
    let (mut blocks, mut transactions) = (0, 0);
    for record in samples() {
        let low = selection.bytes(&record).into_owned();
        let low = Record::from_bytes(low.into(), &mut NodeNames::default()).unwrap();
        assert_eq!(low.envelope(), record.envelope());
        let (Some(Body::EbpfExtractor(before)), Some(Body::EbpfExtractor(after))) = (record.body(), low.body()) else {
            assert!(record.envelope().kind == event::Kind::OrphanTxs || record.bytes() == low.bytes());
            continue;
        };
        match (&before.ebpf_event, &after.ebpf_event) {
            (Some(EbpfEvent::Message(before)), Some(EbpfEvent::Message(after))) => match (&before.msg, &after.msg) {
                (Some(Msg::Block(before)), Some(Msg::Block(after))) => {
                    assert!(after.transactions.is_empty() && before.header == after.header);
                    blocks += 1;
                }
                (Some(Msg::Tx(before)), Some(Msg::Tx(after))) => {
                    assert!(after.tx.raw.is_none());
                    assert_eq!((&before.tx.txid, &before.tx.wtxid), (&after.tx.txid, &after.tx.wtxid));
                    transactions += 1;
                }
                _ => {}
            },
            _ => assert_eq!(record.bytes(), low.bytes()),
        }
    }
    assert!(blocks > 0 && transactions > 0);
}
