//! What the node takes of disks, looked at in the background: a disk may be slow, or a server that is away.

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
use crate::search::Found;
use crate::trouble::{Trouble, Troubles};

/// Directories that grow.
const DIRECTORIES: [&str; 3] = ["blocks", "chainstate", "indexes"];

/// How often their files are counted at most.
const COUNT: Duration = Duration::from_secs(60);

/// How much longer the pause between two counts is than a count takes, at the least.
const REST: u32 = 20;

/// How long an event waits for what is on disks. What comes later is in the next one.
const GRACE: Duration = Duration::from_millis(500);

/// Where the node's files are.
struct Place {
    datadir: Option<PathBuf>,
    debug_log: Option<PathBuf>,
    owner: Option<String>,
}

/// What takes no time to find out.
#[derive(Default)]
struct Space {
    filesystems: Vec<NodeFilesystem>,
    debug_log: Option<u64>,
}

/// What the node takes of disks, as it was last seen.
pub(crate) struct Disk {
    place: Arc<Place>,
    space: Background<Space>,
    directories: Background<Vec<NodeDirectory>>,
    next_count: Instant,
    stop: CancellationToken,
    _stopped_with_this: DropGuard,
}

impl Disk {
    /// That of a node; `stop` ends what is going on.
    pub(crate) fn of(found: &Found, stop: CancellationToken) -> Self {
        let Found { datadir, debug_log, owner, .. } = found.clone();
        Self {
            place: Arc::new(Place { datadir, debug_log, owner }),
            space: Background::default(),
            directories: Background::default(),
            next_count: Instant::now(),
            _stopped_with_this: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Looks again at what is due.
    pub(crate) async fn look(&mut self, troubles: &mut Troubles) {
        let place = Arc::clone(&self.place);
        self.space.start(move || place.space());
        if self.next_count <= Instant::now() {
            let (place, stop) = (Arc::clone(&self.place), self.stop.clone());
            self.directories.start(move || place.directories(&stop));
            self.next_count = Instant::now() + COUNT;
        }
        let deadline = Instant::now() + GRACE;
        self.space.wait(deadline, troubles).await;
        if let Some(took) = self.directories.wait(deadline, troubles).await {
            self.next_count = self.next_count.max(Instant::now() + took * REST);
        }
    }

    /// Adds what is known to a state.
    pub(crate) fn tell(&self, state: &mut NodeProcess) {
        if let Some(space) = &self.space.last {
            state.filesystems.clone_from(&space.filesystems);
            state.debug_log_bytes = space.debug_log;
        }
        state.directories = self.directories.last.clone().unwrap_or_default();
    }
}

/// Something that a thread finds out, while that of last time is known.
struct Background<T> {
    task: Option<JoinHandle<Outcome<T>>>,
    last: Option<T>,
}

struct Outcome<T> {
    result: T,
    troubles: Vec<Trouble>,
    took: Duration,
}

impl<T> Default for Background<T> {
    fn default() -> Self {
        Self { task: None, last: None }
    }
}

impl<T: Send + 'static> Background<T> {
    /// Starts the work unless it is still going on.
    fn start(&mut self, work: impl FnOnce() -> (T, Vec<Trouble>) + Send + 'static) {
        self.task.get_or_insert_with(|| {
            tokio::task::spawn_blocking(|| {
                let started = Instant::now();
                let (result, troubles) = work();
                Outcome { result, troubles, took: started.elapsed() }
            })
        });
    }

    /// Waits for the result. If there is one, gives how long it took.
    async fn wait(&mut self, deadline: Instant, troubles: &mut Troubles) -> Option<Duration> {
        let outcome = timeout_at(deadline, self.task.as_mut()?).await.ok()?;
        self.task = None;
        match outcome {
            Ok(outcome) => {
                self.last = Some(outcome.result);
                troubles.tell(outcome.troubles);
                Some(outcome.took)
            }
            Err(end) => {
                crate::at_shutdown(end);
                None
            }
        }
    }
}

impl Place {
    fn space(&self) -> (Space, Vec<Trouble>) {
        let (mut space, mut troubles) = (Space::default(), Vec::new());
        if let Some(datadir) = &self.datadir {
            match filesystems(datadir) {
                Ok(filesystems) => space.filesystems = filesystems,
                Err(error) => troubles.push(self.trouble("the data directory's file system", datadir, error)),
            }
        }
        if let Some(path) = &self.debug_log {
            match fs::metadata(path) {
                Ok(metadata) => space.debug_log = metadata.is_file().then_some(metadata.len()),
                // The node is to make it, or it was moved away.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => troubles.push(self.trouble("the size of debug.log", path, error)),
            }
        }
        (space, troubles)
    }

    fn directories(&self, stop: &CancellationToken) -> (Vec<NodeDirectory>, Vec<Trouble>) {
        let (mut directories, mut troubles) = (Vec::new(), Vec::new());
        for name in DIRECTORIES {
            let Some(path) = self.datadir.as_ref().map(|datadir| datadir.join(name)) else { break };
            match directory::usage(name, &path, stop) {
                Ok(usage) => directories.push(usage),
                // Not every node has indexes.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => troubles.push(self.trouble("the disk use of directories", &path, error)),
            }
        }
        (directories, troubles)
    }

    fn trouble(&self, what: &'static str, path: &Path, error: io::Error) -> Trouble {
        Trouble::new(what, path, error, self.owner.as_deref())
    }
}

/// The file system of a data directory, and those that some of its directories are on.
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
