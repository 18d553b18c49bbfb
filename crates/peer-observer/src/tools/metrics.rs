//! The tool `metrics`: numbers for Prometheus.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use metrics::{Limits, NodeLabel, Options, Server};
use serde::{Deserialize, Serialize};
use serve::Access;

use super::access::serving_options;
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Scene, Service, Starts, Tool, ToolEntry};
use crate::values::Span;

pub const ENTRY: ToolEntry = ToolEntry {
    name: "metrics",
    about: "Serve numbers for Prometheus: of events from NATS, or live",
    summary: "Serves numbers for Prometheus",
    starts: Starts::WithSection,
    demo: true,
    options: Part::of::<MetricsOptions>("metrics"),
};

serving_options! {
    "metrics", "PEER_OBSERVER_METRICS";
    /// Section `[metrics]`, and its flags.
    #[command(next_help_heading = "Metrics")]
    struct MetricsOptions;

    /// Where numbers are served for Prometheus, at /metrics
    listen = metrics::LISTEN;

    /// Names under which the numbers are requested, besides addresses and localhost
    hosts;

    /// What Prometheus logs in with: TOKEN or USER:PASSWORD (better in the environment or in the configuration file)
    auth;

    /// When series carry a label with the name of their node
    #[arg(long, env = "PEER_OBSERVER_NODE_LABEL", value_enum, value_name = "WHEN")]
    node_label: WhenLabeled = WhenLabeled::Auto;

    /// Values that a label chosen by untrusted peers has at most, from 1 to 1000; the rest is "other"
    #[arg(long, env = "PEER_OBSERVER_LABEL_VALUES", value_name = "NUMBER")]
    label_values: usize = Limits::default().values;

    /// How long series with such labels stay without a change
    #[arg(
        id = "metrics_forget",
        long = "metrics-forget",
        env = "PEER_OBSERVER_METRICS_FORGET",
        value_name = "DURATION"
    )]
    forget: Span = Span(Limits::default().idle);
}

/// When series carry the name of their node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum WhenLabeled {
    /// If there are several nodes
    Auto,
    /// Also if there is one
    Always,
}

impl Check<Box<dyn Tool>> for MetricsOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        let values = self.label_values;
        if !(1..=1_000).contains(&values) {
            bail!("metrics.label_values = {values}: it must be from 1 to 1000");
        }
        let node_label = match self.node_label {
            WhenLabeled::Always => NodeLabel::Always,
            WhenLabeled::Auto => NodeLabel::Auto,
        };
        let (sets, asmap) = (context.networks.sets.clone(), context.networks.asmap.clone());
        Ok(Box::new(Metrics {
            listen: self.listen.0,
            options: Options {
                access: self.access()?,
                node_label,
                limits: Limits { values, idle: self.forget.0 },
                sets,
                asmap,
                ..Options::default()
            },
        }))
    }
}

/// A tool that serves numbers for Prometheus at an address, under whatever name, with nothing else configured.
pub fn own_numbers(listen: SocketAddr) -> (&'static str, Box<dyn Tool>) {
    let access = Access { names: vec!["*".to_owned()], ..Access::default() };
    (ENTRY.name, Box::new(Metrics { listen, options: Options { access, ..Options::default() } }))
}

struct Metrics {
    listen: SocketAddr,
    options: Options,
}

impl Tool for Metrics {
    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn files(&self) -> Vec<PathBuf> {
        let Options { access, sets, asmap, .. } = &self.options;
        let networks = sets.iter().map(|set| &set.path).chain(asmap);
        networks.cloned().chain(access.files()).collect()
    }

    fn listens(&self) -> Option<SocketAddr> {
        Some(self.listen)
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let listener = place.listener.context("metrics has no listener")?;
        let Scene { nodes, playback, .. } = place.scene;
        let server = Server::new(listener, Options { nodes, playback, ..self.options })?;
        let url = server.url();
        Ok(Service::new(move |events, bus, _| async move { Ok(server.run(events, bus).await?) })
            .serving("metrics", url))
    }
}
