use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use bitcoin::Wtxid;
use bitcoin::bip152::BlockTransactionsRequest;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::message_compact_blocks::{CmpctBlock, GetBlockTxn, SendCmpct};
use tokio::time::{Instant, sleep_until};

use super::{Actors, Scenario, Stage, Strength};
use crate::gossip::{addresses, legacy_addresses, pick};
use crate::peer::{Peer, PeerOptions};
use crate::relay::News;

/// Peers as most are: they come, relay what they know, ask for what they lack, and leave after a while. Every sixth comes through Tor.
pub const SCENARIO: Scenario = Scenario {
    name: "honest",
    about: "Peers with several implementations connect, relay blocks, transactions and addresses, and leave.",
    attack: false,
    actors: Actors::PerNode(16),
    from: &[10, 23, 31, 42, 50, 57],
    first: Duration::ZERO,
    pause: Duration::from_secs(4),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

/// How lively a peer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long it stays, on average.
    pub stays: Duration,
    /// From one small thing that it says to the next.
    pub talks: Duration,
}

impl Pace {
    /// So that much happens within a minute.
    pub(super) const LIVELY: Self = Self { stays: Duration::from_secs(80), talks: Duration::from_secs(12) };
    /// As in the real network.
    pub(super) const USUAL: Self = Self { stays: Duration::from_hours(2), talks: Duration::from_secs(90) };
}

/// From an `inv` with transactions to the next. Bitcoin Core's is 5 s for inbound peers and 2 s for others.
const TRICKLE: Duration = Duration::from_secs(3);
/// Most transactions that a peer asks for at once.
const FETCHED_AT_ONCE: usize = 50;

/// User agents of nodes that have all blocks.
const FULL_NODES: [&str; 6] = [
    "/Satoshi:30.2.0/",
    "/Satoshi:29.1.0/Knots:20250903/",
    "/Satoshi:29.0.0/",
    "/Satoshi:28.1.0/",
    "/Satoshi:27.0.0/",
    "/btcwire:0.5.0/btcd:0.24.2/",
];

async fn act(mut stage: Stage) -> Result<()> {
    let mut options = if stage.rng.u8(..8) == 0 { wallet(&mut stage) } else { full_node(&mut stage) };
    options.relay = stage.rng.u8(..6) > 0;
    let (relays, addr_v2) = (options.relay, options.addr_v2);
    let peer = if stage.rng.u8(..6) == 0 {
        options.from = std::net::Ipv4Addr::LOCALHOST.into();
        Peer::connect(stage.node().onion_addr(), options).await?
    } else {
        stage.connect(options).await?
    };
    Life::new(&mut stage, peer, relays, addr_v2).live(Pace::LIVELY).await
}

/// A node that has all blocks.
pub(super) fn full_node(stage: &mut Stage) -> PeerOptions {
    let user_agent = pick(&mut stage.rng, &FULL_NODES);
    let mut services = ServiceFlags::NETWORK | ServiceFlags::WITNESS | ServiceFlags::NETWORK_LIMITED;
    if stage.rng.u8(..4) == 0 {
        services |= ServiceFlags::COMPACT_FILTERS;
    }
    PeerOptions { services, ..stage.peer(user_agent) }
}

/// A wallet that has no blocks, and of the protocol what there was in 2016.
pub(super) fn wallet(stage: &mut Stage) -> PeerOptions {
    let services = ServiceFlags::NONE;
    let ours = stage.peer("/bitcoinj:0.16.3/Bitcoin Wallet:10.20/");
    PeerOptions { services, version: 70015, wtxid_relay: false, addr_v2: false, ..ours }
}

/// The life of an honest peer, from the handshake to the end.
pub(super) struct Life<'a> {
    stage: &'a mut Stage,
    peer: Peer,
    /// Whether the two exchange transactions.
    relays: bool,
    /// Whether it sends addresses as `addrv2`.
    addr_v2: bool,
    /// Transactions that the node has announced, or been offered.
    common: HashSet<Wtxid>,
    /// Those to offer in the next `inv`.
    to_offer: Vec<Wtxid>,
}

impl<'a> Life<'a> {
    pub(super) fn new(stage: &'a mut Stage, peer: Peer, relays: bool, addr_v2: bool) -> Self {
        Self { stage, peer, relays, addr_v2, common: HashSet::new(), to_offer: Vec::new() }
    }

    /// Until its time has come, or the node closes the connection.
    pub(super) async fn live(mut self, pace: Pace) -> Result<()> {
        let mut news = self.stage.world.relay.subscribe();
        self.greet()?;
        let end = self.later(pace.stays);
        let (mut talks, mut trickles) = (self.later(pace.talks), self.later(TRICKLE));
        loop {
            tokio::select! {
                () = sleep_until(end) => return Ok(()),
                message = self.peer.recv() => self.answer(message?)?,
                // Who is too slow misses some.
                Ok(news) = news.recv() => self.hear(&news)?,
                () = sleep_until(talks) => {
                    self.talk().await?;
                    talks = self.later(pace.talks);
                }
                () = sleep_until(trickles) => {
                    self.offer()?;
                    trickles = self.later(TRICKLE);
                }
            }
        }
    }

    fn later(&mut self, mean: Duration) -> Instant {
        Instant::now() + self.stage.irregular(mean)
    }

    fn greet(&mut self) -> Result<()> {
        self.peer.send(NetworkMessage::SendHeaders)?;
        self.peer.send(NetworkMessage::SendCmpct(SendCmpct { send_compact: self.stage.rng.bool(), version: 2 }))?;
        self.peer.send(NetworkMessage::Ping(self.stage.rng.u64(..)))?;
        if self.relays {
            self.peer.send(NetworkMessage::FeeFilter(pick(&mut self.stage.rng, &[100, 1000, 1000, 5000])))?;
            self.peer.send(NetworkMessage::GetAddr)?;
            self.addresses(1)?;
        }
        Ok(())
    }

    fn addresses(&mut self, count: usize) -> Result<()> {
        let rng = &mut self.stage.rng;
        self.peer.send(match self.addr_v2 {
            true => NetworkMessage::AddrV2(addresses(rng, count)),
            false => legacy_addresses(rng, count),
        })
    }

    /// One of the small things that peers say now and then.
    async fn talk(&mut self) -> Result<()> {
        match self.stage.rng.u8(..10) {
            0..4 => self.peer.send(NetworkMessage::Ping(self.stage.rng.u64(..))),
            4 if self.relays => self.peer.send(NetworkMessage::FeeFilter(self.stage.rng.i64(100..5000))),
            5 if self.relays => self.addresses(1),
            6..10 if self.relays => self.pay().await,
            _ => Ok(()),
        }
    }

    /// Makes a transaction. That there is no coin for it is no fault.
    async fn pay(&mut self) -> Result<()> {
        let spend = self.stage.spend();
        let Ok(tx) = self.stage.wallet().await.spend(&spend) else { return Ok(()) };
        self.to_offer.push(tx.compute_wtxid());
        self.stage.world.relay.add_transaction(tx);
        Ok(())
    }

    /// What the others pass on: a third of it comes this way before the node has it.
    fn hear(&mut self, news: &News) -> Result<()> {
        if self.stage.rng.u8(..3) > 0 {
            return Ok(());
        }
        match news {
            News::Transaction(wtxid) if self.relays => self.to_offer.push(*wtxid),
            News::Transaction(_) => {}
            News::Block(header) => self.peer.send(NetworkMessage::Headers(vec![*header]))?,
        }
        Ok(())
    }

    fn offer(&mut self) -> Result<()> {
        let mut new = std::mem::take(&mut self.to_offer);
        new.retain(|wtxid| self.common.insert(*wtxid));
        if new.is_empty() {
            return Ok(());
        }
        self.peer.send(NetworkMessage::Inv(new.into_iter().map(Inventory::WTx).collect()))
    }

    fn answer(&mut self, message: NetworkMessage) -> Result<()> {
        let relay = &self.stage.world.relay;
        let answer = match message {
            NetworkMessage::GetHeaders(asked) => NetworkMessage::Headers(relay.headers_after(&asked.locator_hashes)),
            NetworkMessage::GetData(items) => return self.deliver(&items),
            NetworkMessage::GetBlockTxn(asked) => match relay.block_transactions(&asked.txs_request) {
                Some(transactions) => transactions,
                None => return Ok(()),
            },
            NetworkMessage::GetAddr => {
                let count = self.stage.rng.usize(50..300);
                return self.addresses(count);
            }
            NetworkMessage::Inv(items) => return self.fetch(items),
            NetworkMessage::Headers(headers) if self.stage.rng.u8(..4) == 0 => {
                let Some(newest) = headers.last() else { return Ok(()) };
                let hash = newest.block_hash();
                let item =
                    if self.stage.rng.bool() { Inventory::CompactBlock(hash) } else { Inventory::WitnessBlock(hash) };
                NetworkMessage::GetData(vec![item])
            }
            NetworkMessage::CmpctBlock(CmpctBlock { compact_block }) if self.stage.rng.u8(..3) == 0 => {
                let lacking = compact_block.short_ids.len().min(2) as u64;
                if lacking == 0 {
                    return Ok(());
                }
                let block_hash = compact_block.header.block_hash();
                let txs_request = BlockTransactionsRequest { block_hash, indexes: (1..=lacking).collect() };
                NetworkMessage::GetBlockTxn(GetBlockTxn { txs_request })
            }
            _ => return Ok(()),
        };
        self.peer.send(answer)
    }

    fn deliver(&self, items: &[Inventory]) -> Result<()> {
        let mut missing = Vec::new();
        for item in items {
            match self.stage.world.relay.find(item) {
                Some(message) => self.peer.send(message)?,
                None => missing.push(*item),
            }
        }
        if missing.is_empty() { Ok(()) } else { self.peer.send(NetworkMessage::NotFound(missing)) }
    }

    /// Asks for the transactions that no peer has.
    fn fetch(&mut self, items: Vec<Inventory>) -> Result<()> {
        let mut lacking = Vec::new();
        for item in items {
            if let Inventory::WTx(wtxid) = item
                && self.common.insert(wtxid)
                && !self.stage.world.relay.has(wtxid)
            {
                lacking.push(item);
            }
        }
        lacking.truncate(FETCHED_AT_ONCE);
        if lacking.is_empty() { Ok(()) } else { self.peer.send(NetworkMessage::GetData(lacking)) }
    }
}
