//! Status of the extractors, and state of the node's process.

use std::sync::Arc;

use super::{Redactor, same, shape, words};
use event::Envelope;
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{
    Count, Counter, Dropped, Gap, Label, NodeDirectory, NodeFilesystem, NodeMemory, NodeProcess, NodeState,
    NodeThreads, Observer, Pass, Selection, Shared, Status,
};

/// Names of file systems and directories.
const DIRECTORIES: [&str; 4] = ["datadir", "blocks", "chainstate", "indexes"];

/// Milliseconds between two statuses of an extractor that does not say so.
const DEFAULT_INTERVAL_MS: u32 = 10_000;

impl Redactor {
    pub(super) fn observer(&mut self, observer: &Observer, envelope: &Envelope) -> Option<Observer> {
        let Observer { observer_event } = observer;
        let event = match observer_event.as_ref()? {
            ObserverEvent::Status(status) => ObserverEvent::Status(self.status(status, envelope)),
            ObserverEvent::Process(state) => ObserverEvent::Process(self.process(state)),
            ObserverEvent::Gap(gap) => ObserverEvent::Gap(self.gap(gap)),
            ObserverEvent::Selection(selection) => ObserverEvent::Selection(self.selection(selection)),
        };
        Some(Observer { observer_event: Some(event) })
    }

    fn gap(&mut self, gap: &Gap) -> Gap {
        let Gap { missing, of_run, stage, reason } = gap;
        let node = Arc::clone(&self.node);
        let of_run = of_run.map(|run| self.run(&node, run));
        let name = |text: &str| self.scrubbed(shape::identifier(text));
        Gap { missing: *missing, of_run, stage: name(stage), reason: reason.as_deref().map(name) }
    }

    /// Whom and when it is about is nobody's business; that something was left out is.
    fn selection(&self, selection: &Selection) -> Selection {
        let Selection { passes, low_data } = selection;
        let names = |names: &[String]| names.iter().map(|name| self.scrubbed(shape::identifier(name))).collect();
        let pass =
            |Pass { nodes: _, kinds, messages, peers: _, addrs: _, direction, since_ns: _, until_ns: _ }: &Pass| {
                let (kinds, messages) = (names(kinds), names(messages));
                let direction = direction.as_deref().map(|direction| self.scrubbed(shape::identifier(direction)));
                Pass { kinds, messages, direction, ..Pass::default() }
            };
        Selection { passes: passes.iter().map(pass).collect(), low_data: *low_data }
    }

    /// Without what is counted from the start of an extractor, which may be that of the node.
    fn status(&mut self, status: &Status, envelope: &Envelope) -> Status {
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
        let last_sequence = self.runs.last(&self.pseudonyms, &envelope.node, envelope.run, *last_sequence);
        // Where times are rounded, the next one comes when the unit of time is over.
        let grain_ms = u32::try_from(self.grain_ns / 1_000_000).unwrap_or(u32::MAX);
        let name = |text: &str| self.scrubbed(shape::identifier(text));
        let dropped = |Dropped { stage, reason, count }: &Dropped| Dropped {
            stage: name(stage),
            reason: name(reason),
            count: *count,
        };
        counters.iter().for_each(|Counter { name: _, label: _, value: _ }| {});
        let count = |Count { name: _, labels, value: _ }: &Count| {
            labels.iter().for_each(|Label { name: _, value: _ }| {});
        };
        counts.iter().for_each(count);
        shared.iter().for_each(|Shared { process: _, dropped: _, counts }| counts.iter().for_each(count));
        // The reason names paths and addresses.
        let state = |NodeState { state, since_ns, reason: _ }: &NodeState| NodeState {
            state: *state,
            since_ns: self.since(*since_ns),
            reason: None,
        };
        Status {
            extractor: name(extractor),
            started_ns: self.since(*started_ns),
            last_sequence,
            ended: *ended,
            dropped: dropped_events.iter().map(dropped).collect(),
            counters: Vec::new(),
            counts: Vec::new(),
            shared: None,
            node: node.as_ref().map(state),
            interval_ms: Some(interval_ms.unwrap_or(DEFAULT_INTERVAL_MS).max(grain_ms)),
        }
    }

    /// The state of the node's process, without its start. What it counts begins with the first event that is shown.
    fn process(&mut self, process: &NodeProcess) -> NodeProcess {
        let Self { before, node, .. } = self;
        let mut grown = |name: &str, value: &Option<u64>| value.map(|value| before.grown_by(node, name, value));
        let process = NodeProcess {
            read_bytes: grown("read_bytes", &process.read_bytes),
            written_bytes: grown("written_bytes", &process.written_bytes),
            major_faults: grown("major_faults", &process.major_faults),
            ..of_process(process)
        };
        let thread = |thread: NodeThreads| NodeThreads {
            cpu_user_seconds: before.grown(node, &format!("user {}", thread.name), thread.cpu_user_seconds),
            cpu_system_seconds: before.grown(node, &format!("system {}", thread.name), thread.cpu_system_seconds),
            ..thread
        };
        NodeProcess { threads: process.threads.into_iter().map(thread).collect(), ..process }
    }
}

fn of_process(process: &NodeProcess) -> NodeProcess {
    let NodeProcess {
        pid: _,
        started_ns: _,
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
        started_ns: 0,
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
