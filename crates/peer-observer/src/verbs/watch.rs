//! `watch`: prints events from NATS or standard input, or live from the node on this machine.

use std::process::ExitCode;

use anyhow::Result;
use bus::WhenFull;

use crate::cli::{Color, InputForm, Tool, WatchArgs};
use crate::runtime::block_on;
use crate::supervisor::Supervisor;
use crate::verbs;

pub fn run(args: WatchArgs, color: Color) -> Result<ExitCode> {
    if args.stdin {
        return block_on(from_stdin(&args, color));
    }
    let told = verbs::run::told(&args.run)?;
    if told.print_if_asked(&args.run.config)? {
        return Ok(ExitCode::SUCCESS);
    }
    let Some(options) = told.nats()? else {
        let mut config = told.check()?;
        config.tools = Some(vec![Tool::Watch]);
        return verbs::run::live(config, &args.run, color);
    };
    block_on(from_nats(&args, options, color))
}

async fn from_nats(args: &WatchArgs, options: bus::nats::Options, color: Color) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    supervisor.print(args.run.filter.filter(), args.run.output.output, color, WhenFull::DropNewest);
    supervisor.read(&options).await?;
    Ok(supervisor.run().await.exit_code())
}

async fn from_stdin(args: &WatchArgs, color: Color) -> Result<ExitCode> {
    let form = match args.input {
        InputForm::Auto => watch::Input::Auto,
        InputForm::Json => watch::Input::Json,
        InputForm::Protobuf => watch::Input::Protobuf,
    };
    let mut supervisor = Supervisor::new()?;
    // Standard input can wait: nothing is dropped.
    supervisor.print(args.run.filter.filter(), args.run.output.output, color, WhenFull::Block);
    let (bus, shutdown) = (supervisor.bus.clone(), supervisor.shutdown.clone());
    supervisor.spawn_extractor("standard input", async move {
        Ok(watch::read(std::io::stdin(), form, bus, shutdown).await?)
    });
    Ok(supervisor.run().await.exit_code())
}
