use std::time::Duration;

use bitcoin::p2p::message::NetworkMessage;
use testbed::{
    Actors, ConnectionType, Network, Node, Oddity, Peer, PeerListener, PeerOptions, Plan, Reject, RpcError, Scenario,
    Spend, Traffic, Wallet, eventually, scenarios, sync_blocks, sync_mempools,
};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn nodes_relay_and_come_back_after_a_kill() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let alice = Node::builder().name("alice").noban().debug(["net"]).start().await.unwrap();
    let bob = Node::builder().name("bob").noban().start().await.unwrap();
    alice.connect(&bob).await.unwrap();
    bob.wait_for_peers(1).await.unwrap();

    let mut wallet = Wallet::new();
    wallet.fund(&alice, 5).await.unwrap();
    assert!(wallet.spendable() >= 5);
    let chain = wallet.chain(3, &Spend { fee_rate: 3, outputs: 1, vsize: 500 }).unwrap();
    for tx in &chain {
        wallet.send(&alice, tx).await.unwrap();
        assert!((500..600).contains(&tx.vsize()), "{}", tx.vsize());
    }
    let replaced = wallet.spend(&Spend::default()).unwrap();
    wallet.send(&alice, &replaced).await.unwrap();
    let replacement = wallet.replace(&replaced, &Spend { fee_rate: 50, ..Spend::default() }).unwrap();
    wallet.send(&alice, &replacement).await.unwrap();
    for reason in Reject::ALL {
        let tx = wallet.rejected(reason).unwrap();
        let error = wallet.send(&alice, &tx).await.unwrap_err();
        assert!(error.is::<RpcError>(), "{reason:?}: {error:#}");
    }
    bob.wait_for_transaction(replacement.compute_txid()).await.unwrap();
    sync_mempools(&[&alice, &bob]).await.unwrap();
    assert_eq!(bob.mempool().await.unwrap().len(), 4);

    wallet.mine(&bob, 1).await.unwrap();
    sync_blocks(&[&alice, &bob]).await.unwrap();
    assert!(alice.mempool().await.unwrap().is_empty());

    // A killed node forgets its last blocks or not; its peers have them.
    let before = alice.pid();
    alice.kill().await.unwrap();
    assert_eq!(alice.pid(), None);
    bob.wait_for_peers(0).await.unwrap();
    alice.start().await.unwrap();
    assert_ne!(alice.pid(), before);
    alice.connect(&bob).await.unwrap();
    sync_blocks(&[&alice, &bob]).await.unwrap();
    alice.disconnect(&bob).await.unwrap();
    alice.restart().await.unwrap();
    assert!(std::fs::read_to_string(alice.debug_log()).unwrap().contains("[net] "));

    let dir = bob.datadir().to_owned();
    drop(bob);
    assert!(!dir.exists());
}

#[tokio::test]
async fn peers_say_what_they_are_told() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    node.mine(1).await.unwrap();

    let options = PeerOptions {
        user_agent: "/odd \u{1b}/".to_owned(),
        from: "127.3.2.1".parse().unwrap(),
        ..PeerOptions::default()
    };
    let mut peer = Peer::connect(node.p2p_addr(), options).await.unwrap();
    peer.send(NetworkMessage::SendHeaders).unwrap();
    peer.send_raw("strange", b"\0\xff").unwrap();
    peer.sync().await.unwrap();
    let peers = node.peers().await.unwrap();
    assert_eq!(peers[0]["addr"], peer.local_addr().to_string());
    assert_eq!(peers[0]["bytesrecv_per_msg"]["*other*"], 26);
    assert_eq!(peers[0]["bytesrecv_per_msg"]["sendheaders"], 24);

    let mut untrusted = Peer::dial(node.p2p_addr(), &PeerOptions::default()).await.unwrap();
    untrusted.send_bytes(vec![0; 24]).unwrap();
    untrusted.wait_closed(SOON).await.unwrap();

    for v2 in [false, true] {
        let listener = PeerListener::bind().await.unwrap();
        let addr = listener.addr().unwrap();
        let (accepted, added) = tokio::join!(
            listener.accept(PeerOptions::default()),
            node.add_connection(addr, ConnectionType::OutboundFullRelay, v2)
        );
        added.unwrap();
        let mut outbound = accepted.unwrap();
        outbound.wait_for(SOON, |message| matches!(message, NetworkMessage::GetAddr)).await.unwrap();
        outbound.sync().await.unwrap();
    }

    for oddity in Oddity::ALL {
        oddity.perform(node.p2p_addr(), PeerOptions::default(), Duration::from_millis(200)).await.unwrap();
    }
    assert_eq!(node.tip().await.unwrap().0, 1);
}

#[tokio::test]
async fn traffic_goes_on_while_a_node_is_down() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(3, dir.path()).await.unwrap();
    let (alice, carol) = (&network.nodes()[0], &network.nodes()[2]);
    let quick = Duration::from_millis(50);
    let quickly = |scenario| Scenario { first: Duration::ZERO, pause: quick, ..scenario };
    let honest = Scenario { actors: Actors::PerNode(2), ..scenarios::HONEST };
    let every_day = [scenarios::BLOCKS, scenarios::TRANSACTIONS, scenarios::INVALID_TRANSACTIONS, honest].map(quickly);
    let plan = Plan { scenarios: every_day.to_vec(), ..Plan::default() };
    let traffic = Traffic::start(&network, plan).await.unwrap();
    let blocks_come = async || {
        let from = alice.tip().await.unwrap().0;
        eventually("more blocks", SOON, || async { (alice.tip().await.unwrap().0 > from + 5).then_some(()) })
            .await
            .unwrap();
    };
    blocks_come().await;
    carol.kill().await.unwrap();
    blocks_come().await;
    carol.start().await.unwrap();
    network.connect().await.unwrap();
    blocks_come().await;
    let expected = [
        "[net] ",
        "[mempool] ",
        "[mempoolrej] ",
        "[validation] ",
        "[cmpctblock] ",
        "[addrman] ",
        "peeraddr=",
        "[msghand] ",
    ];
    eventually("all kinds of lines in debug.log", SOON, || async {
        let log = std::fs::read_to_string(alice.debug_log()).unwrap();
        expected.iter().all(|text| log.contains(text)).then_some(())
    })
    .await
    .unwrap();
    traffic.stop().await;
    let nodes: Vec<&Node> = network.nodes().iter().map(AsRef::as_ref).collect();
    sync_blocks(&nodes).await.unwrap();
    network.stop().await.unwrap();
    assert_eq!(carol.pid(), None);
}
