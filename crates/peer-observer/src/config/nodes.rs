//! The observed nodes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use node::{Chain, HostPort, Secret, Target};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::values::{secret, secret_of};

/// One `[[node]]`, and the flags about the only node. What is not given is found out.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "The node")]
#[serde(default, deny_unknown_fields)]
pub struct NodeOptions {
    /// Name of the node in events
    #[arg(long, env = "PEER_OBSERVER_NAME")]
    pub name: Option<String>,
    /// Its chain: main, test, testnet4, signet or regtest
    #[arg(long, env = "PEER_OBSERVER_CHAIN")]
    pub chain: Option<Chain>,
    /// Its data directory
    #[arg(long, env = "PEER_OBSERVER_DATADIR", value_name = "DIR")]
    pub datadir: Option<PathBuf>,
    /// Its configuration file
    #[arg(long, env = "PEER_OBSERVER_CONF", value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Its RPC server
    #[arg(long, env = "PEER_OBSERVER_RPC", value_name = "HOST[:PORT]")]
    pub rpc: Option<HostPort>,
    /// Name to log in with at the RPC server, where the cookie file does not serve
    #[arg(long, env = "PEER_OBSERVER_RPC_USER", value_name = "NAME")]
    pub rpc_user: Option<String>,
    /// Password to log in with at the RPC server (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_RPC_PASSWORD", value_parser = secret, value_name = "PASSWORD", hide_env_values = true)]
    pub rpc_password: Option<Secret>,
    /// The same secret in a file; a name without a slash is that of a credential of systemd
    #[arg(long, env = "PEER_OBSERVER_RPC_PASSWORD_FILE", value_name = "FILE")]
    pub rpc_password_file: Option<PathBuf>,
    /// Its cookie file
    #[arg(long, env = "PEER_OBSERVER_RPC_COOKIE_FILE", value_name = "FILE")]
    pub rpc_cookie_file: Option<PathBuf>,
    /// Its debug.log; a FIFO will do, "-" is standard input
    #[arg(long, env = "PEER_OBSERVER_DEBUG_LOG", value_name = "FILE")]
    pub debug_log: Option<PathBuf>,
    /// Where it accepts P2P connections
    #[arg(long, env = "PEER_OBSERVER_P2P", value_name = "HOST[:PORT]")]
    pub p2p: Option<HostPort>,
    /// Socket of its IPC interface
    #[arg(long, env = "PEER_OBSERVER_IPC", value_name = "FILE")]
    pub ipc: Option<PathBuf>,
    /// Its program file, where that is not seen by itself: to attach to its tracepoints before it runs
    #[arg(long, env = "PEER_OBSERVER_BINARY", value_name = "FILE", value_parser = absolute)]
    pub binary: Option<PathBuf>,
    /// Its process id: this one run of it only
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// File with its process id, which it writes at each start: to know it from others of the same program
    #[arg(long, env = "PEER_OBSERVER_PID_FILE", value_name = "FILE", value_parser = absolute)]
    pub pid_file: Option<PathBuf>,
    /// Extractors that run for it, in place of those for all nodes
    #[arg(skip)]
    pub extract: Option<Vec<String>>,
}

/// The program that a path leads to from here may be looked for from elsewhere.
fn absolute(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(std::path::absolute(text).unwrap_or_else(|_| text.into()))
}

impl NodeOptions {
    /// Where to look for the node.
    ///
    /// # Errors
    /// The file of its password cannot be read.
    pub fn target(&self) -> Result<Target> {
        let options = self.clone();
        let rpc_password =
            secret_of("rpc_password", options.rpc_password.as_ref(), options.rpc_password_file.as_ref())?;
        Ok(Target {
            name: options.name,
            chain: options.chain,
            datadir: options.datadir,
            conf: options.conf,
            rpc: options.rpc,
            rpc_user: options.rpc_user,
            rpc_password,
            rpc_cookie_file: options.rpc_cookie_file,
            debug_log: options.debug_log,
            p2p: options.p2p,
            ipc: options.ipc,
            pid: options.pid,
            pid_file: options.pid_file,
            binary: options.binary,
            ..Target::default()
        })
    }
}

/// A node that is to be observed. Its name is checked.
pub struct NamedNode {
    /// Its name in events; no other node of this process has it.
    pub name: String,
    /// Where to look for it.
    pub target: Target,
    /// Extractors that were chosen for it; none: those that are usual.
    pub extract: Option<Vec<String>>,
}

/// The nodes that are configured, or else those on this machine.
///
/// # Errors
/// A name is missing, no name, or that of two nodes.
pub fn check(configured: &[NodeOptions], extract: Option<&Vec<String>>) -> Result<Vec<NamedNode>> {
    let running = node::discover_all();
    if configured.is_empty() {
        let named = |(name, target)| NamedNode { name, target, extract: extract.cloned() };
        return Ok(running.into_iter().map(named).collect());
    }
    let mut names = BTreeSet::new();
    let mut nodes = Vec::new();
    for (index, options) in configured.iter().enumerate() {
        let name = match &options.name {
            Some(name) => name.clone(),
            None if configured.len() > 1 => {
                bail!("node {} in the configuration has no name: give each [[node]] its name", index + 1)
            }
            None => host_name(),
        };
        node::validate_name(&name)?;
        if !names.insert(name.clone()) {
            bail!("two nodes in the configuration have the name {name:?}: give each [[node]] a name of its own");
        }
        let target = options.target().with_context(|| format!("node {name}"))?;
        if let Some(chain) = other_chain(&target, &running) {
            warn!("node {name}: the node with this data directory is on {chain}: pass --chain {chain}");
        }
        nodes.push(NamedNode { name, target, extract: options.extract.as_ref().or(extract).cloned() });
    }
    Ok(nodes)
}

/// The name of this machine, as far as it can be that of a node.
pub fn host_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String =
        host.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(64).collect();
    if name.is_empty() { "node".to_owned() } else { name }
}

/// The chain of the node that runs with the target's data directory, if none runs there on the target's chain.
fn other_chain(target: &Target, running: &[(String, Target)]) -> Option<Chain> {
    let (configured, datadir) = (target.chain?, target.datadir.as_ref()?.canonicalize().ok()?);
    let there =
        |other: &&Target| other.datadir.as_ref().and_then(|dir| dir.canonicalize().ok()).as_ref() == Some(&datadir);
    let chains: Vec<Chain> =
        running.iter().map(|(_, other)| other).filter(there).filter_map(|other| other.chain).collect();
    chains.first().filter(|_| !chains.contains(&configured)).copied()
}
