//! The tool `connectivity`: whether somebody is at the addresses that peers gossip.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::{ArgAction, Args};
use connectivity::{Connectivity, Limits, Options, Ranges, Rates};
use ipnet::{IpNet, Ipv4Net};
use node::{Chain, Secret};
use reach::{Login, Proxies};
use serde::{Deserialize, Serialize};

use super::state::{folder_of, state_directory};
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Service, Starts, Tool, ToolEntry};
use crate::values::{AddressRange, ProxyAddress, Span, no_contact, secret, secret_of};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "connectivity",
    about: "Connect to the addresses that peers gossip, to find out whether somebody is there",
    summary: "Connects to the addresses that peers gossip, to find out whether somebody is there",
    starts: Starts::WithSection,
    demo: false,
    options: Part::of::<ConnectivityOptions>("connectivity"),
};

/// Where results are kept, in the directory of the system or the user for such things.
const DATABASE: &str = "connectivity.db";

/// Where the nodes are that this program starts: 127.0.0.0/8.
const LOOPBACK: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8));

/// Section `[connectivity]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Connectivity check (connects to other machines)")]
#[serde(default, deny_unknown_fields)]
struct ConnectivityOptions {
    /// A SOCKS5 proxy for all addresses but those of I2P: without one, they see the address of this machine
    #[arg(
        id = "connectivity_proxy",
        long = "connectivity-proxy",
        env = "PEER_OBSERVER_CONNECTIVITY_PROXY",
        value_name = "HOST:PORT"
    )]
    proxy: Option<ProxyAddress>,
    /// What the proxy is given to log in: USER:PASSWORD (better in the environment or in the configuration file)
    #[arg(id = "connectivity_proxy_login", long = "connectivity-proxy-login", env = "PEER_OBSERVER_CONNECTIVITY_PROXY_LOGIN", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    proxy_login: Option<Secret>,
    /// The same secret in a file; a name without a slash is that of a credential of systemd
    #[arg(
        id = "connectivity_proxy_login_file",
        long = "connectivity-proxy-login-file",
        env = "PEER_OBSERVER_CONNECTIVITY_PROXY_LOGIN_FILE",
        value_name = "FILE"
    )]
    proxy_login_file: Option<PathBuf>,
    /// A SOCKS5 proxy, that of Tor, for onion services
    #[arg(
        id = "connectivity_onion",
        long = "connectivity-onion",
        env = "PEER_OBSERVER_CONNECTIVITY_ONION",
        value_name = "HOST:PORT"
    )]
    onion: Option<ProxyAddress>,
    /// The SAM bridge of an I2P router, for I2P
    #[arg(
        id = "connectivity_i2psam",
        long = "connectivity-i2psam",
        env = "PEER_OBSERVER_CONNECTIVITY_I2PSAM",
        value_name = "HOST:PORT"
    )]
    i2psam: Option<ProxyAddress>,
    /// Try addresses of CJDNS, too, which this machine reaches
    #[arg(
        id = "connectivity_cjdnsreachable",
        long = "connectivity-cjdnsreachable",
        env = "PEER_OBSERVER_CONNECTIVITY_CJDNSREACHABLE",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    cjdnsreachable: bool,
    /// Where those who are connected to can reach you, in what they see us as: /peer-observer:VERSION(connectivity check; TEXT)/
    #[arg(
        id = "connectivity_contact",
        long = "connectivity-contact",
        env = "PEER_OBSERVER_CONNECTIVITY_CONTACT",
        value_name = "TEXT"
    )]
    contact: Option<String>,
    /// The chain whose nodes are expected [default: that of the node, as its RPC server says; nothing is tried before]
    #[arg(
        id = "connectivity_chain",
        long = "connectivity-chain",
        env = "PEER_OBSERVER_CONNECTIVITY_CHAIN",
        value_name = "CHAIN"
    )]
    chain: Option<Chain>,
    /// Where results are kept [default: connectivity.db in $STATE_DIRECTORY, or in ~/.local/state/peer-observer]
    #[arg(
        id = "connectivity_database",
        long = "connectivity-database",
        env = "PEER_OBSERVER_CONNECTIVITY_DATABASE",
        value_name = "FILE"
    )]
    database: Option<PathBuf>,
    /// A CSV file that results are appended to
    #[arg(
        id = "connectivity_csv",
        long = "connectivity-csv",
        env = "PEER_OBSERVER_CONNECTIVITY_CSV",
        value_name = "FILE"
    )]
    csv: Option<PathBuf>,
    /// For how long an address is not tried again
    #[arg(
        id = "connectivity_retry_after",
        long = "connectivity-retry-after",
        env = "PEER_OBSERVER_CONNECTIVITY_RETRY_AFTER",
        value_name = "DURATION"
    )]
    retry_after: Span,
    /// Connections per second, in all
    #[arg(
        id = "connectivity_per_second",
        long = "connectivity-per-second",
        env = "PEER_OBSERVER_CONNECTIVITY_PER_SECOND",
        value_name = "NUMBER"
    )]
    per_second: f64,
    /// Connections per minute to each network group: /16 of IPv4, /32 of IPv6
    #[arg(
        id = "connectivity_per_group",
        long = "connectivity-per-group",
        env = "PEER_OBSERVER_CONNECTIVITY_PER_GROUP",
        value_name = "NUMBER"
    )]
    per_group: f64,
    /// Connections per minute to each autonomous system, where a map (--asmap) shows them
    #[arg(
        id = "connectivity_per_asn",
        long = "connectivity-per-asn",
        env = "PEER_OBSERVER_CONNECTIVITY_PER_ASN",
        value_name = "NUMBER"
    )]
    per_asn: f64,
    /// Addresses that are tried at the same time
    #[arg(
        id = "connectivity_concurrent",
        long = "connectivity-concurrent",
        env = "PEER_OBSERVER_CONNECTIVITY_CONCURRENT",
        value_name = "NUMBER"
    )]
    concurrent: usize,
    /// Addresses that wait for their turn at most
    #[arg(
        id = "connectivity_waiting",
        long = "connectivity-waiting",
        env = "PEER_OBSERVER_CONNECTIVITY_WAITING",
        value_name = "NUMBER"
    )]
    waiting: usize,
    /// How long a connection may take until it is there
    #[arg(
        id = "connectivity_connect_timeout",
        long = "connectivity-connect-timeout",
        env = "PEER_OBSERVER_CONNECTIVITY_CONNECT_TIMEOUT",
        value_name = "DURATION"
    )]
    connect_timeout: Span,
    /// The same for onion services and I2P
    #[arg(
        id = "connectivity_overlay_timeout",
        long = "connectivity-overlay-timeout",
        env = "PEER_OBSERVER_CONNECTIVITY_OVERLAY_TIMEOUT",
        value_name = "DURATION"
    )]
    overlay_timeout: Span,
    /// How long it may take from then until the version message, for each of the two transports
    #[arg(
        id = "connectivity_handshake_timeout",
        long = "connectivity-handshake-timeout",
        env = "PEER_OBSERVER_CONNECTIVITY_HANDSHAKE_TIMEOUT",
        value_name = "DURATION"
    )]
    handshake_timeout: Span,
    /// How long all connections to an address may take together
    #[arg(
        id = "connectivity_total_timeout",
        long = "connectivity-total-timeout",
        env = "PEER_OBSERVER_CONNECTIVITY_TOTAL_TIMEOUT",
        value_name = "DURATION"
    )]
    total_timeout: Span,
    /// Ranges that are tried although they are private or special: for networks of your own
    #[arg(
        id = "connectivity_allow",
        long = "connectivity-allow",
        env = "PEER_OBSERVER_CONNECTIVITY_ALLOW",
        value_delimiter = ',',
        value_name = "RANGE"
    )]
    allow: Vec<AddressRange>,
    /// Ranges that are never tried
    #[arg(
        id = "connectivity_never",
        long = "connectivity-never",
        env = "PEER_OBSERVER_CONNECTIVITY_NEVER",
        value_delimiter = ',',
        value_name = "RANGE"
    )]
    never: Vec<AddressRange>,
}

impl Default for ConnectivityOptions {
    fn default() -> Self {
        let Options { rates, concurrent, retry_after, limits, waiting, .. } = Options::new(DATABASE);
        Self {
            proxy: None,
            proxy_login: None,
            proxy_login_file: None,
            onion: None,
            i2psam: None,
            cjdnsreachable: false,
            contact: None,
            chain: None,
            database: None,
            csv: None,
            retry_after: Span(retry_after),
            per_second: rates.per_second,
            per_group: rates.group_per_minute,
            per_asn: rates.asn_per_minute,
            concurrent,
            waiting,
            connect_timeout: Span(limits.connect),
            overlay_timeout: Span(limits.connect_overlay),
            handshake_timeout: Span(limits.handshake),
            total_timeout: Span(limits.total),
            allow: Vec::new(),
            never: Vec::new(),
        }
    }
}

/// A number of the configuration between two others.
fn between<T: PartialOrd + std::fmt::Display>(key: &str, value: T, least: T, most: T) -> Result<T> {
    ensure!((&least..=&most).contains(&&value), "connectivity.{key} = {value}: it must be from {least} to {most}");
    Ok(value)
}

impl ConnectivityOptions {
    fn login(&self) -> Result<Option<Login>> {
        let key = "connectivity.proxy_login";
        let login = secret_of(key, self.proxy_login.as_ref(), self.proxy_login_file.as_ref())?;
        let Some(login) = login else { return Ok(None) };
        let (user, password) =
            login.expose().split_once(':').context("connectivity.proxy_login: write USER:PASSWORD")?;
        let fits = |text: &str| (1..=255).contains(&text.len());
        ensure!(fits(user) && fits(password), "connectivity.proxy_login: name and password have 1 to 255 bytes each");
        Ok(Some(Login { user: user.to_owned(), password: password.to_owned() }))
    }

    fn proxies(&self) -> Result<Proxies> {
        let address = |option: &Option<ProxyAddress>| option.clone().map(|ProxyAddress(address)| address);
        let login = self.login()?;
        ensure!(
            login.is_none() || self.proxy.is_some(),
            "connectivity.proxy_login is for connectivity.proxy: give both"
        );
        Ok(Proxies {
            proxy: address(&self.proxy),
            login,
            onion: address(&self.onion),
            i2psam: address(&self.i2psam),
            cjdnsreachable: self.cjdnsreachable,
        })
    }

    fn rates(&self) -> Result<Rates> {
        Ok(Rates {
            per_second: between("per_second", self.per_second, 0.01, 1_000.0)?,
            group_per_minute: between("per_group", self.per_group, 0.1, 100_000.0)?,
            asn_per_minute: between("per_asn", self.per_asn, 0.1, 100_000.0)?,
        })
    }
}

impl Check<Box<dyn Tool>> for ConnectivityOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        let ranges = |ranges: &[AddressRange]| ranges.iter().map(|AddressRange(range)| *range).collect();
        let contact = self.contact.as_deref();
        let user_agent = connectivity::user_agent(contact)
            .with_context(|| no_contact("connectivity", contact, connectivity::MAX_CONTACT))?;
        let options = Options {
            proxies: self.proxies()?,
            chain: self.chain,
            ranges: Ranges { allow: ranges(&self.allow), never: ranges(&self.never) },
            rates: self.rates()?,
            concurrent: between("concurrent", self.concurrent, 1, 1_000)?,
            retry_after: self.retry_after.0,
            limits: Limits {
                connect: self.connect_timeout.0,
                connect_overlay: self.overlay_timeout.0,
                handshake: self.handshake_timeout.0,
                total: self.total_timeout.0,
            },
            waiting: between("waiting", self.waiting, 100, 1_000_000)?,
            user_agent,
            csv: self.csv.clone(),
            files: context.networks.clone(),
            ..Options::new(DATABASE)
        };
        Ok(Box::new(GossipCheck { options, database: self.database.clone() }))
    }
}

struct GossipCheck {
    options: Options,
    database: Option<PathBuf>,
}

impl GossipCheck {
    fn database(&self) -> Option<PathBuf> {
        self.database.clone().or_else(|| Some(state_directory()?.join(DATABASE)))
    }
}

impl Tool for GossipCheck {
    /// Made-up nodes gossip made-up addresses, which may be anybody's.
    fn for_own_nodes(&mut self) {
        self.options.chain = Some(Chain::Regtest);
        if self.options.ranges.allow.is_empty() {
            self.options.ranges.allow.push(LOOPBACK);
        }
    }

    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn acts(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<PathBuf> {
        self.options.files.paths().cloned().collect()
    }

    /// The database makes files beside itself.
    fn folders(&self) -> Vec<PathBuf> {
        self.database().as_deref().and_then(folder_of).into_iter().collect()
    }

    fn start(self: Box<Self>, _: Place) -> Result<Service> {
        let database =
            self.database().context("there is no place to keep results: choose one with --connectivity-database")?;
        let check = Connectivity::open(Options { database, ..self.options })?;
        Ok(Service::publishing(move |events, publishers, shutdown| async move {
            check.run(events, move |node| publishers.publisher(node, ENTRY.name), shutdown).await;
            Ok(())
        }))
    }
}
