//! The address manager: its tables and their changes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use event::pb::log_extractor::AddrmanAction;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{AddrManInfo, Addrman as Raw};
use event::{Body, Record};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use model::Observer;
use model::text::cut;
use networks::Enrichment;
use smol_str::SmolStr;

use super::names;
use super::node::{Context, Peers};
use super::peer::Details;
use super::series::SECOND;
use super::types::Types;

/// The maximum number of networks kept.
const MAX_NETWORKS: usize = 16;
/// The maximum number of network groups of sources that are counted, and that are kept.
const SOURCES: (usize, usize) = (20_000, 20);

/// Ranges of ages: the upper limit in seconds and the name.
pub(crate) const AGES: [(i64, &str); 6] = [
    (3_600, "< 1 h"),
    (86_400, "< 1 d"),
    (7 * 86_400, "< 7 d"),
    (30 * 86_400, "< 30 d"),
    (90 * 86_400, "< 90 d"),
    (i64::MAX, "≥ 90 d"),
];

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
    pub entries: Option<Entries>,
    pub changes: [u64; CHANGES.len()],
}

/// Statistics of a response of getrawaddrman.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// When it was answered, in nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// Number of entries: new, tried.
    pub total: [u64; 2],
    pub ages: [[u64; 2]; AGES.len()],
    /// Network groups from which the entries were received, with the number of entries, most first.
    pub sources: Vec<(String, u64)>,
    /// Number of autonomous systems that the entries are in.
    pub systems: Option<u64>,
}

impl Observer<Types, Details> for Addrman {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                Some(RpcEvent::AddrmanInfo(info)) => self.info(info, context.time_ns),
                Some(RpcEvent::Addrman(raw)) => self.raw(raw, context.enrichment, context.time_ns),
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

    /// Handles a response of getrawaddrman.
    fn raw(&mut self, raw: &Raw, enrichment: &Enrichment, time_ns: u64) {
        let now = i64::try_from(time_ns / SECOND).unwrap_or(i64::MAX);
        let mut entries = Entries { at_ns: time_ns, ..Entries::default() };
        let mut sources: HashMap<String, u64, RandomState> = HashMap::default();
        let mut systems: HashSet<u32, RandomState> = HashSet::default();
        for (table, buckets) in [&raw.new, &raw.tried].into_iter().enumerate() {
            for entry in buckets.values().flat_map(|bucket| bucket.entries.values()) {
                let age = now.saturating_sub(entry.time);
                let age = AGES.iter().position(|(most, _)| age < *most);
                if let Some(count) = age.and_then(|age| entries.ages.get_mut(age)).and_then(|ages| ages.get_mut(table))
                {
                    *count += 1;
                }
                if let Some(count) = entries.total.get_mut(table) {
                    *count += 1;
                }
                let group = group_of(&entry.source, &entry.source_network);
                if sources.len() < SOURCES.0 || sources.contains_key(&group) {
                    *sources.entry(group).or_default() += 1;
                }
                let ip: Option<IpAddr> = entry.address.parse().ok();
                let by_file = ip.and_then(|ip| enrichment.asn_of(ip));
                systems.extend(entry.mapped_as.or(by_file).filter(|asn| *asn != 0));
            }
        }
        entries.sources = sources.into_iter().collect();
        entries.sources.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        entries.sources.truncate(SOURCES.1);
        entries.systems = (!systems.is_empty()).then_some(systems.len() as u64);
        self.entries = Some(entries);
    }

    /// Counts a change that debug.log reported.
    fn changed(&mut self, action: AddrmanAction) {
        if let Some(count) = self.changes.get_mut(action as usize) {
            *count += 1;
        }
    }
}

/// The network group of an address: the /16 for IPv4, the /32 for IPv6, the name of the network for others. `network` is the node's name of it.
pub(crate) fn group_of(addr: &str, network: &str) -> String {
    match event::filter::ip_of_peer(addr, network) {
        Some(ip) => networks::group16(ip).to_string(),
        None if event::names::is_ip(network) => names::network_of_text(addr).to_owned(),
        None => event::names::network(network).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::group_of;

    #[test]
    fn the_network_decides_on_the_group() {
        for (addr, network, group) in [
            ("127.0.0.1:58000", "onion", "onion"),
            ("172.18.0.3:58000", "onion", "onion"),
            ("127.0.0.1:58000", "not_publicly_routable", "127.0.0.0/16"),
            ("192.0.2.1:8333", "ipv4", "192.0.0.0/16"),
            ("[fc00:1::7]:8333", "cjdns", "fc00::/12"),
            ("6hasakffvppilxgehrswmffqurlcjjjhd76jgvaqmsg6ul25s7t3rzyd.onion:8333", "unknown", "onion"),
            ("x.b32.i2p:0", "i2p", "i2p"),
        ] {
            assert_eq!(group_of(addr, network), group, "{addr} {network}");
        }
    }
}
