//! `extract`: one extractor as its own process.

use std::process::ExitCode;

use anyhow::{Result, bail};
use bus::{Publisher, WhenFull};
use event::Filter;

use crate::cli::{Color, ExtractArgs, Extractor};
use crate::config::Told;
use crate::supervisor::Supervisor;

/// Where nats-server listens unless told otherwise.
const DEFAULT_NATS: &str = "nats://127.0.0.1:4222";

pub async fn run(args: ExtractArgs, color: Color) -> Result<ExitCode> {
    let mut told = Told::read(&args.config, &args.node, &args.nats)?;
    if args.output.is_none() && told.file.bus.nats.is_none() {
        told.file.bus.nats = Some(DEFAULT_NATS.to_owned());
    }
    if args.from_start {
        told.file.log.from_start = Some(true);
    }
    told.file.extract = Some(vec![args.extractor]);
    for node in &mut told.file.node {
        node.extract = None;
    }
    if told.print_if_asked(&args.config)? {
        return Ok(ExitCode::SUCCESS);
    }
    if args.extractor != Extractor::Log && (args.from_start || !args.once.is_empty()) {
        bail!("--from-start and --once are for the log extractor");
    }
    let mut supervisor = Supervisor::new()?;
    if let Some(format) = args.output {
        supervisor.print(Filter::default(), format, color, WhenFull::Block);
    }
    if let Some(nats) = told.nats()? {
        supervisor.forward(nats);
    }
    if args.once.is_empty() {
        supervisor.observe_all(told.check()?)?;
    } else {
        let name = told.name_for_files()?;
        let bus = supervisor.bus.clone();
        let publisher = move |_: &std::path::Path| Publisher::new(&bus, &name, "log");
        let part = extractor_log::read_files(args.once, publisher, supervisor.shutdown.clone());
        supervisor.spawn_extractor("log", async { Ok(part.await?) });
    }
    Ok(supervisor.run().await.exit_code())
}
