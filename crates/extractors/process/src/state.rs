//! The state of one process.

use std::io;
use std::path::PathBuf;

use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{NodeMemory, NodeProcess, Observer};
use event::{Body, time};

use crate::host::Host;
use crate::proc::{self, Memory};
use crate::running::RunningNode;
use crate::threads::Threads;
use crate::unreadable::Unreadable;

/// The node's process, and what is remembered of it between two readings.
pub(crate) struct Process {
    dir: PathBuf,
    running: RunningNode,
    threads: Threads,
}

/// What was read of a process at one time.
pub(crate) struct Reading {
    /// When it was read, in nanoseconds since the UNIX epoch.
    pub time_ns: u64,
    /// The state, without what is read from disks.
    pub state: NodeProcess,
    /// What is missing in it.
    pub unreadable: Vec<Unreadable>,
}

impl Process {
    pub(crate) fn new(host: &Host, running: RunningNode) -> Self {
        Self { dir: host.process(running.pid), running, threads: Threads::default() }
    }

    /// Reads its state. None if the process has ended.
    pub(crate) fn read(&mut self) -> Option<Reading> {
        let stat = self.stat()?;
        let mut unreadable = Vec::new();
        if let Some(threads) = self.readable("threads", "task", proc::threads(&self.dir), &mut unreadable) {
            self.threads.note(stat.cpu, &threads);
        }
        let memory = self.readable("memory", "status", proc::memory(&self.dir), &mut unreadable);
        let traffic = self.readable("disk traffic", "io", proc::traffic(&self.dir), &mut unreadable);
        let open_files = self.readable("the number of open files", "fd", proc::open_files(&self.dir), &mut unreadable);
        let limit =
            self.readable("the limit of open files", "limits", proc::max_open_files(&self.dir), &mut unreadable);
        if !unreadable.is_empty() {
            self.stat()?; // None: it ended meanwhile.
        }
        let state = NodeProcess {
            pid: self.running.pid,
            started_ns: self.running.started_ns,
            threads: self.threads.by_name(),
            memory: memory.map(node_memory),
            open_files,
            max_open_files: limit,
            read_bytes: traffic.map(|traffic| traffic.read),
            written_bytes: traffic.map(|traffic| traffic.written),
            major_faults: Some(stat.major_faults),
            ..NodeProcess::default()
        };
        Some(Reading { time_ns: time::now_ns(), state, unreadable })
    }

    /// Whether it is stopped. None if it has ended.
    pub(crate) fn is_stopped(&self) -> Option<bool> {
        self.stat().map(|stat| stat.stopped)
    }

    /// Its `stat`; none if it has ended, or its id belongs to another process by now.
    fn stat(&self) -> Option<proc::Stat> {
        proc::stat(&self.dir).ok().filter(|stat| stat.started == self.running.started && !stat.ended)
    }

    /// A part of the state; if it can't be read, that is added to `unreadable`.
    fn readable<T>(
        &self,
        what: &'static str,
        file: &str,
        outcome: io::Result<T>,
        unreadable: &mut Vec<Unreadable>,
    ) -> Option<T> {
        let owner = self.running.owner.as_deref();
        outcome.map_err(|error| unreadable.push(Unreadable::new(what, &self.dir.join(file), error, owner))).ok()
    }
}

fn node_memory(memory: Memory) -> NodeMemory {
    NodeMemory {
        resident: memory.resident,
        anonymous: memory.anonymous,
        r#virtual: memory.address_space,
        swap: memory.swap,
    }
}

/// The body of an event with this state.
pub(crate) fn body(state: NodeProcess) -> Body {
    Body::Observer(Observer { observer_event: Some(ObserverEvent::Process(state)) })
}
