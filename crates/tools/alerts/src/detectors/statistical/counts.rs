//! What is counted of a node, each minute, for whatever is watched.

use event::message::{Message, Payload};
use event::names::{CONNECTION_TYPES, NETWORKS};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Kind, Record, message_types};
use model::bounds::SECOND;
use model::{Change, Context, Origin, Peer, Peers};

use super::watch::{Level, Rate};
use crate::detectors::Details;
use crate::detectors::addresses::gossip;
use crate::noted::polled;
use crate::sink::Sink;
use crate::statistics::median;

/// Types of messages, and one for all others.
pub(super) const TYPES: usize = message_types::ALL.len() + 1;
const KINDS: usize = Kind::ALL.len();
/// Bytes of an entry of an inv.
const ENTRY: u64 = 36;
/// A number that is polled counts for so long.
const FRESH_NS: u64 = 600 * SECOND;
/// Peers of which the pings have a median.
const PEERS: usize = 5;

/// How old gossiped addresses are, by the times that they come with: what those are called that are not older than so many seconds.
const AGES: [(&str, u64); 8] = [
    ("in_the_future", 0),
    ("ten_minutes", 600),
    ("an_hour", 3_600),
    ("six_hours", 21_600),
    ("a_day", 86_400),
    ("a_week", 604_800),
    ("a_month", 2_592_000),
    ("older", u64::MAX),
];
/// Clocks of others may be ahead by so much, in seconds.
const AHEAD: u64 = 60;

/// What was counted since the last minute, and the last numbers that were polled.
#[derive(Debug)]
pub(super) struct Counts {
    pub received: [f64; TYPES],
    pub sent: [f64; TYPES],
    bytes: [f64; 2],
    addresses: f64,
    ages: [f64; AGES.len()],
    announced: f64,
    transactions: f64,
    inbound: f64,
    networks: [f64; NETWORKS.len()],
    types: [f64; CONNECTION_TYPES.len()],
    closed: f64,
    evictions: f64,
    misbehaviours: f64,
    events: [f64; KINDS],
    /// Kinds of events that were ever seen: of the others it is not known whether anything reports them.
    seen: [bool; KINDS],
    /// When each number was polled, and what it was.
    polled: [Option<(u64, f64)>; Level::COUNT],
    /// The smallest target of fee estimates.
    target: u32,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            received: [0.0; TYPES],
            sent: [0.0; TYPES],
            bytes: [0.0; 2],
            addresses: 0.0,
            ages: [0.0; AGES.len()],
            announced: 0.0,
            transactions: 0.0,
            inbound: 0.0,
            networks: [0.0; NETWORKS.len()],
            types: [0.0; CONNECTION_TYPES.len()],
            closed: 0.0,
            evictions: 0.0,
            misbehaviours: 0.0,
            events: [0.0; KINDS],
            seen: [false; KINDS],
            polled: [None; Level::COUNT],
            target: u32::MAX,
        }
    }
}

/// The extractor whose silence means that nothing is known of the rate of a kind; none if its rate says nothing.
pub(super) fn source(kind: Kind) -> Option<&'static str> {
    if kind == Kind::Message { None } else { model::liveness::source_of(kind) }
}

fn add(counts: &mut [f64], index: usize) {
    counts.get_mut(index).into_iter().for_each(|count| *count += 1.0);
}

fn index(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).unwrap_or(names.len())
}

impl Counts {
    #[inline]
    pub fn message(&mut self, message: &Message, peer: &Peer<Details>, now_ns: u64) {
        if peer.own {
            return;
        }
        let known = message_types::ALL.iter().position(|known| known.name == message.message_type);
        let index = known.unwrap_or(TYPES - 1);
        let [received, sent] = &mut self.bytes;
        if !message.inbound {
            *sent += message.size as f64;
            return add(&mut self.sent, index);
        }
        *received += message.size as f64;
        add(&mut self.received, index);
        match message.payload {
            Payload::Inv(items) if items.clone().next().is_some_and(|(item, _)| item.is_tx()) => {
                self.announced += (message.size / ENTRY) as f64;
            }
            Payload::Tx(_) => self.transactions += 1.0,
            Payload::Addr(_) | Payload::AddrV2(_) => {
                let now = now_ns / SECOND;
                for address in gossip(message, peer).into_iter().flatten() {
                    let age = (now + AHEAD).saturating_sub(address.timestamp.into());
                    let place = AGES.iter().position(|(_, most)| age <= *most);
                    add(&mut self.ages, place.unwrap_or_default());
                    self.addresses += 1.0;
                }
            }
            _ => {}
        }
    }

    /// How many gossiped addresses were of each age, by its name.
    pub fn ages(&self) -> impl Iterator<Item = (&'static str, f64)> {
        AGES.into_iter().map(|(name, _)| name).zip(self.ages)
    }

    pub fn change(&mut self, change: &Change, peers: &Peers<Details>) {
        match change {
            Change::PeerOpened { id } => {
                let Some(peer) = peers.get(*id).filter(|peer| !peer.own) else { return };
                if peer.inbound == Some(true) {
                    self.inbound += 1.0;
                    add(&mut self.networks, index(&NETWORKS, peer.network));
                } else {
                    add(&mut self.types, index(&CONNECTION_TYPES, peer.connection_type));
                }
            }
            Change::PeerClosed { .. } => self.closed += 1.0,
            Change::PeerEvicted { .. } => self.evictions += 1.0,
            Change::PeerMisbehaved { .. } => self.misbehaviours += 1.0,
            _ => {}
        }
    }

    pub fn event(&mut self, record: &Record, context: &Context<Sink>) {
        let kind = record.envelope().kind;
        add(&mut self.events, kind as usize);
        self.seen.get_mut(kind as usize).into_iter().for_each(|seen| *seen = true);
        let mut set = |level: Level, value: f64| {
            let place = self.polled.get_mut(level as usize);
            place.into_iter().for_each(|place| *place = Some((context.time_ns, value)));
        };
        match polled(record) {
            Some(RpcEvent::MempoolInfo(info)) if info.loaded => {
                set(Level::MempoolTransactions, info.size as f64);
                set(Level::MempoolMemory, info.usage as f64);
            }
            Some(RpcEvent::OrphanTxs(orphans)) => set(Level::OrphanTransactions, orphans.orphans.len() as f64),
            Some(RpcEvent::AddrmanInfo(info)) => {
                if let Some(all) = info.networks.get("all_networks") {
                    set(Level::NewAddresses, all.new as f64);
                    set(Level::TriedAddresses, all.tried as f64);
                }
            }
            Some(RpcEvent::EstimateSmartFee(fee)) if fee.requested_blocks <= self.target => {
                if let Some(rate) = fee.fee_rate {
                    set(Level::FeeEstimate, rate * 1e8);
                }
                self.target = fee.requested_blocks;
            }
            _ => {}
        }
    }

    /// How much of something there was in the minute; none if that is not known.
    pub fn rate(&self, rate: Rate, context: &Context<Sink>) -> Option<f64> {
        let traced = |origin| context.origins.has(origin) && context.liveness.is_up("ebpf");
        let messages = |value: f64| traced(Origin::Messages).then_some(value);
        let connections = |value: f64| {
            let is_known =
                traced(Origin::Connections) || context.origins.has(Origin::LogNet) && context.liveness.is_up("log");
            is_known.then_some(value)
        };
        match rate {
            Rate::Received(index) => messages(*self.received.get(index)?),
            Rate::Sent(index) => messages(*self.sent.get(index)?),
            Rate::BytesReceived => messages(self.bytes[0]),
            Rate::BytesSent => messages(self.bytes[1]),
            Rate::Addresses => messages(self.addresses),
            Rate::AnnouncementsPerTransaction if self.transactions > 0.0 => {
                messages(self.announced / self.transactions)
            }
            Rate::AnnouncementsPerTransaction => None,
            Rate::Inbound => connections(self.inbound),
            Rate::InboundOf(index) => connections(*self.networks.get(index)?),
            Rate::Outbound(index) => connections(*self.types.get(index)?),
            Rate::Closed => connections(self.closed),
            Rate::Evictions => connections(self.evictions),
            Rate::Misbehaviours => connections(self.misbehaviours),
            Rate::Events(kind) => {
                let is_known = *self.seen.get(kind as usize)? && context.liveness.is_up(source(kind)?);
                is_known.then_some(*self.events.get(kind as usize)?)
            }
        }
    }

    /// A number as it is now; none if it is not known.
    pub fn level(&self, level: Level, peers: &Peers<Details>, context: &Context<Sink>) -> Option<f64> {
        if !context.liveness.is_up("rpc") {
            return None;
        }
        let of = |inbound: bool| {
            let is_known = context.origins.has(Origin::PeerInfos);
            is_known.then(|| peers.open().filter(|peer| peer.inbound == Some(inbound) && !peer.own).count() as f64)
        };
        match level {
            Level::InboundPeers => of(true),
            Level::OutboundPeers => of(false),
            Level::Ping => {
                let pings = peers.open().filter_map(|peer| peer.polled.as_ref()).map(|polled| polled.ping * 1e3);
                let pings: Vec<f64> = pings.filter(|ping| *ping > 0.0).collect();
                (pings.len() >= PEERS).then(|| median(pings))
            }
            level => {
                let (at_ns, value) = (*self.polled.get(level as usize)?)?;
                (context.time_ns.saturating_sub(at_ns) <= FRESH_NS).then_some(value)
            }
        }
    }

    /// Begins the next minute.
    pub fn next(&mut self) {
        let Self { seen, polled, target, .. } = *self;
        *self = Self { seen, polled, target, ..Self::default() };
    }
}
