//! Each way to each node, over each transport that it has.

use std::net::SocketAddr;
use std::path::Path;

use bitcoin::hashes::Hash;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::observer::node_state::State;
use event::pb::p2p_extractor::Way;
use event::pb::p2p_extractor::p2p::P2pEvent;
use extractor_p2p::Ways;
use reach::Proxies;
use serde_json::{Value, json};
use testbed::{Microsocks, Node, Spend, Wallet, eventually};

use super::{Observed, PATIENCE, asking, dialling, free, listening};

/// The node's view of our connection.
async fn as_seen_by(node: &Node) -> Value {
    let ours = || async {
        let peers = node.peers().await.ok()?;
        peers.into_iter().find(|peer| peer["subver"].as_str().is_some_and(|ua| ua.starts_with("/peer-observer:")))
    };
    eventually("our connection in getpeerinfo", PATIENCE, ours).await.unwrap()
}

/// What the extractor reports of its connection is what the node's RPC says of it.
async fn agrees(node: &Node, observed: &mut Observed, way: Way, transport: &str) {
    let opened = observed.opened().await;
    observed.ping().await;
    let seen = as_seen_by(node).await;
    let connection_type = if way == Way::Listening { "manual" } else { "inbound" };
    assert_eq!((opened.way(), &*opened.transport), (way, transport));
    assert_eq!(seen["connection_type"], connection_type);
    assert_eq!(seen["addr"], json!(opened.our_address));
    if let Some(value) = seen.get("transport_protocol_type") {
        assert_eq!(value, transport);
        assert_eq!(seen["session_id"].as_str().unwrap(), opened.session_id.unwrap_or_default());
    }
    assert_eq!(seen["services"], "0000000000000000");
    assert!(seen["timeoffset"].as_i64().unwrap().abs() <= 1, "{seen}");
}

/// A transaction and a block that the node gets are announced to us.
async fn announces(node: &Node, observed: &mut Observed) {
    let mut wallet = Wallet::new();
    wallet.fund(node, 1).await.unwrap();
    let tx = wallet.spend(&Spend::default()).unwrap();
    let wtxid = tx.compute_wtxid().to_byte_array();
    wallet.send(node, &tx).await.unwrap();
    let announced = |event| match event {
        P2pEvent::InventoryAnnouncement(inv) => {
            inv.inventory.iter().any(|item| matches!(&item.item, Some(Item::Wtx(id)) if **id == wtxid)).then_some(())
        }
        _ => None,
    };
    observed.find("announcement of the transaction", announced).await;
    // As soon as the node takes us for one who has the block before, it sends compact blocks.
    node.mine(1).await.unwrap();
    let hash = node.mine(1).await.unwrap()[0].to_byte_array();
    let mut how = Vec::new();
    let served = |event| match event {
        P2pEvent::BlockAnnouncement(block) if *block.block_hash == hash => {
            how.push((block.message_type, block.height));
            None
        }
        P2pEvent::BlockServed(block) if *block.block_hash == hash => Some(block.duration_ns),
        _ => None,
    };
    assert!(observed.find("block", served).await > 0);
    let height = node.tip().await.unwrap().0;
    assert_eq!(how, [("cmpctblock".to_owned(), Some(height))]);
}

/// Each version of the node, over each transport, opened by the node or by us; again after the node was restarted, and after it was killed.
#[tokio::test(flavor = "multi_thread")]
async fn each_way_over_each_transport_and_again_after_a_restart() {
    let binaries = match testbed::bitcoinds() {
        Ok(binaries) => binaries,
        Err(error) => return testbed::skipped(&error.to_string()),
    };
    for binary in binaries {
        for v2 in [true, false] {
            connected(&binary, v2).await;
        }
    }
}

async fn connected(binary: &Path, v2: bool) {
    let transport = if v2 { "v2" } else { "v1" };
    let builder = Node::builder().binary(binary).noban().config(format!("v2transport={}", u8::from(v2)));
    let node = builder.start().await.unwrap();
    for (ways, way) in [(asking(), Way::Listening), (dialling(&node), Way::Dialling)] {
        let mut observed = Observed::start(&node, ways);
        agrees(&node, &mut observed, way, transport).await;
        announces(&node, &mut observed).await;
        node.restart().await.unwrap();
        agrees(&node, &mut observed, way, transport).await;
        observed.ping().await;
        node.kill().await.unwrap();
        let reason = observed.state(State::Unreachable).await;
        assert!(!reason.is_empty());
        node.start().await.unwrap();
        agrees(&node, &mut observed, way, transport).await;
        observed.end().await;
    }
}

/// `addnode=` in bitcoin.conf is enough. Two nodes beside each other each come to their own port, and the one that comes to the other's is
/// refused. The node announces its own address.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_come_by_their_configuration_each_to_its_own_port() {
    let Some(binary) = testbed::require_bitcoind() else { return };
    let (one, other) = (free(), free());
    let node = |addresses: &[SocketAddr]| {
        let builder = Node::builder().binary(&binary).config("externalip=9.9.9.9:8333");
        addresses.iter().fold(builder, |builder, address| builder.config(format!("addnode={address}"))).start()
    };
    // Listeners first: a node that finds none waits for a minute.
    let alice = node(&[one]).await.unwrap();
    let mut first = Observed::start(&alice, listening(one));
    let bob = node(&[one, other]).await.unwrap();
    let mut second = Observed::start(&bob, listening(other));
    for (node, address) in [(&alice, one), (&bob, other)] {
        node.mine(1).await.unwrap(); // A node whose tip is old announces no address.
        node.rpc("addnode", json!([address.to_string(), "onetry"])).await.unwrap();
    }
    for observed in [&mut first, &mut second] {
        assert_eq!(observed.opened().await.way(), Way::Listening);
        let own = |event| match event {
            P2pEvent::OwnAddress(own) => own.address.address,
            _ => None,
        };
        let own = observed.find("own address", own).await;
        assert_eq!(own, event::pb::bitcoin_primitives::address::Address::Ipv4("9.9.9.9".to_owned()));
    }
    bob.rpc("addnode", json!([one.to_string(), "onetry"])).await.unwrap();
    eventually("the refusal", PATIENCE, || async { (first.refused("foreign") > 0.0).then_some(()) }).await.unwrap();
    first.ping().await;
    first.end().await;
    second.end().await;
}

/// A node that cannot be asked by RPC is dialled where that is a way, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_way_that_serves_is_taken() {
    let Some(binary) = testbed::require_bitcoind() else { return };
    let node = Node::builder().binary(binary).start().await.unwrap();
    let address = node.p2p_addr();
    let target = node::Target {
        chain: Some(node::Chain::Regtest),
        p2p: Some(node::HostPort::new(address.ip().to_string(), address.port())),
        rpc: Some(node::HostPort::new("127.0.0.1", free().port())),
        ..node::Target::default()
    };
    let ways = Ways { dial: target.p2p.clone(), ..asking() };
    let mut observed = Observed::of(target, ways);
    assert_eq!(observed.opened().await.way(), Way::Dialling);
    observed.end().await;
}

/// A node that has banned us, or that is full, closes the connection; when that is over, it is made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_take_us_is_waited_for() {
    let Some(binary) = testbed::require_bitcoind() else { return };
    let node = Node::builder().binary(binary).start().await.unwrap();
    let mut observed = Observed::start(&node, dialling(&node));
    observed.ping().await;
    node.rpc("setban", json!(["127.0.0.1", "add"])).await.unwrap();
    observed.state(State::Unreachable).await;
    node.rpc("clearbanned", json!([])).await.unwrap();
    assert_eq!(observed.opened().await.transport, "v2");
    observed.ping().await;
    observed.end().await;

    // All of its slots are for peers that it chooses itself.
    let full = Node::builder().config("maxconnections=11").start().await.unwrap();
    let mut observed = Observed::start(&full, dialling(&full));
    let reason = observed.state(State::Unreachable).await;
    assert!(reason.contains("no P2P connection"), "{reason}");
    // The one that it makes itself takes no slot.
    let mut other = Observed::start(&full, asking());
    other.ping().await;
    observed.end().await;
    other.end().await;
}

/// Through a SOCKS5 proxy, as to an onion service: then nobody knows where the node sees us.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_dialled_through_a_proxy() {
    let Some(binary) = testbed::require_bitcoind() else { return };
    let proxy = match Microsocks::start(None).await {
        Ok(proxy) => proxy,
        Err(error) => return testbed::skipped(&error.to_string()),
    };
    let node = Node::builder().binary(binary).start().await.unwrap();
    let proxies = Proxies { proxy: Some(proxy.addr().to_string().parse().unwrap()), ..Proxies::default() };
    let mut observed = Observed::start(&node, Ways { proxies, ..dialling(&node) });
    let opened = observed.opened().await;
    assert_eq!((opened.way(), opened.our_address), (Way::Dialling, None));
    observed.ping().await;
    observed.end().await;
}
