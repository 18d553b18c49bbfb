//! The address manager: its tables and their changes.

pub(crate) mod columns;
pub(crate) mod entries;
pub(crate) mod tables;

use std::collections::BTreeMap;

use event::pb::log_extractor::AddrmanAction;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{AddrManInfo, NetworkInfo};
use event::{Body, Record};
use model::Observer;
use model::text::cut;
use smol_str::SmolStr;

use super::node::{Context, Peers};
use super::peer::Details;
use super::types::Types;
pub(crate) use entries::{AGES, Entries, group_of};
use tables::{Made, Tables};

/// The maximum number of networks kept.
const MAX_NETWORKS: usize = 16;

/// Names of changes, by the number of their [`AddrmanAction`].
pub(crate) const CHANGES: [&str; 6] =
    ["added_to_new", "moved_to_tried", "collision", "replaced_in_tried", "removed_from_new", "moved_to_new"];

/// The address manager of one node.
#[derive(Debug, Default)]
pub(crate) struct Addrman {
    /// Number of addresses by network: new, tried, sum.
    pub networks: BTreeMap<SmolStr, (u64, u64, u64)>,
    /// When getaddrmaninfo last answered, in nanoseconds since the UNIX epoch; 0 if it did not.
    pub networks_ns: u64,
    /// Whether the node can reach a network, by getnetworkinfo.
    pub reachable: BTreeMap<SmolStr, bool>,
    /// Statistics of the last response of getrawaddrman.
    pub entries: Option<Entries>,
    /// The last responses of getrawaddrman.
    pub tables: Tables,
    pub changes: [u64; CHANGES.len()],
}

impl Observer<Types, Details> for Addrman {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                Some(RpcEvent::AddrmanInfo(info)) => self.info(info, context.time_ns),
                Some(RpcEvent::NetworkInfo(info)) => self.reached(info),
                _ => {}
            },
            Some(Body::LogExtractor(line)) => {
                if let Some(LogEvent::AddrmanChange(change)) = &line.log_event {
                    self.changed(change.action());
                }
            }
            _ => {}
        }
    }
}

impl Addrman {
    /// Handles a response of getaddrmaninfo.
    fn info(&mut self, info: &AddrManInfo, time_ns: u64) {
        self.networks_ns = time_ns;
        let networks = info.networks.iter().filter(|(name, _)| *name != "all_networks").take(MAX_NETWORKS);
        self.networks = networks.map(|(name, of)| (cut(name, 32), (of.new, of.tried, of.total))).collect();
    }

    /// Handles a response of getnetworkinfo.
    fn reached(&mut self, info: &NetworkInfo) {
        let networks = info.networks.iter().take(MAX_NETWORKS);
        self.reachable = networks.map(|network| (cut(&network.name, 32), network.reachable)).collect();
    }

    /// Keeps what was made of a response of getrawaddrman.
    pub fn keep(&mut self, made: Made) {
        if self.entries.as_ref().is_none_or(|before| before.at_ns <= made.entries.at_ns) {
            self.entries = Some(made.entries);
        }
        self.tables.keep(made.snapshot);
    }

    /// Counts a change that debug.log reported.
    fn changed(&mut self, action: AddrmanAction) {
        if let Some(count) = self.changes.get_mut(action as usize) {
            *count += 1;
        }
    }
}
