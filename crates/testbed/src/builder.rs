//! How a node is set up: its configuration file, its ports.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::find;
use crate::node::Node;

/// How to start a [`Node`]. Everything has a default.
#[derive(Clone, Debug, Default)]
pub struct NodeBuilder {
    name: Option<String>,
    binary: Option<PathBuf>,
    dir: Option<PathBuf>,
    config: Vec<String>,
    args: Vec<String>,
    noban: bool,
    at_once: Option<IpAddr>,
}

impl NodeBuilder {
    /// A name for logs and errors. Default: `node`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The bitcoind to run. Default: [`crate::bitcoind`].
    #[must_use]
    pub fn binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = Some(binary.into());
        self
    }

    /// The data directory, created if missing and left behind. Default: a temporary one, removed with the node.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// A line of bitcoin.conf's `[regtest]` section, e.g. `txindex=1`.
    #[must_use]
    pub fn config(mut self, line: impl Into<String>) -> Self {
        self.config.push(line.into());
        self
    }

    /// A command line argument, e.g. `-txindex`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Debug categories of debug.log, as for `-debug`.
    #[must_use]
    pub fn debug<S: std::fmt::Display>(mut self, categories: impl IntoIterator<Item = S>) -> Self {
        self.config.extend(categories.into_iter().map(|category| format!("debug={category}")));
        self
    }

    /// Writes every P2P message into files under `<datadir>/regtest/message_capture`.
    #[must_use]
    pub fn capture_messages(self) -> Self {
        self.config("capturemessages=1")
    }

    /// Gives peers on this machine `noban`, with which transactions are announced to them at once instead of seconds later.
    #[must_use]
    pub fn noban(mut self) -> Self {
        self.noban = true;
        self
    }

    /// Announces transactions at once to a peer at this address that the node itself connects to.
    #[must_use]
    pub fn announce_at_once_to(mut self, address: IpAddr) -> Self {
        self.at_once = Some(address);
        self
    }

    /// Starts the node and waits until its RPC answers.
    ///
    /// # Errors
    /// There is no bitcoind, or it ended; with the end of its output.
    pub async fn start(mut self) -> Result<Node> {
        let binary = self.binary.map_or_else(crate::bitcoind, Ok)?;
        if self.noban {
            // Until v27 permissions are for inbound peers only, and the words for directions are unknown.
            let directions = if find::bitcoind_major(&binary)? >= 28 { ",in,out" } else { "" };
            self.config.push(format!("whitelist=noban{directions}@127.0.0.0/8"));
        }
        if let Some(address) = self.at_once
            && find::bitcoind_major(&binary)? >= 28
        {
            self.config.push(format!("whitelist=noban,relay,out@{address}"));
        }
        let (dir, temporary) = match self.dir {
            Some(dir) => (dir, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("testbed-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
        let dir = fs::canonicalize(dir)?;
        let name = self.name.unwrap_or_else(|| "node".to_owned());

        // A port is free until it is used: somebody else may be quicker.
        let mut attempts = 5;
        loop {
            let ports = Ports::free()?;
            let config = configuration(&ports, &self.config);
            fs::write(dir.join("bitcoin.conf"), config)
                .with_context(|| format!("can't write bitcoin.conf in {}", dir.display()))?;
            let mut node = Node::new(name.clone(), binary.clone(), dir.clone(), self.args.clone(), ports)?;
            match node.start().await {
                Ok(()) => {
                    node.temporary = temporary;
                    return Ok(node);
                }
                Err(error) if attempts > 0 && error.to_string().contains("Unable to bind") => attempts -= 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// No address but loopback ones is ever listened on or dialled: `connect=0` also keeps the node from trying addresses that it learns from peers.
fn configuration(ports: &Ports, more: &[String]) -> String {
    let mut text = format!(
        "regtest=1\n[regtest]\nserver=1\nprinttoconsole=0\n\
         rpcbind={}\nrpcport={}\nrpcallowip=127.0.0.1\n\
         listen=1\nbind={}\nbind={}=onion\n\
         connect=0\ndnsseed=0\nfixedseeds=0\ndiscover=0\nlistenonion=0\nnatpmp=0\n",
        ports.rpc.ip(),
        ports.rpc.port(),
        ports.p2p,
        ports.onion,
    );
    for line in more {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Where a node listens.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    pub(crate) rpc: SocketAddr,
    pub(crate) p2p: SocketAddr,
    pub(crate) onion: SocketAddr,
}

impl Ports {
    fn free() -> Result<Self> {
        Ok(Self { rpc: free_port()?, p2p: free_port()?, onion: free_port()? })
    }
}

/// A port of 127.0.0.1 that nothing uses now. Below the range from which the kernel serves outgoing connections, so that none of those takes it
/// before, or while what is to listen is down; and never the same twice in this program.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<SocketAddr> {
    static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1000 {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(10_000..32_000)));
        if TcpListener::bind(addr).is_ok() && given.insert(addr.port()) {
            return Ok(addr);
        }
    }
    bail!("no free port between 10000 and 32000 on 127.0.0.1")
}
