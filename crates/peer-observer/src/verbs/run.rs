//! `run`: observes the node on this machine, or those that the configuration names.

use std::process::ExitCode;

use anyhow::Result;
use bus::WhenFull;

use crate::cli::{Color, RunArgs, Tool};
use crate::config::{Config, Told, overlay};
use crate::supervisor::Supervisor;

pub async fn run(args: RunArgs, color: Color) -> Result<ExitCode> {
    let told = told(&args)?;
    if told.print_if_asked(&args.config)? {
        return Ok(ExitCode::SUCCESS);
    }
    live(told.check()?, &args, color).await
}

/// The configuration files with all that was said on the command line.
pub fn told(args: &RunArgs) -> Result<Told> {
    let mut told = Told::read(&args.config, &args.node, &args.nats)?;
    overlay(&mut told.file.extract, &args.extract);
    overlay(&mut told.file.tools, &args.tools);
    Ok(told)
}

/// Observes the nodes of a configuration until a signal comes.
pub async fn live(mut config: Config, args: &RunArgs, color: Color) -> Result<ExitCode> {
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
    supervisor.observe_all(config)?;
    Ok(supervisor.run().await.exit_code())
}
