//! Status of the extractors, and state of the node's process.

use super::{Redactor, same, shape, words};
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{
    Count, Counter, Dropped, Label, NodeDirectory, NodeFilesystem, NodeMemory, NodeProcess, NodeState, NodeThreads,
    Observer, Shared, Status,
};

/// Names of file systems and directories.
const DIRECTORIES: [&str; 4] = ["datadir", "blocks", "chainstate", "indexes"];

impl Redactor {
    pub(super) fn observer(&mut self, observer: &Observer) -> Option<Observer> {
        let Observer { observer_event } = observer;
        let event = match observer_event.as_ref()? {
            ObserverEvent::Status(status) => ObserverEvent::Status(self.status(status)),
            ObserverEvent::Process(state) => ObserverEvent::Process(process(state)),
        };
        Some(Observer { observer_event: Some(event) })
    }

    fn status(&self, status: &Status) -> Status {
        let Status {
            extractor,
            started_ns,
            last_sequence,
            ended,
            dropped: dropped_events,
            counters,
            counts,
            shared,
            node,
            interval_ms,
        } = status;
        let name = |text: &str| self.scrubbed(shape::identifier(text));
        let dropped = |Dropped { stage, reason, count }: &Dropped| Dropped {
            stage: name(stage),
            reason: name(reason),
            count: *count,
        };
        let counter = |Counter { name: counter, label, value }: &Counter| Counter {
            name: name(counter),
            label: name(label),
            value: *value,
        };
        let label = |Label { name: label, value }: &Label| Label { name: name(label), value: name(value) };
        let count = |Count { name: count, labels, value }: &Count| Count {
            name: name(count),
            labels: labels.iter().map(label).collect(),
            value: *value,
        };
        // The reason names paths and addresses.
        let state = |NodeState { state, since_ns, reason: _ }: &NodeState| NodeState {
            state: *state,
            since_ns: *since_ns,
            reason: None,
        };
        let of_process = |Shared { process, dropped: dropped_events, counts }: &Shared| Shared {
            process: *process,
            dropped: dropped_events.iter().map(dropped).collect(),
            counts: counts.iter().map(count).collect(),
        };
        Status {
            extractor: name(extractor),
            started_ns: *started_ns,
            last_sequence: *last_sequence,
            ended: *ended,
            dropped: dropped_events.iter().map(dropped).collect(),
            counters: counters.iter().map(counter).collect(),
            counts: counts.iter().map(count).collect(),
            shared: shared.as_ref().map(of_process),
            node: node.as_ref().map(state),
            interval_ms: *interval_ms,
        }
    }
}

fn process(process: &NodeProcess) -> NodeProcess {
    let NodeProcess {
        pid: _,
        started_ns,
        threads,
        memory,
        open_files,
        max_open_files,
        read_bytes,
        written_bytes,
        major_faults,
        filesystems,
        directories,
        debug_log_bytes,
    } = process;
    let filesystem = |system: &NodeFilesystem| {
        let system = same!(system => NodeFilesystem { name, size, available });
        DIRECTORIES.contains(&system.name.as_str()).then_some(system)
    };
    let directory = |directory: &NodeDirectory| {
        let directory = same!(directory => NodeDirectory { name, bytes, files, partial });
        DIRECTORIES.contains(&directory.name.as_str()).then_some(directory)
    };
    NodeProcess {
        pid: 0,
        started_ns: *started_ns,
        threads: threads_by_name(threads),
        memory: memory.as_ref().map(|memory| same!(memory => NodeMemory { resident, anonymous, r#virtual, swap })),
        open_files: *open_files,
        max_open_files: *max_open_files,
        read_bytes: *read_bytes,
        written_bytes: *written_bytes,
        major_faults: *major_faults,
        filesystems: filesystems.iter().filter_map(filesystem).collect(),
        directories: directories.iter().filter_map(directory).collect(),
        debug_log_bytes: *debug_log_bytes,
    }
}

/// Threads by name; those with unknown names are added up.
fn threads_by_name(threads: &[NodeThreads]) -> Vec<NodeThreads> {
    let mut out: Vec<NodeThreads> = Vec::with_capacity(threads.len());
    for NodeThreads { name, count, cpu_user_seconds, cpu_system_seconds } in threads {
        let name = words::thread(name);
        if let Some(same) = out.iter_mut().find(|known| known.name == name) {
            same.count = same.count.saturating_add(*count);
            same.cpu_user_seconds += cpu_user_seconds;
            same.cpu_system_seconds += cpu_system_seconds;
        } else {
            out.push(NodeThreads {
                name,
                count: *count,
                cpu_user_seconds: *cpu_user_seconds,
                cpu_system_seconds: *cpu_system_seconds,
            });
        }
    }
    out
}
