//! Attacks that are messages which no honest peer sends, or not so often. In the strong form again and again, in the weak one as rarely as
//! a detector should notice.

use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::bip152::BlockTransactions;
use bitcoin::hashes::Hash;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::message_compact_blocks::{BlockTxn, SendCmpct};
use bitcoin::{Block, BlockHash};
use fastrand::Rng;
use serde_json::json;

use super::{ATTACK, Scenario, Stage};
use crate::gossip::{addresses, unknown_transactions};
use crate::peer::Peer;

/// What is sent each time.
type Send = fn(&Peer, &mut Stage) -> Result<()>;

/// A peer that sends something again and again, on average after so long, in the weak and the strong form; until the node hangs up.
async fn again(mut stage: Stage, (weak, strong): (Duration, Duration), send: Send) -> Result<()> {
    let options = stage.peer("/Satoshi:28.0.0/");
    let mut peer = stage.connect(options).await?;
    let every = stage.by_strength(weak, strong);
    loop {
        send(&peer, &mut stage)?;
        // The node answers some of it.
        let until = tokio::time::Instant::now() + stage.irregular(every);
        while let Ok(message) = tokio::time::timeout_at(until, peer.recv()).await {
            message?;
        }
    }
}

const fn seconds(weak: f32, strong: f32) -> (Duration, Duration) {
    (Duration::from_millis((weak * 1000.0) as u64), Duration::from_millis((strong * 1000.0) as u64))
}

/// Pings without end: each has to be answered.
pub const PING_SPAM: Scenario = Scenario {
    name: "ping_spam",
    about: "A peer pings all the time; each four seconds in the weak form.",
    from: &[132],
    act: |stage| {
        Box::pin(again(stage, seconds(4.0, 0.05), |peer, stage| peer.send(NetworkMessage::Ping(stage.rng.u64(..)))))
    },
    ..ATTACK
};

/// Pings as before BIP 31.
pub const OLD_PING: Scenario = Scenario {
    name: "old_ping",
    about: "A peer sends pings without a nonce.",
    from: &[133],
    act: |stage| Box::pin(again(stage, seconds(30.0, 2.0), |peer, _| peer.send_raw("ping", &[]))),
    ..ATTACK
};

/// Blocks that the node has, and their transactions, as the peers of a pool sent them.
pub const UNASKED_BLOCKS: Scenario = Scenario {
    name: "unasked_blocks",
    about: "A peer sends blocks and their transactions that the node did not request; each ten seconds in the weak form.",
    from: &[93],
    act: |stage| {
        Box::pin(again(stage, seconds(10.0, 1.0), |peer, stage| {
            let block = stage.world.relay.tip().context("there is no block yet")?;
            let transactions = BlockTransactions { block_hash: block.block_hash(), transactions: block.txdata.clone() };
            peer.send(NetworkMessage::Block(Block::clone(&block)))?;
            peer.send(NetworkMessage::BlockTxn(BlockTxn { transactions }))
        }))
    },
    ..ATTACK
};

/// Messages addrv2 without even the number of addresses.
pub const EMPTY_ADDRV2: Scenario = Scenario {
    name: "empty_addrv2",
    about: "A peer sends addrv2 without a payload.",
    from: &[135],
    act: |stage| Box::pin(again(stage, seconds(30.0, 2.0), |peer, _| peer.send_raw("addrv2", &[]))),
    ..ATTACK
};

/// More sendcmpct than blocks.
pub const SENDCMPCT: Scenario = Scenario {
    name: "sendcmpct",
    about: "A peer changes all the time whether it wants compact blocks announced; each second in the weak form.",
    from: &[137],
    act: |stage| {
        Box::pin(again(stage, seconds(1.0, 0.05), |peer, stage| {
            let send_compact = stage.rng.bool();
            peer.send(NetworkMessage::SendCmpct(SendCmpct { send_compact, version: 2 }))
        }))
    },
    ..ATTACK
};

/// The same block downloaded without end (like CVE-2024-52920).
pub const GETDATA_LOOP: Scenario = Scenario {
    name: "getdata_loop",
    about: "A peer requests the newest block again and again.",
    from: &[142],
    act: |stage| {
        Box::pin(again(stage, seconds(0.7, 0.05), |peer, stage| {
            let block = stage.world.relay.tip().context("there is no block yet")?;
            peer.send(NetworkMessage::GetData(vec![Inventory::WitnessBlock(block.block_hash())]))
        }))
    },
    ..ATTACK
};

/// Announcements of blocks that nobody has (CVE-2024-52915).
pub const INV_BLOCKS: Scenario = Scenario {
    name: "inv_blocks",
    about: "A peer announces blocks that nobody has: 50,000 at a time, or 500 in the weak form.",
    from: &[145],
    act: |stage| {
        Box::pin(again(stage, seconds(3.0, 2.0), |peer, stage| {
            let mut block = |_| Inventory::Block(BlockHash::from_byte_array(std::array::from_fn(|_| stage.rng.u8(..))));
            let count = match stage.scenario.strength {
                super::Strength::Weak => 500,
                super::Strength::Strong => 50_000,
            };
            peer.send(NetworkMessage::Inv((0..count).map(&mut block).collect()))
        }))
    },
    ..ATTACK
};

/// Service flags that mean nothing.
pub const BOGUS_SERVICES: Scenario = Scenario {
    name: "bogus_services",
    about: "Peers claim services that there are not.",
    from: &[146],
    pause: Duration::from_secs(4),
    act: |stage| Box::pin(bogus_services(stage)),
    ..ATTACK
};

async fn bogus_services(mut stage: Stage) -> Result<()> {
    let mut options = stage.peer("/Satoshi:28.0.0/");
    options.services = ServiceFlags::from(if stage.by_strength(false, true) { u64::MAX } else { 9 | 1 << 40 });
    let mut peer = stage.connect(options).await?;
    let _ = peer.wait_closed(Duration::from_secs(3)).await;
    drop(peer);
    tokio::time::sleep(stage.by_strength(Duration::from_secs(20), Duration::ZERO)).await;
    Ok(())
}

/// Messages that are too long.
pub const OVERSIZED: Scenario = Scenario {
    name: "oversized",
    about: "Peers send messages with more entries than are allowed: a single one in the weak form.",
    from: &[148],
    act: |stage| {
        Box::pin(once(stage, |peer, stage| {
            if stage.rng.bool() {
                return peer.send(NetworkMessage::AddrV2(addresses(&mut Rng::new(), 1001)));
            }
            peer.send(NetworkMessage::Inv(unknown_transactions(&mut Rng::new(), 50_001)))
        }))
    },
    ..ATTACK
};

/// Messages that are cut.
pub const MALFORMED: Scenario = Scenario {
    name: "malformed",
    about: "Peers send messages that cannot be decoded.",
    from: &[149],
    act: |stage| {
        Box::pin(again(stage, seconds(15.0, 0.5), |peer, stage| {
            let cut: Vec<u8> = (0..stage.rng.u8(1..30)).map(|_| 0xff).collect();
            let types = ["inv", "headers", "feefilter", "getdata", "addrv2"];
            peer.send_raw(stage.rng.choice(&types).copied().unwrap_or_default(), &cut)
        }))
    },
    ..ATTACK
};

/// A peer that sends something, and waits for what the node makes of it; then a rest, of an hour in the weak form.
async fn once(mut stage: Stage, send: Send) -> Result<()> {
    let options = stage.peer("/Satoshi:28.0.0/");
    let mut peer = stage.connect(options).await?;
    send(&peer, &mut stage)?;
    let _ = peer.wait_closed(Duration::from_secs(3)).await;
    drop(peer);
    tokio::time::sleep(stage.by_strength(Duration::from_hours(1), Duration::from_secs(2))).await;
    Ok(())
}

/// Connections that look like those of the node with itself (CVE-2025-54604).
pub const SELF_CONNECTIONS: Scenario = Scenario {
    name: "self_connections",
    about: "Peers use the nonce of a connection that the node has just opened, so that it takes them for itself.",
    from: &[150],
    act: |stage| Box::pin(pretend(stage)),
    ..ATTACK
};

/// The node connects, and waits for our version; meanwhile others use its nonce.
async fn pretend(mut stage: Stage) -> Result<()> {
    let listener = crate::peer::PeerListener::bind_at(stage.ip()).await?;
    stage.node().rpc("addnode", json!([listener.addr()?.to_string(), "onetry", false])).await?;
    let options = stage.peer("/Satoshi:28.0.0/");
    let waiting = listener.greeted(&options).await?;
    let nonce = waiting.their_version().context("it has introduced itself")?.nonce;
    let until = tokio::time::Instant::now() + Duration::from_secs(50);
    while tokio::time::Instant::now() < until {
        let options = crate::PeerOptions { nonce: Some(nonce), ..stage.peer("/Satoshi:28.0.0/") };
        let peer = Peer::dial(stage.node().p2p_addr(), &options).await?;
        peer.introduce(&options)?;
        let every = stage.by_strength(Duration::from_secs(8), Duration::from_millis(100));
        tokio::time::sleep(stage.irregular(every)).await;
    }
    Ok(())
}
