//! The tool `chain`: headers and tips of nodes, forks and stale blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use chain::serve::{self, MAX_CLIENTS};
use chain::settings::{
    INTERVAL, MAX_INTERESTING_HEIGHTS, MOST_INTERESTING_HEIGHTS, Network, NodeSettings, PoolSettings, RETENTION,
    Settings, SourceSettings,
};
use chain::snapshot::Countdown;
use chain::sources::ServerUrl;
use chain::{Chain, Options};
use node::{HostPort, Secret, Target, validate_name};
use serde::{Deserialize, Serialize};

use super::access::{check_clients, serving_options};
use super::state::{folder_of, state_directory};
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Service, Starts, Tool, ToolEntry};
use crate::values::{Span, secret_of};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "chain",
    about: "Show the tips, forks and stale blocks of nodes and other servers, and publish what changes",
    summary: "Asks nodes and other servers for their tips, publishes what changes, and serves fork-observer's API",
    starts: Starts::WithSection,
    demo: true,
    options: Part::of::<ChainOptions>("chain"),
};

/// Where activity and stale blocks are kept, in the directory of the system or the user for such things.
const DATABASE: &str = "chain.db";

/// Where the API is served by default: fork-observer's port.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 2323);

serving_options! {
    "chain", "PEER_OBSERVER_CHAIN";
    /// Section `[chain]`, and its flags. The networks are in sections of their own: `[[chain.networks]]`.
    #[command(next_help_heading = "Chain")]
    pub struct ChainOptions;

    /// Where the API is served
    listen = LISTEN;

    /// Names under which it is reached, besides addresses and localhost
    hosts;

    /// What clients log in with: TOKEN or USER:PASSWORD (better in the environment or in the configuration file)
    auth;

    /// The page that / leads to, such as that of the tool web: https://HOST/#chain
    #[arg(id = "chain_page", long = "chain-page", env = "PEER_OBSERVER_CHAIN_PAGE", value_name = "URL")]
    page: Option<String> = None;

    /// The address that feeds name as their own [default: where it listens]
    #[arg(
        id = "chain_rss_base_url",
        long = "chain-rss-base-url",
        env = "PEER_OBSERVER_CHAIN_RSS_BASE_URL",
        value_name = "URL"
    )]
    rss_base_url: Option<String> = None;

    /// HTML that pages of the API's users show at their end
    #[arg(id = "chain_footer", long = "chain-footer", env = "PEER_OBSERVER_CHAIN_FOOTER", value_name = "HTML")]
    footer: String = String::new();

    /// Clients of the stream of changes at most, from 1 to 100000
    #[arg(id = "chain_clients", long = "chain-clients", env = "PEER_OBSERVER_CHAIN_CLIENTS", value_name = "NUMBER")]
    clients: usize = MAX_CLIENTS;

    /// Where activity and stale blocks are kept [default: chain.db in $STATE_DIRECTORY, or in ~/.local/state/peer-observer]
    #[arg(id = "chain_database", long = "chain-database", env = "PEER_OBSERVER_CHAIN_DATABASE", value_name = "FILE")]
    database: Option<PathBuf> = None;

    /// A folder for old activity, a database for each month [default: that of the database]
    #[arg(id = "chain_archive", long = "chain-archive", env = "PEER_OBSERVER_CHAIN_ARCHIVE", value_name = "DIR")]
    archive: Option<PathBuf> = None;

    /// What is asked. Without it, the nodes that are observed are asked.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    networks: Vec<NetworkOptions> = Vec::new();
}

/// Section `[[chain.networks]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NetworkOptions {
    id: u32,
    name: String,
    slug: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    min_fork_height: u32,
    max_interesting_heights: Option<usize>,
    retention: Option<Span>,
    #[serde(default)]
    miners: bool,
    pools: Option<PathBuf>,
    countdown: Option<CountdownOptions>,
    #[serde(default)]
    nodes: Vec<NodeOptions>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CountdownOptions {
    height: u32,
    label: String,
}

/// The `kind` of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
enum Kind {
    #[default]
    #[serde(rename = "core")]
    Core,
    #[serde(rename = "btcd")]
    Btcd,
    #[serde(rename = "esplora")]
    Esplora,
    #[serde(rename = "mempool.space")]
    MempoolSpace,
    #[serde(rename = "electrum")]
    Electrum,
    #[serde(rename = "fork-observer")]
    ForkObserver,
    #[serde(rename = "block-dn")]
    BlockDn,
}

/// Section `[[chain.networks.nodes]]`: what all kinds have, and what only some have.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NodeOptions {
    id: u32,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    show_version: bool,
    #[serde(default = "yes")]
    activity: bool,
    observed: Option<bool>,
    interval: Option<Span>,
    chain: Option<node::Chain>,
    datadir: Option<PathBuf>,
    conf: Option<PathBuf>,
    rpc: Option<HostPort>,
    rpc_user: Option<String>,
    rpc_password: Option<Secret>,
    rpc_password_file: Option<PathBuf>,
    rpc_cookie_file: Option<PathBuf>,
    ipc: Option<PathBuf>,
    rest: Option<bool>,
    long_poll: Option<bool>,
    url: Option<ServerUrl>,
    user: Option<String>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    server: Option<HostPort>,
    tls: Option<bool>,
    certificate: Option<PathBuf>,
    network: Option<u32>,
}

fn yes() -> bool {
    true
}

impl NodeOptions {
    /// Which keys are given that not all kinds have.
    fn given(&self) -> Vec<&'static str> {
        let all = [
            ("chain", self.chain.is_some()),
            ("datadir", self.datadir.is_some()),
            ("conf", self.conf.is_some()),
            ("rpc", self.rpc.is_some()),
            ("rpc_user", self.rpc_user.is_some()),
            ("rpc_password", self.rpc_password.is_some()),
            ("rpc_password_file", self.rpc_password_file.is_some()),
            ("rpc_cookie_file", self.rpc_cookie_file.is_some()),
            ("ipc", self.ipc.is_some()),
            ("rest", self.rest.is_some()),
            ("long_poll", self.long_poll.is_some()),
            ("url", self.url.is_some()),
            ("user", self.user.is_some()),
            ("password", self.password.is_some()),
            ("password_file", self.password_file.is_some()),
            ("server", self.server.is_some()),
            ("tls", self.tls.is_some()),
            ("certificate", self.certificate.is_some()),
            ("network", self.network.is_some()),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
    }

    /// The keys that belong to its kind.
    fn possible(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Core => &[
                "chain",
                "datadir",
                "conf",
                "rpc",
                "rpc_user",
                "rpc_password",
                "rpc_password_file",
                "rpc_cookie_file",
                "ipc",
                "rest",
                "long_poll",
            ],
            Kind::Btcd => &["url", "user", "password", "password_file", "certificate"],
            Kind::Esplora | Kind::MempoolSpace | Kind::BlockDn => &["url", "certificate"],
            Kind::Electrum => &["server", "tls", "certificate"],
            Kind::ForkObserver => &["url", "network", "certificate"],
        }
    }

    /// Where it is, as far as that is given. None: it is one of the nodes that are observed.
    fn target(&self) -> Result<Option<Target>> {
        let password = secret_of("rpc_password", self.rpc_password.as_ref(), self.rpc_password_file.as_ref())?;
        let target = Target {
            name: Some(self.name.clone()),
            chain: self.chain,
            datadir: self.datadir.clone(),
            conf: self.conf.clone(),
            rpc: self.rpc.clone(),
            rpc_user: self.rpc_user.clone(),
            rpc_password: password,
            rpc_cookie_file: self.rpc_cookie_file.clone(),
            ipc: self.ipc.clone(),
            ..Target::default()
        };
        let is_placed =
            target.datadir.is_some() || target.conf.is_some() || target.rpc.is_some() || target.ipc.is_some();
        Ok(is_placed.then_some(target))
    }

    fn source(&self, observed: &BTreeMap<String, Target>) -> Result<SourceSettings> {
        let possible = self.possible();
        if let Some(other) = self.given().into_iter().find(|key| !possible.contains(key)) {
            bail!("{other} means nothing there; keys of its kind are {}", possible.join(", "));
        }
        let url = || self.url.clone().context("url is missing: write https://HOST/PATH");
        let certificate = self.certificate.clone();
        Ok(match self.kind {
            Kind::Core => {
                let target = self.target()?.or_else(|| observed.get(&self.name).cloned());
                let target = target.context(
                    "its place is missing: give rpc (HOST:PORT) or datadir, or the name of a [[node]] that is observed",
                )?;
                let (rest, long_poll) = (self.rest.unwrap_or(true), self.long_poll.unwrap_or(true));
                SourceSettings::Core { target, rest, long_poll }
            }
            Kind::Btcd => SourceSettings::Btcd {
                url: url()?,
                user: self.user.clone().context("user is missing: btcd's rpcuser")?,
                password: secret_of("password", self.password.as_ref(), self.password_file.as_ref())?
                    .context("password is missing: btcd's rpcpass")?,
                certificate,
            },
            Kind::Esplora => SourceSettings::Esplora { url: url()?, certificate },
            Kind::MempoolSpace => SourceSettings::MempoolSpace { url: url()?, certificate },
            Kind::BlockDn => SourceSettings::BlockDn { url: url()?, certificate },
            Kind::Electrum => SourceSettings::Electrum {
                server: self.server.clone().context("server is missing: write HOST:PORT")?,
                tls: self.tls.unwrap_or(true),
                certificate,
            },
            Kind::ForkObserver => {
                let network = self.network.context("network is missing: the id of the network there")?;
                SourceSettings::ForkObserver { url: url()?, network, certificate }
            }
        })
    }
}

impl NetworkOptions {
    /// What can be checked before the nodes are known.
    fn check(&self) -> Result<()> {
        validate_name(&self.name)?;
        let slug = self.slug();
        let is_slug = |slug: &str| {
            (1..=60).contains(&slug.len()) && slug.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        ensure!(is_slug(slug), "slug = {slug:?}: write letters, digits, '-' and '_'");
        let most = self.max_interesting_heights.unwrap_or(MAX_INTERESTING_HEIGHTS);
        ensure!(
            (1..=MOST_INTERESTING_HEIGHTS).contains(&most),
            "max_interesting_heights = {most}: it must be from 1 to {MOST_INTERESTING_HEIGHTS}"
        );
        ensure!(self.miners || self.pools.is_none(), "pools means nothing without miners = true");
        ensure!(!self.nodes.is_empty(), "it has no nodes: add a section [[chain.networks.nodes]]");
        for node in &self.nodes {
            validate_name(&node.name).with_context(|| format!("node {}", node.id))?;
        }
        Ok(())
    }

    fn slug(&self) -> &str {
        self.slug.as_deref().unwrap_or(&self.name)
    }

    fn settings(&self, observed: &BTreeMap<String, Target>) -> Result<Network> {
        let nodes = self.nodes.iter().map(|node| {
            let source = node.source(observed).with_context(|| format!("node {}", node.name))?;
            Ok(NodeSettings {
                id: node.id,
                name: node.name.clone(),
                description: node.description.clone(),
                source,
                show_version: node.show_version,
                activity: node.activity,
                observed: node.observed.unwrap_or_else(|| observed.contains_key(&node.name)),
                interval: node.interval.map_or(INTERVAL, |interval| interval.0),
            })
        });
        Ok(Network {
            id: self.id,
            name: self.name.clone(),
            slug: self.slug().to_owned(),
            description: self.description.clone(),
            min_fork_height: self.min_fork_height,
            max_interesting_heights: self.max_interesting_heights.unwrap_or(MAX_INTERESTING_HEIGHTS),
            pools: self.miners.then(|| PoolSettings { file: self.pools.clone() }),
            countdown: self
                .countdown
                .as_ref()
                .map(|CountdownOptions { height, label }| Countdown { height: *height, label: label.clone() }),
            retention: self.retention.map_or(RETENTION, |retention| retention.0),
            nodes: nodes.collect::<Result<_>>()?,
        })
    }
}

impl ChainOptions {
    /// Files that are read while the tool runs.
    fn files(&self) -> Vec<PathBuf> {
        let nodes = self.networks.iter().flat_map(|network| &network.nodes);
        nodes.flat_map(|node| [&node.rpc_cookie_file, &node.certificate]).flatten().cloned().collect()
    }
}

impl Check<Box<dyn Tool>> for ChainOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        let max_clients = self.clients;
        check_clients("chain", max_clients)?;
        for network in &self.networks {
            network.check().with_context(|| format!("chain.networks, {}", network.name))?;
        }
        let named = |target: &Target| Some((target.name.clone()?, target.clone()));
        Ok(Box::new(Forks {
            listen: self.listen.0,
            serve: serve::Options {
                access: self.access()?,
                rss_base_url: self.rss_base_url.clone(),
                page: self.page.clone(),
                footer: self.footer.clone(),
                max_clients,
                ..serve::Options::default()
            },
            database: self.database.clone(),
            archive: self.archive.clone(),
            networks: self.networks.clone(),
            nodes: context.nodes.iter().filter_map(named).collect(),
            files: self.files(),
            keeps: true,
        }))
    }
}

struct Forks {
    listen: SocketAddr,
    serve: serve::Options,
    database: Option<PathBuf>,
    archive: Option<PathBuf>,
    networks: Vec<NetworkOptions>,
    /// The nodes that are configured, by their names.
    nodes: BTreeMap<String, Target>,
    files: Vec<PathBuf>,
    /// What is learned outlives the process.
    keeps: bool,
}

impl Forks {
    fn database(&self) -> Option<PathBuf> {
        self.database.clone().or_else(|| Some(state_directory()?.join(DATABASE))).filter(|_| self.keeps)
    }

    fn archives(&self) -> Option<PathBuf> {
        self.archive.clone().or_else(|| folder_of(&self.database()?))
    }

    /// The networks that are configured, or else one for each chain of the nodes that are observed.
    fn settings(&self, observed: BTreeMap<String, Target>) -> Result<Settings> {
        let observed = if observed.is_empty() { self.nodes.clone() } else { observed };
        if !self.networks.is_empty() {
            let settings = |network: &NetworkOptions| {
                network.settings(&observed).with_context(|| format!("chain.networks, {}", network.name))
            };
            return Ok(Settings { networks: self.networks.iter().map(settings).collect::<Result<_>>()? });
        }
        let found = if observed.is_empty() { node::discover_all().into_iter().collect() } else { observed };
        ensure!(
            !found.is_empty(),
            "there is no node to ask for its tips: name some in sections [[chain.networks.nodes]], or [[node]]"
        );
        let mut chains: BTreeMap<&str, Vec<(String, Target)>> = BTreeMap::new();
        for (name, target) in found {
            let chain = target.chain.or_else(|| target.locate().ok()?.chain);
            chains.entry(chain.map_or("bitcoin", network_name)).or_default().push((name, target));
        }
        let networks = chains.into_iter().zip(1..).map(|((name, nodes), id)| of_observed(id, name, nodes));
        Ok(Settings { networks: networks.collect() })
    }
}

/// What the network of a chain is called.
fn network_name(chain: node::Chain) -> &'static str {
    match chain.name() {
        "main" => "mainnet",
        "test" => "testnet3",
        other => other,
    }
}

/// A network of nodes that are observed.
fn of_observed(id: u32, name: &str, nodes: Vec<(String, Target)>) -> Network {
    let nodes = nodes.into_iter().zip(0..).map(|((name, target), id)| NodeSettings {
        id,
        name,
        description: String::new(),
        // Events say when its tip changes, so that no thread of its RPC server is held for that.
        source: SourceSettings::Core { target, rest: true, long_poll: false },
        show_version: false,
        activity: true,
        observed: true,
        interval: INTERVAL,
    });
    Network {
        id,
        name: name.to_owned(),
        slug: name.to_owned(),
        description: "the nodes that are observed".to_owned(),
        min_fork_height: 0,
        max_interesting_heights: MAX_INTERESTING_HEIGHTS,
        pools: Some(PoolSettings::default()),
        countdown: None,
        retention: RETENTION,
        nodes: nodes.collect(),
    }
}

impl Tool for Forks {
    /// What made-up nodes do concerns nobody, and is over when this program ends.
    fn for_own_nodes(&mut self) {
        self.keeps = false;
        self.networks.clear();
    }

    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn listens(&self) -> Option<SocketAddr> {
        Some(self.listen)
    }

    fn acts(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().cloned().chain(self.serve.access.files()).collect()
    }

    /// The database makes files beside itself; and there are archives of activity.
    fn folders(&self) -> Vec<PathBuf> {
        let folders = [self.database().as_deref().and_then(folder_of), self.archives()];
        folders.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        ensure!(!place.scene.is_recorded, "chain asks nodes for what is so now: it has no use for recorded events");
        let listener = place.listener.context("chain has no listener")?;
        let (database, archives) = (self.database(), self.archives().filter(|_| self.keeps));
        ensure!(
            database.is_some() || !self.keeps,
            "there is no place to keep activity: choose one with --chain-database"
        );
        if let Some(folder) = &archives {
            std::fs::create_dir_all(folder).with_context(|| {
                format!("cannot make {}: choose another folder with --chain-archive", folder.display())
            })?;
        }
        // What runs is not seen by a confined process.
        let bare = |(name, target): (String, Target)| {
            let is_placed = target.datadir.is_some() || target.rpc.is_some();
            (name, if is_placed { Target { binary: None, ..target } } else { target })
        };
        let settings = self.settings(place.scene.targets.into_iter().map(bare).collect())?;
        let chain = Chain::open(Options { settings, database, archives, serve: Some((listener, self.serve)) })?;
        let url = chain.url().unwrap_or_default();
        let service = Service::publishing(move |events, publishers, shutdown| async move {
            chain.run(events, move |node| publishers.publisher(node, ENTRY.name), shutdown).await;
            Ok(())
        });
        Ok(service.serving("chains", url))
    }
}
