//! `run`: observes the node on this machine, or those that the configuration names.

use std::process::ExitCode;

use anyhow::Result;
use bus::WhenFull;
use event::Filter;
use tracing::error;

use crate::cli::{Color, RunArgs, Tool};
use crate::config::{Config, Told, overlay};
use crate::confine::{Connect, confine};
use crate::runtime::block_on;
use crate::supervisor::Supervisor;
use crate::tracepoints::{self, Following};

pub fn run(args: RunArgs, color: Color) -> Result<ExitCode> {
    let told = told(&args)?;
    if told.print_if_asked(&args.config)? {
        return Ok(ExitCode::SUCCESS);
    }
    live(told.check()?, &args, color)
}

/// Runs one tool: of events from NATS if a server is told, else of the nodes on this machine.
///
/// `begin` makes what must be there before anything is given up; `serve` hands it over.
pub fn only<T>(
    tool: Tool,
    args: &RunArgs,
    color: Color,
    begin: impl FnOnce(&mut Config) -> Result<T>,
    serve: impl FnOnce(&mut Supervisor, T, Filter),
) -> Result<ExitCode> {
    let told = told(args)?;
    if told.print_if_asked(&args.config)? {
        return Ok(ExitCode::SUCCESS);
    }
    let Some(options) = told.nats()? else {
        let mut config = told.check()?;
        config.tools = Some(vec![tool]);
        return live(config, args, color);
    };
    let begun = begin(&mut told.check_without_nodes()?)?;
    block_on(async {
        let mut supervisor = Supervisor::new()?;
        serve(&mut supervisor, begun, args.filter.filter());
        supervisor.read(&options).await?;
        Ok(supervisor.run().await.exit_code())
    })
}

/// The configuration files with all that was said on the command line.
pub fn told(args: &RunArgs) -> Result<Told> {
    let mut told = Told::read(&args.config, &args.node, &args.nats)?;
    told.override_ebpf(&args.ebpf);
    told.override_metrics(&args.metrics);
    told.override_web(&args.web);
    told.override_networks(&args.networks);
    overlay(&mut told.file.extract, &args.extract);
    overlay(&mut told.file.tools, &args.tools);
    Ok(told)
}

/// Observes the nodes of a configuration until a signal comes.
pub fn live(mut config: Config, args: &RunArgs, color: Color) -> Result<ExitCode> {
    config.require_nodes()?;
    let tools = tools(&config);
    let metrics = if tools.contains(&Tool::Metrics) {
        let mut server = config.metrics.clone().unwrap_or_default().begin(&config.networks)?;
        server.expect(config.nodes.iter().map(|node| node.name.clone()));
        Some(server)
    } else {
        None
    };
    let web = if tools.contains(&Tool::Web) {
        let mut server = config.web.clone().unwrap_or_default().begin(&config.networks)?;
        server.expect(config.nodes.iter().map(|node| node.name.clone()));
        Some(server)
    } else {
        None
    };
    let mut following = match tracepoints::begin(&mut config) {
        Ok(following) => following,
        Err(cause) if config.nodes.iter().all(|node| node.extract.is_empty()) => return Err(cause),
        Err(cause) => {
            error!("tracepoints are not followed: {cause:#}");
            None
        }
    };
    if let Some(following) = &mut following {
        confine(&mut config, following, &Connect::Anywhere)?;
    }
    block_on(observe(config, following, Tools { tools, metrics, web }, args, color))
}

/// The tools that were told, or that are usual; `metrics` and `web` also if anything is said of them.
fn tools(config: &Config) -> Vec<Tool> {
    if let Some(tools) = &config.tools {
        return tools.clone();
    }
    let watch = config.nats.is_none().then_some(Tool::Watch);
    let metrics = config.metrics.is_some().then_some(Tool::Metrics);
    let web = config.web.is_some().then_some(Tool::Web);
    watch.into_iter().chain(metrics).chain(web).collect()
}

/// The tools that run in this process.
struct Tools {
    tools: Vec<Tool>,
    metrics: Option<metrics::Server>,
    web: Option<web::Server>,
}

async fn observe(
    mut config: Config,
    following: Option<Following>,
    tools: Tools,
    args: &RunArgs,
    color: Color,
) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    if tools.tools.contains(&Tool::Watch) {
        supervisor.print(args.filter.filter(), args.output.output, color, WhenFull::DropNewest);
    }
    if let Some(server) = tools.metrics {
        supervisor.serve_metrics(server, args.filter.filter());
    }
    if let Some(server) = tools.web {
        supervisor.serve_web(server, args.filter.filter());
    }
    if let Some(nats) = config.nats.take() {
        supervisor.forward(nats);
    }
    supervisor.observe_all(config);
    if let Some(following) = following {
        supervisor.follow(following);
    }
    Ok(supervisor.run().await.exit_code())
}
