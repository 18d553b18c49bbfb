//! The tool `metrics`: numbers for Prometheus.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use metrics::{Limits, NodeLabel, Options, Server};
use node::Secret;
use serde::{Deserialize, Serialize};

use super::access::AccessOptions;
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Service, Starts, Tool, ToolEntry};
use crate::values::{ListenAddress, Span, secret};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "metrics",
    about: "Serve numbers for Prometheus: of events from NATS, or live",
    summary: "Serves numbers for Prometheus",
    starts: Starts::WithSection,
    demo: true,
    options: Part::of::<MetricsOptions>("metrics"),
};

/// Section `[metrics]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Metrics")]
#[serde(default, deny_unknown_fields)]
struct MetricsOptions {
    /// Where numbers are served for Prometheus, at /metrics
    #[arg(
        id = "metrics_listen",
        long = "metrics-listen",
        env = "PEER_OBSERVER_METRICS_LISTEN",
        value_name = "ADDRESS:PORT"
    )]
    listen: ListenAddress,
    /// Names under which the numbers are requested, besides addresses and localhost
    #[arg(
        id = "metrics_hosts",
        long = "metrics-host",
        env = "PEER_OBSERVER_METRICS_HOST",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    hosts: Vec<String>,
    /// What Prometheus logs in with: TOKEN or USER:PASSWORD (better in the environment or in the configuration file)
    #[arg(id = "metrics_auth", long = "metrics-auth", env = "PEER_OBSERVER_METRICS_AUTH", value_parser = secret, value_name = "SECRET", hide_env_values = true)]
    auth: Option<Secret>,
    /// Certificate (PEM), with those that lead to its authority
    #[arg(
        id = "metrics_tls_cert",
        long = "metrics-tls-cert",
        env = "PEER_OBSERVER_METRICS_TLS_CERT",
        value_name = "FILE"
    )]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(
        id = "metrics_tls_key",
        long = "metrics-tls-key",
        env = "PEER_OBSERVER_METRICS_TLS_KEY",
        value_name = "FILE"
    )]
    tls_key: Option<PathBuf>,
    /// When series carry a label with the name of their node
    #[arg(long, env = "PEER_OBSERVER_NODE_LABEL", value_enum, value_name = "WHEN")]
    node_label: WhenLabeled,
    /// Values that a label chosen by untrusted peers has at most, from 1 to 1000; the rest is "other"
    #[arg(long, env = "PEER_OBSERVER_LABEL_VALUES", value_name = "NUMBER")]
    label_values: usize,
    /// How long series with such labels stay without a change
    #[arg(
        id = "metrics_forget",
        long = "metrics-forget",
        env = "PEER_OBSERVER_METRICS_FORGET",
        value_name = "DURATION"
    )]
    forget: Span,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            listen: ListenAddress(metrics::LISTEN),
            hosts: Vec::new(),
            auth: None,
            tls_cert: None,
            tls_key: None,
            node_label: WhenLabeled::Auto,
            label_values: limits.values,
            forget: Span(limits.idle),
        }
    }
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
        let access = AccessOptions {
            hosts: &self.hosts,
            auth: self.auth.as_ref(),
            tls_cert: self.tls_cert.as_ref(),
            tls_key: self.tls_key.as_ref(),
        };
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
                access: access.check(ENTRY.name)?,
                node_label,
                limits: Limits { values, idle: self.forget.0 },
                sets,
                asmap,
                ..Options::default()
            },
        }))
    }
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
        let server = Server::new(listener, Options { nodes: place.scene.nodes, ..self.options })?;
        let url = server.url();
        Ok(Service::new(move |events, bus, _| async move { Ok(server.run(events, bus).await?) })
            .serving("metrics", url))
    }
}
