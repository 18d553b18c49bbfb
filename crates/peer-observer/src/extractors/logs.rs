//! The extractor `logs`: keeps debug.log. It publishes nothing but its status.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use bus::Publisher;
use clap::Args;
use extractor_log::keep::{Destination, KeepOptions, keep};
use node::Target;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::config::s3::{S3Options, is_remote};
use crate::extractor::{Extractor, ExtractorEntry, PerNode, Running};
use crate::options::{Check, Context, Part};
use crate::tools::state::state_directory;
use crate::values::{Bytes, Span};

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "logs",
    summary: "debug.log, as it is: kept in files of a day",
    expected: None,
    options: Part::of::<LogsOptions>("logs"),
};

/// Section `[logs]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Kept logs")]
#[serde(default, deny_unknown_fields)]
pub struct LogsOptions {
    /// Where the debug.log of each node is kept, in a file a day; where it is given, logs are kept [default: none are; for
    /// `logs`, logs in $STATE_DIRECTORY, or in ~/.local/state/peer-observer]
    #[arg(id = "logs_directory", long = "logs-directory", env = "PEER_OBSERVER_LOGS_DIRECTORY", value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Level of compression by zstd, from 1 (fast) to 22 (small)
    #[arg(id = "logs_level", long = "logs-level", env = "PEER_OBSERVER_LOGS_LEVEL", value_name = "LEVEL")]
    level: i32,
    /// How much a power failure may take that the log itself has no more: after this time at the latest, what came is on the disk
    #[arg(
        id = "logs_sync_every",
        long = "logs-sync-every",
        env = "PEER_OBSERVER_LOGS_SYNC_EVERY",
        value_name = "DURATION"
    )]
    sync_every: Span,
    /// Size of all files of a node together, above which the oldest are removed [default: none are]
    #[arg(id = "logs_keep_size", long = "logs-keep-size", env = "PEER_OBSERVER_LOGS_KEEP_SIZE", value_name = "SIZE")]
    keep_size: Option<Bytes>,
    /// Time after which a file is removed [default: none is]
    #[arg(
        id = "logs_keep_time",
        long = "logs-keep-time",
        env = "PEER_OBSERVER_LOGS_KEEP_TIME",
        value_name = "DURATION"
    )]
    keep_time: Option<Span>,
    /// Where complete files are put, too: a directory, or s3://BUCKET/PREFIX (with the account of [s3]) [default: none]
    #[arg(id = "logs_upload", long = "logs-upload", env = "PEER_OBSERVER_LOGS_UPLOAD", value_name = "PLACE")]
    upload: Option<String>,
}

impl Default for LogsOptions {
    fn default() -> Self {
        let files = store::logs::Options::default();
        Self {
            directory: None,
            level: files.level,
            sync_every: Span(files.sync_every),
            keep_size: None,
            keep_time: None,
            upload: None,
        }
    }
}

impl LogsOptions {
    /// Where logs are kept, or would be.
    pub fn place(&self) -> Option<PathBuf> {
        self.directory.clone().or_else(|| Some(state_directory()?.join("logs")))
    }

    fn destination(&self, s3: &S3Options) -> Result<Option<Destination>> {
        let Some(place) = &self.upload else { return Ok(None) };
        if is_remote(Path::new(place)) {
            return s3.logs(place).map(Some).with_context(|| format!("logs.upload is {place:?}"));
        }
        let directory = PathBuf::from(place);
        ensure!(directory.is_dir(), "logs.upload is {place:?}: there is no such directory; make it");
        ensure!(
            Some(&directory) != self.place().as_ref(),
            "logs.upload is {place:?}: that is where logs are kept; give another directory"
        );
        Ok(Some(Destination::Directory(directory)))
    }
}

impl Check<Extractor> for LogsOptions {
    fn check(&self, context: &Context) -> Result<Extractor> {
        ensure!((1..=22).contains(&self.level), "logs.level is {}: it must be from 1 to 22", self.level);
        let Some(directory) = self.place() else {
            bail!("there is no place for logs: choose one with --logs-directory");
        };
        let files = store::logs::Options {
            level: self.level,
            sync_every: self.sync_every.0,
            ..store::logs::Options::default()
        };
        let options = KeepOptions {
            directory,
            files,
            keep_bytes: self.keep_size.map(|size| size.0 as u64),
            keep_age: self.keep_time.map(|time| time.0),
            upload: self.destination(&context.s3)?,
        };
        Ok(Extractor::PerNode(Box::new(Logs { options, is_wanted: self.directory.is_some() })))
    }
}

/// Keeps the debug.log of each node.
struct Logs {
    options: KeepOptions,
    is_wanted: bool,
}

impl PerNode for Logs {
    fn is_usual(&self, target: &Target) -> bool {
        self.is_wanted && (!target.is_remote() || target.debug_log.is_some())
    }

    fn folders(&self) -> Vec<PathBuf> {
        let KeepOptions { directory, upload, .. } = &self.options;
        let upload = match upload {
            Some(Destination::Directory(directory)) => Some(directory.clone()),
            _ => None,
        };
        std::iter::once(directory.clone()).chain(upload).collect()
    }

    fn keeps_logs(&self) -> Option<PathBuf> {
        Some(self.options.directory.clone())
    }

    fn prepare(&mut self, _: &str, _: &Target) -> Result<()> {
        // What is to be written to must be there before privileges are given up.
        let directory = &self.options.directory;
        std::fs::create_dir_all(directory).with_context(|| {
            format!("cannot make {}; choose another place for logs with --logs-directory", directory.display())
        })
    }

    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
        let source = match &target.debug_log {
            Some(path) if path.as_path() == Path::new("-") => extractor_log::Source::Stdin,
            _ => extractor_log::Source::Node(target),
        };
        let running = keep(source, self.options.clone(), publisher, shutdown);
        Box::pin(async { Ok(running.await?) })
    }
}
