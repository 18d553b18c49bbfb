//! The outbound peers have something in common.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{Addrman, AddrmanEntry};
use model::{Change, Context, Observer, Peer, Peers};

use super::outbound::is_chosen;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{asn_of, begins_anew, polled, routed_ip};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Outbound peers whose gossip source is remembered.
const MAX_SOURCES: usize = 256;
/// Peers of one network of which the node would choose one only.
const OF_A_GROUP: usize = 3;

parameters! {
    /// Share of the outbound peers that are in one autonomous system, or whose addresses one subnet gossiped.
    share: 0.5, "share", 0.1..=1.0, "The largest system has a tenth of all nodes: five of ten by chance are one case in 600.";
    /// Share of them in one /16 of IPv4 or /32 of IPv6, if there are three at least.
    group_share: 0.3, "share", 0.1..=1.0, "A node chooses one peer of each such network, unless it has a map of autonomous systems.";
    /// Outbound peers that there must be.
    peers: 6.0, "peers", 2.0..=1e3, "A node has 10; of few peers several are soon in one place.";
}

/// Finds nodes whose outbound peers are in one hand.
pub(crate) struct OutboundConcentrated {
    me: Me,
    parameters: Parameters,
    /// Subnets from which the node heard of the addresses of outbound peers.
    sources: HashMap<IpAddr, IpAddr>,
}

impl Detector for OutboundConcentrated {
    const ROW: Row = Row {
        name: "outbound_concentrated",
        family: "eclipse",
        severity: Severity::Critical,
        title: "the outbound peers have one origin",
        sees: "Outbound peers that the node chose itself (full relay and block relay only): their autonomous systems (with an asmap \
               file, of ours or of the node), their networks (/16 of IPv4, /32 of IPv6), and from whom the node heard of their \
               addresses (getrawaddrman).",
        misses: "Peers behind Tor, I2P and CJDNS. One operator with addresses in many systems. Sources of addresses that the node \
                 connected to after its last answer to getrawaddrman.",
        timing: Timing { after: 60, hold: 120, warm_up: 300 },
        parameters: Parameters::ALL,
        related: &["outbound_replaced", "node_behind", "chain_split", "stale_tip"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), sources: HashMap::new() }
    }
}

/// What most of some items are, and how many of them are that.
fn most<T: Ord>(items: impl Iterator<Item = T>) -> Option<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count)
}

impl OutboundConcentrated {
    /// Notes from whom the node heard of its outbound peers.
    fn addrman(&mut self, addrman: &Addrman, peers: &Peers<Details>) {
        let chosen: Vec<IpAddr> = peers.open().filter(|peer| is_chosen(peer)).filter_map(|peer| peer.ip).collect();
        self.sources.retain(|ip, _| chosen.contains(ip));
        let buckets = addrman.new.values().chain(addrman.tried.values());
        for entry in buckets.flat_map(|bucket| bucket.entries.values()) {
            let Some((ip, source)) = source_of(entry) else { continue };
            if chosen.contains(&ip) && self.sources.len() < MAX_SOURCES {
                self.sources.insert(ip, networks::subnet(source));
            }
        }
    }
}

/// An address and who gossiped it. Not if that was the address itself, or a DNS seed, which has no address here.
fn source_of(entry: &AddrmanEntry) -> Option<(IpAddr, IpAddr)> {
    let (ip, source): (IpAddr, IpAddr) = (entry.address.parse().ok()?, entry.source.parse().ok()?);
    let is_other = source != ip && networks::special(source).is_none() && entry.source_network != "internal";
    is_other.then_some((ip, source))
}

impl Observer<Sink, Details> for OutboundConcentrated {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.sources.clear();
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, _: &mut Context<Sink>) {
        if let Some(RpcEvent::Addrman(addrman)) = polled(record) {
            self.addrman(addrman, peers);
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { share: most_share, group_share, peers: least } = self.parameters;
        let chosen: Vec<&Peer<Details>> = peers.open().filter(|peer| is_chosen(peer)).collect();
        let all = chosen.len() as f64;
        if all < least {
            return;
        }
        let ips = || chosen.iter().filter_map(|peer| routed_ip(peer));
        let by_as = most(chosen.iter().filter_map(|peer| asn_of(peer))).map(|(asn, count)| (Subject::As(asn), count));
        let by_group = most(ips().map(networks::group16)).and_then(|(group, count)| {
            let net = group.to_string().parse().ok()?;
            (count >= OF_A_GROUP).then_some((Subject::Subnet(net), count))
        });
        let by_source =
            most(ips().filter_map(|ip| self.sources.get(&ip))).map(|(source, count)| (Subject::subnet(*source), count));
        for (what, found, threshold) in [
            ("are_in", by_as, most_share),
            ("are_in", by_group, group_share),
            ("became_known_by", by_source, most_share),
        ] {
            let Some((subject, count)) = found else { continue };
            let share = count as f64 / all;
            let sentence = match what {
                "are_in" => "{share} of the outbound peers of a node, {count}, are in {subject}.",
                _ => "{share} of the outbound peers of a node, {count}, have addresses that {subject} gossiped.",
            };
            context.report(self.me, share / threshold, || {
                Finding::new(subject, sentence)
                    .compared("share", share, "share", threshold)
                    .number("count", count as f64, "")
                    .text("what", TextKind::Word, what)
            });
        }
    }
}
