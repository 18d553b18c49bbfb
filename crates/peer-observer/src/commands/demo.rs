//! `demo`: real regtest nodes with traffic, observed. Nothing to configure, nothing left behind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::{Bus, Delivery, Subscription, WhenFull};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event::{Filter, Kind, Source};
use node::{Chain, Target};
use testbed::{Network, Plan, Traffic};
use tracing::{info, warn};

use crate::config::checked::Config;
use crate::config::raw::{Groups, RawConfig};
use crate::extractor::{Extractor, Node};
use crate::filter::FilterArgs;
use crate::logging::Color;
use crate::observation::{ObservedNode, Prepared, PreparedForAll};
use crate::parts::Parts;
use crate::runtime::block_on;
use crate::session::Begun;
use crate::supervisor::Supervisor;

pub const NAME: &str = "demo";

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
}

pub fn command(parts: &Parts) -> Command {
    let command = FilterArgs::augment_args(GROUPS.augment::<DemoArgs>(parts, Command::new(NAME)));
    command.about("Start regtest nodes with traffic and observe them")
}

pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    let args = DemoArgs::from_arg_matches(matches)?;
    let filter = FilterArgs::from_arg_matches(matches)?.filter();
    let mut config = RawConfig::read(parts, GROUPS, None, matches, color)?.check()?;
    let bitcoind = testbed::bitcoind()?;
    let prepared = prepare(std::mem::take(&mut config.sources.extractors), &bitcoind);
    // Privileges are not given up: it starts nodes.
    block_on(2, observe(parts, args, filter, config, &bitcoind, prepared))
}

/// Does what takes privileges for nodes that are still to be started.
fn prepare(extractors: Vec<(&'static str, Extractor)>, bitcoind: &Path) -> Prepared {
    // No process has this number, so that the program is all that is known.
    let target = Target { pid: Some(0), binary: Some(bitcoind.to_owned()), ..Target::default() };
    let to_come = Node { name: NAME.to_owned(), target };
    let mut prepared = Prepared::default();
    for (name, extractor) in extractors {
        match extractor {
            Extractor::PerNode(extractor) => prepared.per_node.push((name, extractor)),
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
) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    let shutdown = supervisor.shutdown.clone();

    let folder = folder(args.dir.as_deref())?;
    info!("starting {} regtest nodes ({})", args.nodes, testbed::bitcoind_version(bitcoind)?.trim());
    let starting = Network::start(args.nodes.into(), folder.path());
    let Some(network) = shutdown.run_until_cancelled(starting).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let network = network.context("the demo's nodes did not start")?;
    let names: Vec<String> = network.nodes().iter().map(|node| node.name().to_owned()).collect();

    let mut services = Vec::new();
    let mut stdout_is_free = true;
    for checked in config.tools.into_iter().filter(|tool| tool.entry.demo) {
        stdout_is_free &= !checked.tool.owns_stdout();
        let Begun { name, queue, serves, service } = Begun::anywhere(checked.entry.name, checked.tool, names.clone())?;
        services.extend(service.serves.clone());
        // What serves pages shows everything; the filter is for what is printed.
        let filter = if serves { Filter::default() } else { filter.clone() };
        supervisor.run_tool(name, service, filter, queue);
    }
    let counting = bus::task::spawn(
        "summary",
        count(supervisor.bus.subscribe("summary", Filter::default(), 1 << 16, WhenFull::Block)),
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
    log_where_to_look(&network, folder.path());
    services.iter().for_each(|serves| info!("{serves}"));

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
    let outcome = supervisor.run().await;
    traffic.stop().await;
    network.stop().await.context("a node of the demo had to be killed")?;

    let summary = counting.await??;
    let text = summary.text(&names, &bus);
    if stdout_is_free {
        print!("{text}");
    } else {
        eprint!("{text}");
    }
    let silent = summary.silent(&names, &sources);
    for (name, source) in &silent {
        tracing::error!("{name} gave no {} events", source.name());
    }
    Ok(if outcome.failed || !silent.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
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

fn log_where_to_look(network: &Network, folder: &Path) {
    for node in network.nodes() {
        info!("{}: RPC {}, P2P {}, log {}", node.name(), node.rpc_addr(), node.p2p_addr(), node.debug_log().display());
    }
    info!("the nodes live in {} until the demo ends", folder.display());
    info!("in another terminal: \"peer-observer doctor\" reports what else could be observed of them");
    info!("                     \"peer-observer watch --kind peer_connected,update_tip\" shows less");
}

/// Numbers of events.
#[derive(Default)]
struct Summary {
    by_kind: BTreeMap<(String, Option<Source>, Kind), u64>,
    lost: u64,
}

async fn count(mut subscription: Subscription) -> Result<Summary> {
    let mut summary = Summary::default();
    while let Some(item) = subscription.next().await {
        match item {
            Delivery::Event(record) => {
                let envelope = record.envelope();
                let key = (envelope.node.to_string(), envelope.kind.source(), envelope.kind);
                *summary.by_kind.entry(key).or_default() += 1;
            }
            Delivery::Lost(loss) => summary.lost += loss.missing,
        }
    }
    Ok(summary)
}

impl Summary {
    /// Nodes and sources of which no event came.
    fn silent(&self, names: &[String], sources: &[Source]) -> Vec<(String, Source)> {
        let gave = |name: &str, source| self.by_kind.keys().any(|(node, of, _)| node == name && *of == Some(source));
        let all = names.iter().flat_map(|name| sources.iter().map(move |source| (name.clone(), *source)));
        all.filter(|(name, source)| !gave(name, *source)).collect()
    }

    fn text(&self, names: &[String], bus: &Bus) -> String {
        let count = |name: &str, kind| {
            self.by_kind.iter().filter(|((node, _, of), _)| node == name && *of == kind).map(|(_, count)| count).sum()
        };
        let mut text = String::from("\nEvents by node, source and kind\n");
        let mut kinds: Vec<(Option<Source>, Kind)> =
            self.by_kind.keys().map(|(_, source, kind)| (*source, *kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut row = |source: &str, kind: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!(" {cell:>10}")).collect();
            let _ = writeln!(text, "  {source:<9} {kind:<28}{cells}");
        };
        row("source", "kind", names.to_vec());
        for (source, kind) in kinds {
            let counts: Vec<u64> = names.iter().map(|name| count(name, kind)).collect();
            let cells = counts.iter().map(u64::to_string).collect();
            row(source.map_or("?", Source::name), kind.name(), cells);
        }
        let total: u64 = self.by_kind.values().sum();
        let lost = self.lost + bus.accounts().dropped_total();
        let _ = writeln!(text, "total: {total}\nlost: {lost}");
        text
    }
}
