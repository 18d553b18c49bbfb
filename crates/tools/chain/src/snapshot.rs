//! What is served of the networks: plain data, which the engine replaces whenever something changes, and which those who serve it read without
//! holding anything up.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::pb::chain::activity::Change;
use event::pb::chain::{Status, Tip};
use event::quote::HashText;
use event::text::tip_status;
use futures_util::future::BoxFuture;
use parking_lot::RwLock;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// A hash of a header, in the order in which Bitcoin serializes it.
pub type Hash = [u8; 32];

/// Changes that wait for a client at most. One that is further behind is dropped.
pub const MAX_CHANGES: usize = 256;

/// The latest rows of activity that are kept in a snapshot at most, for each network.
pub const MAX_ACTIVITY: usize = 250;

/// Stale blocks of a network that are served at most.
pub const MAX_STALE: usize = 50;

/// All networks, by their ids, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// +1 with each change.
    pub version: u64,
    /// The networks by their ids.
    pub networks: BTreeMap<u32, Arc<NetworkSnapshot>>,
}

/// One network, at one moment.
#[derive(Clone, Debug, Default)]
pub struct NetworkSnapshot {
    /// Id in the configuration.
    pub id: u32,
    /// Name for people.
    pub name: String,
    /// Name in addresses of pages: letters, digits, `-`, `_`.
    pub slug: String,
    /// Text of the configuration that describes it.
    pub description: String,
    /// The headers that are shown, from low to high.
    pub headers: Vec<HeaderSnapshot>,
    /// Its nodes in the order of the configuration, then those of other servers.
    pub nodes: Vec<NodeSnapshot>,
    /// A height that is counted down to.
    pub countdown: Option<Countdown>,
    /// The height of the active tip with the most work, of nodes that answer and follow Bitcoin's rules; the highest that one of them reports where
    /// no header of them is known.
    pub best_height: Option<u32>,
    /// Known blocks that are not in the chain with the most work, newest first, [`MAX_STALE`] at most.
    pub stale: Vec<StaleBlock>,
    /// What changed, newest first, [`MAX_ACTIVITY`] at most.
    pub activity: Vec<ActivityRow>,
}

/// A header that is shown.
#[derive(Clone, Debug)]
pub struct HeaderSnapshot {
    /// Its height.
    pub height: u32,
    /// Its hash.
    pub hash: Hash,
    /// 80 bytes as Bitcoin serializes them.
    pub header: [u8; 80],
    /// The place in `headers` of its nearest ancestor that is shown, which is before it. None: there is none.
    pub parent: Option<usize>,
    /// Who mined it; empty if that is not known. Untrusted.
    pub miner: String,
    /// It is in the chain with the most work.
    pub active: bool,
}

/// A node and its tips.
#[derive(Clone, Debug)]
pub struct NodeSnapshot {
    /// Id in the configuration, or of the other server plus the offset of the configuration.
    pub id: u32,
    /// Name in the network. Untrusted if there is a `remote_source`.
    pub name: String,
    /// Text of the configuration that describes it. Untrusted if there is a `remote_source`.
    pub description: String,
    /// What it is, such as `Bitcoin Core`. Untrusted if there is a `remote_source`.
    pub implementation: String,
    /// What it reports as its version. None if that is not known **or must not be shown**. Untrusted.
    pub version: Option<String>,
    /// Whether it answered the last time.
    pub reachable: bool,
    /// Bitcoin's rules do not hold for some of its headers.
    pub other_rules: bool,
    /// The height of its active tip: by its header, if that is known, else as it is reported.
    pub height: Option<u32>,
    /// Its tips, the active one first.
    pub tips: Vec<TipSnapshot>,
    /// Nanoseconds since the UNIX epoch when its tips changed last.
    pub changed_ns: Option<u64>,
    /// The other server through which it is known.
    pub remote_source: Option<String>,
}

/// The end of a branch that a node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TipSnapshot {
    /// The last block of the branch.
    pub hash: Hash,
    /// Its height.
    pub height: u32,
    /// Status of the branch.
    pub status: Status,
}

/// A height that is counted down to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Countdown {
    /// The height.
    pub height: u32,
    /// What happens there.
    pub label: String,
}

/// A block that is not in the chain with the most work.
#[derive(Clone, Copy, Debug)]
pub struct StaleBlock {
    /// Its height.
    pub height: u32,
    /// Its hash.
    pub hash: Hash,
    /// 80 bytes as Bitcoin serializes them.
    pub header: [u8; 80],
}

/// Something that changed, as it is kept and served.
#[derive(Clone, Debug)]
pub struct ActivityRow {
    /// +1 with each of a network.
    pub id: u64,
    /// Seconds since the UNIX epoch.
    pub timestamp: u64,
    /// The node at which it was seen.
    pub node_id: u32,
    /// What changed: see [`kind`].
    pub kind: String,
    /// A JSON object: see [`details`].
    pub details: Arc<RawValue>,
}

/// The name of a change, in the database and in what is served.
pub fn kind(change: &Change) -> &'static str {
    match change {
        Change::ActiveTipChanged(_) => "active-tip-changed",
        Change::Reorg(_) => "reorg-detected",
        Change::TipAdded(_) => "tip-added",
        Change::TipStatusChanged(_) => "tip-status-changed",
        Change::InvalidBlock(_) => "invalid-block-observed",
        Change::Reachability(reachability) if reachability.reachable => "node-reachable",
        Change::Reachability(_) => "node-unreachable",
        Change::Lag(lag) if lag.lagging => "node-lagging",
        Change::Lag(_) => "node-caught-up",
        Change::SamePool(_) => "same-pool",
    }
}

/// What belongs to a change, as a JSON object, in the database and in what is served. Why a node is unreachable is left out: it may name addresses.
pub fn details(change: &Change) -> Value {
    let hash = |hash: &[u8]| HashText(hash).to_string();
    let status = |tip: &Tip| tip_status(tip.status());
    match change {
        Change::ActiveTipChanged(tip) => json!({
            "old_hash": hash(&tip.old_hash), "old_height": tip.old_height, "new_hash": hash(&tip.new_hash), "new_height": tip.new_height,
        }),
        Change::Reorg(reorg) => json!({
            "old_hash": hash(&reorg.old_hash), "old_height": reorg.old_height, "new_hash": hash(&reorg.new_hash), "new_height": reorg.new_height,
            "common_ancestor": hash(&reorg.common_ancestor), "common_height": reorg.common_height,
            "depth": reorg.old_height.saturating_sub(reorg.common_height),
        }),
        Change::TipAdded(tip) => json!({ "hash": hash(&tip.hash), "height": tip.height, "status": status(tip) }),
        Change::TipStatusChanged(changed) => json!({
            "hash": hash(&changed.tip.hash), "height": changed.tip.height, "old_status": tip_status(changed.old_status()),
            "new_status": status(&changed.tip),
        }),
        Change::InvalidBlock(tip) => json!({ "hash": hash(&tip.hash), "height": tip.height }),
        Change::Reachability(_) => json!({}),
        Change::Lag(lag) => json!({ "node_height": lag.node_height, "best_height": lag.best_height }),
        Change::SamePool(same) => json!({
            "height": same.height, "pool": same.pool, "hashes": same.hashes.iter().map(|bytes| hash(bytes)).collect::<Vec<_>>(),
        }),
    }
}

/// The snapshot that is served, between the engine, which replaces parts of it, and those who serve it. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Published {
    latest: Arc<RwLock<Arc<Snapshot>>>,
    changes: broadcast::Sender<u32>,
}

impl Default for Published {
    fn default() -> Self {
        Self { latest: Arc::default(), changes: broadcast::Sender::new(MAX_CHANGES) }
    }
}

impl Published {
    /// Replaces a network, or adds it, and wakes those who wait for changes.
    pub fn publish(&self, network: NetworkSnapshot) {
        let id = network.id;
        let network = Arc::new(network);
        {
            let mut latest = self.latest.write();
            let latest = Arc::make_mut(&mut latest);
            latest.networks.insert(id, network);
            latest.version += 1;
        }
        // Nobody may be there.
        let _ = self.changes.send(id);
    }

    /// What is so at this moment.
    pub fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.read())
    }

    /// A network at this moment.
    pub fn network(&self, id: u32) -> Option<Arc<NetworkSnapshot>> {
        self.latest.read().networks.get(&id).cloned()
    }

    /// The version of the snapshot.
    pub fn version(&self) -> u64 {
        self.latest.read().version
    }

    /// The ids of networks that change from now on. Whoever does not read them in time gets an error of the channel.
    pub fn changes(&self) -> broadcast::Receiver<u32> {
        self.changes.subscribe()
    }
}

/// What is not in a snapshot, since it is large or old: rows of the database, and blocks.
pub trait Kept: Send + Sync {
    /// Rows of a network with ids below `before`, newest first, `limit` at most. Blocks.
    ///
    /// # Errors
    /// The database cannot be read; the text says why.
    fn activity(&self, network: u32, before: u64, limit: usize) -> Result<Vec<ActivityRow>, String>;

    /// A stale block, as Bitcoin serializes it: from the database, or else from a node. None if it cannot be had. A failure is remembered,
    /// so that asking again asks no node again.
    fn block(&self, network: u32, hash: Hash) -> BoxFuture<'_, Option<bytes::Bytes>>;
}
