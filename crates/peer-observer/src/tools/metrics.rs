//! The tool `metrics`: numbers for Prometheus.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use metrics::{Limits, NodeLabel, Options, Server};
use serde::{Deserialize, Serialize};

use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Service, Starts, Tool, ToolEntry};
use crate::values::{ListenAddress, Span};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "metrics",
    about: "Serve numbers for Prometheus: of events from NATS, or live",
    summary: "Serves numbers for Prometheus",
    starts: Starts::WithSection,
    demo: true,
    options: Part::of::<MetricsOptions>("metrics"),
};

/// Section `[metrics]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "Metrics")]
#[serde(default, deny_unknown_fields)]
struct MetricsOptions {
    /// Where numbers are served for Prometheus, at /metrics [default: 127.0.0.1:8282]
    #[arg(
        id = "metrics_listen",
        long = "metrics-listen",
        env = "PEER_OBSERVER_METRICS_LISTEN",
        value_name = "ADDRESS:PORT"
    )]
    listen: Option<ListenAddress>,
    /// When series carry a label with the name of their node
    #[arg(long, env = "PEER_OBSERVER_NODE_LABEL", value_enum, value_name = "WHEN")]
    node_label: Option<WhenLabeled>,
    /// Values that a label chosen by untrusted peers has at most; the rest is "other" [default: 100]
    #[arg(long, env = "PEER_OBSERVER_LABEL_VALUES", value_name = "NUMBER")]
    label_values: Option<usize>,
    /// How long series with such labels stay without a change [default: 1h]
    #[arg(skip)]
    forget: Option<Span>,
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
        let mut limits = Limits::default();
        if let Some(values) = self.label_values {
            if !(1..=1_000).contains(&values) {
                bail!("metrics.label_values = {values}: it must be from 1 to 1000");
            }
            limits.values = values;
        }
        if let Some(Span(forget)) = self.forget {
            limits.idle = forget;
        }
        let node_label = match self.node_label {
            Some(WhenLabeled::Always) => NodeLabel::Always,
            Some(WhenLabeled::Auto) | None => NodeLabel::Auto,
        };
        let (sets, asmap) = (context.networks.sets.clone(), context.networks.asmap.clone());
        Ok(Box::new(Metrics {
            listen: self.listen.map_or(metrics::LISTEN, |listen| listen.0),
            files: context.networks.files().cloned().collect(),
            options: Options { node_label, limits, sets, asmap, ..Options::default() },
        }))
    }
}

struct Metrics {
    listen: SocketAddr,
    files: Vec<PathBuf>,
    options: Options,
}

impl Tool for Metrics {
    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.clone()
    }

    fn listens(&self) -> Option<SocketAddr> {
        Some(self.listen)
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let listener = place.listener.context("metrics has no listener")?;
        let server = Server::new(listener, Options { nodes: place.nodes, ..self.options })?;
        let serves = format!("numbers for Prometheus: http://{}/metrics", server.address());
        Ok(Service::new(move |events, bus, _| async move { Ok(server.run(events, bus).await?) }).serving(serves))
    }
}
