//! What is asked, and how: checked once, so that nothing deeper looks at text of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use node::{HostPort, Secret, Target};

use crate::snapshot::Countdown;
use crate::sources::ServerUrl;

/// Interesting heights that are shown by default.
pub const MAX_INTERESTING_HEIGHTS: usize = 100;
/// For how long activity is kept in the database by default.
pub const RETENTION: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How often a node is asked by default.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// Networks at most.
pub const MAX_NETWORKS: usize = 32;
/// Nodes of a network at most, those of other servers included.
pub const MAX_NODES: usize = 1_000;
/// The highest `max_interesting_heights`.
pub const MOST_INTERESTING_HEIGHTS: usize = 1_000;

/// All that is asked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The networks, with different ids, names and slugs.
    pub networks: Vec<Network>,
}

/// Nodes that follow the same chain, or should.
#[derive(Clone, Debug)]
pub struct Network {
    /// Id in addresses of the API.
    pub id: u32,
    /// Name in events, such as `mainnet`, with the form of a node's name.
    pub name: String,
    /// Name in addresses of pages: letters, digits, `-`, `_`.
    pub slug: String,
    /// For people.
    pub description: String,
    /// The height from which forks are looked for. Headers below are not asked for.
    pub min_fork_height: u32,
    /// Heights that are shown at most, besides their neighbours: from 1 to [`MOST_INTERESTING_HEIGHTS`].
    pub max_interesting_heights: usize,
    /// How miners are recognized. None: no block is asked for to find out who mined it.
    pub pools: Option<PoolSettings>,
    /// A height that is counted down to.
    pub countdown: Option<Countdown>,
    /// For how long activity stays in the database. Older rows are in archives, a file a month.
    pub retention: Duration,
    /// The nodes, at most [`MAX_NODES`], with different ids and names.
    pub nodes: Vec<NodeSettings>,
}

/// How miners are recognized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolSettings {
    /// A JSON file of pools by tags in coinbases and addresses of payouts. None: only the text of the coinbase is shown.
    pub file: Option<PathBuf>,
}

/// What is asked for its tips.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Id in the API. Of another fork-observer: what is added to the ids of its nodes, so that they are above all others.
    pub id: u32,
    /// Name in the network.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it is, and how it is asked.
    pub source: SourceSettings,
    /// What it reports as its version may be shown. A version can expose a honeypot.
    pub show_version: bool,
    /// What changes at it is activity.
    pub activity: bool,
    /// It is observed under its name: its events are published as those of that node, and it is asked at once when an event of that node shows
    /// that its tip changed.
    pub observed: bool,
    /// How often it is asked.
    pub interval: Duration,
}

/// A server by its kind, and how it is reached. Certificates are those of the system, unless a file of others (PEM) is named: that of a server that
/// signed its own.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // one for each node
pub enum SourceSettings {
    /// Bitcoin Core or Knots.
    Core {
        /// Where it is. It is located again when it restarts.
        target: Target,
        /// Headers and blocks may be asked for by REST, where the node serves that.
        rest: bool,
        /// The node may be asked to answer when its tip changes (`waitfornewblock`).
        long_poll: bool,
    },
    /// btcd, by JSON-RPC.
    Btcd {
        /// Its RPC server.
        url: ServerUrl,
        /// Name to log in with.
        user: String,
        /// Password to log in with.
        password: Secret,
        /// A file of certificates that are trusted.
        certificate: Option<PathBuf>,
    },
    /// The HTTP API of esplora, such as `https://blockstream.info/api`.
    Esplora {
        /// Where its API begins.
        url: ServerUrl,
        /// A file of certificates that are trusted.
        certificate: Option<PathBuf>,
    },
    /// That of mempool.space, which has more: `https://mempool.space/api`.
    MempoolSpace {
        /// Where its API begins.
        url: ServerUrl,
        /// A file of certificates that are trusted.
        certificate: Option<PathBuf>,
    },
    /// An electrum server.
    Electrum {
        /// Its address.
        server: HostPort,
        /// Whether it speaks TLS.
        tls: bool,
        /// A file of certificates that are trusted.
        certificate: Option<PathBuf>,
    },
    /// Another server with fork-observer's API, such as another peer-observer: all nodes of one of its networks. Their ids are those there plus
    /// the id of this one.
    ForkObserver {
        /// Where its API begins.
        url: ServerUrl,
        /// The network's id there.
        network: u32,
        /// A file of certificates that are trusted.
        certificate: Option<PathBuf>,
    },
    /// block-dn.
    BlockDn {
        /// Where its API begins.
        url: ServerUrl,
        /// A file of certificates that are trusted.
        certificate: Option<PathBuf>,
    },
}

impl SourceSettings {
    /// Its kind, as events have it.
    #[must_use]
    pub fn implementation(&self) -> &'static str {
        match self {
            Self::Core { .. } => "core",
            Self::Btcd { .. } => "btcd",
            Self::Esplora { .. } => "esplora",
            Self::MempoolSpace { .. } => "mempool.space",
            Self::Electrum { .. } => "electrum",
            Self::ForkObserver { .. } => "fork-observer",
            Self::BlockDn { .. } => "block-dn",
        }
    }
}
