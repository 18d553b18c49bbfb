//! Waiting until there may be something new.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tracing::debug;

use crate::pipe::timespec;

/// How long to wait at most, in milliseconds. Some file systems report no changes, and shutdown is to be noticed.
pub(crate) const POLL: u32 = 200;

/// Has the kernel report when the log or its directory changes. What exactly happened is found by looking, which is the same where the kernel
/// reports nothing.
pub(crate) struct Wake {
    inotify: Option<OwnedFd>,
    /// The watch on the file.
    file: Option<i32>,
}

/// What ended a wait. If it is nothing, the time was over.
#[derive(Default)]
pub(crate) struct Woken {
    /// The log may have changed.
    pub log: bool,
    /// The process has ended.
    pub process: bool,
}

impl Wake {
    /// Uses inotify if that is wanted, and if there are not too many users of it. Else a wait ends by time alone.
    pub(crate) fn new(inotify: bool) -> Self {
        let init = || inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let inotify = inotify.then(|| init().inspect_err(|error| debug!("no inotify: {error}")).ok()).flatten();
        Self { inotify, file: None }
    }

    /// Watches for files that come and go where `path` is. It costs little when it does so already.
    pub(crate) fn watch_directory(&self, path: &Path) {
        let (Some(inotify), Some(directory)) = (&self.inotify, path.parent()) else { return };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let events = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::MOVED_FROM | WatchFlags::ONLYDIR;
        // It may not be there yet.
        let _ = inotify::add_watch(inotify, directory, events);
    }

    /// Watches a file, in place of the last one.
    pub(crate) fn watch_file(&mut self, file: &File) {
        let Some(inotify) = &self.inotify else { return };
        if let Some(last) = self.file.take() {
            let _ = inotify::remove_watch(inotify, last);
        }
        // By its descriptor: another file may have its name by now.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let watch = inotify::add_watch(inotify, path, WatchFlags::MODIFY);
        self.file = watch.inspect_err(|error| debug!("the log can't be watched: {error}")).ok();
    }

    /// Waits for a change of the log, for input, or for the end of a process.
    pub(crate) fn wait(&self, input: Option<BorrowedFd>, process: Option<BorrowedFd>) -> Woken {
        let inotify = self.inotify.as_ref().map(AsFd::as_fd);
        let watched = [inotify, input, process];
        let mut fds: Vec<_> = watched.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        // A signal ends it early, which does no harm.
        let _ = poll(&mut fds, Some(&timespec(POLL)));
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut woken = watched.map(|fd| fd.is_some() && ready.next().unwrap_or_default()).into_iter();
        let mut next = || woken.next().unwrap_or_default();
        let (changed, input, process) = (next(), next(), next());
        if changed {
            self.drain();
        }
        Woken { log: changed || input, process }
    }

    /// Throws away what the kernel reported.
    fn drain(&self) {
        let Some(inotify) = &self.inotify else { return };
        let mut events = [0; 4096];
        while matches!(rustix::io::read(inotify, &mut events), Ok(1..)) {}
    }
}
