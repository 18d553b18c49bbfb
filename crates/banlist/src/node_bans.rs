//! A node's bans: asking for them, and changing them.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use node::rpc::types::{NetworkInfo, PeerInfos};
use node::rpc::{RpcClient, RpcError};
use serde::Deserialize;
use serde_json::{Value, json};
use store::sqlite::DatabaseError;

use crate::{Banned, Change, Ledger, Plan, Protected, Step};

/// How long a node may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bitcoin Core's `RPC_CLIENT_NODE_ALREADY_ADDED` and `RPC_CLIENT_INVALID_IP_OR_SUBNET`: the network is banned already, or it
/// was not banned. A call that is repeated after a broken connection gets these too.
const ALREADY: i64 = -23;
const NOT_BANNED: i64 = -30;

/// How fast bans are changed. A node writes its whole list to the disk at each change, and disconnects peers.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Changes a second at most. After each, we also wait for as long as it took.
    pub per_second: f64,
}

/// What came of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Bans that were set and are in the node's list.
    pub set: usize,
    /// Bans that were lifted and are in it no more.
    pub lifted: usize,
    /// What was not done, and the node's reason.
    pub failed: Vec<(IpNet, String)>,
}

/// Why bans could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The node does not answer, or does not let us.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// What we set cannot be noted: so nothing is set.
    #[error(transparent)]
    Ledger(#[from] DatabaseError),
}

/// The bans of a node.
#[derive(Debug)]
pub struct NodeBans {
    name: String,
    client: RpcClient,
}

/// A row of `listbanned`.
#[derive(Deserialize)]
struct Row {
    address: String,
    banned_until: i64,
}

impl NodeBans {
    /// Those of the node that has this name in the ledger.
    pub fn new(name: &str, client: RpcClient) -> Self {
        Self { name: name.to_owned(), client }
    }

    /// The bans of networks, as the node lists them. Those of onion services and the like, which no set has, are left out.
    ///
    /// # Errors
    /// The node does not answer, or forbids it.
    pub async fn list(&self) -> Result<Vec<Banned>, RpcError> {
        let rows: Vec<Row> = self.client.call("listbanned", &[], TIMEOUT).await?;
        let banned = rows.into_iter().filter_map(|Row { address, banned_until }| {
            let network = address.parse::<IpNet>().ok()?;
            Some(Banned { network, until_s: u64::try_from(banned_until).unwrap_or_default() })
        });
        Ok(banned.collect())
    }

    /// Protects the node's own addresses (`getnetworkinfo`, and those that its connections are bound to), and the peers that
    /// its operator chose (`manual`).
    ///
    /// # Errors
    /// The node does not answer, or forbids it.
    pub async fn protect(&self, protected: &mut Protected) -> Result<(), RpcError> {
        let info: NetworkInfo = self.client.call("getnetworkinfo", &[], TIMEOUT).await?;
        let PeerInfos(peers) = self.client.call("getpeerinfo", &[], TIMEOUT).await?;
        let own = format!("it is an address of node {}", self.name);
        let addresses = info.localaddresses.iter().filter_map(|local| local.address.parse().ok());
        let bound = peers.iter().filter_map(|peer| host(peer.addrbind.as_deref()?));
        addresses.chain(bound).for_each(|ip| protected.add_address(ip, &own));
        let manual = peers.iter().filter(|peer| peer.connection_type == "manual").filter_map(|peer| host(&peer.addr));
        let chosen = format!("node {} is to connect to it (addnode)", self.name);
        manual.for_each(|ip| protected.add_address(ip, &chosen));
        Ok(())
    }

    /// Carries a plan out, notes in the ledger what is ours, and asks the node afterwards what it has.
    ///
    /// # Errors
    /// The node does not answer any more, or nothing can be noted. What was done until then is noted.
    pub async fn apply(&self, plan: &Plan, ledger: &Ledger, pace: Pace) -> Result<Done, ApplyError> {
        let mut done = Done::default();
        for step in &plan.steps {
            let begun = Instant::now();
            if let Err(reason) = self.step(step, ledger).await? {
                done.failed.push((step.network, reason));
            }
            let pause = Duration::try_from_secs_f64(pace.per_second.recip()).unwrap_or(Duration::from_secs(1));
            tokio::time::sleep(pause.max(begun.elapsed())).await;
        }
        let there = self.list().await?;
        ledger.keep_only(&self.name, &there)?;
        let refused: Vec<IpNet> = done.failed.iter().map(|(network, _)| *network).collect();
        for step in plan.steps.iter().filter(|step| !refused.contains(&step.network)) {
            let is_there = |until_s| there.contains(&Banned { network: step.network, until_s });
            match (step.until_s, step.was_until_s) {
                (Some(until), _) if is_there(until) => done.set += 1,
                (None, Some(was)) if !is_there(was) => done.lifted += 1,
                _ => done.failed.push((step.network, "the node does not list what was set".to_owned())),
            }
        }
        Ok(done)
    }

    /// Makes a change. Returns the node's reason if it refused.
    async fn step(&self, step: &Step, ledger: &Ledger) -> Result<Result<(), String>, ApplyError> {
        let network = json!(step.network.to_string());
        if step.change != Change::Add {
            // A longer ban is refused while there is one.
            let removed = self.call(&[network.clone(), json!("remove")], NOT_BANNED).await?;
            if removed.is_err() || step.change == Change::Lift {
                return Ok(removed);
            }
        }
        let Some(until_s) = step.until_s else { return Ok(Ok(())) };
        ledger.note(&self.name, Banned { network: step.network, until_s })?;
        Ok(self.call(&[network, json!("add"), json!(until_s), json!(true)], ALREADY).await?)
    }

    async fn call(&self, parameters: &[Value], expected: i64) -> Result<Result<(), String>, RpcError> {
        match self.client.call::<Value>("setban", parameters, TIMEOUT).await {
            Ok(_) => Ok(Ok(())),
            Err(RpcError::Node { code, .. }) if code == expected => Ok(Ok(())),
            Err(RpcError::Node { message, code, .. }) => Ok(Err(format!("error {code}: {message:?}"))),
            Err(error) => Err(error),
        }
    }
}

/// The IP address of `host:port`, or of an address without a port.
fn host(text: &str) -> Option<IpAddr> {
    text.parse::<std::net::SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()
}
