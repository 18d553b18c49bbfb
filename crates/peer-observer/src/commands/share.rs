//! `share rotate`. `share` alone is the tool.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::config::raw::read_section;
use crate::output::print;
use crate::parts::Parts;
use crate::tools::ShareOptions;

/// The command that this belongs to, and its section of the configuration.
pub const NAME: &str = "share";

#[derive(Args)]
struct RotateArgs {
    /// The recipient: NAME of [share.recipients.NAME] in the configuration file
    #[arg(value_name = "NAME")]
    recipient: String,
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Adds the command to that of the tool.
pub fn add_commands(command: Command) -> Command {
    let about = "Give a recipient other pseudonyms from now on, also while share runs: the key before is removed";
    let rotate = RotateArgs::augment_args(Command::new("rotate")).about(about);
    command.args_conflicts_with_subcommands(true).subcommand(rotate)
}

/// Runs it.
///
/// # Errors
/// There is no such recipient, or the key cannot be written.
pub fn run(parts: &Parts, matches: &ArgMatches) -> Result<ExitCode> {
    let RotateArgs { recipient, config } = RotateArgs::from_arg_matches(matches)?;
    let recipient = read_section::<ShareOptions>(parts, config, NAME)?.recipient(&recipient)?;
    recipient.key.rotate()?;
    print(&format!("{} has a new key: {}\n", recipient.name, recipient.key.path().display()))?;
    Ok(ExitCode::SUCCESS)
}
