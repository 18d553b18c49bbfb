//! What the node's process uses: processors by thread, memory, files, disks.

use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{NodeProcess, NodeThreads};
use event::{Body, Record};

use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// The node's process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Id and start of the process that was last seen.
    is: Option<(u32, u64)>,
}

impl Observer<Store> for Process {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(Body::Observer(observer)) = record.body()
            && let Some(ObserverEvent::Process(process)) = &observer.observer_event
        {
            if self.is.replace((process.pid, process.started_ns)) != Some((process.pid, process.started_ns)) {
                context.sink.clear(ids::THREAD_CPU);
            }
            fold(process, context.sink);
        }
    }
}

fn fold(process: &NodeProcess, store: &mut Store) {
    threads(&process.threads, store);
    if let Some(memory) = &process.memory {
        let kinds = [
            ("resident", memory.resident),
            ("anonymous", memory.anonymous),
            ("virtual", memory.r#virtual),
            ("swap", memory.swap),
        ];
        kinds.iter().for_each(|(kind, bytes)| store.set(ids::NODE_MEMORY, &[kind], *bytes as f64));
    }
    let gauges = [(ids::NODE_FILES, process.open_files), (ids::NODE_MAX_FILES, process.max_open_files)];
    for (id, value) in gauges {
        if let Some(value) = value {
            store.set(id, &[], value as f64);
        }
    }
    for (direction, bytes) in [("read", process.read_bytes), ("write", process.written_bytes)] {
        if let Some(bytes) = bytes {
            store.set_total(ids::NODE_IO, &[direction], bytes as f64);
        }
    }
    if let Some(faults) = process.major_faults {
        store.set_total(ids::NODE_PAGE_FAULTS, &[], faults as f64);
    }
    disks(process, store);
}

fn threads(threads: &[NodeThreads], store: &mut Store) {
    for thread in threads {
        for (mode, seconds) in [("user", thread.cpu_user_seconds), ("system", thread.cpu_system_seconds)] {
            store.set_total(ids::THREAD_CPU, &[&thread.name, mode], seconds);
        }
    }
    let running = threads.iter().filter(|thread| thread.count > 0);
    store.set_all(ids::THREADS, running.map(|thread| ([&*thread.name], f64::from(thread.count))));
}

fn disks(process: &NodeProcess, store: &mut Store) {
    if let Some(filesystem) = process.filesystems.first() {
        store.set(ids::DISK_SIZE, &[], filesystem.size as f64);
        store.set(ids::DISK_AVAILABLE, &[], filesystem.available as f64);
    }
    for directory in &process.directories {
        store.set(ids::DIRECTORY_SIZE, &[&directory.name], directory.bytes as f64);
    }
    if let Some(bytes) = process.debug_log_bytes {
        store.set(ids::DIRECTORY_SIZE, &["debug_log"], bytes as f64);
    }
}
