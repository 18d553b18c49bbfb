//! Keeps a network busy: blocks, transactions, gossip, and now and then something that should not be.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::p2p::message::NetworkMessage;
use bus::task;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::network::Network;
use crate::node::Node;
use crate::peer::Peer;
use crate::scripts::{self, Oddity};
use crate::wallet::{Reject, Spend, Wallet};

/// From one look for connections that are missing to the next, on average.
const RECONNECT: Duration = Duration::from_secs(1);

/// How often things happen, on average. The default is for people who watch.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From a block to the next.
    pub block: Duration,
    /// From a transaction to the next.
    pub transaction: Duration,
    /// How many scripted peers are connected at a time.
    pub peers: usize,
    /// From a message of a scripted peer to its next.
    pub message: Duration,
    /// From an oddity to the next.
    pub oddity: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            block: Duration::from_secs(5),
            transaction: Duration::from_millis(700),
            peers: 4,
            message: Duration::from_secs(2),
            oddity: Duration::from_secs(8),
        }
    }
}

/// Traffic in the background, until it is stopped or dropped. Nodes may be killed and started again meanwhile: it goes on with the others.
#[derive(Debug)]
pub struct Traffic {
    tasks: JoinSet<()>,
}

impl Traffic {
    /// Mines the coins that it needs, and starts.
    ///
    /// # Errors
    /// The network has no nodes, or they don't answer.
    pub async fn start(network: &Network, pace: Pace) -> Result<Self> {
        let first = network.nodes().first().context("a network without nodes has no traffic")?;
        let mut wallet = Wallet::new();
        wallet.fund(first, 30).await?;
        let all: Vec<&Node> = network.nodes().iter().map(AsRef::as_ref).collect();
        crate::sync_blocks(&all).await?;

        let world = Arc::new(World { network: network.clone(), wallet: Mutex::new(wallet) });
        let mut tasks = JoinSet::new();
        let world = &world;
        again(&mut tasks, world, pace.block, "block", |world| async move { world.block().await });
        again(&mut tasks, world, pace.transaction, "transaction", |world| async move { world.transaction().await });
        again(&mut tasks, world, pace.oddity, "oddity", |world| async move { world.oddity().await });
        again(&mut tasks, world, RECONNECT, "reconnect", |world| async move { world.network.connect().await });
        for _ in 0..pace.peers {
            let message = pace.message;
            again(&mut tasks, world, message, "peer", move |world| async move { world.peer(message).await });
        }
        Ok(Self { tasks })
    }

    /// Ends it, and waits until nothing of it is left.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Starts a task that does something again and again, irregularly. What fails is tried again: the node was probably down.
fn again<F: Future<Output = Result<()>> + Send + 'static>(
    tasks: &mut JoinSet<()>,
    world: &Arc<World>,
    mean: Duration,
    what: &'static str,
    act: impl Fn(Arc<World>) -> F + Send + 'static,
) {
    let world = Arc::clone(world);
    tasks.spawn(task::named(format!("traffic: {what}"), async move {
        loop {
            irregular(mean).await;
            if let Err(error) = act(Arc::clone(&world)).await {
                tracing::debug!("traffic: {what}: {error:#}");
            }
        }
    }));
}

/// Waits as long as one waits for independent events of that mean interval, at most five times the mean.
fn irregular(mean: Duration) -> impl Future<Output = ()> {
    let factor = -f64::ln(1.0 - fastrand::f64());
    sleep(mean.mul_f64(factor.min(5.0)))
}

struct World {
    network: Network,
    wallet: Mutex<Wallet>,
}

impl World {
    fn any_node(&self) -> Result<&Node> {
        let up: Vec<_> = self.network.nodes().iter().filter(|node| node.pid().is_some()).collect();
        fastrand::choice(up).map(AsRef::as_ref).context("no node is up")
    }

    /// Mostly one more block; sometimes two that replace the best one.
    async fn block(&self) -> Result<()> {
        let node = self.any_node()?;
        let mut wallet = self.wallet.lock().await;
        if fastrand::u8(..) > 20 {
            wallet.mine(node, 1).await?;
            return Ok(());
        }
        let (_, stale) = node.tip().await?;
        node.rpc("invalidateblock", json!([stale.to_string()])).await?;
        // Not to the wallet: the block might become the very same again.
        let mined = node.mine(2).await;
        node.rpc("reconsiderblock", json!([stale.to_string()])).await?;
        mined?;
        wallet.catch_up(node).await
    }

    async fn transaction(&self) -> Result<()> {
        let node = self.any_node()?;
        let mut wallet = self.wallet.lock().await;
        let spend = Spend { fee_rate: fastrand::u64(2..60), outputs: fastrand::usize(1..5), vsize: 0 };
        match fastrand::u8(..10) {
            0 => {
                for tx in wallet.chain(3, &spend)? {
                    wallet.send(node, &tx).await?;
                }
            }
            1 | 2 => {
                let tx = wallet.spend(&spend)?;
                wallet.send(node, &tx).await?;
                let more = Spend { fee_rate: spend.fee_rate * 3, ..spend };
                let replacement = wallet.replace(&tx, &more)?;
                wallet.send(node, &replacement).await?;
            }
            3 => {
                // From a peer, because a node does not log what it rejects on an RPC.
                let tx = wallet.rejected(*fastrand::choice(&Reject::ALL).context("no reasons")?)?;
                let mut peer = Peer::connect(node.p2p_addr(), scripts::random_peer()).await?;
                peer.send(NetworkMessage::Tx(tx))?;
                peer.sync().await?;
            }
            _ => {
                let tx = wallet.spend(&spend)?;
                wallet.send(node, &tx).await?;
            }
        }
        Ok(())
    }

    /// One peer's visit: it connects, talks, and leaves.
    async fn peer(&self, message: Duration) -> Result<()> {
        let peer = Peer::connect(self.any_node()?.p2p_addr(), scripts::random_peer()).await?;
        for _ in 0..fastrand::usize(2..20) {
            peer.send(scripts::small_talk())?;
            irregular(message).await;
        }
        Ok(())
    }

    async fn oddity(&self) -> Result<()> {
        let oddity = *fastrand::choice(&Oddity::ALL).context("no oddities")?;
        oddity.perform(self.any_node()?.p2p_addr(), scripts::random_peer(), Duration::from_secs(2)).await
    }
}
