//! The extractor `log`: debug.log.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bus::Publisher;
use clap::{ArgAction, Args};
use event::Source;
use node::Target;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::config::nodes::host_name;
use crate::extractor::{Attached, Extractor, ExtractorEntry, ForAll, Node, PerNode, Running};
use crate::options::{Check, Context, OwnFlags, Part};

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "log",
    summary: "debug.log",
    expected: Some(Source::Log),
    options: Part::with_own_flags::<LogOptions>("log"),
};

/// Section `[log]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "debug.log")]
#[serde(default, deny_unknown_fields)]
struct LogOptions {
    /// Read debug.log from its start, not only what is added to it
    #[arg(
        long,
        env = "PEER_OBSERVER_FROM_START",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    from_start: bool,
    /// Files to read to their end, in place of a node's debug.log.
    #[arg(skip)]
    #[serde(skip)]
    once: Vec<PathBuf>,
}

/// Flags of `extract log` only.
#[derive(Args)]
struct LogFlags {
    /// log: read these files (plain, .gz, .zst or .xz; "-" is standard input) to their end, and end
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with = "from_start")]
    once: Vec<PathBuf>,
}

impl OwnFlags for LogOptions {
    type Flags = LogFlags;

    fn take(&mut self, flags: LogFlags) {
        self.once = flags.once;
    }
}

impl Check<Extractor> for LogOptions {
    fn check(&self, context: &Context) -> Result<Extractor> {
        if self.once.is_empty() {
            return Ok(Extractor::PerNode(Box::new(Log { from_start: self.from_start })));
        }
        let name = context.nodes.first().and_then(|target| target.name.clone()).unwrap_or_else(host_name);
        node::validate_name(&name)?;
        Ok(Extractor::ForAll(Box::new(Files { name, files: self.once.clone() })))
    }
}

/// Follows the debug.log of each node.
struct Log {
    from_start: bool,
}

impl PerNode for Log {
    fn is_usual(&self, target: &Target) -> bool {
        !target.is_remote() || target.debug_log.is_some()
    }

    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
        let source = match &target.debug_log {
            Some(path) if path.as_path() == Path::new("-") => extractor_log::Source::Stdin,
            _ => extractor_log::Source::Node(target),
        };
        let options = extractor_log::Options { from_start: self.from_start, ..Default::default() };
        let running = extractor_log::run(source, options, publisher, shutdown);
        Box::pin(async { Ok(running.await?) })
    }
}

/// Reads whole files.
struct Files {
    /// The node's name in their events.
    name: String,
    files: Vec<PathBuf>,
}

impl ForAll for Files {
    fn is_usual(&self, _: &Target) -> bool {
        false
    }

    fn needs_nodes(&self) -> bool {
        false
    }

    fn attach(self: Box<Self>, _: Vec<Node>) -> Result<Attached> {
        let Self { name, files } = *self;
        Ok(Attached {
            confine: None,
            threads: 2,
            run: Box::new(|_, publishers, shutdown| {
                let publisher = move |_: &Path| publishers.without_status(&name, ENTRY.name);
                let running = extractor_log::read_files(files, publisher, shutdown);
                Box::pin(async { Ok(running.await?) })
            }),
        })
    }
}
