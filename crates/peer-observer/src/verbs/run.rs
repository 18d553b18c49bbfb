//! `run`: observes the node on this machine, or those that the configuration names.

use std::process::ExitCode;

use anyhow::{Result, bail};
use bus::WhenFull;
use node::{Chain, Target};
use tracing::{info, warn};

use crate::cli::{Color, RunArgs, Tool};
use crate::config::{Config, Told};
use crate::supervisor::Supervisor;

pub async fn run(args: RunArgs, color: Color) -> Result<ExitCode> {
    let mut told = Told::read(&args.config, &args.node, &args.nats)?;
    told.file.extract = args.extract.clone().or(told.file.extract.take());
    told.file.tools = args.tools.clone().or(told.file.tools.take());
    if args.config.print_config {
        print!("{}", told.print()?);
        return Ok(ExitCode::SUCCESS);
    }
    live(told.check()?, &args, color).await
}

/// Observes the nodes of a configuration until a signal comes.
pub async fn live(mut config: Config, args: &RunArgs, color: Color) -> Result<ExitCode> {
    if config.nodes.is_empty() {
        bail!(
            "found no Bitcoin node on this machine, neither running nor by its data directory: start it, \
             or say where it is with --datadir, --conf or --rpc (peer-observer doctor tells more)"
        );
    }
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
    let running = node::discover_all();
    for node in std::mem::take(&mut config.nodes) {
        info!("observing {} ({})", node.name, describe(&node.target));
        if let Some(chain) = other_chain(&node.target, &running) {
            warn!("node {}: the node with this data directory is on {chain}: pass --chain {chain}", node.name);
        }
        supervisor.observe(node, &config);
    }
    Ok(supervisor.run().await.exit_code())
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

fn describe(target: &Target) -> String {
    let chain = target.chain.map(|chain| format!("{chain} "));
    let place = match (&target.datadir, &target.rpc) {
        (Some(datadir), _) => format!("in {}", datadir.display()),
        (None, Some(rpc)) => format!("at {rpc}"),
        (None, None) => "wherever it is".to_owned(),
    };
    format!("{}{place}", chain.unwrap_or_default())
}
