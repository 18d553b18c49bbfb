//! Our own P2P connection as the pages have it, with a real node: marked, in no count, and right again after a restart.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};

use bitcoin::p2p::message::NetworkMessage;
use serde_json::{Value, json};
use testbed::{Node, Peer, PeerOptions, Spend, Wallet, eventually};

use crate::process::{PATIENCE, Running};
use crate::web::url_of;

/// Where the node connects to.
const US: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// The answer of the API, as soon as it is as wanted.
async fn wait_for(url: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let last = RefCell::new(Value::Null);
    let ask = || async {
        let answer: Value = reqwest::get(format!("{url}api/{path}")).await.unwrap().json().await.unwrap();
        last.replace(answer.clone());
        Some(answer).filter(|answer| wanted(answer))
    };
    let answer = eventually(path, PATIENCE, ask).await;
    answer.unwrap_or_else(|error| panic!("{error}: {:#}", last.borrow()))
}

/// How many peers there are, how many of them are ours, and whether our own connection is open.
fn counts(nodes: &Value) -> (Option<u64>, Option<u64>, bool) {
    let connections = &nodes[0]["connections"];
    (connections["total"].as_u64(), connections["own"].as_u64(), nodes[0]["own"]["state"] == "open")
}

/// Addresses of the open peers, and whether each is ours.
fn marks(peers: &Value) -> Vec<(bool, bool)> {
    let of = |peer: &Value| (peer["addr"].as_str().unwrap().starts_with("127.0.0.2:"), peer["own"] == true);
    peers.as_array().unwrap().iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_marked_and_measured() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node =
        Node::builder().name("alice").announce_at_once_to(US).debug(["net", "validation", "mempool", "cmpctblock"]);
    let node = node.start().await.unwrap();
    let mut wallet = Wallet::new();
    wallet.fund(&node, 5).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Running::with_own_connection(folder.path(), &node, "web");
    let url = url_of(&program).await;
    let peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.unwrap();
    wait_for(&url, "nodes", |nodes| counts(nodes) == (Some(1), Some(1), true)).await;
    let peers = wait_for(&url, "peers", |peers| marks(peers).len() == 2).await;
    assert!(marks(&peers).iter().all(|(is_here, is_own)| is_here == is_own), "{peers:#}");
    let own = wait_for(&url, "nodes", |nodes| !nodes[0]["own"]["ping_seconds"].is_null()).await[0]["own"].clone();
    let info = node.rpc("getnetworkinfo", json!([])).await.unwrap();
    assert_eq!([&own["version"], &own["user_agent"]], [&info["protocolversion"], &info["subversion"]]);
    // Bitcoin Knots offers peers on its own machine more than others.
    assert!(own["services"].as_array().unwrap().contains(&json!("WITNESS")), "{own}");
    assert!(own["clock_offset_seconds"].as_i64().unwrap().abs() <= 1, "{own}");

    // What the node announces to us, since when it had it.
    for _ in 0..3 {
        let tx = wallet.spend(&Spend::default()).unwrap();
        peer.send(NetworkMessage::Tx(tx)).unwrap();
    }
    let relayed = |relay: &Value, what: &str| relay[what]["count"].as_u64();
    wait_for(&url, "relay", |relay| relayed(relay, "transactions") == Some(3)).await;
    let transactions = wait_for(&url, "transactions", |_| true).await;
    let recent = transactions["recent"].as_array().unwrap();
    assert_eq!(recent.iter().filter(|tx| tx["relay_since"] == "log").count(), 3, "{recent:#?}");
    wallet.mine(&node, 2).await.unwrap();
    wait_for(&url, "relay", |relay| relayed(relay, "blocks") >= Some(2)).await;
    let (_, tip) = node.tip().await.unwrap();
    let blocks = wait_for(&url, "blocks", |blocks| blocks[0]["hash"] == tip.to_string()).await;
    let announced = &blocks[0]["nodes"][0]["own"];
    assert!(["cmpctblock", "headers", "inv"].iter().any(|kind| announced["message"] == *kind), "{announced}");
    assert!(announced["relay_seconds"].as_f64().unwrap().abs() < 5.0, "{announced}");

    // The node does not answer for a while, and then does.
    node.freeze(true);
    let waits = |nodes: &Value| nodes[0]["own"]["ping_wait_seconds"].as_f64() > Some(2.0);
    wait_for(&url, "nodes", waits).await;
    node.freeze(false);
    let longest = |pings: &Value| pings["own"]["nodes"][0]["longest_seconds"].as_f64() > Some(2.0);
    let pings = wait_for(&url, "pings", longest).await;
    let connection = &pings["own"]["nodes"][0]["connection"];
    assert!(connection["ping_wait_seconds"].as_f64().is_none_or(|seconds| seconds < 2.0), "{connection}");
    assert!(marks(&pings["peers"]).iter().all(|(is_here, _)| !is_here), "it is none of the peers: {pings:#}");

    // Ids begin anew with the node.
    node.restart().await.unwrap();
    wait_for(&url, "nodes", |nodes| counts(nodes) == (Some(0), Some(1), true)).await;
    let peers = wait_for(&url, "peers", |peers| marks(peers) == [(true, true)]).await;
    assert_eq!(peers[0]["marks"], json!([]));
    let gone = wait_for(&url, "peers?closed=1", |peers| marks(peers).len() == 3).await;
    assert!(marks(&gone).iter().all(|(is_here, is_own)| is_here == is_own), "{gone:#}");
    let happened = wait_for(&url, "happenings", |_| true).await;
    for kind in ["p2p_opened", "p2p_ended"] {
        assert!(happened.as_array().unwrap().iter().any(|one| one["kind"] == kind), "{kind} in {happened:#}");
    }
    program.signal("-TERM");
    let (status, logged) = program.end().await;
    assert!(status.success(), "{logged}");
}
