//! The tool `archive`: writes events to files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use archive::{Archiver, Options, Select, Selection, Upload};
use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};
use store::archive::MAX_RECORD;

use super::state::state_directory;
use crate::config::nats::is_name_in_jetstream;
use crate::options::{Check, Context, Part};
use crate::tool::{Place, Queue, Scene, Service, Starts, Tool, ToolEntry};
use crate::values::{Bytes, Selected, Span};

pub const ENTRY: ToolEntry = ToolEntry {
    name: "archive",
    about: "Write events to files, and tell what files have: live, from NATS, from standard input, or from other files",
    summary: "Writes events to files",
    starts: Starts::WithSection,
    demo: false,
    options: Part::of::<ArchiveOptions>("archive"),
};

/// Section `[archive]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Archive")]
#[serde(default, deny_unknown_fields)]
struct ArchiveOptions {
    /// Where files are written [default: archive in $STATE_DIRECTORY, or in ~/.local/state/peer-observer]
    #[arg(
        id = "archive_directory",
        long = "archive-directory",
        env = "PEER_OBSERVER_ARCHIVE_DIRECTORY",
        value_name = "DIR"
    )]
    directory: Option<PathBuf>,
    /// What the names of files begin with: NAME.20260131-120000-000.bin.zst
    #[arg(id = "archive_name", long = "archive-name", env = "PEER_OBSERVER_ARCHIVE_NAME", value_name = "NAME")]
    name: String,
    /// Only these events: kinds, sources or subjects as for --kind, addr-relay, connections-with-handshakes
    #[arg(
        id = "archive_only",
        long = "archive-only",
        env = "PEER_OBSERVER_ARCHIVE_ONLY",
        value_delimiter = ',',
        value_name = "LIST"
    )]
    only: Vec<Selected>,
    /// Without raw transactions, and without the transactions of blocks
    #[arg(
        id = "archive_low_data",
        long = "archive-low-data",
        env = "PEER_OBSERVER_ARCHIVE_LOW_DATA",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    low_data: bool,
    /// Level of compression by zstd, from 1 (fast) to 22 (small), or 0 for none
    #[arg(id = "archive_level", long = "archive-level", env = "PEER_OBSERVER_ARCHIVE_LEVEL", value_name = "LEVEL")]
    level: i32,
    /// Size of the parts of a file that are compressed each by itself, up to 64MiB: larger ones make files smaller, and readers take more memory
    /// [default: 8MiB, or 16MiB from level 10 on]
    #[arg(
        id = "archive_frame_size",
        long = "archive-frame-size",
        env = "PEER_OBSERVER_ARCHIVE_FRAME_SIZE",
        value_name = "SIZE"
    )]
    frame_size: Option<Bytes>,
    /// How much a crash may take: after this time at the latest, what came is on the disk
    #[arg(
        id = "archive_sync_every",
        long = "archive-sync-every",
        env = "PEER_OBSERVER_ARCHIVE_SYNC_EVERY",
        value_name = "DURATION"
    )]
    sync_every: Span,
    /// Size after which the next file is begun
    #[arg(
        id = "archive_file_size",
        long = "archive-file-size",
        env = "PEER_OBSERVER_ARCHIVE_FILE_SIZE",
        value_name = "SIZE"
    )]
    file_size: Bytes,
    /// Time after which the next file is begun
    #[arg(
        id = "archive_file_time",
        long = "archive-file-time",
        env = "PEER_OBSERVER_ARCHIVE_FILE_TIME",
        value_name = "DURATION"
    )]
    file_time: Span,
    /// Size of all files together, above which the oldest are removed [default: none are]
    #[arg(
        id = "archive_keep_size",
        long = "archive-keep-size",
        env = "PEER_OBSERVER_ARCHIVE_KEEP_SIZE",
        value_name = "SIZE"
    )]
    keep_size: Option<Bytes>,
    /// Time after which a file is removed [default: none is]
    #[arg(
        id = "archive_keep_time",
        long = "archive-keep-time",
        env = "PEER_OBSERVER_ARCHIVE_KEEP_TIME",
        value_name = "DURATION"
    )]
    keep_time: Option<Span>,
    /// Place in an object store where complete files are put, too: s3://BUCKET/PREFIX (with the account of [s3]) [default: none]
    #[arg(id = "archive_upload", long = "archive-upload", env = "PEER_OBSERVER_ARCHIVE_UPLOAD", value_name = "PLACE")]
    upload: Option<String>,
    /// Remove files here when they are there, and that was verified
    #[arg(
        id = "archive_remove_uploaded",
        long = "archive-remove-uploaded",
        env = "PEER_OBSERVER_ARCHIVE_REMOVE_UPLOADED",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    remove_uploaded: bool,
    /// Name of the consumer of a stream (--nats-stream) [default: NAME and a number that is kept beside the files]
    #[arg(
        id = "archive_consumer",
        long = "archive-consumer",
        env = "PEER_OBSERVER_ARCHIVE_CONSUMER",
        value_name = "NAME"
    )]
    consumer: Option<String>,
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        let files = store::archive::Options::new("");
        Self {
            directory: None,
            name: files.base,
            only: Vec::new(),
            low_data: false,
            level: files.level,
            frame_size: None,
            sync_every: Span(files.sync_every),
            file_size: Bytes(1 << 30),
            file_time: Span(std::time::Duration::from_secs(24 * 60 * 60)),
            keep_size: None,
            keep_time: None,
            upload: None,
            remove_uploaded: false,
            consumer: None,
        }
    }
}

impl Check<Box<dyn Tool>> for ArchiveOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        let is_name = !self.name.is_empty() && self.name.len() <= 100 && !self.name.contains(['/', '\0']);
        ensure!(
            is_name && !self.name.starts_with('.'),
            "archive.name is {:?}: it is to be part of a file name",
            self.name
        );
        ensure!((0..=22).contains(&self.level), "archive.level is {}: it must be from 0 to 22", self.level);
        ensure!(self.file_size.0 >= 1 << 16, "archive.file_size is {}: it must be 64KiB or more", self.file_size);
        let options = Options {
            files: store::archive::Options {
                base: self.name.clone(),
                level: self.level,
                frame_bytes: frame_bytes("archive.frame_size", self.frame_size)?,
                sync_every: self.sync_every.0,
                ..store::archive::Options::new("")
            },
            filter: event::Filter::default(),
            inherited: Vec::new(),
            selection: Selection {
                only: self.only.iter().map(|Selected(select)| *select).collect::<Vec<Select>>(),
                low_data: self.low_data,
            },
            max_file_bytes: self.file_size.0 as u64,
            max_file_age: self.file_time.0,
            keep_bytes: self.keep_size.map(|size| size.0 as u64),
            keep_age: self.keep_time.map(|time| time.0),
            upload: self.upload(context)?,
        };
        if let Some(consumer) = &self.consumer {
            ensure!(
                is_name_in_jetstream(consumer),
                "archive.consumer is {consumer:?}: it has no spaces, and none of . * > / \\"
            );
        }
        Ok(Box::new(ToFiles { options, directory: self.directory.clone(), consumer: self.consumer.clone() }))
    }
}

impl ArchiveOptions {
    fn upload(&self, context: &Context) -> Result<Option<Upload>> {
        let Some(place) = &self.upload else {
            ensure!(
                !self.remove_uploaded,
                "archive.remove_uploaded is nothing without a place: give archive.upload, too"
            );
            return Ok(None);
        };
        let upload = context.s3.upload(place, self.remove_uploaded);
        upload.map(Some).with_context(|| format!("archive.upload is {place:?}"))
    }
}

/// The size of frames that an option asks for.
///
/// # Errors
/// Writers or readers do not take it.
pub fn frame_bytes(option: &str, size: Option<Bytes>) -> Result<Option<usize>> {
    let Some(size) = size else { return Ok(None) };
    ensure!((1 << 16..=MAX_RECORD).contains(&size.0), "{option} is {size}: it must be from 64KiB to 64MiB");
    Ok(Some(size.0))
}

struct ToFiles {
    options: Options,
    directory: Option<PathBuf>,
    consumer: Option<String>,
}

/// The consumer that belongs to the files.
fn consumer_of(directory: &Path, name: &str) -> Result<String> {
    let file = directory.join(format!("{name}.consumer"));
    let consumer = archive::consumer(directory, name);
    let consumer = consumer.with_context(|| format!("cannot keep the name of a consumer in {}", file.display()))?;
    ensure!(
        is_name_in_jetstream(&consumer),
        "{} has {consumer:?}, which is no consumer's name: remove it",
        file.display()
    );
    Ok(consumer)
}

impl Tool for ToFiles {
    /// Nothing is to be missing: who publishes waits.
    fn queue(&self) -> Queue {
        Queue::SERVED.blocking()
    }

    fn archive(&self) -> Option<PathBuf> {
        self.directory.clone().or_else(|| Some(state_directory()?.join("archive")))
    }

    fn acts(&self) -> bool {
        true
    }

    fn folders(&self) -> Vec<PathBuf> {
        self.archive().into_iter().collect()
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let directory = self.archive();
        let Self { mut options, consumer: configured, .. } = *self;
        options.files.directory =
            directory.context("there is no place for an archive: choose one with --archive-directory")?;
        let Scene { filter, selections, stream, is_remote, .. } = place.scene;
        (options.filter, options.inherited) = (filter, selections);
        let (directory, name) = (options.files.directory.clone(), options.files.base.clone());
        let archiver = Archiver::open(options)?;
        let consumer = stream.map(|_| configured.map_or_else(|| consumer_of(&directory, &name), Ok));
        let service = Service::reporting(is_remote, move |events, bus, publishers, shutdown| async move {
            let archiver = match publishers {
                Some(publishers) => archiver.reporting(move |node| _ = publishers.publisher(node, ENTRY.name)),
                None => archiver,
            };
            archiver.run(events, bus, shutdown).await;
            Ok(())
        });
        Ok(service.consuming(consumer.transpose()?))
    }
}
