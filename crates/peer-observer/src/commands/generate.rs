//! `completions`, `man` and `config`: what shells, `man` and people need to know of the command line and the configuration, made of these themselves.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::config::sample::sample;
use crate::output::print;
use crate::parts::Parts;

pub const COMPLETIONS: &str = "completions";
pub const MAN: &str = "man";
pub const CONFIG: &str = "config";

#[derive(Args)]
struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
struct ManArgs {
    /// Folder for the pages of all commands; without it, the page of peer-observer itself is printed
    dir: Option<PathBuf>,
}

pub fn completions_command() -> Command {
    CompletionsArgs::augment_args(Command::new(COMPLETIONS)).about("Print completions for a shell")
}

pub fn man_command() -> Command {
    ManArgs::augment_args(Command::new(MAN)).about("Make the man pages")
}

pub fn config_command() -> Command {
    Command::new(CONFIG).about("Print a configuration file with all options, none of which is set")
}

pub fn config(parts: &Parts) -> Result<ExitCode> {
    print(&sample(parts)).map(|()| ExitCode::SUCCESS)
}

pub fn completions(mut all: Command, matches: &ArgMatches) -> Result<ExitCode> {
    let CompletionsArgs { shell } = CompletionsArgs::from_arg_matches(matches)?;
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut all, "peer-observer", &mut text);
    // clap_complete 4.6 writes the hyphen of our name in two ways for bash, which then finds no options of commands.
    print(&String::from_utf8(text)?.replace("peer__subcmd__observer", "peer__observer"))?;
    Ok(ExitCode::SUCCESS)
}

pub fn man(all: Command, matches: &ArgMatches) -> Result<ExitCode> {
    match ManArgs::from_arg_matches(matches)?.dir {
        Some(dir) => {
            let made = std::fs::create_dir_all(&dir).and_then(|()| clap_mangen::generate_to(all, &dir));
            made.with_context(|| format!("cannot write man pages into {}", dir.display()))?;
        }
        None => {
            let mut text = Vec::new();
            Man::new(all).render(&mut text)?;
            print(&String::from_utf8(text)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
