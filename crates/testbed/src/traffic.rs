//! Keeps a network busy: plays scenarios again and again, and restores connections between nodes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::task;
use fastrand::Rng;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::network::Network;
use crate::node::Node;
use crate::relay::Relay;
use crate::scenarios::{self, Actors, Scenario, Stage, World, irregular};
use crate::sent::Sent;
use crate::wallet::{Spend, Wallet};

/// From one look for connections that are missing to the next.
const RECONNECT: Duration = Duration::from_secs(3);
/// Coins to begin with. From one: a block for each would put the chain's time far ahead of the clock.
const COINS: usize = 100;
/// Most actors of one scenario, so that many nodes are no heavier for a machine than a few.
const MOST_ACTORS: usize = 128;
/// Actors of one scenario begin within this time.
const SPREAD: Duration = Duration::from_secs(5);

/// What is to happen. The default is for people who watch: everything, and the striking things within the first 15 seconds.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides what the actors choose.
    pub seed: u64,
    /// What they play.
    pub scenarios: Vec<Scenario>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: fastrand::u64(..), scenarios: scenarios::ALL.to_vec() }
    }
}

/// Traffic in the background, until it is stopped or dropped. Nodes may be killed and started again meanwhile: it goes on with the others.
#[derive(Debug)]
pub struct Traffic {
    tasks: JoinSet<()>,
    sent: Sent,
}

impl Traffic {
    /// Mines the coins that it needs, and starts. Of each scenario there are at most 128 actors, however many nodes there are.
    ///
    /// # Errors
    /// The network has no nodes, or they don't answer.
    pub async fn start(network: &Network, plan: Plan) -> Result<Self> {
        let first = network.nodes().first().context("a network without nodes has no traffic")?;
        let mut wallet = Wallet::new();
        wallet.fund(first, 2).await?;
        let coins = wallet.spend(&Spend { outputs: COINS, ..Spend::default() })?;
        wallet.send(first, &coins).await?;
        wallet.mine(first, 1).await?;
        let all: Vec<&Node> = network.nodes().iter().map(AsRef::as_ref).collect();
        crate::sync_blocks(&all).await?;

        let sent = Sent::default();
        let (wallet, relay) = (Mutex::new(wallet), Relay::new());
        let world = Arc::new(World { network: network.clone(), wallet, relay, sent: sent.clone() });
        world.publish(first, 3).await?;
        let mut tasks = JoinSet::new();
        for scenario in plan.scenarios {
            // Not the place in the list: one more scenario changes nothing for the others.
            let seed = scenario.name.bytes().fold(plan.seed, |seed, byte| seed.rotate_left(5) ^ u64::from(byte));
            let mut rng = Rng::with_seed(seed);
            let places: Vec<Option<usize>> = match scenario.actors {
                Actors::One => vec![None],
                Actors::PerNode(count) => {
                    let count = count.min(MOST_ACTORS.div_ceil(all.len()));
                    (0..all.len()).flat_map(|node| std::iter::repeat_n(Some(node), count)).collect()
                }
            };
            for place in places {
                let acting = play(Arc::clone(&world), scenario, place, rng.fork());
                tasks.spawn(task::named(format!("traffic: {}", scenario.name), acting));
            }
        }
        tasks.spawn(task::named("traffic: connections", reconnect(network.clone())));
        Ok(Self { tasks, sent })
    }

    /// What its peers have sent until now.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Ends it, and waits until nothing of it is left.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Plays a scenario again and again, at the node of that number or at all in turn. What fails is tried again: the node was probably down.
async fn play(world: Arc<World>, scenario: Scenario, place: Option<usize>, mut rng: Rng) {
    let spread = if place.is_some() { SPREAD.mul_f64(rng.f64()) } else { Duration::ZERO };
    sleep(scenario.first + spread).await;
    for round in 0.. {
        if let Some(node) = world.network.up(place, round) {
            let (world, rng) = (Arc::clone(&world), rng.fork());
            if let Err(error) = (scenario.act)(Stage { world, node, scenario, round, rng }).await {
                tracing::debug!("traffic: {}: {error:#}", scenario.name);
            }
        }
        sleep(irregular(&mut rng, scenario.pause)).await;
    }
}

async fn reconnect(network: Network) {
    loop {
        sleep(RECONNECT).await;
        if let Err(error) = network.connect().await {
            tracing::debug!("traffic: connections: {error:#}");
        }
    }
}
