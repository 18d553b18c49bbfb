//! The options of the tool `metrics`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use metrics::{Limits, NodeLabel, Server};
use networks::SetSource;
use serde::{Deserialize, Serialize};

use super::{overlay, units};
use crate::cli::MetricsArgs;

/// `[metrics]` as it is written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSection {
    /// Address and port.
    pub listen: Option<String>,
    /// When series carry the name of their node.
    pub node_label: Option<LabelKind>,
    /// Values that labels chosen by strangers have at the most.
    pub label_values: Option<usize>,
    /// After how long they are forgotten: "1h".
    pub forget: Option<String>,
    /// A map of autonomous systems.
    pub asmap: Option<PathBuf>,
    /// By name: files or folders with networks.
    pub sets: BTreeMap<String, Paths>,
}

/// When series carry the name of their node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelKind {
    /// If there are several nodes
    Auto,
    /// Also if there is one
    Always,
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

/// What `metrics` needs; it is not listening yet.
#[derive(Clone, Debug)]
pub struct MetricsConfig {
    listen: SocketAddr,
    options: metrics::Options,
}

impl MetricsSection {
    /// Lets options override the file.
    pub fn override_with(&mut self, args: &MetricsArgs) {
        overlay(&mut self.listen, &args.metrics_listen);
        overlay(&mut self.node_label, &args.node_label);
        overlay(&mut self.label_values, &args.label_values);
        overlay(&mut self.asmap, &args.asmap);
        let mut told: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for SetOption { name, path } in &args.set {
            told.entry(name.clone()).or_default().push(path.clone());
        }
        self.sets.extend(told.into_iter().map(|(name, paths)| (name, Paths::Several(paths))));
    }

    /// What is meant.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would be right.
    pub fn check(&self) -> Result<MetricsConfig> {
        let mut limits = Limits::default();
        if let Some(values) = self.label_values {
            if !(1..=1_000).contains(&values) {
                bail!("metrics.label_values = {values}: it must be from 1 to 1000");
            }
            limits.values = values;
        }
        if let Some(text) = &self.forget {
            limits.idle = units::duration(text).with_context(|| format!("metrics.forget = {text:?}"))?;
        }
        let listen = match &self.listen {
            Some(text) => text.parse().with_context(|| {
                format!("metrics.listen = {text:?}: write an address and a port, such as 127.0.0.1:8282 or [::1]:8282")
            })?,
            None => metrics::LISTEN,
        };
        let source = |name: &String, path: &PathBuf| SetSource { name: name.clone(), path: path.clone() };
        let sets = self.sets.iter().flat_map(|(name, paths)| match paths {
            Paths::One(path) => vec![source(name, path)],
            Paths::Several(paths) => paths.iter().map(|path| source(name, path)).collect(),
        });
        let node_label = match self.node_label {
            Some(LabelKind::Always) => NodeLabel::Always,
            Some(LabelKind::Auto) | None => NodeLabel::Auto,
        };
        let options =
            metrics::Options { node_label, limits, sets: sets.collect(), asmap: self.asmap.clone(), nodes: Vec::new() };
        Ok(MetricsConfig { listen, options })
    }
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { listen: metrics::LISTEN, options: metrics::Options::default() }
    }
}

impl MetricsConfig {
    /// Listens and reads the files: before anything is given up, for a confined process may not listen.
    ///
    /// # Errors
    /// It cannot listen, or a file cannot be read.
    pub fn begin(&self) -> Result<Server> {
        let listener = TcpListener::bind(self.listen).with_context(|| {
            format!("metrics: cannot listen on {}; choose another address with --metrics-listen", self.listen)
        })?;
        Ok(Server::new(listener, self.options.clone())?)
    }

    /// The same on any free port if the usual one is taken.
    ///
    /// # Errors
    /// As for [`Self::begin`].
    pub fn begin_anywhere(mut self) -> Result<Server> {
        if TcpListener::bind(self.listen).is_err() {
            self.listen.set_port(0);
        }
        self.begin()
    }

    /// Files that must stay readable.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.options.sets.iter().map(|set| &set.path).chain(&self.options.asmap)
    }
}
