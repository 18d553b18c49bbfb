//! When the node was started and restarted: by its uptime, its process and debug.log, which may all report the same start.

use crate::Change;
use crate::bounds::{SAME_START_NS, SECOND, START_JITTER_NS};

/// What reports a start: a bit each.
#[derive(Clone, Copy, Debug)]
enum Reporter {
    Log = 1,
    Process = 2,
    Uptime = 4,
}

/// Starts of a node.
#[derive(Debug, Default)]
pub struct Restarts {
    /// Any event of the node was seen.
    seen: bool,
    /// Start of the node's process as well as it is known, nanoseconds since the UNIX epoch.
    pub started_ns: Option<u64>,
    /// How often the node was restarted since it is observed.
    pub count: u64,
    /// When debug.log reported a start, nanoseconds since the UNIX epoch; 0 if it did not.
    pub logged_ns: u64,
    uptime: Option<u32>,
    process_ns: Option<u64>,
    /// The [`Reporter`]s of the start that is known: it is another one when one of them reports a start again, however soon.
    reported: u8,
}

impl Restarts {
    /// Anything of the node was seen: a start that is reported for the first time is a restart from now on.
    #[inline]
    pub(crate) fn seen(&mut self) {
        self.seen = true;
    }

    /// debug.log reported that the node starts.
    pub(crate) fn logged(&mut self, at_ns: u64, changes: &mut Vec<Change>) {
        self.logged_ns = at_ns;
        self.started(Reporter::Log, at_ns, changes);
    }

    /// The node started at this time. It is a restart if the node had been seen before, and this start had not been reported.
    fn started(&mut self, reporter: Reporter, at_ns: u64, changes: &mut Vec<Change>) {
        let is_again = self.reported & reporter as u8 != 0;
        let is_other = match self.started_ns {
            Some(before_ns) => at_ns > before_ns.saturating_add(if is_again { 0 } else { SAME_START_NS }),
            None => self.seen,
        };
        if is_other {
            self.reported = 0;
        }
        self.reported |= reporter as u8;
        if is_other || self.started_ns.is_none() {
            self.set(at_ns, changes);
        }
        if is_other {
            self.count += 1;
            changes.push(Change::NodeRestarted { at_ns });
        }
    }

    fn set(&mut self, at_ns: u64, changes: &mut Vec<Change>) {
        self.started_ns = Some(at_ns);
        changes.push(Change::NodeStarted { at_ns });
    }

    /// The RPC `uptime` answered: so many seconds.
    pub(crate) fn uptime(&mut self, uptime: u32, now_ns: u64, changes: &mut Vec<Change>) {
        let at_ns = now_ns.saturating_sub(u64::from(uptime) * SECOND);
        if self.uptime.replace(uptime).is_some_and(|before| uptime < before) {
            self.started(Reporter::Uptime, at_ns, changes);
        } else if self.process_ns.is_none()
            && self.started_ns.is_none_or(|before_ns| before_ns.abs_diff(at_ns) > START_JITTER_NS)
        {
            // A clock was set, or the machine slept: it is the same process.
            self.set(at_ns, changes);
        }
    }

    /// The operating system reported when the node's process started, which is exact.
    pub(crate) fn process(&mut self, started_ns: u64, changes: &mut Vec<Change>) {
        match self.process_ns.replace(started_ns) {
            // It is not known yet what started since.
            Some(before_ns) if before_ns == started_ns => return,
            Some(_) => self.started(Reporter::Process, started_ns, changes),
            None => {}
        }
        self.reported |= Reporter::Process as u8;
        if self.started_ns != Some(started_ns) {
            self.set(started_ns, changes);
        }
    }
}
