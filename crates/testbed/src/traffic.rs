//! Keeps a network busy: plays scenarios again and again, and restores connections between nodes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::task;
use fastrand::Rng;
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};
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
pub struct Traffic {
    world: Arc<World>,
    seed: u64,
    tasks: JoinSet<()>,
    /// Those of each scenario, by its name.
    actors: HashMap<&'static str, Vec<AbortHandle>>,
    sent: Sent,
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traffic").field("seed", &self.seed).field("sent", &self.sent).finish_non_exhaustive()
    }
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
        tasks.spawn(task::named("traffic: connections", reconnect(network.clone())));
        let mut traffic = Self { world, seed: plan.seed, tasks, actors: HashMap::new(), sent };
        plan.scenarios.into_iter().for_each(|scenario| traffic.play(scenario));
        Ok(traffic)
    }

    /// Lets a scenario begin, besides those that are played already.
    pub fn play(&mut self, scenario: Scenario) {
        // Not the place in the list: one more scenario changes nothing for the others.
        let seed = scenario.name.bytes().fold(self.seed, |seed, byte| seed.rotate_left(5) ^ u64::from(byte));
        let mut rng = Rng::with_seed(seed);
        let nodes = self.world.network.nodes().len();
        let places: Vec<Option<usize>> = match scenario.actors {
            Actors::One => vec![None],
            Actors::PerNode(count) => {
                let count = count.min(MOST_ACTORS.div_ceil(nodes));
                (0..nodes).flat_map(|node| std::iter::repeat_n(Some(node), count)).collect()
            }
        };
        let common = Rng::with_seed(seed);
        for (actor, place) in places.into_iter().enumerate() {
            let acting = play(Arc::clone(&self.world), scenario, (actor, place), rng.fork(), common.clone());
            let task = self.tasks.spawn(task::named(format!("traffic: {}", scenario.name), acting));
            self.actors.entry(scenario.name).or_default().push(task);
        }
    }

    /// Ends a scenario: its actors leave one after the other within this time.
    pub async fn end(&mut self, scenario: &Scenario, within: Duration) {
        let actors = self.actors.remove(scenario.name).unwrap_or_default();
        let pause = within / u32::try_from(actors.len().max(1)).unwrap_or(u32::MAX);
        for actor in actors {
            actor.abort();
            sleep(pause).await;
        }
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
async fn play(
    world: Arc<World>,
    scenario: Scenario,
    (actor, place): (usize, Option<usize>),
    mut rng: Rng,
    common: Rng,
) {
    let spread = if place.is_some() { SPREAD.mul_f64(rng.f64()) } else { Duration::ZERO };
    sleep(scenario.first + spread).await;
    for round in 0.. {
        if let Some(node) = world.network.up(place, round) {
            let (world, rng, common) = (Arc::clone(&world), rng.fork(), common.clone());
            if let Err(error) = (scenario.act)(Stage { world, node, scenario, round, actor, rng, common }).await {
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
