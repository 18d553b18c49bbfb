//! The configuration: files, then the environment, then options; checked once, here. Nothing deeper checks it again.

mod ebpf;
mod file;
mod listen;
mod metrics;
mod networks;
mod units;
mod web;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::nats;
use node::{Chain, Target};
use tracing::warn;

pub use self::web::WebConfig;
pub use ebpf::{CaptureLimit, ring_bytes};
pub use file::{FileConfig, NodeSection};
pub use metrics::{LabelKind, MetricsConfig};
pub use networks::{Networks, SetOption};

use self::web::WebSection;
use crate::cli::{
    ConfigArgs, EbpfArgs, Extractor, MetricsArgs, NatsArgs, NetworksArgs, NodeArgs, SubjectKind, Tool, WebArgs,
};
use crate::tracepoints;
use metrics::MetricsSection;

/// A configuration that can be worked with.
pub struct Config {
    /// The nodes and what runs for each. Each has a name of its own.
    pub nodes: Vec<ObservedNode>,
    /// The NATS server, if there is one.
    pub nats: Option<nats::Options>,
    /// Tools that run in this process; none said: None.
    pub tools: Option<Vec<Tool>>,
    /// How RPCs are polled.
    pub rpc: extractor_rpc::Options,
    /// Read debug.log from its start.
    pub log_from_start: bool,
    /// How tracepoints are followed.
    pub ebpf: extractor_ebpf::Options,
    /// How `metrics` serves its page; None if nothing is said of it.
    pub metrics: Option<MetricsConfig>,
    /// How `web` serves its pages; None if nothing is said of it.
    pub web: Option<WebConfig>,
    /// Whose addresses are.
    pub networks: Networks,
}

impl Config {
    /// # Errors
    /// There is no node.
    pub fn require_nodes(&self) -> Result<()> {
        if self.nodes.is_empty() {
            bail!(
                "found no Bitcoin node on this machine, neither running nor by its data directory: start it, \
                 or say where it is with --datadir, --conf or --rpc (peer-observer doctor tells more)"
            );
        }
        Ok(())
    }
}

/// A node and the extractors that run for it.
pub struct ObservedNode {
    pub name: String,
    pub target: Target,
    pub extract: Vec<Extractor>,
}

/// Extractors that run unless told otherwise. Log and tracepoints of a node on another machine are not here.
fn usual_extractors(target: &Target, ebpf: &extractor_ebpf::Options) -> Vec<Extractor> {
    let mut usual = vec![Extractor::Rpc];
    if !target.is_remote() || target.debug_log.is_some() {
        usual.push(Extractor::Log);
    }
    if !target.is_remote() {
        usual.push(Extractor::Process);
    }
    if !target.is_remote() && tracepoints::can_be_followed(target, &ebpf.tracepoints) {
        usual.push(Extractor::Ebpf);
    }
    usual
}

/// What was told, before it is checked.
pub struct Told {
    pub file: FileConfig,
}

impl Told {
    /// Reads the configuration files and lets options and environment override them.
    ///
    /// # Errors
    /// A file that cannot be read or understood; names file, line and key.
    pub fn read(config: &ConfigArgs, node: &NodeArgs, nats: &NatsArgs) -> Result<Self> {
        let mut file = read_files(&paths(config))?;
        override_node(&mut file, node)?;
        override_nats(&mut file, nats);
        Ok(Self { file })
    }

    /// Lets options of the tracepoint extractor override the files.
    pub fn override_ebpf(&mut self, args: &EbpfArgs) {
        let ebpf = &mut self.file.ebpf;
        let names = |list: &String| list.split(',').map(|name| name.trim().to_owned()).collect();
        overlay(&mut ebpf.tracepoints, &args.tracepoints.as_ref().map(names));
        overlay(&mut ebpf.ring_size, &args.ring_size);
        ebpf.limit(&args.capture);
    }

    /// Lets options of the tool `metrics` override the files.
    pub fn override_metrics(&mut self, args: &MetricsArgs) {
        if args.any() {
            self.file.metrics.get_or_insert_default().override_with(args);
        }
    }

    /// Lets options of the tool `web` override the files.
    pub fn override_web(&mut self, args: &WebArgs) {
        if args.any() {
            self.file.web.get_or_insert_default().override_with(args);
        }
    }

    /// Lets options about sets and autonomous systems override the files.
    pub fn override_networks(&mut self, args: &NetworksArgs) {
        self.file.networks.override_with(args);
    }

    /// Prints it as a configuration file, with secrets hidden, if that is asked for. Whether it was.
    pub fn print_if_asked(&self, args: &ConfigArgs) -> Result<bool> {
        if args.print_config {
            let mut shown = self.file.clone();
            if let Some(url) = &shown.bus.nats {
                shown.bus.nats = Some(nats::Options::new(url).shown_url());
            }
            print!("{}", toml::to_string(&shown)?);
        }
        Ok(args.print_config)
    }

    /// The NATS server, if there is one, for those who need nothing else.
    pub fn nats(&self) -> Result<Option<nats::Options>> {
        nats_options(&self.file)
    }

    /// The node's name in events from files: what was told, or else the name of this machine.
    pub fn name_for_files(&self) -> Result<String> {
        let told = self.file.node.first().and_then(|node| node.target.name.clone());
        let name = told.unwrap_or_else(default_name);
        node::validate_name(&name)?;
        Ok(name)
    }

    /// Checks everything and finds the nodes.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do about it.
    pub fn check(self) -> Result<Config> {
        let config = settings(&self.file)?;
        Ok(Config { nodes: nodes(self.file, &config.ebpf)?, ..config })
    }

    /// Checks everything but the nodes, which the caller knows.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub fn check_without_nodes(self) -> Result<Config> {
        settings(&self.file)
    }
}

/// All but the nodes.
fn settings(file: &FileConfig) -> Result<Config> {
    Ok(Config {
        nodes: Vec::new(),
        nats: nats_options(file)?,
        rpc: rpc_options(file)?,
        log_from_start: file.log.from_start.unwrap_or_default(),
        ebpf: file.ebpf.options()?,
        metrics: file.metrics.as_ref().map(MetricsSection::check).transpose()?,
        web: file.web.as_ref().map(WebSection::check).transpose()?,
        networks: file.networks.networks(),
        tools: file.tools.clone(),
    })
}

/// The system's file, then the user's; or the one that was asked for.
fn paths(config: &ConfigArgs) -> Vec<(PathBuf, bool)> {
    if let Some(path) = &config.config {
        return vec![(path.clone(), true)];
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let user = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
    let name = Path::new("peer-observer").join("peer-observer.toml");
    let user = user.map(|dir| dir.join(&name));
    [Some(Path::new("/etc").join(&name)), user].into_iter().flatten().map(|path| (path, false)).collect()
}

/// Reads files, later ones overriding earlier ones key by key. Those that need not exist may be absent.
fn read_files(paths: &[(PathBuf, bool)]) -> Result<FileConfig> {
    let mut merged = toml::Table::new();
    for (path, must_exist) in paths {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => continue,
            // As with HOME left over from another user: whether there is a file cannot be known.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !must_exist => {
                warn!("not looking for a configuration file at {}: {error}", path.display());
                continue;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read the configuration file {}", path.display()));
            }
        };
        let unusable = || format!("cannot use the configuration file {}", path.display());
        toml::from_str::<FileConfig>(&text).with_context(unusable)?;
        merge(&mut merged, toml::from_str(&text).with_context(unusable)?);
    }
    Ok(merged.try_into()?)
}

fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Options about a node mean the only one.
fn override_node(file: &mut FileConfig, args: &NodeArgs) -> Result<()> {
    let told = Target {
        name: args.name.clone(),
        chain: args.chain,
        datadir: args.datadir.clone(),
        conf: args.conf.clone(),
        rpc: args.rpc.clone(),
        rpc_user: args.rpc_user.clone(),
        rpc_password: args.rpc_password.clone(),
        rpc_cookie_file: args.rpc_cookie_file.clone(),
        debug_log: args.debug_log.clone(),
        p2p: args.p2p.clone(),
        ipc: args.ipc.clone(),
        pid: args.pid,
        binary: args.binary.as_deref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
        ..Target::default()
    };
    if told == Target::default() {
        return Ok(());
    }
    if file.node.len() > 1 {
        bail!(
            "options about a node (--name, --datadir, --rpc and so on) say nothing when the configuration has {} nodes: \
             set them there, under [[node]]",
            file.node.len()
        );
    }
    if file.node.is_empty() {
        file.node.push(NodeSection::default());
    }
    for NodeSection { target, .. } in &mut file.node {
        overlay(&mut target.name, &told.name);
        overlay(&mut target.chain, &told.chain);
        overlay(&mut target.datadir, &told.datadir);
        overlay(&mut target.conf, &told.conf);
        overlay(&mut target.rpc, &told.rpc);
        overlay(&mut target.rpc_user, &told.rpc_user);
        overlay(&mut target.rpc_password, &told.rpc_password);
        overlay(&mut target.rpc_cookie_file, &told.rpc_cookie_file);
        overlay(&mut target.debug_log, &told.debug_log);
        overlay(&mut target.p2p, &told.p2p);
        overlay(&mut target.ipc, &told.ipc);
        overlay(&mut target.pid, &told.pid);
        overlay(&mut target.binary, &told.binary);
    }
    Ok(())
}

fn override_nats(file: &mut FileConfig, args: &NatsArgs) {
    let bus = &mut file.bus;
    overlay(&mut bus.nats, &args.nats);
    overlay(&mut bus.nats_user, &args.nats_user);
    overlay(&mut bus.nats_password, &args.nats_password);
    overlay(&mut bus.nats_token, &args.nats_token);
    overlay(&mut bus.nats_credentials, &args.nats_credentials);
    overlay(&mut bus.nats_tls_ca, &args.nats_tls_ca);
    overlay(&mut bus.nats_tls_cert, &args.nats_tls_cert);
    overlay(&mut bus.nats_tls_key, &args.nats_tls_key);
    overlay(&mut bus.subjects, &args.subjects);
}

/// What is told replaces what was there.
pub fn overlay<T: Clone>(slot: &mut Option<T>, told: &Option<T>) {
    if told.is_some() {
        slot.clone_from(told);
    }
}

fn nats_options(file: &FileConfig) -> Result<Option<nats::Options>> {
    let bus = &file.bus;
    let Some(url) = &bus.nats else {
        return Ok(None);
    };
    let user = match (&bus.nats_user, &bus.nats_password) {
        (Some(user), Some(password)) => Some((user.clone(), password.expose().to_owned())),
        (None, None) => None,
        _ => bail!("nats_user and nats_password go together: give both or neither"),
    };
    let tls_certificate = match (&bus.nats_tls_cert, &bus.nats_tls_key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => bail!("nats_tls_cert and nats_tls_key go together: give both or neither"),
    };
    for path in [&bus.nats_tls_ca, &bus.nats_tls_cert, &bus.nats_tls_key].into_iter().flatten() {
        fs::metadata(path).with_context(|| format!("cannot use the certificate file {}", path.display()))?;
    }
    let buffer_bytes = match &bus.buffer {
        Some(text) => units::bytes(text).with_context(|| format!("bus.buffer = {text:?}"))?,
        None => nats::DEFAULT_BUFFER_BYTES,
    };
    Ok(Some(nats::Options {
        url: url.clone(),
        user,
        token: bus.nats_token.as_ref().map(|token| token.expose().to_owned()),
        credentials: bus.nats_credentials.clone(),
        tls_ca: bus.nats_tls_ca.clone(),
        tls_certificate,
        subjects: match bus.subjects.unwrap_or_default() {
            SubjectKind::PerNode => nats::Subjects::PerNode,
            SubjectKind::Flat => nats::Subjects::Flat,
        },
        buffer_bytes,
    }))
}

fn rpc_options(file: &FileConfig) -> Result<extractor_rpc::Options> {
    let mut options = extractor_rpc::Options::default();
    if let Some(text) = &file.rpc.timeout {
        options.timeout = units::duration(text).with_context(|| format!("rpc.timeout = {text:?}"))?;
    }
    for (method, text) in &file.rpc.interval {
        let told = || format!("rpc.interval.{method} = {text:?}");
        let interval = match text.as_str() {
            "off" => None,
            text => Some(units::duration(text).with_context(told)?),
        };
        options.set_interval(method, interval).with_context(told)?;
    }
    Ok(options)
}

/// The nodes that were told of, or else those on this machine.
fn nodes(file: FileConfig, ebpf: &extractor_ebpf::Options) -> Result<Vec<ObservedNode>> {
    let told = file.extract;
    let several = file.node.len() > 1;
    if file.node.is_empty() {
        let found = node::discover_all();
        let observed = |(name, target)| {
            let extract = told.clone().unwrap_or_else(|| usual_extractors(&target, ebpf));
            ObservedNode { name, target, extract }
        };
        return Ok(found.into_iter().map(observed).collect());
    }
    let running = node::discover_all();
    let mut names = BTreeSet::new();
    let mut nodes = Vec::new();
    for (index, section) in file.node.into_iter().enumerate() {
        let name = match section.target.name.clone() {
            Some(name) => name,
            None if several => {
                bail!("node {} in the configuration has no name: give each [[node]] its name", index + 1)
            }
            None => default_name(),
        };
        node::validate_name(&name)?;
        if !names.insert(name.clone()) {
            bail!("two nodes in the configuration have the name {name:?}: give each [[node]] a name of its own");
        }
        if let Some(chain) = other_chain(&section.target, &running) {
            warn!("node {name}: the node with this data directory is on {chain}: pass --chain {chain}");
        }
        let extract = section.extract.or_else(|| told.clone());
        let extract = extract.unwrap_or_else(|| usual_extractors(&section.target, ebpf));
        nodes.push(ObservedNode { name, target: section.target, extract });
    }
    Ok(nodes)
}

/// The chain of the node that runs with the target's data directory, if none runs there on the target's chain.
fn other_chain(target: &Target, running: &[(String, Target)]) -> Option<Chain> {
    let (told, datadir) = (target.chain?, target.datadir.as_ref()?.canonicalize().ok()?);
    let there =
        |other: &&Target| other.datadir.as_ref().and_then(|dir| dir.canonicalize().ok()).as_ref() == Some(&datadir);
    let chains: Vec<Chain> =
        running.iter().map(|(_, other)| other).filter(there).filter_map(|other| other.chain).collect();
    chains.first().filter(|_| !chains.contains(&told)).copied()
}

/// The name of this machine, as far as it can be one of a node.
fn default_name() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String =
        host.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(64).collect();
    if name.is_empty() { "node".to_owned() } else { name }
}

/// How long parts that end may take.
pub const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(8);
