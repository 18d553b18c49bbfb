//! `demo`: real regtest nodes with traffic, observed. Nothing to configure, nothing left behind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::{Bus, Delivery, Subscription, WhenFull};
use event::{Filter, Kind, Source};
use extractor_ebpf::Tracer;
use node::{Chain, Target};
use testbed::{Network, Pace, Traffic};
use tracing::{info, warn};

use crate::cli::{Color, ConfigArgs, DemoArgs, Extractor, NodeArgs, OutputFormat};
use crate::config::{Config, ObservedNode, Told};
use crate::runtime::block_on;
use crate::supervisor::Supervisor;
use crate::tracepoints::{self, FollowedNode, Following, Whose};

pub fn run(args: DemoArgs, color: Color) -> Result<ExitCode> {
    // The demo asks for nothing: only its own options count, no configuration file.
    let nothing = ConfigArgs { config: Some(PathBuf::from("/dev/null")), print_config: false };
    let mut told = Told::read(&nothing, &NodeArgs::default(), &args.nats)?;
    told.override_ebpf(&args.ebpf);
    told.override_metrics(&args.metrics);
    told.override_web(&args.web);
    told.override_networks(&args.networks);
    let config = told.check_without_nodes()?;
    let bitcoind = testbed::bitcoind()?;
    let tracer = match tracepoints::begin_with(&bitcoind, &config.ebpf) {
        Ok(tracer) => Some(tracer),
        Err(cause) => {
            warn!("the demo goes on without tracepoints: {cause:#}");
            None
        }
    };
    // Its privileges are not given up: it starts nodes.
    block_on(observe(args, config, &bitcoind, tracer, color))
}

async fn observe(
    args: DemoArgs,
    mut config: Config,
    bitcoind: &Path,
    tracer: Option<Tracer>,
    color: Color,
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

    let mut names = Vec::new();
    let mut metrics = config.metrics.take().unwrap_or_default().begin_anywhere(&config.networks)?;
    metrics.expect(network.nodes().iter().map(|node| node.name().to_owned()));
    let page = metrics.address();
    supervisor.serve_metrics(metrics, Filter::default());
    let mut web = config.web.take().unwrap_or_default().begin_anywhere(&config.networks)?;
    web.expect(network.nodes().iter().map(|node| node.name().to_owned()));
    let pages = web.url();
    supervisor.serve_web(web, Filter::default());
    supervisor.print(args.filter.filter(), args.output.output, color, WhenFull::DropNewest);
    let counting =
        tokio::spawn(count(supervisor.bus.subscribe("summary", Filter::default(), 1 << 16, WhenFull::Block)));
    if let Some(nats) = config.nats.take() {
        supervisor.forward(nats);
    }
    // What is observed of each node, and so must give events.
    let mut sources = vec![Source::Rpc, Source::Log];
    for node in network.nodes() {
        names.push(node.name().to_owned());
        let extract = vec![Extractor::Rpc, Extractor::Log, Extractor::Process];
        supervisor.observe(ObservedNode { name: node.name().to_owned(), target: target(node), extract }, &config);
    }
    if let Some(tracer) = tracer {
        sources.push(Source::Ebpf);
        let followed = network.nodes().iter().map(|node| FollowedNode::new(node.name(), target(node)));
        supervisor.follow(Following { tracer, whose: Whose::These(followed.collect()) });
    }
    tell_where_to_look(&network, folder.path());
    info!("the nodes and their network, live: {pages}");
    info!("numbers for Prometheus: http://{page}/metrics");

    let Some(traffic) = shutdown.run_until_cancelled(Traffic::start(&network, Pace::default())).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let traffic = traffic.context("the demo's traffic did not start")?;
    if let Some(seconds) = args.duration {
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            shutdown.cancel();
        });
    }
    let bus = supervisor.bus.clone();
    let outcome = supervisor.run().await;
    traffic.stop().await;
    network.stop().await.context("a node of the demo had to be killed")?;

    let summary = counting.await?;
    let text = summary.text(&names, &bus);
    if args.output.output == OutputFormat::Text {
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

fn tell_where_to_look(network: &Network, folder: &Path) {
    for node in network.nodes() {
        info!("{}: RPC {}, P2P {}, log {}", node.name(), node.rpc_addr(), node.p2p_addr(), node.debug_log().display());
    }
    info!("the nodes live in {} until the demo ends", folder.display());
    info!("in another terminal: \"peer-observer doctor\" tells what could be observed of them besides");
    info!("                     \"peer-observer watch --kind peer_connected,update_tip\" shows less at once");
}

/// Numbers of events.
#[derive(Default)]
struct Summary {
    by_kind: BTreeMap<(String, Option<Source>, Kind), u64>,
    lost: u64,
}

async fn count(mut subscription: Subscription) -> Summary {
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
    summary
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
