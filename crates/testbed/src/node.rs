//! A regtest node in a folder of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bitcoin::BlockHash;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::builder::{NodeBuilder, Ports};
use crate::process::Process;
use crate::rpc::{Rpc, RpcError};
use crate::wait::eventually;
use crate::wallet;

/// How long a node may take to start, to stop, or to do what it was asked. Generous: the machine may be busy with a build.
const PATIENCE: Duration = Duration::from_secs(60);

/// The types of outbound connection that `addconnection` makes, by Bitcoin Core's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionType {
    /// Blocks, transactions and addresses.
    OutboundFullRelay,
    /// Blocks only.
    BlockRelayOnly,
    /// Asks for addresses, then disconnects.
    AddrFetch,
    /// Tests whether an address works, then disconnects.
    Feeler,
}

impl ConnectionType {
    fn as_str(self) -> &'static str {
        match self {
            Self::OutboundFullRelay => "outbound-full-relay",
            Self::BlockRelayOnly => "block-relay-only",
            Self::AddrFetch => "addr-fetch",
            Self::Feeler => "feeler",
        }
    }
}

/// A regtest node. It is killed when this is dropped, and when the program ends in any way.
pub struct Node {
    process: Mutex<Option<Process>>,
    rpc: Rpc,
    name: String,
    binary: PathBuf,
    dir: PathBuf,
    args: Vec<String>,
    ports: Ports,
    /// Behind the process, so that it is removed after that has been killed.
    pub(crate) temporary: Option<TempDir>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name)
            .field("dir", &self.dir)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Describes a node to start.
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// A node that is not running yet, in a folder that has its configuration.
    pub(crate) fn new(name: String, binary: PathBuf, dir: PathBuf, args: Vec<String>, ports: Ports) -> Result<Self> {
        let rpc = Rpc::new(ports.rpc, dir.join("regtest/.cookie"))?;
        Ok(Self { process: Mutex::new(None), rpc, name, binary, dir, args, ports, temporary: None })
    }

    /// Its name in the testbed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bitcoind that it runs.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Its `-datadir`, which has bitcoin.conf in it.
    pub fn datadir(&self) -> &Path {
        &self.dir
    }

    /// Its debug.log.
    pub fn debug_log(&self) -> PathBuf {
        self.dir.join("regtest/debug.log")
    }

    /// Its RPC cookie file, new at each start.
    pub fn cookie(&self) -> PathBuf {
        self.dir.join("regtest/.cookie")
    }

    /// Where its RPC server listens.
    pub fn rpc_addr(&self) -> SocketAddr {
        self.ports.rpc
    }

    /// Where it listens for peers.
    pub fn p2p_addr(&self) -> SocketAddr {
        self.ports.p2p
    }

    /// Where it listens for peers that it takes for Tor ones (network `onion`).
    pub fn onion_addr(&self) -> SocketAddr {
        self.ports.onion
    }

    /// Its process id, or `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().and_then(Process::pid)
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it again after [`Self::stop`] or [`Self::kill`], in the same folder and on the same ports, and waits until its RPC answers.
    ///
    /// # Errors
    /// It runs already, or it ended; with the end of its output.
    pub async fn start(&self) -> Result<()> {
        if self.pid().is_some() {
            bail!("{} runs already", self.name);
        }
        // A cookie that a killed node left would be taken for the new one's.
        let _ = fs::remove_file(self.cookie());
        let output = File::create(self.dir.join("output.txt"))?;
        let errors = output.try_clone()?;
        let process = Process::spawn(&self.name, &self.binary, |command| {
            command.arg(format!("-datadir={}", self.dir.display())).args(&self.args);
            command.stdin(Stdio::null()).stdout(output).stderr(errors);
        });
        let process = process.await?;
        *self.process() = Some(process);
        let started = eventually(format!("{} answers RPCs", self.name), PATIENCE, || async {
            let exited = self.process().as_mut().is_none_or(|process| process.exited().is_some());
            if exited {
                return Some(Err(self.why_ended()));
            }
            self.rpc("uptime", json!([])).await.ok().map(|_| Ok(()))
        });
        started.await.and_then(|outcome| outcome)
    }

    /// Why it ended: the end of its output and of its log.
    fn why_ended(&self) -> anyhow::Error {
        let printed = fs::read(self.dir.join("output.txt")).unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed);
        if !printed.trim().is_empty() {
            return anyhow::anyhow!("{} ({}) ended: {}", self.name, self.binary.display(), printed.trim());
        }
        let log = fs::read(self.debug_log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        let end = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n");
        anyhow::anyhow!("{} ({}) ended; the end of its debug.log:\n{end}", self.name, self.binary.display())
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// It was not running or did not stop; then it has been killed.
    pub async fn stop(&self) -> Result<()> {
        let process = self.process().take().with_context(|| format!("{} is not running", self.name))?;
        self.rpc("stop", json!([])).await?;
        process.wait(PATIENCE).await?;
        Ok(())
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// It was not running.
    pub async fn kill(&self) -> Result<()> {
        let process = self.process().take().with_context(|| format!("{} is not running", self.name))?;
        process.kill().await
    }

    /// Stops its process where it is (SIGSTOP), so that it is there and answers nothing, or lets it go on (SIGCONT).
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        self.process().iter().for_each(|process| process.signal(signal));
    }

    /// Stops it if it runs, and starts it again: the same folder and ports, another pid.
    ///
    /// # Errors
    /// The errors of [`Self::stop`] and [`Self::start`].
    pub async fn restart(&self) -> Result<()> {
        if self.pid().is_some() {
            self.stop().await?;
        }
        self.start().await
    }

    /// Calls an RPC; `params` is a JSON array or object.
    ///
    /// # Errors
    /// An [`RpcError`] if the node answered with one, else what kept the call from being answered.
    pub async fn rpc(&self, method: &str, params: Value) -> Result<Value> {
        self.rpc.call(method, params).await
    }

    /// Connects to `other` (connection type `manual`) and waits until both have finished the handshake.
    ///
    /// # Errors
    /// They did not within a minute.
    pub async fn connect(&self, other: &Node) -> Result<()> {
        self.rpc("addnode", json!([other.p2p_addr().to_string(), "onetry"])).await?;
        self.wait_for_connection(other.p2p_addr()).await
    }

    /// Makes an outbound connection of the given type to `addr`; `v2` asks for the encrypted transport where the node can.
    ///
    /// # Errors
    /// The node refused, or could not connect.
    pub async fn add_connection(&self, addr: SocketAddr, connection_type: ConnectionType, v2: bool) -> Result<()> {
        let (addr, connection_type) = (addr.to_string(), connection_type.as_str());
        let outcome = self.rpc("addconnection", json!([addr, connection_type, v2])).await;
        // v26 and older have no third parameter, and answer with their help text.
        let unknown_parameter =
            outcome.as_ref().is_err_and(|error| error.downcast_ref::<RpcError>().is_some_and(|e| e.code == -1));
        if unknown_parameter {
            self.rpc("addconnection", json!([addr, connection_type])).await?;
            return Ok(());
        }
        outcome.map(drop)
    }

    /// Waits until the handshake of the outbound connection to `addr` is done.
    ///
    /// # Errors
    /// It is not, within a minute.
    pub async fn wait_for_connection(&self, addr: SocketAddr) -> Result<()> {
        let addr = addr.to_string();
        eventually(format!("{} is connected to {addr}", self.name), PATIENCE, || async {
            let peers = self.peers().await.ok()?;
            let done = |peer: &Value| is_at(peer, &addr) && is_greeted(peer);
            peers.iter().any(done).then_some(())
        })
        .await
    }

    /// Ends the outbound connection to `other` and waits until it is gone.
    ///
    /// # Errors
    /// There was none.
    pub async fn disconnect(&self, other: &Node) -> Result<()> {
        let addr = other.p2p_addr().to_string();
        self.rpc("disconnectnode", json!([addr])).await?;
        eventually(format!("{} is disconnected from {addr}", self.name), PATIENCE, || async {
            let peers = self.peers().await.ok()?;
            (!peers.iter().any(|peer| is_at(peer, &addr))).then_some(())
        })
        .await
    }

    /// Its peers, as `getpeerinfo` has them.
    ///
    /// # Errors
    /// The errors of [`Self::rpc`].
    pub async fn peers(&self) -> Result<Vec<Value>> {
        match self.rpc("getpeerinfo", json!([])).await? {
            Value::Array(peers) => Ok(peers),
            other => bail!("getpeerinfo gave {other}"),
        }
    }

    /// Waits until it has exactly `count` peers, each of which has finished the handshake.
    ///
    /// # Errors
    /// It has not, within a minute.
    pub async fn wait_for_peers(&self, count: usize) -> Result<()> {
        eventually(format!("{} has {count} peers", self.name), PATIENCE, || async {
            let peers = self.peers().await.ok()?;
            (peers.len() == count && peers.iter().all(is_greeted)).then_some(())
        })
        .await
    }

    /// Mines `blocks` blocks with what is in its mempool. What they pay can't be spent by a [`wallet::Wallet`]; that has its own `mine`.
    ///
    /// # Errors
    /// The errors of [`Self::rpc`].
    pub async fn mine(&self, blocks: usize) -> Result<Vec<BlockHash>> {
        self.mine_to(blocks, &wallet::anyone_can_spend()).await
    }

    /// Mines `blocks` blocks that pay to `address`.
    ///
    /// # Errors
    /// The errors of [`Self::rpc`].
    pub async fn mine_to(&self, blocks: usize, address: &bitcoin::Address) -> Result<Vec<BlockHash>> {
        let hashes = self.rpc("generatetoaddress", json!([blocks, address.to_string()])).await?;
        let hashes = hashes.as_array().into_iter().flatten().filter_map(Value::as_str);
        hashes.map(|hash| Ok(hash.parse()?)).collect()
    }

    /// Height and hash of its best block.
    ///
    /// # Errors
    /// The errors of [`Self::rpc`].
    pub async fn tip(&self) -> Result<(u32, BlockHash)> {
        let info = self.rpc("getblockchaininfo", json!([])).await?;
        let height = info.get("blocks").and_then(Value::as_u64).context("no blocks")?;
        let hash = info.get("bestblockhash").and_then(Value::as_str).context("no bestblockhash")?;
        Ok((height.try_into()?, hash.parse()?))
    }

    /// The ids of the transactions in its mempool, in order.
    ///
    /// # Errors
    /// The errors of [`Self::rpc`].
    pub async fn mempool(&self) -> Result<Vec<String>> {
        let ids = self.rpc("getrawmempool", json!([])).await?;
        let mut ids: Vec<_> =
            ids.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Waits until `txid` is in its mempool.
    ///
    /// # Errors
    /// It is not, within a minute.
    pub async fn wait_for_transaction(&self, txid: bitcoin::Txid) -> Result<()> {
        eventually(format!("{} has transaction {txid}", self.name), PATIENCE, || async {
            self.rpc("getmempoolentry", json!([txid.to_string()])).await.ok().map(drop)
        })
        .await
    }
}

/// Waits until all have the same best block.
///
/// # Errors
/// They have not, within a minute.
pub async fn sync_blocks(nodes: &[&Node]) -> Result<()> {
    eventually(format!("{} nodes have the same best block", nodes.len()), PATIENCE, || async {
        let mut tips = Vec::new();
        for node in nodes {
            tips.push(node.tip().await.ok()?);
        }
        all_equal(&tips)
    })
    .await
}

/// Waits until all have the same transactions in their mempools.
///
/// # Errors
/// They have not, within a minute.
pub async fn sync_mempools(nodes: &[&Node]) -> Result<()> {
    eventually(format!("{} nodes have the same mempool", nodes.len()), PATIENCE, || async {
        let mut mempools = Vec::new();
        for node in nodes {
            mempools.push(node.mempool().await.ok()?);
        }
        all_equal(&mempools)
    })
    .await
}

pub(crate) fn is_at(peer: &Value, addr: &str) -> bool {
    peer.get("addr").and_then(Value::as_str) == Some(addr)
}

/// Whether the handshake with it is done.
fn is_greeted(peer: &Value) -> bool {
    peer.pointer("/bytesrecv_per_msg/verack").is_some()
}

fn all_equal<T: PartialEq>(items: &[T]) -> Option<()> {
    items.windows(2).all(|two| two.first() == two.last()).then_some(())
}
