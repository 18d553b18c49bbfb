//! Real nodes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bus::counters::{RPC_CALLS, RPC_ERRORS, RPC_SECONDS};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, time};
use extractor_rpc::Options;
use node::Target;
use serde_json::json;
use testbed::{Node, Peer, PeerOptions, Reject, Wallet, eventually};

use crate::{Observed, PATIENCE, observe, only};
use testbed::log;

/// What an operator configures for a node that is not the only one on the machine.
fn target(node: &Node) -> Target {
    Target { datadir: Some(node.datadir().to_owned()), ..Target::default() }
}

fn name_of(event: &RpcEvent) -> &'static str {
    match event {
        RpcEvent::PeerInfos(_) => "getpeerinfo",
        RpcEvent::MempoolInfo(_) => "getmempoolinfo",
        RpcEvent::Uptime(_) => "uptime",
        RpcEvent::NetTotals(_) => "getnettotals",
        RpcEvent::MemoryInfo(_) => "getmemoryinfo",
        RpcEvent::AddrmanInfo(_) => "getaddrmaninfo",
        RpcEvent::ChainTxStats(_) => "getchaintxstats",
        RpcEvent::NetworkInfo(_) => "getnetworkinfo",
        RpcEvent::BlockchainInfo(_) => "getblockchaininfo",
        RpcEvent::OrphanTxs(_) => "getorphantxs",
        RpcEvent::Addrman(_) => "getrawaddrman",
        RpcEvent::EstimateSmartFee(_) => "estimatesmartfee",
        RpcEvent::Logging(_) => "logging",
    }
}

#[tokio::test]
async fn every_method_gives_events() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().debug(["tor"]).start().await.unwrap();
    let categories = node.rpc("logging", json!([])).await.unwrap();
    let version = node.rpc("getnetworkinfo", json!([])).await.unwrap()["version"].as_u64().unwrap();
    for last in 1..=20 {
        node.rpc("addpeeraddress", json!([format!("8.8.{last}.1"), 8333])).await.unwrap();
    }
    let mut wallet = Wallet::new();
    wallet.fund(&node, 3).await.unwrap();
    let mut peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.unwrap();
    let orphan = wallet.rejected(Reject::MissingInputs).unwrap();
    peer.send(bitcoin::p2p::message::NetworkMessage::Tx(orphan.clone())).unwrap();
    peer.sync().await.unwrap();

    let started = time::now_ns();
    let methods: BTreeSet<_> = extractor_rpc::methods().map(|(method, _)| method).collect();
    let mut observed = observe("every", target(&node), Options::default());
    let missing = if version >= 290_000 { &[][..] } else { &["getorphantxs", "getrawaddrman"] };
    let mut awaited: BTreeSet<_> = methods.iter().copied().filter(|m| !missing.contains(m)).collect();
    let (mut fees, mut sequence) = (BTreeSet::new(), 0);
    while !awaited.is_empty() || fees.len() < 10 {
        let (record, answer) = observed.next_answer().await;
        awaited.remove(name_of(&answer));
        sequence += 1;
        let envelope = record.envelope();
        assert_eq!((&*envelope.node, envelope.sequence), ("every", sequence));
        assert!(envelope.time_ns > started && envelope.time_ns <= time::now_ns(), "{envelope:?}");
        match answer {
            RpcEvent::PeerInfos(peers) => {
                let [info] = &peers.infos[..] else { panic!("{peers:?}") };
                assert!(info.inbound && info.connection_type == "inbound" && info.version >= 70015, "{info:?}");
                assert_eq!(info.address, peer.local_addr().to_string());
                assert!(info.bytes_received_per_message.contains_key("version"), "{info:?}");
            }
            RpcEvent::OrphanTxs(orphans) => {
                let [tx] = &orphans.orphans[..] else { panic!("{orphans:?}") };
                assert_eq!(tx.txid, orphan.compute_txid().to_string());
                let transaction = &tx.transaction;
                assert_eq!(transaction.txid[..], *AsRef::<[u8]>::as_ref(&orphan.compute_txid()));
                assert_eq!(transaction.wtxid[..], *AsRef::<[u8]>::as_ref(&orphan.compute_wtxid()));
                assert_eq!(transaction.raw.as_deref(), Some(&*bitcoin::consensus::serialize(&orphan)));
            }
            RpcEvent::Addrman(tables) => {
                let entries: Vec<_> = tables.new.values().flat_map(|bucket| bucket.entries.values()).collect();
                assert!(entries.iter().any(|e| e.address.starts_with("8.8.") && e.port == 8333), "{entries:?}");
            }
            RpcEvent::BlockchainInfo(info) => assert!(info.chain == "regtest" && info.blocks > 0, "{info:?}"),
            RpcEvent::Logging(logging) => {
                let published = serde_json::to_value(&logging.categories).unwrap();
                assert!(
                    published == categories && published["tor"] == true && published["net"] == false,
                    "{published}"
                );
            }
            RpcEvent::EstimateSmartFee(fee) => {
                fees.insert((fee.requested_blocks, fee.mode));
            }
            _ => {}
        }
    }
    for method in methods.iter().filter(|m| !missing.contains(m)) {
        let calls = if *method == "estimatesmartfee" { 10.0 } else { 1.0 };
        assert_eq!(observed.counted(&RPC_CALLS, [method]), calls, "{method}");
        assert!(observed.counted(&RPC_SECONDS, [method]) > 0.0, "{method}");
    }
    assert_eq!(node.rpc("logging", json!([])).await.unwrap(), categories, "asking changes nothing");
    observed.stop().await;
    let troubles = log::lines(&["WARN", "node every:"]);
    assert_eq!(troubles.len(), missing.len(), "{troubles:?}");
}

/// Kills and restarts the node, and gives how long after its RPC answered again the first event of the new run came.
async fn restart(node: &Node, observed: &mut Observed, last: &mut u64) -> Duration {
    node.kill().await.unwrap();
    node.start().await.unwrap();
    let back = Instant::now();
    let (record, _) = observed.next_answer_after(*last).await;
    let envelope = record.envelope();
    assert_eq!(envelope.sequence, 1, "a new run: {envelope:?}");
    *last = envelope.run;
    back.elapsed()
}

#[tokio::test]
async fn a_node_that_is_killed_and_comes_back_is_a_new_run() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    // One that fails while the node is away, and one that does not notice.
    let often = observe("often", target(&node), only(&["uptime"], Duration::from_millis(50)));
    let seldom = observe("seldom", target(&node), only(&["getrawaddrman"], Duration::from_secs(3600)));
    let mut both = [often, seldom];
    let mut runs = [0; 2];
    for (observed, run) in both.iter_mut().zip(&mut runs) {
        *run = observed.next_answer().await.0.envelope().run;
    }
    for _ in 0..2 {
        let [often, seldom] = &mut both;
        let delay = restart(&node, often, &mut runs[0]).await;
        // The machine may be busy with other tests; what matters is that nothing waits for an interval.
        assert!(delay < Duration::from_secs(10), "{delay:?}");
        let (record, answer) = seldom.next_answer_after(runs[1]).await;
        assert_eq!(name_of(&answer), "getrawaddrman");
        runs[1] = record.envelope().run;
        eprintln!("first event {delay:?} after the node's RPC answered");
    }
    // A run that ended says so, and nothing is missing in it.
    let mut ended = false;
    let [mut often, mut seldom] = both;
    while let Ok(Some(_)) = tokio::time::timeout(Duration::ZERO, often.events.next()).await {}
    let before = often.next().await.envelope().run;
    node.stop().await.unwrap();
    node.start().await.unwrap();
    let mut sequence = None;
    loop {
        let record = often.next().await;
        if record.envelope().run != before {
            break;
        }
        if let Some(Body::Observer(observer)) = record.body() {
            ended |= format!("{observer:?}").contains("ended: true");
            continue;
        }
        let now = record.envelope().sequence;
        assert!(sequence.is_none_or(|last| now == last + 1), "{sequence:?} {now}");
        sequence = Some(now);
    }
    assert!(ended);
    seldom.next_answer_after(runs[1]).await;
    often.stop().await;
    seldom.stop().await;
    // Each loss is one line, whatever the node went through.
    for name in ["node often:", "node seldom:"] {
        let lost = log::lines(&["WARN", name, "looking for it"]);
        assert_eq!(lost.len(), 3, "{lost:?}");
        assert_eq!(log::lines(&["INFO", name, "a new run"]).len(), 3);
    }
}

#[tokio::test]
async fn a_node_that_is_not_there_at_start() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    node.stop().await.unwrap();
    let mut observed = observe("absent", target(&node), only(&["uptime"], Duration::from_millis(50)));
    let logged = || log::lines(&["WARN", "node absent:"]);
    eventually("it is logged that it is not there", PATIENCE, || async { (logged().len() == 1).then_some(()) })
        .await
        .unwrap();
    node.start().await.unwrap();
    let (record, _) = observed.next_answer().await;
    // Nothing was published before: the run goes on.
    assert_eq!(record.envelope().sequence, 1);
    observed.stop().await;
    let logged = logged();
    assert!(logged.len() == 1 && logged[0].contains("once") && logged[0].contains("is not running"), "{logged:?}");
}

#[tokio::test]
async fn what_a_whitelist_forbids_is_logged_once() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder()
        // Password: geheim.
        .config("rpcauth=limited:00ff$e25eff9cabe1a2e7a78804066d842947e56313b402aad0ba104850a6b1ecbb36")
        .config("rpcwhitelistdefault=0")
        .config("rpcwhitelist=limited:getnettotals")
        .start()
        .await
        .unwrap();
    let target = Target {
        rpc_user: Some("limited".to_owned()),
        rpc_password: Some(node::Secret::new("geheim")),
        ..target(&node)
    };
    let options = only(&["getnettotals", "getpeerinfo", "uptime"], Duration::from_millis(20));
    let mut observed = observe("limited", target, options);
    for _ in 0..20 {
        let (_, answer) = observed.next_answer().await;
        assert_eq!(name_of(&answer), "getnettotals");
    }
    assert_eq!(observed.counted(&RPC_ERRORS, ["getpeerinfo", "forbidden"]), 1.0);
    observed.stop().await;
    let logged = log::lines(&["WARN", "node limited:", "rpcwhitelist=limited:...,getpeerinfo"]);
    assert_eq!(logged.len(), 1, "{logged:?}");
}

#[tokio::test]
async fn a_target_that_contradicts_itself_is_an_error() {
    let target = Target { rpc_user: Some("u".to_owned()), ..Target::default() };
    let observed = observe("half", target, Options::default());
    let error = observed.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("node half: rpc_user and rpc_password go together"), "{error}");
}

/// The socket is used where the RPC server does not let us in, also after a restart of the node.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lets_us_in_by_its_socket_only() {
    let Some(bitcoind) = testbed::require_ipc() else { return };
    let node = Node::builder().name("socket").binary(bitcoind).arg("-ipcbind=unix").start().await.unwrap();
    let target = Target {
        datadir: Some(node.datadir().to_owned()),
        rpc_user: Some("nobody".to_owned()),
        rpc_password: Some(node::Secret::new("wrong")),
        ..Target::default()
    };
    let mut observed = observe("socket", target, only(&["uptime", "getrawaddrman"], Duration::from_millis(100)));
    let (first, _) = observed.next_answer().await;
    node.restart().await.unwrap();
    observed.next_answer_after(first.envelope().run).await;
    observed.stop().await;
}
