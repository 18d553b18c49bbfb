//! `demo`: real regtest nodes with traffic, observed. Nothing to configure, nothing left behind.

mod banner;
mod live;
mod totals;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bus::WhenFull;
use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event::{Filter, Source};
use node::{Chain, Target};
use testbed::{Network, Plan, Traffic};
use top::State;
use tracing::{debug, info, warn};

use crate::config::checked::{CheckedTool, Config};
use crate::config::raw::{Groups, RawConfig};
use crate::doctor::{self, Advice};
use crate::extractor::{Extractor, Node};
use crate::extractors::p2p;
use crate::filter::FilterArgs;
use crate::kept;
use crate::logging::Color;
use crate::observation::{ObservedNode, Prepared, PreparedForAll};
use crate::parts::Parts;
use crate::runtime::block_on;
use crate::session::Begun;
use crate::supervisor::Supervisor;
use crate::tool::{Queue, Scene, Stdout};
use banner::Banner;

pub const NAME: &str = "demo";

/// Name of the tool that prints events.
const WATCH: &str = "watch";
/// Name of the extractor that follows tracepoints.
const EBPF: &str = "ebpf";
/// Name of the extractor that uses IPC.
const IPC: &str = "ipc";
/// A node's socket is in its folder, and its path may have 107 bytes: so many may be those of the folder of all.
const MAX_SOCKET_FOLDER: usize = 70;

/// The demo needs no configuration: only its own options count, no file.
const GROUPS: Groups = Groups { files: false, choice: false, node: false, extractors: true, own: false, tools: true };

#[derive(Args)]
struct DemoArgs {
    /// End after so many seconds, with a summary
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
    /// Number of nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=16), value_name = "NUMBER")]
    nodes: u8,
    /// Folder for the data of the nodes while the demo runs
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Tools to run [default: metrics,web]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    tools: Option<Vec<String>>,
    /// Print each event, in place of the summary
    #[arg(short, long)]
    verbose: bool,
}

impl DemoArgs {
    /// Whether a tool runs: one that is chosen, or that has an option of its own, or `watch` for who wants to see events.
    fn wants(&self, tool: &CheckedTool, is_filtered: bool) -> bool {
        let name = tool.entry.name;
        let is_chosen = self.tools.as_ref().map_or(tool.entry.demo, |chosen| chosen.iter().any(|one| one == name));
        is_chosen || tool.is_given || (name == WATCH && (self.verbose || is_filtered))
    }
}

pub fn command(parts: &Parts) -> Command {
    let command = FilterArgs::augment_args(GROUPS.augment::<DemoArgs>(parts, Command::new(NAME)));
    let tools = PossibleValuesParser::new(parts.tool_values());
    command.mut_arg("tools", |arg| arg.value_parser(tools)).about("Start regtest nodes with traffic and observe them")
}

pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    let args = DemoArgs::from_arg_matches(matches)?;
    let filter = FilterArgs::from_arg_matches(matches)?.filter();
    let mut config = RawConfig::read(parts, GROUPS, None, matches, color)?.check()?;
    let bitcoind = testbed::bitcoind()?;
    let prepared = prepare(std::mem::take(&mut config.sources.extractors), &bitcoind);
    // Privileges are not given up: it starts nodes.
    let out = Out { is_terminal: io::stdout().is_terminal(), color };
    block_on(2, observe(parts, args, filter, config, &bitcoind, prepared, out))
}

/// Standard output.
#[derive(Clone, Copy)]
struct Out {
    is_terminal: bool,
    color: Color,
}

/// Does what takes privileges for nodes that are still to be started.
fn prepare(extractors: Vec<(&'static str, Extractor)>, bitcoind: &Path) -> Prepared {
    // No process has this number, so that the program is all that is known.
    let target = Target { pid: Some(0), binary: Some(bitcoind.to_owned()), ..Target::default() };
    let to_come = Node { name: NAME.to_owned(), target };
    let mut prepared = Prepared::default();
    for (name, extractor) in extractors {
        match extractor {
            Extractor::PerNode(mut extractor) => {
                extractor.for_own_nodes();
                prepared.per_node.push((name, extractor));
            }
            Extractor::ForAll(extractor) => match extractor.attach(vec![to_come.clone()]) {
                Ok(mut attached) => {
                    attached.confine = None;
                    prepared.for_all.push(PreparedForAll { name, nodes: Vec::new(), attached });
                }
                Err(error) => warn!("the demo goes on without {name}: {error:#}"),
            },
        }
    }
    prepared
}

async fn observe(
    parts: &Parts,
    args: DemoArgs,
    filter: Filter,
    config: Config,
    bitcoind: &Path,
    mut prepared: Prepared,
    out: Out,
) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    let shutdown = supervisor.shutdown.clone();

    let folder = folder(args.dir.as_deref())?;
    info!("starting {} regtest nodes ({})", args.nodes, testbed::bitcoind_version(bitcoind)?.trim());
    let with_ipc = testbed::has_option(bitcoind, "-ipcbind") && folder.path().as_os_str().len() <= MAX_SOCKET_FOLDER;
    if !with_ipc {
        prepared.per_node.retain(|(name, _)| *name != IPC);
    }
    let starting = Network::start_with(args.nodes.into(), folder.path(), |node| {
        let node = node.announce_at_once_to(p2p::LISTEN.ip());
        if with_ipc { node.config("ipcbind=unix") } else { node }
    });
    let Some(network) = shutdown.run_until_cancelled(starting).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let network = network.context("the demo's nodes did not start")?;
    let names: Vec<String> = network.nodes().iter().map(|node| node.name().to_owned()).collect();

    let follows = prepared.for_all.iter().any(|extractor| extractor.name == EBPF);
    let targets = network.nodes().iter().map(|node| (node.name().to_owned(), target(node))).collect();
    let mut scene = Scene { nodes: names.clone(), targets, advice: advice(&network, follows), ..Scene::default() };
    let mut tools: Vec<_> = config.tools.into_iter().filter(|tool| args.wants(tool, !filter.is_empty())).collect();
    tools.iter_mut().for_each(|checked| checked.tool.for_own_nodes());
    scene.alerts = kept::open(tools.iter().map(|checked| &*checked.tool), None, &scene)?;
    let mut services = Vec::new();
    let mut stdout = Stdout::Unused;
    for checked in tools {
        if checked.tool.stdout() != Stdout::Unused {
            stdout = checked.tool.stdout();
        }
        let Begun { name, queue, serves, service } = Begun::anywhere(checked.entry.name, checked.tool, scene.clone())?;
        services.extend(service.serves.clone());
        // What serves pages shows everything; the filter is for what is printed.
        let filter = if serves { Filter::default() } else { filter.clone() };
        supervisor.run_tool(name, service, filter, queue, None);
    }
    let counting = bus::task::spawn(
        "totals",
        totals::count(supervisor.bus.subscribe("totals", Filter::default(), 1 << 16, WhenFull::Block)),
    );
    if let Some(nats) = config.nats {
        supervisor.forward(nats);
    }
    let extract: Vec<_> = prepared.per_node.iter().map(|(name, _)| *name).collect();
    let observed = |node: &testbed::Node| ObservedNode {
        name: node.name().to_owned(),
        target: target(node),
        extract: extract.clone(),
    };
    prepared.nodes = network.nodes().iter().map(|node| observed(node)).collect();
    for extractor in &mut prepared.for_all {
        let node = |node: &testbed::Node| Node { name: node.name().to_owned(), target: target(node) };
        extractor.nodes = network.nodes().iter().map(|started| node(started)).collect();
    }
    // What is observed of each node, and so must give events.
    let runs = extract.iter().copied().chain(prepared.for_all.iter().map(|extractor| extractor.name));
    let entry = |name: &str| parts.extractors.iter().find(|entry| entry.name == name);
    let sources: Vec<Source> = runs.filter_map(|name| entry(name)?.expected).collect();
    prepared.start(&mut supervisor);
    for node in network.nodes() {
        debug!("{}: RPC {}, P2P {}, log {}", node.name(), node.rpc_addr(), node.p2p_addr(), node.debug_log().display());
    }
    let banner = Banner { nodes: &names, services: &services, advice: &scene.advice, folder: folder.path() };
    match stdout {
        Stdout::Unused => say(io::stdout(), &banner),
        Stdout::Lines | Stdout::Owned => say(stderr(), &banner),
    }
    let live = (stdout == Stdout::Unused).then(|| -> Result<_> {
        let Queue { capacity, when_full } = Queue::SERVED;
        let events = supervisor.bus.subscribe("summary", Filter::default(), capacity, when_full);
        let advice = scene.advice.iter().map(|(node, check)| (node.clone(), check.lines())).collect();
        let options = top::Options { nodes: names.clone(), advice, ..top::Options::default() };
        let state = State::new(options).map_err(|cause| anyhow!(cause))?;
        let (shutdown, color) = (shutdown.clone(), out.color.decide(out.is_terminal));
        Ok(bus::task::spawn("summary", async move {
            let shown = live::show(events, state, out.is_terminal, color).await;
            // Nobody is there who could end the demo.
            shutdown.cancel();
            shown
        }))
    });
    let live = live.transpose()?;

    let Some(traffic) = shutdown.run_until_cancelled(Traffic::start(&network, Plan::default())).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let traffic = traffic.context("the demo's traffic did not start")?;
    if let Some(seconds) = args.duration {
        let shutdown = shutdown.clone();
        bus::task::spawn("end of the demo", async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            shutdown.cancel();
        });
    }
    let bus = supervisor.bus.clone();
    let outcome = supervisor.run("demo".to_owned()).await;
    traffic.stop().await;
    network.stop().await.context("a node of the demo had to be killed")?;

    if let Some(live) = live {
        live.await??;
    }
    let totals = counting.await??;
    let text = totals.text(&names, &bus);
    match stdout {
        Stdout::Unused | Stdout::Lines => say(io::stdout(), &text),
        Stdout::Owned => say(stderr(), &text),
    }
    let silent = totals.silent(&names, &sources);
    for (name, source) in &silent {
        tracing::error!("{name} gave no {} events", source.name());
    }
    Ok(if outcome.failed || !silent.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Prints a text. Whether anybody reads it is left to those who print all the time.
fn say(mut out: impl Write, text: &impl Display) {
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// A folder for the nodes that goes away with the demo.
fn folder(dir: Option<&Path>) -> Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("peer-observer-demo-");
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
            builder.tempdir_in(dir).with_context(|| format!("cannot use the folder {}", dir.display()))
        }
        None => builder.tempdir().context("cannot make a folder for the demo's nodes; name one with --dir"),
    }
}

fn target(node: &testbed::Node) -> Target {
    Target {
        name: Some(node.name().to_owned()),
        chain: Some(Chain::Regtest),
        datadir: Some(node.datadir().to_owned()),
        ..Target::default()
    }
}

/// Why tracepoints report nothing of the nodes; nothing if they are followed.
fn advice(network: &Network, follows: bool) -> Advice {
    if follows {
        return Advice::new();
    }
    let targets: Vec<(&str, Target)> = network.nodes().iter().map(|node| (node.name(), target(node))).collect();
    doctor::advice(targets.iter().map(|(name, target)| (*name, target, true)))
}
