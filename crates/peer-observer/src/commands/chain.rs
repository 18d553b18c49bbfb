//! `chain import-config`: fork-observer's configuration as ours. `chain` alone is the tool.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use chain::{MAX_CONFIG, import_config};
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::output::print;

/// The command that this belongs to.
pub const NAME: &str = "chain";

const IMPORT: &str = "import-config";

#[derive(Args)]
struct ImportArgs {
    /// fork-observer's config.toml
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A new file for the section [chain], with passwords, in place of the standard output, which has none
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Adds the command to that of the tool.
pub fn add_commands(command: Command) -> Command {
    let about = "Print fork-observer's configuration as a section [chain] of ours";
    let import = ImportArgs::augment_args(Command::new(IMPORT)).about(about);
    command.args_conflicts_with_subcommands(true).subcommand(import)
}

/// Runs it.
///
/// # Errors
/// The configuration cannot be read, or not be written.
pub fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let ImportArgs { file, to } = ImportArgs::from_arg_matches(matches)?;
    let unreadable = || format!("cannot read {}", file.display());
    let mut text = String::new();
    let most = u64::try_from(MAX_CONFIG).unwrap_or(u64::MAX).saturating_add(1);
    File::open(&file).and_then(|open| open.take(most).read_to_string(&mut text)).with_context(unreadable)?;
    let imported = import_config(&text).with_context(|| file.display().to_string())?;
    match to {
        Some(to) => imported.write(&to).with_context(|| format!("cannot write {}; choose a new file", to.display()))?,
        None => print(imported.shown())?,
    }
    Ok(ExitCode::SUCCESS)
}
