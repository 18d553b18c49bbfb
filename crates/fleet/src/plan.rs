//! The file that lists hosts and nodes.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use node::{Chain, HostPort, validate_name};
use serde::Deserialize;

use crate::FleetError;

/// A list to begin with.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Where nats-server takes connections of clients, on each host by itself.
const CLIENTS: u16 = 4222;
/// Where the hub takes those of hosts.
const HOSTS: u16 = 7422;
/// The most hosts: more than one nats-server should serve.
const MAX_HOSTS: usize = 1000;

/// Hosts, nodes and their hub.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Where all events come together.
    pub hub: Hub,
    /// Hosts with nodes.
    #[serde(default, rename = "host")]
    pub hosts: Vec<Host>,
}

/// Where all events come together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// The name or IP address by which hosts reach it, and the port if it is not 7422.
    pub address: HostPort,
    /// Where it takes connections of hosts.
    pub listen: Option<HostPort>,
    /// The port of 127.0.0.1 where its tools reach its nats-server.
    #[serde(default = "clients")]
    pub nats_port: u16,
    /// Size of the stream of all events, which the archive reads. The oldest are removed first.
    #[serde(default = "ten_gib")]
    pub keep: Size,
    /// The folder where its files will be.
    #[serde(default = "etc")]
    pub directory: PathBuf,
    /// The folder of nats-server's streams.
    #[serde(default = "nats_store")]
    pub nats_store: PathBuf,
    /// What else its peer-observer.toml has.
    #[serde(default)]
    pub config: toml::Table,
}

/// A host with nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name: letters, digits, `-`, `_`.
    pub name: String,
    /// The port of 127.0.0.1 where its extractors reach its nats-server.
    #[serde(default = "clients")]
    pub nats_port: u16,
    /// How much it keeps of each node while the hub is away. The oldest are removed first.
    #[serde(default = "two_gib")]
    pub keep: Size,
    /// The folder where its files will be.
    #[serde(default = "etc")]
    pub directory: PathBuf,
    /// The folder of nats-server's streams.
    #[serde(default = "nats_store")]
    pub nats_store: PathBuf,
    /// Where its first node with the extractor p2p connects to that; the next ones have the ports after it.
    #[serde(default = "p2p_listen")]
    pub p2p_listen: SocketAddr,
    /// What else Prometheus is to ask there, such as a node_exporter: HOST:PORT.
    #[serde(default)]
    pub prometheus: Vec<HostPort>,
    /// What else its peer-observer.toml has.
    #[serde(default)]
    pub config: toml::Table,
    /// Its nodes.
    #[serde(default, rename = "node")]
    pub nodes: Vec<Node>,
}

/// A node. What is not given, peer-observer finds out there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name, which no other node of the fleet has.
    pub name: String,
    /// Its chain.
    #[serde(default = "main_chain")]
    pub chain: Chain,
    /// Its data directory.
    pub datadir: Option<PathBuf>,
    /// Its configuration file.
    pub conf: Option<PathBuf>,
    /// Its RPC server.
    pub rpc: Option<HostPort>,
    /// Its debug.log.
    pub debug_log: Option<PathBuf>,
    /// Socket of its IPC interface.
    pub ipc: Option<PathBuf>,
    /// Its program file.
    pub binary: Option<PathBuf>,
    /// Extractors, from which events are to arrive.
    #[serde(default = "usual")]
    pub extract: Vec<String>,
}

/// Bytes: `512MiB`, `2GiB`, `1TiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no size from 16MiB on: write it like 512MiB, 2GiB or 1TiB");
        let units = [("MiB", 20_u32), ("GiB", 30), ("TiB", 40)];
        let unit = units.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, *bits)));
        let (number, bits) = unit.ok_or_else(wrong)?;
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        let bytes = number.checked_mul(1 << bits).filter(|bytes| (16 << 20..=1 << 50).contains(bytes));
        bytes.map(Self).ok_or_else(wrong)
    }
}

fn clients() -> u16 {
    CLIENTS
}

fn p2p_listen() -> SocketAddr {
    ([127, 0, 0, 2], 28_333).into()
}

fn two_gib() -> Size {
    Size(2 << 30)
}

fn ten_gib() -> Size {
    Size(10 << 30)
}

fn etc() -> PathBuf {
    "/etc/peer-observer".into()
}

fn nats_store() -> PathBuf {
    "/var/lib/nats".into()
}

fn main_chain() -> Chain {
    Chain::Main
}

fn usual() -> Vec<String> {
    ["ebpf", "rpc", "log", "process"].map(str::to_owned).to_vec()
}

impl Plan {
    /// Reads a list and checks it. `extractors` are the names of those that there are.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub fn read(path: &Path, extractors: &[&str]) -> Result<Self, FleetError> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|reason| FleetError::File { what: "read", path: path.to_owned(), reason })?;
        Self::parse(&text, extractors).map_err(|reason| FleetError::Plan { path: path.to_owned(), reason })
    }

    fn parse(text: &str, extractors: &[&str]) -> Result<Self, String> {
        let plan: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        plan.check(extractors)?;
        Ok(plan)
    }

    fn check(&self, extractors: &[&str]) -> Result<(), String> {
        if self.hosts.is_empty() || self.hosts.len() > MAX_HOSTS {
            return Err(format!("there are {} hosts: list 1 to {MAX_HOSTS}, each as [[host]]", self.hosts.len()));
        }
        let (mut hosts, mut nodes) = (BTreeSet::new(), BTreeSet::new());
        for host in &self.hosts {
            let name = &host.name;
            validate_name(name).map_err(|error| format!("the host {name:?}: {error}"))?;
            // Host names become folders, beside that of the hub.
            if ["hub", "secrets"].contains(&&**name) || !hosts.insert(name.to_lowercase()) {
                return Err(format!(
                    "the host name {name:?} is taken: each host has a name of its own, and none is hub"
                ));
            }
            if !host.p2p_listen.ip().is_loopback() {
                return Err(format!(
                    "the host {name:?}: p2p_listen = \"{}\" must be a loopback address",
                    host.p2p_listen
                ));
            }
            if host.nodes.is_empty() {
                return Err(format!("the host {name:?} has no [[host.node]]"));
            }
            for node in &host.nodes {
                validate_name(&node.name).map_err(|error| format!("the host {name:?}: {error}"))?;
                if !nodes.insert(node.name.to_lowercase()) {
                    return Err(format!(
                        "two nodes are called {:?}: each has a name of its own in the fleet",
                        node.name
                    ));
                }
                node.check(extractors)?;
            }
        }
        Ok(())
    }

    /// A host by its name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }
}

impl Node {
    fn check(&self, extractors: &[&str]) -> Result<(), String> {
        let name = &self.name;
        if let Some(unknown) = self.extract.iter().find(|extractor| !extractors.contains(&extractor.as_str())) {
            return Err(format!(
                "the node {name:?} has the extractor {unknown:?}: there are {}",
                extractors.join(", ")
            ));
        }
        Ok(())
    }
}

impl Host {
    /// Where a node connects to the extractor p2p; none if that does not run for it.
    pub(crate) fn p2p_of(&self, node: &Node) -> Option<SocketAddr> {
        let mut with = self.nodes.iter().filter(|node| node.runs("p2p"));
        let index = with.position(|other| other.name == node.name)?;
        let port = self.p2p_listen.port().checked_add(u16::try_from(index).ok()?)?;
        Some(SocketAddr::new(self.p2p_listen.ip(), port))
    }
}

impl Node {
    /// Whether an extractor runs for it.
    pub(crate) fn runs(&self, extractor: &str) -> bool {
        self.extract.iter().any(|one| one == extractor)
    }
}

impl Hub {
    /// Where hosts dial.
    pub(crate) fn dialled(&self) -> HostPort {
        self.address.clone().or_port(HOSTS)
    }

    /// Where it listens for them.
    pub(crate) fn listens(&self) -> HostPort {
        let port = self.dialled().port;
        self.listen.clone().unwrap_or_else(|| HostPort::new("0.0.0.0", port)).or_port(port)
    }
}
