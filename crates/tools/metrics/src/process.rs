//! The series of this process: losses, queues, sets of networks, memory and CPU time.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use bus::{Bus, Reason};
use procfs::Current;

use crate::enrichment::Enrichment;
use crate::store::{Limits, Store};
use crate::table::ids;

/// The series of this process.
pub struct Process {
    store: Store,
    bus: Bus,
}

impl Process {
    /// Sets what does not change while the process runs.
    pub fn new(limits: Limits, bus: Bus) -> Self {
        let mut store = Store::new(limits);
        let now_ns = event::time::now_ns();
        store.set_time(now_ns);
        store.set(ids::RUNTIME_START_TIMESTAMP, &[], (now_ns / 1_000_000_000) as f64);
        store.set(
            ids::BUILD_INFO,
            &[env!("CARGO_PKG_VERSION"), &format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)],
            1.0,
        );
        store.set(ids::PROCESS_START, &[], process_start().unwrap_or(now_ns as f64 / 1e9));
        Self { store, bus }
    }

    /// The store with the series.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Brings all series up to date. `series` is the number of series in all other stores.
    pub fn refresh(&mut self, enrichment: &Enrichment, series: usize) {
        let Self { store, bus } = self;
        store.set_time(event::time::now_ns());
        for stage in bus.accounts().stages() {
            let name = stage.name();
            store.set_total(ids::STAGE_EVENTS, &[name, "in"], stage.events_in() as f64);
            store.set_total(ids::STAGE_EVENTS, &[name, "out"], stage.events_out() as f64);
            if let Some(server) = stage.server() {
                let flow = if name == "nats" { "out" } else { "in" };
                store.set(ids::NATS_CONNECTED, &[flow], f64::from(u8::from(server.connected)));
            }
            store.set_total(ids::STAGE_EVENTS, &[name, "filtered"], stage.events_filtered() as f64);
            for reason in Reason::ALL {
                store.set_total(ids::DROPPED, &[name, reason.name()], stage.dropped(reason) as f64);
            }
        }
        let queues = bus.queues();
        store.set_all(ids::QUEUE_DEPTH, queues.iter().map(|queue| ([queue.name.as_str()], queue.waiting as f64)));
        store.set_all(ids::QUEUE_CAPACITY, queues.iter().map(|queue| ([queue.name.as_str()], queue.capacity as f64)));
        let sets = enrichment.sets().collect::<Vec<_>>();
        store.set_all(ids::SET_NETWORKS, sets.iter().map(|(name, networks)| ([*name], *networks as f64)));
        store.set(ids::SETS_LOADED, &[], enrichment.loaded_ns() as f64 / 1e9);
        measure(store);
        store.set(ids::SERIES, &[], (series + store.len()) as f64);
    }
}

/// Sets what the kernel says of this process. What it does not say is left out.
fn measure(store: &mut Store) {
    if let Ok(stat) = procfs::process::Process::myself().and_then(|process| process.stat()) {
        store.set(ids::PROCESS_RESIDENT, &[], (stat.rss * procfs::page_size()) as f64);
        store.set(ids::PROCESS_VIRTUAL, &[], stat.vsize as f64);
        store.set(ids::PROCESS_THREADS, &[], stat.num_threads as f64);
    }
    // The count of `procfs` has entries too many before Linux 6.2: `.`, `..` and its own handle.
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        store.set(ids::PROCESS_FILES, &[], files.count().saturating_sub(1) as f64);
    }
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if let Some(most) = limits.current {
        store.set(ids::PROCESS_MAX_FILES, &[], most as f64);
    }
    // /proc has it in hundredths of a second only.
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    store.set_total(ids::PROCESS_CPU, &[], used.tv_sec as f64 + used.tv_nsec as f64 / 1e9);
}

/// When this process was started, in seconds since the UNIX epoch.
fn process_start() -> Option<f64> {
    let ticks = procfs::process::Process::myself().and_then(|process| process.stat()).ok()?.starttime;
    let uptime = procfs::Uptime::current().ok()?.uptime;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    Some(now - uptime + ticks as f64 / procfs::ticks_per_second() as f64)
}
