//! Writes events to files, one after another, as long as there is space.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Subscription};
use event::Filter;
use store::archive::Writer;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::files::finish_old;
use crate::reporting::Reporting;
use crate::selection::Selection;
use crate::upload::{Upload, Uploads};
use crate::work::Work;

/// How long the end waits for files that are being completed.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(1);

/// What is written, where, and how much of it is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where, and how.
    pub files: store::archive::Options,
    /// Which events come here. Others are left out on their way; it is stated in the files.
    pub filter: Filter,
    /// Which of them are written.
    pub selection: Selection,
    /// What was left out of the events of each node where they come from, if that is known.
    pub inherited: Vec<(Arc<str>, event::pb::observer::Selection)>,
    /// Bytes of a file after which the next one is begun.
    pub max_file_bytes: u64,
    /// Time after which the next one is begun.
    pub max_file_age: Duration,
    /// Bytes that all files may have together.
    pub keep_bytes: Option<u64>,
    /// How long files are kept.
    pub keep_age: Option<Duration>,
    /// Where complete files go. Until they are there, they are kept, as far as `keep_bytes` allows.
    pub upload: Option<Upload>,
}

/// The archive cannot be begun.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// Its directory cannot be made.
    #[error("cannot create the directory {} of the archive: {cause}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A file cannot be begun.
    #[error(transparent)]
    File(#[from] store::archive::ArchiveError),
}

/// Writes events to files.
pub struct Archiver {
    options: Options,
    report: Option<Report>,
}

/// Begins to report on the archive with the events of a node, by its name.
pub(crate) type Report = Box<dyn Fn(&str) + Send>;

impl Archiver {
    /// Makes the directory, and tries whether files can be made in it.
    ///
    /// # Errors
    /// That is not possible for another reason than a full disk.
    pub fn open(options: Options) -> Result<Self, ArchiveError> {
        let path = &options.files.directory;
        let created =
            std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700).create(path);
        created.map_err(|cause| ArchiveError::Directory { path: path.clone(), cause })?;
        match Writer::create(&options.files, event::time::now_ns()) {
            // The first one is made when the first event can come.
            Ok(tried) => {
                let path = tried.path().to_owned();
                drop(tried);
                std::fs::remove_file(&path).map_err(|cause| ArchiveError::Directory { path, cause })?;
            }
            Err(error) if error.is_full() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { options, report: None })
    }

    /// The same, which calls this when the first event of a node comes, so that what is counted here is reported with the node.
    #[must_use]
    pub fn reporting(self, report: impl Fn(&str) + Send + 'static) -> Self {
        Self { report: Some(Box::new(report)), ..self }
    }

    /// Writes events until none come any more, then completes the file. Files that a process before this one left incomplete are completed
    /// meanwhile. Events that come from a stream, with checkpoints, wait while nothing can be written, until `shutdown`.
    pub async fn run(self, events: Subscription, bus: Bus, shutdown: CancellationToken) {
        let (directory, base) = (self.options.files.directory.clone(), self.options.files.base.clone());
        let (done, mut recovered) = watch::channel(());
        let uploads = Uploads::start(self.options.upload.as_ref(), &directory, &base, &bus);
        let mut work = Work::new(self.options, uploads.clone(), recovered.clone(), shutdown, &bus);
        work.report = self.report.map(Reporting::new);
        work.begin_first();
        let current = work.path();
        let recovering_uploads = uploads.clone();
        let recovering = bus::task::spawn_thread("archive recovery", move || {
            finish_old(&directory, &base, current.as_deref());
            recovering_uploads.ready();
            drop(done);
        });
        if let Err(error) = recovering {
            uploads.ready();
            warn!("archives that were not completed stay so: {error}");
        }
        // Compression and disks take their time, which no other task is to wait for.
        let runtime = Handle::current();
        let writing = tokio::task::spawn_blocking(move || runtime.block_on(work.write_all(events)));
        if let Err(error) = writing.await {
            warn!("the archive has ended: {error}");
        }
        // What is not completed now will be at the next start.
        let _ = tokio::time::timeout(RECOVERY_PATIENCE, recovered.changed()).await;
        uploads.end().await;
    }
}
