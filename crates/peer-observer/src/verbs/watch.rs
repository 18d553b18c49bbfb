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
    let print = |supervisor: &mut Supervisor, (), filter| {
        supervisor.print(filter, args.run.output.output, color, WhenFull::DropNewest);
    };
    verbs::run::only(Tool::Watch, &args.run, color, |_| Ok(()), print)
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
