//! The section `[banlist]`: which sets are banned, for how long, and what never is.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use banlist::{Limits, Pace, Protected, machine_addresses};
use clap::Args;
use networks::sets::{SetSource, entries};
use node::{HostPort, Located};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::nats::NatsOptions;
use crate::tools::state::state_directory;
use crate::values::{AddressRange, NatsUrl, Span};

/// Section `[banlist]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Ban list")]
#[serde(default, deny_unknown_fields)]
pub struct BanlistOptions {
    /// Sets whose networks are banned: built-in ones, and those of [networks.sets]
    #[arg(
        id = "banlist_sets",
        long = "banlist-sets",
        env = "PEER_OBSERVER_BANLIST_SETS",
        value_delimiter = ',',
        value_name = "LIST"
    )]
    pub sets: Vec<String>,
    /// How long a ban lasts; it is renewed when half of that is over
    #[arg(
        id = "banlist_duration",
        long = "banlist-duration",
        env = "PEER_OBSERVER_BANLIST_DURATION",
        value_name = "DURATION"
    )]
    pub duration: Span,
    /// Ranges that are never banned
    #[arg(
        id = "banlist_except",
        long = "banlist-except",
        env = "PEER_OBSERVER_BANLIST_EXCEPT",
        value_delimiter = ',',
        value_name = "RANGE"
    )]
    pub except: Vec<AddressRange>,
    /// Sets whose networks are never banned
    #[arg(
        id = "banlist_except_sets",
        long = "banlist-except-sets",
        env = "PEER_OBSERVER_BANLIST_EXCEPT_SETS",
        value_delimiter = ',',
        value_name = "LIST"
    )]
    pub except_sets: Vec<String>,
    /// Addresses of your nodes and machines, which are never banned, besides those that nodes report
    #[arg(
        id = "banlist_own",
        long = "banlist-own",
        env = "PEER_OBSERVER_BANLIST_OWN",
        value_delimiter = ',',
        value_name = "RANGE"
    )]
    pub own: Vec<AddressRange>,
    /// Changes a second at a node at most: it writes its whole list to the disk at each
    #[arg(
        id = "banlist_per_second",
        long = "banlist-per-second",
        env = "PEER_OBSERVER_BANLIST_PER_SECOND",
        value_name = "NUMBER"
    )]
    pub per_second: f64,
    /// Bans that a node gets at most: it goes through all of them at each connection
    #[arg(id = "banlist_most", long = "banlist-most", env = "PEER_OBSERVER_BANLIST_MOST", value_name = "NUMBER")]
    pub most: usize,
    /// Where is noted which bans are ours [default: banlist.db in $STATE_DIRECTORY, or in ~/.local/state/peer-observer]
    #[arg(
        id = "banlist_database",
        long = "banlist-database",
        env = "PEER_OBSERVER_BANLIST_DATABASE",
        value_name = "FILE"
    )]
    pub database: Option<PathBuf>,
}

impl Default for BanlistOptions {
    fn default() -> Self {
        Self {
            sets: Vec::new(),
            duration: Span(std::time::Duration::from_secs(30 * 24 * 60 * 60)),
            except: Vec::new(),
            except_sets: Vec::new(),
            own: Vec::new(),
            per_second: 20.0,
            most: 10_000,
            database: None,
        }
    }
}

impl BanlistOptions {
    /// Checks what every command needs.
    ///
    /// # Errors
    /// Something cannot be.
    pub fn check(&self) -> Result<()> {
        let seconds = self.duration.0.as_secs();
        ensure!(
            (60..=10 * 366 * 24 * 60 * 60).contains(&seconds),
            "banlist.duration is {}: it must be from a minute to ten years",
            self.duration
        );
        let per_second = self.per_second;
        ensure!(
            (0.01..=1000.0).contains(&per_second),
            "banlist.per_second is {per_second}: it must be from 0.01 to 1000"
        );
        Ok(())
    }

    /// How long bans last, and how many there may be.
    pub fn limits(&self) -> Limits {
        Limits { duration_s: self.duration.0.as_secs(), most: self.most }
    }

    /// How fast bans are changed.
    pub fn pace(&self) -> Pace {
        Pace { per_second: self.per_second }
    }

    /// The file in which is noted which bans are ours.
    ///
    /// # Errors
    /// There is no place for it.
    pub fn database(&self) -> Result<PathBuf> {
        let usual = || Some(state_directory()?.join("banlist.db"));
        let path = self.database.clone().or_else(usual);
        path.context("there is no place to note which bans are ours: choose one with --banlist-database")
    }

    /// What is never to be banned, whatever the nodes are: what is configured; this machine, from which connections of our own come; and the
    /// NATS servers, which are on the hub.
    ///
    /// # Errors
    /// A set is not there or cannot be read, or the address of the NATS server cannot be understood.
    pub fn protected(&self, sources: &[SetSource], nats: &NatsOptions) -> Result<Protected> {
        let mut protected = Protected::default();
        let ranges =
            [(&self.except, "it is an exception (banlist.except)"), (&self.own, "it is our own (banlist.own)")];
        for (ranges, why) in ranges {
            ranges.iter().for_each(|range| protected.add(range.0, why));
        }
        for set in &self.except_sets {
            let (excepted, warnings) = entries(sources, set)?;
            ensure!(
                warnings.is_empty(),
                "banlist.except_sets: {}",
                warnings.first().map_or("", |warning| &warning.text)
            );
            let why = format!("it is an exception (set {set})");
            excepted.iter().for_each(|entry| protected.add(entry.network, &why));
        }
        machine_addresses().into_iter().for_each(|ip| protected.add_address(ip, "it is an address of this machine"));
        let servers = nats.nats.as_ref().map(NatsUrl::servers).transpose()?.unwrap_or_default();
        servers.iter().for_each(|server| protect_host(&mut protected, &server.host, "the NATS server is there"));
        Ok(protected)
    }
}

/// Protects the addresses at which a node is reached, and those that it is configured to connect to.
pub fn protect_node(protected: &mut Protected, name: &str, located: &Located) {
    let reached = format!("node {name} is reached there");
    located.rpc.iter().chain(&located.p2p).for_each(|at| protect_host(protected, &at.host, &reached));
    let chosen = format!("node {name} is to connect to it (addnode)");
    for peer in &located.addnodes {
        if let Ok(HostPort { host, .. }) = peer.parse() {
            protect_host(protected, &host, &chosen);
        }
    }
}

/// Protects a host by its address, or by those of its name.
fn protect_host(protected: &mut Protected, host: &str, why: &str) {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return protected.add_address(ip, why);
    }
    if [".onion", ".i2p"].iter().any(|end| host.ends_with(end)) {
        return;
    }
    match (host, 0).to_socket_addrs() {
        Ok(found) => found.for_each(|address| protected.add_address(address.ip(), why)),
        Err(error) => warn!(
            "the addresses of {host:?} cannot be looked up, and so are not kept from being banned: {error}; \
             name them with --banlist-own"
        ),
    }
}
