//! `alerts test-receiver`, and what people decide about alerts. `alerts` alone is the tool.

use std::path::PathBuf;
use std::process::ExitCode;

use alerts::receivers::try_out;
use anyhow::{Result, anyhow};
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::decide;
use crate::config::raw::read_section;
use crate::output::print;
use crate::parts::Parts;
use crate::runtime::block_on;
use crate::tools::AlertsOptions;

/// The command that this belongs to, and its section of the configuration.
pub const NAME: &str = "alerts";

const TEST: &str = "test-receiver";

#[derive(Args)]
struct TestArgs {
    /// The receiver: NAME of [alerts.receivers.NAME] in the configuration file
    #[arg(value_name = "NAME")]
    receiver: String,
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Adds the command to that of the tool.
pub fn add_commands(command: Command) -> Command {
    let about = "Send a test alert to a receiver, and tell whether it was taken (exit code 1 if not)";
    let test = TestArgs::augment_args(Command::new(TEST)).about(about);
    decide::add_commands(command.args_conflicts_with_subcommands(true).subcommand(test))
}

/// Runs one of them.
///
/// # Errors
/// There is no such receiver, something in its section cannot be, or nothing can be decided.
pub fn run(parts: &Parts, name: &str, matches: &ArgMatches) -> Result<ExitCode> {
    if name != TEST {
        return decide::run(parts, name, matches);
    }
    let TestArgs { receiver, config } = TestArgs::from_arg_matches(matches)?;
    let options: AlertsOptions = read_section(parts, config, NAME)?;
    let settings = options.receiver(&receiver)?;
    match block_on(1, async { try_out(&settings).await.map_err(|error| anyhow!(error)) }) {
        Ok(()) => print(&format!("receiver {receiver} took the test alert\n")).map(|()| ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!("receiver {receiver} did not take the test alert: {error:#}");
            Ok(ExitCode::from(1))
        }
    }
}
