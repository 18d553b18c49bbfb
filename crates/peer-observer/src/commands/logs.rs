//! `logs keep` and `logs find`: the debug.log of nodes, kept and searched.

use std::collections::BTreeSet;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write, stdout};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event::Filter;
use event::filter::AddrPattern;
use event::quote::Plain;
use event::time::{now_ns, parse_when, rfc3339, rfc3339_micros};
use serde_json::json;
use store::logs::{Found, LogFile, Match, Query, files, search};
use tracing::{error, info, warn};

use crate::config::nodes::NodeOptions;
use crate::config::raw::{LogsConfig, read_logs};
use crate::config::s3::{S3Options, is_remote};
use crate::extractors::logs::{ENTRY, LogsOptions};
use crate::input::Input;
use crate::logging::Color;
use crate::observation::{Observation, ObservedNode};
use crate::options::{Check, Context};
use crate::output::Form;
use crate::parts::Parts;
use crate::session::Session;

pub const NAME: &str = "logs";

/// The configuration file.
#[derive(Args)]
struct At {
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Which lines are found.
#[derive(Args)]
struct FindArgs {
    /// Kept logs: files, folders with them, or s3://BUCKET/PREFIX [default: where [logs] keeps them]
    #[arg(value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Of these nodes
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    node: Vec<String>,
    /// From this time on: 2026-01-31T12:00:00Z, @1700000000, or 10m for ten minutes ago
    #[arg(long, visible_alias = "from", value_parser = time, value_name = "TIME")]
    since: Option<u64>,
    /// Up to this time
    #[arg(long, value_parser = time, value_name = "TIME")]
    until: Option<u64>,
    /// Lines with peer=ID, for one of these
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    peer: Vec<u64>,
    /// Lines with one of these addresses: IP address, network (10.0.0.0/8), with port, or .onion or .b32.i2p name
    #[arg(long, value_delimiter = ',', value_name = "ADDR")]
    addr: Vec<AddrPattern>,
    /// Lines with this text, as it is written; if it is given several times, with all of them
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// Only so many lines: the first ones
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// How lines are printed: as they are, or as a JSON object each
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
}

fn time(text: &str) -> Result<u64, String> {
    parse_when(text, now_ns())
}

/// The command.
pub fn command() -> Command {
    let keep = LogsOptions::augment_args_for_update(At::augment_args(Command::new("keep")));
    let keep = NodeOptions::augment_args_for_update(S3Options::augment_args_for_update(keep));
    let find = At::augment_args(FindArgs::augment_args(Command::new("find")));
    let find = S3Options::augment_args_for_update(find);
    let about = "Print the lines that kept logs have of a time, a peer, an address or a text (exit code 1 if none)";
    Command::new(NAME)
        .about("Keep the debug.log of nodes, and find lines in what was kept")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            keep.next_help_heading(None::<&str>)
                .about("Keep the debug.log of nodes in files of a day, until it is stopped"),
        )
        .subcommand(find.next_help_heading(None::<&str>).about(about))
}

/// Runs one of them.
///
/// # Errors
/// Logs cannot be kept, or not be read.
pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    let Some((name, matches)) = matches.subcommand() else { bail!("there is no such command") };
    let At { config } = At::from_arg_matches(matches)?;
    let config = read_logs(parts, config, matches)?;
    if name == "find" { find(FindArgs::from_arg_matches(matches)?, &config) } else { keep(config, color) }
}

fn keep(config: LogsConfig, color: Color) -> Result<ExitCode> {
    let LogsConfig { logs, s3, nodes } = config;
    ensure!(
        !nodes.is_empty(),
        "found no Bitcoin node: name some in the configuration, or pass --datadir or --debug-log"
    );
    let targets = nodes.iter().map(|node| node.target.clone()).collect();
    let context = Context { networks: networks::Files::default(), s3: s3.clone(), color, nodes: targets };
    let extractor = logs.check(&context)?;
    let observed =
        nodes.into_iter().map(|node| ObservedNode { name: node.name, target: node.target, extract: vec![ENTRY.name] });
    let observation = Observation { nodes: observed.collect(), extractors: vec![(ENTRY.name, extractor)] };
    info!("logs are kept in {}", logs.place().unwrap_or_default().display());
    let session = Session {
        input: Input::Nodes(observation),
        tools: Vec::new(),
        forward: None,
        filter: Filter::default(),
        archive: None,
        s3,
        alerts: None,
        one_extractor: true,
    };
    session.run()
}

fn find(args: FindArgs, config: &LogsConfig) -> Result<ExitCode> {
    let FindArgs { file, node, since, until, peer, addr, text, limit, output } = args;
    let usual = || config.logs.place().context("there is no place for logs: name files");
    let places = if file.is_empty() { vec![usual()?] } else { file };
    let mut files = Vec::new();
    for place in &places {
        files.extend(logs_at(place, &config.s3)?);
    }
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    ensure!(!files.is_empty(), "there is no kept log in {}: their names end in .log.zst", places.join(", "));
    let nodes: BTreeSet<&str> = files.iter().map(|file| file.node.as_str()).collect();
    if let Some(unknown) = node.iter().find(|name| !nodes.contains(name.as_str())) {
        bail!("no log of a node {unknown:?} is kept: there are those of {}", Vec::from_iter(nodes).join(", "));
    }
    let many = nodes.len() > 1 && node.len() != 1;
    let query = Query { nodes: node, since_ns: since, until_ns: until, peers: peer, addrs: addr, texts: text };
    let is_terminal = stdout().is_terminal();
    let mut printer =
        Printer { out: BufWriter::new(stdout().lock()), output, many, is_terminal, left: limit, failed: None };
    let found = search(&files, &query, &|| true, &mut |line| printer.print(line));
    if let Err(cause) = printer.out.flush() {
        printer.failed.get_or_insert(cause);
    }
    if let Some(cause) = printer.failed.filter(|cause| cause.kind() != ErrorKind::BrokenPipe) {
        return Err(cause).context("cannot write to standard output");
    }
    report(&found);
    Ok(match (found.damaged.is_empty(), found.lines) {
        (false, _) => ExitCode::from(2),
        (true, 0) => ExitCode::from(1),
        (true, _) => ExitCode::SUCCESS,
    })
}

/// The files that a place means.
fn logs_at(place: &Path, s3: &S3Options) -> Result<Vec<LogFile>> {
    if is_remote(place) {
        return s3.kept_logs(place);
    }
    if place.is_dir() {
        return Ok(files(place)?);
    }
    let name = place.file_name().and_then(|name| name.to_str()).and_then(LogFile::parse);
    let (node, begun_ms) =
        name.with_context(|| format!("{} is no kept log: their names end in .log.zst", place.display()))?;
    let bytes = place.metadata().with_context(|| format!("cannot read {}", place.display()))?.len();
    Ok(vec![LogFile { node, begun_ms, bytes, place: place.into() }])
}

/// What is not in the lines that were printed.
fn report(found: &Found) {
    for gap in &found.gaps {
        let since = if gap.since_ns == 0 { "the beginning".to_owned() } else { rfc3339(gap.since_ns) };
        warn!(
            "node {}: lines may be missing from {since} to {}: nobody kept the log then",
            gap.node,
            rfc3339(gap.until_ns)
        );
    }
    found.damaged.iter().for_each(|damage| error!("{damage}"));
    info!("{} lines found; {} of {} parts were read, {} bytes", found.lines, found.read, found.frames, found.bytes);
}

/// Prints lines.
struct Printer<W: Write> {
    out: W,
    output: Form,
    /// Lines of several nodes.
    many: bool,
    /// What is printed might act on it.
    is_terminal: bool,
    /// Lines that may still be printed.
    left: Option<u64>,
    failed: Option<std::io::Error>,
}

impl<W: Write> Printer<W> {
    fn print(&mut self, found: Match<'_>) -> ControlFlow<()> {
        match &mut self.left {
            Some(0) => return ControlFlow::Break(()),
            Some(left) => *left = left.saturating_sub(1),
            None => {}
        }
        match self.write(found) {
            Ok(()) if self.left == Some(0) => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
            Err(cause) => {
                self.failed = Some(cause);
                ControlFlow::Break(())
            }
        }
    }

    fn write(&mut self, Match { node, time_ns, line }: Match<'_>) -> std::io::Result<()> {
        let text = || String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        if self.output == Form::Json {
            let time = (time_ns > 0).then(|| rfc3339_micros(time_ns));
            return writeln!(self.out, "{}", json!({ "node": node, "time": time, "line": text() }));
        }
        if self.many {
            write!(self.out, "{node} ")?;
        }
        if self.is_terminal { writeln!(self.out, "{}", Plain(&text())) } else { self.out.write_all(line) }
    }
}
