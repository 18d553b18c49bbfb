//! A P2P connection of our own to the node.
//!
//! It shows the node as its peers see it: how soon it answers, which addresses, transactions and blocks it passes on, and what it asks for.
//! It needs neither tracepoints nor the node's files, so it serves for any implementation. The node connects to us (`addnode`), which takes
//! none of its slots; or we connect to it, which takes one of its inbound slots.
//!
//! The connection does no harm: it offers no services, serves no data, passes on no addresses, and has the exact time.

mod blocks;
mod events;
mod features;
mod identity;
mod link;
mod listener;
mod magic;
mod memory;
mod pings;
mod refusals;
mod session;

use std::net::SocketAddr;
use std::time::Duration;

use bus::Publisher;
use node::{Discovery, HostPort, Target, TargetError};
use reach::Proxies;
use tokio_util::sync::CancellationToken;

pub use crate::listener::Listener;

use crate::link::Link;
use crate::memory::Memory;
use crate::session::Session;

/// Pause between two looks for a node that is not there, and between two attempts to reach it.
const PAUSE: Duration = Duration::from_secs(1);

/// For how long a trouble must last to be logged.
const SETTLED: Duration = Duration::from_secs(2);

/// The shortest pause between two pings.
const MIN_PING_INTERVAL: Duration = Duration::from_millis(10);

/// How a connection comes about. Where several ways are open, the first that serves is taken: the node's own connection, since it takes no
/// slot; then ours.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// Where the node connects to: at an address that it has as `addnode=` in its configuration.
    pub listener: Option<Listener>,
    /// Ask the node by RPC to connect there (`addnode ... onetry`), again after each of its restarts.
    pub addnode: bool,
    /// Where we connect to the node.
    pub dial: Option<HostPort>,
    /// What leads there, if the node is behind Tor or I2P.
    pub proxies: Proxies,
}

/// How to observe a node.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the connection comes about.
    pub ways: Ways,
    /// What the node sees us as (`subver` of getpeerinfo). At most 256 bytes.
    pub user_agent: String,
    /// Pause between two pings, 10 ms or more. Default: 1 s.
    pub ping_interval: Duration,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(ways: Ways) -> Self {
        Self { ways, user_agent: p2p::user_agent(&[]), ping_interval: Duration::from_secs(1) }
    }
}

/// The longest contact, in bytes.
pub const MAX_CONTACT: usize = 200;

/// Our user agent, with a comment by which operators can reach whoever runs this: `/peer-observer:0.1.0(ops@example.org)/`. None if the
/// contact may not be in a user agent.
#[must_use]
pub fn user_agent(contact: Option<&str>) -> Option<String> {
    let is_usable = contact.is_none_or(|contact| p2p::is_comment(contact, MAX_CONTACT));
    is_usable.then(|| p2p::user_agent(contact.as_slice()))
}

/// Why the extractor cannot work, whatever the node does.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is configured of the node contradicts itself.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The listener is of no use.
    #[error("node {node}: can't listen at {address} for the node's P2P connection")]
    Listen {
        /// Name of the node.
        node: String,
        /// Where it listens.
        address: SocketAddr,
        /// What is wrong.
        source: std::io::Error,
    },
}

/// Publishes what the node sends us until shutdown. The connection is made anew whenever it ends. The caller ends the publisher's run.
///
/// # Errors
/// What no waiting can mend; see [`Error`].
pub async fn run(
    target: Target,
    options: Options,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    match shutdown.run_until_cancelled(observe(target, options, publisher)).await {
        Some(outcome) => outcome,
        None => Ok(()),
    }
}

async fn observe(target: Target, options: Options, publisher: Publisher) -> Result<(), Error> {
    let discovery = Discovery::new(target, publisher.node(), PAUSE, SETTLED);
    let mut link = Link::new(options.ways.clone(), publisher.clone(), discovery)?;
    let mut memory = Memory::default();
    let mut next = None;
    loop {
        let connected = match next.take() {
            Some(connected) => connected,
            None => link.connect().await?,
        };
        let another = link.another(connected.place.clone());
        let mut session = Session::new(&options, &publisher, connected, &mut memory);
        let ending;
        (ending, next) = session.run(another).await;
        let pause = link.ended(ending);
        if next.is_none() {
            tokio::time::sleep(pause).await;
        }
    }
}
