//! A FIFO, which one program after another may write to, and standard input.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use decode::log::Tail;
use logfile::refusal_to_follow;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::feed::CHUNK;
use crate::file::{Identity, identity};
use crate::follow::{Step, open};
use crate::sink::Sink;

/// A pipe that is read.
pub(crate) struct Pipe {
    file: File,
    /// The path of a FIFO; none for standard input.
    path: Option<PathBuf>,
    id: Identity,
    /// It is standard input, and nothing of it was read yet: what it is will show.
    unread: bool,
}

impl Pipe {
    /// The FIFO that was opened without waiting for a writer.
    pub(crate) fn fifo(file: File, path: &Path) -> io::Result<Self> {
        let id = identity(&file.metadata()?);
        Ok(Self { file, path: Some(path.to_owned()), id, unread: false })
    }

    pub(crate) fn stdin() -> io::Result<Self> {
        let file = stdin()?;
        let id = identity(&file.metadata()?);
        Ok(Self { file, path: None, id, unread: true })
    }

    pub(crate) fn id(&self) -> Identity {
        self.id
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Reads what there is, if there is anything. Entries are published when there is no more for the moment: an entry may
    /// come in several pieces.
    pub(crate) fn step(&mut self, feed: &mut impl Sink) -> io::Result<Step> {
        if !is_ready(self.fd(), Some(0))? {
            feed.publish_complete();
            return Ok(Step::Idle);
        }
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&self.file, &mut *feed.room()))?;
        if read == 0 {
            feed.end();
            let Some(path) = &self.path else { return Ok(Step::Ended) };
            // A FIFO that was opened after its last writer left waits for the next one. What it holds is kept, since the old
            // one is still open.
            self.file = open(path)?;
            return Ok(Step::Idle);
        }
        if std::mem::take(&mut self.unread)
            && let Some(refusal) = feed.room().get(..read).and_then(refusal_to_follow)
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, refusal));
        }
        feed.filled(read);
        if feed.pending() >= CHUNK {
            feed.publish(Tail::Follows);
        }
        Ok(Step::More)
    }
}

/// Standard input, as a file of ours.
pub(crate) fn stdin() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Whether reading would not block. Waits for that, `millis` milliseconds at most, or without limit if there are none.
pub(crate) fn is_ready(fd: BorrowedFd, millis: Option<u32>) -> io::Result<bool> {
    let timeout = millis.map(timespec);
    let ready =
        rustix::io::retry_on_intr(|| poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], timeout.as_ref()))?;
    Ok(ready > 0)
}

pub(crate) fn timespec(millis: u32) -> Timespec {
    Timespec { tv_sec: i64::from(millis / 1000), tv_nsec: i64::from(millis % 1000) * 1_000_000 }
}
