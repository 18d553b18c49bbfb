//! `replay`: publishes what archives hold again, for tools of this process or on a NATS server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use bus::Pace;
use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::check::{CheckArgs, run_or_check};
use crate::config::checked::Config;
use crate::config::raw::{Groups, RawConfig};
use crate::filter::FilterArgs;
use crate::input::Input;
use crate::logging::Color;
use crate::parts::Parts;
use crate::replay::Replay;
use crate::session::Session;

pub const NAME: &str = "replay";

const GROUPS: Groups = Groups { files: true, choice: false, node: false, extractors: false, own: false, tools: true };

#[derive(Args)]
struct ReplayArgs {
    #[command(flatten)]
    check: CheckArgs,
    /// Archives, or folders with them, or s3://BUCKET/PREFIX; their events are merged by time
    #[arg(required = true, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// How fast: original, 10x, or fast (as it is taken)
    #[arg(long, default_value = "original", value_name = "PACE")]
    pace: Pace,
    /// Tools to run with the events
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    tools: Vec<String>,
}

pub fn command(parts: &Parts) -> Command {
    let command = FilterArgs::augment_args(GROUPS.augment::<ReplayArgs>(parts, Command::new(NAME)));
    let tools = PossibleValuesParser::new(parts.tool_values());
    let about = "Publish the events of archives again, for tools (--tools) or on a NATS server (--nats)";
    command.mut_arg("tools", |arg| arg.value_parser(tools)).about(about)
}

pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    run_or_check(matches, || {
        let raw = RawConfig::read(parts, GROUPS, None, matches, color)?;
        let Some(raw) = raw.print_if_asked()? else { return Ok(None) };
        session(raw.check()?, matches).map(Some)
    })
}

fn session(config: Config, matches: &ArgMatches) -> Result<Session> {
    let args = ReplayArgs::from_arg_matches(matches)?;
    let filter = FilterArgs::from_arg_matches(matches)?.filter();
    let chosen = config.tools.into_iter().filter(|tool| args.tools.iter().any(|name| name == tool.entry.name));
    let tools: Vec<_> = chosen.map(|tool| (tool.entry.name, tool.tool)).collect();
    if tools.is_empty() && config.nats.is_none() {
        bail!(
            "nobody would get the events: name tools with --tools, such as --tools web, or a NATS server with --nats"
        );
    }
    let replay = Replay::new(config.s3.archives(&args.file)?, args.pace, filter.clone());
    let (forward, s3) = (config.nats, config.s3);
    let input = Input::Archives(if forward.is_some() { replay.stating() } else { replay });
    Ok(Session { input, tools, forward, filter, archive: None, s3, alerts: None, one_extractor: false })
}
