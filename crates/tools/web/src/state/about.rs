//! What the node reports about itself: version, chain, process.

use event::pb::log_extractor::UpdateTip;
use event::pb::log_extractor::log::LogEvent;
use event::pb::observer::NodeProcess;
use event::pb::observer::observer::ObserverEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{BlockchainInfo, NetworkInfo};
use event::{Body, Record};
use model::Observer;
use model::bounds::SECOND;
use model::text::{Hash, cut, hash_of_text};
use smol_str::SmolStr;

use super::node::{Context, Peers};
use super::peer::Details;
use super::types::Types;

/// The maximum number of warnings kept, and of bytes of each.
const MAX_WARNINGS: (usize, usize) = (16, 500);
/// The maximum number of threads kept.
const MAX_THREADS: usize = 80;

/// What the node reports about itself.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub version: Option<SmolStr>,
    pub network_active: Option<bool>,
    pub connections: Option<(u32, u32)>,
    pub services: Vec<String>,
    pub local_addresses: Vec<SmolStr>,
    network_warnings: Vec<SmolStr>,
    pub chain: Option<SmolStr>,
    pub height: Option<u32>,
    pub headers: Option<u32>,
    pub best_block: Option<Hash>,
    /// The time in the header, in seconds since the UNIX epoch.
    pub best_block_time: Option<u32>,
    pub tip_changed_ns: Option<u64>,
    pub initial_block_download: Option<bool>,
    pub verification_progress: Option<f64>,
    pub difficulty: Option<f64>,
    pub size_on_disk: Option<u64>,
    pub pruned: Option<bool>,
    chain_warnings: Vec<SmolStr>,
    pub process: Option<Process>,
}

impl About {
    /// Handles a response of getnetworkinfo.
    fn network(&mut self, info: &NetworkInfo) {
        self.version = Some(cut(&info.subversion, 256)).filter(|version| !version.is_empty());
        self.network_active = Some(info.network_active);
        self.connections = Some((info.connections_in, info.connections_out));
        self.services = info.local_services_names.iter().take(64).map(|name| cut(name, 32).to_string()).collect();
        let addresses = info.local_addresses.iter().take(64);
        self.local_addresses =
            addresses.map(|local| SmolStr::new(join(&cut(&local.address, 128), local.port))).collect();
        self.network_warnings = warnings(&info.warnings);
    }

    /// Handles a response of getblockchaininfo.
    fn blockchain(&mut self, info: &BlockchainInfo, time_ns: u64) {
        self.chain = Some(cut(&info.chain, 32));
        self.headers = Some(info.headers);
        self.initial_block_download = Some(info.initialblockdownload);
        self.verification_progress = Some(info.verificationprogress);
        self.difficulty = Some(info.difficulty);
        self.size_on_disk = Some(info.size_on_disk);
        self.pruned = Some(info.pruned);
        self.chain_warnings = warnings(&info.warnings);
        if let Some(hash) = hash_of_text(&info.bestblockhash) {
            self.tip(hash, info.blocks, Some(info.time).filter(|time| *time > 0), time_ns);
        }
    }

    /// Handles an entry UpdateTip of debug.log. Those of a background chainstate are ignored.
    fn update_tip(&mut self, tip: &UpdateTip, time_ns: u64) {
        if !tip.background
            && let Some(hash) = hash_of_text(&tip.block_hash)
        {
            let time = event::time::parse_rfc3339(&tip.date).map(|time_ns| (time_ns / SECOND) as u32);
            self.tip(hash, tip.height, time, time_ns);
            self.verification_progress = Some(tip.progress);
        }
    }

    /// Records the present tip.
    fn tip(&mut self, hash: Hash, height: u32, time: Option<u32>, time_ns: u64) {
        if self.best_block != Some(hash) {
            // The first tip that is reported is no change.
            self.tip_changed_ns = self.best_block.is_some().then_some(time_ns);
            self.best_block_time = None;
        }
        self.best_block = Some(hash);
        self.best_block_time = time.or(self.best_block_time);
        self.height = Some(height);
        self.headers = self.headers.max(Some(height));
    }

    /// The node's warnings.
    pub fn warnings(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.network_warnings.iter().chain(&self.chain_warnings).map(ToString::to_string).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Observer<Types, Details> for About {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let time_ns = context.time_ns;
        match record.body() {
            Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                Some(RpcEvent::NetworkInfo(info)) => self.network(info),
                Some(RpcEvent::BlockchainInfo(info)) => self.blockchain(info, time_ns),
                _ => {}
            },
            Some(Body::LogExtractor(line)) => {
                if let Some(LogEvent::UpdateTip(tip)) = &line.log_event {
                    self.update_tip(tip, time_ns);
                }
            }
            Some(Body::Observer(observer)) => {
                if let Some(ObserverEvent::Process(process)) = &observer.observer_event {
                    self.process = Some(Process::read(process, time_ns, self.process.as_ref()));
                }
            }
            _ => {}
        }
    }
}

fn join(address: &str, port: u32) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn warnings(warnings: &[String]) -> Vec<SmolStr> {
    let warnings = warnings.iter().filter(|warning| !warning.is_empty()).take(MAX_WARNINGS.0);
    warnings.map(|warning| cut(warning, MAX_WARNINGS.1)).collect()
}

/// A disk with fewer bytes than this is filling up, as for the alert DiskLow.
const DISK_LOW: u64 = 10_000_000_000;

/// The node's process.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub at_ns: u64,
    pub resident: Option<u64>,
    /// Processor seconds used per second since the previous event.
    pub load: Option<f64>,
    pub threads: Vec<(SmolStr, f64)>,
    /// Bytes that are left on the file system of the data directory.
    pub disk_available: Option<u64>,
    /// Since when these are fewer than [`DISK_LOW`], or since when we know.
    pub disk_low_since_ns: Option<u64>,
    /// Process id, and start in nanoseconds since the UNIX epoch.
    identity: (u32, u64),
    cpu: Vec<(SmolStr, f64)>,
}

impl Process {
    /// Reads an event with the process, as its operating system reports it.
    fn read(reported: &NodeProcess, at_ns: u64, before: Option<&Self>) -> Self {
        let threads = reported.threads.iter().take(MAX_THREADS);
        let cpu: Vec<(SmolStr, f64)> = threads
            .map(|thread| (cut(&thread.name, 32), thread.cpu_user_seconds + thread.cpu_system_seconds))
            .collect();
        let disk_available = reported.filesystems.first().map(|system| system.available);
        let disk_low_since_ns = disk_available.is_some_and(|available| available < DISK_LOW).then(|| {
            let before = before.and_then(|before| before.disk_low_since_ns);
            before.map_or(at_ns, |since_ns| since_ns.min(at_ns))
        });
        let identity = (reported.pid, reported.started_ns);
        let before = before.filter(|before| before.identity == identity && at_ns > before.at_ns);
        let loads = before.map(|before| {
            let seconds = (at_ns - before.at_ns) as f64 / SECOND as f64;
            let used = |name: &SmolStr| before.cpu.iter().find(|(of, _)| of == name).map_or(0.0, |(_, used)| *used);
            let load = |(name, now): &(SmolStr, f64)| (name.clone(), ((now - used(name)) / seconds).max(0.0));
            cpu.iter().map(load).collect::<Vec<_>>()
        });
        let mut process = Self {
            at_ns,
            resident: reported.memory.as_ref().map(|memory| memory.resident),
            disk_available,
            disk_low_since_ns,
            identity,
            cpu,
            ..Self::default()
        };
        if let Some(mut threads) = loads {
            process.load = Some(threads.iter().map(|(_, load)| load).sum());
            threads.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            process.threads = threads;
        }
        process
    }
}
