//! Each version of the node that this machine has (`BITCOINDS`) is observed by all that it offers.

use std::path::Path;

use extractor_ebpf::kernel::KernelSupport;
use testbed::{Node, Peer, PeerOptions};

use super::process::{Running, is};

#[tokio::test]
async fn each_version_is_observed_whole() {
    match testbed::bitcoinds() {
        Ok(nodes) => {
            for binary in nodes {
                observed(&binary).await;
            }
        }
        Err(error) => testbed::skipped(&error.to_string()),
    }
}

async fn observed(binary: &Path) {
    let version = testbed::bitcoind_version(binary).unwrap();
    let traced = extractor_ebpf::tracepoints_of(binary).unwrap().contains("net:inbound_message")
        && KernelSupport::this().obstacle().is_none();
    let node = Node::builder().binary(binary).debug(["net", "validation"]).start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("peer-observer.toml");
    let datadir = node.datadir().display();
    let text =
        format!("[rpc.interval]\ngetpeerinfo = \"500ms\"\n[[node]]\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n");
    std::fs::write(&config, text).unwrap();
    let mut program = Running::start(&["run", "-o", "json", "--config", config.to_str().unwrap()]);

    let mut peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.unwrap();
    // The extractors start one by one: what happens is repeated until all have seen it.
    let mut missing = vec![("log", "update_tip"), ("rpc", "peer_infos"), ("observer", "node_process")];
    if traced {
        missing.extend([("ebpf", "message"), ("ebpf", "block_connected")]);
    }
    while !missing.is_empty() {
        let event = program.next().await;
        missing.retain(|(source, kind)| !(is(&event, source) && event["kind"] == *kind));
        if is(&event, "rpc") && event["kind"] == "peer_infos" {
            peer.sync().await.unwrap();
            node.mine(1).await.unwrap();
        }
    }
    let tip = node.mine(1).await.unwrap()[0].to_string();
    program
        .wait_for(&format!("the tip of {version}"), |e| e["kind"] == "update_tip" && e.to_string().contains(&tip))
        .await;
    program.signal("-TERM");
    let (status, logged) = program.end().await;
    assert!(status.success() && !logged.contains("ERROR"), "{version}: {logged}");
}
