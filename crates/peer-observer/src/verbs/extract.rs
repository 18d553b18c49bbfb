//! `extract`: one extractor as its own process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bus::{Publisher, WhenFull};
use event::Filter;

use crate::cli::{Color, ExtractArgs, Extractor, OutputFormat};
use crate::config::{Config, Told};
use crate::confine::{Connect, confine};
use crate::runtime::{block_on, block_on_threads};
use crate::supervisor::Supervisor;
use crate::tracepoints::{self, Following, Whose};

/// Where nats-server listens unless told otherwise.
const DEFAULT_NATS: &str = "nats://127.0.0.1:4222";

pub fn run(args: ExtractArgs, color: Color) -> Result<ExitCode> {
    let mut told = Told::read(&args.config, &args.node, &args.nats)?;
    told.override_ebpf(&args.ebpf);
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
    if args.extractor != Extractor::Ebpf && args.all {
        bail!("--all is for the ebpf extractor");
    }
    if !args.once.is_empty() {
        let (name, config) = (told.name_for_files()?, told.check_without_nodes()?);
        return block_on(files(args.once, name, config, args.output.map(|format| (format, color))));
    }
    let (mut config, mut following) = if args.all {
        let program = program_of_all(&told)?;
        let config = told.check_without_nodes()?;
        let tracer = tracepoints::begin_with(&program, &config.ebpf)?;
        (config, Some(Following { tracer, whose: Whose::All(program) }))
    } else {
        let mut config = told.check()?;
        config.require_nodes()?;
        let following = tracepoints::begin(&mut config)?;
        (config, following)
    };
    if let Some(following) = &mut following {
        let connect = Connect::to_nats(config.nats.as_ref());
        confine(&mut config, following, &connect)?;
    }
    block_on_threads(1, async move {
        let mut supervisor = begin(&mut config, args.output.map(|format| (format, color)))?;
        supervisor.observe_all(config);
        if let Some(following) = following {
            supervisor.follow(following);
        }
        Ok(supervisor.run().await.exit_code())
    })
}

/// Each process of this program is a node.
fn program_of_all(told: &Told) -> Result<PathBuf> {
    let binary = told.file.node.first().and_then(|node| node.target.binary.clone());
    binary
        .or_else(tracepoints::program_on_path)
        .context("--all: of which program? There is no bitcoind on PATH; name one with --binary")
}

/// What carries the events away.
fn begin(config: &mut Config, output: Option<(OutputFormat, Color)>) -> Result<Supervisor> {
    let mut supervisor = Supervisor::new()?;
    if let Some((format, color)) = output {
        supervisor.print(Filter::default(), format, color, WhenFull::Block);
    }
    if let Some(nats) = config.nats.take() {
        supervisor.forward(nats);
    }
    Ok(supervisor)
}

/// Reads whole files.
async fn files(
    files: Vec<PathBuf>,
    name: String,
    mut config: Config,
    output: Option<(OutputFormat, Color)>,
) -> Result<ExitCode> {
    let mut supervisor = begin(&mut config, output)?;
    let bus = supervisor.bus.clone();
    let publisher = move |_: &std::path::Path| Publisher::new(&bus, &name, "log");
    let part = extractor_log::read_files(files, publisher, supervisor.shutdown.clone());
    supervisor.spawn_extractor("log", async { Ok(part.await?) });
    Ok(supervisor.run().await.exit_code())
}
