//! Headers and tips of nodes and servers: forks, stale blocks, reorganizations.
//!
//! Every node of a network is asked for its tips, and for the headers between them and what is known. Headers count by the work that they prove and by where they
//! link, whoever gives them. What changes is published as events, kept in a database, and served as fork-observer serves it.

mod activity;
mod engine;
mod header;
mod import;
mod network;
pub mod pools;
pub mod serve;
pub mod settings;
pub mod snapshot;
pub mod sources;
pub mod stale;
mod store;
mod tree;
mod wake;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use ::store::sqlite::DatabaseError;
use bus::{Publisher, Subscription};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use crate::import::{ImportError, Imported, MAX_CONFIG, import_config};

use crate::engine::{Engine, Prepared};
use crate::network::NetworkState;
use crate::pools::{Pools, PoolsError};
use crate::serve::Server;
use crate::settings::{MAX_NETWORKS, MAX_NODES, Network, Settings};
use crate::snapshot::{MAX_ACTIVITY, Published};
use crate::sources::SourceError;
use crate::store::Store;

/// What is asked, and where things are kept and served.
#[derive(Debug, Default)]
pub struct Options {
    /// The networks.
    pub settings: Settings,
    /// The database. None: in memory, gone with the process.
    pub database: Option<PathBuf>,
    /// The folder to which old activity goes, a database for each month. None: it is removed.
    pub archives: Option<PathBuf>,
    /// Where it is served, and what. None: nowhere.
    pub serve: Option<(TcpListener, serve::Options)>,
}

/// Why the tool cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] DatabaseError),
    /// A node cannot be asked.
    #[error("node {node} of the network {network}: {source}")]
    Source {
        /// The network.
        network: String,
        /// The node.
        node: String,
        /// What is wrong.
        source: SourceError,
    },
    /// The file of pools cannot be used.
    #[error(transparent)]
    Pools(#[from] PoolsError),
    /// It cannot be served.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// Something in the settings occurs twice.
    #[error("{0}")]
    Twice(String),
    /// There is too much of something.
    #[error("{0}")]
    TooMany(String),
}

/// The tool with its files open.
pub struct Chain {
    networks: Vec<Prepared>,
    store: Store,
    server: Option<Server>,
}

impl Chain {
    /// Opens its files. Nothing is asked yet, and no further file is opened later, but archives of activity.
    ///
    /// # Errors
    /// Something in the settings cannot be, or a file cannot be used.
    pub fn open(options: Options) -> Result<Self, Error> {
        let Options { settings, database, archives, serve } = options;
        check(&settings)?;
        let store = match database {
            Some(path) => Store::open(&path, archives)?,
            None => Store::in_memory()?,
        };
        let networks = settings.networks.into_iter().map(|network| prepare(network, &store));
        let networks = networks.collect::<Result<_, _>>()?;
        let server = serve.map(|(listener, options)| Server::new(listener, options)).transpose()?;
        Ok(Self { networks, store, server })
    }

    /// Where it is served, such as `http://127.0.0.1:2323/`.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.server.as_ref().map(Server::url)
    }

    /// Asks all nodes until the events end, or shutdown. What is learned is published by what `publishers` makes for each node, by its name. An event that shows
    /// that the tip of an observed node has changed makes it ask that at once.
    pub async fn run(
        self,
        events: Subscription,
        publishers: impl Fn(&str) -> Publisher + Send + Sync + 'static,
        shutdown: CancellationToken,
    ) {
        for Prepared { settings, .. } in &self.networks {
            info!("chain: network {}, {} nodes", settings.name, settings.nodes.len());
        }
        let published = Published::default();
        let engine = Engine::new(self.networks, self.store, published.clone(), Box::new(publishers));
        let running = self.server.map(|server| server.start(published, Arc::new(engine.kept())));
        engine.run(events, shutdown).await;
        if let Some(running) = running
            && let Err(error) = running.end().await
        {
            warn!("chain: the server ended with an error: {error}");
        }
    }
}

/// Opens what belongs to a network.
fn prepare(network: Network, store: &Store) -> Result<Prepared, Error> {
    let open = |node: &settings::NodeSettings| {
        sources::open(&node.source).map_err(|source| Error::Source {
            network: network.name.clone(),
            node: node.name.clone(),
            source,
        })
    };
    let sources = network.nodes.iter().map(open).collect::<Result<_, _>>()?;
    let pools = match &network.pools {
        None => None,
        Some(pools) => Some(pools.file.as_deref().map_or_else(|| Ok(Pools::default()), Pools::read)?),
    };
    if let Some(ignored) = pools.as_ref().map(Pools::ignored).filter(|ignored| *ignored > 0) {
        warn!("chain: {ignored} tags and addresses in the file of pools are too short or none; they are left out");
    }
    let activity = store.activity(network.id, u64::MAX, MAX_ACTIVITY)?;
    let next_id = store.next_id(network.id)?;
    let settings = Arc::new(network);
    let state = NetworkState::new(Arc::clone(&settings), activity, next_id);
    Ok(Prepared { settings, sources, pools, state })
}

/// What must differ differs, and there is not too much of anything.
fn check(settings: &Settings) -> Result<(), Error> {
    let count = settings.networks.len();
    if count > MAX_NETWORKS {
        return Err(Error::TooMany(format!("there are {count} networks: {MAX_NETWORKS} are possible at most")));
    }
    let (mut ids, mut names, mut slugs) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for network in &settings.networks {
        let Network { id, name, slug, nodes, .. } = network;
        let twice = |what: &str| Err(Error::Twice(format!("two networks have the {what}: give each its own")));
        if !ids.insert(*id) {
            return twice(&format!("id {id}"));
        }
        if !names.insert(name) {
            return twice(&format!("name {name}"));
        }
        if !slugs.insert(slug) {
            return twice(&format!("slug {slug}"));
        }
        if nodes.len() > MAX_NODES {
            let count = nodes.len();
            return Err(Error::TooMany(format!("network {name} has {count} nodes: {MAX_NODES} are possible at most")));
        }
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for node in nodes {
            if !ids.insert(node.id) {
                let id = node.id;
                return Err(Error::Twice(format!("two nodes of network {name} have the id {id}: give each its own")));
            }
            if !names.insert(&node.name) {
                let node = &node.name;
                return Err(Error::Twice(format!("two nodes of network {name} are called {node}: give each a name")));
            }
        }
    }
    Ok(())
}
