//! The extractor `rpc`: polled RPCs.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bus::Publisher;
use clap::Args;
use event::Source;
use node::Target;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::extractor::{Extractor, ExtractorEntry, PerNode, Running};
use crate::options::{Check, Context, Part};
use crate::values::{Interval, Span};

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "rpc",
    summary: "Polled RPCs",
    expected: Some(Source::Rpc),
    options: Part::of::<RpcOptions>("rpc"),
};

/// Section `[rpc]`.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct RpcOptions {
    /// Longest time for one call
    #[arg(skip)]
    timeout: Option<Span>,
    /// By method: how often it is called, or "off"
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    interval: BTreeMap<String, Interval>,
}

impl Check<Extractor> for RpcOptions {
    fn check(&self, _: &Context) -> Result<Extractor> {
        let mut options = extractor_rpc::Options::default();
        if let Some(Span(timeout)) = self.timeout {
            options.timeout = timeout;
        }
        for (method, Interval(interval)) in &self.interval {
            options.set_interval(method, *interval).with_context(|| format!("rpc.interval.{method}"))?;
        }
        Ok(Extractor::PerNode(Box::new(Rpc(options))))
    }
}

struct Rpc(extractor_rpc::Options);

impl PerNode for Rpc {
    fn is_usual(&self, _: &Target) -> bool {
        true
    }

    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
        let running = extractor_rpc::run(target, self.0.clone(), publisher, shutdown);
        Box::pin(async { Ok(running.await?) })
    }
}
