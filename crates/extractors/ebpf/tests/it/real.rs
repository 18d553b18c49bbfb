//! Against a bitcoind that has tracepoints.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::p2p::message::NetworkMessage;
use decode::message::{self, Meta};
use decode::tracepoint::Tracepoint;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::MessageEvent;
use event::{Body, Direction, Kind, Record};
use node::Target;
use serde_json::json;
use testbed::{Node, NodeBuilder, Oddity, Peer, PeerOptions, Reject, Spend, Wallet};

use super::{Rig, in_full, require_ebpf};

/// The bitcoind to test with, if it has tracepoints.
fn require_tracepoints() -> Option<PathBuf> {
    if !require_ebpf() {
        return None;
    }
    let bitcoind = testbed::require_bitcoind()?;
    let found = extractor_ebpf::tracepoints_of(&bitcoind).unwrap();
    if !found.contains(Tracepoint::InboundMessage.name()) {
        testbed::skipped("bitcoind has no tracepoints; set BITCOIND to one that has");
        return None;
    }
    Some(bitcoind)
}

fn target(node: &Node) -> Target {
    Target { datadir: Some(node.datadir().to_owned()), ..Target::default() }
}

pub fn message_of(record: &Record) -> Option<&MessageEvent> {
    match record.body() {
        Some(Body::EbpfExtractor(ebpf)) => match &ebpf.ebpf_event {
            Some(EbpfEvent::Message(message)) => Some(message),
            _ => None,
        },
        _ => None,
    }
}

fn of_kind(events: &[Arc<Record>], kind: Kind) -> impl Iterator<Item = &Arc<Record>> {
    events.iter().filter(move |record| record.envelope().kind == kind)
}

/// Every message that the node itself wrote to files is among the events, with the same type, size, direction, payload and order, and none besides.
#[tokio::test(flavor = "multi_thread")]
async fn complete() {
    let Some(bitcoind) = require_tracepoints() else { return };
    let node = Node::builder().name("alice").capture_messages().noban().config("maxmempool=5").start().await.unwrap();
    let rig = Rig::start(&bitcoind, target(&node), &in_full());
    let other = Node::builder().name("bob").noban().start().await.unwrap();
    let outbound = Node::builder().name("carol").noban().start().await.unwrap();
    other.connect(&node).await.unwrap();
    node.connect(&outbound).await.unwrap();
    let mut peers = Vec::new();
    for number in 0..20 {
        let options = PeerOptions { user_agent: format!("/peer:{number}/"), ..PeerOptions::default() };
        peers.push(Peer::connect(node.p2p_addr(), options).await.unwrap());
    }

    let mut wallet = Wallet::new();
    wallet.fund(&other, 400).await.unwrap();
    let everything = [
        ("sendtxrcncl", vec![1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("feature", b"\x05BIP 9\x00".to_vec()),
        ("nonsense", vec![0xff; 70_000]),
        ("addrv2", Vec::new()),
        ("tx", vec![1; 10]),
    ];
    for (index, peer) in peers.iter_mut().enumerate() {
        let (message_type, payload) = &everything[index % everything.len()];
        peer.send_raw(message_type, payload).unwrap();
        peer.send(NetworkMessage::GetAddr).unwrap();
    }
    for _ in 0..200 {
        let tx = wallet.spend(&Spend::default()).unwrap();
        wallet.send(&other, &tx).await.unwrap();
    }
    for reason in [Reject::NoFee, Reject::NonFinal] {
        let tx = wallet.rejected(reason).unwrap();
        peers[0].send(NetworkMessage::Tx(tx)).unwrap();
    }
    for oddity in Oddity::ALL {
        // Some of them end with the node closing the connection.
        let _ = oddity.perform(node.p2p_addr(), PeerOptions::default(), Duration::from_millis(50)).await;
    }
    testbed::sync_mempools(&[&node, &other]).await.unwrap();
    fill_mempool(&node, &other, &mut wallet).await;
    wallet.mine(&other, 3).await.unwrap();
    testbed::sync_blocks(&[&node, &other, &outbound]).await.unwrap();
    for peer in &mut peers {
        // Those that misbehaved are gone.
        let _ = peer.sync().await;
    }
    drop(peers);
    node.wait_for_peers(2).await.unwrap();
    other.stop().await.unwrap();
    node.stop().await.unwrap();
    let (events, counts) = rig.finish().await;
    counts.assert_balanced();
    assert_eq!((counts.all("dropped"), counts.all("fault")), (0, 0));

    let mut seen: BTreeMap<(String, bool), Vec<&MessageEvent>> = BTreeMap::new();
    for event in of_kind(&events, Kind::Message).filter_map(|record| message_of(record)) {
        seen.entry((event.meta.addr.clone(), event.meta.inbound)).or_default().push(event);
    }
    let expected = testbed::captured(node.datadir()).unwrap();
    assert_eq!(Vec::from_iter(seen.keys()), Vec::from_iter(expected.keys()));
    let mut total = 0;
    for (key, messages) in &expected {
        let events = &seen[key];
        assert_eq!(events.len(), messages.len(), "{key:?}");
        for (event, message) in events.iter().zip(messages) {
            let meta = Meta {
                peer_id: event.meta.peer_id,
                addr: &key.0,
                conn_type: ConnType::try_from(event.meta.conn_type).unwrap(),
                conn_type_name: event.meta.conn_type_name.as_deref(),
                message_type: &message.message_type,
                inbound: key.1,
                size: message.payload.len() as u64,
            };
            assert_eq!(**event, message::decode(&meta, &message.payload), "{key:?}");
        }
        total += events.len();
    }
    assert!(total > 2000, "only {total} messages");

    // Every number of the run is there once, in order of time as far as one thread does the work.
    for (index, record) in events.iter().filter(|record| record.envelope().kind != Kind::Status).enumerate() {
        assert_eq!(record.envelope().sequence, index as u64 + 1);
    }
    for kind in [
        Kind::InboundConnection,
        Kind::OutboundConnection,
        Kind::ClosedConnection,
        Kind::MisbehavingConnection,
        Kind::MempoolAdded,
        Kind::MempoolRemoved,
        Kind::MempoolRejected,
        Kind::BlockConnected,
        Kind::UtxocacheFlush,
    ] {
        assert!(of_kind(&events, kind).next().is_some(), "no {kind:?}");
    }
    let thrown_out = |record: &Arc<Record>| event::json::to_json(record).contains("sizelimit");
    assert!(of_kind(&events, Kind::MempoolRemoved).any(thrown_out), "the mempool was full");
    let now = event::time::now_ns();
    assert!(events.iter().all(|record| now - record.envelope().time_ns < 300_000_000_000), "times are of now");
}

/// Sends `other` large transactions until the mempool of `node` has to throw some out.
async fn fill_mempool(node: &Node, other: &Node, wallet: &mut Wallet) {
    let small = node.rpc("getmempoolinfo", json!([])).await.unwrap()["mempoolminfee"].as_f64().unwrap();
    for fee_rate in 5..500 {
        let tx = wallet.spend(&Spend { fee_rate, vsize: 90_000, ..Spend::default() }).unwrap();
        wallet.send(other, &tx).await.unwrap();
        node.wait_for_transaction(tx.compute_txid()).await.unwrap();
        let info = node.rpc("getmempoolinfo", json!([])).await.unwrap();
        if info["mempoolminfee"].as_f64().unwrap() > small {
            return;
        }
    }
    panic!("the mempool is not full");
}

/// A block that takes 5,000 transactions out of the mempool.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_empties_the_mempool() {
    let Some(bitcoind) = require_tracepoints() else { return };
    // Regtest nodes check the whole mempool with each transaction.
    let node = Node::builder().noban().config("checkmempool=0").start().await.unwrap();
    let mut wallet = Wallet::new();
    wallet.fund(&node, 10).await.unwrap();
    for _ in 0..10 {
        let tx = wallet.spend(&Spend { outputs: 20, ..Spend::default() }).unwrap();
        wallet.send(&node, &tx).await.unwrap();
    }
    wallet.mine(&node, 1).await.unwrap();
    let rig = Rig::start(&bitcoind, target(&node), &in_full());
    let mut peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.unwrap();
    for _ in 0..200 {
        for tx in wallet.chain(25, &Spend { outputs: 1, ..Spend::default() }).unwrap() {
            peer.send(NetworkMessage::Tx(tx)).unwrap();
        }
    }
    peer.sync().await.unwrap();
    wallet.mine(&node, 1).await.unwrap();
    node.stop().await.unwrap();
    let (events, counts) = rig.finish().await;
    counts.assert_balanced();
    assert_eq!(of_kind(&events, Kind::MempoolAdded).count(), 5000);
    assert_eq!(of_kind(&events, Kind::MempoolRemoved).count(), 5000);
}

/// It is attached before the node runs, and follows it through restarts, whatever way it ended.
#[tokio::test(flavor = "multi_thread")]
async fn restarts() {
    let Some(bitcoind) = require_tracepoints() else { return };
    let node = Node::builder().start().await.unwrap();
    node.stop().await.unwrap();
    let mut rig = Rig::start(&bitcoind, target(&node), &in_full());
    let mut runs = Vec::new();
    for round in 0..24 {
        node.start().await.unwrap();
        let hash = node.mine(1).await.unwrap()[0];
        let record = rig.wait_for(|record| record.envelope().kind == Kind::BlockConnected).await;
        let Some(Body::EbpfExtractor(ebpf)) = record.body() else { panic!("no body") };
        let Some(EbpfEvent::Validation(validation)) = &ebpf.ebpf_event else { panic!("no block") };
        let Some(event::pb::ebpf_extractor::validation::validation_event::Event::BlockConnected(block)) =
            &validation.event
        else {
            panic!("no block")
        };
        assert_eq!(event::HashText(&block.hash).to_string(), hash.to_string());
        runs.push(record.envelope().run);
        if round % 2 == 0 { node.kill().await.unwrap() } else { node.stop().await.unwrap() }
    }
    runs.dedup();
    assert_eq!(runs.len(), 24, "each start of the node is a run of its own");
    let (_, counts) = rig.finish().await;
    counts.assert_balanced();
}

/// The program is replaced, by rename and in a way that needs attaching anew.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade() {
    let Some(bitcoind) = require_tracepoints() else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bitcoind");
    std::fs::copy(&bitcoind, &program).unwrap();
    let node = NodeBuilder::default().binary(&program).start().await.unwrap();
    let mut rig = Rig::start(&program, target(&node), &in_full());
    node.mine(1).await.unwrap();
    let first = rig.wait_for(|record| record.envelope().kind == Kind::BlockConnected).await;
    let new = folder.path().join("bitcoind.new");
    std::fs::copy(&bitcoind, &new).unwrap();
    std::fs::rename(&new, &program).unwrap();
    // Once it is attached nothing of the new one is missed; that takes two seconds from its coming at most.
    testbed::eventually("the new program is attached", Duration::from_secs(5), || async {
        let wanted = program.display().to_string();
        (testbed::log::lines(&["following", &wanted]).len() == 1).then_some(())
    })
    .await
    .unwrap();
    node.restart().await.unwrap();
    node.mine(1).await.unwrap();
    let second = rig.wait_for(|record| record.envelope().kind == Kind::BlockConnected).await;
    assert_ne!(first.envelope().run, second.envelope().run);
    node.stop().await.unwrap();
    rig.finish().await.1.assert_balanced();
}

/// A node of the same program that is none of ours is left out, also after it was seen first.
#[tokio::test(flavor = "multi_thread")]
async fn other_nodes_are_left_out() {
    let Some(bitcoind) = require_tracepoints() else { return };
    let ours = Node::builder().name("ours").start().await.unwrap();
    let other = Node::builder().name("other").start().await.unwrap();
    let rig = Rig::start(&bitcoind, target(&ours), &in_full());
    other.mine(3).await.unwrap();
    ours.mine(2).await.unwrap();
    other.mine(3).await.unwrap();
    ours.mine(1).await.unwrap();
    ours.stop().await.unwrap();
    let (events, counts) = rig.finish().await;
    assert_eq!(of_kind(&events, Kind::BlockConnected).count(), 3);
    counts.assert_balanced();
    assert!(events.iter().all(|record| record.envelope().direction != Some(Direction::Inbound)));
}
