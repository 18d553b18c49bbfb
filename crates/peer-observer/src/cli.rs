//! The command line: what a person may type, as clap reads it. [`crate::config`] checks it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use event::filter::{AddrPattern, Kinds};
use event::{Direction, Filter};
use extractor_ebpf::Selection;
use node::{Chain, HostPort, Secret};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::config::{CaptureLimit, LabelKind, SetOption, ring_bytes};

/// Watches Bitcoin nodes for attacks and anomalies.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub logging: LoggingArgs,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Observe the node on this machine, found by itself, or those in peer-observer.toml
    Run(RunArgs),
    /// Print events: live, from NATS, or from standard input
    Watch(WatchArgs),
    /// Serve numbers for Prometheus: of events from NATS, or live
    Metrics(RunArgs),
    /// Show the node and its network in a browser: from NATS, or live
    Web(RunArgs),
    /// Run one extractor as its own process, which publishes to NATS
    Extract(ExtractArgs),
    /// Tell what can be observed here, what is missing, and the line that would enable it
    Doctor(DoctorArgs),
    /// Start regtest nodes with traffic and observe them
    Demo(DemoArgs),
}

#[derive(Args, Debug)]
pub struct LoggingArgs {
    /// What peer-observer says about itself on standard error: error, warn, info, debug, trace, or by module
    #[arg(long, global = true, env = "PEER_OBSERVER_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
    /// Colors
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether there are colors on an output.
    pub fn decide(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Extractors to run
    #[arg(long, value_enum, value_delimiter = ',', env = "PEER_OBSERVER_EXTRACT", value_name = "LIST")]
    pub extract: Option<Vec<Extractor>>,
    /// Tools to run; none but NATS if NATS is given
    #[arg(long, value_enum, value_delimiter = ',', env = "PEER_OBSERVER_TOOLS", value_name = "LIST")]
    pub tools: Option<Vec<Tool>>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub node: NodeArgs,
    #[command(flatten)]
    pub ebpf: EbpfArgs,
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub networks: NetworksArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
}

#[derive(Args, Debug)]
pub struct WatchArgs {
    /// Read events from standard input: JSON lines, or protobuf with lengths
    #[arg(long, conflicts_with = "nats")]
    pub stdin: bool,
    /// Form of the events on standard input
    #[arg(long, value_enum, default_value_t, requires = "stdin", value_name = "FORM")]
    pub input: InputForm,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Args, Debug)]
pub struct ExtractArgs {
    /// The extractor
    #[arg(value_enum)]
    pub extractor: Extractor,
    #[command(flatten)]
    pub config: ConfigArgs,
    /// ebpf: every process of the program given with --binary, or of the bitcoind that PATH leads to, is a node of its own
    #[arg(long, conflicts_with_all = ["name", "datadir", "conf", "pid"])]
    pub all: bool,
    /// log: read the file from its start, not only what is added to it
    #[arg(long)]
    pub from_start: bool,
    /// log: read these files (plain, .gz or .zst; "-" is standard input) to their end, and end
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with = "from_start")]
    pub once: Vec<PathBuf>,
    /// Print the events, in place of publishing them to NATS unless that is given too
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    #[command(flatten)]
    pub node: NodeArgs,
    #[command(flatten)]
    pub ebpf: EbpfArgs,
    #[command(flatten)]
    pub nats: NatsArgs,
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Form of the report
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ReportFormat,
    #[command(flatten)]
    pub node: NodeArgs,
    #[command(flatten)]
    pub nats: NatsArgs,
}

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// End after so many seconds, with a summary
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<u64>,
    /// Number of nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=8), value_name = "NUMBER")]
    pub nodes: u8,
    /// Folder for the data of the nodes while the demo runs
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub ebpf: EbpfArgs,
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub networks: NetworksArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
}

#[derive(Args, Debug, Default)]
pub struct ConfigArgs {
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the configuration that results from files, environment and options, and end
    #[arg(long)]
    pub print_config: bool,
}

/// Options about the observed node; what is not given is found out.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "The node")]
pub struct NodeArgs {
    /// Name of the node in events
    #[arg(long, env = "PEER_OBSERVER_NAME")]
    pub name: Option<String>,
    /// Its chain: main, test, testnet4, signet or regtest
    #[arg(long, env = "PEER_OBSERVER_CHAIN")]
    pub chain: Option<Chain>,
    /// Its data directory
    #[arg(long, env = "PEER_OBSERVER_DATADIR", value_name = "DIR")]
    pub datadir: Option<PathBuf>,
    /// Its configuration file
    #[arg(long, env = "PEER_OBSERVER_CONF", value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Its RPC server
    #[arg(long, env = "PEER_OBSERVER_RPC", value_name = "HOST[:PORT]")]
    pub rpc: Option<HostPort>,
    /// Name to log in with at the RPC server, where the cookie file does not serve
    #[arg(long, env = "PEER_OBSERVER_RPC_USER", value_name = "NAME")]
    pub rpc_user: Option<String>,
    /// Password to log in with at the RPC server (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_RPC_PASSWORD", value_parser = secret, value_name = "PASSWORD", hide_env_values = true)]
    pub rpc_password: Option<Secret>,
    /// Its cookie file
    #[arg(long, env = "PEER_OBSERVER_RPC_COOKIE_FILE", value_name = "FILE")]
    pub rpc_cookie_file: Option<PathBuf>,
    /// Its debug.log; a FIFO will do, "-" is standard input
    #[arg(long, env = "PEER_OBSERVER_DEBUG_LOG", value_name = "FILE")]
    pub debug_log: Option<PathBuf>,
    /// Where it accepts P2P connections
    #[arg(long, env = "PEER_OBSERVER_P2P", value_name = "HOST[:PORT]")]
    pub p2p: Option<HostPort>,
    /// Socket of its IPC interface
    #[arg(long, env = "PEER_OBSERVER_IPC", value_name = "FILE")]
    pub ipc: Option<PathBuf>,
    /// Its program file, where that is not seen by itself: to attach to its tracepoints before it runs
    #[arg(long, env = "PEER_OBSERVER_BINARY", value_name = "FILE")]
    pub binary: Option<PathBuf>,
    /// Its process id: this one run of it only
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// Options of the tracepoint extractor.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Tracepoints")]
pub struct EbpfArgs {
    /// Tracepoints and groups to follow, with a minus not to: net,mempool:added or all or -mempool
    #[arg(
        long,
        env = "PEER_OBSERVER_TRACEPOINTS",
        value_parser = selection,
        allow_hyphen_values = true,
        value_name = "LIST"
    )]
    pub tracepoints: Option<String>,
    /// How much is captured of P2P messages of a type, or of all: TYPE=BYTES, TYPE=full or TYPE=none [default: all=full,
    /// block=96,blocktxn=96]
    #[arg(long, env = "PEER_OBSERVER_CAPTURE", value_delimiter = ',', value_name = "TYPE=BYTES")]
    pub capture: Vec<CaptureLimit>,
    /// Memory for events on their way out of the kernel: a power of two from 4MiB to 1GiB [default: 32MiB]
    #[arg(long, env = "PEER_OBSERVER_RING_SIZE", value_parser = ring_size, value_name = "SIZE")]
    pub ring_size: Option<String>,
}

fn selection(text: &str) -> Result<String, extractor_ebpf::OptionError> {
    Selection::from_str(text).map(|_| text.to_owned())
}

fn ring_size(text: &str) -> Result<String, String> {
    ring_bytes(text).map(|_| text.to_owned()).map_err(|error| format!("{error:#}"))
}

/// Options of the tool `metrics`.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsArgs {
    /// Where numbers are served for Prometheus, at /metrics [default: 127.0.0.1:8282]
    #[arg(long, env = "PEER_OBSERVER_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<String>,
    /// When series carry a label with the name of their node
    #[arg(long, env = "PEER_OBSERVER_NODE_LABEL", value_enum, value_name = "WHEN")]
    pub node_label: Option<LabelKind>,
    /// Values that a label chosen by strangers has at the most; the rest is "other" [default: 100]
    #[arg(long, env = "PEER_OBSERVER_LABEL_VALUES", value_name = "NUMBER")]
    pub label_values: Option<usize>,
}

impl MetricsArgs {
    /// Whether anything is said.
    pub fn any(&self) -> bool {
        let Self { metrics_listen, node_label, label_values } = self;
        metrics_listen.is_some() || node_label.is_some() || label_values.is_some()
    }
}

/// Options of the tool `web`.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Web")]
pub struct WebArgs {
    /// Where pages are served [default: 127.0.0.1:8080]
    #[arg(long, env = "PEER_OBSERVER_WEB_LISTEN", value_name = "ADDRESS:PORT")]
    pub web_listen: Option<String>,
    /// Names under which the pages are reached, besides addresses and localhost
    #[arg(long, env = "PEER_OBSERVER_WEB_HOST", value_delimiter = ',', value_name = "NAME")]
    pub web_host: Vec<String>,
    /// What people log in with: TOKEN or USER:PASSWORD (better in the environment or in the configuration file)
    #[arg(long, visible_alias = "auth", env = "PEER_OBSERVER_WEB_AUTH", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    pub web_auth: Option<Secret>,
    /// Certificate (PEM), with those that lead to its authority
    #[arg(long, env = "PEER_OBSERVER_WEB_TLS_CERT", value_name = "FILE")]
    pub web_tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(long, env = "PEER_OBSERVER_WEB_TLS_KEY", value_name = "FILE")]
    pub web_tls_key: Option<PathBuf>,
    /// Path that the pages are under, where a proxy leaves it there: /observer
    #[arg(long, env = "PEER_OBSERVER_WEB_PREFIX", value_name = "PATH")]
    pub web_prefix: Option<String>,
    /// Folder with pages, in place of those in the program
    #[arg(long, env = "PEER_OBSERVER_WEB_PAGES", value_name = "DIR")]
    pub web_pages: Option<PathBuf>,
    /// Show the pages to strangers: without what would tell where the nodes are
    #[arg(long, env = "PEER_OBSERVER_PUBLIC")]
    pub public: bool,
    /// Key of the pseudonyms that strangers see in place of addresses; without it, they change with each start (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_KEY", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    pub public_key: Option<Secret>,
    /// Addresses of the nodes that strangers must not see, besides those that are found out
    #[arg(long, env = "PEER_OBSERVER_PUBLIC_OWN", value_delimiter = ',', value_name = "ADDRESS")]
    pub public_own: Vec<String>,
}

impl WebArgs {
    /// Whether anything is said.
    pub fn any(&self) -> bool {
        let Self {
            web_listen,
            web_host,
            web_auth,
            web_tls_cert,
            web_tls_key,
            web_prefix,
            web_pages,
            public,
            public_key,
            public_own,
        } = self;
        let texts = [web_listen, web_prefix].into_iter().any(Option::is_some);
        let files = [web_tls_cert, web_tls_key, web_pages].into_iter().any(Option::is_some);
        let secrets = [web_auth, public_key].into_iter().any(Option::is_some);
        let lists = !web_host.is_empty() || !public_own.is_empty();
        texts || files || secrets || lists || *public
    }
}

/// Options about whose addresses are.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Networks")]
pub struct NetworksArgs {
    /// Map of autonomous systems, in the binary form of bitcoind -asmap
    #[arg(long, env = "PEER_OBSERVER_ASMAP", value_name = "FILE")]
    pub asmap: Option<PathBuf>,
    /// Networks to watch under a name: a list, a ban list in TOML, Tor's exit list, or a folder of such
    #[arg(long, value_name = "NAME=FILE")]
    pub set: Vec<SetOption>,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "NATS")]
pub struct NatsArgs {
    /// NATS server: nats://host:port
    #[arg(long, env = "PEER_OBSERVER_NATS", value_name = "URL", hide_env_values = true)]
    pub nats: Option<String>,
    /// User name on the NATS server
    #[arg(long, env = "PEER_OBSERVER_NATS_USER", value_name = "NAME")]
    pub nats_user: Option<String>,
    /// Password on the NATS server (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_NATS_PASSWORD", value_parser = secret, value_name = "PASSWORD", hide_env_values = true)]
    pub nats_password: Option<Secret>,
    /// Token for the NATS server (better in the environment or in the configuration file)
    #[arg(long, env = "PEER_OBSERVER_NATS_TOKEN", value_parser = secret, value_name = "TOKEN", hide_env_values = true)]
    pub nats_token: Option<Secret>,
    /// Credentials file (.creds) for the NATS server
    #[arg(long, env = "PEER_OBSERVER_NATS_CREDENTIALS", value_name = "FILE")]
    pub nats_credentials: Option<PathBuf>,
    /// Certificate authority of the NATS server (PEM)
    #[arg(long, env = "PEER_OBSERVER_NATS_TLS_CA", value_name = "FILE")]
    pub nats_tls_ca: Option<PathBuf>,
    /// Our certificate for the NATS server (PEM)
    #[arg(long, env = "PEER_OBSERVER_NATS_TLS_CERT", value_name = "FILE")]
    pub nats_tls_cert: Option<PathBuf>,
    /// Key of our certificate (PEM)
    #[arg(long, env = "PEER_OBSERVER_NATS_TLS_KEY", value_name = "FILE")]
    pub nats_tls_key: Option<PathBuf>,
    /// Subjects to publish under: peer-observer.<node>.netmsg and so on, or netmsg and so on as other readers expect
    #[arg(long, env = "PEER_OBSERVER_SUBJECTS", value_enum, value_name = "KIND")]
    pub subjects: Option<SubjectKind>,
}

/// Which events are wanted. The same everywhere.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Filters (several values of one filter: any of them; several filters: all of them)")]
pub struct FilterArgs {
    /// Events of these nodes
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub node: Vec<String>,
    /// Events of these kinds, sources or subjects: message, rpc, netconn, update_tip, ...
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub kind: Vec<Kinds>,
    /// P2P messages of these types: inv, tx, addrv2, ...
    #[arg(long, value_delimiter = ',', value_name = "TYPE")]
    pub message: Vec<SmolStr>,
    /// Events about these peers, by the node's id
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    pub peer: Vec<u64>,
    /// Events about peers with these addresses: IP address, network (10.0.0.0/8), with port, or .onion or .b32.i2p name
    #[arg(long, value_delimiter = ',', value_name = "ADDR")]
    pub addr: Vec<AddrPattern>,
    /// P2P messages to the node (inbound) or from it (outbound)
    #[arg(long, value_name = "DIRECTION")]
    pub direction: Option<Direction>,
    /// Events from this time on: 2026-01-31T12:00:00Z, @1700000000, or 10m for ten minutes ago
    #[arg(long, value_parser = parse_when, value_name = "TIME")]
    pub since: Option<u64>,
    /// Events up to this time
    #[arg(long, value_parser = parse_when, value_name = "TIME")]
    pub until: Option<u64>,
}

fn parse_when(text: &str) -> Result<u64, String> {
    event::time::parse_when(text, event::time::now_ns())
}

impl FilterArgs {
    /// The filter that is meant.
    pub fn filter(&self) -> Filter {
        Filter {
            nodes: self.node.clone(),
            kinds: self.kind.clone(),
            messages: self.message.clone(),
            peers: self.peer.clone(),
            addrs: self.addr.clone(),
            direction: self.direction,
            since_ns: self.since,
            until_ns: self.until,
        }
    }
}

#[derive(Args, Debug, Default)]
pub struct OutputArgs {
    /// Form of printed events
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
    /// Protobuf, each event after its length
    Protobuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InputForm {
    #[default]
    Auto,
    Json,
    Protobuf,
}

/// An interface of the node that can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Extractor {
    /// Tracepoints: P2P messages, connections, mempool, blocks
    Ebpf,
    /// Polled RPCs
    Rpc,
    /// debug.log
    Log,
    /// The node's process: CPU time of its threads, memory, disk
    Process,
}

/// Something that uses events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// Prints them
    Watch,
    /// Serves numbers for Prometheus
    Metrics,
    /// Serves pages
    Web,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    #[default]
    PerNode,
    Flat,
}
