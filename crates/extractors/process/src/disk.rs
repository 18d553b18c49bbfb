//! What the node takes of disks, read in the background: a disk may be slow, or a server that is away.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use event::pb::observer::{NodeDirectory, NodeFilesystem, NodeProcess};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::directory;
use crate::running::RunningNode;
use crate::unreadable::{Unreadable, Warnings};

/// Directories of the chain that grow.
const DIRECTORIES: [&str; 3] = ["blocks", "chainstate", "indexes"];

/// How often their files are counted at most.
const COUNT_INTERVAL: Duration = Duration::from_secs(60);

/// How many times longer the pause between two counts is than a count takes, at least.
const REST: u32 = 20;

/// How long an event waits for what is read from disks. What comes later is in the next event.
const GRACE: Duration = Duration::from_millis(500);

/// Where the node's files are.
struct Paths {
    datadir: Option<PathBuf>,
    debug_log: Option<PathBuf>,
    owner: Option<String>,
}

/// What takes no time to read.
#[derive(Default)]
struct Space {
    filesystems: Vec<NodeFilesystem>,
    /// Size of debug.log in bytes.
    debug_log: Option<u64>,
}

/// What the node takes of disks, as it was last seen.
pub(crate) struct Disk {
    paths: Arc<Paths>,
    space: Background<Space>,
    directories: Background<Vec<NodeDirectory>>,
    next_count: Instant,
    stop: CancellationToken,
    _stopped_with_this: DropGuard,
}

impl Disk {
    /// The disk use of a node. `stop` ends a count that is going on.
    pub(crate) fn of(running: &RunningNode, stop: CancellationToken) -> Self {
        let RunningNode { datadir, debug_log, owner, .. } = running.clone();
        Self {
            paths: Arc::new(Paths { datadir, debug_log, owner }),
            space: Background::default(),
            directories: Background::default(),
            next_count: Instant::now(),
            _stopped_with_this: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Reads again what is due.
    pub(crate) async fn refresh(&mut self, warnings: &mut Warnings) {
        let paths = Arc::clone(&self.paths);
        self.space.start(move || paths.space());
        if self.next_count <= Instant::now() {
            let (paths, stop) = (Arc::clone(&self.paths), self.stop.clone());
            self.directories.start(move || paths.directories(&stop));
            self.next_count = Instant::now() + COUNT_INTERVAL;
        }
        let deadline = Instant::now() + GRACE;
        self.space.wait(deadline, warnings).await;
        if let Some(took) = self.directories.wait(deadline, warnings).await {
            self.next_count = self.next_count.max(Instant::now() + took * REST);
        }
    }

    /// Adds what is known to a state.
    pub(crate) fn add_to(&self, state: &mut NodeProcess) {
        if let Some(space) = &self.space.last {
            state.filesystems.clone_from(&space.filesystems);
            state.debug_log_bytes = space.debug_log;
        }
        state.directories = self.directories.last.clone().unwrap_or_default();
    }
}

/// Something that a thread reads, while its last result is known.
struct Background<T> {
    task: Option<JoinHandle<Outcome<T>>>,
    last: Option<T>,
}

struct Outcome<T> {
    result: T,
    unreadable: Vec<Unreadable>,
    took: Duration,
}

impl<T> Default for Background<T> {
    fn default() -> Self {
        Self { task: None, last: None }
    }
}

impl<T: Send + 'static> Background<T> {
    /// Starts the work unless it is still going on.
    fn start(&mut self, work: impl FnOnce() -> (T, Vec<Unreadable>) + Send + 'static) {
        self.task.get_or_insert_with(|| {
            tokio::task::spawn_blocking(|| {
                let started = Instant::now();
                let (result, unreadable) = work();
                Outcome { result, unreadable, took: started.elapsed() }
            })
        });
    }

    /// Waits for the result until `deadline`. Returns how long the work took; none if there is no result yet.
    async fn wait(&mut self, deadline: Instant, warnings: &mut Warnings) -> Option<Duration> {
        let outcome = timeout_at(deadline, self.task.as_mut()?).await.ok()?;
        self.task = None;
        match outcome {
            Ok(outcome) => {
                self.last = Some(outcome.result);
                warnings.log(outcome.unreadable);
                Some(outcome.took)
            }
            Err(end) => {
                crate::at_shutdown(end);
                None
            }
        }
    }
}

impl Paths {
    fn space(&self) -> (Space, Vec<Unreadable>) {
        let (mut space, mut unreadable) = (Space::default(), Vec::new());
        if let Some(datadir) = &self.datadir {
            match filesystems(datadir) {
                Ok(filesystems) => space.filesystems = filesystems,
                Err(error) => unreadable.push(self.unreadable("the data directory's file system", datadir, error)),
            }
        }
        if let Some(path) = &self.debug_log {
            match fs::metadata(path) {
                Ok(metadata) => space.debug_log = metadata.is_file().then_some(metadata.len()),
                // The node will make it, or it was moved away.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => unreadable.push(self.unreadable("the size of debug.log", path, error)),
            }
        }
        (space, unreadable)
    }

    fn directories(&self, stop: &CancellationToken) -> (Vec<NodeDirectory>, Vec<Unreadable>) {
        let (mut directories, mut unreadable) = (Vec::new(), Vec::new());
        for name in DIRECTORIES {
            let Some(path) = self.datadir.as_ref().map(|datadir| datadir.join(name)) else { break };
            match directory::usage(name, &path, stop) {
                Ok(usage) => directories.push(usage),
                // Not every node has indexes.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => unreadable.push(self.unreadable("the disk use of directories", &path, error)),
            }
        }
        (directories, unreadable)
    }

    fn unreadable(&self, what: &'static str, path: &Path, error: io::Error) -> Unreadable {
        Unreadable::new(what, path, error, self.owner.as_deref())
    }
}

/// The file system of a data directory, and others that some of its directories are on.
fn filesystems(datadir: &Path) -> io::Result<Vec<NodeFilesystem>> {
    let mut devices = vec![fs::metadata(datadir)?.dev()];
    let mut filesystems = vec![filesystem("datadir", datadir)?];
    for name in DIRECTORIES {
        let path = datadir.join(name);
        let Some(device) = fs::metadata(&path).ok().map(|metadata| metadata.dev()) else { continue };
        if !devices.contains(&device) {
            devices.push(device);
            filesystems.extend(filesystem(name, &path));
        }
    }
    Ok(filesystems)
}

fn filesystem(name: &str, path: &Path) -> io::Result<NodeFilesystem> {
    let space = rustix::fs::statvfs(path)?;
    Ok(NodeFilesystem {
        name: name.to_owned(),
        size: space.f_blocks.saturating_mul(space.f_frsize),
        available: space.f_bavail.saturating_mul(space.f_frsize),
    })
}
