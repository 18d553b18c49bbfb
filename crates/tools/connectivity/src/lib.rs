//! The connectivity check: whether somebody is at the addresses that peers gossip.
//!
//! Each address that is heard in `addr` and `addrv2` waits in a bounded queue with a share for each
//! peer, is tried within its budget, and not again before its time. What came of it is published as
//! an event, kept in a database, and written to a CSV file if that is wanted. Nobody but the node at the address learns
//! of it, and what it sees of us may be a proxy.

mod attempt;
mod budget;
mod csv;
mod engine;
mod heard;
mod intake;
mod queue;
mod ranges;
mod report;
mod results;
mod skipped;
mod store;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::store::sqlite::DatabaseError;
use bus::{Publisher, Subscription};
use networks::{Enrichment, Files};
use node::Chain;
use reach::{Dialer, Proxies};
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use crate::budget::Rates;
pub use crate::ranges::Ranges;

use crate::csv::Csv;
use crate::engine::Engine;
use crate::store::Store;

/// What the check may do, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// What leads into the networks.
    pub proxies: Proxies,
    /// The chain whose network the addresses are of. None: that of the node that heard it, as its RPC interface reports
    /// it; nothing is tried before that is known. Regtest has no public nodes: of its nodes, only addresses in ranges
    /// that are allowed are tried.
    pub chain: Option<Chain>,
    /// Which addresses may be tried.
    pub ranges: Ranges,
    /// How many connections may be opened.
    pub rates: Rates,
    /// Attempts at a time.
    pub concurrent: usize,
    /// How long an address is not tried again.
    pub retry_after: Duration,
    /// How long each part of an attempt may take.
    pub limits: Limits,
    /// Addresses that wait at most.
    pub waiting: usize,
    /// What nodes see us as; see [`user_agent`].
    pub user_agent: String,
    /// Where results are kept.
    pub database: PathBuf,
    /// A CSV file that results are appended to.
    pub csv: Option<PathBuf>,
    /// Tor exits and autonomous systems.
    pub files: Files,
}

impl Options {
    /// The defaults, with results in this file.
    #[must_use]
    pub fn new(database: impl Into<PathBuf>) -> Self {
        Self {
            proxies: Proxies::default(),
            chain: None,
            ranges: Ranges::default(),
            rates: Rates::default(),
            concurrent: 128,
            retry_after: Duration::from_secs(24 * 3_600),
            limits: Limits::default(),
            waiting: 20_000,
            user_agent: p2p::user_agent(&[PURPOSE]),
            database: database.into(),
            csv: None,
            files: Files::default(),
        }
    }
}

/// How long each part of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection is there.
    pub connect: Duration,
    /// The same to an onion service or an I2P destination.
    pub connect_overlay: Duration,
    /// From then until the version message, for each transport.
    pub handshake: Duration,
    /// All of it.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            connect_overlay: Duration::from_secs(60),
            handshake: Duration::from_secs(15),
            total: Duration::from_secs(120),
        }
    }
}

/// Why the check cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] DatabaseError),
    /// The CSV file cannot be written.
    #[error("cannot write {}: {source}; choose another file with --connectivity-csv", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file with networks cannot be read.
    #[error("{0}")]
    Networks(String),
}

/// The longest contact, in bytes.
pub const MAX_CONTACT: usize = 100;

/// What this is, in the user agent.
const PURPOSE: &str = "connectivity check";

/// The user agent that says what we are, and where to complain. None if the contact may not be in one.
#[must_use]
pub fn user_agent(contact: Option<&str>) -> Option<String> {
    match contact {
        None => Some(p2p::user_agent(&[PURPOSE])),
        Some(contact) => p2p::is_comment(contact, MAX_CONTACT).then(|| p2p::user_agent(&[PURPOSE, contact])),
    }
}

/// The check with its files open.
#[derive(Debug)]
pub struct Connectivity {
    options: Options,
    store: Store,
    csv: Option<Csv>,
    enrichment: Enrichment,
}

impl Connectivity {
    /// Opens its files. Nothing is tried yet, and no further file is opened later.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn open(options: Options) -> Result<Self, Error> {
        let store = Store::open(&options.database)?;
        let open = |path: &Path| Csv::open(path).map_err(|source| Error::Csv { path: path.to_owned(), source });
        let csv = options.csv.as_deref().map(open).transpose()?;
        let enrichment = Enrichment::read(&options.files, None).map_err(Error::Networks)?;
        Ok(Self { options, store, csv, enrichment })
    }

    /// Tries the addresses that the events gossip, until they end or shutdown. Results are published by what
    /// `publishers` makes for each node, by its name.
    pub async fn run(
        self,
        events: Subscription,
        publishers: impl Fn(&str) -> Publisher + Send + Sync + 'static,
        shutdown: CancellationToken,
    ) {
        info!("{}", self.announcement());
        let dialer = Dialer::new(self.options.proxies.clone());
        let engine = Engine::new(self.options, dialer, self.store, self.csv, self.enrichment, Box::new(publishers));
        engine.run(events, shutdown).await;
    }

    /// One line that says what will be done.
    fn announcement(&self) -> String {
        let Options { proxies, rates, user_agent, database, .. } = &self.options;
        let through = |proxy: &Option<reach::Endpoint>, or: &str| match proxy {
            Some(proxy) => format!("through {proxy}"),
            None => or.to_owned(),
        };
        let onion = proxies.onion.clone().or_else(|| proxies.proxy.clone());
        format!(
            "the connectivity check is active: it connects to addresses that peers gossip, IPv4 and IPv6 {}, onion \
             services {}, I2P {}, CJDNS {}; at most {} connections a second, as {user_agent}; results in {}",
            through(&proxies.proxy, "directly, which shows them the address of this machine"),
            through(&onion, "not"),
            through(&proxies.i2psam, "not"),
            if proxies.cjdnsreachable { through(&proxies.proxy, "directly") } else { "not".to_owned() },
            rates.per_second,
            database.display(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_say_whom_to_ask() {
        let contact = user_agent(Some("ops@example.org")).unwrap();
        assert!(
            contact.starts_with("/peer-observer:") && contact.ends_with("(connectivity check; ops@example.org)/"),
            "{contact}"
        );
        assert!(user_agent(None).is_some_and(|agent| agent.len() < 100));
        assert!(user_agent(Some(&"x".repeat(100))).is_some_and(|agent| agent.len() <= p2p::version::MAX_USER_AGENT));
        for bad in ["", "a/b", "(x)", "a\nb", "ä", &"x".repeat(101)] {
            assert_eq!(user_agent(Some(bad)), None, "{bad}");
        }
    }
}
