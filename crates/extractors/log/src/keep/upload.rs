//! Puts complete files elsewhere, too: into a directory, or into an object store.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use store::note_path;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::KeepOptions;
use super::retention::of_node;

/// How often is looked for complete files, besides when one is completed.
const LOOK: Duration = Duration::from_secs(300);
/// How long to wait after the first failure. Each time it is twice as long, up to the most.
const RETRY: Duration = Duration::from_secs(5);
/// How long the end waits for files that can still be put there.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where complete files are put, too.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A directory, such as one of another machine.
    Directory(PathBuf),
    /// A place in an object store.
    #[cfg(feature = "s3")]
    Store(store::remote::Folder),
}

/// Informs those who put files elsewhere that one is complete.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notice(Arc<Notify>);

impl Notice {
    /// Does so.
    pub fn give(&self) {
        self.0.notify_one();
    }
}

/// What puts files of a node elsewhere.
#[derive(Debug)]
pub(super) struct Uploads {
    notice: Notice,
    ending: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Uploads {
    pub fn start(options: &KeepOptions, node: &str) -> Self {
        let (notice, ending) = (Notice::default(), CancellationToken::new());
        let task = options.upload.clone().map(|to| {
            let work = Work { to, directory: options.directory.clone(), node: node.to_owned() };
            bus::task::spawn("uploads of kept logs", work.run(notice.clone(), ending.clone()))
        });
        Self { notice, ending, task }
    }

    pub fn notice(&self) -> Notice {
        self.notice.clone()
    }

    /// Waits a little until all files are there.
    pub async fn end(self) {
        self.ending.cancel();
        if let Some(mut task) = self.task
            && tokio::time::timeout(PATIENCE, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

struct Work {
    to: Destination,
    directory: PathBuf,
    node: String,
}

impl Work {
    async fn run(self, notice: Notice, ending: CancellationToken) {
        let mut delay = RETRY;
        // The keeper completes what an earlier process has left first.
        notice.0.notified().await;
        loop {
            let is_last = ending.is_cancelled();
            let wait = match self.pass().await {
                Ok(()) => {
                    delay = RETRY;
                    LOOK
                }
                Err(error) => {
                    if delay == RETRY {
                        warn!("node {}: kept logs wait here until they can be put elsewhere: {error}", self.node);
                    }
                    delay = (delay * 2).min(LOOK);
                    delay
                }
            };
            if is_last {
                return;
            }
            tokio::select! {
                () = notice.0.notified() => {}
                () = ending.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Puts all complete files there that are not.
    async fn pass(&self) -> Result<(), String> {
        let (directory, node) = (self.directory.clone(), self.node.clone());
        let waiting = tokio::task::spawn_blocking(move || {
            let files = of_node(&directory, &node).into_iter();
            let waits = |file: &store::logs::LogFile| !note_path(file.place.path()).exists() && file.is_complete();
            files.filter(waits).map(|file| file.place.path().to_owned()).collect::<Vec<_>>()
        });
        for path in waiting.await.unwrap_or_default() {
            let to = self.one(&path).await?;
            fs::write(note_path(&path), &to).map_err(|error| format!("cannot note what is in {to}: {error}"))?;
            info!("node {}: {} is in {to}, too", self.node, path.display());
        }
        Ok(())
    }

    async fn one(&self, path: &Path) -> Result<String, String> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match &self.to {
            Destination::Directory(directory) => {
                let (from, directory, name) = (path.to_owned(), directory.clone(), name.to_owned());
                let copying = tokio::task::spawn_blocking(move || copy(&from, &directory, &name));
                let copied = copying.await.map_err(io::Error::other).flatten();
                copied
                    .map(|to| to.display().to_string())
                    .map_err(|error| format!("cannot copy {}: {error}", path.display()))
            }
            #[cfg(feature = "s3")]
            Destination::Store(folder) => in_store(folder, path, name).await.map_err(|error| error.to_string()),
        }
    }
}

/// Copies a file as a whole, or not at all. One that is there already with the same size was copied before.
fn copy(from: &Path, directory: &Path, name: &str) -> io::Result<PathBuf> {
    let to = directory.join(name);
    let size = fs::metadata(from)?.len();
    if fs::metadata(&to).is_ok_and(|there| there.len() == size) {
        return Ok(to);
    }
    let new = directory.join(format!(".{name}.new"));
    fs::copy(from, &new)?;
    File::open(&new)?.sync_all()?;
    fs::rename(&new, &to)?;
    File::open(directory)?.sync_all()?;
    Ok(to)
}

#[cfg(feature = "s3")]
async fn in_store(
    folder: &store::remote::Folder,
    path: &Path,
    name: &str,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    use store::remote::{Digest, State};
    let url = folder.at(name)?;
    let owned = path.to_owned();
    let digest = tokio::task::spawn_blocking(move || Digest::of(&owned)).await??;
    if folder.verify(&url, &digest).await? != State::Same {
        folder.put(&url, path, &digest, std::future::pending()).await?;
        if folder.verify(&url, &digest).await? != State::Same {
            return Err(format!("what the store has of {url} after the upload is not what was sent").into());
        }
    }
    Ok(url.to_string())
}
