//! `run`: observes the node on this machine, or those that the configuration names.

use std::process::ExitCode;

use anyhow::Result;
use bus::WhenFull;
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

/// The configuration files with all that was said on the command line.
pub fn told(args: &RunArgs) -> Result<Told> {
    let mut told = Told::read(&args.config, &args.node, &args.nats)?;
    told.override_ebpf(&args.ebpf);
    overlay(&mut told.file.extract, &args.extract);
    overlay(&mut told.file.tools, &args.tools);
    Ok(told)
}

/// Observes the nodes of a configuration until a signal comes.
pub fn live(mut config: Config, args: &RunArgs, color: Color) -> Result<ExitCode> {
    config.require_nodes()?;
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
    block_on(observe(config, following, args, color))
}

async fn observe(mut config: Config, following: Option<Following>, args: &RunArgs, color: Color) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    let default_tools = if config.nats.is_some() { Vec::new() } else { vec![Tool::Watch] };
    for tool in config.tools.take().unwrap_or(default_tools) {
        match tool {
            Tool::Watch => {
                supervisor.print(args.filter.filter(), args.output.output, color, WhenFull::DropNewest);
            }
        }
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
