//! The extractor `process`: CPU time, memory, files and disk of the node's process.

use anyhow::Result;
use bus::Publisher;
use clap::Args;
use node::Target;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::extractor::{Extractor, ExtractorEntry, PerNode, Running};
use crate::options::{Check, Context, Part};

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "process",
    summary: "The node's process: CPU time of its threads, memory, disk",
    expected: None,
    options: Part::of::<ProcessOptions>("process"),
};

/// Section `[process]`, which has no options.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct ProcessOptions {}

impl Check<Extractor> for ProcessOptions {
    fn check(&self, _: &Context) -> Result<Extractor> {
        Ok(Extractor::PerNode(Box::new(Process)))
    }
}

struct Process;

impl PerNode for Process {
    fn is_usual(&self, target: &Target) -> bool {
        !target.is_remote()
    }

    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
        let running = extractor_process::run(target, extractor_process::Options::default(), publisher, shutdown);
        Box::pin(async { Ok(running.await?) })
    }
}
