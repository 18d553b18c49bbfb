//! What addr and addrv2 messages bring: how much, how new, of which networks.

use event::message::{self, AddressNetwork, Message, Payload};
use event::names;
use event::pb::rpc_extractor::PeerInfos;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Record, pb::log_extractor::log::LogEvent};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use networks::{HyperLogLog, special};

use super::{SECOND, log_entry, rpc};
use crate::fold::{Context, Observer, Origin, Peer, Peers};
use crate::ids;
use crate::store::Store;
use model::Change;
use model::bounded::RecentMap;

/// So long after a getaddr, addresses are its answer.
const SOLICITED_NS: u64 = 300 * SECOND;

/// So many seconds are clocks allowed to differ.
const FUTURE_SECONDS: u64 = 10;

const NETWORKS: usize = AddressNetwork::ALL.len();

/// Addresses that peers gossip.
#[derive(Debug)]
pub(super) struct Addresses {
    /// When a peer was asked for addresses, or asked for them.
    getaddr: RecentMap<u64>,
    day: Window,
    hour: Window,
    polled: Option<Polled>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            getaddr: RecentMap::new(4_096, SOLICITED_NS),
            day: Window::new(86_400),
            hour: Window::new(3_600),
            polled: None,
        }
    }
}

/// Entries of one message that have the same labels.
#[derive(Default)]
struct Counts {
    networks: [u32; NETWORKS],
    future: u32,
}

impl Addresses {
    fn entries(&mut self, entries: message::Addresses, message: &Message, context: &mut Context) {
        let now_ns = context.time_ns;
        let asked = self.getaddr.get_mut(self.getaddr.key((message.peer, !message.inbound))).copied();
        let solicited = asked.is_some_and(|asked_ns| now_ns.saturating_sub(asked_ns) <= SOLICITED_NS);
        let direction = names::direction(message.inbound);
        let latest = now_ns / SECOND + FUTURE_SECONDS;
        if message.inbound {
            self.day.roll(now_ns);
            self.hour.roll(now_ns);
        }
        let mut counts = Counts::default();
        for entry in entries {
            let network = entry.network as usize;
            if let Some(count) = counts.networks.get_mut(network) {
                *count += 1;
            }
            counts.future += u32::from(u64::from(entry.timestamp) > latest);
            if let Some(range) = entry.ip().and_then(special) {
                context.sink.inc(ids::ADDR_SPECIAL, &[range.name(), direction]);
            }
            if message.inbound {
                self.day.add(network, entry.bytes);
                self.hour.add(network, entry.bytes);
            }
        }
        let solicited = if solicited { "true" } else { "false" };
        for (network, count) in AddressNetwork::ALL.iter().zip(counts.networks).filter(|(_, count)| *count > 0) {
            let labels = [names::network_of_address(*network), direction, solicited];
            context.sink.add(ids::ADDR_ENTRIES, &labels, count.into());
        }
        if counts.future > 0 {
            context.sink.add(ids::ADDR_FUTURE, &[direction], counts.future.into());
        }
    }

    /// Adds what the node processed since the last poll. What peers sent before the first one was not seen.
    fn polled(&mut self, infos: &PeerInfos, store: &mut Store) {
        let now = Polled::of(infos);
        if let Some(before) = &self.polled {
            let (processed, limited) = now.since(before);
            store.add(ids::ADDR_PROCESSED, &[], processed as f64);
            store.add(ids::ADDR_RATE_LIMITED, &[], limited as f64);
        }
        self.polled = Some(now);
    }
}

impl Observer<Store> for Addresses {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        match origin {
            Origin::PeerInfos => {
                [ids::ADDR_PROCESSED, ids::ADDR_RATE_LIMITED].iter().for_each(|id| store.add(*id, &[], 0.0));
            }
            Origin::Messages => {
                store.add(ids::GETADDR_SENT, &[], 0.0);
                for inbound in [true, false] {
                    store.add(ids::ADDR_FUTURE, &[names::direction(inbound)], 0.0);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, message: &Message, _: &mut Peer, context: &mut Context) {
        match message.payload {
            Payload::GetAddr => {
                let key = self.getaddr.key((message.peer, message.inbound));
                self.getaddr.put(key, context.time_ns, context.time_ns);
                if !message.inbound {
                    context.sink.inc(ids::GETADDR_SENT, &[]);
                }
            }
            Payload::Addr(entries) | Payload::AddrV2(entries) => self.entries(entries, message, context),
            _ => {}
        }
    }

    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, _: &mut Context) {
        if let Change::TracepointsRestarted = change {
            self.getaddr.clear();
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(RpcEvent::PeerInfos(infos)) = rpc(record) {
            self.polled(infos, context.sink);
        }
        if let Some(LogEvent::AddrmanChange(change)) = log_entry(record) {
            let action = change.action().as_str_name().to_ascii_lowercase();
            context.sink.inc(ids::ADDRMAN_CHANGES, &[&action]);
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        let now_ns = context.time_ns;
        self.getaddr.turn(now_ns);
        self.day.roll(now_ns);
        self.hour.roll(now_ns);
        let day = context.origins.has(Origin::Messages).then(|| self.day.estimates());
        show(day.as_ref(), "day", context.sink);
        show(self.day.last.as_ref(), "last_day", context.sink);
        show(self.hour.last.as_ref(), "hour", context.sink);
    }
}

/// Estimates by network, and of all. None of networks without any address.
type Estimates = [Option<f64>; NETWORKS + 1];

fn show(estimates: Option<&Estimates>, window: &str, store: &mut Store) {
    let names = AddressNetwork::ALL.iter().map(|network| names::network_of_address(*network)).chain(["all"]);
    for (at, name) in names.enumerate() {
        match estimates.and_then(|estimates| estimates.get(at).copied().flatten()) {
            Some(estimate) => store.set(ids::ADDR_UNIQUE, &[name, window], estimate.round()),
            None => store.remove(ids::ADDR_UNIQUE, &[name, window]),
        }
    }
}

/// Different addresses within a day or an hour of UTC.
#[derive(Debug)]
struct Window {
    length_ns: u64,
    number: u64,
    /// Since when they are counted.
    since_ns: Option<u64>,
    networks: [Option<HyperLogLog>; NETWORKS],
    /// Of the window before, if it was watched as a whole.
    last: Option<Estimates>,
}

impl Window {
    fn new(seconds: u64) -> Self {
        Self { length_ns: seconds * SECOND, number: 0, since_ns: None, networks: Default::default(), last: None }
    }

    fn add(&mut self, network: usize, address: &[u8]) {
        if let Some(count) = self.networks.get_mut(network) {
            count.get_or_insert_default().add((network, address));
        }
    }

    /// Begins the window of this time, if it is a new one.
    fn roll(&mut self, now_ns: u64) {
        let number = now_ns / self.length_ns;
        let since_ns = *self.since_ns.get_or_insert(now_ns);
        if number <= self.number {
            return;
        }
        // Nearly all of it is enough.
        let whole = since_ns <= (self.number * self.length_ns).saturating_add(self.length_ns / 60);
        self.last = (number == self.number + 1 && whole).then(|| self.estimates());
        self.number = number;
        self.networks = Default::default();
    }

    fn estimates(&self) -> Estimates {
        let mut estimates = [None; NETWORKS + 1];
        let mut all = HyperLogLog::default();
        for (estimate, network) in estimates.iter_mut().zip(&self.networks) {
            if let Some(network) = network {
                *estimate = Some(network.estimate());
                all.merge(network);
            }
        }
        if let Some(last) = estimates.last_mut() {
            *last = Some(all.estimate());
        }
        estimates
    }
}

/// How many addresses were processed and rate-limited, by peer id and when it connected.
#[derive(Debug)]
struct Polled(HashMap<(u32, i64), (u64, u64), FixedState>);

impl Polled {
    fn of(infos: &PeerInfos) -> Self {
        let by_peer = infos.infos.iter().map(|i| ((i.id, i.connection_time), (i.addr_processed, i.addr_rate_limited)));
        Self(by_peer.collect())
    }

    fn since(&self, before: &Self) -> (u64, u64) {
        self.0.iter().fold((0_u64, 0_u64), |(processed, limited), (peer, now)| {
            let before = before.0.get(peer).copied().unwrap_or_default();
            let grown = |now: u64, before: u64| now.saturating_sub(before);
            (processed.saturating_add(grown(now.0, before.0)), limited.saturating_add(grown(now.1, before.1)))
        })
    }
}
