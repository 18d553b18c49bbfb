//! The command that each tool has: it runs this tool only, with events from standard input, from NATS, or live.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::check::{CheckArgs, run_or_check};
use crate::config::checked::Config;
use crate::config::raw::{Groups, RawConfig};
use crate::filter::FilterArgs;
use crate::input::{Form, Input};
use crate::logging::Color;
use crate::parts::Parts;
use crate::session::Session;
use crate::tool::ToolEntry;

const GROUPS: Groups = Groups { files: true, choice: true, node: true, extractors: true, own: false, tools: true };

#[derive(Args)]
struct InputArgs {
    /// Read events from standard input: JSON lines, or protobuf with lengths
    #[arg(long, conflicts_with = "nats")]
    stdin: bool,
    /// Form of the events on standard input
    #[arg(long, value_enum, default_value_t, requires = "stdin", value_name = "FORM")]
    input: Form,
}

pub fn command(parts: &Parts, entry: &ToolEntry) -> Command {
    let command = InputArgs::augment_args(Command::new(entry.name));
    FilterArgs::augment_args(GROUPS.augment::<CheckArgs>(parts, command)).about(entry.about)
}

pub fn run(parts: &Parts, name: &str, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    run_or_check(matches, || {
        let raw = RawConfig::read(parts, GROUPS, None, matches, color)?;
        let Some(raw) = raw.print_if_asked()? else { return Ok(None) };
        session(name, raw.check()?, matches).map(Some)
    })
}

fn session(name: &str, config: Config, matches: &ArgMatches) -> Result<Session> {
    let args = InputArgs::from_arg_matches(matches)?;
    let tool = config.tools.into_iter().find(|tool| tool.entry.name == name);
    let tool = tool.with_context(|| format!("there is no tool {name:?}"))?;
    let input = match config.nats {
        _ if args.stdin => Input::Stdin(args.input),
        Some(options) => Input::Nats(options),
        None => Input::Nodes(config.sources.observation()?),
    };
    Ok(Session {
        input,
        tools: vec![(tool.entry.name, tool.tool)],
        forward: None,
        filter: FilterArgs::from_arg_matches(matches)?.filter(),
        one_extractor: false,
    })
}
