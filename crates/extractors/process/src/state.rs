//! The state of one process.

use std::io;
use std::path::PathBuf;

use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{NodeMemory, NodeProcess, Observer};
use event::{Body, time};

use crate::host::Host;
use crate::proc::{self, Memory};
use crate::search::Found;
use crate::threads::Threads;
use crate::trouble::Trouble;

/// A process, and what is remembered of it.
pub(crate) struct Process {
    dir: PathBuf,
    found: Found,
    threads: Threads,
}

/// What a look at it gave.
pub(crate) struct Look {
    /// When, in nanoseconds since the UNIX epoch.
    pub time_ns: u64,
    /// Without what is on disks.
    pub state: NodeProcess,
    pub troubles: Vec<Trouble>,
}

impl Process {
    pub(crate) fn new(host: &Host, found: Found) -> Self {
        Self { dir: host.process(found.pid), found, threads: Threads::default() }
    }

    /// Looks at it. None if it has ended.
    pub(crate) fn look(&mut self) -> Option<Look> {
        let stat = self.stat()?;
        let mut troubles = Vec::new();
        if let Some(threads) = self.read("threads", "task", proc::threads(&self.dir), &mut troubles) {
            self.threads.note(stat.cpu, &threads);
        }
        let memory = self.read("memory", "status", proc::memory(&self.dir), &mut troubles);
        let traffic = self.read("disk traffic", "io", proc::traffic(&self.dir), &mut troubles);
        let open_files = self.read("the number of open files", "fd", proc::open_files(&self.dir), &mut troubles);
        let limit = self.read("the limit of open files", "limits", proc::max_open_files(&self.dir), &mut troubles);
        if !troubles.is_empty() {
            self.stat()?; // else it ended meanwhile
        }
        let state = NodeProcess {
            pid: self.found.pid,
            started_ns: self.found.started_ns,
            threads: self.threads.by_name(),
            memory: memory.map(node_memory),
            open_files,
            max_open_files: limit,
            read_bytes: traffic.map(|traffic| traffic.read),
            written_bytes: traffic.map(|traffic| traffic.written),
            major_faults: Some(stat.major_faults),
            ..NodeProcess::default()
        };
        Some(Look { time_ns: time::now_ns(), state, troubles })
    }

    /// Its `stat`, if it is still that process.
    fn stat(&self) -> Option<proc::Stat> {
        proc::stat(&self.dir).ok().filter(|stat| stat.started == self.found.started && !stat.ended)
    }

    fn read<T>(
        &self,
        what: &'static str,
        file: &str,
        outcome: io::Result<T>,
        troubles: &mut Vec<Trouble>,
    ) -> Option<T> {
        let owner = self.found.owner.as_deref();
        outcome.map_err(|error| troubles.push(Trouble::new(what, &self.dir.join(file), error, owner))).ok()
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

/// The body of an event.
pub(crate) fn body(state: NodeProcess) -> Body {
    Body::Observer(Observer { observer_event: Some(ObserverEvent::Process(state)) })
}
