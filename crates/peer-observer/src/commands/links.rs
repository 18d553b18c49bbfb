//! `links`: links with the names of the original's programs, under which this program takes their options.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::original::table::PROGRAMS;
use crate::output::print;

pub const NAME: &str = "links";

#[derive(Args)]
struct LinksArgs {
    /// Folder for the links, which is made if it is not there; without it, the names are printed
    dir: Option<PathBuf>,
    /// What they lead to [default: this program]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub fn command() -> Command {
    let about = "Make links with the names of the original peer-observer's programs, which take their options";
    LinksArgs::augment_args(Command::new(NAME)).about(about)
}

pub fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let LinksArgs { dir, to } = LinksArgs::from_arg_matches(matches)?;
    let Some(dir) = dir else {
        let line = |name: &str, command: &[&str]| format!("{name:<20} peer-observer {}\n", command.join(" "));
        print(&PROGRAMS.iter().map(|program| line(program.name, program.command)).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    };
    let to = to.map_or_else(|| std::env::current_exe().context("cannot find out where this program is"), Ok)?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    for program in PROGRAMS {
        let link = dir.join(program.name);
        make(&link, &to).with_context(|| format!("cannot make the link {}", link.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a link, in place of another link that is there.
fn make(link: &Path, to: &Path) -> Result<()> {
    match fs::symlink_metadata(link) {
        Ok(there) if there.is_symlink() => fs::remove_file(link)?,
        Ok(_) => bail!("there is something else of this name"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    Ok(symlink(to, link)?)
}
