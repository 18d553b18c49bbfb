//! `--check`: everything that a command does before it starts, and nothing else.

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Args, FromArgMatches};
use tracing::error;

use crate::output::print;
use crate::problems;
use crate::session::Session;

/// The option.
#[derive(Args)]
pub struct CheckArgs {
    /// Check everything as at a start, name all that is wrong, and end
    #[arg(long)]
    check: bool,
}

/// Runs what was configured, or checks it if that is asked for: then the exit code is 1 if something is wrong. There may be nothing to do.
pub fn run_or_check(matches: &ArgMatches, configure: impl FnOnce() -> Result<Option<Session>>) -> Result<ExitCode> {
    if !CheckArgs::from_arg_matches(matches)?.check {
        return configure()?.map_or(Ok(ExitCode::SUCCESS), Session::run);
    }
    match configure().and_then(|session| session.map(Session::check).transpose()) {
        Ok(summary) => print(&summary.unwrap_or_default()).map(|()| ExitCode::SUCCESS),
        Err(wrong) => {
            problems::each(wrong).iter().for_each(|wrong| error!("{wrong:#}"));
            Ok(ExitCode::from(1))
        }
    }
}
