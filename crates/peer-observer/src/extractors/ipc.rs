//! The extractor `ipc`: Bitcoin Core's IPC interface.

use anyhow::Result;
use bus::Publisher;
use clap::Args;
use node::Target;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::extractor::{Extractor, ExtractorEntry, PerNode, Running};
use crate::options::{Check, Context, Part};
use crate::values::Span;

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "ipc",
    summary: "Bitcoin Core's IPC interface: each new tip at once, without RPC",
    expected: None,
    options: Part::of::<IpcOptions>("ipc"),
};

/// Section `[ipc]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "IPC")]
#[serde(default, deny_unknown_fields)]
struct IpcOptions {
    /// Publish the tip so often although it has not changed [default: only when it changes]
    #[arg(
        id = "ipc_query_interval",
        long = "ipc-query-interval",
        env = "PEER_OBSERVER_IPC_QUERY_INTERVAL",
        value_name = "DURATION"
    )]
    query_interval: Option<Span>,
}

impl Check<Extractor> for IpcOptions {
    fn check(&self, _: &Context) -> Result<Extractor> {
        let query_interval = self.query_interval.map(|Span(interval)| interval);
        Ok(Extractor::PerNode(Box::new(Ipc { options: extractor_ipc::Options { query_interval } })))
    }
}

struct Ipc {
    options: extractor_ipc::Options,
}

impl PerNode for Ipc {
    /// Nodes that have a socket now.
    fn is_usual(&self, target: &Target) -> bool {
        target.ipc.is_some() || !target.is_remote() && target.locate().is_ok_and(|located| !located.ipc.is_empty())
    }

    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
        let running = extractor_ipc::run(target, self.options, publisher, shutdown);
        Box::pin(async { Ok(running.await?) })
    }
}
