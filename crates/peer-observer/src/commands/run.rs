//! `run`: observes the node on this machine, or those that the configuration names.

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::check::{CheckArgs, run_or_check};
use crate::config::checked::Config;
use crate::config::raw::{Groups, RawConfig};
use crate::filter::FilterArgs;
use crate::input::Input;
use crate::logging::Color;
use crate::parts::Parts;
use crate::session::Session;

pub const NAME: &str = "run";

const GROUPS: Groups = Groups { files: true, choice: true, node: true, extractors: true, own: false, tools: true };

pub fn command(parts: &Parts) -> Command {
    let about = "Observe the node on this machine, found by itself, or those in peer-observer.toml";
    FilterArgs::augment_args(GROUPS.augment::<CheckArgs>(parts, Command::new(NAME))).about(about)
}

pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    run_or_check(matches, || {
        let raw = RawConfig::read(parts, GROUPS, None, matches, color)?;
        let Some(raw) = raw.print_if_asked()? else { return Ok(None) };
        session(raw.check()?, FilterArgs::from_arg_matches(matches)?).map(Some)
    })
}

fn session(config: Config, filter: FilterArgs) -> Result<Session> {
    let tools = config.tools.into_iter().filter(|tool| tool.starts).map(|tool| (tool.entry.name, tool.tool));
    Ok(Session {
        input: Input::Nodes(config.sources.observation()?),
        tools: tools.collect(),
        forward: config.nats,
        filter: filter.filter(),
        one_extractor: false,
    })
}
