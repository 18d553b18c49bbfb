//! Files that say whose an address is: sets of networks and autonomous systems, for all tools that need them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use networks::{Files, SetSource};
use serde::{Deserialize, Serialize};

use crate::values::{ValueError, args_by_flags};

/// Section `[networks]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "Networks")]
#[serde(default, deny_unknown_fields)]
pub struct NetworksOptions {
    /// Map of autonomous systems, in the binary form of bitcoind -asmap
    #[arg(long, env = "PEER_OBSERVER_ASMAP", value_name = "FILE")]
    pub asmap: Option<PathBuf>,
    /// By name: files or folders with networks.
    #[command(flatten)]
    #[serde(skip_serializing_if = "Sets::is_empty")]
    pub sets: Sets,
}

/// Sets of networks by name. One that is given by options replaces that of its name in the files.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Sets(BTreeMap<String, Paths>);

/// One path or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
enum Paths {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

/// Sets as they are written on the command line.
#[derive(Args, Debug)]
struct SetFlags {
    /// Networks to watch under a name: a list, a ban list in TOML, Tor's exit list, or a folder of such
    #[arg(id = "sets", long = "set", value_name = "NAME=FILE")]
    sets: Vec<SetFlag>,
}

#[derive(Clone, Debug)]
struct SetFlag {
    name: String,
    path: PathBuf,
}

impl FromStr for SetFlag {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let usage = "write NAME=FILE, such as tor_exit=/var/lib/tor/exits.txt";
        let (name, path) = text.split_once('=').ok_or_else(|| ValueError::new(usage))?;
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

impl Sets {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn lay_over(&mut self, flags: SetFlags) {
        let mut given: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for SetFlag { name, path } in flags.sets {
            given.entry(name).or_default().push(path);
        }
        self.0.extend(given.into_iter().map(|(name, paths)| (name, Paths::Several(paths))));
    }
}

args_by_flags!(Sets, SetFlags);

impl NetworksOptions {
    /// The files. That they can be read is checked by the tools that do so.
    pub fn check(&self) -> Files {
        let source = |name: &String, path: &PathBuf| SetSource { name: name.clone(), path: path.clone() };
        let sets = self.sets.0.iter().flat_map(|(name, paths)| match paths {
            Paths::One(path) => vec![source(name, path)],
            Paths::Several(paths) => paths.iter().map(|path| source(name, path)).collect(),
        });
        Files { sets: sets.collect(), asmap: self.asmap.clone() }
    }
}
