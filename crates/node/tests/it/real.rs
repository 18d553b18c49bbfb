//! Real nodes.

use std::time::Duration;

use node::rpc::{RpcClient, types};
use node::{Auth, Chain, HostPort, Located, Secret, Target};
use serde_json::json;
use testbed::Node;

const LONG: Duration = Duration::from_secs(60);

/// The node's target among those that are found on this machine.
fn discovered(node: &Node) -> Target {
    let targets = node::discover_all().into_iter();
    let mut ours = targets.filter(|(_, target)| target.datadir.as_deref() == Some(node.datadir()));
    ours.next().unwrap().1
}

fn client(located: &Located) -> RpcClient {
    RpcClient::of(located).unwrap().unwrap()
}

#[tokio::test]
async fn a_node_is_found_asked_and_found_again() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().config("debug=addrman").config("logips=1").start().await.unwrap();
    let target = discovered(&node);
    let located = target.locate().unwrap();
    assert_eq!((located.pid, located.chain), (node.pid(), Some(Chain::Regtest)));
    assert_eq!(located.rpc, Some(HostPort::new("127.0.0.1", node.rpc_addr().port())));
    assert_eq!(located.auth, Auth::Cookie(node.cookie()));
    assert_eq!(located.debug_log, Some(node.debug_log()));
    assert!(located.p2p.iter().any(|p| p.port == node.p2p_addr().port()), "{:?}", located.p2p);
    assert!(located.log_options.as_ref().is_some_and(|o| o.has("addrman") && o.logips), "{located:?}");
    assert!(located.binary.is_some() && located.started.is_some(), "{located:?}");
    assert_eq!(located.notes, [""; 0]);
    assert_eq!(
        located.pid_file.as_deref().map(std::fs::read_to_string).unwrap().unwrap().trim(),
        node.pid().unwrap().to_string()
    );

    let client = client(&located);
    every_rpc(&node, &client).await;
    node.kill().await.unwrap();
    let error = client.call::<u64>("uptime", &[], LONG).await.unwrap_err();
    assert!(error.is_away(), "{error}");
    node.start().await.unwrap();
    // The same client: it takes the new cookie by itself. And the same target: it finds the new process.
    client.call::<u64>("uptime", &[], LONG).await.unwrap();
    let again = target.locate().unwrap();
    assert_eq!(again.pid, node.pid());
    assert!((again.pid, again.started) != (located.pid, located.started));
}

/// Calls each RPC for which there is a type, and checks what is known of its result.
async fn every_rpc(node: &Node, client: &RpcClient) {
    macro_rules! call {
        ($type:ty, $method:literal $(, $param:expr)*) => {
            client.call::<$type>($method, &[$(json!($param)),*], LONG).await.unwrap()
        };
    }
    let other = Node::builder().start().await.unwrap();
    node.connect(&other).await.unwrap();
    node.mine(2).await.unwrap();
    for last in 1..=20 {
        call!(serde_json::Value, "addpeeraddress", format!("8.8.{last}.1"), 8333);
    }

    let peers = call!(types::PeerInfos, "getpeerinfo").0;
    assert!(peers.iter().any(|p| p.version >= 70016 && p.addr.contains(':') && p.conntime > 0), "{peers:?}");
    assert!(peers.iter().all(|p| !p.connection_type.is_empty() && p.services.len() == 16), "{peers:?}");
    let network = call!(types::NetworkInfo, "getnetworkinfo");
    assert!(network.version >= 260_000 && network.networks.len() >= 3 && network.connections >= 1, "{network:?}");
    let chain = call!(types::BlockchainInfo, "getblockchaininfo");
    assert_eq!((chain.chain.as_str(), chain.blocks, chain.bestblockhash.len()), ("regtest", 2, 64));
    let mempool = call!(types::MempoolInfo, "getmempoolinfo");
    assert!(mempool.loaded && mempool.maxmempool > 0 && mempool.minrelaytxfee > 0.0, "{mempool:?}");
    let totals = call!(types::NetTotals, "getnettotals");
    assert!(totals.timemillis > 0 && totals.uploadtarget.timeframe == 86400, "{totals:?}");
    let memory = call!(types::MemoryInfo, "getmemoryinfo").locked;
    assert!(memory.used > 0 && memory.used + memory.free == memory.total, "{memory:?}");
    let stats = call!(types::ChainTxStats, "getchaintxstats");
    assert_eq!((stats.txcount, stats.window_final_block_height), (Some(3), 2));
    let fee = call!(types::SmartFee, "estimatesmartfee", 2, "economical");
    assert!(fee.feerate.is_some() || !fee.errors.is_empty(), "{fee:?}");
    let logging = call!(types::Logging, "logging").0;
    assert_eq!((logging.get("addrman"), logging.get("bench")), (Some(&true), Some(&false)));
    let addrman = call!(types::AddrmanInfo, "getaddrmaninfo").0;
    let all = &addrman["all_networks"];
    assert!(all.total > 0 && all.new + all.tried == all.total, "{addrman:?}");
    // These came with v27 and v29.
    if network.version >= 290_000 {
        let raw = call!(types::RawAddrman, "getrawaddrman");
        assert!(raw.new.values().chain(raw.tried.values()).any(|a| a.network == "ipv4" && a.port == 8333), "{raw:?}");
        assert_eq!(call!(types::OrphanTxs, "getorphantxs", 2).0, []);
    }
    let error = client.call::<u64>("nosuchmethod", &[], LONG).await.unwrap_err();
    assert_eq!(error.kind(), "no_method", "{error}");
    other.stop().await.unwrap();
}

#[tokio::test]
async fn a_node_with_a_limited_user() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    // Password: geheim.
    let rpcauth = "rpcauth=limited:00ff$e25eff9cabe1a2e7a78804066d842947e56313b402aad0ba104850a6b1ecbb36";
    let node = Node::builder()
        .config(rpcauth)
        .config("rpcwhitelistdefault=0")
        .config("rpcwhitelist=limited:uptime")
        .start()
        .await
        .unwrap();
    let login = |password: &str| Target {
        rpc_user: Some("limited".to_owned()),
        rpc_password: Some(Secret::new(password)),
        ..discovered(&node)
    };
    let limited = client(&login("geheim").locate().unwrap());
    limited.call::<u64>("uptime", &[], LONG).await.unwrap();
    let error = limited.call::<types::PeerInfos>("getpeerinfo", &[], LONG).await.unwrap_err().to_string();
    assert!(error.contains("rpcwhitelist=limited:...,getpeerinfo"), "{error}");
    let wrong = client(&login("falsch").locate().unwrap());
    let error = wrong.call::<u64>("uptime", &[], LONG).await.unwrap_err();
    assert!(error.kind() == "unauthorized" && !error.to_string().contains("falsch"), "{error}");
}
