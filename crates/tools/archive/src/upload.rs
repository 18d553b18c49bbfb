//! Puts complete files into a store, and notes which are there.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bus::Bus;
use bus::counters::{ARCHIVE_UPLOAD_BYTES, ARCHIVE_UPLOAD_WAITING, ARCHIVE_UPLOADS, Count};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::archive::{Archive, Form};
use store::note_path;
use store::remote::{Digest, Folder, ObjectUrl, RemoteError, State};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::files::{entries, remove, write_small};

/// How long to wait after the first failure. Each time it is twice as long, up to the most.
const RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(300);
/// How often files are looked for, besides when one is completed.
const LOOK: Duration = Duration::from_secs(60);
/// How long the end waits for files that can still be put there, and for one that is given up.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where complete files go.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The place in a store.
    pub folder: Folder,
    /// They are removed here when they are there.
    pub remove: bool,
}

/// Why a file is not in the store.
#[derive(Debug, Error)]
enum UploadError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("cannot read or remove {}: {cause}", path.display())]
    Io { path: PathBuf, cause: std::io::Error },
    #[error("{0} is another file, which is not replaced: upload to another place, or choose another archive.name")]
    Other(ObjectUrl),
    #[error("what the store has of {0} after the upload is not what was sent: it will be sent again")]
    Untrue(ObjectUrl),
}

/// What is noted of a file that is in the store.
#[derive(Debug, Deserialize, Serialize)]
struct Note {
    to: String,
    size: u64,
    sha256: String,
    e_tag: String,
}

/// The uploads of an archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uploads(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    upload: Upload,
    wake: Notify,
    /// Files of earlier runs are complete, as far as they can be.
    ready: CancellationToken,
    /// There will be no more files.
    ending: CancellationToken,
    /// What is under way is given up.
    stop: CancellationToken,
    waiting: AtomicUsize,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Uploads {
    /// Begins, as soon as [`Self::ready`] is called.
    pub fn start(upload: Option<&Upload>, directory: &Path, base: &str, bus: &Bus) -> Self {
        let Some(upload) = upload else { return Self::default() };
        let shared = Arc::new(Shared {
            upload: upload.clone(),
            wake: Notify::new(),
            ready: CancellationToken::new(),
            ending: CancellationToken::new(),
            stop: CancellationToken::new(),
            waiting: AtomicUsize::new(0),
            task: Mutex::new(None),
        });
        let count = |result| bus.accounts().count(&ARCHIVE_UPLOADS, [result]);
        let work = Work {
            shared: Arc::clone(&shared),
            directory: directory.to_owned(),
            base: base.to_owned(),
            uploaded: count("uploaded"),
            failed: count("failed"),
            bytes: bus.accounts().count(&ARCHIVE_UPLOAD_BYTES, []),
            waiting: bus.accounts().count(&ARCHIVE_UPLOAD_WAITING, []),
            reported: HashSet::new(),
            digests: HashMap::new(),
        };
        *shared.task.lock() = Some(bus::task::spawn("uploads of the archive", work.run()));
        Self(Some(shared))
    }

    /// Files of earlier runs are complete now, as far as they can be.
    pub fn ready(&self) {
        self.0.iter().for_each(|shared| shared.ready.cancel());
    }

    /// A file is complete.
    pub fn completed(&self) {
        self.0.iter().for_each(|shared| shared.wake.notify_one());
    }

    /// Whether a file of this size may be removed: it is in the store, or need not be.
    pub fn is_safe(&self, path: &Path, size: u64) -> bool {
        let Some(Shared { upload, .. }) = self.0.as_deref() else { return true };
        url_of(upload, path).is_ok_and(|url| Note::read(path, size, &url).is_some())
    }

    /// Waits a little until all files are in the store.
    pub async fn end(&self) {
        let Some(shared) = self.0.as_deref() else { return };
        shared.ending.cancel();
        let Some(mut task) = shared.task.lock().take() else { return };
        if tokio::time::timeout(PATIENCE, &mut task).await.is_err() {
            shared.stop.cancel();
            let _ = tokio::time::timeout(PATIENCE, task).await;
        }
        let waiting = shared.waiting.load(Ordering::Relaxed);
        if waiting > 0 {
            info!("{waiting} archives are not in {} yet: the next start goes on", shared.upload.folder.url());
        }
    }
}

/// The uploads at work.
struct Work {
    shared: Arc<Shared>,
    directory: PathBuf,
    base: String,
    uploaded: Count,
    failed: Count,
    bytes: Count,
    waiting: Count,
    /// Files whose failure was logged.
    reported: HashSet<PathBuf>,
    /// What is known of files that wait, for it takes time to know it.
    digests: HashMap<PathBuf, Digest>,
}

impl Work {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            () = shared.ready.cancelled() => {}
            () = shared.ending.cancelled() => {}
        }
        let (mut since, mut delay) = (None, RETRY);
        loop {
            let is_last = shared.ending.is_cancelled();
            let passed = self.pass().await;
            match (passed, since) {
                (Ok(()), None) => delay = RETRY,
                (Ok(()), Some(start)) => {
                    let start: Instant = start;
                    info!("archives go to {} again, after {} s", shared.upload.folder.url(), start.elapsed().as_secs());
                    (since, delay) = (None, RETRY);
                }
                (Err(_), _) if shared.stop.is_cancelled() => return,
                (Err(error), before) => {
                    self.failed.add(1.0);
                    if before.is_none() {
                        warn!("archives wait here until they can be put into the store: {error}");
                    }
                    since = before.or_else(|| Some(Instant::now()));
                    delay = (delay * 2).min(MAX_RETRY);
                }
            }
            if is_last {
                return;
            }
            // Several archivers that lost the same store are not to come back at the same moment.
            let wait = if since.is_some() { delay.mul_f64(0.5 + fastrand::f64() / 2.0) } else { LOOK };
            tokio::select! {
                () = shared.wake.notified(), if since.is_none() => {}
                () = shared.ending.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Puts all files that wait into the store. An error is one of the store, not of a file.
    async fn pass(&mut self) -> Result<(), RemoteError> {
        let (directory, base, upload) = (self.directory.clone(), self.base.clone(), self.shared.upload.clone());
        let looking = tokio::task::spawn_blocking(move || look(&directory, &base, &upload));
        let found = looking.await.unwrap_or_default();
        let mut waiting = found.iter().filter(|(_, note)| note.is_none()).count();
        self.set_waiting(waiting);
        let mut refused = None;
        for (path, note) in found {
            let is_new = note.is_none();
            match self.one(&path, note).await {
                Ok(()) => waiting -= usize::from(is_new),
                // None of the others would fare better.
                Err(UploadError::Remote(error)) if self.shared.stop.is_cancelled() || error.is_passing() => {
                    return Err(error);
                }
                Err(UploadError::Remote(error)) => refused = Some(error),
                Err(error) => {
                    self.failed.add(1.0);
                    if self.reported.insert(path) {
                        warn!("{error}");
                    }
                }
            }
            self.set_waiting(waiting);
        }
        refused.map_or(Ok(()), Err)
    }

    fn set_waiting(&self, files: usize) {
        self.shared.waiting.store(files, Ordering::Relaxed);
        self.waiting.set(files as f64);
    }

    /// Puts a file into the store, unless it is there, and removes it here if that is wanted. The store is asked before.
    async fn one(&mut self, path: &Path, note: Option<Note>) -> Result<(), UploadError> {
        let shared = Arc::clone(&self.shared);
        let Upload { folder, remove: is_removed } = &shared.upload;
        let io = |cause| UploadError::Io { path: path.to_owned(), cause };
        let url = url_of(&self.shared.upload, path)?;
        // As long as it is put there, nobody else completes or continues it.
        let file = File::open(path).map_err(io)?;
        file.try_lock_shared().map_err(|error| io(error.into()))?;
        let was_noted = note.is_some();
        let digest = match note {
            Some(Note { size, sha256, e_tag, .. }) => Digest { size, sha256, e_tag },
            None => match self.digests.get(path) {
                Some(digest) => digest.clone(),
                None => {
                    let owned = path.to_owned();
                    let reading = tokio::task::spawn_blocking(move || Digest::of(&owned));
                    let digest = reading.await.map_err(std::io::Error::other).flatten().map_err(io)?;
                    self.digests.entry(path.to_owned()).or_insert(digest).clone()
                }
            },
        };
        let state = folder.verify(&url, &digest).await?;
        match state {
            State::Same => {}
            State::Other => return Err(UploadError::Other(url)),
            State::Missing | State::Damaged => {
                folder.put(&url, path, &digest, self.shared.stop.cancelled()).await?;
                if folder.verify(&url, &digest).await? != State::Same {
                    return Err(UploadError::Untrue(url));
                }
                self.bytes.add(digest.size as f64);
            }
        }
        if !was_noted || state != State::Same {
            Note::write(path, &url, &digest).map_err(io)?;
            self.uploaded.add(1.0);
            self.digests.remove(path);
        }
        if *is_removed {
            remove(path).map_err(io)?;
        }
        let then = if *is_removed { ", and removed here" } else { "" };
        info!("{} is in the store as {url}: {} bytes, verified{then}", path.display(), digest.size);
        Ok(())
    }
}

/// The files for which something is to be done, the oldest first, and what is noted of them.
fn look(directory: &Path, base: &str, upload: &Upload) -> Vec<(PathBuf, Option<Note>)> {
    let entries = match entries(directory, base) {
        Ok(entries) => entries,
        Err(error) => {
            warn!("cannot look for archives in {}: {error}", directory.display());
            return Vec::new();
        }
    };
    let wanted = entries.into_iter().filter_map(|entry| {
        let url = url_of(upload, &entry.path).ok()?;
        match Note::read(&entry.path, entry.bytes, &url) {
            Some(note) => upload.remove.then_some((entry.path, Some(note))),
            None => is_complete(&entry.path).then_some((entry.path, None)),
        }
    });
    wanted.collect()
}

/// Nobody writes to it any more. One that is damaged stays here: its archiver has said so.
fn is_complete(path: &Path) -> bool {
    let is_free = File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok());
    is_free && Archive::open(path).is_ok_and(|archive| archive.has_table() || archive.form() == Form::Raw)
}

fn url_of(upload: &Upload, path: &Path) -> Result<ObjectUrl, RemoteError> {
    upload.folder.at(&path.file_name().unwrap_or_default().to_string_lossy())
}

impl Note {
    /// What is noted of a file of this size; none if that is of another size or place.
    fn read(path: &Path, size: u64, url: &ObjectUrl) -> Option<Self> {
        let text = std::fs::read(note_path(path)).ok()?;
        let note: Self = serde_json::from_slice(&text).ok()?;
        (note.size == size && note.to == url.to_string()).then_some(note)
    }

    fn write(path: &Path, url: &ObjectUrl, digest: &Digest) -> std::io::Result<()> {
        let Digest { size, sha256, e_tag } = digest.clone();
        let note = Self { to: url.to_string(), size, sha256, e_tag };
        write_small(&note_path(path), &serde_json::to_vec(&note)?)
    }
}
