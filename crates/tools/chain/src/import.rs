//! fork-observer's `config.toml` as a section `[chain]` of ours: what is carried over, and what is not, with what to do about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use event::quote::Quoted;
use serde::Deserialize;
use toml::Value;

use crate::settings::MOST_INTERESTING_HEIGHTS;

/// Bytes of a configuration that is read at most.
pub const MAX_CONFIG: usize = 1_024 * 1_024;

/// The port of a node that has none in the configuration.
const RPC_PORT: u16 = 8332;

/// Ports at which electrum servers speak TLS.
const ELECTRUM_TLS: [u16; 4] = [443, 50002, 51002, 60002];

/// The longest name, in bytes.
const MAX_NAME: usize = 60;

/// What is shown in place of a secret.
const HIDDEN: &str = "...";

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no TOML, or a key has no value of its type.
    #[error("line {line}: {what}; this takes fork-observer's config.toml")]
    Toml {
        /// The line, from 1 on.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// It is too large.
    #[error("it has more than {} KiB, which is no configuration of fork-observer", MAX_CONFIG / 1_024)]
    Large,
}

/// A configuration of ours, made from one of fork-observer.
#[derive(Debug)]
pub struct Imported {
    /// With secrets.
    whole: Secret,
    /// With [`HIDDEN`] in their places.
    shown: String,
    has_secrets: bool,
    notes: Vec<String>,
}

/// A text that `Debug` does not show.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Imported {
    /// The configuration, with dots in place of passwords.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether there are passwords, which only [`Imported::write`] writes.
    pub fn has_secrets(&self) -> bool {
        self.has_secrets
    }

    /// What was not carried over as it was, each in one line with what to do about it.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes the configuration with its passwords to a new file, which only its owner can read.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(self.whole.0.as_bytes())
    }
}

#[derive(Deserialize)]
struct Config {
    address: Option<String>,
    database_path: Option<String>,
    www_path: Option<String>,
    query_interval: Option<u64>,
    rss_base_url: Option<String>,
    footer_html: Option<String>,
    activity: Option<Activity>,
    #[serde(default)]
    networks: Vec<Network>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Activity {
    database_path: Option<String>,
    archive_directory: Option<String>,
    retention_days: Option<u32>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Network {
    id: u32,
    name: String,
    description: Option<String>,
    slug: Option<String>,
    min_fork_height: Option<u32>,
    max_interesting_heights: Option<u64>,
    activity_retention_days: Option<u32>,
    pool_identification: Option<PoolIdentification>,
    countdown: Option<Countdown>,
    #[serde(default)]
    nodes: Vec<Node>,
    #[serde(default)]
    forkobservers: Vec<ForkObserver>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct PoolIdentification {
    enable: bool,
    network: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Countdown {
    height: u32,
    label: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Node {
    id: u32,
    name: String,
    description: Option<String>,
    rpc_host: Option<String>,
    rpc_port: Option<u16>,
    rpc_cookie_file: Option<String>,
    rpc_user: Option<String>,
    /// Of any type, so that no error shows it.
    rpc_password: Option<Value>,
    use_rest: Option<bool>,
    use_waitfornewblock: Option<bool>,
    implementation: Option<String>,
    activity_log: Option<bool>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct ForkObserver {
    name: String,
    description: Option<String>,
    url: String,
    network_id: u32,
    node_id_offset: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Reads fork-observer's configuration and makes one of ours from it.
///
/// # Errors
/// It cannot be read; the error names the line.
pub fn import_config(text: &str) -> Result<Imported, ImportError> {
    if text.len() > MAX_CONFIG {
        return Err(ImportError::Large);
    }
    let config: Config = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        ImportError::Toml { line: 1 + before.matches('\n').count(), what: one_line(error.message()) }
    })?;
    let mut importer = Importer::default();
    importer.config(&config);
    Ok(importer.finish())
}

#[derive(Default)]
struct Importer {
    whole: String,
    shown: String,
    has_secrets: bool,
    notes: Vec<String>,
    /// How often nodes are asked, in seconds.
    interval: Option<u64>,
    /// For how long activity is kept, in days, where a network says nothing else.
    retention: Option<u32>,
}

impl Importer {
    fn finish(self) -> Imported {
        let mut head =
            String::from("# Made from fork-observer's config.toml by `peer-observer chain import-config`.\n");
        if !self.notes.is_empty() {
            head += "# What was not carried over as it was:\n";
        }
        for note in &self.notes {
            // Writing to a string does not fail.
            let _ = writeln!(head, "# - {note}");
        }
        let Self { whole, shown, has_secrets, notes, .. } = self;
        let hidden = if has_secrets {
            "# Passwords are left out here: --to FILE writes them to a new file for its owner only.\n"
        } else {
            ""
        };
        Imported {
            whole: Secret(format!("{head}\n{whole}")),
            shown: format!("{head}{hidden}\n{shown}"),
            has_secrets,
            notes,
        }
    }

    fn line(&mut self, line: &str) {
        for text in [&mut self.whole, &mut self.shown] {
            text.push_str(line);
            text.push('\n');
        }
    }

    fn pair(&mut self, key: &str, value: impl Into<Value>) {
        self.line(&format!("{key} = {}", value.into()));
    }

    fn pair_if(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.pair(key, value);
        }
    }

    fn secret(&mut self, key: &str, value: String) {
        self.has_secrets = true;
        let line = |value: String| format!("{key} = {}\n", Value::String(value));
        self.whole += &line(value);
        self.shown += &line(HIDDEN.to_owned());
    }

    /// Says what was not carried over, and what to do about it.
    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Names keys that fork-observer's documentation does not have.
    fn rest(&mut self, at: &str, rest: &BTreeMap<String, Value>) {
        for key in rest.keys() {
            self.note(format!("{at}{} is not known: it was left out; docs/chain.md has all keys", one_line(key)));
        }
    }

    fn config(&mut self, config: &Config) {
        self.line("[chain]");
        self.pair_if("listen", config.address.clone());
        self.pair_if("rss_base_url", config.rss_base_url.clone());
        self.pair_if("footer", config.footer_html.clone());
        self.interval = config.query_interval;
        if config.database_path.is_some() {
            self.note("database_path: headers are asked for again, so nothing of that database is needed");
        }
        if config.www_path.is_some() {
            self.note("www_path: the pages are in the program: set page to the address of its page Chain, or serve your own pages by another server");
        }
        if let Some(activity) = &config.activity {
            self.activity(activity);
        }
        self.rest("", &config.rest);
        if config.networks.is_empty() {
            self.note("networks: there is none, so the nodes that `run` observes are the network");
        }
        let mut names = BTreeSet::new();
        for network in &config.networks {
            self.network(network, &mut names);
        }
        if config.networks.iter().any(|network| !network.nodes.is_empty()) {
            self.note("versions of nodes are not shown now, since a version can expose a honeypot: set show_version = true for nodes whose version may be seen");
        }
    }

    fn activity(&mut self, activity: &Activity) {
        self.retention = activity.retention_days;
        if let Some(path) = &activity.database_path {
            self.note(format!(
                "activity.database_path: activity begins anew; {} stays as it is and can be read with sqlite3",
                Quoted(path)
            ));
        }
        if let Some(path) = &activity.archive_directory {
            self.pair("archive", path.clone());
        }
        self.rest("activity.", &activity.rest);
    }

    fn network(&mut self, network: &Network, names: &mut BTreeSet<String>) {
        let at = format!("network {}: ", network.id);
        self.line("\n[[chain.networks]]");
        self.pair("id", i64::from(network.id));
        let name = self.name(&at, &network.name, names);
        self.pair("name", name);
        if let Some(given) = &network.slug {
            let slug = sanitized(given);
            if slug != *given {
                self.note(format!("{at}the slug {} is {slug} now: slugs have letters, digits, - and _", Quoted(given)));
            }
            self.pair("slug", slug);
        }
        self.pair_if("description", network.description.clone());
        self.pair_if("min_fork_height", network.min_fork_height.map(i64::from));
        if let Some(heights) = network.max_interesting_heights {
            let most = (heights as usize).clamp(1, MOST_INTERESTING_HEIGHTS);
            if most as u64 != heights {
                self.note(format!("{at}max_interesting_heights = {heights} is {most} now, the next that is possible"));
            }
            self.pair("max_interesting_heights", most as i64);
        }
        if let Some(days) = network.activity_retention_days.or(self.retention) {
            self.pair("retention", format!("{days}days"));
        }
        if let Some(pools) = &network.pool_identification {
            self.pools(&at, pools);
        }
        if let Some(Countdown { height, label, rest }) = &network.countdown {
            self.line(&format!("countdown = {{ height = {height}, label = {} }}", Value::String(label.clone())));
            self.rest(&format!("{at}countdown."), rest);
        }
        self.rest(&at, &network.rest);
        let mut names = BTreeSet::new();
        for node in &network.nodes {
            self.node(&at, node, &mut names);
        }
        if network.nodes.is_empty() && network.forkobservers.is_empty() {
            self.note(format!("{at}it has no nodes: add a section [[chain.networks.nodes]], or remove the network"));
        }
        for other in &network.forkobservers {
            self.other(&at, other, &mut names);
        }
    }

    fn pools(&mut self, at: &str, pools: &PoolIdentification) {
        self.rest(&format!("{at}pool_identification."), &pools.rest);
        if !pools.enable {
            return;
        }
        self.pair("miners", true);
        if pools.network.is_some() {
            self.note(format!("{at}pool_identification.network: not needed, pools are recognized on every network"));
        }
        self.note(format!("{at}pool_identification: no list of pools is in the program: set pools to a file of them, or only the text of the coinbase is shown"));
    }

    fn node(&mut self, at: &str, node: &Node, names: &mut BTreeSet<String>) {
        let at = format!("{at}node {}: ", node.id);
        self.line("\n[[chain.networks.nodes]]");
        self.pair("id", i64::from(node.id));
        let name = self.name(&at, &node.name, names);
        self.pair("name", name);
        self.pair_if("description", node.description.clone());
        let port = node.rpc_port;
        let host = self.without_login(&at, node.rpc_host.as_deref().unwrap_or("127.0.0.1"));
        let kind = node.implementation.as_deref().unwrap_or("core").to_ascii_lowercase();
        match kind.as_str() {
            "core" | "bitcoin core" | "bitcoincore" => self.core(node, &host, port),
            "btcd" => {
                self.pair("kind", "btcd");
                self.pair("url", url(&host, port.or(Some(8334)), "http"));
                self.pair_if("user", node.rpc_user.clone());
                self.password(&at, node);
                if node.rpc_user.is_none() || node.rpc_password.is_none() {
                    self.note(format!("{at}user and password are missing: write btcd's rpcuser and rpcpass"));
                }
                self.note(format!("{at}url: write https:// if btcd speaks TLS, and its rpc.cert as certificate"));
            }
            "esplora" | "mempoolspace" | "block-dn" => {
                let kind = if kind == "mempoolspace" { "mempool.space" } else { &kind };
                self.pair("kind", kind);
                self.pair("url", url(&host, port, "https"));
                self.unused(&at, node);
            }
            "electrum" => self.electrum(&at, node, &host, port),
            other => self.note(format!(
                "{at}implementation = {} is not known: write kind and the keys that belong to it, by docs/chain.md",
                Quoted(other)
            )),
        }
        self.pair("activity", node.activity_log.unwrap_or(false));
        self.interval();
        self.rest(&at, &node.rest);
    }

    fn core(&mut self, node: &Node, host: &str, port: Option<u16>) {
        let bare = host.strip_prefix("http://").unwrap_or(host).trim_end_matches('/');
        self.pair("kind", "core");
        self.pair("rpc", with_port(bare, port.unwrap_or(RPC_PORT)));
        self.pair_if("rpc_cookie_file", node.rpc_cookie_file.clone());
        self.pair_if("rpc_user", node.rpc_user.clone());
        self.password(&format!("node {}: ", node.id), node);
        self.pair("rest", node.use_rest.unwrap_or(true));
        self.pair("long_poll", node.use_waitfornewblock.unwrap_or(true));
    }

    fn electrum(&mut self, at: &str, node: &Node, host: &str, port: Option<u16>) {
        let (scheme, bare) = host.split_once("://").map_or((None, host), |(scheme, rest)| (Some(scheme), rest));
        let port = port.unwrap_or(50002);
        let tls = match scheme {
            Some("tcp") => false,
            Some(_) => true,
            None => ELECTRUM_TLS.contains(&port),
        };
        self.pair("kind", "electrum");
        self.pair("server", with_port(bare.trim_end_matches('/'), port));
        self.pair("tls", tls);
        if tls {
            self.note(format!("{at}the certificate of the server is checked now: if it signed its own, set certificate to a file of it (PEM)"));
        }
        self.unused(at, node);
    }

    /// Names what only nodes with an RPC server have.
    fn unused(&mut self, at: &str, node: &Node) {
        if node.rpc_user.is_some() || node.rpc_password.is_some() || node.rpc_cookie_file.is_some() {
            self.note(format!("{at}such a server wants no login: that of the file was left out"));
        }
    }

    /// A host or a URL without a login in it, which anybody would see.
    fn without_login(&mut self, at: &str, host: &str) -> String {
        let (scheme, rest) = host.split_once("://").map_or(("", host), |(scheme, rest)| (scheme, rest));
        let end = rest.find('/').unwrap_or(rest.len());
        let Some(place) = rest.get(..end).and_then(|authority| authority.rfind('@')) else { return host.to_owned() };
        self.note(format!("{at}the login in the URL was left out: write it by its own keys where there are any"));
        let bare = rest.get(place + 1..).unwrap_or_default();
        if scheme.is_empty() { bare.to_owned() } else { format!("{scheme}://{bare}") }
    }

    fn password(&mut self, at: &str, node: &Node) {
        let is_btcd = node.implementation.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("btcd"));
        let key = if is_btcd { "password" } else { "rpc_password" };
        match &node.rpc_password {
            Some(Value::String(password)) => self.secret(key, password.clone()),
            Some(Value::Integer(number)) => self.secret(key, number.to_string()),
            Some(_) => self.note(format!("{at}rpc_password is no text: write it as {key} = \"...\"")),
            None => {}
        }
    }

    fn other(&mut self, at: &str, other: &ForkObserver, names: &mut BTreeSet<String>) {
        let at = format!("{at}{}: ", Quoted(&other.name));
        self.line("\n[[chain.networks.nodes]]");
        self.pair("id", i64::from(other.node_id_offset));
        let name = self.name(&at, &other.name, names);
        self.pair("name", name);
        self.pair_if("description", other.description.clone());
        self.pair("kind", "fork-observer");
        let url = self.without_login(&at, &other.url);
        self.pair("url", url);
        self.pair("network", i64::from(other.network_id));
        self.pair("activity", false);
        self.interval();
        self.rest(&at, &other.rest);
    }

    fn interval(&mut self) {
        if let Some(seconds) = self.interval {
            self.pair("interval", format!("{}s", seconds.max(1)));
        }
    }

    /// A name as our events have it: letters, digits, `-` and `_`; another one than those before.
    fn name(&mut self, at: &str, given: &str, names: &mut BTreeSet<String>) -> String {
        let name = sanitized(given);
        let free = |name: &String| !names.contains(name);
        let numbered = (2..).map(|number: u32| format!("{name}-{number}"));
        let name = std::iter::once(name.clone()).chain(numbered).find(free).unwrap_or_default();
        if name != given {
            self.note(format!(
                "{at}the name {} is {name} now: names have letters, digits, - and _, and differ",
                Quoted(given)
            ));
        }
        names.insert(name.clone());
        name
    }
}

/// A text of letters, digits, `-` and `_`.
fn sanitized(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let all: String = text.chars().take(MAX_NAME).map(plain).collect();
    match all.trim_matches('-') {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// `host:port`, with brackets around an address of IPv6. A port that the host has stays.
fn with_port(host: &str, port: u16) -> String {
    let has_port = match host.rsplit_once(':') {
        Some((rest, digits)) => {
            (!rest.contains(':') || rest.ends_with(']'))
                && !digits.is_empty()
                && digits.bytes().all(|b| b.is_ascii_digit())
        }
        None => false,
    };
    match host {
        host if has_port => host.to_owned(),
        host if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        host => format!("{host}:{port}"),
    }
}

/// A URL of a host, which may be one already. A port is put after the host if there is none.
fn url(host: &str, port: Option<u16>, scheme: &str) -> String {
    let (scheme, rest) = host.split_once("://").unwrap_or((scheme, host));
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let authority = port.map_or_else(|| authority.to_owned(), |port| with_port(authority, port));
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{scheme}://{authority}{slash}{}", path.trim_end_matches('/'))
}

/// Text of the file in one line.
fn one_line(text: &str) -> String {
    event::quote::Plain(text).to_string()
}
