//! The options of the tool `metrics`.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use metrics::{Limits, NodeLabel, Options, Server};
use serde::{Deserialize, Serialize};

use super::networks::Networks;
use super::{listen, overlay, units};
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

/// What `metrics` needs; it is not listening yet.
#[derive(Clone, Debug)]
pub struct MetricsConfig {
    listen: SocketAddr,
    options: Options,
}

impl MetricsSection {
    /// Lets options override the file.
    pub fn override_with(&mut self, args: &MetricsArgs) {
        overlay(&mut self.listen, &args.metrics_listen);
        overlay(&mut self.node_label, &args.node_label);
        overlay(&mut self.label_values, &args.label_values);
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
        let listen = listen::address("metrics", self.listen.as_deref(), metrics::LISTEN)?;
        let node_label = match self.node_label {
            Some(LabelKind::Always) => NodeLabel::Always,
            Some(LabelKind::Auto) | None => NodeLabel::Auto,
        };
        Ok(MetricsConfig { listen, options: Options { node_label, limits, ..Options::default() } })
    }
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { listen: metrics::LISTEN, options: Options::default() }
    }
}

impl MetricsConfig {
    /// Listens and reads the files: before anything is given up, for a confined process may not listen.
    ///
    /// # Errors
    /// It cannot listen, or a file cannot be read.
    pub fn begin(&self, networks: &Networks) -> Result<Server> {
        let listener = listen::bind("metrics", self.listen)?;
        let Networks { sets, asmap } = networks.clone();
        Ok(Server::new(listener, Options { sets, asmap, ..self.options.clone() })?)
    }

    /// The same on any free port if the usual one is taken.
    ///
    /// # Errors
    /// As for [`Self::begin`].
    pub fn begin_anywhere(mut self, networks: &Networks) -> Result<Server> {
        self.listen = listen::free(self.listen);
        self.begin(networks)
    }
}
