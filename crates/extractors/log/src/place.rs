//! Where the log is, as far as that can change: a node may come back with other options.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use node::{LocateError, Target};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::{Error, Source};

/// Pause between two looks for a node that is not running. A look takes milliseconds.
const LOOK: Duration = Duration::from_millis(500);

/// The same for one that is running, where the kernel can't tell its end.
const CHECK: Duration = Duration::from_secs(2);

/// The path of the log.
pub(crate) struct Place {
    path: Option<PathBuf>,
    node: Option<Search>,
}

/// The node that has the log.
struct Search {
    name: String,
    target: Target,
    /// Tells when the node ends; while it runs, its log stays where it is.
    process: Option<OwnedFd>,
    /// It ran when it was looked for last.
    runs: bool,
    next_look: Instant,
}

/// What a look gave.
pub(crate) enum Look {
    /// It was not necessary.
    NotDue,
    /// The log is where it was, or was found for the first time.
    Same,
    /// It is at another place.
    Moved,
}

/// Why a look did not find the log.
pub(crate) enum Trouble {
    /// No waiting helps.
    Hopeless(Error),
    /// What is wrong, and what would help.
    Other(String),
}

impl Place {
    /// That of a source; none for standard input.
    ///
    /// # Errors
    /// It is on another machine.
    pub(crate) fn of(source: Source, name: &str) -> Result<Self, Error> {
        let target = match source {
            Source::Stdin => return Ok(Self { path: None, node: None }),
            Source::File(path) | Source::Node(Target { debug_log: Some(path), .. }) => {
                return Ok(Self { path: Some(path), node: None });
            }
            Source::Node(target) => target,
        };
        if target.is_remote() {
            return Err(Error::Elsewhere { node: name.to_owned() });
        }
        let search = Search { name: name.to_owned(), target, process: None, runs: false, next_look: Instant::now() };
        Ok(Self { path: None, node: Some(search) })
    }

    /// Where the log is, as far as it is known.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Becomes readable when the node's process ends.
    pub(crate) fn process(&self) -> Option<BorrowedFd<'_>> {
        self.node.as_ref()?.process.as_ref().map(AsFd::as_fd)
    }

    /// The node's process has ended.
    pub(crate) fn process_ended(&mut self) {
        if let Some(search) = &mut self.node {
            search.process = None;
            search.next_look = Instant::now();
        }
    }

    /// Looks for the node if that is due.
    pub(crate) fn look(&mut self) -> Result<Look, Trouble> {
        let Some(search) = &mut self.node else { return Ok(Look::NotDue) };
        if search.process.is_some() || Instant::now() < search.next_look {
            return Ok(Look::NotDue);
        }
        let path = search.look()?;
        match &self.path {
            Some(last) if *last == path => return Ok(Look::Same),
            // Where a node that is not running has its log is a guess: its command line is not known.
            Some(_) if !search.runs => return Ok(Look::Same),
            _ => {}
        }
        Ok(if self.path.replace(path).is_some() { Look::Moved } else { Look::Same })
    }
}

impl Search {
    fn look(&mut self) -> Result<PathBuf, Trouble> {
        let located = self.target.locate();
        self.next_look = Instant::now() + LOOK;
        let located = located.map_err(|source| self.judge(source))?;
        let path = located.debug_log.ok_or_else(|| {
            let text = "it writes no debug.log; take nodebuglogfile out of its options";
            Trouble::Other(text.to_owned())
        })?;
        self.runs = located.pid.is_some();
        if let Some(pid) = located.pid {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // Not in old kernels, or in some containers.
            self.process = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
            self.next_look = Instant::now() + CHECK;
        }
        Ok(path)
    }

    fn judge(&self, source: LocateError) -> Trouble {
        match source {
            LocateError::Name(_) | LocateError::HalfLogin => {
                Trouble::Hopeless(Error::Target { node: self.name.clone(), source })
            }
            source => Trouble::Other(source.to_string()),
        }
    }
}
