//! Whose addresses are: the options about sets of networks and autonomous systems, for all tools that tell.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use networks::SetSource;
use serde::{Deserialize, Serialize};

use super::overlay;
use crate::cli::NetworksArgs;

/// `[networks]` as it is written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworksSection {
    /// A map of autonomous systems.
    pub asmap: Option<PathBuf>,
    /// By name: files or folders with networks.
    pub sets: BTreeMap<String, Paths>,
}

/// One path or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Paths {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

/// A set as an option says it: `NAME=FILE`.
#[derive(Clone, Debug)]
pub struct SetOption {
    name: String,
    path: PathBuf,
}

impl FromStr for SetOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("it is NAME=FILE, such as tor_exit=/var/lib/tor/exits.txt")?;
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

/// Files that tell whose addresses are.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// Sets of networks.
    pub sets: Vec<SetSource>,
    /// Map of autonomous systems.
    pub asmap: Option<PathBuf>,
}

impl NetworksSection {
    /// Lets options override the file.
    pub fn override_with(&mut self, args: &NetworksArgs) {
        overlay(&mut self.asmap, &args.asmap);
        let mut told: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for SetOption { name, path } in &args.set {
            told.entry(name.clone()).or_default().push(path.clone());
        }
        self.sets.extend(told.into_iter().map(|(name, paths)| (name, Paths::Several(paths))));
    }

    /// What is meant.
    pub fn networks(&self) -> Networks {
        let source = |name: &String, path: &PathBuf| SetSource { name: name.clone(), path: path.clone() };
        let sets = self.sets.iter().flat_map(|(name, paths)| match paths {
            Paths::One(path) => vec![source(name, path)],
            Paths::Several(paths) => paths.iter().map(|path| source(name, path)).collect(),
        });
        Networks { sets: sets.collect(), asmap: self.asmap.clone() }
    }
}

impl Networks {
    /// Files that must stay readable.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.sets.iter().map(|set| &set.path).chain(&self.asmap)
    }
}
