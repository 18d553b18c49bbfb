//! Address gossip (addr, addrv2): the number of entries sent and received, their networks and ages.

use std::collections::VecDeque;

use event::message::{Address, AddressNetwork, Addresses as Entries, Message, Payload};
use event::pb::log_extractor::AddrProcessed;
use event::pb::log_extractor::log::LogEvent;
use event::{Body, Record};
use model::Observer;
use model::bounded::push;
use model::text::cut;
use networks::HyperLogLog;
use smol_str::SmolStr;

use super::names;
use super::node::{Context, Peers};
use super::peer::{Details, Peer};
use super::series::{Coverage, SECOND, Series};
use super::types::Types;

/// The maximum number of recent addresses kept.
const MAX_RECENT: usize = 100;
/// The maximum number of addresses kept of one message.
const MAX_OF_MESSAGE: usize = 10;
/// A timestamp that is ahead by more seconds counts as in the future. Bitcoin Core corrects those.
const AHEAD_SECONDS: i64 = 600;

/// Ranges of ages: the upper limit in seconds and the name.
pub(crate) const AGES: [(i64, &str); 7] = [
    (600, "< 10 min"),
    (3_600, "< 1 h"),
    (86_400, "< 1 d"),
    (3 * 86_400, "< 3 d"),
    (10 * 86_400, "< 10 d"),
    (30 * 86_400, "< 30 d"),
    (i64::MAX, "≥ 30 d"),
];
/// Ranges of the number of entries of a message: the upper limit and the name.
pub(crate) const SIZES: [(usize, &str); 6] =
    [(0, "0"), (1, "1"), (10, "2-10"), (100, "11-100"), (999, "101-999"), (usize::MAX, "≥ 1000")];

/// Address gossip of one node.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The period in which tracepoints reported messages.
    pub traced: Coverage,
    /// The period in which debug.log reported processed entries.
    pub log_coverage: Coverage,
    /// Number of messages and of entries: inbound, outbound.
    pub messages: [u64; 2],
    pub entries: [u64; 2],
    pub own: u64,
    pub future: u64,
    pub reserved: u64,
    pub old: u64,
    pub processed: u64,
    pub limited: u64,
    /// Number of messages and entries received, as reported by debug.log.
    pub logged_messages: u64,
    pub logged: u64,
    pub logged_series: Series,
    pub unique: HyperLogLog,
    pub series: [Series; 2],
    pub limited_series: Series,
    /// Number of entries by network: inbound, outbound.
    pub networks: [[u64; 2]; AddressNetwork::ALL.len()],
    pub ages: [u64; AGES.len()],
    pub sizes: [u64; SIZES.len()],
    pub slash8: Box<[u64; 256]>,
    /// Number of received entries in each /16 of IPv4, at most 255.
    pub slash16: Box<[u8]>,
    pub recent: VecDeque<Recent>,
}

/// An entry of an address message.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    pub at_ns: u64,
    pub peer: u64,
    pub inbound: bool,
    pub addr: SmolStr,
    pub network: &'static str,
    pub services: u64,
    pub timestamp: u32,
    pub own: bool,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            traced: Coverage::default(),
            log_coverage: Coverage::default(),
            messages: [0; 2],
            entries: [0; 2],
            own: 0,
            future: 0,
            reserved: 0,
            old: 0,
            processed: 0,
            limited: 0,
            logged_messages: 0,
            logged: 0,
            logged_series: Series::sum(),
            unique: HyperLogLog::default(),
            series: [Series::sum(), Series::sum()],
            limited_series: Series::sum(),
            networks: [[0; 2]; AddressNetwork::ALL.len()],
            ages: [0; AGES.len()],
            sizes: [0; SIZES.len()],
            slash8: Box::new([0; 256]),
            slash16: vec![0; 65_536].into_boxed_slice(),
            recent: VecDeque::new(),
        }
    }
}

impl Observer<Types, Details> for Addresses {
    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        let time_ns = context.time_ns;
        self.traced.note(time_ns);
        match message.payload {
            Payload::Addr(entries) | Payload::AddrV2(entries) => {
                self.counted(message.inbound, entries.count(), peer, time_ns);
                self.entries_of(entries, message.inbound, peer, time_ns);
            }
            Payload::EmptyAddrV2 => self.counted(message.inbound, 0, peer, time_ns),
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        if let Some(Body::LogExtractor(line)) = record.body()
            && let Some(LogEvent::AddrProcessed(processed)) = &line.log_event
        {
            self.logged(processed, peers.get_mut(processed.peer_id), context.time_ns);
        }
    }
}

impl Addresses {
    fn counted(&mut self, inbound: bool, count: usize, peer: &mut Peer, time_ns: u64) {
        let (side, many) = (usize::from(!inbound), count as u64);
        if let (Some(messages), Some(entries), Some(series)) =
            (self.messages.get_mut(side), self.entries.get_mut(side), self.series.get_mut(side))
        {
            *messages += 1;
            *entries = entries.saturating_add(many);
            series.add(time_ns, many as f64);
        }
        if !inbound {
            peer.details.addresses.sent = peer.details.addresses.sent.saturating_add(many);
            return;
        }
        peer.details.addresses.messages += 1;
        peer.details.addresses.received = peer.details.addresses.received.saturating_add(many);
        peer.details.addresses.last_ns = time_ns;
        let size = SIZES.iter().position(|(most, _)| count <= *most);
        if let Some(size) = size.and_then(|size| self.sizes.get_mut(size)) {
            *size += 1;
        }
    }

    fn entries_of(&mut self, entries: Entries, inbound: bool, peer: &mut Peer, time_ns: u64) {
        let now = i64::try_from(time_ns / SECOND).unwrap_or(i64::MAX);
        let side = usize::from(!inbound);
        // An inbound peer through Tor has the address of the proxy.
        let is_own_address = peer.ip.is_some() || event::filter::ip_of(&peer.addr).is_none();
        for (index, entry) in entries.enumerate() {
            if let Some(count) = self.networks.get_mut(entry.network as usize).and_then(|sides| sides.get_mut(side)) {
                *count += 1;
            }
            let own = inbound && is_own_address && !entry.bytes.is_empty() && entry.text() == names::host(&peer.addr);
            if inbound {
                self.received(&entry, own, peer, now);
            }
            if index < MAX_OF_MESSAGE {
                push(&mut self.recent, Recent::of(&entry, own, inbound, peer.id, time_ns), MAX_RECENT);
            }
        }
    }

    fn received(&mut self, entry: &Address, own: bool, peer: &mut Peer, now: i64) {
        self.unique.add((entry.bytes, entry.port));
        if own {
            self.own += 1;
            peer.details.addresses.own += 1;
        }
        let age = now.saturating_sub(entry.timestamp.into());
        if age < -AHEAD_SECONDS {
            self.future += 1;
        } else if let Some(count) = AGES.iter().position(|(most, _)| age < *most).and_then(|at| self.ages.get_mut(at)) {
            *count += 1;
        }
        self.old += u64::from(age >= 30 * 86_400);
        let Some(ip) = entry.ip() else { return };
        self.reserved += u64::from(entry.network != AddressNetwork::Cjdns && networks::special(ip).is_some());
        if let std::net::IpAddr::V4(ip) = ip {
            let [a, b, ..] = ip.octets();
            if let Some(count) = self.slash8.get_mut(usize::from(a)) {
                *count += 1;
            }
            if let Some(count) = self.slash16.get_mut(usize::from(u16::from_be_bytes([a, b]))) {
                *count = count.saturating_add(1);
            }
        }
    }

    /// Handles an entry of debug.log with the number of processed and rate-limited entries of a message.
    fn logged(&mut self, entry: &AddrProcessed, peer: Option<&mut Peer>, time_ns: u64) {
        self.log_coverage.note(time_ns);
        let (processed, limited) = (u64::from(entry.processed), u64::from(entry.rate_limited));
        self.processed = self.processed.saturating_add(processed);
        self.limited = self.limited.saturating_add(limited);
        self.limited_series.add(time_ns, limited as f64);
        self.logged = self.logged.saturating_add(entry.total.into());
        self.logged_series.add(time_ns, entry.total.into());
        self.logged_messages += 1;
        if let Some(peer) = peer {
            peer.details.addresses.logged = peer.details.addresses.logged.saturating_add(processed);
            peer.details.addresses.logged_limited = peer.details.addresses.logged_limited.saturating_add(limited);
        }
    }
}

impl Recent {
    fn of(entry: &Address, own: bool, inbound: bool, peer: u64, at_ns: u64) -> Self {
        let addr = match entry.network {
            AddressNetwork::Unknown => String::new(),
            _ if entry.text().contains(':') => format!("[{}]:{}", entry.text(), entry.port),
            _ => format!("{}:{}", entry.text(), entry.port),
        };
        Self {
            at_ns,
            peer,
            inbound,
            addr: cut(&addr, 128),
            network: names::network_of_address(entry.network),
            services: entry.services,
            timestamp: entry.timestamp,
            own,
        }
    }
}
