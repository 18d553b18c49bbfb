//! Every message of the connection is among the events: what the node itself wrote down of it (`-capturemessages`) is the other count.

use std::collections::BTreeMap;

use event::pb::p2p_extractor::p2p::P2pEvent;
use testbed::{Node, Spend, Wallet};

use super::{Observed, asking, dialling};

/// How many messages of each type and size there were, by direction (true: to the node).
type Counts = BTreeMap<(String, usize, bool), usize>;

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_missing() {
    let Some(binary) = testbed::require_bitcoind() else { return };
    for by_the_node in [true, false] {
        let node = Node::builder().binary(&binary).noban().capture_messages().start().await.unwrap();
        let ways = if by_the_node { asking() } else { dialling(&node) };
        let mut observed = Observed::start(&node, ways);
        let mut counts = Counts::new();
        let mut note = |event: &P2pEvent| {
            if let P2pEvent::MessageSeen(seen) = event {
                *counts.entry((seen.message_type.clone(), seen.size as usize, seen.sent)).or_default() += 1;
            }
        };
        let opened = |event| {
            note(&event);
            match event {
                P2pEvent::ConnectionOpened(opened) => Some(opened),
                _ => None,
            }
        };
        let opened = observed.find("connection", opened).await;

        let mut wallet = Wallet::new();
        wallet.fund(&node, 20).await.unwrap();
        for _ in 0..20 {
            let tx = wallet.spend(&Spend::default()).unwrap();
            wallet.send(&node, &tx).await.unwrap();
        }
        let hash = node.mine(3).await.unwrap()[2].to_string();
        let last = |event| {
            note(&event);
            match event {
                P2pEvent::BlockServed(block) => (event::HashText(&block.block_hash).to_string() == hash).then_some(()),
                _ => None,
            }
        };
        observed.find("last block", last).await;
        node.stop().await.unwrap();
        let ended = |event| {
            note(&event);
            matches!(event, P2pEvent::ConnectionEnded(_)).then_some(())
        };
        observed.find("end", ended).await;
        observed.end().await;

        let captured = testbed::captured(node.datadir()).unwrap();
        let address = opened.our_address.unwrap();
        let mut expected = Counts::new();
        for ((addr, inbound), messages) in captured {
            if addr == address {
                for message in messages {
                    *expected.entry((message.message_type, message.payload.len(), inbound)).or_default() += 1;
                }
            }
        }
        // What we sent last may not have been read any more.
        expected.retain(|(_, _, sent), _| !sent);
        let arrived: Counts = counts.clone().into_iter().filter(|((_, _, sent), _)| !sent).collect();
        assert_eq!(arrived, expected);
        assert!(expected.len() > 8, "{expected:?}");
        assert!(counts.keys().any(|(name, _, sent)| name == "getblocktxn" && *sent));
    }
}
