//! `run`: observes the node on this machine, or those that the configuration names. Or it shows what was recorded.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use bus::Pace;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::check::{CheckArgs, run_or_check};
use crate::config::checked::{CheckedTool, Config};
use crate::config::raw::{Groups, RawConfig};
use crate::filter::FilterArgs;
use crate::input::Input;
use crate::logging::Color;
use crate::options;
use crate::parts::Parts;
use crate::replay::Replay;
use crate::session::Session;

pub const NAME: &str = "run";

const GROUPS: Groups = Groups { files: true, choice: true, node: true, extractors: true, own: false, tools: true };

/// What shows the past, if nothing else is chosen.
const SHOW: [&str; 2] = ["web", "metrics"];

#[derive(Args)]
struct RunArgs {
    #[command(flatten)]
    check: CheckArgs,
    /// Show the past: archives, or folders with them, in place of nodes. Tools: web and metrics, or those of --tools
    #[arg(long, num_args = 1.., value_name = "FILE")]
    replay: Vec<PathBuf>,
    /// How fast the past goes by, until it is changed on the pages: original, 10x, or fast (as it is taken)
    #[arg(long, default_value = "original", requires = "replay", value_name = "PACE")]
    pace: Pace,
}

pub fn command(parts: &Parts) -> Command {
    let about = "Observe the node on this machine, found by itself, or those in peer-observer.toml";
    FilterArgs::augment_args(GROUPS.augment::<RunArgs>(parts, Command::new(NAME))).about(about)
}

pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    run_or_check(matches, || {
        let raw = RawConfig::read(parts, GROUPS, None, matches, color)?;
        let Some(raw) = raw.print_if_asked()? else { return Ok(None) };
        let args = RunArgs::from_arg_matches(matches)?;
        let filter = FilterArgs::from_arg_matches(matches)?;
        if args.replay.is_empty() {
            session(raw.check()?, filter).map(Some)
        } else {
            let is_chosen = |arg| options::given(matches, arg).is_some();
            let chosen = command(parts).get_arguments().any(|arg| arg.get_id() == "tools" && is_chosen(arg));
            past(raw.check()?, args, filter, chosen).map(Some)
        }
    })
}

fn session(config: Config, filter: FilterArgs) -> Result<Session> {
    let archive = config.archive(|tool| tool.starts);
    let alerts = config.alerts();
    let tools = config.tools.into_iter().filter(|tool| tool.starts).map(|tool| (tool.entry.name, tool.tool));
    Ok(Session {
        input: Input::Nodes(config.sources.observation()?),
        tools: tools.collect(),
        forward: config.nats,
        filter: filter.filter(),
        archive,
        s3: config.s3,
        alerts,
        one_extractor: false,
    })
}

/// Shows what was recorded. Nothing of it goes to a NATS server, where it would be taken for the present: that is what `replay` is for.
fn past(config: Config, args: RunArgs, filter: FilterArgs, chosen: bool) -> Result<Session> {
    let filter = filter.filter();
    let is_wanted = |tool: &CheckedTool| if chosen { tool.starts } else { SHOW.contains(&tool.entry.name) };
    let tools: Vec<_> = config.tools.into_iter().filter(is_wanted).collect();
    if let Some(tool) = tools.iter().find(|tool| tool.tool.acts()) {
        bail!("{} does not only show what happened: leave it out of --tools", tool.entry.name);
    }
    Ok(Session {
        input: Input::Archives(Replay::new(config.s3.archives(&args.replay)?, args.pace, filter.clone())),
        tools: tools.into_iter().map(|tool| (tool.entry.name, tool.tool)).collect(),
        forward: None,
        filter,
        archive: None,
        s3: config.s3,
        alerts: None,
        one_extractor: false,
    })
}
