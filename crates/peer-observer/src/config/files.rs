//! peer-observer.toml: which files there are, and what they say together.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use toml::{Table, Value};
use tracing::warn;

use super::text::{Known, validate_keys, validate_names};

/// Options about the configuration itself.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print every option with its value and where that comes from, and end
    #[arg(long)]
    pub print_config: bool,
}

/// The configuration file, where a command has no options of it but those of a store.
#[derive(Args, Clone, Debug, Default)]
pub struct FileArgs {
    /// Configuration file, in place of the system's and the user's: for its section [s3]
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The configuration files that there are.
#[derive(Default)]
pub struct Files {
    /// What they say together: later ones override earlier ones key by key.
    merged: Table,
    /// Each by itself, the last one first.
    each: Vec<(PathBuf, Table)>,
}

/// Names that may be chosen from: where files do so, what the names are of, and the names.
pub struct Names<'a> {
    /// The keys that lead there.
    pub path: &'a [&'a str],
    /// What has such names.
    pub what: &'a str,
    /// The names.
    pub known: &'a [&'a str],
}

impl Files {
    /// Takes the value of a top-level key out.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.merged.remove(key)
    }

    /// Forgets which files have a top-level key: its value does not come from them any more.
    pub fn forget(&mut self, key: &str) {
        self.each.iter_mut().for_each(|(_, table)| drop(table.remove(key)));
    }

    /// The file that the value of a key comes from; `section` is "" for keys on top.
    pub fn origin(&self, section: &str, key: &str) -> Option<&Path> {
        let has = |table: &Table| match table.get(section) {
            _ if section.is_empty() => table.contains_key(key),
            Some(Value::Table(section)) => section.contains_key(key),
            Some(Value::Array(sections)) => sections.iter().any(|section| section.get(key).is_some()),
            _ => false,
        };
        self.each.iter().find(|(_, table)| has(table)).map(|(path, _)| path.as_path())
    }
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

/// Reads the files. `known` are the top-level keys, `names` what may be chosen from in them.
///
/// # Errors
/// A file that must exist does not, or one cannot be understood: names file, line and key.
pub fn read(args: &ConfigArgs, known: &[Known], names: &[Names<'_>]) -> Result<Files> {
    let mut files = Files::default();
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
        let table = parse(&text, known, names)
            .with_context(|| format!("cannot use the configuration file {}", path.display()))?;
        merge(&mut files.merged, table.clone());
        files.each.insert(0, (path, table));
    }
    Ok(files)
}

/// Reads the text of a file, whose every key must be known and have a value of its type.
fn parse(text: &str, known: &[Known], names: &[Names<'_>]) -> Result<Table> {
    validate_keys(text, known)?;
    known.iter().try_for_each(|known| (known.validate)(text, &known.name))?;
    names.iter().try_for_each(|names| validate_names(text, names.path, names.what, names.known))?;
    Ok(toml::from_str(text)?)
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
