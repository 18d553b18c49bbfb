//! The commands, one file each; all tools have the same one.

mod alerts;
mod archive;
mod banlist;
mod chain;
mod check;
mod decide;
mod demo;
mod doctor;
#[cfg(feature = "export")]
mod export;
mod extract;
mod fleet;
mod generate;
mod health;
mod help;
mod import;
mod links;
mod logs;
mod replay;
mod report;
mod run;
mod share;
mod tool;

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Args, Command};

use crate::logging::{Color, LoggingArgs};
use crate::parts::Parts;

/// The whole command line.
#[must_use]
pub fn command_line(parts: &Parts) -> Command {
    let command = Command::new("peer-observer")
        .version(env!("VERSION"))
        .max_term_width(110)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(run::command(parts))
        .subcommands(parts.tools.iter().map(|entry| match entry.name {
            alerts::NAME => alerts::add_commands(tool::command(parts, entry)),
            archive::NAME => archive::add_commands(tool::command(parts, entry)),
            chain::NAME => chain::add_commands(tool::command(parts, entry)),
            share::NAME => share::add_commands(tool::command(parts, entry)),
            _ => tool::command(parts, entry),
        }))
        .subcommand(replay::command(parts))
        .subcommands(exports())
        .subcommand(report::command())
        .subcommand(fleet::command())
        .subcommand(banlist::command())
        .subcommand(logs::command())
        .subcommand(extract::command(parts))
        .subcommand(doctor::command(parts))
        .subcommand(health::command(parts))
        .subcommand(demo::command(parts))
        .subcommand(generate::completions_command())
        .subcommand(generate::man_command())
        .subcommand(links::command())
        .subcommand(generate::config_command());
    let command = LoggingArgs::augment_args(command).about("Watches Bitcoin nodes for attacks and anomalies");
    help::complete(parts, command)
}

/// The commands of the features that this program was built with.
fn exports() -> Vec<Command> {
    vec![
        #[cfg(feature = "export")]
        export::command(),
    ]
}

/// Runs the command that was given.
///
/// # Errors
/// It could not be done.
pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    // Each starts the threads when what comes before them is done.
    match matches.subcommand() {
        Some((run::NAME, matches)) => run::run(parts, matches, color),
        Some((replay::NAME, matches)) => replay::run(parts, matches, color),
        #[cfg(feature = "export")]
        Some((export::NAME, matches)) => export::run(parts, matches),
        Some((report::NAME, matches)) => report::run(parts, matches),
        Some((fleet::NAME, matches)) => fleet::run(parts, matches),
        Some((banlist::NAME, matches)) => banlist::run(parts, matches),
        Some((logs::NAME, matches)) => logs::run(parts, matches, color),
        Some((extract::NAME, matches)) => extract::run(parts, matches, color),
        Some((doctor::NAME, matches)) => doctor::run(parts, matches, color),
        Some((health::NAME, matches)) => health::run(parts, matches, color),
        Some((demo::NAME, matches)) => demo::run(parts, matches, color),
        Some((generate::COMPLETIONS, matches)) => generate::completions(command_line(parts), matches),
        Some((generate::MAN, matches)) => generate::man(command_line(parts), matches),
        Some((links::NAME, matches)) => links::run(matches),
        Some((generate::CONFIG, _)) => generate::config(parts),
        Some((alerts::NAME, matches)) if let Some((name, matches)) = matches.subcommand() => {
            alerts::run(parts, name, matches)
        }
        Some((archive::NAME, matches)) if let Some((name, matches)) = matches.subcommand() => {
            archive::run(parts, name, matches)
        }
        Some((chain::NAME, matches)) if let Some((_, matches)) = matches.subcommand() => chain::run(matches),
        Some((share::NAME, matches)) if let Some((_, matches)) = matches.subcommand() => share::run(parts, matches),
        Some((name, matches)) => tool::run(parts, name, matches, color),
        // clap asks for a command.
        None => Ok(ExitCode::from(2)),
    }
}
