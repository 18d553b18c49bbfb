//! The tool `chain` as people start it: with NATS, in `run`, in the demo, and from fork-observer's configuration.

use std::path::Path;

use serde_json::Value;
use testbed::{NatsServer, Node};

use crate::process::{Running, end_of};

/// A configuration with a network of this node, which is observed elsewhere, and one that nobody can reach.
fn configuration(folder: &Path, node: &Node) -> String {
    let path = folder.join("peer-observer.toml");
    let (datadir, database) = (node.datadir().display(), folder.join("chain.db").display().to_string());
    let text = format!(
        r#"
[chain]
listen = "127.0.0.1:0"
database = "{database}"

[[chain.networks]]
id = 3
name = "regtest"
miners = true

[[chain.networks.nodes]]
id = 0
name = "alice"
chain = "regtest"
datadir = "{datadir}"
observed = true
interval = "1h"

[[chain.networks.nodes]]
id = 1
name = "nobody"
kind = "electrum"
server = "127.0.0.1:1"
tls = false
"#
    );
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn is<'a>(kind: &'a str, node: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["kind"] == kind && (event["body"]["name"] == node || event["body"]["node"] == node)
}

#[tokio::test(flavor = "multi_thread")]
async fn tips_go_to_the_server_by_which_changes_are_heard_of() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_nats_server()) else { return };
    let server = NatsServer::start("").await.unwrap();
    let (folder, url) = (tempfile::tempdir().unwrap(), server.url());
    let node = Node::builder().name("alice").start().await.unwrap();
    node.mine(3).await.unwrap();
    let mut watch = Running::start(&["watch", "--nats", &url, "-o", "json", "--kind", "chain"]);
    watch.wait_until_logged("connected to the NATS server").await;
    let config = configuration(folder.path(), &node);
    let chain = Running::start(&["chain", "--nats", &url, "--config", &config]);
    let (mut alice, mut nobody, mut header) = (None, None, None);
    while alice.is_none() || nobody.is_none() || header.is_none() {
        let event = watch.next().await;
        match (event["kind"].as_str(), event["body"]["name"].as_str()) {
            (Some("chain_node"), Some("alice")) => alice = Some(event),
            (Some("chain_node"), Some("nobody")) => nobody = Some(event),
            (Some("chain_header"), _) => header = Some(event),
            _ => {}
        }
    }
    let (alice, nobody, header) = (alice.unwrap(), nobody.unwrap(), header.unwrap());
    assert_eq!((&alice["node"], &alice["body"]["tips"][0]["height"]), (&"alice".into(), &3.into()), "{alice}");
    assert!(alice["body"]["version"].is_null(), "a version can expose a honeypot: {alice}");
    assert_eq!((&nobody["node"], &nobody["body"]["reachable"]), (&"alice".into(), &false.into()), "{nobody}");
    assert_eq!(header["body"]["active"], true, "{header}");

    // Its interval is an hour: debug.log of another process says that there is a block.
    let datadir = node.datadir().display().to_string();
    let log = Running::start(&[
        "extract",
        "log",
        "--name",
        "alice",
        "--datadir",
        &datadir,
        "--chain",
        "regtest",
        "--nats",
        &url,
    ]);
    log.wait_until_logged("connected to the NATS server").await;
    // It begins at the end of debug.log: what is logged before it has opened it is not reported.
    log.wait_until_logged(" from byte ").await;
    let hash = node.mine(1).await.unwrap()[0].to_string();
    let event = watch.wait_for("the new block", is("chain_activity", "alice")).await;
    assert_eq!(event["body"]["active_tip_changed"]["new_hash"], hash.as_str(), "{event}");
    for program in [&chain, &log, &watch] {
        program.signal("-TERM");
    }
    let (status, logged) = chain.end().await;
    assert!(status.success(), "{logged}");
    log.end().await;
    watch.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_of_the_demo_are_one_network() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("nodes").display().to_string();
    let mut demo = Running::start(&[
        "demo",
        "--nodes",
        "2",
        "--dir",
        &dir,
        "--tools",
        "chain,watch",
        "-o",
        "json",
        "--kind",
        "chain",
        "--chain-listen",
        "127.0.0.1:0",
    ]);
    let mut missing = vec!["alice", "bob"];
    while !missing.is_empty() {
        let event = demo.next().await;
        if event["kind"] == "chain_node" {
            let name = event["body"]["name"].as_str().unwrap();
            assert_eq!((&event["node"], &event["body"]["network"]), (&name.into(), &"regtest".into()), "{event}");
            missing.retain(|one| *one != name);
        }
    }
    demo.signal("-TERM");
    demo.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peer-observer.toml");
    let network = "[[chain.networks]]\nid = 1\nname = \"main\"\n[[chain.networks.nodes]]\nid = 1\nname = \"a\"\n";
    let table = [
        ("", "its place is missing"),
        ("rpc = \"192.0.2.1:8332\"\nurl = \"http://a\"\n", "url means nothing there"),
        ("kind = \"electrum\"\n", "server is missing"),
        ("kind = \"esplora\"\nurl = \"ftp://a\"\n", "http://"),
        ("kind = \"fork-observer\"\nurl = \"http://a\"\n", "network is missing"),
        (
            "rpc = \"192.0.2.1:8332\"\n[[chain.networks.nodes]]\nid = 1\nname = \"b\"\nrpc = \"192.0.2.1:1\"\n",
            "two nodes",
        ),
    ];
    for (keys, wrong) in table {
        std::fs::write(&path, format!("{network}{keys}")).unwrap();
        let config = path.display().to_string();
        let database = folder.path().join("chain.db").display().to_string();
        let ended = end_of(&[
            "chain",
            "--nats",
            "nats://127.0.0.1:1",
            "--config",
            &config,
            "--chain-database",
            &database,
            "--check",
        ])
        .await;
        assert!(ended.code != 0 && ended.stderr.contains(wrong), "{keys}: {}", ended.stderr);
    }
}
