//! The command that each tool has: it runs this tool only, with events from standard input, from NATS, or live.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use bus::Pace;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::check::{CheckArgs, run_or_check};
use crate::config::checked::Config;
use crate::config::raw::{Groups, RawConfig};
use crate::filter::FilterArgs;
use crate::input::{Form, Input};
use crate::logging::Color;
use crate::parts::Parts;
use crate::replay::Replay;
use crate::session::Session;
use crate::tool::ToolEntry;

const GROUPS: Groups = Groups { files: true, choice: true, node: true, extractors: true, own: false, tools: true };

#[derive(Args)]
struct InputArgs {
    /// Archives to read, or folders with them, or s3://BUCKET/PREFIX, in place of nodes
    #[arg(value_name = "FILE", conflicts_with_all = ["nats", "stdin"])]
    file: Vec<PathBuf>,
    /// How fast archives are read: original, 10x, or fast (as they are taken)
    #[arg(long, default_value = "fast", requires = "file", value_name = "PACE")]
    pace: Pace,
    /// Read events from standard input: JSON lines, or protobuf with lengths
    #[arg(long, conflicts_with = "nats")]
    stdin: bool,
    /// Form of the events on standard input
    #[arg(long, value_enum, default_value_t, requires = "stdin", value_name = "FORM")]
    input: Form,
}

pub fn command(parts: &Parts, entry: &ToolEntry) -> Command {
    let command = InputArgs::augment_args(Command::new(entry.name));
    let others = "Other tools to run in the same process, with the same events";
    let command = FilterArgs::augment_args(GROUPS.augment::<CheckArgs>(parts, command)).about(entry.about);
    command.mut_arg("tools", |arg| arg.help(others))
}

pub fn run(parts: &Parts, name: &str, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    run_or_check(matches, || {
        let raw = RawConfig::read(parts, GROUPS, None, matches, color)?;
        let Some(mut raw) = raw.print_if_asked()? else { return Ok(None) };
        raw.only_tool(name);
        session(name, raw.check()?, matches).map(Some)
    })
}

fn session(name: &str, config: Config, matches: &ArgMatches) -> Result<Session> {
    let args = InputArgs::from_arg_matches(matches)?;
    let (archive, alerts) = (config.archive(|tool| tool.is_given), config.alerts());
    let tools: Vec<_> = config.tools.into_iter().filter(|tool| tool.starts).collect();
    ensure!(tools.iter().any(|tool| tool.entry.name == name), "there is no tool {name:?}");
    let filter = FilterArgs::from_arg_matches(matches)?.filter();
    let input = match config.nats {
        _ if !args.file.is_empty() => {
            Input::Archives(Replay::new(config.s3.archives(&args.file)?, args.pace, filter.clone()))
        }
        _ if args.stdin => Input::Stdin(args.input),
        Some(options) => Input::Nats(options),
        None => Input::Nodes(config.sources.observation()?),
    };
    let tools = tools.into_iter().map(|tool| (tool.entry.name, tool.tool)).collect();
    Ok(Session { input, tools, forward: None, filter, archive, s3: config.s3, alerts, one_extractor: false })
}
