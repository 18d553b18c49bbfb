//! `doctor`: what can be observed here, and how to get the rest.

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use crate::config::raw::{Groups, RawConfig};
use crate::doctor::{examine, text};
use crate::logging::Color;
use crate::output::print;
use crate::parts::Parts;
use crate::runtime::block_on;

pub const NAME: &str = "doctor";

const GROUPS: Groups = Groups { files: true, choice: false, node: true, extractors: false, own: false, tools: false };

#[derive(Args)]
struct DoctorArgs {
    /// Form of the report
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ReportFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    #[default]
    Text,
    Json,
}

pub fn command(parts: &Parts) -> Command {
    let about = "Report what can be observed here, what is missing, and the line that would enable it";
    GROUPS.augment::<DoctorArgs>(parts, Command::new(NAME)).about(about)
}

pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    let args = DoctorArgs::from_arg_matches(matches)?;
    let raw = RawConfig::read(parts, GROUPS, None, matches, color)?;
    let Some(raw) = raw.print_if_asked()? else { return Ok(ExitCode::SUCCESS) };
    let config = raw.check()?;
    let targets: Vec<_> = config.sources.nodes()?.into_iter().map(|node| (node.name, node.target)).collect();
    block_on(2, async {
        let report = examine(&targets, config.nats.as_ref()).await;
        let text = match args.output {
            ReportFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
            ReportFormat::Text => text(&report, color.decide(stdout().is_terminal())),
        };
        print(&text)?;
        Ok(if report.anything_observable() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    })
}
