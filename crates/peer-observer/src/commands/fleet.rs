//! `fleet`: the files of many hosts and their hub from one list, the streams between them, and whether everything arrives.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use fleet::{Advice, Changed, EXAMPLE, Place, Plan, Roll, Secrets, check, files, streams};
use tracing::warn;

use crate::doctor;
use crate::output::{Form, print};
use crate::parts::Parts;
use crate::runtime::block_on;
use crate::values::Span;

pub const NAME: &str = "fleet";

/// The longest time for which `check` may watch.
const MAX_WATCH: Duration = Duration::from_secs(3600);

#[derive(Args)]
struct InitArgs {
    /// The list, which must not be there yet
    #[arg(default_value = "fleet.toml", value_name = "FILE")]
    list: PathBuf,
}

#[derive(Args)]
struct WriteArgs {
    /// The list of hosts and nodes
    #[arg(default_value = "fleet.toml", value_name = "FILE")]
    list: PathBuf,
    /// The folder for a folder of each host, and for the keys, which stay here
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Give these hosts new keys and passwords
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    rotate: Vec<String>,
    /// Show what would change, and change nothing; exit code 1 if something would
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct StreamsArgs {
    /// What fleet write has made for the hub
    #[arg(default_value = "/etc/peer-observer/fleet.json", value_name = "FILE")]
    roll: PathBuf,
}

#[derive(Args)]
struct CheckArgs {
    /// What fleet write has made for the hub
    #[arg(default_value = "/etc/peer-observer/fleet.json", value_name = "FILE")]
    roll: PathBuf,
    /// Watch what arrives for so long; versions come every 10 s
    #[arg(long = "for", default_value = "12s", value_name = "DURATION")]
    span: Span,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
}

pub fn command() -> Command {
    let init = "Write a list of hosts and nodes to begin with";
    let write = "Write the files of each host and of the hub, and show what changed";
    let streams = "At the hub: make the streams on all hosts and on the hub by which nothing is lost";
    let check =
        "At the hub: check what arrives of each node, how late, and what is missing; exit code 1 if something is wrong";
    Command::new(NAME)
        .about("Observe nodes on many hosts at one hub: configuration from one list, and a check of what arrives")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(InitArgs::augment_args(Command::new("init")).about(init))
        .subcommand(WriteArgs::augment_args(Command::new("write")).about(write))
        .subcommand(StreamsArgs::augment_args(Command::new("streams")).about(streams))
        .subcommand(CheckArgs::augment_args(Command::new("check")).about(check))
}

pub fn run(parts: &Parts, matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("init", matches)) => init(InitArgs::from_arg_matches(matches)?),
        Some(("write", matches)) => write(parts, WriteArgs::from_arg_matches(matches)?),
        Some(("streams", matches)) => make_streams(StreamsArgs::from_arg_matches(matches)?),
        Some(("check", matches)) => watch(CheckArgs::from_arg_matches(matches)?),
        _ => bail!("there is no such command of fleet"),
    }
}

fn init(InitArgs { list }: InitArgs) -> Result<ExitCode> {
    let made = OpenOptions::new().write(true).create_new(true).open(&list);
    let mut file = made.with_context(|| format!("cannot make {}", list.display()))?;
    file.write_all(EXAMPLE.as_bytes()).with_context(|| format!("cannot write {}", list.display()))?;
    let list = list.display();
    print(&format!("{list}: list your hosts there, then\n    peer-observer fleet write {list} --to fleet\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn write(parts: &Parts, WriteArgs { list, to, rotate, dry_run }: WriteArgs) -> Result<ExitCode> {
    let extractors: Vec<&str> = parts.extractors.iter().map(|entry| entry.name).collect();
    let plan = Plan::read(&list, &extractors)?;
    let place = Place::new(&to);
    let secrets = Secrets::of(&plan, &place.secrets(), &rotate)?;
    let advice = Advice {
        rpcs: extractor_rpc::methods().map(|(method, _)| method.to_owned()).collect(),
        log: doctor::log_lines(),
    };
    let files = files(&plan, &secrets, &advice);
    let changes = place.changes(&files)?;
    let mut text = String::new();
    for change in &changes {
        let what = match change.change {
            Changed::New => "new",
            Changed::Changed => "changed",
            Changed::Removed => "removed",
        };
        text += &format!("{what}: {}\n", to.join(&change.path).display());
        text.extend(change.lines.iter().map(|line| format!("    {line}\n")));
    }
    if changes.is_empty() {
        text += "nothing changed\n";
    }
    if !dry_run {
        place.write(&files)?;
    }
    print(&text)?;
    Ok(ExitCode::from(u8::from(dry_run && !changes.is_empty())))
}

fn make_streams(StreamsArgs { roll }: StreamsArgs) -> Result<ExitCode> {
    let roll = Roll::read(&roll)?;
    let prepared = block_on(2, async { Ok(streams::prepare(&roll).await?) })?;
    let mut text: String = prepared.done.iter().map(|done| format!("{done}\n")).collect();
    if prepared.done.is_empty() && prepared.away.is_empty() {
        text += "all streams are as they should be\n";
    }
    print(&text)?;
    for host in &prepared.away {
        warn!("{host} is not connected: run this again when it is");
    }
    Ok(ExitCode::from(u8::from(!prepared.away.is_empty())))
}

fn watch(CheckArgs { roll, span, output }: CheckArgs) -> Result<ExitCode> {
    ensure!(span.0 <= MAX_WATCH, "--for {span} is too long: watch for an hour at most");
    let roll = Roll::read(&roll)?;
    let report = block_on(2, async { Ok(check::check(&roll, span.0).await?) })?;
    match output {
        Form::Text => print(&report.to_string())?,
        Form::Json => print(&(serde_json::to_string(&report)? + "\n"))?,
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}
