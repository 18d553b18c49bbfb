//! peer-observer.toml: which files there are, and what they say together.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use toml::Table;
use tracing::warn;

use crate::options::{Validate, validate_keys};

/// Options about the configuration itself.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the configuration that results from files, environment and options, and end
    #[arg(long)]
    pub print_config: bool,
}

/// A file that may be there.
struct Candidate {
    path: PathBuf,
    must_exist: bool,
}

/// The system's file, then the user's; or the one that was given.
fn candidates(args: &ConfigArgs) -> Vec<Candidate> {
    if let Some(path) = &args.config {
        return vec![Candidate { path: path.clone(), must_exist: true }];
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let user = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
    let name = Path::new("peer-observer").join("peer-observer.toml");
    let user = user.map(|dir| dir.join(&name));
    let paths = [Some(Path::new("/etc").join(&name)), user].into_iter().flatten();
    paths.map(|path| Candidate { path, must_exist: false }).collect()
}

/// Reads the files, later ones overriding earlier ones key by key. `known` are the top-level keys and how their values are checked.
///
/// # Errors
/// A file that must exist does not, or one cannot be understood: names file, line and key.
pub fn read(args: &ConfigArgs, known: &[(&'static str, Validate)]) -> Result<Table> {
    let mut merged = Table::new();
    for Candidate { path, must_exist } in candidates(args) {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => continue,
            // As with HOME left over from another user: whether there is a file cannot be known.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !must_exist => {
                warn!("not looking for a configuration file at {}: {error}", path.display());
                continue;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read the configuration file {}", path.display()));
            }
        };
        let table =
            parse(&text, known).with_context(|| format!("cannot use the configuration file {}", path.display()))?;
        merge(&mut merged, table);
    }
    Ok(merged)
}

/// Reads the text of a file, whose every key must be known and have a value of its type.
fn parse(text: &str, known: &[(&'static str, Validate)]) -> Result<Table> {
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    validate_keys(text, &names)?;
    known.iter().try_for_each(|(name, validate)| validate(text, name))?;
    Ok(toml::from_str(text)?)
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
