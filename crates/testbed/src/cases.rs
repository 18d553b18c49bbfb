//! Labelled cases: what happens at a node, and which detectors of `alerts` must find it. They are played on real nodes in an internet of one's
//! own ([`crate::internet`]): first ordinary life for a while, and then, besides that, an attack or something lively that is none.

mod table;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

pub use self::table::ALL;
use crate::builder::NodeBuilder;
use crate::internet;
use crate::network::Network;
use crate::node::Node;
use crate::scenarios::{self, Scenario, Strength};
use crate::traffic::{Plan, Traffic};

/// What is played, and what is to be found.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is played besides ordinary life. A case is named after it.
    pub scenario: Scenario,
    /// What is played from the beginning besides ordinary life.
    pub before: &'static [Scenario],
    /// What ends when the scenario begins: its peers leave at once, or within three minutes in the weak form.
    pub ends: &'static [Scenario],
    /// The detectors that must find it.
    pub must: &'static [&'static str],
    /// Those of them that must also find the weak form.
    pub weak: &'static [&'static str],
    /// Those that may report something because of it.
    pub may: &'static [&'static str],
    /// For how long its detectors must have seen the node before, in seconds.
    pub lead: u64,
    /// How long it is played, in seconds.
    pub lasts: u64,
    /// How long a detector may take, in seconds, by its own windows: most of them a minute.
    pub within: u64,
    /// A line of the node's bitcoin.conf.
    pub config: &'static str,
    /// Whether our own connectivity check runs at the node.
    pub connectivity: bool,
}

/// When a case was played.
#[derive(Clone, Copy, Debug)]
pub struct Played {
    /// When the scenario began.
    pub began: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
}

/// A node with ordinary life.
#[derive(Debug)]
pub struct Place {
    network: Network,
    traffic: Traffic,
}

impl Case {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.scenario.name
    }

    /// The detectors that must find it in this form.
    pub fn must(&self, strength: Strength) -> &'static [&'static str] {
        match strength {
            Strength::Weak => self.weak,
            Strength::Strong => self.must,
        }
    }

    /// Starts a node in a folder, and life at it.
    ///
    /// # Errors
    /// The node does not start.
    pub async fn prepare(&self, folder: &Path, seed: u64) -> Result<Place> {
        std::fs::create_dir_all(folder)?;
        let asmap = folder.join("asmap.dat");
        std::fs::write(&asmap, internet::asmap())?;
        let configure = |node: NodeBuilder| {
            let node = node.config(format!("asmap={}", asmap.display()));
            if self.config.is_empty() { node } else { node.config(self.config) }
        };
        let network = Network::start_with(1, folder, configure).await?;
        let ordinary = [
            Scenario { pause: Duration::from_secs(60), ..scenarios::BLOCKS },
            Scenario { pause: Duration::from_millis(1_500), ..scenarios::TRANSACTIONS },
            scenarios::INBOUND,
            scenarios::VISITORS,
            scenarios::CHOSEN,
        ];
        let scenarios = ordinary.iter().chain(self.before).copied().collect();
        let traffic = Traffic::start(&network, Plan { seed, scenarios }).await?;
        Ok(Place { network, traffic })
    }

    /// Plays the scenario for its time, and then ends everything.
    ///
    /// # Errors
    /// The node had to be killed.
    pub async fn play(&self, place: Place, strength: Strength) -> Result<Played> {
        let Place { network, mut traffic } = place;
        let began = SystemTime::now();
        let played = tokio::time::timeout(Duration::from_secs(self.lasts), async {
            traffic.play(Scenario { strength, first: Duration::ZERO, ..self.scenario });
            let within = if strength == Strength::Weak { Duration::from_secs(180) } else { Duration::ZERO };
            for scenario in self.ends {
                traffic.end(scenario, within).await;
            }
            std::future::pending::<()>().await;
        });
        let _ = played.await;
        let ended = SystemTime::now();
        traffic.stop().await;
        network.nodes().iter().for_each(|node| node.freeze(false));
        network.stop().await?;
        Ok(Played { began, ended })
    }
}

impl Place {
    /// The node.
    ///
    /// # Errors
    /// There is none.
    pub fn node(&self) -> Result<&Arc<Node>> {
        self.network.nodes().first().context("a place has a node")
    }
}
