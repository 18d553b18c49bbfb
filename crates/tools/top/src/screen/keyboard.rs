//! The terminal that keys are read from.
//!
//! The library that reads them waits without end for a terminal that has hung up, so that is looked for first.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{Event, poll, read};
use rustix::event::{PollFd, PollFlags, Timespec};

/// How long it may take until an end, or another size of the terminal, is noticed.
const PATIENCE: Duration = Duration::from_millis(100);

/// The terminal that the library reads: standard input, or that of the process.
pub struct Keyboard(Option<File>);

impl Keyboard {
    /// # Errors
    /// The process has no terminal.
    pub fn open() -> io::Result<Self> {
        if io::stdin().is_terminal() { Ok(Self(None)) } else { File::open("/dev/tty").map(|file| Self(Some(file))) }
    }

    /// Waits for a key or another size. None when the time is over, or the end has come.
    ///
    /// # Errors
    /// The terminal has hung up, or cannot be read.
    pub fn wait(&self, time: Duration, ended: &impl Fn() -> bool) -> io::Result<Option<Event>> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            self.look(left.min(PATIENCE))?;
            if poll(Duration::ZERO)? {
                return read().map(Some);
            }
            if left.is_zero() || ended() {
                return Ok(None);
            }
        }
    }

    /// Waits so long for something to read.
    fn look(&self, time: Duration) -> io::Result<()> {
        let stdin = io::stdin();
        let fd: BorrowedFd = self.0.as_ref().map_or_else(|| stdin.as_fd(), File::as_fd);
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        let time = Timespec::try_from(time).unwrap_or_default();
        match rustix::event::poll(&mut fds, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        let [fd] = &fds;
        if fd.revents().intersects(gone) { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}
