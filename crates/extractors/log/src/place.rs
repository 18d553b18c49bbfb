//! Where the log is, as far as that can change: a node may come back with other options.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use node::{Discovery, NotFound, Target};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::{Error, Source};

/// Pause between two looks for a node that is not running. A look takes milliseconds.
const PAUSE: Duration = Duration::from_millis(500);

/// Pause between two looks for a node that is running, where the kernel can't report its end.
const CHECK: Duration = Duration::from_secs(2);

/// The path of the log.
pub(crate) struct Place {
    path: Option<PathBuf>,
    node: Option<Node>,
}

/// The node that has the log.
struct Node {
    discovery: Discovery,
    /// Becomes readable when the node ends; while it runs, its log stays where it is.
    process: Option<OwnedFd>,
    /// It ran when it was looked for last, and its end was not noticed since.
    runs: bool,
    /// The id of the process that ran it last.
    last: Option<u32>,
    next_look: Instant,
}

/// The outcome of a look.
pub(crate) enum Look {
    /// It was not necessary.
    NotDue,
    /// The log is where it was, or was found for the first time.
    Same,
    /// The log is at another place.
    Moved,
    /// The node or its log was not found. If that lasts, it is logged once.
    NotFound,
}

impl Place {
    /// The place of a source's log. `name` is the node's name in the log of this program; a trouble is logged when it has lasted for `settled`.
    ///
    /// # Errors
    /// The node is on another machine.
    pub(crate) fn of(source: Source, name: &str, settled: Duration) -> Result<Self, Error> {
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
        let discovery = Discovery::new(target, name, PAUSE, settled);
        let node = Node { discovery, process: None, runs: false, last: None, next_look: Instant::now() };
        Ok(Self { path: None, node: Some(node) })
    }

    /// Where the log is, as far as that is known; none for standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Becomes readable when the node's process ends.
    pub(crate) fn process(&self) -> Option<BorrowedFd<'_>> {
        self.node.as_ref()?.process.as_ref().map(AsFd::as_fd)
    }

    /// The process of the node whose log it is, if that has ended and no other one has its place.
    pub(crate) fn gone(&self) -> Option<u32> {
        self.node.as_ref().filter(|node| !node.runs)?.last
    }

    /// Notes that the node's process has ended.
    pub(crate) fn process_ended(&mut self) {
        if let Some(node) = &mut self.node {
            node.process = None;
            node.runs = false;
            node.next_look = Instant::now();
        }
    }

    /// Looks for the node if that is due.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) fn look(&mut self) -> Result<Look, Error> {
        let Some(node) = &mut self.node else { return Ok(Look::NotDue) };
        if node.process.is_some() || Instant::now() < node.next_look {
            return Ok(Look::NotDue);
        }
        let Some(path) = node.look()? else { return Ok(Look::NotFound) };
        match &self.path {
            Some(last) if *last == path => return Ok(Look::Same),
            // Where a node that is not running has its log is a guess: its command line is not known.
            Some(_) if !node.runs => return Ok(Look::Same),
            _ => {}
        }
        Ok(if self.path.replace(path).is_some() { Look::Moved } else { Look::Same })
    }
}

impl Node {
    /// The path of the node's log; none if it was not found.
    fn look(&mut self) -> Result<Option<PathBuf>, Error> {
        let located = self.discovery.locate::<Error>();
        self.next_look = Instant::now() + PAUSE;
        let log = located.and_then(|located| match located.debug_log {
            Some(path) => Ok((path, located.pid)),
            None => Err(NotFound::temporary("it writes no debug.log; take nodebuglogfile out of its options")),
        });
        let Some((path, pid)) = self.discovery.note(log)? else { return Ok(None) };
        self.runs = pid.is_some();
        self.last = pid.or(self.last);
        if let Some(pid) = pid {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // Old kernels and some containers do not have it.
            self.process = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
            self.next_look = Instant::now() + CHECK;
        }
        Ok(Some(path))
    }
}
